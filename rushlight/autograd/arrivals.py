"""A gradient's arrival at a leaf in machine code: it becomes `.grad`, or is added to it.

In a small network this is half of what backward costs in Python.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ..kernels import layout, llvm, objects
from ..kernels.ir import Function, Module
from ..kernels.types import i64, ptr, void
from ..kernels.values import Value
from .engine import Leaf
from .machine_nodes import LIST_ITEMS, none, offsets, put, slot, write_box, write_wrap

_fields: dict[str, int] = {}


def builtin(add: int) -> Callable[..., Any]:
    """`arrive(leaf, g, incoming)`: True where the gradient is in the leaf now, None where Python must help.

    `add` is the head of the sum of two arrays; g is copied if it is the array that came in, or a view.
    """
    _fields.update({name: layout.slot_offset(Leaf, name) for name in ("grad", "hooks", "after")})
    key = ("arrivals", sorted(_fields.items()), sorted(offsets.items()))
    code = llvm.build(key, _module, None, sum_head=add)
    return layout.builtin("arrive", code["arrive"])


def _module() -> Module:
    m = Module()
    write_wrap(m)
    write_box(m)
    f = m.function("arrive", ptr, owner=ptr, args=ptr.pointer, count=i64)
    _, args, _ = f.args
    leaf, g, incoming = args[0], args[1], args[2]
    for name in ("hooks", "after"):
        _unless(f, objects.field(leaf, _fields[name], ptr) == none(f))
    _unless(f, objects.is_a(g, "ndarray"))
    held = objects.field(leaf, _fields["grad"], ptr)
    with f.when(held == none(f)):
        _begin(f, leaf, g, incoming)
    _unless(f, objects.field(held, layout.TYPE, ptr) == objects.symbol(f, "py_Tensor"))
    _unless(f, slot(held, "_n") == none(f))
    _add(f, held, g)
    return m


def _unless(f: Function, condition: Value) -> None:
    with f.when(~condition):
        f.ret(objects.none(f))


def _begin(f: Function, leaf: Value, g: Value, incoming: Value) -> None:
    """The first gradient: a fresh array is taken over."""
    base = objects.field(g, layout.BASE, ptr)
    _unless(f, (g != incoming) & (base == 0))
    made = f.call("wrap", ptr, objects.retained(g), objects.none(f), objects.none(f))
    with f.when(made == 0):
        f.ret(made)
    f.call("Py_DecRef", void, none(f))
    leaf.of(objects.i8).at(_fields["grad"]).of(ptr).store(made)
    f.ret(objects.retained(objects.symbol(f, "py_True")))


def _add(f: Function, held: Value, g: Value) -> None:
    """Add to the gradient that is there, and count the change."""
    arrays = f.stack(ptr, 3)
    arrays[0] = arrays[1] = slot(held, "_a")
    arrays[2] = g
    made = f.call("rushlight_make_into", ptr, f.module.external(f, "sum_head"), arrays, 3)
    with f.when(made == 0):
        f.ret(made)
    f.call("Py_DecRef", void, made)
    _unless(f, made != none(f))
    with f.when(slot(held, "_b") == none(f)):  # a graph may hold the gradient, as it was in version 0
        f.call("Py_DecRef", void, none(f))
        held.of(objects.i8).at(offsets["_b"]).of(ptr).store(f.call("new_box", ptr))
    box = slot(held, "_b")
    with f.when(objects.is_a(box, "list")):
        count = f.call("PyLong_AsLongLong", i64, objects.field(box, LIST_ITEMS, ptr.pointer)[0])
        put(f, box, 0, f.call("PyLong_FromLongLong", ptr, count + 1))
    f.ret(objects.retained(objects.symbol(f, "py_True")))
