"""Makes tensors from what a checkpoint says about them, after checking that what it says is possible."""

from __future__ import annotations

import math
import pickle
from typing import Any

import numpy as np

from rushlight.io.adapter import RESERVED, bridge, dtype_object
from rushlight.io.names import numpy_dtype

MAX_DIMS = 64  # NumPy's limit, torch's too


class Storage:
    """The bytes of one storage, and the dtype its class implies (None: untyped, counted in bytes)."""

    __slots__ = ("data", "element", "location")

    def __init__(self, data: np.ndarray, element: str | None, location: str = "cpu") -> None:
        self.data, self.element, self.location = data, element, location


class StorageClass:
    """What `torch.FloatStorage` and its like stand for in a pickle."""

    __slots__ = ("element", "name")

    def __init__(self, name: str, element: str | None) -> None:
        self.name, self.element = name, element


def wrong(what: str) -> pickle.UnpicklingError:
    """Return the error for a checkpoint that describes something impossible."""
    return pickle.UnpicklingError(f"load: the checkpoint is damaged or hostile: {what}")


def is_count(value: object) -> bool:
    """Whether `value` is an int (bool excluded) from 0 to 2^63 - 1."""
    return type(value) is int and 0 <= value < 1 << 63


def counts(values: Any, what: str) -> tuple[int, ...]:
    """Return `values` as a tuple, checked to hold only counts, at most MAX_DIMS."""
    if not isinstance(values, tuple) or not all(map(is_count, values)):
        raise wrong(
            f"a tensor's {what} must be a tuple of integers that are not negative, got {values!r:.80}"
        )
    if len(values) > MAX_DIMS:
        raise wrong(f"a tensor has {len(values)} dimensions; at most {MAX_DIMS} are possible")
    return values


def view(storage: Storage, dtype: np.dtype, offset: Any, size: Any, stride: Any) -> np.ndarray:
    """Return the array of `size` over `storage`; `offset` and `stride` count elements of `dtype`."""
    shape, strides = counts(size, "size"), counts(stride, "stride")
    if not is_count(offset) or len(shape) != len(strides):
        raise wrong(f"offset {offset!r:.40}, size {shape} and stride {strides} do not fit each other")
    check_reach(storage, dtype, offset, shape, strides)
    if 0 in shape:
        return np.ndarray(shape, dtype, storage.data)
    steps = tuple(s * dtype.itemsize for s in strides)
    return np.ndarray(shape, dtype, storage.data, offset * dtype.itemsize, steps)


def check_reach(storage: Storage, dtype: np.dtype, offset: int, shape: tuple[int, ...], strides: Any) -> None:
    """Refuse a tensor that reaches past its storage, or has more elements than can be counted."""
    if math.prod(max(n, 1) for n in shape) * dtype.itemsize >= 1 << 62:
        raise wrong(f"a tensor of size {shape} is too large for any machine")
    if 0 in shape:
        return
    last = offset + sum((n - 1) * s for n, s in zip(shape, strides, strict=True))
    if (last + 1) * dtype.itemsize > storage.data.nbytes:
        raise wrong(
            f"a tensor of size {shape}, stride {strides} and offset {offset} reaches over "
            f"{(last + 1) * dtype.itemsize} bytes, but its storage holds {storage.data.nbytes}"
        )


def with_metadata(array: np.ndarray, metadata: Any) -> np.ndarray:
    """Apply torch's lazy conjugate and negative bits, which NumPy arrays do not have."""
    if metadata is None:
        return array
    if not isinstance(metadata, dict) or not set(metadata) <= {"conj", "neg"}:
        raise wrong(f"unknown tensor metadata {metadata!r:.80}")
    array = np.conjugate(array) if metadata.get("conj") is True else array
    return np.negative(array) if metadata.get("neg") is True else array


def checked_storage(storage: Any) -> Storage:
    """Return `storage`, refused unless it is one."""
    if type(storage) is not Storage:
        raise wrong(f"a tensor is built over a {type(storage).__name__} instead of a storage")
    return storage


