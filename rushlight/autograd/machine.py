"""Calls of ops in machine code: from Tensors to the Tensor and its node, without Python in between.

One function serves all ops, and one all ops that write in place. It takes one to three Tensors (a number may
be the second, None the third), runs the op's kernel on their arrays, and records the node if one of them is
tracked. Whatever is out of the ordinary (keywords, other classes, arrays that the kernel does not take, a
mode in which more must happen) goes to the Python function of the op, which knows it all. What an op is, is
told by a table of words, its plan.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextvars import ContextVar
from typing import Any

import numpy as np

from ..kernels import layout, llvm, objects, pointwise
from ..kernels.ir import Function, Module
from ..kernels.types import i1, i32, i64, ptr, void
from ..kernels.values import Value, Var
from .machine_nodes import (
    DEFAULTS,
    DIVERTED,
    INPUTS,
    LIST_ITEMS,
    MOST_ARGUMENTS,
    NAME,
    PAIR,
    RECORDS,
    SINGLE,
    STRETCHED,
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
    write_box,
    write_node,
    write_recorded,
    write_wrap,
)
from .machine_views import write_call_view, write_link, write_replay
from .switches import PAUSED, WATCHED, words

_kept: list[Any] = []


def set_up(classes: Sequence[type], counter: Any, grad: ContextVar[bool], box: ContextVar[Any]) -> None:
    """Tell the code of Tensor and Parameter, the nodes' counter and the modes."""
    if offsets:
        return
    tensor, parameter = classes
    for name in ("_a", "_n", "_b", "_v"):
        offsets[name] = layout.slot_offset(tensor, name)
    own = {"Tensor": tensor, "Parameter": parameter, "grad_mode": grad, "fresh_box": box, "counter": counter}
    llvm.symbols.update({f"py_{name}": id(value) for name, value in own.items()})
    llvm.symbols["call_switches"] = words.ctypes.data
    _kept.append(own)
    pointwise.register()
    llvm.symbols.update(llvm.build(("calls", sorted(offsets.items())), _module))


class Call:
    """An op's call: as a function, and as a method of a class."""

    entry = "call"

    def __init__(self, plan: Sequence[int], keep: Any, name: str, module: str, doc: str) -> None:
        """`plan` are the words; `keep` is what they refer to."""
        self.words, self.name, self.module, self.doc = np.array(plan, np.int64), name, module, doc
        _kept.append((self, keep))

    def function(self) -> Any:
        """The builtin function."""
        owner = layout.capsule(self.words.ctypes.data)
        code = llvm.symbols[f"{self.entry}_function"]
        return layout.function(self.name, code, owner, self.module, self.doc)

    def method(self, cls: type) -> Any:
        """The method descriptor: code of its own, since a method has no room for a plan."""
        own = {"call_plan": self.words.ctypes.data, "call_method": llvm.symbols[f"{self.entry}_method"]}
        code = llvm.build("method", _method, None, **own)["method"]
        return layout.method(cls, self.name, code, self.doc)


class CallInto(Call):
    """The call of an op that writes in place."""

    entry = "into"


class CallView(Call):
    """The call of an op whose result shares its input's memory."""

    entry = "view"


class CallDivertible(Call):
    """The call of an op that autocast may cast the inputs of, which is for Python."""

    entry = "divertible"

    def divert(self, on: bool) -> None:
        """Send all calls to Python, or no longer."""
        self.words[DIVERTED] = on


# -- the code ------------------------------------------------------------------------------------------


def _method() -> Module:
    m = Module()
    f = m.function("method", ptr, me=ptr, args=ptr.pointer, count=i64, names=ptr)
    me, args, count, names = f.args
    plan = m.external(f, "call_plan")
    f.ret(f.call("call_method", ptr, plan, me, args, count, names))
    return m


def _module() -> Module:
    m = Module()
    write_wrap(m)
    write_box(m)
    write_node(m)
    write_recorded(m)
    _call(m)
    _call_divertible(m)
    _mark(m)
    _call_into(m)
    write_link(m)
    write_replay(m)
    write_call_view(m)
    for name in ("call", "divertible", "into", "view"):
        _entries(m, name)
    return m


