"""What calls in machine code share: the words of a plan, fields of Tensors, new Tensors and their nodes."""

from __future__ import annotations

from typing import Any

from ..kernels import layout, objects
from ..kernels.ir import Function, Module
from ..kernels.types import i1, i32, i64, ptr, void
from ..kernels.values import Value
from .switches import BOXED

#: the words of a plan
COMPUTE, HEAD, FALLBACK, INPUTS, RECORDS, DEFAULTS, REPLAY, VARIANTS = range(8)
DIVERTED = REPLAY  # of a product: whether Python makes the calls
NAME = RECORDS  # of a call in place: what the version box notes as the writer
VARIANT = 8  # words of a variant of the node: the backward function, the node's length, then what is kept
#: for one tensor, for two of one shape, and for two of which one was stretched
SINGLE, PAIR, STRETCHED = (VARIANTS + k * VARIANT for k in range(3))
WORDS = STRETCHED + VARIANT

LIST_ITEMS = 24  # PyListObject.ob_item

#: what a node keeps: an input with its version, the output with its box, an argument as it is, the shape or
#: dtype of the first input, None or False (options at their defaults), the shape of the second or third
#: input; or the first input (None if the second is not tracked), and the second (if the first is)
KEPT = {"nothing": 0, "first": 1, "second": 2, "out": 3, "number": 4, "shape": 5, "dtype": 6}
KEPT |= {"none": 7, "false": 8, "second shape": 9, "third shape": 10, "first for second": 11}
KEPT |= {"second for first": 12}
WIDE = ("first", "second", "out", "first for second", "second for first")  # take two places in a node
MOST_KEPT = VARIANT - 2
MOST_ARGUMENTS = 32

offsets: dict[str, int] = {}  # of the fields of a Tensor


def switch(f: Function, word: int) -> Value:
    """Where one of the words of switches.py stands."""
    return f.module.external(f, "call_switches").of(i64).at(word)


def none(f: Function) -> Value:
    """None, borrowed."""
    return objects.symbol(f, "py_None")


def slot(t: Any, name: str) -> Value:
    """A field of a Tensor, borrowed."""
    return objects.field(t, offsets[name], ptr)


def is_tensor(f: Function, o: Value) -> Value:
    """Whether an object is a Tensor or a Parameter, and of no other class."""
    kind = objects.field(o, layout.TYPE, ptr)
    return (kind == objects.symbol(f, "py_Tensor")) | (kind == objects.symbol(f, "py_Parameter"))


def context(f: Function, name: str) -> Value:
    """The value of a context variable here; a new reference."""
    found = f.stack(ptr, 1)
    f.call("PyContextVar_Get", i32, objects.symbol(f, name), f.const(ptr, 0), found)
    return found[0]


def write_wrap(m: Module) -> None:
    """A Tensor of an array, a node and a box, all three given away; null where memory is out."""
    f = m.function("wrap", ptr, internal=True, array=ptr, node=ptr, box=ptr)
    array, node, box = f.args
    t = f.call("PyType_GenericAlloc", ptr, objects.symbol(f, "py_Tensor"), 0)
    with f.when(t == 0):
        f.ret(t)
    held = f.var(box)
    with f.when((switch(f, BOXED)[0] != 0) & (box == none(f))):
        f.call("Py_DecRef", void, box)
        held.set(context(f, "py_fresh_box"))
    for name, value in (("_a", array), ("_n", node), ("_b", held.now), ("_v", objects.none(f))):
        t.of(objects.i8).at(offsets[name]).of(ptr).store(value)
    f.ret(t)


def write_box(m: Module) -> None:
    """A fresh version box: [0, None, None]."""
    f = m.function("new_box", ptr, internal=True)
    box = f.call("PyList_New", ptr, 3)
    put(f, box, 0, f.call("PyLong_FromLongLong", ptr, 0))
    put(f, box, 1, objects.none(f))
    put(f, box, 2, objects.none(f))
    f.ret(box)


def put(f: Function, items: Value, i: Any, value: Any) -> None:
    """Store into a new list; the reference is given away."""
    f.call("PyList_SetItem", i32, items, f.lift(i, i64), value)


def version(f: Function, t: Value) -> Value:
    """The version of a Tensor, a new reference; null where its box is no list (an inference tensor)."""
    box, found = slot(t, "_b"), f.var(f.const(ptr, 0))
    with f.when(box == none(f)):
        found.set(f.call("PyLong_FromLongLong", ptr, 0))
    with f.otherwise():
        with f.when(objects.is_a(box, "list")):
            found.set(objects.retained(objects.field(box, LIST_ITEMS, ptr.pointer)[0]))
    return found.now


