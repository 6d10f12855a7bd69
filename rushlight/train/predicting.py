"""Outputs of several batches as one."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ..tensor import Tensor
from .metrics.base import cat


def in_slices(data: Tensor, size: int | None) -> Iterator[Tensor]:
    """A tensor's rows, `size` at a time; all at once for None."""
    if size is not None and size < 1:
        raise ValueError(f"batch_size must be at least 1, not {size}")
    rows = max(data.shape[0], 1)
    for start in range(0, rows, size or rows):
        yield data[start : start + (size or rows)]


def joined(outputs: list[Any]) -> Any:
    """Tensors one behind the other; of tuples, lists and dicts, their parts. Raises ValueError for none."""
    if not outputs:
        raise ValueError("predict: the loader gave no batch")
    first = outputs[0]
    if isinstance(first, Tensor):
        return first if len(outputs) == 1 else cat(outputs)
    if isinstance(first, dict):
        return {key: joined([output[key] for output in outputs]) for key in first}
    if isinstance(first, tuple | list):
        parts = [joined(list(part)) for part in zip(*outputs, strict=True)]
        return type(first)(*parts) if hasattr(first, "_fields") else type(first)(parts)
    return outputs
