"""Calls of ops in machine code: from Tensors to the Tensor and its node, without Python in between.

One function serves all ops, and one all ops that write in place. It takes one or two Tensors (a number may be
the second), runs the op's kernel on
their arrays, and records the node if one of them is tracked. Whatever is out of the ordinary (keywords, other
classes, arrays that the kernel does not take, a mode in which more must happen) goes to the Python function
of the op, which knows it all. What an op is, is told by a table of words, its plan.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextvars import ContextVar
from typing import Any

import numpy as np

from ..kernels import layout, llvm, objects, pointwise
from ..kernels.ir import Function, Module
from ..kernels.types import i1, i32, i64, ptr, void
from ..kernels.values import Value, Var
from .switches import BOXED, PAUSED, WATCHED, words

#: the words of a plan
COMPUTE, HEAD, FALLBACK, INPUTS, RECORDS, DEFAULTS, REPLAY, VARIANTS = range(8)
NAME = RECORDS  # of a call in place: what the version box notes as the writer
_VARIANT = 8  # words of a variant of the node: the backward function, the node's length, then what is kept
#: for one tensor, for two of one shape, and for two of which one was stretched
SINGLE, PAIR, STRETCHED = (VARIANTS + k * _VARIANT for k in range(3))
WORDS = STRETCHED + _VARIANT

#: what a node keeps: an input with its version, the output with its box, an argument as it is, the shape or
#: dtype
#: of the first input, None or False (options at their defaults), or the shape of the second input
KEPT = {"nothing": 0, "first": 1, "second": 2, "out": 3, "number": 4, "shape": 5, "dtype": 6}
KEPT |= {"none": 7, "false": 8, "second shape": 9}
MOST_KEPT = _VARIANT - 2
MOST_ARGUMENTS = 32

_kept: list[Any] = []
_offsets: dict[str, int] = {}


def set_up(classes: Sequence[type], counter: Any, grad: ContextVar[bool], box: ContextVar[Any]) -> None:
    """Tell the code of Tensor and Parameter, the nodes' counter and the modes."""
    if _offsets:
        return
    tensor, parameter = classes
    for name in ("_a", "_n", "_b", "_v"):
        _offsets[name] = layout.slot_offset(tensor, name)
    own = {"Tensor": tensor, "Parameter": parameter, "grad_mode": grad, "fresh_box": box, "counter": counter}
    llvm.symbols.update({f"py_{name}": id(value) for name, value in own.items()})
    llvm.symbols["call_switches"] = words.ctypes.data
    _kept.append(own)
    pointwise.register()
    llvm.symbols.update(llvm.build(("calls", sorted(_offsets.items())), _module))


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
    _wrap(m)
    _box(m)
    _node(m)
    _recorded(m)
    _call(m)
    _mark(m)
    _call_into(m)
    _link(m)
    _replay(m)
    _call_view(m)
    for name in ("call", "into", "view"):
        _entries(m, name)
    return m


def _switch(f: Function, word: int) -> Value:
    return f.module.external(f, "call_switches").of(i64).at(word)


def _none(f: Function) -> Value:
    return objects.symbol(f, "py_None")


def _slot(t: Any, name: str) -> Value:
    """A field of a Tensor, borrowed."""
    return objects.field(t, _offsets[name], ptr)


def _is_tensor(f: Function, o: Value) -> Value:
    kind = objects.field(o, layout.TYPE, ptr)
    return (kind == objects.symbol(f, "py_Tensor")) | (kind == objects.symbol(f, "py_Parameter"))


def _context(f: Function, name: str) -> Value:
    """The value of a context variable here; a new reference."""
    found = f.stack(ptr, 1)
    f.call("PyContextVar_Get", i32, objects.symbol(f, name), f.const(ptr, 0), found)
    return found[0]


def _wrap(m: Module) -> None:
    """A Tensor of an array, a node and a box, all three given away; null where memory is out."""
    f = m.function("wrap", ptr, internal=True, array=ptr, node=ptr, box=ptr)
    array, node, box = f.args
    t = f.call("PyType_GenericAlloc", ptr, objects.symbol(f, "py_Tensor"), 0)
    with f.when(t == 0):
        f.ret(t)
    held = f.var(box)
    with f.when((_switch(f, BOXED)[0] != 0) & (box == _none(f))):
        held.set(_context(f, "py_fresh_box"))
    for name, value in (("_a", array), ("_n", node), ("_b", held.now), ("_v", objects.none(f))):
        t.of(objects.i8).at(_offsets[name]).of(ptr).store(value)
    f.ret(t)


def _box(m: Module) -> None:
    """A fresh version box: [0, None, None]."""
    f = m.function("new_box", ptr, internal=True)
    box = f.call("PyList_New", ptr, 3)
    _put(f, box, 0, f.call("PyLong_FromLongLong", ptr, 0))
    _put(f, box, 1, objects.none(f))
    _put(f, box, 2, objects.none(f))
    f.ret(box)


