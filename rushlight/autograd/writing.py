"""In-place forms that are more than "compute, then store".

`x.index_add_(...)` touches only the places named, so its op states how (`@op.writes`). `x.t_()` writes no
element at all: the tensor becomes a view of what it was.
"""

from __future__ import annotations

import weakref
from collections.abc import Callable
from typing import Any

import numpy as np

from ..arrays.tracing import EAGER, tracer, turned
from ..ops.declare import Op
from . import inplace, record
from .engine import binding
from .mode import grad_on

ndarray = np.ndarray


def write(op: Op, function: Callable[..., Any], arguments: dict[str, Any], name: str) -> Any:
    """Run an op that writes into its first argument, which is returned. `function` is the op out of place."""
    t = arguments[op.tensors[0]]
    values = [arguments[n] for n in op.tensors[1:]]
    if grad_on() and (t._n is not None or any(map(_tracked, values))):
        return inplace.recorded(t, function, arguments, name, depth=5)
    a = t._a
    arrays = {n: _array(v, name) for n, v in zip(op.tensors[1:], values, strict=True)}
    options = {p.name: arguments[p.name] for p in op.options}
    traced = None if EAGER or op.traced is not None else tracer()
    if traced is not None:
        traced.written(op, a, arrays, options)
    elif a.__class__ is ndarray and EAGER:
        if not a.flags.writeable:
            inplace.check_writable(a, a, name)
        op.writer(a, **arrays, **options)  # pyright: ignore[reportOptionalCall]
    else:
        inplace.store(t, function(**arguments)._a, name)
        return t
    record.bump(t, name, 3)
    return t


def _tracked(value: Any) -> bool:
    return isinstance(value, binding.tensor) and value._n is not None


def _array(value: Any, name: str) -> Any:
    if value.__class__ is binding.tensor:
        return value._a
    if value.__class__ is float or value.__class__ is int:
        return value
    if isinstance(value, (tuple, list)):
        return tuple([_array(v, name) for v in value])
    return record.unwrapper(name)(value)


def turn(t: Any, function: Callable[..., Any], arguments: tuple[Any, ...], name: str) -> Any:
    """Make `t` the view function(t, *arguments) of what it was. Returns `t`."""
    if grad_on():
        inplace.guard_leaf(t, name)
    before = _stand_in(t)
    after = function(before, *arguments)
    turned(t)
    t._a = after._a
    if after._n is not None:
        t._n = after._n
    if before._v is not None or _hand_over(t, before):
        t._b, t._v = after._b, after._v
        before._b[1] = [*(before._b[1] or ()), weakref.ref(t)]
    record.bump(t, name, 3)
    return t


def _stand_in(t: Any) -> Any:
    """A tensor that is what `t` is now."""
    made = binding.wrap(t._a)
    made._n, made._b, made._v = t._n, t._b, t._v
    return made


def _hand_over(t: Any, before: Any) -> bool:
    """Let the live views of `t` be views of `before` instead; whether there are any."""
    found = False
    for q in (t._b and t._b[1]) or ():
        view = q()
        if view is not None and view._v is not None and view._v[0] is t:
            view._v = (before, *view._v[1:])
            found = True
    return found
