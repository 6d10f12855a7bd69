"""A model as a graph to look at: the ops that one call of it does, before any pass of the compiler.

The call is captured as `torch.compile` captures it. Each op is a node named by the module that did it
("Net/conv1/convolution"), with the user's line and that line's text; so are parameters, inputs, constants and
results. Views are no ops to the compiler; here they are nodes, or the shapes at an edge's ends would differ.
"""

from __future__ import annotations

import linecache
import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from ...autograd.mode import no_grad
from ...compiler.capture import Capture, capture
from ...compiler.compiled import CompiledModule, nothing_kept
from ...compiler.graph import Host, Node, Place, Storage
from ...compiler.loops import Loop
from ...compiler.naming import arguments
from ...compiler.regions import Owner, Region
from ...compiler.viewing import spelled
from ...nn.module import Module
from ...ops.declare import registry
from ...tensor import Tensor
from ..events.graphdefs import GraphNode

#: what the regions of a control op are called, by the option that has them
_REGIONS = {"branches": ("true", "false"), "regions": ("condition", "body"), "region": ("body",)}
_SHOWN = 200  # characters of an argument
_FEW = 8  # elements of a constant whose numbers are shown


def graph_of(model: Any, inputs: Any) -> list[GraphNode]:
    """The nodes of model(*inputs): called once, as it is in evaluation, without gradients.

    `inputs` is a tensor, or a list or tuple of arguments. Raises what the model raises.
    """
    model = model._orig_mod if isinstance(model, CompiledModule) else model
    args = tuple(inputs) if isinstance(inputs, list | tuple) else (inputs,)
    with _evaluating(model), no_grad(), nothing_kept():
        seen = capture(model, args, {})
    return _Builder(model, args, seen).nodes


@contextmanager
def _evaluating(model: Any) -> Iterator[None]:
    """All modules in evaluation: looking at a model must not move its running averages."""
    modules = [m for m in model.modules() if m.training] if isinstance(model, Module) else []
    for module in modules:
        module.training = False
    try:
        yield
    finally:
        for module in modules:
            module.training = True


class _Value:
    """What is in a storage: output `index` of a node, which has it as the array at `place`."""

    def __init__(self, name: str, index: int, place: Place) -> None:
        self.name, self.index, self.place = name, index, place

    @property
    def input(self) -> str:
        """How a node says that it reads it."""
        return f"{self.name}:{self.index}" if self.index else self.name


