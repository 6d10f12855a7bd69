"""Lists of parameters in machine code: their arrays, their gradients' and those of their states, in one call.

Reading `p.grad._a` of 50 parameters in Python takes longer than Adam's step of 50 matrices of 32x32.
"""

from __future__ import annotations

import ctypes
from functools import cache
from typing import Any

from ..kernels import layout, llvm, objects
from ..kernels.ir import Function, Module
from ..kernels.types import i8, i32, i64, ptr, void
from ..kernels.values import Value
from .engine import Leaf, binding

_LIST_ITEMS = 24  # PyListObject.ob_item
_offsets: dict[str, int] = {}


@cache
def builtins(parameter: type) -> tuple[Any, Any]:
    """`gather(params, state, names)` and `count_changes(params, mark)`.

    gather: a tuple of the parameters (of a list) that have a gradient, one of their arrays, one of the
    gradients', and one for each name of state[p][name]'s; None where something is not as usual.
    """
    tensor = binding.tensor
    _offsets.update({name: layout.slot_offset(tensor, name) for name in ("_a", "_n", "_b")})
    _offsets["grad"] = layout.slot_offset(Leaf, "grad")
    get = "PyDict_GetItemWithError"
    own: dict[str, Any] = {"py_Tensor": id(tensor), "py_Parameter": id(parameter), "py_Leaf": id(Leaf)}
    own[get] = layout.address(getattr(ctypes.pythonapi, get))
    code = llvm.build(("lists", sorted(_offsets.items())), _module, **own)
    return layout.builtin("gather", code["gather"]), layout.builtin("count_changes", code["count_changes"])


def _module() -> Module:
    m = Module()
    _parameters(m)
    _fill(m)
    _gather(m)
    _count(m)
    _count_changes(m)
    return m


def _field(o: Any, name: str) -> Value:
    """A slot of a Tensor or a leaf, borrowed."""
    return objects.field(o, _offsets[name], ptr)


def _none(f: Function) -> Value:
    return objects.symbol(f, "py_None")


def _is_tensor(o: Any) -> Value:
    return objects.is_a(o, "Tensor") | objects.is_a(o, "Parameter")


def _size(items: Any) -> Value:
    return objects.field(items, layout.TUPLE_SIZE, i64)


def _items(tuple: Any) -> Value:
    """The address of a tuple's items."""
    return tuple.now.of(i8).at(layout.TUPLE_ITEMS).of(ptr)


def _parameters(m: Module) -> None:
    """How many parameters of a list have a gradient; -1 where one is no plain leaf."""
    f = m.function("parameters", i64, internal=True, params=ptr)
    items, count = objects.field(f.args[0], _LIST_ITEMS, ptr.pointer), f.var(0)
    for i in f.range(0, _size(f.args[0])):
        p = items[i]
        with f.when(~_is_tensor(p)):
            f.ret(-1)
        leaf, box = _field(p, "_n"), _field(p, "_b")
        with f.when(~objects.is_a(leaf, "Leaf") | ~((box == _none(f)) | objects.is_a(box, "list"))):
            f.ret(-1)
        grad = _field(leaf, "grad")
        with f.when(grad != _none(f)):
            with f.when(~_is_tensor(grad)):
                f.ret(-1)
            count += 1
    f.ret(count)


def _gather(m: Module) -> None:
    f = m.function("gather", ptr, owner=ptr, args=ptr.pointer, given=i64)
    _, args, given = f.args
    with f.when(given != 3):
        f.ret(objects.none(f))
    params, state, names = args[0], args[1], args[2]
    with f.when(~objects.is_a(params, "list") | ~objects.is_a(names, "tuple")):
        f.ret(objects.none(f))
    count = f.call("parameters", i64, params)
    with f.when(count < 0):
        f.ret(objects.none(f))
    columns = _size(names) + 3
    found = f.call("PyTuple_New", ptr, columns)
    for k in f.range(0, columns):
        _items(found)[k] = f.call("PyTuple_New", ptr, count)
    with f.when(f.call("fill", i64, found, params, state, names) == 0):
        f.call("Py_DecRef", void, found)
        f.call("PyErr_Clear", void)
        f.ret(objects.none(f))
    f.ret(found)


def _fill(m: Module) -> None:
    """Fill the tuples, row by row; 0 where the state lacks something."""
    f = m.function("fill", i64, internal=True, found=ptr, params=ptr, state=ptr, names=ptr)
    found, params, state, names = f.args
    items, columns, row, count = (
        objects.field(params, _LIST_ITEMS, ptr.pointer),
        _items(found),
        f.var(0),
        _size(names),
    )
    for i in f.range(0, _size(params)):
        p = items[i]
        grad = _field(_field(p, "_n"), "grad")
        with f.when(grad != _none(f)):
            for k, o in enumerate((p, _field(p, "_a"), _field(grad, "_a"))):
                _items(columns[k])[row] = objects.retained(o)
            with f.when(count > 0):
                own = f.call("PyDict_GetItemWithError", ptr, state, p)
                with f.when(own == 0):
                    f.ret(0)
                for k in f.range(0, count):
                    t = f.call("PyDict_GetItemWithError", ptr, own, _items(names)[k])
                    with f.when(t == 0):
                        f.ret(0)
                    with f.when(~_is_tensor(t)):
                        f.ret(0)
                    _items(columns[k + 3])[row] = objects.retained(_field(t, "_a"))
            row += 1
    f.ret(1)


def _count(m: Module) -> None:
    """Count a change in a version box (a list [version, live views, last writer]), with its writer."""
    f = m.function("count", internal=True, box=ptr, mark=ptr)
    box, mark = f.args
    version = objects.field(box, _LIST_ITEMS, ptr.pointer)[0]
    number = f.call("PyLong_AsLongLong", i64, version) + 1
    f.call("PyList_SetItem", i32, box, 0, f.call("PyLong_FromLongLong", ptr, number))
    f.call("PyList_SetItem", i32, box, 2, objects.retained(mark))
    f.ret()


def _count_changes(m: Module) -> None:
    """Count a change of every tensor of a tuple, as `record.bump` does."""
    f = m.function("count_changes", ptr, owner=ptr, args=ptr.pointer, given=i64)
    _, args, _ = f.args
    tensors, mark = args[0], args[1]
    for i in f.range(0, _size(tensors)):
        t = _items(tensors)[i]
        box = f.var(_field(t, "_b"))
        with f.when(box == _none(f)):
            box.set(f.call("PyList_New", ptr, 3))
            f.call("PyList_SetItem", i32, box, 0, f.call("PyLong_FromLongLong", ptr, 0))
            f.call("PyList_SetItem", i32, box, 1, objects.none(f))
            t.of(i8).at(_offsets["_b"]).of(ptr).store(box)
            f.call("Py_DecRef", void, _none(f))
        f.call("count", void, box, mark)
    f.ret(objects.none(f))
