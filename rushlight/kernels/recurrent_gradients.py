"""The products of a recurrent layer that all its steps share: of its inputs, and of its gates' cotangents.

The latter stand in panels, as `recurrent_backward` leaves them, a vector of units after another: as the left
factor their scalars lie close together, and as the right one they need no packing.
"""

from __future__ import annotations

import functools

from .gemm_pack import define_pack as define_strip
from .ir import Module
from .launch import Kernel
from .recurrent_block import (
    GATES,
    Form,
    Product,
    begin,
    define_pack,
    define_pack_upright,
    define_product,
    driver,
    in_pairs,
    released,
    share,
)
from .targets import Target
from .turning import define_turn, smaller
from .types import Type, i64, void

#: rows of all steps, and of a panel of d, hidden units, columns of W or x, the gate whose panels are first
SIZES = dict(total=i64, depth=i64, hidden=i64, columns=i64, first_gate=i64)


@functools.cache
def gates_kernel(form: Form) -> Kernel:
    """x Wᵀ, whose columns are whole vectors. Slots: weights, panels (room for W's), x, out, blocks of rows,
    rows of W, columns of W, vectors of rows of W, how many blocks, grain.
    """
    return Kernel(("recurrent gates", form), lambda target: _gates(form, target))


def _gates(form: Form, target: Target) -> Module:
    m, lanes = Module(), target.lanes(form.type)
    types = dict.fromkeys(("weights", "panels", "x", "out"), form.type.pointer)
    types |= {"blocks": i64.pointer} | dict.fromkeys(("hidden", "columns", "items", "count", "grain"), i64)
    for count in (1, 2):
        define_product(m, target, form, count)
    define_pack(m, target, form, types, "columns")
    f, lo, hi, _, s = begin(m, "step", types)
    for item in f.range(lo, hi):
        start, *sizes = (s.blocks[item * 4 + i] for i in range(4))
        for first, count in in_pairs(f, f.lift(0, i64), s.items):
            panel = s.columns * lanes
            a, b, c = s.x.at(start * s.columns), s.panels.at(first * panel), s.out.at(start * s.hidden)
            p = Product(a, s.columns, s.columns, b, panel, c.at(first * lanes), s.hidden, *sizes)
            f.call(f"rows{count}", void, *p)
    f.ret()
    _define_blocks(m, types)
    return m


def _define_blocks(m: Module, types: dict[str, Type]) -> None:
    """Write the kernel that packs weights for `items` vectors, and then does all blocks."""
    f, s = driver(m, types)
    shared = s.grain < s.count
    with released(f, shared):
        share(f, "pack", s.items, shared.select(1, s.items))
        share(f, "step", s.count, s.grain)
    f.ret()


@functools.cache
def inputs_kernel(form: Form) -> Kernel:
    """dx = d W. Slots: weights, panels (room for W's), d, out, blocks of rows, SIZES,
    vectors of columns, how many blocks, grain.

    Blocks are (start, rows, tall, short); `out` has rows of whole vectors.
    """
    return Kernel(("recurrent inputs", form), lambda target: _inputs(form, target))


def _inputs(form: Form, target: Target) -> Module:
    m, lanes, gates = Module(), target.lanes(form.type), GATES[form.cell]
    types = dict.fromkeys(("weights", "panels", "d", "out"), form.type.pointer)
    types |= {"blocks": i64.pointer} | SIZES | dict.fromkeys(("items", "count", "grain"), i64)
    for count in (1, 2):
        define_product(m, target, form, count, "panels")
    define_pack_upright(m, target, form, types, "columns")
    f, lo, hi, _, s = begin(m, "step", types)
    items = s.items
    depth = ((s.hidden + (lanes - 1)) & -lanes) * gates
    for item in f.range(lo, hi):
        start, rows, tall, short = (s.blocks[item * 4 + i] for i in range(4))
        for first, count in in_pairs(f, f.lift(0, i64), items):
            a, b = s.d.at(start * lanes), s.panels.at(first * depth * lanes)
            c, c_row = s.out.at((start * items + first) * lanes), items * lanes
            p = Product(a, s.depth * lanes, depth, b, depth * lanes, c, c_row, rows, tall, short)
            f.call(f"panels{count}", void, *p)
    f.ret()
    _define_blocks(m, types)
    return m


@functools.cache
def weights_kernel(form: Form) -> Kernel:
    """dW = dᵀ x. Slots: x (contiguous), strips (room for x's), d, out, room, SIZES, space, tall,
    short, grain.

    The columns of x are `tall` strips of the form's height and `short` ones of one less.
    """
    return Kernel(("recurrent weights", form), lambda target: _weights(form, target))


def _weights(form: Form, target: Target) -> Module:
    m, t, lanes, gates = Module(), form.type, target.lanes(form.type), GATES[form.cell]
    types = dict.fromkeys(("x", "strips", "d", "out", "room"), t.pointer)
    types |= SIZES | dict(space=i64, tall=i64, short=i64, grain=i64)
    for count in (1, 2):
        define_product(m, target, form, count, "strips")
    define_turn(m, t, target)
    _define_strips(m, target, form, types)
    f, lo, hi, tid, s = begin(m, "step", types)
    s.room = s.room.at(tid * s.space)
    items = (s.hidden + (lanes - 1)) // lanes
    for item, count in in_pairs(f, lo, hi):
        b, after = s.d.at(item * s.depth * lanes), s.depth * lanes
        sizes = (f.lift(count * lanes, i64), s.columns, s.tall, s.short)
        p = Product(s.strips, s.columns, s.total, b, after, s.room, *sizes)
        f.call(f"strips{count}", void, *p)
        for v in range(count):
            gate, first = (item + v) // items, (item + v) % items * lanes
            row = (gate + s.first_gate) % gates * s.hidden + first
            width, goal = smaller(s.hidden - first, lanes), s.out.at(row * s.columns)
            f.call("turn", void, s.columns, width, s.room.at(v * lanes), count * lanes, goal, s.columns)
    f.ret()
    f, s = driver(m, types)
    strips, vectors = s.tall + s.short, (s.hidden + (lanes - 1)) // lanes * gates
    shared = s.grain < vectors
    with released(f, shared):
        share(f, "pack", strips, shared.select(1, strips))
        share(f, "step", vectors, s.grain)
    f.ret()
    return m


def _define_strips(m: Module, target: Target, form: Form, types: dict[str, Type]) -> None:
    """Write pack, a kernel whose items are strips of x."""
    heights = [form.height, max(form.height - 1, 1)]
    for height in set(heights):
        define_strip(m, f"strip{height}", form.type, target, height)
    f, lo, hi, _, s = begin(m, "pack", types)
    for item in f.range(lo, hi):
        for height, chosen in zip(heights, (item < s.tall, item >= s.tall)):
            with f.when(chosen):
                first = smaller(item, s.tall) + item * (form.height - 1)
                goal = s.strips.at(first * s.total)
                one = f.lift(1, i64)
                f.call(f"strip{height}", void, s.total, s.x.at(first), one, s.columns, goal)
    f.ret()
