"""Where CPython and NumPy keep what generated code reads, tried out on known objects before any use.

Offsets are those of 64-bit builds: object.h, longobject.h, NumPy's ndarraytypes.h (PyArrayObject_fields).
"""

from __future__ import annotations

import ctypes
import sys
from typing import Any

import numpy as np

from . import llvm

TYPE, DATA, NDIM, DIMS, STRIDES, BASE, DTYPE, FLAGS = 8, 16, 24, 32, 40, 48, 56, 64  # of an ndarray
FLOAT_VALUE = 16  # the double in a float
INT_DIGIT = 24  # the lowest 30 bits of an int that is not negative
POINTER = 16  # the address in a capsule
TUPLE_SIZE, TUPLE_ITEMS = 16, 24

C_CONTIGUOUS, F_CONTIGUOUS, ALIGNED, WRITEABLE = 1, 2, 0x100, 0x400  # NPY_ARRAY_...

#: slots of NumPy's table of functions (numpy/_core/code_generators/numpy_api.py)
_NUMPY = {"PyArray_NewFromDescr": 94, "PyArray_SetBaseObject": 282, "PyDataMem_SetHandler": 304}
_PYTHON = (
    *(
        "Py_IncRef",
        "Py_DecRef",
        "PyEval_SaveThread",
        "PyEval_RestoreThread",
        "PyErr_SetString",
        "PyErr_Occurred",
    ),
    *("PyErr_Clear", "PyLong_AsLongLong", "PyLong_AsDouble", "PyLong_FromLongLong", "PyObject_Vectorcall"),
    *("PyType_GenericAlloc", "PyFloat_FromDouble", "PyTuple_New", "PyLong_AsLongLongAndOverflow"),
    *("PyList_New", "PyList_SetItem", "PyTuple_SetItem", "PyContextVar_Get", "PyIter_Next"),
    *("PyEval_GetFrame", "PyFrame_GetCode", "PyFrame_GetLasti"),
    *("PyList_Append", "PyWeakref_NewRef", "PyGILState_Check"),
)
_OBJECTS = {
    **{"None": None, "ndarray": np.ndarray, "float": float, "int": int, "tuple": tuple, "True": True},
    **{"False": False, "list": list},
}
DTYPES = ("float32", "float64", "float16", "int64", "int32", "int16", "int8", "uint8", "bool")


def works() -> bool:
    """Whether this interpreter and this NumPy are laid out as the offsets say."""
    if sys.implementation.name != "cpython" or ctypes.sizeof(ctypes.c_void_p) != 8:
        return False
    if not getattr(sys, "_is_gil_enabled", lambda: True)():
        return False
    base = np.arange(24, dtype=np.float32).reshape(2, 3, 4)
    return all(map(_matches, (base, base[:, 1:], base.T, base[0, 0, 0:0], np.zeros(())))) and _numbers_match()


def _matches(a: np.ndarray) -> bool:
    at = lambda offset, kind: kind.from_address(id(a) + offset).value  # noqa: E731
    n = a.ndim
    words = ctypes.c_int64 * n
    flags = at(FLAGS, ctypes.c_int32)
    return (
        at(TYPE, ctypes.c_void_p) == id(np.ndarray)
        and at(DATA, ctypes.c_void_p) == a.__array_interface__["data"][0]
        and at(NDIM, ctypes.c_int32) == n
        and at(DTYPE, ctypes.c_void_p) == id(a.dtype)
        and at(BASE, ctypes.c_void_p) == (None if a.base is None else id(a.base))
        and (not n or tuple(words.from_address(at(DIMS, ctypes.c_void_p))) == a.shape)
        and (not n or tuple(words.from_address(at(STRIDES, ctypes.c_void_p))) == a.strides)
        and bool(flags & C_CONTIGUOUS) == a.flags.c_contiguous
        and bool(flags & F_CONTIGUOUS) == a.flags.f_contiguous
        and bool(flags & WRITEABLE) == a.flags.writeable
    )


def _numbers_match() -> bool:
    value, pair, held = 0.1234, (1.5, "two"), capsule(4096)
    items = (ctypes.c_void_p * 2).from_address(id(pair) + TUPLE_ITEMS)
    return (
        ctypes.c_double.from_address(id(value) + FLOAT_VALUE).value == value
        and all(ctypes.c_uint32.from_address(id(n) + INT_DIGIT).value == n for n in (0, 7, 123456, 1 << 29))
        and ctypes.c_int64.from_address(id(pair) + TUPLE_SIZE).value == 2
        and list(items) == [id(x) for x in pair]
        and ctypes.c_void_p.from_address(id(held) + POINTER).value == 4096
    )


