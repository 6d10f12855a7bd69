"""Calls in machine code of ops whose result shares its input's memory."""

from __future__ import annotations

from ..kernels import layout, objects
from ..kernels.ir import Function, Module
from ..kernels.types import i1, i32, i64, ptr, void
from ..kernels.values import Value
from .machine_nodes import (
    LIST_ITEMS,
    MOST_ARGUMENTS,
    REPLAY,
    SINGLE,
    boxed,
    computed,
    context,
    is_tensor,
    none,
    offsets,
    put,
    slot,
    switch,
    unless,
)
from .switches import BOXED, PAUSED, WATCHED


def write_link(m: Module) -> None:
    """Make `t` known as a view of `x`: they share a box, which knows `t` while gradients are on.

    `replay` is (function, options, names): how to make such a view of another tensor. 0 where Python must do
    it.
    """
    f = m.function("link", i64, internal=True, t=ptr, x=ptr, replay=ptr, on=i1)
    t, x, replay, on = f.args
    with f.when(slot(x, "_b") == none(f)):
        f.call("Py_DecRef", void, slot(x, "_b"))
        x.of(objects.i8).at(offsets["_b"]).of(ptr).store(f.call("new_box", ptr))
    box = slot(x, "_b")
    link = f.call("PyTuple_New", ptr, 4)
    f.call("PyTuple_SetItem", i32, link, 0, objects.retained(x))
    for k in range(3):
        part = replay.of(objects.i8).at(layout.TUPLE_ITEMS).of(ptr)[k]
        f.call("PyTuple_SetItem", i32, link, k + 1, objects.retained(part))
    for name, value in (("_b", objects.retained(box)), ("_v", link)):
        f.call("Py_DecRef", void, slot(t, name))
        t.of(objects.i8).at(offsets[name]).of(ptr).store(value)
    with f.when(on):
        items = objects.field(box, LIST_ITEMS, ptr.pointer)
        live = items[1]
        seen = f.call("PyWeakref_NewRef", ptr, t, f.const(ptr, 0))
        with f.when(live == none(f)):
            fresh = f.call("PyList_New", ptr, 1)
            put(f, fresh, 0, seen)
            put(f, box, 1, fresh)
        with f.otherwise():
            f.call("PyList_Append", i32, live, seen)
            f.call("Py_DecRef", void, seen)
    f.ret(1)


_LIST_SIZE = 16  # PyVarObject.ob_size
_MANY_VIEWS = 62  # from here on Python forgets those that are gone, now and then


def write_call_view(m: Module) -> None:
    """A view of one Tensor: the arguments behind it go to the kernel as they are."""
    f = m.function("view", ptr, internal=True, plan=i64.pointer, args=ptr.pointer, count=i64, names=ptr)
    plan, args, count, names = f.args
    raw = f.stack(ptr, MOST_ARGUMENTS)
    ordinary = (names == 0) & (count >= 1) & (count < MOST_ARGUMENTS)
    unless(f, plan, ordinary & ((switch(f, PAUSED)[0] | switch(f, WATCHED)[0] | switch(f, BOXED)[0]) == 0))
    x = args[0]
    unless(f, plan, is_tensor(f, x))
    unless(f, plan, boxed(f, x) & _has_room(f, x))
    raw[0] = slot(x, "_a")
    for k in f.range(1, count):
        raw[k] = args[k]
    array = computed(f, plan, raw, count)
    mode = context(f, "py_grad_mode")
    f.call("Py_DecRef", void, mode)
    on = mode == objects.symbol(f, "py_True")
    made = f.var(f.const(ptr, 0))
    with f.when(on & (slot(x, "_n") != none(f))):
        made.set(f.call("recorded", ptr, plan, args, count, SINGLE, array))
    with f.otherwise():
        made.set(f.call("wrap", ptr, array, objects.none(f), objects.none(f)))
    with f.when(made == 0):
        f.ret(made)
    replay = f.call("replay", ptr, plan, args, count)
    f.call("link", i64, made, x, replay, on)
    f.call("Py_DecRef", void, replay)
    f.ret(made)


def _has_room(f: Function, x: Value) -> Value:
    """Whether the list of live views of a Tensor's memory may grow without a look through it."""
    box, room = slot(x, "_b"), f.var(f.const(i1, 1))
    with f.when(box != none(f)):
        live = objects.field(box, LIST_ITEMS, ptr.pointer)[1]
        with f.when(live != none(f)):
            room.set(objects.field(live, _LIST_SIZE, i64) < _MANY_VIEWS)
    return room.now


def write_replay(m: Module) -> None:
    """(function, options, names) of a view: the options are none, or the tuple of sizes that was given."""
    f = m.function("replay", ptr, internal=True, plan=i64.pointer, args=ptr.pointer, count=i64)
    plan, args, count = f.args
    known = plan[REPLAY].to(ptr)  # the same with no options
    with f.when(count == 1):
        f.ret(objects.retained(known))
    sizes = f.var(args[1])
    with f.when((count == 2) & objects.is_a(args[1], "tuple")):
        objects.retained(args[1])
    with f.otherwise():
        sizes.set(f.call("PyTuple_New", ptr, count - 1))
        for k in f.range(1, count):
            f.call("PyTuple_SetItem", i32, sizes, k - 1, objects.retained(args[k]))
    options, made = f.call("PyTuple_New", ptr, 1), f.call("PyTuple_New", ptr, 3)
    f.call("PyTuple_SetItem", i32, options, 0, sizes)
    items = known.of(objects.i8).at(layout.TUPLE_ITEMS).of(ptr)
    for k, part in enumerate((objects.retained(items[0]), options, objects.retained(items[2]))):
        f.call("PyTuple_SetItem", i32, made, k, part)
    f.ret(made)
