"""What recurrent kernels share: the loop over steps, weights laid out as panels, products with the state.

An item of a step is a vector of hidden units, with all their gates and all rows: it needs nothing that other
items of the same step make, and its panels stay in its processor's cache from one step to the next.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from types import MappingProxyType, SimpleNamespace
from typing import Any, NamedTuple

from .ir import Function, Module
from .launch import entry
from .targets import Target
from .tile import Tile, multiples, strided
from .turning import define_turn, smaller
from .types import Type, i64, ptr, void
from .values import Value

#: gates of the cells, and what their names mean elsewhere
GATES = {"lstm": 4, "gru": 3, "tanh": 1, "relu": 1}
#: a row of the table of steps: its first row and its rows, how many tiles of `height` and `height - 1` rows
#: those are, and the first row and the rows of the step that follows
STEP = ("start", "rows", "tall", "short", "next_start", "next_rows")
#: the last slots of every kernel, behind `room`, of which a thread has `space` elements: the table of steps,
#: the hidden units, and the vectors of them, shared out in chunks of `grain`; `step` is the row in use
LAST = dict(space=i64, steps=i64.pointer, count=i64, hidden=i64, items=i64, grain=i64, step=i64.pointer)


class Form(NamedTuple):
    """What a kernel is specialised for."""

    cell: str
    type: Type
    height: int  # rows of a tile
    ragged: bool  # hidden units are no whole number of vectors


class Product(NamedTuple):
    """The arguments of a product: C = A B with B as panels, for all rows of a step."""

    a: Value
    a_row: Value
    depth: Value
    panel: Value
    next_panel: Value  # elements from one vector's panel to the next's
    c: Value
    c_row: Any
    rows: Value
    tall: Value
    short: Value


def most_rows(target: Target, vectors: int) -> int:
    """Rows of a tile that leave registers for a row of B and a scalar."""
    return min((target.registers - 2) // vectors - 1, 14)


def tiles(rows: int, height: int) -> tuple[int, int]:
    """How many tiles of `height` and of `height - 1` rows make up `rows`; other tiles do what these leave."""
    count = -(-rows // height)
    tall = rows - count * (height - 1)
    return (tall, count - tall) if tall >= 0 else (rows // height, 0)


def define_product(m: Module, target: Target, form: Form, vectors: int) -> str:
    """Write C = A B for `vectors` panels side by side; returns its name. It takes the fields of `Product`."""
    t, name = form.type, f"product{vectors}"
    types = {n: t.pointer if n in ("a", "panel", "c") else i64 for n in Product._fields}
    f = m.function(name, internal=True, **types)
    p, height = Product(*f.args), form.height
    odd = multiples(p.a_row * t.size, max(height, 4))
    done = p.tall * height
    for i in f.range(0, done, height):
        _tile(f, target, form, height, vectors, p, i, odd)
    if height > 1:
        end = done + p.short * (height - 1)
        for i in f.range(done, end, height - 1):
            _tile(f, target, form, height - 1, vectors, p, i, odd)
        done = end
    with f.when(p.rows >= 4):
        for i in f.range(done, p.rows, 4):
            _tile(f, target, form, 4, vectors, p, smaller(i, p.rows - 4), odd)
    with f.otherwise():
        for i in f.range(done, p.rows):
            _tile(f, target, form, 1, vectors, p, i, odd)
    f.ret()
    return name


def _tile(
    f: Function, target: Target, form: Form, rows: int, vectors: int, p: Product, top: Value, odd: Any
) -> None:
    """Some rows of C: each element is summed in the order of k, whatever the tile."""
    lanes, size = target.lanes(form.type), form.type.size
    tile = Tile(f, form.type, rows, vectors, lanes)
    a, b = f.var(p.a.at(top * p.a_row)), f.var(p.panel)
    panels = multiples(p.next_panel * size, vectors)
    whole = p.depth & -4
    for steps, start, stop in ((4, 0, whole), (1, whole, p.depth)):
        for _ in f.range(start, stop, steps):
            for u in range(steps):
                line = [x.load(u * lanes, lanes) for x in strided(b, panels, vectors)]
                tile.step((x.load(u) for x in strided(a, odd, rows)), line)
            a.set(a.at(steps))
            b.set(b.at(steps * lanes))
    for i, sums in enumerate(tile.sums):
        for v, total in enumerate(sums):
            p.c.store(total, (top + i) * p.c_row + v * lanes)


def define_pack(m: Module, target: Target, form: Form, turned: bool, types: dict[str, Type]) -> None:
    """Write pack, a kernel whose items are panels: panel[k·lanes + i] = W[k, i] or, turned, W[i, k].

    Slots `weights` (contiguous) and `panels`; `hidden` is the size of each group of rows that are turned.
    """
    t, lanes = form.type, target.lanes(form.type)
    if turned:
        define_turn(m, t, target)
    f, lo, hi, _, s = begin(m, "pack", types)
    each = (s.hidden + (lanes - 1)) // lanes
    depth = s.hidden if turned else s.hidden * GATES[form.cell]
    for item in f.range(lo, hi):
        gate, first = item // each, item % each * lanes
        goal, width = s.panels.at(item * depth * lanes), smaller(s.hidden - first, lanes)
        if turned:
            if form.ragged:
                for k in f.range(0, depth):
                    goal.store(f.const(t.x(lanes), 0), k * lanes)
            source = s.weights.at((gate * s.hidden + first) * depth)
            f.call("turn", void, width, depth, source, depth, goal, lanes)
        else:
            mask = f.below(width, lanes) if form.ragged else None
            for k in f.range(0, depth):
                goal.store(s.weights.load(k * s.hidden + first, lanes, mask), k * lanes)
    f.ret()


def slots(
    form: Form, arrays: Iterable[str], more: Mapping[str, Type] = MappingProxyType({})
) -> dict[str, Type]:
    """The types of a kernel's slots by name; `more` stand before the last ones."""
    pointers = dict.fromkeys(("weights", "panels", *arrays, "room"), form.type.pointer)
    return {**pointers, **more, **LAST}