def _call(m: Module) -> None:
    """An op's call: args are as many Tensors or numbers as the plan says, or whatever it takes Python to
    tell.
    """
    f = m.function("call", ptr, internal=True, plan=i64.pointer, args=ptr.pointer, count=i64, names=ptr)
    plan, args, count, names = f.args
    raw = f.stack(ptr, 3)
    inputs = plan[INPUTS]
    unless(f, plan, (names == 0) & (count >= inputs) & ((switch(f, PAUSED)[0] | switch(f, WATCHED)[0]) == 0))
    _unless_default(f, plan, args, count)
    first = args[0]
    unless(f, plan, is_tensor(f, first))
    raw[0] = slot(first, "_a")
    pair, tracked = f.var(f.const(i1, 0)), f.var(slot(first, "_n") != none(f))
    with f.when(inputs >= 2):
        pair.set(_take(f, plan, raw.at(1), args[1], tracked, _is_number))
        with f.when(inputs == 3):
            _take(f, plan, raw.at(2), args[2], tracked, lambda t: t == none(f))
    array = computed(f, plan, raw, inputs)
    with f.when(tracked & (plan[RECORDS] != 0)):
        _record(f, plan, args, count, pair, raw, array)
    f.ret(f.call("wrap", ptr, array, objects.none(f), objects.none(f)))


def _call_divertible(m: Module) -> None:
    """A call, unless its plan says that it is for Python now."""
    f = m.function("divertible", ptr, internal=True, plan=i64.pointer, args=ptr.pointer, count=i64, names=ptr)
    plan, args, count, names = f.args
    unless(f, plan, plan[DIVERTED] == 0)
    f.ret(f.call("call", ptr, plan, args, count, names))


def _take(
    f: Function, plan: Value, place: Value, t: Value, tracked: Var, stands_in: Callable[[Value], Value]
) -> Value:
    """Note the array of a Tensor among the arguments, or what may stand for one; whether it is a Tensor."""
    found = is_tensor(f, t)
    with f.when(found):
        place.store(slot(t, "_a"))
        tracked.set(tracked | (slot(t, "_n") != none(f)))
    with f.otherwise():
        unless(f, plan, stands_in(t))
        place.store(t)
    return found


def _is_number(t: Value) -> Value:
    return objects.is_a(t, "float") | objects.is_a(t, "int")


def _unless_default(f: Function, plan: Value, args: Value, count: Value) -> None:
    """Let Python make the call if an argument behind the inputs is another object than the option's
    default.
    """
    defaults, inputs = plan[DEFAULTS].to(ptr), plan[INPUTS]
    for k in f.range(inputs, count):
        place = k - inputs
        inside = f.var(place < objects.field(defaults, layout.TUPLE_SIZE, i64))
        with f.when(inside):
            default = defaults.of(objects.i8).at(layout.TUPLE_ITEMS).of(ptr)[place]
            inside.set(default == args[k])
        unless(f, plan, inside)


def _record(f: Function, plan: Value, args: Value, count: Value, pair: Var, raw: Value, array: Value) -> None:
    """Return the tracked Tensor, if recording is on."""
    on = context(f, "py_grad_mode")
    f.call("Py_DecRef", void, on)
    with f.when(on == objects.symbol(f, "py_True")):
        which = f.var(SINGLE)
        with f.when(pair):
            alike = f.call("rushlight_same_shape", i64, raw[0], raw[1]) == 1
            which.set(alike.select(f.const(i64, PAIR), STRETCHED))
        f.ret(f.call("recorded", ptr, plan, args, count, which, array))


