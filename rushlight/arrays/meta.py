"""Arrays of nothing: shape and dtype only. What `device="meta"` holds,
and what shape rules are tested with.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ..device import META
from .foreign import ForeignArray
from .numpy import broadcast_shapes


class MetaArray(ForeignArray):
    """An array without numbers. Ops on it follow the shape rules and compute nothing."""

    __slots__ = ("shape", "dtype", "strides")
    __op_priority__ = 20
    device = META

    def __init__(self, shape: Any, dtype: np.dtype, strides: tuple[int, ...] | None = None) -> None:
        self.shape, self.dtype = tuple(shape), np.dtype(dtype)
        self.strides = row_major(self.shape, self.dtype.itemsize) if strides is None else strides

    @property
    def flags(self) -> Any:
        return np.lib.stride_tricks.as_strided(np.empty((), self.dtype), self.shape, self.strides).flags

    def ones_like(self) -> MetaArray:
        return MetaArray(self.shape, self.dtype)

    def full_like(self, fill: Any, dtype: np.dtype, order: str = "K") -> MetaArray:
        return MetaArray(self.shape, dtype)

    def __store__(self, result: Any) -> MetaArray:
        return self

    def __op__(self, op: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """Run an op's shape rule; where it has none, or none for these arguments, the op on zeros that take
        no memory.
        """
        if op.shape_rule is not None and (found := op.shape_rule(*args, **kwargs)) is not None:
            return _results(found)
        if op.kind == "composite":
            return op.body(*args, **kwargs)
        if op.kind == "pointwise":
            return _pointwise(op, args, kwargs)
        out = op.on_arrays(*map(_ghost, args), **{k: _ghost(v) for k, v in kwargs.items()})
        return tuple(map(_forget, out)) if isinstance(out, tuple) else _forget(out)

    def item(self) -> Any:
        raise RuntimeError("item: Tensor.item() cannot be called on meta tensors: they hold no numbers")

    __bool__ = __int__ = __float__ = item

    def __repr__(self) -> str:
        return f"MetaArray({self.shape}, {self.dtype})"


def _pointwise(op: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> MetaArray:
    """Broadcast the shapes, promote the types."""
    given = dict(zip(op.signature.parameters, args, strict=False)) | kwargs
    inputs = {n: given[n] for n in op.tensors if given.get(n) is not None}
    shapes = [v.shape for v in inputs.values() if hasattr(v, "shape")]
    result = op.types([v for n, v in inputs.items() if n in op.promoted])[1]
    return MetaArray(broadcast_shapes(op.name, *shapes), result.np)


def row_major(shape: tuple[int, ...], itemsize: int) -> tuple[int, ...]:
    """Byte strides of a contiguous array."""
    strides, step = [], itemsize
    for n in reversed(shape):
        strides.append(step)
        step *= max(n, 1)
    return tuple(reversed(strides))


def _results(found: Any) -> Any:
    """A shape rule's answer, (shape, dtype) or a tuple of them, as arrays."""
    if found and isinstance(found[1], np.dtype):
        return MetaArray(*found)
    return tuple(MetaArray(*f) for f in found)


def _ghost(value: Any) -> Any:
    """Zeros of an array's shape and strides-class that all share one element."""
    if isinstance(value, (list, tuple)) and any(isinstance(v, MetaArray) for v in value):
        return type(value)(map(_ghost, value))
    if isinstance(value, np.ndarray) and value.size:
        value = MetaArray(value.shape, value.dtype)
    if not isinstance(value, MetaArray):
        return value
    return np.broadcast_to(np.zeros((), value.dtype), value.shape)


def _forget(out: Any) -> MetaArray:
    return MetaArray(out.shape, out.dtype)
