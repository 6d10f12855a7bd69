"""The table of a model's layers: shapes, parameters, operations. Nothing is computed to make it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from ..autograd.mode import no_grad
from ..creation import zeros
from ..errors import shape_text
from ..nn import Module
from ..nn.global_hooks import register_module_forward_hook, register_module_forward_pre_hook
from ..tensor import Tensor
from .batches import called_with, structure
from .flops import counted
from .modes import evaluating
from .progress import width


@dataclass
class Row:
    """One call of a module. Parameters are those of the module itself, not of those inside it."""

    path: str
    kind: str
    depth: int
    input: str
    parameters: int = 0
    trainable: int = 0
    again: bool = False  # the module was called before, and its parameters are counted there
    output: str = ""
    activations: int = 0  # bytes of its results
    flops: int = 0  # of itself
    inside: list[Row] = field(default_factory=list)

    def total(self, name: str) -> int:
        """The sum over the module and those called inside of it."""
        return getattr(self, name) + sum(row.total(name) for row in self.inside)

    def walk(self) -> Iterator[Row]:
        """The row and all inside of it, in the order of the calls."""
        yield self
        for row in self.inside:
            yield from row.walk()


@dataclass
class Summary:
    """What `summary` found; printing it shows the table.

    rows: in the order of the calls; parameters and trainable: numbers, shared ones counted once;
    parameter_bytes, buffer_bytes; activation_bytes: of the results of modules without modules inside;
    flops: twice the multiply-adds.
    """

    top: Row
    parameters: int
    trainable: int
    parameter_bytes: int
    buffer_bytes: int
    depth: int

    @property
    def rows(self) -> list[Row]:
        return list(self.top.walk())

    @property
    def flops(self) -> int:
        return self.top.total("flops")

    @property
    def macs(self) -> int:
        return self.flops // 2

    @property
    def activation_bytes(self) -> int:
        return sum(row.activations for row in self.rows if not row.inside)

    def __str__(self) -> str:
        header = ("layer", "output", "parameters", "FLOPs")
        lines = [header, *(_cells(row, self.depth) for row in self.rows if row.depth <= self.depth)]
        sizes = [max(width(line[k]) for line in lines) for k in range(len(header))]
        rule = "─" * (sum(sizes) + 3 * len(sizes) - 3)
        shown = [_line(line, sizes) for line in lines]
        return "\n".join([shown[0], rule, *shown[1:], rule, *self.footer()])

    def footer(self) -> list[str]:
        """The lines below the table."""
        fixed = self.parameters - self.trainable
        frozen = f", {fixed:,} of them not trained" if fixed else ""
        memory = f"memory: parameters {size(self.parameter_bytes)}, activations {size(self.activation_bytes)}"
        buffers = f", buffers {size(self.buffer_bytes)}" if self.buffer_bytes else ""
        return [
            f"{self.parameters:,} parameters{frozen}",
            f"{self.flops:,} FLOPs = {self.macs:,} multiply-adds",
            f"{memory}{buffers}",
        ]


def _cells(row: Row, depth: int) -> tuple[str, ...]:
    """A row's cells; the deepest that are shown hold what is inside of them."""
    name = row.path.rpartition(".")[2]
    label = f"{'  ' * row.depth}{name + ': ' if name else ''}{row.kind}"
    folded = row.depth == depth
    parameters = row.total("parameters") if folded else row.parameters
    flops = row.total("flops") if folded or not row.inside else row.flops
    count = "shared" if row.again else f"{parameters:,}" if parameters else "-"
    return label, row.output, count, f"{flops:,}" if flops else "-"


def _line(cells: tuple[str, ...], sizes: list[int]) -> str:
    padded = [
        (cell + " " * (n - width(cell))) if k < 2 else (" " * (n - width(cell)) + cell)
        for k, (cell, n) in enumerate(zip(cells, sizes, strict=True))
    ]
    return "   ".join(padded).rstrip()


def size(count: int) -> str:
    """Bytes as 512 B, 1.5 KiB, 3.2 MiB."""
    amount, unit = float(count), "B"
    for unit in ("B", "KiB", "MiB", "GiB", "TiB"):
        if amount < 1024 or unit == "TiB":
            break
        amount /= 1024
    return f"{count} B" if unit == "B" else f"{amount:.1f} {unit}"


