"""How attention's arrays meet the kernels: types, padding, broadcast heads, the layout of what comes out."""

from __future__ import annotations

import functools
import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from ..kernels import attention as kernels
from ..kernels import attention_backward as backward_kernels
from ..kernels import native, pool, targets
from ..kernels.attention_block import Shape, size
from ..kernels.types import f32, f64
from . import memory
from .numpy import cast

Array = Any
TYPES = {np.dtype(np.float32): f32, np.dtype(np.float64): f64}


def fits(work: np.dtype, query: Array, key: Array, value: Array, mask: Any) -> bool:
    """Whether the kernels do this: known types, and no dimension that only the values or the mask stretch."""
    if work not in TYPES or not native.on() or not query.shape[-1] or not value.shape[-1]:
        return False
    lead = np.broadcast_shapes(query.shape[:-2], key.shape[:-2], () if mask is None else mask.shape[:-2])
    return np.broadcast_shapes(lead, value.shape[:-2]) == lead


def forward(
    query: Array, key: Array, value: Array, mask: Any, is_causal: bool, scale: float, work: np.dtype
) -> tuple[Array, Array]:
    """The output and log Σ exp of each row, in the type of computation."""
    lead = _lead(query, key, mask)
    length, depth = query.shape[-2], value.shape[-1]
    lanes = targets.host().lanes(TYPES[work])
    query, key, value = (_ready(x, work, lanes) for x in (query, key, value))
    mask = None if mask is None else _ready_mask(mask, work, key.shape[-2])
    shape = _shape(query, key, value, mask, is_causal, lanes)
    out = _like(query, (*lead, length, shape.values))
    logsumexp = np.empty((*lead, length, 1), work)
    arrays = (query, key, value, mask, out)
    strides = [_row(x) for x in arrays]
    room = np.empty(pool.size() * size(kernels.scratch(shape)), work)
    items = math.prod(lead) * -(-length // shape.queries)
    run = kernels.kernel(shape)
    run(
        items,
        1,
        *arrays,
        logsumexp,
        room,
        _places(lead, arrays),
        length,
        key.shape[-2],
        *strides,
        float(scale),
    )
    return out[..., :depth], logsumexp


def backward(
    g: Array,
    query: Array,
    key: Array,
    value: Array,
    mask: Any,
    saved: tuple[Array, Array],
    is_causal: bool,
    scale: float,
    work: np.dtype,
) -> tuple[Array, Array, Array]:
    """The cotangents of query, key and value, in the type of computation, not yet summed over shared
    heads.
    """
    lead = _lead(query, key, mask)
    width, depth = query.shape[-1], value.shape[-1]
    lanes = targets.host().lanes(TYPES[work])
    query, key, value, out, g = (_ready(x, work, lanes) for x in (query, key, value, saved[0], g))
    mask = None if mask is None else _ready_mask(mask, work, key.shape[-2])
    shape = _shape(query, key, value, mask, is_causal, lanes)
    found = [_like(x, (*lead, *x.shape[-2:])) for x in (query, key, value)]
    arrays = (query, key, value, mask, out, g, *found)
    strides = [_row(x) for x in arrays]
    room = np.empty(pool.size() * size(backward_kernels.scratch(shape)), work)
    logsumexp, places = memory.contiguous(saved[1]), _places(lead, arrays)
    run = backward_kernels.kernel(shape)
    run(
        math.prod(lead),
        1,
        *arrays,
        logsumexp,
        room,
        places,
        query.shape[-2],
        key.shape[-2],
        *strides,
        float(scale),
    )
    return found[0][..., :width], found[1][..., :width], found[2][..., :depth]


def _lead(query: Array, key: Array, mask: Any) -> tuple[int, ...]:
    """The leading dimensions of the scores."""
    if mask is None and query.shape[:-2] == key.shape[:-2]:
        return query.shape[:-2]
    return np.broadcast_shapes(query.shape[:-2], key.shape[:-2], () if mask is None else mask.shape[:-2])


def _shape(query: Array, key: Array, value: Array, mask: Any, is_causal: bool, lanes: int) -> Shape:
    kind = "" if mask is None else "kept" if mask.dtype.kind == "b" else "added"
    length = query.shape[-2]
    queries = max(lanes, 64 if length > 32 else 32 if length > 16 else 16)
    return Shape(TYPES[query.dtype], query.shape[-1], value.shape[-1], is_causal, kind, queries)


def _ready(x: Array, work: np.dtype, lanes: int) -> Array:
    """An array of the type of computation whose rows are contiguous, with zeros up to whole vectors."""
    n = x.shape[-1]
    if n % lanes:
        padded = memory.zeros((*x.shape[:-1], n + -n % lanes), work)
        memory.copy_into(padded[..., :n], cast(x, work))
        return padded
    usual = x.dtype == work and x.flags.aligned and x.strides[-1] == work.itemsize
    return x if usual and not any(s % work.itemsize for s in x.strides) else _row_major(x, work)


def _ready_mask(mask: Array, work: np.dtype, keys: int) -> Array:
    """A mask of truth values or of the type of computation, whose rows are contiguous and whole."""
    mask = np.atleast_2d(mask)
    kind = mask.dtype if mask.dtype.kind == "b" else work
    if mask.shape[-1] != keys:
        mask = np.broadcast_to(mask, (*mask.shape[:-1], keys))
    usual = mask.dtype == kind and mask.flags.aligned and mask.strides[-1] == kind.itemsize
    return mask if usual and not any(s % kind.itemsize for s in mask.strides) else _row_major(mask, kind)


def _row_major(x: Array, kind: np.dtype) -> Array:
    """The elements in row-major order, as another type."""
    return memory.contiguous(cast(x, kind))


def _like(x: Array, shape: tuple[int, ...]) -> Array:
    """A new array whose dimensions lie in memory in the order of those of `x`: heads inside, where they do
    there.
    """
    if x.ndim != len(shape):
        return np.empty(shape, x.dtype)
    order = sorted(range(x.ndim - 1), key=lambda i: -abs(x.strides[i])) + [x.ndim - 1]
    return np.empty([shape[i] for i in order], x.dtype).transpose(np.argsort(order))


def _row(x: Any) -> int:
    """Elements from one row to the next; 0 where one serves all."""
    return 0 if x is None or x.shape[-2] == 1 else x.strides[-2] // x.itemsize


def _places(lead: tuple[int, ...], arrays: Sequence[Any]) -> Array:
    layouts = ((x.shape[:-2], x.strides[:-2], x.itemsize) if x is not None else ((), (), 1) for x in arrays)
    return _offsets(lead, tuple(layouts))


@functools.lru_cache(maxsize=64)
def _offsets(
    lead: tuple[int, ...], layouts: tuple[tuple[tuple[int, ...], tuple[int, ...], int], ...]
) -> Array:
    """(heads, arrays): the element at which each head begins in each array."""
    found = np.zeros((*lead, len(layouts)), np.int64)
    for i, (shape, strides, itemsize) in enumerate(layouts):
        for axis, (n, stride) in enumerate(zip(shape, strides, strict=True), len(lead) - len(shape)):
            steps = np.arange(n) * (stride // itemsize if n > 1 else 0)
            found[..., i] += steps.reshape(-1, *[1] * (len(lead) - 1 - axis))
    return found