def register() -> None:
    """Give generated code the addresses of what it calls and compares with."""
    table = _numpy_table()
    for name, slot in _NUMPY.items():
        llvm.symbols[name] = table[slot]
    for name in _PYTHON:
        llvm.symbols[name] = address(getattr(ctypes.pythonapi, name))
    for name, value in _OBJECTS.items():
        llvm.symbols[f"py_{name}"] = id(value)
    for name in DTYPES:
        llvm.symbols[f"dtype_{name}"] = id(np.dtype(name))
    for name in ("TypeError", "RuntimeError", "ValueError", "MemoryError"):
        exception: Any = ctypes.c_void_p.in_dll(ctypes.pythonapi, f"PyExc_{name}")
        llvm.symbols[f"py_{name}"] = exception.value


def _numpy_table() -> Any:
    get = ctypes.pythonapi.PyCapsule_GetPointer
    get.restype, get.argtypes = ctypes.c_void_p, [ctypes.py_object, ctypes.c_char_p]
    api: Any = np._core._multiarray_umath._ARRAY_API  # pyright: ignore[reportAttributeAccessIssue]
    return (ctypes.c_void_p * 400).from_address(get(api, None))


def address(function: Any) -> int:
    """The address of a C function that ctypes knows."""
    found = ctypes.cast(function, ctypes.c_void_p).value
    assert found is not None
    return found


def capsule(pointer: int) -> Any:
    """A Python object that holds an address: what a builtin gets as its `self`."""
    new = ctypes.pythonapi.PyCapsule_New
    new.restype, new.argtypes = ctypes.py_object, [ctypes.c_void_p, ctypes.c_char_p, ctypes.c_void_p]
    return new(pointer, None, None)


class _MethodDef(ctypes.Structure):
    _fields_ = [
        *(("name", ctypes.c_char_p), ("function", ctypes.c_void_p)),
        *(("flags", ctypes.c_int), ("doc", ctypes.c_char_p)),
    ]


_FASTCALL, _KEYWORDS = 0x80, 0x2
_kept: list[Any] = []


def _definition(name: str, pointer: int, flags: int, doc: str | None) -> int:
    definition = _MethodDef(name.encode(), pointer, flags, None if doc is None else doc.encode())
    _kept.append(definition)
    return ctypes.addressof(definition)


def builtin(name: str, pointer: int, owner: Any = None) -> Any:
    """A Python builtin of the machine code at `pointer`: ptr (ptr owner, ptr args, i64 count)."""
    return _new_builtin(_definition(name, pointer, _FASTCALL, None), owner, None)


def function(name: str, pointer: int, owner: Any, module: str, doc: str) -> Any:
    """A builtin that takes keywords too: ptr (ptr owner, ptr args, i64 count, ptr names of keywords)."""
    return _new_builtin(_definition(name, pointer, _FASTCALL | _KEYWORDS, doc), owner, module)


def method(cls: type, name: str, pointer: int, doc: str) -> Any:
    """A method of a class: ptr (ptr self, ptr args, i64 count, ptr names of keywords)."""
    new = ctypes.pythonapi.PyDescr_NewMethod
    new.restype, new.argtypes = ctypes.py_object, [ctypes.py_object, ctypes.c_void_p]
    return new(cls, _definition(name, pointer, _FASTCALL | _KEYWORDS, doc))


def _new_builtin(definition: int, owner: Any, module: str | None) -> Any:
    new = ctypes.pythonapi.PyCFunction_NewEx
    new.restype = ctypes.py_object
    new.argtypes = [ctypes.c_void_p, ctypes.py_object, ctypes.py_object if module else ctypes.c_void_p]
    return new(definition, owner, module)


def slot_offset(cls: type, name: str) -> int:
    """Where instances keep what `__slots__` calls `name`. Raises RuntimeError where a trial contradicts
    it.
    """
    member = ctypes.c_void_p.from_address(id(cls.__dict__[name]) + 40).value  # PyMemberDescrObject.d_member
    offset = ctypes.c_ssize_t.from_address((member or 0) + 16).value if member else 0  # PyMemberDef.offset
    probe, held = object.__new__(cls), object()
    setattr(probe, name, held)
    if not 16 <= offset < 256 or ctypes.c_void_p.from_address(id(probe) + offset).value != id(held):
        raise RuntimeError(f"{cls.__name__}.{name} is not where CPython's member descriptor says")
    return offset
