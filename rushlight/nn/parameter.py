"""`Parameter`, `Buffer`: tensors that a Module registers when they are assigned to one of its attributes."""

from typing import Any

from ..tensor import Parameter, Tensor

__all__ = ["Buffer", "Parameter", "is_lazy"]


class Buffer(Tensor):
    """A tensor that a Module registers as a buffer: part of its state, not trained.

    With `persistent=False` it moves with the module but stays out of the `state_dict`.
    """

    persistent: bool


def is_lazy(value: Any) -> bool:
    """Whether a parameter or buffer still waits for its shape."""
    return False