def begin(m: Module, name: str, types: dict[str, Type]) -> tuple[Function, Value, Value, Value, Any]:
    """A function with the kernel's ABI for these slots."""
    f, lo, hi, tid, values = entry(m, name, True, **types)
    return f, lo, hi, tid, SimpleNamespace(**dict(zip(types, values, strict=True)))


def step_of(s: Any) -> dict[str, Value]:
    """The present row of the table of steps."""
    return {name: s.step[i] for i, name in enumerate(STEP)}


def define_kernel(m: Module, types: dict[str, Type], panels: int) -> None:
    """Write the kernel: its one item packs the weights, `panels` for every item, and does all steps in turn.

    The threads meet after each step, in `rushlight_parallel`; the interpreter is released if there are any.
    """
    f, _, _, _, values = entry(m, "kernel", False, **types)
    s, slots = SimpleNamespace(**dict(zip(types, values, strict=True))), f.args[0]
    shared, state = s.grain < s.items, f.var(f.const(ptr, 0))
    with f.when(shared):
        state.set(f.call("PyEval_SaveThread", ptr))
    f.call("rushlight_parallel", void, f.address("pack"), slots, s.items * panels, s.grain * panels)
    for k in f.range(0, s.count):
        slots.of(i64).store(s.steps.at(k * len(STEP)).to(i64), len(types) - 1)
        f.call("rushlight_parallel", void, f.address("step"), slots, s.items, s.grain)
    with f.when(shared):
        f.call("PyEval_RestoreThread", void, state)
    f.ret()


class Units:
    """An item's hidden units, a vector of them: where they are in arrays, and which of them exist."""

    def __init__(self, f: Function, first: Value, lanes: int, mask: Value | None) -> None:
        self.f, self.first, self.lanes, self.mask = f, first, lanes, mask

    def load(self, array: Value, place: Any) -> Value:
        """The units' numbers in the row that begins at `place`."""
        return array.load(place + self.first, self.lanes, self.mask)

    def store(self, array: Value, value: Any, place: Any) -> None:
        """Write the units' numbers."""
        array.store(value, place + self.first, self.mask)


def each_kind(
    f: Function, form: Form, hidden: Value, first: Value, lanes: int, body: Callable[[Units], None]
) -> None:
    """`body` for whole vectors of units, and once more for those that end within one."""
    if not form.ragged:
        body(Units(f, first, lanes, None))
        return
    with f.when(first + lanes <= hidden):
        body(Units(f, first, lanes, None))
    with f.otherwise():
        body(Units(f, first, lanes, f.below(hidden - first, lanes)))


def in_pairs(f: Function, lo: Value, hi: Value) -> Iterator[tuple[Value, int]]:
    """Items lo..hi, two at a time and perhaps one more: the first, and how many."""
    even = lo + ((hi - lo) & -2)
    for item in f.range(lo, even, 2):
        yield item, 2
    for item in f.range(even, hi):
        yield item, 1
