"""Copies that rearrange: any strided array into another that is dense along its last dimension.

What is copied at a time is a plane, `rows` x `columns`, of which the destination's rows are dense. The planes
of an array are counted by up to three outer dimensions. Elements are moved as integers of their size.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

from .ir import Function, Module
from .launch import Kernel, entry
from .targets import Target
from .types import Type, i8, i16, i32, i64, u32
from .values import Value

STRIP = 64  # rows of a plane that one item copies
_VECTORS = 4  # registers that a step along a row fills
ELEMENTS = {1: i8, 2: i16, 4: i32, 8: i64}

Body = Callable[["Plane"], None]


class Plane:
    """A strip of rows: `target`[i, j] = `source`[i, j] for the first of the plane's last `rows` rows.

    `row` and `column` are the source's strides, in elements; the rows before the strip are there too.
    """

    def __init__(self, f: Function, source: Value, target: Value, sizes: list[Value]) -> None:
        self.f, self.source, self.target = f, source, target
        self.rows, self.columns, self.row, self.column, self.target_row = sizes
        self.count = smaller(self.rows, f.const(i64, STRIP))


def smaller(x: Value, y: Value) -> Value:
    """The smaller of two integers."""
    return (x < y).select(x, y)


def _planes(element: Type, body: Body) -> Module:
    """A kernel whose items are strips of planes, those of one plane after the other."""
    m = Module()
    f, lo, hi, _, (x, y, numbers) = entry(m, x=element.pointer, y=element.pointer, numbers=i64.pointer)
    rows, columns, row, column, target_row, n1, n2, *outer = [numbers[k] for k in range(13)]
    x0, x1, x2, y0, y1, y2 = outer
    strips = (rows + (STRIP - 1)) // STRIP
    for item in f.range(lo, hi):
        plane, strip = _divide(item, strips)
        rest, k2 = _divide(plane, n2)
        k0, k1 = _divide(rest, n1)
        first = strip * STRIP
        source = x.at(k0 * x0 + k1 * x1 + k2 * x2 + first * row)
        target = y.at(k0 * y0 + k1 * y1 + k2 * y2 + first * target_row)
        body(Plane(f, source, target, [rows - first, columns, row, column, target_row]))
    f.ret()
    return m


def _divide(x: Value, y: Value) -> tuple[Value, Value]:
    """Quotient and remainder of numbers below 2^31: twice as fast as of 64 bits."""
    a, b = x.to(u32), y.to(u32)
    return (a // b).to(i64), (a % b).to(i64)


def copy_row(source: Value, target: Value, n: Value, width: int, backwards: bool = False) -> None:
    """target[0:n] = source[0:n] (`backwards`: source[0:-n:-1]) by vectors; the last may overlap."""

    def move(j: Value) -> None:
        if backwards:
            target.store(source.load(1 - width - j, width).shuffle(range(width)[::-1]), j)
        else:
            target.store(source.load(j, width), j)

    last = n - width
    for j in n.f.range(0, last, width):
        move(j)
    move(last)


def _straight(width: int, backwards: bool) -> Body:
    """Rows dense in both, or `backwards` in the source."""

    def body(p: Plane) -> None:
        for i in p.f.range(0, p.count):
            copy_row(p.source.at(i * p.row), p.target.at(i * p.target_row), p.columns, width, backwards)

    return body


def _transposed(size: int) -> Body:
    """The source is dense along columns: `size` x `size` tiles; the last may overlap those before."""

    def body(p: Plane) -> None:
        for j0 in p.f.range(0, p.columns, size):
            j = smaller(j0, p.columns - size)
            for i0 in p.f.range(0, p.count, size):
                i = smaller(i0, p.rows - size)
                source, target = p.source.at(j * p.column + i), p.target.at(i * p.target_row + j)
                tile = transpose([source.load(k * p.column, size) for k in range(size)])
                for k, line in enumerate(tile):
                    target.store(line, k * p.target_row)

    return body


def transpose(tile: list[Value]) -> list[Value]:
    """The columns of a square tile of as many vectors as lanes, by log2(n) rounds of perfect shuffles."""
    n, half = len(tile), len(tile) // 2
    low = [lane // 2 + n * (lane % 2) for lane in range(n)]
    for _ in range(n.bit_length() - 1):
        pairs = [(tile[k], tile[k + half]) for k in range(half)]
        tile = [a.shuffle([lane + up for lane in low], b) for a, b in pairs for up in (0, half)]
    return tile


def _interleaved(count: int, lanes: int) -> Body:
    """Rows of `count` elements, dense in the destination, from as many columns: planes become pixels."""
    order = [divmod(k, count) for k in range(count * lanes)]

    def body(p: Plane) -> None:
        for i0 in p.f.range(0, p.count, lanes):
            i = smaller(i0, p.rows - lanes)
            planes = [p.source.at(k * p.column).load(i, lanes) for k in range(count)]
            for k in range(count):
                wanted = [(plane, lane) for lane, plane in order[k * lanes : (k + 1) * lanes]]
                p.target.store(_picked(planes, wanted), i * count + k * lanes)

    return body


def _parted(count: int, lanes: int) -> Body:
    """`count` rows from a dense source whose columns hold as many elements: pixels become planes."""

    def body(p: Plane) -> None:
        for j0 in p.f.range(0, p.columns, lanes):
            j = smaller(j0, p.columns - lanes)
            pixels = [p.source.load(j * count + k * lanes, lanes) for k in range(count)]
            for k in range(count):
                wanted = [divmod(lane * count + k, lanes) for lane in range(lanes)]
                p.target.store(_picked(pixels, wanted), j + k * p.target_row)

    return body


def _picked(vectors: list[Value], wanted: list[tuple[int, int]]) -> Value:
    """Lane k is lane wanted[k][1] of vector wanted[k][0]: one shuffle for each vector behind the first."""
    n, found = len(wanted), vectors[0]
    order = [lane if v == 0 else 0 for v, lane in wanted]
    for number, vector in enumerate(vectors[1:], 1):
        order = [n + lane if v == number else order[k] for k, (v, lane) in enumerate(wanted)]
        found, order = found.shuffle(order, vector), list(range(n))
    return found


def _scattered(p: Plane) -> None:
    """Dense along neither: one element after the other."""
    for i in p.f.range(0, p.count):
        source, target = p.source.at(i * p.row), p.target.at(i * p.target_row)
        for j in p.f.range(0, p.columns):
            target[j] = source[j * p.column]


def _run(element: Type, width: int) -> Module:
    """y[lo:hi] = x[lo:hi], of which y has `width` elements or more; the last vector may begin before lo."""
    m = Module()
    f, lo, hi, _, (x, y, _) = entry(m, x=element.pointer, y=element.pointer, numbers=i64)
    last = hi - width
    for j in f.range(lo, last, width):
        y.store(x.load(j, width), j)
    y.store(x.load(last, width), last)
    f.ret()
    return m


@cache
def run(size: int) -> Kernel:
    """The copy of one dense run of elements of `size` bytes."""
    element = ELEMENTS[size]
    return Kernel(("copy run", size), lambda target: _run(element, target.lanes(element)))


@cache
def straight(size: int, columns: int, target: Target, backwards: bool = False) -> Kernel:
    """The copy of rows of `columns` elements of `size` bytes, dense in both or backwards in the source."""
    element = ELEMENTS[size]
    vectors = 1 if backwards else _VECTORS
    width = min(vectors * target.lanes(element), 1 << columns.bit_length() - 1)
    return _straight_kernel(element, width, backwards)


@cache
def _straight_kernel(element: Type, width: int, backwards: bool) -> Kernel:
    def make(target: Target) -> Module:
        return _planes(element, _straight(width, backwards))

    return Kernel(("copy rows", element, width, backwards), make)


def tile_of(size: int, target: Target) -> int:
    """Rows of the tiles by which elements of `size` bytes are transposed: 16 bytes of small elements."""
    return 16 // size if size < 4 else target.lanes(ELEMENTS[size])


@cache
def transposed(size: int) -> Kernel:
    """The copy of planes that are dense along columns in the source."""

    def make(target: Target) -> Module:
        return _planes(ELEMENTS[size], _transposed(tile_of(size, target)))

    return Kernel(("copy tiles", size), make)


@cache
def pixels(size: int, count: int, parted: bool) -> Kernel:
    """`count` planes to pixels of as many elements, or (`parted`) back."""

    def make(target: Target) -> Module:
        body = _parted if parted else _interleaved
        return _planes(ELEMENTS[size], body(count, tile_of(size, target)))

    return Kernel(("copy pixels", size, count, parted), make)


@cache
def scattered(size: int) -> Kernel:
    """The copy of planes of any strides."""
    return Kernel(("copy elements", size), lambda target: _planes(ELEMENTS[size], _scattered))
