"""Tensor methods that are plain Python over other operations:
conversions, `new_*`, functional odds and ends.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

import rushlight.creation as creation
import rushlight.dtypes as dtypes

from .arrays.tracing import turned
from .device import CPU, META, resolve
from .device import device as Device
from .dtypes import dtype as Dtype
from .inspect import OLD_NAMES
from .ops.declare import registry
from .tensor import Tensor, function_of, wrap


def to(
    self: Tensor,
    *args: Any,
    device: Any = None,
    dtype: Dtype | None = None,
    non_blocking: bool = False,
    copy: bool = False,
    memory_format: Any = None,
    other: Tensor | None = None,
) -> Tensor:
    """The tensor with another dtype or device: to(dtype), to(device), to(device, dtype), to(other).

    Itself if nothing changes.
    """
    flags = []
    for a in args:
        if isinstance(a, Dtype) or a in dtypes.OF_PYTHON:
            dtype = a
        elif isinstance(a, Tensor):
            other = a
        elif isinstance(a, bool):
            flags.append(a)
        elif a is not None:
            device = a
    if other is not None:
        device, dtype = other.device, other.dtype
    dtype = dtypes.OF_PYTHON.get(dtype, dtype)
    copy = copy or flags[1:] == [True]
    where = self.device if device is None else resolve(device)
    if where == META and not self.is_meta:
        return creation.empty_like(self, dtype=dtype, device=META)
    if self.is_meta and where != META:
        raise NotImplementedError(
            "to: Cannot copy out of meta tensor; no data! Use empty_like, or Module.to_empty(device='cpu')"
        )
    if dtype is not None and dtype is not self.dtype:
        tracked = dtype.is_floating_point or dtype.is_complex  # integers carry no gradient
        return function_of(registry["to_dtype"])(self if tracked else self.detach(), dtype)
    if copy or (memory_format is not None and not self.is_contiguous(memory_format)):
        return function_of(registry["clone"])(self, memory_format=memory_format)
    return self


def _converter(d: Dtype) -> Callable[..., Tensor]:
    def convert(self: Tensor, memory_format: Any = None) -> Tensor:
        return self if self.dtype is d and memory_format is None else to(self, d, memory_format=memory_format)

    convert.__doc__ = f"The tensor as {d}."
    return convert


def type_(self: Tensor, dtype: Any = None, non_blocking: bool = False) -> Any:
    """The old type name ("torch.FloatTensor"), or the tensor converted to
    `dtype` (a dtype or such a name).
    """
    if dtype is None:
        return f"torch.{OLD_NAMES.get(self.dtype, self.dtype.name)}"
    names = {f"torch.{name}": d for d, name in OLD_NAMES.items()}
    found = dtype if isinstance(dtype, Dtype) else names.get(dtype) if isinstance(dtype, str) else dtype.dtype
    if found is None:
        raise ValueError(f"type: invalid type: {dtype!r}")
    return to(self, found)


def type_as(self: Tensor, other: Tensor) -> Tensor:
    """The tensor with the dtype of `other`."""
    return to(self, other.dtype)


def cpu(self: Tensor, memory_format: Any = None) -> Tensor:
    """The tensor on the CPU."""
    return to(self, device=CPU)


def cuda(self: Tensor, device: Any = None, non_blocking: bool = False, memory_format: Any = None) -> Tensor:
    """The tensor on a CUDA device. Raises RuntimeError where there is none."""
    return to(self, device=Device("cuda") if device is None else Device(device))


# -- new tensors of the same kind ---------------------------------------------------------------------


def _new(self: Tensor, dtype: Dtype | None, device: Any) -> dict[str, Any]:
    return {
        "dtype": dtype or self.dtype,
        "device": device if device is not None else (META if self.is_meta else None),
    }


def _new_sized(make: Callable[..., Tensor]) -> Callable[..., Tensor]:
    def new(
        self: Tensor,
        *size: Any,
        dtype: Dtype | None = None,
        device: Any = None,
        requires_grad: bool = False,
        layout: Any = None,
        pin_memory: bool = False,
        **named: Any,
    ) -> Tensor:
        return make(*size, requires_grad=requires_grad, **_new(self, dtype, device), **named)

    new.__doc__ = f"{make.__name__}(*size) with this tensor's dtype and device."
    return new


def new_full(
    self: Tensor,
    size: Any,
    fill_value: Any,
    *,
    dtype: Dtype | None = None,
    device: Any = None,
    requires_grad: bool = False,
    layout: Any = None,
    pin_memory: bool = False,
) -> Tensor:
    """A tensor of `size` filled with `fill_value`, with this tensor's dtype and device."""
    return creation.full(size, fill_value, requires_grad=requires_grad, **_new(self, dtype, device))


def new_tensor(
    self: Tensor, data: Any, *, dtype: Dtype | None = None, device: Any = None, requires_grad: bool = False
) -> Tensor:
    """A copy of `data` with this tensor's dtype and device."""
    return creation.tensor(data, requires_grad=requires_grad, **_new(self, dtype, device))


def new_empty_strided(
    self: Tensor,
    size: Any,
    stride: Any,
    dtype: Dtype | None = None,
    device: Any = None,
    requires_grad: bool = False,
) -> Tensor:
    """An uninitialised tensor with the given strides and this tensor's dtype."""
    return creation.empty_strided(size, stride, requires_grad=requires_grad, **_new(self, dtype, device))


