"""A graph as the text of a Python program that computes the same: one line for each node."""

from __future__ import annotations

import math
import textwrap
from pathlib import Path
from typing import Any

import numpy as np

import rushlight.dtypes as dtypes

from ..ops.declare import Op, registry
from .graph import Graph, Node, Place, Storage
from .running import inputs_of, is_whole, repeated, whole
from .symbols import plain
from .viewing import dtype_of, spelled

WIDTH = 110
PUBLIC = {"select_where": "where"}  # internal ops that a public function is made of
HEAD = '''"""call("name", ...) runs a node for which there is no function: graph.call."""

import rushlight as torch


@torch.no_grad()
def graph(
'''


class Unspelled(Exception):
    """A value that has no spelling as a Python expression."""


def text_of(graph: Graph) -> str:
    """The program's text."""
    return _Writer(graph).text()


class _Writer:
    """Writes the program; knows which names stand for which places."""

    def __init__(self, graph: Graph) -> None:
        self.graph = graph
        self.names: dict[Storage, list[tuple[Place, str]]] = {}
        self.taken: set[str] = {"torch", "call", "graph"}
        self.fused: Node | None = None  # whose members are being written
        self.own: set[Storage] = set()  # what they have written so far
        self.read = {s for n in graph.nodes for m in n.ops for s in m.reads} | graph.live
        self.written = {m.name for n in graph.nodes for m in n.ops}
        self.lines: list[str] = []

    def text(self) -> str:
        head = [f"    {self.named(name, p)},  # {typed(p)}\n" for name, p in self.graph.inputs.items()]
        for node in self.graph.nodes:
            self.node(node)
        results = ", ".join(self.place(p) for p in self.graph.outputs) or "None"
        return HEAD + "".join(head) + "):\n" + "".join(self.lines) + f"    return {results}\n"

    # -- names ----------------------------------------------------------------------------------------------

    def named(self, name: str, place: Place) -> str:
        """A name that is not taken yet, for a place."""
        while name in self.taken:
            name += "_"
        self.taken.add(name)
        self.names.setdefault(place.storage, []).append((place, name))
        self.own.add(place.storage)
        return name

    def place(self, place: Place) -> str:
        """The expression for a place: a name, or a view of what a name stands for."""
        if self.fused is not None and place.storage not in self.own:
            place = self.fused.now(place)
        if place.storage not in self.names:
            self.declare(place)
        spellings = [spelled(name, known, place) for known, name in reversed(self.names[place.storage])]
        return min(spellings, key=lambda s: ("as_strided" in s, len(s)))

    def declare(self, place: Place) -> None:
        """Lines that make memory which no node of this graph fills; passes may know what is in it."""
        for n in self.graph.traced.nodes:
            if place.storage in n.writes and n.name not in self.written:
                self.written.add(n.name)
                self.write(n)
        if place.storage not in self.names:
            flat = place if is_whole(place) and place.contiguous else whole(place)
            name = self.named(f"{place.storage.kind}_{place.storage.number}", flat)
            held = repeated(flat)
            value = f"empty({flat.shape}" if held is None else f"full({flat.shape}, {literal(held)}"
            self.lines.append(f"    {name} = torch.{value}, dtype={dtype_of(flat)})\n")

    # -- nodes ----------------------------------------------------------------------------------------------

    def node(self, node: Node) -> None:
        """The lines of a node, or those of its members under a line that names them."""
        if not node.members:
            self.write(node)
            return
        members = node.ops
        self.lines.append(f"    # {node.name}, one kernel: {', '.join(n.name for n in members)}\n")
        self.fused, self.own = node, set()
        for n in members:
            self.write(n)
        self.fused = None
        for storage, home in node.homes.items():
            for place, name in self.names[storage] if storage in self.own else ():
                self.moved(home.place(place), name)
        self.lines.append("\n")

    def moved(self, place: Place, name: str) -> None:
        """Have a place hold what has a name."""
        if self.keeps(place):
            self.lines.append(f"    {self.place(place)}.copy_({name})\n")
        else:
            self.names[place.storage] = [(place, name)]

    def keeps(self, place: Place) -> bool:
        """Whether what is written to a place must go to the memory that has a name already. Memory of the
        plan's own that is written as a whole is but used again: a new name says that better.
        """
        s = place.storage
        if s not in self.names:
            return False
        return not is_whole(place) or s.kind != "temporary" or s.array is not None or s in self.graph.live

    def write(self, node: Node) -> None:
        """The lines of one op."""
        first, *others = self.statements(node)
        self.lines += _lines(first, comment(node))
        self.lines += [f"    {statement}\n" for statement in others]

    def statements(self, node: Node) -> list[str]:
        """What a node does, as statements."""
        if node.op == "copy_" and node.outputs:
            return [self.copy(node, node.outputs[0])]
        try:
            value, outputs = self.function(node)
        except Unspelled:
            given = "".join(f", {self.place(p)}" for p in inputs_of(node))
            value, outputs = f'call("{node.name}"{given})', node.outputs
        return self.assigned(node, outputs, value)

    def assigned(self, node: Node, outputs: tuple[Place, ...], value: str) -> list[str]:
        """Names for what a node puts out; what it puts into memory that is there is copied to it."""
        kept = {p.storage for p in outputs if self.keeps(p)}
        for s in {p.storage for p in outputs} - kept:
            self.names.pop(s, None)
        if len(outputs) == 1 and kept:
            return [f"{self.place(outputs[0])}.copy_({value})"]
        names, copies = [], []
        for k, p in enumerate(outputs):
            name = f"{node.name}_{k}" if len(outputs) > 1 else node.name
            if p.storage in kept:
                copies.append(f"{self.place(p)}.copy_({name})")
                names.append(name)
            else:
                names.append(self.named(name, p))
        return [f"{', '.join(names)} = {value}" if names else value, *copies]

    def copy(self, node: Node, target: Place) -> str:
        """A copy into memory that is there, or into memory of its own."""
        (source,) = node.args
        value = self.place(source)
        if target.storage in self.names or not (target.contiguous and is_whole(target)):
            return f"{self.place(target)}.copy_({value})"
        if source.contiguous and source.shape == target.shape and source.dtype == target.dtype:
            return f"{self.named(node.name, target)} = {value}.clone()"
        made = f"torch.empty({target.shape}, dtype={dtype_of(target)})"
        return f"{self.named(node.name, target)} = {made}.copy_({value})"

    def function(self, node: Node) -> tuple[str, tuple[Place, ...]]:
        """A call of a function of torch's, and what it returns. Raises Unspelled where none does it."""
        op = registry.get(node.op)
        if op is None or not self.serves(op, node):
            raise Unspelled
        given = [self.value(v) for v in node.args]
        defaults = {p.name: p.default for p in op.signature.parameters.values()}
        named = [f"{k}={self.value(v)}" for k, v in node.options.items() if not _is(v, defaults[k])]
        outputs = node.outputs if op.outputs else node.outputs[:1]
        if "F" in op.forms:
            if "m" not in op.forms:
                raise Unspelled
            return f"{given[0]}.{op.name}({', '.join(given[1:] + named)})", outputs
        if op.under == "internal" and op.name not in PUBLIC:
            raise Unspelled
        return f"torch.{PUBLIC.get(op.name, op.names[0])}({', '.join(given + named)})", outputs

    def serves(self, op: Op, node: Node) -> bool:
        """Whether a call of an op, from outside, gives all that the node puts out."""
        if not node.outputs:
            return False
        spare = node.outputs[len(op.outputs) or 1 :]
        if any(p.storage in self.read for p in spare) or node.writes - {p.storage for p in node.outputs}:
            return False
        try:
            op.signature.bind(*node.args, **node.options)
        except TypeError:
            return False
        return True

    def value(self, v: Any) -> str:
        """An argument as an expression."""
        if v.__class__ is Place:
            return self.place(v)
        if v.__class__ is not tuple and v.__class__ is not list:
            return literal(v)
        listed = ", ".join(map(self.value, v))
        if v.__class__ is list:
            return f"[{listed}]"
        return f"({listed},)" if len(v) == 1 else f"({listed})"


