"""Messages: for every edge j the row y[to[j]] += f(x[at[j]], w[j], ...), without an array of all messages.

A graph network gathers rows, computes with them element by element, and adds them up where edges end. Edges
are taken in order, so that an element's sum has one order. Threads share the rows of y out: each looks for
the edges that end in its own.

Slots: y, `to`, how many edges, elements of a row, sets of rows; then the inputs, each with the elements from
one edge's row to the next and, where rows are gathered, their positions; then numbers (f64). Positions are
i64 and in range.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from .copies import smaller
from .fused_steps import Step, Values, bits, said, shown, types_of
from .fused_types import loaded, stored
from .gather import RUN
from .ir import Function, Module
from .launch import Kernel, entry
from .normalize import Place, along
from .targets import Target
from .types import Type, f32, f64, i32, i64
from .values import Value

MOST_VECTORS = 8  # in a row that code is written for
_BLOCK = 512  # edges of which a thread picks its own before it computes


class Rows(NamedTuple):
    """An input: the row of an edge lies in memory one after the other, or by position where it is `gathered`;
    of a `still` one it is one number.
    """

    name: str
    type: Type
    gathered: bool
    still: bool


class Form(NamedTuple):
    """What the code depends on: y's row gets the value `result` of the steps; a row is `inner` elements, any
    number if 0; whether threads share rows out.
    """

    steps: tuple[Step, ...]
    inputs: tuple[Rows, ...]
    numbers: tuple[str, ...]
    result: str
    type: Type
    shared: bool
    inner: int = 0

    @property
    def key(self) -> object:
        """What tells its code apart, whatever names it uses."""
        names = [*(p.name for p in self.inputs), *self.numbers]
        order = [*names, *(s.name for s in self.steps)]
        inputs = tuple((said(p.type), p.gathered, p.still) for p in self.inputs)
        how = len(self.numbers), order.index(self.result), said(self.type), *self[-2:]
        return "messages", shown(self.steps, names), inputs, *how

    @property
    def types(self) -> list[Type]:
        """All types there are."""
        of_steps = [t for s in self.steps for t in (s.computes, s.result)]
        return [self.type, *(p.type for p in self.inputs), *of_steps]

    def lanes(self, target: Target) -> int:
        """Elements of the widest type in a vector."""
        return target.bits // max(map(bits, self.types))


def kernel(form: Form, inner: int, target: Target) -> Kernel:
    """The kernel of a form, for rows of so many elements."""
    form = form._replace(inner=inner if inner <= MOST_VECTORS * form.lanes(target) else 0)
    if form.key not in _kernels:
        _kernels[form.key] = Kernel(form.key, lambda target: _write(form, target))
    return _kernels[form.key]


_kernels: dict[object, Kernel] = {}


class _Input(NamedTuple):
    """An input's memory, its step from edge to edge, and positions where rows are gathered."""

    rows: Rows
    at: Value
    step: Value
    positions: Value | None

    def row(self, edge: Value) -> Value:
        """Where an edge's row begins."""
        k = edge if self.positions is None else self.positions[edge]
        return self.at.at(k * self.step)


def _write(form: Form, target: Target) -> Module:
    m = Module()
    types: dict[str, Type] = dict(y=form.type.pointer, to=i64.pointer, count=i64, inner=i64, sets=i64)
    for p in form.inputs:
        types |= {f"{p.name} at": stored(p.type).pointer, f"{p.name} step": i64}
        types |= {f"{p.name} positions": i64.pointer} if p.gathered else {}
    known = types_of(form.steps, {p.name: p.type for p in form.inputs}, form.numbers)
    types |= {f"number {name}": known[name] for name in form.numbers}
    f, lo, hi, _, slots = entry(m, **types)
    s = dict(zip(types, slots, strict=True))
    if form.inner:
        s["inner"] = f.const(i64, form.inner)
    single = Values(f, 1)
    for name in form.numbers:
        single[name] = s[f"number {name}"]
    inputs = [
        _Input(p, s[f"{p.name} at"], s[f"{p.name} step"], s.get(f"{p.name} positions")) for p in form.inputs
    ]
    for edge in _edges(f, form, s, lo, hi):
        _add(f, form, target, s, single, inputs, edge)
    f.ret()
    return m


def _edges(f: Function, form: Form, s: dict[str, Value], lo: Value, hi: Value) -> Iterator[Value]:
    """The edges of the sets lo..hi, those of a set in order."""
    if not form.shared:
        yield from f.range(0, s["count"])
        return
    own = f.stack(i32, _BLOCK)
    for item in f.range(lo, hi):
        for start in f.range(0, s["count"], _BLOCK):
            found = f.var(0)
            for j in f.range(start, smaller(start + _BLOCK, s["count"])):  # no branch: it would go either way
                own[found.now] = j.to(i32)
                found += (((s["to"][j] >> RUN) & (s["sets"] - 1)) == item).to(i64)
            for k in f.range(0, found.now):
                yield own[k].to(i64)


def _add(
    f: Function,
    form: Form,
    target: Target,
    s: dict[str, Value],
    single: Values,
    inputs: Sequence[_Input],
    edge: Value,
) -> None:
    """Add an edge's row to where it ends."""
    known = single.copy()
    starts = {p.rows.name: p.row(edge) for p in inputs}
    for p in inputs:
        if p.rows.still:
            known[p.rows.name] = loaded(starts[p.rows.name].load(), p.rows.type)
    row = s["y"].at(s["to"][edge] * s["inner"])
    for place in _along(f, form, target, s["inner"]):
        values = known.splat(place.lanes)
        for p in inputs:
            if not p.rows.still:
                values[p.rows.name] = loaded(place.of(starts[p.rows.name]), p.rows.type)
        values.compute(form.steps)
        place.set(row, place.of(row) + values[form.result])


def _along(f: Function, form: Form, target: Target, inner: Value) -> Iterator[Place]:
    """The places of a row.

    A short one is cut into powers of two: a masked vector would be read behind the last one that was written,
    which must have reached the cache if it covers the same bytes (5.5 ns an edge of 7 elements, and 1.5 so).
    """
    lanes, done = form.lanes(target), 0
    if not form.inner:
        widest = f32 if lanes == target.lanes(f32) else f64
        yield from along(f, target, widest, f.const(i64, 0), inner, lanes)
    while done < form.inner:
        lanes = min(lanes, 1 << (form.inner - done).bit_length() - 1)
        yield Place(f.const(i64, done), lanes)
        done += lanes