# -- storage and the rest ------------------------------------------------------------------------------


def set_(self: Tensor, source: Tensor | None = None) -> Tensor:
    """Take over the memory, shape and strides of `source`."""
    turned(self)
    self._a = np.empty(0, self._a.dtype) if source is None else source._a
    return self


def resize_(self: Tensor, *size: Any, memory_format: Any = None) -> Tensor:
    """Change the shape in place, keeping the first elements and leaving new ones uninitialised."""
    shape = creation._sizes(size)
    turned(self)
    grown = np.empty(shape, self._a.dtype)
    n = min(grown.size, self._a.size)
    if grown.size <= self._a.size and self._a.flags.c_contiguous:
        self._a = self._a.reshape(-1)[: grown.size].reshape(shape)
        return self
    grown.reshape(-1)[:n] = self._a.reshape(-1)[:n]
    self._a = grown
    return self


def resize_as_(self: Tensor, the_template: Tensor, memory_format: Any = None) -> Tensor:
    """Change the shape in place to that of another tensor."""
    return resize_(self, tuple(the_template.shape))


def apply_(self: Tensor, callable: Callable[[Any], Any]) -> Tensor:
    """Replace each element by a Python function of it (slow; for the CPU)."""
    a = self._a
    a[...] = np.array([callable(v) for v in a.reshape(-1).tolist()], a.dtype).reshape(a.shape)
    return self


def map_(self: Tensor, tensor: Tensor, callable: Callable[[Any, Any], Any]) -> Tensor:
    """Replace each element by a Python function of it and the element of `tensor` there."""
    a, b = self._a, np.broadcast_to(tensor._a, self._a.shape)
    a[...] = np.array(
        [callable(x, y) for x, y in zip(a.reshape(-1).tolist(), b.reshape(-1).tolist(), strict=True)]
    ).reshape(a.shape)
    return self


def share_memory_(self: Tensor) -> Tensor:
    """Move the elements to memory that other processes can map."""
    if not self.is_shared():
        import mmap

        memory = mmap.mmap(-1, max(self._a.nbytes, 1))
        shared = np.frombuffer(memory, self._a.dtype, self._a.size).reshape(self._a.shape)
        shared[...] = self._a
        self._a = shared
        self.__dict__["_shared"] = True
    return self


def same(self: Tensor, *_: Any, **__: Any) -> Tensor:
    """The tensor itself: nothing to do for tensors on the CPU."""
    return self


def is_pinned(self: Tensor, device: Any = None) -> bool:
    """Whether the memory is page-locked; never, on this device."""
    return False


def is_set_to(self: Tensor, tensor: Tensor) -> bool:
    """Whether both tensors are the same memory seen the same way."""
    a, b = self._a, tensor._a
    return a.shape == b.shape and a.strides == b.strides and self.data_ptr() == tensor.data_ptr()


def get_device(self: Tensor) -> int:
    """The index of the CUDA device, -1 for the CPU."""
    return -1


def untyped_storage(self: Tensor) -> Any:
    """The memory behind the tensor and its views, as bytes."""
    from .storage import UntypedStorage

    return UntypedStorage(self._a)


def dense_dim(self: Tensor) -> int:
    """The number of dense dimensions: all."""
    return self.ndim


def sizes_as_list(self: Tensor) -> tuple[int, ...]:
    """The order of dimensions from the largest stride to the smallest."""
    return tuple(sorted(range(self.ndim), key=lambda i: -self._a.strides[i]))


_METHODS: dict[str, Any] = {
    **{"to": to, "type": type_, "type_as": type_as, "cpu": cpu, "cuda": cuda},
    **{"new_zeros": _new_sized(creation.zeros), "new_ones": _new_sized(creation.ones)},
    **{"new_empty": _new_sized(creation.empty)},
    **{"new_full": new_full, "new_tensor": new_tensor},
    **{"new": new_tensor, "new_empty_strided": new_empty_strided},
    **{"set_": set_, "resize_": resize_, "resize_as_": resize_as_, "apply_": apply_, "map_": map_},
    **{"share_memory_": share_memory_, "pin_memory": same, "is_pinned": is_pinned, "is_set_to": is_set_to},
    **{"get_device": get_device, "untyped_storage": untyped_storage},
    **{"storage": untyped_storage, "dense_dim": dense_dim},
    **{"dim_order": sizes_as_list, "coalesce": same, "to_dense": same},
    **{"as_subclass": lambda self, cls: wrap(self._a)},
    **{"resolve_conj": same, "resolve_neg": same, "rename_": same, "record_stream": same},
}
_METHODS |= {
    name: _converter(d)
    for name, d in {
        **{"float": dtypes.float32, "double": dtypes.float64},
        **{"half": dtypes.float16, "bfloat16": dtypes.bfloat16},
        **{"long": dtypes.int64, "int": dtypes.int32, "short": dtypes.int16},
        **{"char": dtypes.int8, "byte": dtypes.uint8},
        **{"bool": dtypes.bool_, "cfloat": dtypes.complex64},
        **{"cdouble": dtypes.complex128, "chalf": dtypes.complex32},
    }.items()
}


def install() -> None:
    """Give Tensor these methods."""
    for name, method in _METHODS.items():
        if name not in Tensor.__dict__:
            setattr(Tensor, name, method)


install()