def _put(f: Function, items: Value, i: Any, value: Any) -> None:
    """Store into a new list; the reference is given away."""
    f.call("PyList_SetItem", i32, items, f.lift(i, i64), value)


_LIST_ITEMS = 24  # PyListObject.ob_item


def _version(f: Function, t: Value) -> Value:
    """The version of a Tensor, a new reference; null where its box is no list (an inference tensor)."""
    box, found = _slot(t, "_b"), f.var(f.const(ptr, 0))
    with f.when(box == _none(f)):
        found.set(f.call("PyLong_FromLongLong", ptr, 0))
    with f.otherwise():
        with f.when(objects.is_a(box, "list")):
            found.set(objects.retained(objects.field(box, _LIST_ITEMS, ptr.pointer)[0]))
    return found.now


def _node(m: Module) -> None:
    """The node [number, backward, inputs, *kept] of a call; null where it must be made by Python.

    `inputs` is given away; `box` is where the box of the output goes, if the node keeps it.
    """
    f = m.function(
        "node",
        ptr,
        internal=True,
        variant=i64.pointer,
        args=ptr.pointer,
        inputs=ptr,
        array=ptr,
        box=ptr.pointer,
    )
    variant, args, inputs, array, box = f.args
    length = variant[1]
    node = f.call("PyList_New", ptr, length)
    _put(f, node, 0, f.call("PyIter_Next", ptr, objects.symbol(f, "py_counter")))
    _put(f, node, 1, objects.retained(variant[0].to(ptr)))
    _put(f, node, 2, inputs)
    place = f.var(3)
    for k in f.range(2, _VARIANT):
        what = variant[k]
        with f.when((what == KEPT["first"]) | (what == KEPT["second"])):
            t = args[what - 1]
            version = _version(f, t)
            with f.when(version == 0):
                f.call("Py_DecRef", void, node)
                f.ret(f.const(ptr, 0))
            _put(f, node, place, objects.retained(t))
            _put(f, node, place + 1, version)
            place += 2
        with f.when(what == KEPT["out"]):
            fresh = f.call("new_box", ptr)
            box[0] = fresh
            _put(f, node, place, objects.retained(array))
            _put(f, node, place + 1, objects.retained(fresh))
            place += 2
        with f.when((what == KEPT["number"]) | (what > KEPT["number"])):
            _put(f, node, place, _fact(f, what, args))
            place += 1
    f.ret(node)


def _fact(f: Function, what: Value, args: Value) -> Value:
    """What stands in a node as it is, a new reference."""
    fact = f.var(args[0])
    owner = f.var(args[0])
    with f.when(what == KEPT["second shape"]):
        owner.set(args[1])
    array = _slot(owner, "_a")
    with f.when(what == KEPT["number"]):
        fact.set(args[1])
    with f.when(what == KEPT["dtype"]):
        fact.set(objects.field(array, layout.DTYPE, ptr))
    with f.when(what == KEPT["none"]):
        fact.set(_none(f))
    with f.when(what == KEPT["false"]):
        fact.set(objects.symbol(f, "py_False"))
    with f.when((what == KEPT["shape"]) | (what == KEPT["second shape"])):
        n = objects.ndim(array)
        shape = f.call("PyTuple_New", ptr, n)
        for d in f.range(0, n):
            f.call(
                "PyTuple_SetItem", i32, shape, d, f.call("PyLong_FromLongLong", ptr, objects.dims(array)[d])
            )
        fact.set(shape)
    with f.otherwise():
        objects.retained(fact)
    return fact.now


def _recorded(m: Module) -> None:
    """The tracked Tensor of `array` (given away), an op's result on `args`; `which` variant of the node."""
    f = m.function(
        "recorded", ptr, internal=True, plan=i64.pointer, args=ptr.pointer, count=i64, which=i64, array=ptr
    )
    plan, args, count, which, array = f.args
    first = _slot(args[0], "_n")
    inputs, variant = f.var(first), plan.at(which)
    with f.when(which != SINGLE):
        second = _slot(args[1], "_n")
        both = f.call("PyTuple_New", ptr, 2)
        f.call("PyTuple_SetItem", i32, both, 0, objects.retained(first))
        f.call("PyTuple_SetItem", i32, both, 1, objects.retained(second))
        inputs.set(both)
    with f.otherwise():
        objects.retained(first)
    box = f.stack(ptr, 1)
    box[0] = _none(f)
    node = f.call("node", ptr, variant, args, inputs, array, box)
    with f.when(node == 0):
        f.call("Py_DecRef", void, array)
        f.ret(f.call("PyObject_Vectorcall", ptr, plan[FALLBACK].to(ptr), args, count, f.const(ptr, 0)))
    with f.when(box[0] == _none(f)):
        objects.retained(_none(f))
    f.ret(f.call("wrap", ptr, array, node, box[0]))


