"""What recurrent kernels share: the loop over steps, weights laid out as panels, products with the state.

An item of a step is a vector of hidden units, with all their gates and all rows: it needs nothing that other
items of the same step make, and its panels stay in its processor's cache from one step to the next.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from types import MappingProxyType, SimpleNamespace
from typing import Any, NamedTuple

from .ir import Function, Module
from .launch import entry
from .targets import Target
from .tile import Tile, multiples, strided
from .turning import define_turn, smaller
from .types import Type, i32, i64, ptr, void
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
    """The arguments of a product, C = A B for some rows: B stands in panels, A in one of three layouts.

    `rows`: element (i, k) of A stands at i·a_step + k. `panels`, as B: at (k // lanes)·a_step + i·lanes + k %
    lanes. `strips`, as high as a tile: at k·height + i, one strip behind the other.
    """

    a: Value
    a_step: Value
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


def define_product(m: Module, target: Target, form: Form, vectors: int, layout: str = "rows") -> str:
    """Write C = A B for `vectors` panels side by side; returns its name. It takes the fields of `Product`."""
    t, name = form.type, f"{layout}{vectors}"
    types = {n: t.pointer if n in ("a", "panel", "c") else i64 for n in Product._fields}
    f = m.function(name, internal=True, **types)
    p, height = Product(*f.args), form.height
    write = _writer(f, target, form, vectors, layout, p)
    done = p.tall * height
    for i in f.range(0, done, height):
        write(height, i)
    if height > 1:
        end = done + p.short * (height - 1)
        for i in f.range(done, end, height - 1):
            write(height - 1, i)
        done = end
    if layout != "strips":
        with f.when(p.rows >= 4):
            for i in f.range(done, p.rows, 4):
                write(4, smaller(i, p.rows - 4))
        with f.otherwise():
            for i in f.range(done, p.rows):
                write(1, i)
    f.ret()
    return name


def _writer(
    f: Function, target: Target, form: Form, vectors: int, layout: str, p: Product
) -> Callable[[int, Value], None]:
    """What writes some rows of C: each element is summed in the order of k, whatever the tile."""
    lanes, size = target.lanes(form.type), form.type.size
    unroll = min(4, lanes) if layout == "panels" else 4
    odd = multiples(p.a_step * size, max(form.height, 4)) if layout == "rows" else None
    panels = multiples(p.next_panel * size, vectors)

    def scalars(a: Any, u: int, rows: int) -> Iterator[Value]:
        if layout == "rows":
            return (x.load(u) for x in strided(a, odd, rows))
        return (a.load(u + i * lanes if layout == "panels" else u * rows + i) for i in range(rows))

    def write(rows: int, top: Value) -> None:
        tile = Tile(f, form.type, rows, vectors, lanes)
        row = {"rows": p.a_step, "panels": lanes, "strips": p.depth}[layout]
        a, b, whole = f.var(p.a.at(top * row)), f.var(p.panel), p.depth & -unroll
        for steps, start, stop in ((unroll, 0, whole), (1, whole, p.depth)):
            if layout == "panels" and steps < unroll:
                break  # panels are whole
            for k in f.range(start, stop, steps):
                for u in range(steps):
                    line = [x.load(u * lanes, lanes) for x in strided(b, panels, vectors)]
                    tile.step(scalars(a, u, rows), line)
                if layout == "panels":
                    ends = ((k + steps) & (lanes - 1)) == 0
                    a.set(a.at(ends.select(p.a_step - (lanes - steps), steps)))
                else:
                    a.set(a.at(steps * (rows if layout == "strips" else 1)))
                b.set(b.at(steps * lanes))
        for i, sums in enumerate(tile.sums):
            for v, total in enumerate(sums):
                p.c.store(total, (top + i) * p.c_row + v * lanes)

    return write


def define_pack(
    m: Module, target: Target, form: Form, types: dict[str, Type], columns: str = "hidden"
) -> None:
    """Write pack, whose items are panels: panel[k·lanes + i] = W[first + i, k], 0 beyond the last unit.

    Slots `weights` (contiguous, `hidden` rows for each gate, as many columns as the slot named `columns`
    says) and `panels`.
    """
    t, lanes = form.type, target.lanes(form.type)
    define_turn(m, t, target)
    f, lo, hi, _, s = begin(m, "pack", types)
    depth = getattr(s, columns)
    for item in f.range(lo, hi):
        gate, first = item // s.items, item % s.items * lanes
        goal = s.panels.at(item * depth * lanes)
        if form.ragged:
            for k in f.range(0, depth):
                goal.store(f.const(t.x(lanes), 0), k * lanes)
        source, width = s.weights.at((gate * s.hidden + first) * depth), smaller(s.hidden - first, lanes)
        f.call("turn", void, width, depth, source, depth, goal, lanes)
    f.ret()


def define_pack_upright(m: Module, target: Target, form: Form, types: dict[str, Type], columns: str) -> None:
    """Write pack, whose items are panels: panel[k·lanes + i] = W[k, first + i].

    Slots `weights` (contiguous, with as many columns as the slot named `columns` says) and `panels`. k counts
    units of whole vectors, gate after gate; the gate `first_gate` comes first.
    """
    t, lanes, gates = form.type, target.lanes(form.type), GATES[form.cell]
    f, lo, hi, _, s = begin(m, "pack", types)
    width, wide = getattr(s, columns), (s.hidden + (lanes - 1)) & -lanes
    for item in f.range(lo, hi):
        first = item * lanes
        mask = f.below(width - first, lanes)
        for k in f.range(0, gates):
            goal = s.panels.at((item * gates + k) * (wide * lanes))
            source = s.weights.at((k + s.first_gate) % gates * (s.hidden * width) + first)
            with f.when(first + lanes <= width):
                for u in f.range(0, s.hidden):
                    goal.store(source.load(u * width, lanes), u * lanes)
            with f.otherwise():
                for u in f.range(0, s.hidden):
                    goal.store(source.load(u * width, lanes, mask), u * lanes)
            for u in f.range(s.hidden, wide):
                goal.store(f.const(t.x(lanes), 0), u * lanes)
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

    The threads meet after each step, in `rushlight_parallel`.
    """
    f, s = driver(m, types)
    with released(f, s.grain < s.items):
        share(f, "pack", s.items * panels, s.grain * panels)
        for k in f.range(0, s.count):
            f.args[0].of(i64).store(s.steps.at(k * len(STEP)).to(i64), len(types) - 1)
            share(f, "step", s.items, s.grain)
    f.ret()


def driver(m: Module, types: dict[str, Type]) -> tuple[Function, Any]:
    """The function that Python calls, for one item, and its arguments by name."""
    f, _, _, _, values = entry(m, "kernel", False, **types)
    return f, SimpleNamespace(**dict(zip(types, values, strict=True)))


def share(f: Function, name: str, total: Value, grain: Value) -> None:
    """Share out the items of one of this module's kernels, which gets the same slots."""
    f.call("rushlight_parallel", void, f.address(name), f.args[0], total, grain)


@contextmanager
def released(f: Function, shared: Value) -> Iterator[None]:
    """Let the interpreter go meanwhile, if several threads are at work and a plan has not done so already."""
    state = f.var(f.const(ptr, 0))
    with f.when(shared & (f.call("PyGILState_Check", i32) != 0)):
        state.set(f.call("PyEval_SaveThread", ptr))
    yield
    with f.when(state.now != 0):
        f.call("PyEval_RestoreThread", void, state)


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