def summary(
    model: Module,
    input: Any = None,
    *,
    input_size: Any = None,
    dtype: Any = None,
    depth: int = 3,
) -> Summary:
    """A printable table of the modules that model(input) calls: output shapes, parameters, FLOPs, memory.

    input: a tensor, a tuple of arguments or a dict of keyword arguments; only shapes and dtypes matter. Or
    input_size: the shape of one input, batch included, or a list of shapes, of numbers of `dtype`. Modules
    deeper than `depth` are counted in those that hold them. The model is in eval mode meanwhile; nothing is
    computed, nothing changed. What the model raises names the module that it comes from, and its inputs.
    """
    if (input is None) == (input_size is None):
        raise ValueError("summary: give an input, or input_size=(batch, ...), and not both")
    given = _of_sizes(input_size, dtype) if input is None else input
    calls = _Calls(model)
    batch = called_with(given)
    args, kwargs = counted((batch.args, batch.kwargs), calls.count)
    with no_grad(), evaluating(model), calls.noted():
        model(*args, **kwargs)
    calls.settle(model)
    owned = list(model.parameters())
    return Summary(
        calls.top,
        sum(p.numel() for p in owned),
        sum(p.numel() for p in owned if p.requires_grad),
        sum(map(_bytes, owned)),
        sum(map(_bytes, model.buffers())),
        depth,
    )


def _of_sizes(input_size: Any, dtype: Any) -> tuple[Tensor, ...]:
    sizes = [input_size] if all(isinstance(n, int) for n in input_size) else list(input_size)
    return tuple(zeros(tuple(shape), dtype=dtype, device="meta") for shape in sizes)


class _Calls:
    """Notes the calls of modules as rows, and what each computes."""

    def __init__(self, model: Module) -> None:
        self.paths = {id(module): path for path, module in model.named_modules()}
        self.open: list[Row] = []
        self.seen: set[int] = set()  # modules and parameters

    @contextmanager
    def noted(self) -> Iterator[None]:
        """Have all calls of modules come here, and exceptions say which call they come from."""
        hooks = [register_module_forward_pre_hook(self.enter), register_module_forward_hook(self.leave)]
        try:
            yield
        except Exception as error:
            if self.open:
                row = self.open[-1]
                error.add_note(f"summary: in {row.path or 'the model'} ({row.kind}), called with {row.input}")
            raise
        finally:
            for hook in hooks:
                hook.remove()

    def enter(self, module: Module, args: Any) -> None:
        """A module is called."""
        path, kind = self.paths.get(id(module), "?"), type(module).__name__
        row = Row(path, kind, len(self.open), structure(args), again=id(module) in self.seen)
        self.seen.add(id(module))
        for p in module.parameters(recurse=False):
            if id(p) not in self.seen:
                self.seen.add(id(p))
                row.parameters += p.numel()
                row.trainable += p.numel() if p.requires_grad else 0
        row.again = row.again and any(True for _ in module.parameters(recurse=False))
        if self.open:
            self.open[-1].inside.append(row)
        else:
            self.top = row
        self.open.append(row)

    def leave(self, module: Module, args: Any, output: Any) -> None:
        """Its call is over."""
        row = self.open.pop()
        found = list(_tensors(output))
        row.output = " ".join(shape_text(t.shape) for t in found) or type(output).__name__
        row.activations = sum(map(_bytes, found))

    def settle(self, model: Module) -> None:
        """Count parameters of modules that were never called where they were used: at what holds them."""
        rows = {row.path: row for row in self.top.walk()}
        for path, p in model.named_parameters():
            if id(p) not in self.seen:
                while path not in rows:
                    path = path.rpartition(".")[0]
                rows[path].parameters += p.numel()
                rows[path].trainable += p.numel() if p.requires_grad else 0

    def count(self, name: str, operations: int) -> None:
        """An op was met."""
        self.open[-1].flops += operations


def _bytes(t: Tensor) -> int:
    return t.numel() * t.element_size()


def _tensors(value: Any) -> Iterator[Tensor]:
    """The tensors in an output."""
    if isinstance(value, Tensor):
        yield value
    elif isinstance(value, dict):
        yield from _tensors(list(value.values()))
    elif isinstance(value, tuple | list):
        for v in value:
            yield from _tensors(v)