def _call(m: Module) -> None:
    """An op's call: args are as many Tensors or numbers as the plan says, or whatever it takes Python to
    tell.
    """
    f = m.function("call", ptr, internal=True, plan=i64.pointer, args=ptr.pointer, count=i64, names=ptr)
    plan, args, count, names = f.args
    raw = f.stack(ptr, 2)
    inputs = plan[INPUTS]
    _unless(
        f, plan, (names == 0) & (count >= inputs) & ((_switch(f, PAUSED)[0] | _switch(f, WATCHED)[0]) == 0)
    )
    _unless_default(f, plan, args, count)
    first = args[0]
    _unless(f, plan, _is_tensor(f, first))
    raw[0] = _slot(first, "_a")
    pair, tracked = f.var(f.const(i1, 0)), f.var(_slot(first, "_n") != _none(f))
    with f.when(inputs == 2):
        second = args[1]
        with f.when(_is_tensor(f, second)):
            raw[1] = _slot(second, "_a")
            pair.set(f.const(i1, 1))
            tracked.set(tracked | (_slot(second, "_n") != _none(f)))
        with f.otherwise():
            _unless(f, plan, objects.is_a(second, "float") | objects.is_a(second, "int"))
            raw[1] = second
    array = f.call_pointer(plan[COMPUTE].to(ptr), ptr, plan[HEAD].to(ptr), raw, inputs)
    with f.when(array == 0):
        f.ret(array)
    with f.when(array == _none(f)):
        f.call("Py_DecRef", void, array)
        f.ret(_python(f, plan))
    with f.when(tracked & (plan[RECORDS] != 0)):
        _record(f, plan, args, count, pair, raw, array)
    f.ret(f.call("wrap", ptr, array, objects.none(f), objects.none(f)))


def _python(f: Function, plan: Value) -> Value:
    """The call as the op's Python function makes it."""
    _, args, count, names = f.args
    return f.call("PyObject_Vectorcall", ptr, plan[FALLBACK].to(ptr), args, count, names)


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
        _unless(f, plan, inside)


def _unless(f: Function, plan: Value, condition: Any) -> None:
    """Let Python make the call if `condition` does not hold."""
    with f.when(~condition.now):
        f.ret(_python(f, plan))


def _record(f: Function, plan: Value, args: Value, count: Value, pair: Var, raw: Value, array: Value) -> None:
    """Return the tracked Tensor, if recording is on."""
    on = _context(f, "py_grad_mode")
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
    frame = f.call("PyEval_GetFrame", ptr)
    writer = f.var(objects.symbol(f, "py_None"))
    with f.when(frame == 0):
        objects.retained(_none(f))
    with f.otherwise():
        writer.set(f.call("PyTuple_New", ptr, 3))
        lasti = f.call("PyFrame_GetLasti", i32, frame).to(i64)
        for k, part in enumerate(
            (
                objects.retained(name),
                f.call("PyFrame_GetCode", ptr, frame),
                f.call("PyLong_FromLongLong", ptr, lasti),
            )
        ):
            f.call("PyTuple_SetItem", i32, writer, k, part)
    box = _slot(t, "_b")
    with f.when(box == _none(f)):
        fresh = f.call("new_box", ptr)
        f.call("Py_DecRef", void, box)
        t.of(objects.i8).at(_offsets["_b"]).of(ptr).store(fresh)
    box = _slot(t, "_b")
    old = objects.field(box, _LIST_ITEMS, ptr.pointer)[0]
    count = f.call("PyLong_AsLongLong", i64, old)
    _put(f, box, 0, f.call("PyLong_FromLongLong", ptr, count + 1))
    _put(f, box, 2, writer)
    f.ret()


def _call_into(m: Module) -> None:
    """An op written into its first Tensor, which nothing tracks and which is no view; all else is for
    Python.
    """
    f = m.function("into", ptr, internal=True, plan=i64.pointer, args=ptr.pointer, count=i64, names=ptr)
    plan, args, count, names = f.args
    raw = f.stack(ptr, 3)
    _unless(f, plan, (names == 0) & (count == plan[INPUTS]))
    first = args[0]
    _unless(f, plan, _is_tensor(f, first))
    _unless(f, plan, (_slot(first, "_v") == _none(f)) & _boxed(f, first))
    tracked = f.var(_slot(first, "_n") != _none(f))
    raw[0] = _slot(first, "_a")
    raw[1] = _slot(first, "_a")
    with f.when(count == 2):
        second = args[1]
        with f.when(_is_tensor(f, second)):
            raw[2] = _slot(second, "_a")
            tracked.set(tracked | (_slot(second, "_n") != _none(f)))
        with f.otherwise():
            _unless(f, plan, objects.is_a(second, "float") | objects.is_a(second, "int"))
            raw[2] = second
    with f.when(tracked):
        on = _context(f, "py_grad_mode")
        f.call("Py_DecRef", void, on)
        _unless(f, plan, on != objects.symbol(f, "py_True"))
    array = f.call_pointer(plan[COMPUTE].to(ptr), ptr, plan[HEAD].to(ptr), raw, count + 1)
    with f.when(array == 0):
        f.ret(array)
    f.call("Py_DecRef", void, array)
    with f.when(array == _none(f)):
        f.ret(_python(f, plan))
    f.call("mark", void, first, plan[NAME].to(ptr))
    f.ret(objects.retained(first))


