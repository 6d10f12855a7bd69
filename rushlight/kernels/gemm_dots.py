"""Products of rows with rows: C = α·A·B + β·D where k runs through memory in both, as in a linear layer.

Vectors lie along k, so that nothing is broadcast or turned over: a tile keeps one vector of partial sums for
each of its elements, and adds up their lanes at the end. The last tile of a row or column is moved back until
it fits.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from . import halves
from .gemm import Form, begin, locate
from .ir import Function, Module
from .targets import Target
from .tile import fma
from .turning import smaller
from .types import Type, bf16, f32, i64, u16
from .values import Value, Var


def product(form: Form) -> Any:
    """What writes the kernel of a form: `vectors` are the columns of a tile, a power of two up to `lanes`."""

    def make(target: Target) -> Module:
        m = Module()
        f, lo, hi, _, s = begin(m, form, b_column=i64)
        for item in f.range(lo, hi):
            locate(s, item)
            tops = s.first_row, smaller(s.first_row + s.tall, s.rows), form.rows
            lefts = s.first_column, smaller(s.first_column + s.wide, s.columns), form.vectors
            for i in f.range(*(lefts if form.by_columns else tops)):
                for j in f.range(*(tops if form.by_columns else lefts)):
                    top, left = (j, i) if form.by_columns else (i, j)
                    left = smaller(left, s.columns - form.vectors)
                    _tile(f, form, s, smaller(top, s.rows - form.rows), left)
        f.ret()
        return m

    return make


def _tile(f: Function, form: Form, s: Any, top: Value, left: Value) -> None:
    """One tile of C: partial sums, their totals, and what is made of them."""
    half, kind = form.type == bf16, _kind_of_sums(form)
    alpha, beta = s.alpha.to(kind), s.beta.to(kind)
    for i, total in enumerate(_totals(form, _sums(f, form, s, top, left))):
        value, place = total * alpha if form.scaled else total, (top + i) * s.d_row + left
        if form.added:
            addend = halves.load(s.D, place, form.vectors) if half else s.D.load(place, form.vectors)
            value = fma(addend, beta, value)
        goal = (top + i) * s.c_row + left
        halves.store(s.C, value, goal) if half else s.C.store(value, goal)


def _kind_of_sums(form: Form) -> Type:
    """The type of sums: float32 for bfloat16, whose vectors of twice the lanes are multiplied by pairs."""
    return f32 if form.type == bf16 else form.type


def _sums(f: Function, form: Form, s: Any, top: Value, left: Value) -> list[list[Var]]:
    """Σ over k of A[i, k]·B[j, k], every lane for itself."""
    zero = f.const(_kind_of_sums(form).x(form.lanes), 0)
    sums = [[f.var(zero) for _ in range(form.vectors)] for _ in range(form.rows)]
    rows = [s.A.at((top + i) * s.a_row) for i in range(form.rows)]
    columns = [s.B.at((left + j) * s.b_column) for j in range(form.vectors)]
    lanes = form.lanes * (_kind_of_sums(form).size // form.type.size)
    whole = s.depth & -lanes
    for k in f.range(0, whole, lanes):
        _step(form, sums, rows, columns, _Part(k, lanes, None))
    with f.when(whole < s.depth):
        _step(form, sums, rows, columns, _Part(whole, lanes, f.below(s.depth - whole, lanes)))
    return sums


class _Part(NamedTuple):
    """A vector of k: where it begins, its lanes, and which of them count."""

    k: Value
    lanes: int
    mask: Value | None


def _step(form: Form, sums: list[list[Var]], rows: list[Value], columns: list[Value], part: _Part) -> None:
    """Add what a vector of k gives."""
    add, kind = (halves.add_products, u16) if form.type == bf16 else (fma, form.type)
    vectors = [column.of(kind).load(*part) for column in columns]
    for x, row in zip(rows, sums, strict=True):
        left = x.of(kind).load(*part)
        for y, total in zip(vectors, row, strict=True):
            total.set(add(left, y, total.now))


def _totals(form: Form, sums: list[list[Var]]) -> list[Value]:
    """The rows of the tile: as many at a time as fit one vector are added up together."""
    rows: list[Value] = []
    while len(rows) < form.rows:
        count = min(form.rows - len(rows), form.lanes // form.vectors)
        count = 1 << (count.bit_length() - 1)
        group = [total.now for row in sums[len(rows) : len(rows) + count] for total in row]
        added = totals(group)
        rows += [_part(added, i, form.vectors) for i in range(0, len(group), form.vectors)]
    return rows


def _part(x: Value, start: int, count: int) -> Value:
    return x.lane(start) if count == 1 else x.shuffle(range(start, start + count))


def totals(vectors: list[Value]) -> Value:
    """The sums of each vector's lanes as one vector, for a power of two of them, at most as many as lanes."""
    size = vectors[0].lanes  # of what is left of each vector
    while size > 1:
        size //= 2
        pairs = list(zip(vectors[::2], vectors[1::2])) or [(vectors[0], None)]
        vectors = [_halved(a, b, size) for a, b in pairs]
    return vectors[0]


def _halved(a: Value, b: Value | None, size: int) -> Value:
    """The halves (of `size` lanes) of every part of one or two vectors, added."""
    if b is None and a.lanes == 2:
        return a.lane(0) + a.lane(1)
    lanes = a.lanes * (1 if b is None else 2)
    first = [k for k in range(lanes) if not k & size]
    return a.shuffle(first, b) + a.shuffle([k + size for k in first], b)
