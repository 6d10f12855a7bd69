"""A block of images turned so that channels come last, padded with zeros: what convolutions sum over."""

from __future__ import annotations

from .ir import Module
from .targets import Target
from .types import Type, i64, void
from .values import Value


def define_zero(m: Module, t: Type, target: Target) -> str:
    """zero(x, n): x[i] = 0 for i < n."""
    f = m.function("zero", internal=True, x=t.pointer, n=i64)
    x, n = f.args
    lanes = target.lanes(t)
    whole = n & -lanes
    for i in f.range(0, whole, lanes):
        x.store(f.const(t.x(lanes), 0), i)
    for i in f.range(whole, n):
        x.store(0, i)
    f.ret()
    return f.name


def define_gather(m: Module, t: Type, turn: str, zero: str) -> str:
    """gather: `rows` padded rows of an image (C, H, W) from row `top` on, as block[row, column, channel].

    `columns` of each row are copied, from column `skip` on, to behind a `margin` of zeros; zeros follow.
    """
    f = m.function(
        "gather", internal=True, x=t.pointer, block=t.pointer, channels=i64, height=i64, width=i64,
        rows=i64, pitch=i64, top=i64, skip=i64, margin=i64, columns=i64,
    )  # fmt: skip
    x, block, channels, height, width, rows, pitch, top, skip, margin, columns = f.args
    rest = (pitch - margin - columns) * channels
    for r in f.range(0, rows):
        line, h = block.at(r * pitch * channels), top + r
        with f.when((h >= 0) & (h < height)):
            inner = line.at(margin * channels)
            f.call(zero, void, line, margin * channels)
            f.call(turn, void, channels, columns, x.at(h * width + skip), height * width, inner, channels)
            f.call(zero, void, inner.at(columns * channels), rest)
        with f.otherwise():
            f.call(zero, void, line, pitch * channels)
    f.ret()
    return f.name


def define_move(m: Module, t: Type, target: Target) -> str:
    """move(x, y, n): y[i] = x[i] for i < n."""
    f = m.function("move", internal=True, x=t.pointer, y=t.pointer, n=i64)
    x, y, n = f.args
    lanes = target.lanes(t)
    whole = n & -lanes
    for i in f.range(0, whole, lanes):
        y.store(x.load(i, lanes), i)
    with f.when(whole < n):
        inside = f.below(n - whole, lanes)
        y.store(x.load(whole, lanes, inside), whole, inside)
    f.ret()
    return f.name


def define_move_rows(m: Module, t: Type, target: Target) -> str:
    """move_rows(rows, columns, x, x_step, y, y_step): y[r·y_step + c] = x[r·x_step + c]."""
    f = m.function(
        "move_rows", internal=True, rows=i64, columns=i64, x=t.pointer, x_step=i64, y=t.pointer, y_step=i64
    )
    rows, columns, x, x_step, y, y_step = f.args
    lanes = target.lanes(t)
    whole = columns & -lanes
    for r in f.range(0, rows):
        source, goal = x.at(r * x_step), y.at(r * y_step)
        for c in f.range(0, whole, lanes):
            goal.store(source.load(c, lanes), c)
        with f.when(whole < columns):
            inside = f.below(columns - whole, lanes)
            goal.store(source.load(whole, lanes, inside), whole, inside)
    f.ret()
    return f.name


def define_gather_last(m: Module, t: Type, move: str, zero: str) -> str:
    """gather, from an image whose channels are last already (H, W, C)."""
    f = m.function(
        "gather_last", internal=True, x=t.pointer, block=t.pointer, channels=i64, height=i64, width=i64,
        rows=i64, pitch=i64, top=i64, skip=i64, margin=i64, columns=i64,
    )  # fmt: skip
    x, block, channels, height, width, rows, pitch, top, skip, margin, columns = f.args
    for r in f.range(0, rows):
        line, h = block.at(r * pitch * channels), top + r
        with f.when((h >= 0) & (h < height)):
            inner, many = line.at(margin * channels), columns * channels
            f.call(zero, void, line, margin * channels)
            f.call(move, void, x.at((h * width + skip) * channels), inner, many)
            f.call(zero, void, inner.at(many), (pitch - margin - columns) * channels)
        with f.otherwise():
            f.call(zero, void, line, pitch * channels)
    f.ret()
    return f.name


def define_copy(m: Module, t: Type, target: Target, zero: str) -> str:
    """The same with channels first: block[channel, row, column]."""
    f = m.function(
        "copy", internal=True, x=t.pointer, block=t.pointer, channels=i64, height=i64, width=i64,
        rows=i64, pitch=i64, top=i64, skip=i64, margin=i64, columns=i64,
    )  # fmt: skip
    x, block, channels, height, width, rows, pitch, top, skip, margin, columns = f.args
    lanes = target.lanes(t)
    for c in f.range(0, channels):
        for r in f.range(0, rows):
            line, h = block.at((c * rows + r) * pitch), top + r
            f.call(zero, void, line, pitch)
            with f.when((h >= 0) & (h < height)):
                source, goal = x.at((c * height + h) * width + skip), line.at(margin)
                for i in f.range(0, columns, lanes):
                    inside = f.below(columns - i, lanes)
                    goal.store(source.load(i, lanes, inside), i, inside)
    f.ret()
    return f.name


def copy_block(name: str, n: dict[str, Value], x: Value, block: Value, first: Value, band: Value) -> None:
    """Make the block of images from `first` on, rows of band number `band` by a function."""
    f = x.f
    top = n["origin"] + band * n["shift"]
    last = first + n["together"]
    image = n["rows"] * n["pitch"] * n["channels"]
    for i in f.range(first, (last < n["images"]).select(last, n["images"])):
        source = x.at(i * n["channels"] * n["height"] * n["width"])
        goal = block.at((i - first) * image)
        shape = (n["channels"], n["height"], n["width"], n["rows"], n["pitch"])
        f.call(name, void, source, goal, *shape, top, n["skip"], n["margin"], n["columns"])