def _is(v: Any, default: Any) -> bool:
    """Whether an option has its default value."""
    return v is default or (v.__class__ in (bool, int, float, str) and v == default)


def _lines(statement: str, said: str) -> list[str]:
    """A statement with its comment: behind it, or above where the line would be long."""
    if len(statement) + len(said) < WIDTH - 8:
        return [f"    {statement}  # {said}\n"]
    before, name, arguments = statement.partition("call(")
    if len(statement) < WIDTH or not name:
        return [f"    # {said}\n", f"    {statement}\n"]
    wrapped = textwrap.wrap(arguments, WIDTH, initial_indent=" " * 8, subsequent_indent=" " * 8)
    return [f"    # {said}\n", f"    {before}{name}\n", *(f"{line}\n" for line in wrapped)]


def literal(v: Any) -> str:
    """A plain value as an expression. Raises Unspelled for others."""
    v = plain(v)  # a number that varies: as it was in the captured call
    if v.__class__ is float and not math.isfinite(v):
        return f'float("{v}")'
    if v is None or v.__class__ in (int, float, bool, str, complex):
        return repr(v)
    if isinstance(v, dtypes.dtype):
        return repr(v)
    if isinstance(v, np.dtype):
        return repr(dtypes.of_numpy(v))
    if isinstance(v, np.generic):
        return literal(v.item())
    raise Unspelled


def typed(place: Place) -> str:
    """The type and shape of a place: "float32[64, 10]"."""
    return f"{place.dtype}{list(place.shape)}"


def comment(node: Node) -> str:
    """The user's line, the types of what a node puts out, and its module."""
    parts = [f"{Path(node.line[0]).name}:{node.line[1]}", ", ".join(map(typed, node.outputs)), node.module]
    return "  ".join(part for part in parts if part)
