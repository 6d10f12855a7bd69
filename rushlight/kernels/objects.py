"""Python's objects as generated code sees them: fields, references, numbers, new arrays."""

from __future__ import annotations

from typing import Any

from . import layout
from .ir import Function
from .types import Type, f64, i8, i32, i64, ptr, void
from .values import Value


def field(o: Any, offset: int, type: Type) -> Value:
    """What stands `offset` bytes into an object."""
    return o.now.of(i8).at(offset).of(type).load()


def symbol(f: Function, name: str) -> Value:
    """The address of an object of Python's or NumPy's."""
    return f.module.external(f, name)


def is_a(o: Any, name: str) -> Value:
    """Whether the class of an object is exactly this one ("ndarray", "float")."""
    return field(o, layout.TYPE, ptr) == symbol(o.now.f, f"py_{name}")


def retained(o: Any) -> Value:
    """An object with one more reference."""
    o.now.f.call("Py_IncRef", void, o)
    return o.now


def none(f: Function) -> Value:
    """None, to be returned."""
    return retained(symbol(f, "py_None"))


def is_array(o: Any, dtype: str) -> Value:
    """Whether a NumPy array's dtype is this one; of arrays only."""
    return field(o, layout.DTYPE, ptr) == symbol(o.now.f, f"dtype_{dtype}")


def has_flags(o: Any, flags: int) -> Value:
    """Whether an array has all of these flags."""
    return (field(o, layout.FLAGS, i32) & flags) == flags


def data(o: Any, element: Type) -> Value:
    """The address of an array's first element."""
    return field(o, layout.DATA, element.pointer)


def ndim(o: Any) -> Value:
    """The number of an array's dimensions."""
    return field(o, layout.NDIM, i32).to(i64)


def dims(o: Any) -> Value:
    """The address of an array's sizes."""
    return field(o, layout.DIMS, i64.pointer)


def strides(o: Any) -> Value:
    """The address of an array's strides, in bytes."""
    return field(o, layout.STRIDES, i64.pointer)


def new_array(f: Function, dtype: str, count: Any, sizes: Any, steps: Any = None) -> Value:
    """A new array with `count` dimensions of these sizes (and strides); null where memory is out."""
    return new_array_of(f, symbol(f, f"dtype_{dtype}"), count, sizes, steps)


def new_array_of(f: Function, dtype: Any, count: Any, sizes: Any, steps: Any = None) -> Value:
    """A new array of the dtype object at an address."""
    null, zero = f.const(ptr, 0), f.const(i32, 0)
    shape = (retained(dtype), f.lift(count, i64).to(i32), sizes, null if steps is None else steps)
    return f.call("PyArray_NewFromDescr", ptr, symbol(f, "py_ndarray"), *shape, null, zero, null)


def float_value(o: Any) -> Value:
    """The double in a Python float."""
    return field(o, layout.FLOAT_VALUE, f64)


def raise_error(f: Function, kind: str, message: str) -> Value:
    """Set a Python exception; the null that says so is to be returned."""
    f.call("PyErr_SetString", void, symbol(f, f"py_{kind}"), f.module.string(f, message))
    return f.const(ptr, 0)
