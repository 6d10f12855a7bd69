"""Copies as nodes: programs without arithmetic, which passes can fuse, or see that they need not be."""

from __future__ import annotations

from typing import Any

import numpy as np

from .elements import TYPE_OF, copying
from .graph import Elements, Node
from .values import value_of

#: ops whose result has the elements of an argument, which is at this position
_SOURCE = {"clone": 0, "copy": 1, "to_dtype": 0, "reshape_copy": 0}


def copy_of(tracer: Any, op: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """Run an op that copies an array, and note it as a program.

    None for other ops, where machine code has no such types, and where memory is walked through in another
    order: transposes have kernels of their own, ten times as fast as a program.
    """
    given = [value_of(v) for v in args]
    x = given[_SOURCE[op.name]] if op.name in _SOURCE else None
    if not isinstance(x, np.ndarray) or x.dtype not in TYPE_OF:
        return None
    with tracer.suspended():
        out = op.array(*given, **kwargs)
    steps = copying(x.dtype, out.dtype)
    seen = out.reshape(x.shape) if op.name == "reshape_copy" else out
    if steps is None or np.may_share_memory(out, x) or not _in_one_order(x, seen):
        return None
    made, source, target = tracer.temporary(out), tracer.place(x), tracer.place(seen)
    body = Elements(steps, {"x": source}, {target: "out" if steps else "x"}, target.shape)
    tracer.add(Node(op.name, (source,), {}, (made,), body))
    return tracer.wrap(out)


def _in_one_order(x: np.ndarray, out: np.ndarray) -> bool:
    """Whether the dimensions of both, largest stride first, are the same; those of a stretched `x` are."""
    if x.shape != out.shape:
        return True
    sizes = [d for d, n in enumerate(x.shape) if n != 1 and x.strides[d]]
    return sorted(sizes, key=lambda d: -abs(x.strides[d])) == sorted(
        sizes, key=lambda d: -abs(out.strides[d])
    )
