"""Copies as nodes: programs without arithmetic, which passes can fuse, or see that they need not be."""

from __future__ import annotations

from typing import Any

import numpy as np

from .elements import TYPE_OF, copying
from .graph import Elements, Kernels, Node
from .values import value_of

#: ops whose result has the elements of an argument, which is at this position
_SOURCE = {"clone": 0, "copy": 1, "to_dtype": 0, "reshape_copy": 0}


def copy_of(tracer: Any, op: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """Run an op that copies an array, and note it as a program.

    None for other ops, and where machine code has no such types. Transposes keep their own kernels, which are
    up to six times as fast as a program, for where they are fused with nothing.
    """
    given = [value_of(v) for v in args]
    x = given[_SOURCE[op.name]] if op.name in _SOURCE else None
    if not isinstance(x, np.ndarray) or x.dtype not in TYPE_OF:
        return None
    with tracer.suspended():
        out = op.array(*given, **kwargs)
    if copying(x.dtype, out.dtype) is None or np.may_share_memory(out, x):
        return None
    if _in_one_order(x, _seen(op, x, out)):
        made = tracer.temporary(out)
        tracer.add(Node(op.name, (tracer.place(x),), {}, (made,), _program(tracer, op, x, out)))
        return tracer.wrap(out)
    made = tracer.call(op.name, op.array, args, kwargs)
    node = tracer.nodes[-1]
    if isinstance(node.body, Kernels):
        node.body = _program(tracer, op, x, made.value)._replace(alone=node.body)
    return made


def _seen(op: Any, x: np.ndarray, out: np.ndarray) -> np.ndarray:
    """The result, element for element beside what is copied."""
    return out.reshape(x.shape) if op.name == "reshape_copy" else out


def _program(tracer: Any, op: Any, x: np.ndarray, out: np.ndarray) -> Elements:
    steps, target = copying(x.dtype, out.dtype) or (), tracer.place(_seen(op, x, out))
    return Elements(steps, {"x": tracer.place(x)}, {target: "out" if steps else "x"}, target.shape)


def _in_one_order(x: np.ndarray, out: np.ndarray) -> bool:
    """Whether the dimensions of both, largest stride first, are the same; those of a stretched `x` are."""
    if x.shape != out.shape:
        return True
    dims = [d for d, n in enumerate(x.shape) if n != 1 and x.strides[d]]
    orders = [sorted(dims, key=lambda d: -abs(a.strides[d])) for a in (x, out)]
    return orders[0] == orders[1]
