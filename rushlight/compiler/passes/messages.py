"""Messages of graph networks: rows gathered, computed with and added up by position, in one kernel.

`zeros.index_add(0, target, x[source] * w)` makes two arrays of a row for every edge that nobody else reads.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from math import prod
from typing import Any, NamedTuple

import rushlight.threads as threads

from ...kernels import messages
from ...kernels.fused import Step
from ...kernels.fused_types import is_known
from ...kernels.messages import Form, Rows
from ...kernels.targets import host
from ..elements import TYPE_OF
from ..graph import Elements, Graph, Kernels, Launch, Node, Place, Storage
from ..lower import strides_in
from .program import standing_for

#: bytes of a row, or of all rows, from which it pays that each thread looks for the edges that are its own
_LONG, _FAR = 256, 1 << 19


def with_messages_at_once(graph: Graph) -> Graph:
    """The graph in which what only a sum by position reads is not made before it."""
    found = _Finder(graph)
    made: dict[int, Node | None] = {}
    for k, node in enumerate(graph.nodes):
        message = found.message(k, node)
        if message is not None:
            made |= {**dict.fromkeys(message.nodes), k: message.node}
    nodes = [made.get(k, n) for k, n in enumerate(graph.nodes)]
    return Graph([n for n in nodes if n is not None], graph.live)


class _Gathered(NamedTuple):
    """Rows that only a message reads: the node that gathers them, of what, and at which positions."""

    node: int
    source: Place
    positions: Place
    before: list[Launch]  # what the positions need


class _Message(NamedTuple):
    node: Node
    nodes: list[int]  # those that are part of it


class _Finder:
    """Which node writes what alone, for one that reads it alone."""

    def __init__(self, graph: Graph) -> None:
        self.graph, self.nodes = graph, graph.nodes
        self.readers = Counter(s for n in graph.nodes for s in n.reads)
        self.writers = Counter(s for n in graph.nodes for s in n.writes)
        self.writer = {s: k for k, n in enumerate(graph.nodes) for s in n.writes}

    def _maker(self, place: Any) -> int | None:
        """The node that makes a place for its one reader."""
        if place.__class__ is not Place:
            return None
        s = place.storage
        passing = s.kind == "temporary" and s.array is None and s not in self.graph.live
        once = self.readers[s] == self.writers[s] == 1
        return self.writer[s] if passing and once and place.contiguous else None

    def message(self, k: int, node: Node) -> _Message | None:
        """The node that adds up messages, with what makes them; None if it does something else."""
        last = _last(node, "write slices")
        if last is None or not (last.kernel.key[3] and last.kernel.key[5]):  # adds, to one table of rows
            return None
        out, values, to, _, count, inner, _ = last.slots
        maker = self._maker(values)
        if maker is None or to.dtype.itemsize != 8 or values.dtype not in TYPE_OF:
            return None
        body, parts = self._program(maker, values, count, inner)
        gathered = {name: g for name, p in body.inputs.items() if (g := self._gathered(p, inner)) is not None}
        parts = [*parts, *(g.node for g in gathered.values())]
        if not parts or not self._may_wait(k, parts, out.storage):
            return None
        made = _launch(body, gathered, (out, to, count, inner))
        if made is None:
            return None
        before = [launch for g in gathered.values() for launch in g.before]
        kernels = Kernels([*node.body.launches[:-1], *before, made])
        members = [*(self.nodes[j] for j in sorted(parts)), node]
        passed = {s for n in members[:-1] for s in n.writes}
        reads = {s for n in members for s in n.reads} - passed
        return _Message(standing_for(members, node.outputs, kernels, reads), parts)

    def _program(self, k: int, values: Place, count: int, inner: int) -> tuple[Elements, list[int]]:
        """What makes the rows that are added up, and the node it belongs to; or just the rows."""
        body, shape = self.nodes[k].body, (count, inner)
        if isinstance(body, Elements) and not body.reduces and [*body.writes] == [values]:
            if body.shape[:1] == (count,) and prod(body.shape) == count * inner:
                return body, [k]
        rows = values._replace(shape=shape, strides=(inner * values.dtype.itemsize, values.dtype.itemsize))
        return Elements((), {"x": rows}, {rows: "x"}, shape), []

    def _gathered(self, place: Any, inner: int) -> _Gathered | None:
        """What gathers rows of so many elements, all of which the place is."""
        maker = self._maker(place)
        last = None if maker is None else _last(self.nodes[maker], "take")
        if maker is None or last is None or last.kernel.key[4]:  # by lines: of several tables
            return None
        out, source, positions, _, count, width = last.slots
        if width != inner or count * inner != place.size or out.offset != place.offset:
            return None
        if positions.dtype.itemsize != 8:
            return None
        return _Gathered(maker, source, positions, self.nodes[maker].body.launches[:-1])

    def _may_wait(self, k: int, parts: list[int], out: Storage) -> bool:
        """Whether nobody writes, before node k does its part, what the parts read."""
        mine = [self.nodes[j] for j in parts]
        read = {s for n in mine for s in n.reads} - {s for n in mine for s in n.writes}
        others = [n for j, n in enumerate(self.nodes[min(parts) : k + 1], min(parts)) if j not in parts]
        return out not in read and not any(read & n.writes for n in others)


def _last(node: Node, name: str) -> Launch | None:
    """The last launch of a node, if it is of a kernel of that name."""
    if not isinstance(node.body, Kernels) or len(node.writes) != 1:
        return None
    last = node.body.launches[-1] if node.body.launches else None
    key = last.kernel.key if last is not None else None
    return last if isinstance(key, tuple) and key[0] == name else None


def _launch(body: Elements, gathered: dict[str, _Gathered], sum: tuple[Any, ...]) -> Launch | None:
    """The launch of the kernel; None where there is none for such a program."""
    out, to, count, inner = sum
    steps = tuple(s for s in body.steps if isinstance(s, Step) and s.is_known)
    if len(steps) < len(body.steps):
        return None
    inputs: list[Rows] = []
    slots: list[Any] = []
    for name, p in _places(body):
        rows = _rows(name, p, body.shape, name in gathered)
        if rows is None:
            return None
        inputs.append(rows[0])
        g = gathered.get(name)
        slots += [p, rows[1]] if g is None else [g.source, inner, g.positions]
    numbers = [n for n, v in body.inputs.items() if v.__class__ is not Place]
    ((_, result),) = body.writes.items()
    large = inner * out.dtype.itemsize >= _LONG or out.storage.nbytes >= _FAR
    sets = 1 << (threads.get() - 1).bit_length() if large else 1
    form = Form(steps, tuple(inputs), tuple(numbers), result, TYPE_OF[out.dtype], sets > 1)
    if not all(is_known(t, host()) for t in form.types):
        return None
    made = messages.kernel(form, inner, host())
    return Launch(made, sets, 1, (out, to, count, inner, sets, *slots, *(body.inputs[n] for n in numbers)))


def _places(body: Elements) -> Iterator[tuple[str, Place]]:
    return ((name, p) for name, p in body.inputs.items() if p.__class__ is Place)


def _rows(name: str, p: Place, shape: tuple[int, ...], gathered: bool) -> tuple[Rows, int] | None:
    """An input, and how far apart its rows are; None where their elements do not lie side by side."""
    if p.dtype not in TYPE_OF:
        return None
    step, *rest = strides_in(p, shape)
    dims = [(n, s) for n, s in zip(shape[1:], rest, strict=True) if n != 1]
    still = not any(s for _, s in dims)
    dense = [s for _, s in dims] == [prod(n for n, _ in dims[d + 1 :]) for d in range(len(dims))]
    return (Rows(name, TYPE_OF[p.dtype], gathered, still and bool(dims)), step) if still or dense else None