def rebuild_tensor(storage: Any, offset: Any, size: Any, stride: Any) -> Any:
    """Make a tensor: torch's oldest form."""
    return rebuild_tensor_v2(storage, offset, size, stride, False, None)


def rebuild_tensor_v2(
    storage: Any, offset: Any, size: Any, stride: Any, requires_grad: Any, hooks: Any, metadata: Any = None
) -> Any:
    """Make a tensor over a typed storage. Hooks are never restored: they would be code."""
    checked = checked_storage(storage)
    return finish(
        view(checked, numpy_dtype(checked.element or "uint8"), offset, size, stride), requires_grad, metadata
    )


def rebuild_tensor_v3(
    storage: Any,
    offset: Any,
    size: Any,
    stride: Any,
    requires_grad: Any,
    hooks: Any,
    dtype: Any,
    metadata: Any = None,
) -> Any:
    """Make a tensor over an untyped storage, its dtype given."""
    return finish(
        view(checked_storage(storage), stored_dtype(dtype), offset, size, stride), requires_grad, metadata
    )


def stored_dtype(dtype: Any) -> np.dtype:
    """Return the NumPy type of a dtype object; dtypes that only have a name are refused."""
    storage = getattr(dtype, "np", None)
    if storage is None or dtype_object(getattr(dtype, "name", "")) is not dtype:
        raise wrong(f"{dtype!r:.60} is no dtype whose elements can be stored")
    return storage


def finish(array: np.ndarray, requires_grad: Any, metadata: Any = None) -> Any:
    """Make the tensor object."""
    if type(requires_grad) is not bool:
        raise wrong(f"requires_grad must be True or False, got {requires_grad!r:.40}")
    return bridge().tensor(with_metadata(array, metadata), requires_grad)


def rebuild_meta(dtype: Any, size: Any, stride: Any, requires_grad: Any) -> Any:
    """Make a tensor on the meta device."""
    shape, kind = counts(size, "size"), stored_dtype(dtype)
    check_reach(Storage(np.empty(0, np.uint8), None), kind, 0, (*shape, 0), (0,) * (len(shape) + 1))
    return bridge().meta(shape, kind, bool(requires_grad))


def rebuild_parameter(data: Any, requires_grad: Any, hooks: Any) -> Any:
    """Make a Parameter over a tensor."""
    if not bridge().is_tensor(data):
        raise wrong(f"a Parameter is built over a {type(data).__name__} instead of a tensor")
    return bridge().parameter(data, requires_grad is True)


def rebuild_parameter_with_state(data: Any, requires_grad: Any, hooks: Any, state: Any) -> Any:
    """Make a Parameter that has attributes of its own."""
    return set_attributes(rebuild_parameter(data, requires_grad, hooks), state)


def rebuild_from_type(func: Any, kind: Any, args: Any, state: Any) -> Any:
    """Make a tensor that has attributes of its own; subclasses other than Parameter are refused."""
    if func not in (rebuild_tensor_v2, rebuild_tensor_v3) or not isinstance(args, tuple):
        raise wrong("_rebuild_from_type_v2 is given something else than a way to build a tensor")
    if type(kind) is not TensorClass:
        raise wrong(f"_rebuild_from_type_v2 is asked for a {kind!r:.60} instead of torch.Tensor")
    return set_attributes(func(*args), state)


class TensorClass:
    """What the names `torch.Tensor` and `torch.nn.Parameter` stand for in a pickle."""

    __slots__ = ("parameter",)

    def __init__(self, parameter: bool) -> None:
        self.parameter = parameter


def set_attributes(tensor: Any, state: Any) -> Any:
    """Restore a tensor's own attributes; those that would hide a method or a property are refused."""
    if not isinstance(state, dict):
        raise wrong(f"a tensor's attributes must be a dict, got a {type(state).__name__}")
    for name, value in state.items():
        own = type(name) is not str or name.startswith("__") or name in RESERVED
        if own or hasattr(type(tensor), name):
            raise wrong(f"the attribute {name!r:.60} would replace a part of {type(tensor).__name__} itself")
        setattr(tensor, name, value)
    return tensor
