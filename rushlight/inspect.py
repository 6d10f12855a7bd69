"""Questions about tensors and settings of the process: `is_tensor`, thread counts,
memory formats, old type names.
"""

from __future__ import annotations

from typing import Any

import rushlight.dtypes as dtypes
import rushlight.threads as threads

from .arrays import numpy as arrays
from .creation import legacy, tensor
from .dtypes import dtype
from .size import Size
from .tensor import Tensor


def is_tensor(obj: Any) -> bool:
    """Whether `obj` is a Tensor."""
    return isinstance(obj, Tensor)


def is_storage(obj: Any) -> bool:
    """Whether `obj` is a storage object."""
    return type(obj).__name__.endswith("Storage")


def is_floating_point(input: Tensor) -> bool:
    """Whether the dtype is a floating type."""
    return input.is_floating_point()


def is_complex(input: Tensor) -> bool:
    """Whether the dtype is complex."""
    return input.is_complex()


def is_inference(input: Tensor) -> bool:
    """Whether the tensor was made in inference mode."""
    return input.is_inference()


def is_nonzero(input: Tensor) -> bool:
    """Whether the only element is not zero. Raises RuntimeError unless there is exactly one."""
    return bool(input)


def is_same_size(input: Tensor, other: Tensor) -> bool:
    """Whether two tensors have the same shape."""
    return input._a.shape == other._a.shape


def numel(input: Tensor) -> int:
    """The number of elements."""
    return input._a.size


def result_type(tensor1: Any, tensor2: Any) -> dtype:
    """The dtype an arithmetic operation on the two (tensors or numbers) has."""
    return arrays.result_type(*(t._a if isinstance(t, Tensor) else t for t in (tensor1, tensor2)))


def broadcast_shapes(*shapes: Any) -> Size:
    """The shape that tensors of these shapes broadcast to. Raises RuntimeError where they do not."""
    return Size(
        arrays.broadcast_shapes(
            "broadcast_shapes", *((s,) if isinstance(s, int) else tuple(s) for s in shapes)
        )
    )


def typename(obj: Any) -> str:
    """The name of an object's type, "torch.FloatTensor" style for tensors."""
    if isinstance(obj, Tensor):
        return obj.type()
    module = type(obj).__module__
    return (
        type(obj).__name__ if module in ("builtins", "__builtin__") else f"{module}.{type(obj).__qualname__}"
    )


# -- settings -----------------------------------------------------------------------------------------

_settings: dict[str, Any] = {"interop": 1, "deterministic": False, "precision": "highest"}


def get_num_threads() -> int:
    """Threads that kernels may use."""
    return threads.get()


def set_num_threads(n: int) -> None:
    """Set the number of threads that kernels may use. Raises for numbers below one."""
    if not isinstance(n, int):
        raise TypeError(f"set_num_threads expects an int, but got {type(n).__name__}")
    if n < 1:
        raise RuntimeError(f"set_num_threads expects a positive integer, got {n}")
    threads.choose(n)


def get_num_interop_threads() -> int:
    """Threads for parallelism between operations (there is none: 1)."""
    return _settings["interop"]


def set_num_interop_threads(n: int) -> None:
    """Accepted for compatibility."""
    _settings["interop"] = n


def use_deterministic_algorithms(mode: bool, *, warn_only: bool = False) -> None:
    """Ask for deterministic algorithms; every algorithm here is."""
    _settings["deterministic"] = bool(mode)


def are_deterministic_algorithms_enabled() -> bool:
    """What use_deterministic_algorithms was last told."""
    return _settings["deterministic"]


def set_float32_matmul_precision(precision: str) -> None:
    """Accepted for compatibility: float32 products are always computed in float32."""
    if precision not in ("highest", "high", "medium"):
        raise RuntimeError(
            f"set_float32_matmul_precision: {precision!r} is not one of 'highest', 'high', 'medium'"
        )
    _settings["precision"] = precision


def get_float32_matmul_precision() -> str:
    """What set_float32_matmul_precision was last told."""
    return _settings["precision"]


def set_default_device(device: Any) -> None:
    """Set where tensors are created by default: the CPU is the only place this release has."""
    from .device import resolve

    resolve(device)


def get_default_device() -> Any:
    """Where tensors are created by default."""
    from .device import CPU

    return CPU


def set_default_tensor_type(t: Any) -> None:
    """Set the default dtype by an old type name such as torch.DoubleTensor."""
    name = t if isinstance(t, str) else t.__name__
    dtypes.set_default_dtype(_OLD_TYPES[name.rpartition(".")[2]])


# -- memory formats and old type names ----------------------------------------------------------------


class memory_format:
    """How the dimensions of a tensor are laid out in memory."""

    def __init__(self, name: str) -> None:
        self.name = name

    def __repr__(self) -> str:
        return f"torch.{self.name}"


class layout(memory_format):
    """How a tensor's elements are stored; dense tensors are `strided`."""


contiguous_format, preserve_format = memory_format("contiguous_format"), memory_format("preserve_format")
channels_last, channels_last_3d = memory_format("channels_last"), memory_format("channels_last_3d")
strided, sparse_coo = layout("strided"), layout("sparse_coo")

_OLD_TYPES = {
    **{"FloatTensor": dtypes.float32, "DoubleTensor": dtypes.float64, "HalfTensor": dtypes.float16},
    **{"BFloat16Tensor": dtypes.bfloat16, "LongTensor": dtypes.int64, "IntTensor": dtypes.int32},
    **{"ShortTensor": dtypes.int16, "CharTensor": dtypes.int8},
    **{"ByteTensor": dtypes.uint8, "BoolTensor": dtypes.bool_},
}
OLD_NAMES = {d: name for name, d in _OLD_TYPES.items()}


class _OldType(type):
    def __instancecheck__(cls, value: Any) -> bool:
        return isinstance(value, Tensor) and value.dtype is _OLD_TYPES[cls.__name__]


def _old_type(name: str) -> Any:
    def new(cls: type, *args: Any) -> Tensor:
        made = legacy(Tensor, args, {})
        if args and not all(isinstance(v, int) for v in args) and not isinstance(args[0], Tensor):
            return tensor(args[0], dtype=_OLD_TYPES[name])
        return made.to(_OLD_TYPES[name])

    return _OldType(name, (), {"__new__": new, "__module__": "torch", "dtype": _OLD_TYPES[name]})


FloatTensor, DoubleTensor, HalfTensor = map(_old_type, ("FloatTensor", "DoubleTensor", "HalfTensor"))
BFloat16Tensor, LongTensor, IntTensor = map(_old_type, ("BFloat16Tensor", "LongTensor", "IntTensor"))
ShortTensor, CharTensor, ByteTensor = map(_old_type, ("ShortTensor", "CharTensor", "ByteTensor"))
BoolTensor = _old_type("BoolTensor")