def _boxed(f: Function, t: Value) -> Value:
    """Whether a Tensor has an ordinary box, or none yet (an inference tensor has another thing there)."""
    box, found = _slot(t, "_b"), f.var(f.const(i1, 1))
    with f.when(box != _none(f)):
        found.set(objects.is_a(box, "list"))
    return found.now


# -- views ---------------------------------------------------------------------------------------------


def _link(m: Module) -> None:
    """Make `t` known as a view of `x`: they share a box, which knows `t` while gradients are on.

    `replay` is (function, options, names): how to make such a view of another tensor. 0 where Python must do
    it.
    """
    f = m.function("link", i64, internal=True, t=ptr, x=ptr, replay=ptr, on=i1)
    t, x, replay, on = f.args
    with f.when(_slot(x, "_b") == _none(f)):
        f.call("Py_DecRef", void, _slot(x, "_b"))
        x.of(objects.i8).at(_offsets["_b"]).of(ptr).store(f.call("new_box", ptr))
    box = _slot(x, "_b")
    link = f.call("PyTuple_New", ptr, 4)
    f.call("PyTuple_SetItem", i32, link, 0, objects.retained(x))
    for k in range(3):
        part = replay.of(objects.i8).at(layout.TUPLE_ITEMS).of(ptr)[k]
        f.call("PyTuple_SetItem", i32, link, k + 1, objects.retained(part))
    for name, value in (("_b", objects.retained(box)), ("_v", link)):
        f.call("Py_DecRef", void, _slot(t, name))
        t.of(objects.i8).at(_offsets[name]).of(ptr).store(value)
    with f.when(on):
        items = objects.field(box, _LIST_ITEMS, ptr.pointer)
        live = items[1]
        seen = f.call("PyWeakref_NewRef", ptr, t, f.const(ptr, 0))
        with f.when(live == _none(f)):
            fresh = f.call("PyList_New", ptr, 1)
            _put(f, fresh, 0, seen)
            _put(f, box, 1, fresh)
        with f.otherwise():
            f.call("PyList_Append", i32, live, seen)
            f.call("Py_DecRef", void, seen)
    f.ret(1)


_LIST_SIZE = 16  # PyVarObject.ob_size
_MANY_VIEWS = 62  # from here on Python forgets those that are gone, now and then


def _call_view(m: Module) -> None:
    """A view of one Tensor: the arguments behind it go to the kernel as they are."""
    f = m.function("view", ptr, internal=True, plan=i64.pointer, args=ptr.pointer, count=i64, names=ptr)
    plan, args, count, names = f.args
    raw = f.stack(ptr, MOST_ARGUMENTS)
    ordinary = (names == 0) & (count >= 1) & (count < MOST_ARGUMENTS)
    _unless(
        f, plan, ordinary & ((_switch(f, PAUSED)[0] | _switch(f, WATCHED)[0] | _switch(f, BOXED)[0]) == 0)
    )
    x = args[0]
    _unless(f, plan, _is_tensor(f, x))
    _unless(f, plan, _boxed(f, x) & _has_room(f, x))
    raw[0] = _slot(x, "_a")
    for k in f.range(1, count):
        raw[k] = args[k]
    array = f.call_pointer(plan[COMPUTE].to(ptr), ptr, plan[HEAD].to(ptr), raw, count)
    with f.when(array == 0):
        f.ret(array)
    with f.when(array == _none(f)):
        f.call("Py_DecRef", void, array)
        f.ret(_python(f, plan))
    mode = _context(f, "py_grad_mode")
    f.call("Py_DecRef", void, mode)
    on = mode == objects.symbol(f, "py_True")
    made = f.var(f.const(ptr, 0))
    with f.when(on & (_slot(x, "_n") != _none(f))):
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
    box, room = _slot(x, "_b"), f.var(f.const(i1, 1))
    with f.when(box != _none(f)):
        live = objects.field(box, _LIST_ITEMS, ptr.pointer)[1]
        with f.when(live != _none(f)):
            room.set(objects.field(live, _LIST_SIZE, i64) < _MANY_VIEWS)
    return room.now


def _replay(m: Module) -> None:
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
