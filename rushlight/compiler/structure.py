"""Arrays inside of tuples, lists, dictionaries and records: found in order, and replaced."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

from numpy import ndarray

#: what marks a tuple of the array and the version box of a Tensor that a node keeps
KEPT = "kept"

_PLAIN = frozenset({int, float, str, bool, type(None), bytes, type})


def mapped(x: Any, fn: Callable[[Any], Any]) -> Any:
    """The same structure with fn(leaf) in place of every leaf; records are copied where a field changes."""
    kind = x.__class__
    if kind in _PLAIN:
        return fn(x)
    if kind is ndarray:
        return fn(x)
    if kind is tuple or kind is list:
        new = fn(x)
        return kind([mapped(v, fn) for v in x]) if new is x else new
    if kind is dict:
        return {k: mapped(v, fn) for k, v in x.items()}
    if isinstance(x, tuple):  # a named one
        return type(x)(*[mapped(v, fn) for v in x])
    new = fn(x)
    return new if new is not x or not _is_record(x) else _record_mapped(x, fn)


def arrays_in(x: Any) -> list[ndarray]:
    """The arrays in a structure, in the order in which `mapped` comes by."""
    found: list[ndarray] = []

    def note(v: Any) -> Any:
        if v.__class__ is ndarray:
            found.append(v)
        return v

    mapped(x, note)
    return found


def address(a: ndarray) -> int:
    """Where the first element is."""
    return a.__array_interface__["data"][0]


def owner_of_memory(a: ndarray) -> ndarray:
    """The array that owns the memory of `a`, also behind the objects by which stride tricks hold it."""
    while True:
        base = a.base
        if not isinstance(base, ndarray):
            base = getattr(base, "base", None)
        if not isinstance(base, ndarray):
            return a
        a = base


def _is_record(x: Any) -> bool:
    """Whether an object is a bundle of fields of this package's; tensors and arrays are none."""
    ours = type(x).__module__.startswith("rushlight.") and not hasattr(x, "__op_priority__")
    return ours and not callable(x) and bool(_fields(x))


def _fields(x: Any) -> dict[str, Any]:
    slots = [n for c in type(x).__mro__ for n in getattr(c, "__slots__", ())]
    held = {n: getattr(x, n) for n in slots if hasattr(x, n) and n != "__weakref__"}
    return held | getattr(x, "__dict__", {})


def _record_mapped(x: Any, fn: Callable[[Any], Any]) -> Any:
    old = _fields(x)
    new = {n: mapped(v, fn) for n, v in old.items() if _may_hold_arrays(v)}
    if all(new[n] is old[n] for n in new):
        return x
    made = copy.copy(x)
    for n, v in new.items():
        object.__setattr__(made, n, v)
    return made


def _may_hold_arrays(v: Any) -> bool:
    return isinstance(v, ndarray | tuple | list)
