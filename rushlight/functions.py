"""Functions of torch that do what a method does, and tensors over buffers and in given memory orders."""

from __future__ import annotations

import math
import warnings
from collections.abc import Sequence
from typing import Any

import numpy as np

from .creation import empty_strided
from .dtypes import dtype as Dtype
from .tensor import Tensor, wrap

# -- methods as functions ------------------------------------------------------------------------------


def detach(input: Tensor) -> Tensor:
    """The same elements, of which no derivative is taken."""
    return input.detach()


def detach_(input: Tensor) -> Tensor:
    """Make `input` a leaf: the graph behind it is forgotten."""
    return input.detach_()


def is_signed(input: Tensor) -> bool:
    """Whether the dtype has negative numbers."""
    return input.dtype.is_signed


def zero_(input: Tensor) -> Tensor:
    """Fill `input` with zeros."""
    return input.zero_()


def resize_as_(input: Tensor, the_template: Tensor, *, memory_format: Any = None) -> Tensor:
    """Resize `input` to the shape of another tensor."""
    return input.resize_as_(the_template)


def get_device(input: Tensor) -> int:
    """The index of the CUDA device, -1 for the CPU."""
    return input.get_device()


# -- creation ------------------------------------------------------------------------------------------


def frombuffer(
    buffer: Any, *, dtype: Dtype, count: int = -1, offset: int = 0, requires_grad: bool = False
) -> Tensor:
    """A tensor of one dimension over the memory of `buffer`, which it shares.

    `count` elements (-1: as many as there are) from byte `offset` on. Raises ValueError where the buffer is
    empty, too short, or not a whole number of elements. Tensors over read-only memory are read-only, with a
    warning.
    """
    try:
        memory = memoryview(buffer)
    except TypeError:
        text = f"frombuffer: object does not implement Python buffer protocol: {type(buffer).__name__}"
        raise ValueError(text) from None
    count = _whole_count(memory.nbytes, count, offset, dtype.np.itemsize)
    if memory.readonly:
        warnings.warn(
            "frombuffer: the given buffer is not writable, so writing to the tensor is an error here; "
            "copy the buffer, or clone() the tensor, to change it",
            stacklevel=2,
        )
    t = wrap(np.frombuffer(memory, dtype.np, count, offset))
    return t.requires_grad_() if requires_grad else t


def _whole_count(length: int, count: int, offset: int, item: int) -> int:
    """How many elements of `item` bytes to take. Raises ValueError where that cannot be."""
    if not length or not count:
        raise ValueError(f"frombuffer: both buffer length ({length}) and count ({count}) must not be 0")
    if not 0 <= offset < length:
        raise ValueError(
            f"frombuffer: offset ({offset} bytes) must be non-negative and no greater than buffer length "
            f"({length} bytes) minus 1"
        )
    if count < 0 and (length - offset) % item:
        raise ValueError(
            f"frombuffer: buffer length ({length - offset} bytes) after offset ({offset} bytes) must be "
            f"a multiple of element size ({item})"
        )
    if count > 0 and offset + count * item > length:
        raise ValueError(
            f"frombuffer: requested buffer length ({count} * {item} bytes) after offset ({offset} bytes) "
            f"must not be greater than actual buffer length ({length} bytes)"
        )
    return count if count > 0 else (length - offset) // item


def empty_permuted(
    size: Sequence[int],
    physical_layout: Sequence[int],
    *,
    dtype: Dtype | None = None,
    layout: Any = None,
    device: Any = None,
    requires_grad: bool = False,
    pin_memory: bool = False,
) -> Tensor:
    """A tensor of `size` whose dimensions lie in memory in this order; its elements are not set."""
    n = len(size)
    if len(physical_layout) != n:
        raise RuntimeError(
            "empty_permuted: Number of dimensions in size does not match the length of the physical_layout; "
            f"i.e. len(size) = {n} is not equal to len(physical_layout) = {len(physical_layout)}"
        )
    if any(not 0 <= d < n for d in physical_layout):
        raise RuntimeError(
            f"empty_permuted: Dimension out of range (expected to be between 0 and {n - 1}, negative "
            f"ones not supported), but got physical_layout {tuple(physical_layout)}"
        )
    if len(set(physical_layout)) != n:
        raise RuntimeError(f"empty_permuted: Duplicate dim not allowed: {tuple(physical_layout)}")
    strides = [0] * n
    for at, d in enumerate(physical_layout):
        strides[d] = math.prod(size[later] for later in physical_layout[at + 1 :])
    return empty_strided(size, strides, dtype=dtype, device=device, requires_grad=requires_grad)
