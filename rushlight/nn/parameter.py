"""`Parameter`, `Buffer`: tensors that a Module registers when they are assigned to one of its attributes."""

from typing import Any

import numpy as np

from ..dtypes import get_default_dtype
from ..tensor import Parameter, Tensor, from_numpy

__all__ = ["Buffer", "Parameter", "is_lazy"]


class _BufferMeta(type):
    def __instancecheck__(cls, value: Any) -> bool:
        return isinstance(value, Tensor) and "_is_buffer" in value.__dict__


class Buffer(Tensor, metaclass=_BufferMeta):
    """A tensor that a Module registers as a buffer: part of its state, not trained.

    With `persistent=False` it moves with the module but stays out of the `state_dict`. As in torch, what
    comes back is a plain Tensor with a mark, so that operations on it are as fast as on any other.
    """

    persistent: bool

    def __new__(cls, data: Tensor | None = None, *, persistent: bool = True) -> Any:
        if data is None:
            data = from_numpy(np.empty(0, get_default_dtype().np))
        buffer = data.detach().requires_grad_(data.requires_grad)
        buffer.persistent = persistent  # type: ignore[attr-defined]
        buffer._is_buffer = True  # type: ignore[attr-defined]
        return buffer


def is_lazy(value: Any) -> bool:
    """Whether a parameter or buffer still waits for its shape."""
    return False
