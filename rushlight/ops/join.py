"""Tensors put together: end to end, or along a new dimension."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ..arrays.copying import joined
from ..arrays.numpy import cast, normalize_dim, result_type
from ..dtypes import of_numpy
from ..errors import shape_text
from .convert import to_dtype
from .declare import primitive
from .views import narrow, reshape, select

Array = Any


@primitive(forms="o", aliases=("concat", "concatenate"))
def cat(tensors: Sequence[Array], /, dim: int = 0) -> Array:
    """The tensors end to end along `dim`. Other sizes must agree; tensors of shape (0,) are passed over."""
    if not len(tensors):
        raise ValueError("torch.cat(): expected a non-empty list of Tensors")
    kind = getattr(tensors[0], "dtype", None)
    for i, a in enumerate(tensors):
        if getattr(a, "dtype", None) is None:
            raise TypeError(f"cat: expected Tensor as element {i} in argument 0, but got {type(a).__name__}")
        if a.dtype is not kind:
            kind = result_type(*tensors).np
            tensors = [cast(a, kind) for a in tensors]
            break
    try:
        return joined(tensors, dim)
    except ValueError:
        return _cat_carefully(tensors, dim)


def _cat_carefully(tensors: Sequence[Array], dim: int) -> Array:
    """cat where NumPy refused: some tensor is of shape (0,), or there is an error to name."""
    kept = [(i, a) for i, a in enumerate(tensors) if a.shape != (0,)]
    if not kept:
        normalize_dim("cat", dim, 1)
        return tensors[0].copy()
    for i, a in kept:
        if not a.ndim:
            raise RuntimeError(
                f"cat: zero-dimensional tensor (at position {i}) cannot be concatenated; torch.stack takes "
                "them"
            )
    shape = kept[0][1].shape
    at = normalize_dim("cat", dim, len(shape))
    for i, a in kept:
        if a.ndim != len(shape):
            raise RuntimeError(
                f"cat: Tensors must have same number of dimensions: got {len(shape)} and {a.ndim} (number "
                f"{i})"
            )
        for d, (n, m) in enumerate(zip(shape, a.shape, strict=True)):
            if n != m and d != at:
                raise RuntimeError(
                    f"cat: Sizes of tensors must match except in dimension {at}. Expected size {n} but got "
                    f"size {m} for tensor number {i} in the list: {shape_text(shape)} and "
                    f"{shape_text(a.shape)} differ in dimension {d}"
                )
    return joined([a for _, a in kept], at)


cat.vjp(tensors=lambda g, tensors_shape, tensors_dtype, dim: _cat_parts(g, tensors_shape, tensors_dtype, dim))


def _cat_parts(g: Array, shapes: Sequence[Any], kinds: Sequence[np.dtype], dim: int) -> tuple[Array, ...]:
    """The parts of the cotangent that fall on each tensor."""
    start, parts = 0, []
    for shape, kind in zip(shapes, kinds, strict=True):
        passed_over = len(shape) == 1 and shape[0] == 0
        size = 0 if passed_over else shape[dim]
        part = narrow(g, dim, start, size)
        part = reshape(part, (0,)) if passed_over else part
        parts.append(_as_kind(part, kind))
        start += size
    return tuple(parts)


@primitive(forms="o")
def stack(tensors: Sequence[Array], /, dim: int = 0) -> Array:
    """The tensors, all of one shape, along a new dimension `dim`."""
    if not len(tensors):
        raise RuntimeError("stack expects a non-empty TensorList")
    shape = tensors[0].shape
    for i, a in enumerate(tensors):
        if a.shape != shape:
            raise RuntimeError(
                f"stack expects each tensor to be equal size, but got {list(shape)} at entry 0 and "
                f"{list(a.shape)} at entry {i}"
            )
    at = normalize_dim("stack", dim, len(shape) + 1)
    if at < len(shape) and all(a.dtype is tensors[0].dtype for a in tensors):
        return joined(tensors, at).reshape(*shape[:at], len(tensors), *shape[at:])
    longer = (*shape[:at], 1, *shape[at:])
    return cat.array([a.reshape(longer) for a in tensors], at)


stack.vjp(
    tensors=lambda g, tensors_dtype, dim: tuple(
        [_as_kind(select(g, dim, i), kind) for i, kind in enumerate(tensors_dtype)]
    )
)


def _as_kind(g: Array, kind: np.dtype) -> Array:
    return g if g.dtype in (kind, of_numpy(kind)) else to_dtype(g, of_numpy(kind))