def _entries(m: Module, name: str) -> None:
    """The two ways in: a function's plan is in its capsule; a method's tensor goes in front of its
    arguments.
    """
    f = m.function(f"{name}_function", ptr, owner=ptr, args=ptr.pointer, count=i64, names=ptr)
    owner, args, count, names = f.args
    plan = objects.field(owner, layout.POINTER, i64.pointer)
    f.ret(f.call(name, ptr, plan, args, count, names))
    f = m.function(f"{name}_method", ptr, plan=i64.pointer, me=ptr, args=ptr.pointer, count=i64, names=ptr)
    plan, me, args, count, names = f.args
    total = f.var(count)
    with f.when(names != 0):
        total += objects.field(names, layout.TUPLE_SIZE, i64)
    with f.when(total >= MOST_ARGUMENTS):
        f.ret(objects.raise_error(f, "TypeError", "too many arguments"))
    given = f.stack(ptr, MOST_ARGUMENTS)
    given[0] = me
    for k in f.range(0, total):
        given[k + 1] = args[k]
    f.ret(f.call(name, ptr, plan, given, count + 1, names))


# -- in place ------------------------------------------------------------------------------------------


def _mark(m: Module) -> None:
    """Count a change of a Tensor in its version box, with the writer's name, code and instruction."""
    f = m.function("mark", internal=True, t=ptr, writer=ptr)
    t, name = f.args
    box = slot(t, "_b")
    with f.when(box == none(f)):
        fresh = f.call("new_box", ptr)
        f.call("Py_DecRef", void, box)
        t.of(objects.i8).at(offsets["_b"]).of(ptr).store(fresh)
    box = slot(t, "_b")
    items = objects.field(box, LIST_ITEMS, ptr.pointer)
    count = f.call("PyLong_AsLongLong", i64, items[0])
    put(f, box, 0, f.call("PyLong_FromLongLong", ptr, count + 1))
    frame = f.call("PyEval_GetFrame", ptr)
    with f.when(frame == 0):
        put(f, box, 2, objects.none(f))
        f.ret()
    code, lasti = f.call("PyFrame_GetCode", ptr, frame), f.call("PyFrame_GetLasti", i32, frame).to(i64)
    with f.when(_is_writer(f, items[2], name, code, lasti)):
        f.call("Py_DecRef", void, code)
        f.ret()
    writer = f.call("PyTuple_New", ptr, 3)
    for k, part in enumerate((objects.retained(name), code, f.call("PyLong_FromLongLong", ptr, lasti))):
        f.call("PyTuple_SetItem", i32, writer, k, part)
    put(f, box, 2, writer)
    f.ret()


def _is_writer(f: Function, held: Value, name: Value, code: Value, lasti: Value) -> Value:
    """Whether the last change was made here too, as in a loop: then there is nothing to note."""
    same = f.var(f.const(i1, 0))
    with f.when(held != none(f)):
        noted, its_code, its_lasti = (objects.field(held, layout.TUPLE_ITEMS + 8 * k, ptr) for k in range(3))
        with f.when((noted == name) & (its_code == code)):
            same.set(objects.field(its_lasti, layout.INT_DIGIT, i32).to(i64) == lasti)
    return same.now


def _call_into(m: Module) -> None:
    """An op written into its first Tensor, which nothing tracks and which is no view; all else is for
    Python.
    """
    f = m.function("into", ptr, internal=True, plan=i64.pointer, args=ptr.pointer, count=i64, names=ptr)
    plan, args, count, names = f.args
    raw = f.stack(ptr, 3)
    unless(f, plan, (names == 0) & (count == plan[INPUTS]) & (switch(f, PAUSED)[0] == 0))
    first = args[0]
    unless(f, plan, is_tensor(f, first))
    unless(f, plan, (slot(first, "_v") == none(f)) & boxed(f, first))
    tracked = f.var(slot(first, "_n") != none(f))
    raw[0] = slot(first, "_a")
    raw[1] = slot(first, "_a")
    with f.when(count == 2):
        _take(f, plan, raw.at(2), args[1], tracked, _is_number)
    with f.when(tracked):
        on = context(f, "py_grad_mode")
        f.call("Py_DecRef", void, on)
        unless(f, plan, on != objects.symbol(f, "py_True"))
    f.call("Py_DecRef", void, computed(f, plan, raw, count + 1))
    f.call("mark", void, first, plan[NAME].to(ptr))
    f.ret(objects.retained(first))