def write_node(m: Module) -> None:
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
    put(f, node, 0, f.call("PyIter_Next", ptr, objects.symbol(f, "py_counter")))
    put(f, node, 1, objects.retained(variant[0].to(ptr)))
    put(f, node, 2, inputs)
    place = f.var(3)
    for k in f.range(2, VARIANT):
        what = variant[k]
        with f.when(
            ((what >= KEPT["first"]) & (what <= KEPT["second"])) | (what >= KEPT["first for second"])
        ):
            t = _kept_input(f, what, args)
            counted = _version_or_none(f, t)
            with f.when(counted == 0):
                f.call("Py_DecRef", void, node)
                f.ret(f.const(ptr, 0))
            put(f, node, place, objects.retained(t))
            put(f, node, place + 1, counted)
            place += 2
        with f.when(what == KEPT["out"]):
            fresh = f.call("new_box", ptr)
            box[0] = fresh
            put(f, node, place, objects.retained(array))
            put(f, node, place + 1, objects.retained(fresh))
            place += 2
        with f.when((what >= KEPT["number"]) & (what <= KEPT["third shape"])):
            put(f, node, place, _fact(f, what, args))
            place += 1
    f.ret(node)


def _kept_input(f: Function, what: Value, args: Value) -> Value:
    """The Tensor that a node keeps, or None where it is for the cotangent of one that is not tracked."""
    kept = f.var(args[0])
    with f.when((what == KEPT["second"]) | (what == KEPT["second for first"])):
        kept.set(args[1])
    for code, asking in (("first for second", 1), ("second for first", 0)):
        with f.when(what == KEPT[code]):
            with f.when(slot(args[asking], "_n") == none(f)):
                kept.set(none(f))
    return kept.now


def _version_or_none(f: Function, t: Value) -> Value:
    """`version` of a Tensor; None of None."""
    found = f.var(none(f))
    with f.when(t == none(f)):
        objects.retained(t)
    with f.otherwise():
        found.set(version(f, t))
    return found.now


def _fact(f: Function, what: Value, args: Value) -> Value:
    """What stands in a node as it is, a new reference."""
    fact = f.var(args[0])
    owner = f.var(args[0])
    with f.when(what == KEPT["second shape"]):
        owner.set(args[1])
    with f.when(what == KEPT["third shape"]):
        owner.set(args[2])
    shaped = f.var((what == KEPT["shape"]) | (what == KEPT["second shape"]) | (what == KEPT["third shape"]))
    with f.when(~is_tensor(f, owner.now)):
        fact.set(none(f))
        owner.set(args[0])
        shaped.set(f.const(i1, 0))
    array = slot(owner, "_a")
    with f.when(what == KEPT["number"]):
        fact.set(args[1])
    with f.when(what == KEPT["dtype"]):
        fact.set(objects.field(array, layout.DTYPE, ptr))
    with f.when(what == KEPT["none"]):
        fact.set(none(f))
    with f.when(what == KEPT["false"]):
        fact.set(objects.symbol(f, "py_False"))
    with f.when(shaped):
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


def write_recorded(m: Module) -> None:
    """The tracked Tensor of `array` (given away), an op's result on `args`; `which` variant of the node."""
    f = m.function(
        "recorded", ptr, internal=True, plan=i64.pointer, args=ptr.pointer, count=i64, which=i64, array=ptr
    )
    plan, args, count, which, array = f.args
    first = slot(args[0], "_n")
    inputs, variant = f.var(first), plan.at(which)
    with f.when(which != SINGLE):
        several = f.call("PyTuple_New", ptr, plan[INPUTS])
        for k in f.range(0, plan[INPUTS]):
            its = f.var(none(f))
            with f.when(is_tensor(f, args[k])):
                its.set(slot(args[k], "_n"))
            f.call("PyTuple_SetItem", i32, several, k, objects.retained(its))
        inputs.set(several)
    with f.otherwise():
        objects.retained(first)
    box = f.stack(ptr, 1)
    box[0] = none(f)
    node = f.call("node", ptr, variant, args, inputs, array, box)
    with f.when(node == 0):
        f.call("Py_DecRef", void, array)
        f.ret(f.call("PyObject_Vectorcall", ptr, plan[FALLBACK].to(ptr), args, count, f.const(ptr, 0)))
    with f.when(box[0] == none(f)):
        objects.retained(none(f))
    f.ret(f.call("wrap", ptr, array, node, box[0]))


def python(f: Function, plan: Value) -> Value:
    """The call as the op's Python function makes it."""
    _, args, count, names = f.args
    return f.call("PyObject_Vectorcall", ptr, plan[FALLBACK].to(ptr), args, count, names)


def unless(f: Function, plan: Value, condition: Any) -> None:
    """Let Python make the call if `condition` does not hold."""
    with f.when(~condition.now):
        f.ret(python(f, plan))


def computed(f: Function, plan: Value, raw: Value, count: Value) -> Value:
    """What the plan's code makes of `count` arrays and numbers; Python makes the call where it refuses."""
    array = f.call_pointer(plan[COMPUTE].to(ptr), ptr, plan[HEAD].to(ptr), raw, count)
    with f.when(array == 0):
        f.ret(array)
    with f.when(array == none(f)):
        f.call("Py_DecRef", void, array)
        f.ret(python(f, plan))
    return array


def boxed(f: Function, t: Value) -> Value:
    """Whether a Tensor has an ordinary box, or none yet (an inference tensor has another thing there)."""
    box, found = slot(t, "_b"), f.var(f.const(i1, 1))
    with f.when(box != none(f)):
        found.set(objects.is_a(box, "list"))
    return found.now