class _Builder:
    """Makes the nodes, in the order of the capture's."""

    def __init__(self, model: Any, args: tuple[Any, ...], seen: Capture) -> None:
        self.nodes: list[GraphNode] = []
        self.values: dict[Storage, _Value] = {}
        self.outside: dict[Storage, tuple[str, str, Place]] = {}  # name and op of what is there before
        self.slots: dict[Storage, Storage] = {}  # what loops carry: in which memory of the loop
        self.taken: set[str] = set()
        self.views: dict[tuple[str, Place], _Value] = {}
        self.tracer: Any = seen.tracer
        self.root = type(model).__name__ if isinstance(model, Module) else getattr(model, "__name__", "f")
        self.classes = {self.root: self.root}
        if isinstance(model, Module):
            self._name_modules(model)
        self._name(arguments(model, args, {}), "", "Placeholder")
        for node in self.tracer.nodes:
            self._node(node, "")
        self._results(seen.results)

    # -- names ------------------------------------------------------------------------------------------

    def _name_modules(self, model: Module) -> None:
        for path, module in model.named_modules():
            self.classes[self._scope(f"{self.root}.{path}")] = type(module).__name__
        self._name(model.named_parameters(), self.root, "Parameter")
        self._name(model.named_buffers(), self.root, "Buffer")

    def _name(self, named: Iterable[tuple[str, Any]], within: str, op: str) -> None:
        """Note where tensors with names lie."""
        for name, t in named:
            if isinstance(t, Tensor) and self.tracer.known(t._a):
                full = f"{within}.{name}" if within else name
                place = self.tracer.place(t._a)
                self.outside.setdefault(place.storage, (self._scope(full), op, place))

    def _scope(self, path: str) -> str:
        return path.rstrip(".").replace(".", "/")

    def _free(self, name: str) -> str:
        """A name that nothing has: counted up, as TensorFlow counts."""
        found, k = name, 0
        while found in self.taken:
            found, k = f"{name}_{k + 1}", k + 1
        self.taken.add(found)
        return found

    def _add(self, name: str, op: str, inputs: list[str], places: list[Place], said: dict[str, str]) -> str:
        name = self._free(name)
        if classes := self._classes(name):
            said = {"_modules": classes, **said}
        shapes, dtypes = [p.shape for p in places], [str(p.dtype) for p in places]
        self.nodes.append(GraphNode(name, op, inputs, [*shapes], dtypes, said))
        return name

    def _classes(self, name: str) -> str:
        """The classes of the modules that a node lies in, the outermost first: "Net/Sequential/Conv2d"."""
        parts = name.split("/")[:-1]
        scopes = ["/".join(parts[: k + 1]) for k in range(len(parts))]
        return "/".join(self.classes.get(scope, "") for scope in scopes).rstrip("/")

    # -- ops --------------------------------------------------------------------------------------------

    def _node(self, node: Node, region: str) -> None:
        """An op; one that runs regions stands beside their nodes."""
        scope = region or self._scope(node.module) or self.root
        name, op = node.op.strip("_"), node.op
        regions = self._regions(node)
        if regions:
            scope = self._free(f"{scope}/{name}")
            self._slots(node, [region for _, region in regions])
        ends = [value.input for label, part in regions for value in self._region(part, f"{scope}/{label}")]
        inputs = [self._read(p, scope, node) for p in node.inputs if not self._own(p, node)]
        inputs += [v.input for v in self._unseen(node)]
        inputs = list(dict.fromkeys([*inputs, *ends])) if isinstance(node.body, Host) else inputs
        outputs = list(node.outputs)
        whole = [self._whole(p, scope, node, inputs) for p in outputs]
        full = self._add(f"{scope}/{name}", op, list(inputs), whole, self._said(node))
        for k, p in enumerate(whole):
            self.values[p.storage] = _Value(full, k, p)

    def _region(self, region: Region, scope: str) -> list[_Value]:
        """The nodes of a region; returns what it leaves outside, where all is then as it was before."""
        before = dict(self.values)
        for node in region.nodes:
            self._node(node, scope)
        written = {s for node in region.nodes for s in node.writes if s not in region.inner}
        left = [self.values[s] for s in sorted(written, key=lambda s: s.number)]
        for s in written | self.slots.keys():
            self.values.pop(s, None)
            if s in before:
                self.values[s] = before[s]
        return left

    def _regions(self, node: Node) -> list[tuple[str, Region]]:
        for option, labels in _REGIONS.items():
            found = node.options.get(option) if isinstance(node.options, dict) else None
            parts = [p for p in (found if isinstance(found, tuple) else (found,)) if isinstance(p, Region)]
            if parts:
                return list(zip(labels, parts, strict=True))
        return []

    def _slots(self, node: Node, regions: list[Region]) -> None:
        """Which memory of a loop's the state lies in that its regions read."""
        owner = regions[0].owner or getattr(getattr(node.body, "run", None), "__self__", None)
        if isinstance(owner, Loop):
            self.slots |= {s: slot.stack.storage for s, slot in owner.slots.items()}

    def _own(self, p: Place, node: Node) -> bool:
        """Whether a place is memory that a control op fills, not one that it is given."""
        return isinstance(node.body, Host) and p.storage not in self.values and p.storage.array is None

    def _unseen(self, node: Node) -> list[_Value]:
        """What a control op reads or has its regions write, beyond its arguments."""
        if not isinstance(node.body, Host) or not isinstance(getattr(node.body.run, "__self__", None), Owner):
            return []
        touched = sorted(node.reads | node.writes, key=lambda s: s.number)
        return [self.values[s] for s in touched if s in self.values]

    def _whole(self, p: Place, scope: str, node: Node, inputs: list[str]) -> Place:
        """The array that a node's output belongs to: where a part is written in place, the rest is read."""
        covers = p.size * p.dtype.itemsize >= p.storage.nbytes
        if covers or (p.storage not in self.values and p.storage.kind == "temporary"):
            return p
        before = self._value(p, scope)
        inputs += [before.input] if before.input not in inputs else []
        return before.place

    # -- what is read -------------------------------------------------------------------------------------

    def _read(self, p: Place, scope: str, node: Node | None = None) -> str:
        """The input for an array: what is in its storage, or a node for the view of it."""
        value = self._value(p, scope)
        if value.place == p or (node is not None and isinstance(node.body, Host)):
            return value.input
        key = value.input, p
        if key not in self.views:
            self.views[key] = self._view(value, p, scope, node)
        return self.views[key].input

    def _view(self, value: _Value, p: Place, scope: str, node: Node | None) -> _Value:
        """A node for a view. Nobody saw where it was made: between what it looks at and what reads it."""
        text = spelled("x", value.place, p)
        word = text.removeprefix("x").split("(")[0].strip(".")
        word = word if word.isidentifier() and word != "as_strided" else "view"
        made = value.name.split("/")[:-1]
        within = "/".join(os.path.commonprefix([made, scope.split("/")])) or self.root
        said = {"view": text, **(_source(node) if node is not None and within == scope else {})}
        return _Value(self._add(f"{within}/{word}", word, [value.input], [p], said), 0, p)

    def _value(self, p: Place, scope: str) -> _Value:
        """What is in a place's storage; a parameter, input or constant becomes a node when first read."""
        found = self.values.get(p.storage)
        if found is None:
            found = self.values[p.storage] = self._given(p, scope)
        return found

    def _given(self, p: Place, scope: str) -> _Value:
        s = p.storage
        if s in self.outside:
            name, op, whole = self.outside[s]
            return _Value(self._add(name, op, [], [whole], {}), 0, whole)
        if s in self.slots:
            before = self.values.get(self.slots[s])
            inputs = [before.input] if before is not None else []
            return _Value(self._add(f"{scope}/state", "LoopState", inputs, [p], {}), 0, p)
        few = {"value": str(s.array.tolist())} if s.array is not None and s.array.size <= _FEW else {}
        return _Value(self._add(f"{scope}/const", "Const", [], [p], few), 0, p)

    def _said(self, node: Node) -> dict[str, str]:
        """A node's attributes: the user's line, and the arguments that are no tensors."""
        return {**_source(node), **_arguments(node)}

    def _results(self, results: list[Any]) -> None:
        for k, t in enumerate(results):
            place = self.tracer.place(t._a)
            name = "output" if len(results) == 1 else f"output_{k}"
            self._add(name, "Output", [self._read(place, self.root)], [place], {})


def _source(node: Node) -> dict[str, str]:
    """The user's line, "net.py:12", and its text: a reader of the log need not have the file."""
    file, line = node.line
    text = linecache.getline(file, line).strip()
    try:
        shown = Path(file).relative_to(Path.cwd()).as_posix()
    except ValueError:
        shown = os.path.basename(file)
    return {"_source": f"{shown}:{line}", **({"_source_text": text[:_SHOWN]} if text else {})}


def _arguments(node: Node) -> dict[str, str]:
    """The arguments of an op that are no tensors, by the names of its parameters."""
    op = registry.get(node.op)
    try:
        bound = op.signature.bind(*node.args, **node.options).arguments if op else node.options
    except TypeError:
        bound = node.options
    shown = {name: v for name, v in bound.items() if name not in _REGIONS and not _has_places(v)}
    return {name: str(v)[:_SHOWN] for name, v in shown.items()}


def _has_places(v: Any) -> bool:
    if isinstance(v, Place):
        return True
    return isinstance(v, list | tuple) and any(map(_has_places, v))
