"""`Parameter`, `Buffer`: tensors that a Module registers when they are assigned to one of its attributes.

Those of lazy modules are uninitialized at first: they have a dtype and no shape.
"""

from typing import Any

import numpy as np

from ..creation import empty
from ..dtypes import get_default_dtype
from ..tensor import Parameter, Tensor, from_numpy

__all__ = ["Buffer", "Parameter", "UninitializedBuffer", "UninitializedParameter", "is_lazy"]


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


class UninitializedTensorMixin:
    """What waits for its shape: `materialize` makes it an ordinary parameter or buffer."""

    __slots__ = ()
    cls_to_become: type[Tensor] = Tensor

    def materialize(self: Any, shape: Any, device: Any = None, dtype: Any = None) -> None:
        """Become a tensor of `shape`, with values still to be set."""
        device, dtype = device or self.device, dtype or self.dtype
        self.data = empty(tuple(shape), device=device, dtype=dtype)
        self.__class__ = self.cls_to_become

    @property
    def shape(self) -> Any:
        raise RuntimeError(
            "Can't access the shape of an uninitialized parameter or buffer. This error usually happens in "
            "`load_state_dict` when trying to load an uninitialized parameter into an initialized one. Call "
            "`forward` to initialize the parameters before accessing their attributes."
        )

    def share_memory_(self) -> None:
        raise RuntimeError(
            "Can't share memory on an uninitialized parameter or buffer. Call `forward` to initialize the "
            "parameters before calling `module.share_memory()`."
        )

    def __repr__(self) -> str:
        return f"<{type(self).__name__}>"


class UninitializedParameter(UninitializedTensorMixin, Parameter):
    """A parameter without a shape yet."""

    __slots__ = ()
    cls_to_become = Parameter

    def __new__(cls, requires_grad: bool = True, device: Any = None, dtype: Any = None) -> Any:
        return Parameter.__new__(cls, empty(0, device=device, dtype=dtype), requires_grad)

    def __init__(self, requires_grad: bool = True, device: Any = None, dtype: Any = None) -> None:
        pass


class UninitializedBuffer(UninitializedTensorMixin, Tensor):
    """A buffer without a shape yet."""

    __slots__ = ()
    cls_to_become = Tensor

    def __new__(
        cls, requires_grad: bool = False, device: Any = None, dtype: Any = None, persistent: bool = True
    ) -> Any:
        made = empty(0, device=device, dtype=dtype).requires_grad_(requires_grad)
        made.__class__ = cls
        made.persistent, made._is_buffer = persistent, True  # type: ignore[attr-defined]
        return made


def is_lazy(value: Any) -> bool:
    """Whether a parameter or buffer still waits for its shape."""
    return isinstance(value, UninitializedTensorMixin)
