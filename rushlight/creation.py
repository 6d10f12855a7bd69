"""Tensors from sizes, numbers and Python data: zeros, arange, tensor, as_tensor and their kin."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

import rushlight.dtypes as dtypes

from .arrays import numpy as arrays
from .arrays.copying import copied
from .arrays.memory import empty_like as empty_like_array
from .arrays.tracing import created
from .autograd.autocast import FULL, REGIONS, recast, region
from .autograd.inference import fresh_box
from .autograd.inplace import write_out
from .device import META, resolve
from .dtypes import dtype
from .tensor import Tensor, wrap

__all__ = [
    "tensor",
    "as_tensor",
    "asarray",
    "scalar_tensor",
    "zeros",
    "ones",
    "empty",
    "full",
    "arange",
    "range",
    "linspace",
    "logspace",
    "eye",
    "zeros_like",
    "ones_like",
    "empty_like",
    "full_like",
    "empty_strided",
    "complex",
    "polar",
]


def _sizes(size: tuple[Any, ...], given: Any = None) -> tuple[int, ...]:
    """Sizes passed one by one, or as one sequence."""
    if given is not None:
        size = tuple(given)
    elif len(size) == 1 and not isinstance(size[0], int):
        size = tuple(size[0]) if not (isinstance(size[0], Tensor) and size[0].ndim == 0) else size
    found = tuple(int(n) for n in size)
    for n in found:
        if n < 0:
            raise RuntimeError(f"Trying to create tensor with negative dimension {n}: {list(found)}")
    return found


def _storage(d: dtype | None, default: dtype | None = None) -> np.dtype:
    found = dtypes.OF_PYTHON.get(d, d) or default or dtypes.get_default_dtype()
    if not isinstance(found, dtype):
        raise TypeError(f"dtype must be a torch.dtype such as torch.float32, not {found!r}")
    if found.np is None:
        raise RuntimeError(f"{found} is only a name here: tensors of it cannot be made")
    return found.np


def _finish(
    a: Any, requires_grad: bool = False, device: Any = None, out: Any = None, name: str = ""
) -> Tensor:
    """An array as the Tensor a creation function returns."""
    if out is not None:
        return write_out(name, out, a, ())
    if device is not None and resolve(device) == META:
        from .arrays.meta import MetaArray

        a = MetaArray(a.shape, a.dtype)
    t = wrap(created(a))
    return t.requires_grad_() if requires_grad else t


def _sized(name: str, make: Any) -> Callable[..., Tensor]:
    def create(
        *size: Any,
        out: Tensor | None = None,
        dtype: dtype | None = None,
        layout: Any = None,
        device: Any = None,
        requires_grad: bool = False,
        pin_memory: bool = False,
        memory_format: Any = None,
        **named: Any,
    ) -> Tensor:
        shape = _sizes(size, named.pop("size", None))
        if named:
            raise TypeError(f"{name}() got an unexpected keyword argument {next(iter(named))!r}")
        default = out.dtype if out is not None else None
        if device is not None and resolve(device) == META:
            return _meta(shape, _storage(dtype, default), requires_grad)
        return _finish(make(shape, _storage(dtype, default)), requires_grad, None, out, name)

    create.__name__ = create.__qualname__ = name
    create.__doc__ = (
        f"A tensor of the given sizes: {name}(2, 3) or "
        f"{name}((2, 3)). Raises RuntimeError for a negative size."
    )
    return create


def _meta(shape: tuple[int, ...], storage: np.dtype, requires_grad: bool) -> Tensor:
    from .arrays.meta import MetaArray

    t = wrap(MetaArray(shape, storage))
    return t.requires_grad_() if requires_grad else t


zeros, ones, empty = _sized("zeros", np.zeros), _sized("ones", np.ones), _sized("empty", np.empty)


def full(
    size: Sequence[int],
    fill_value: Any,
    *,
    out: Tensor | None = None,
    dtype: dtype | None = None,
    layout: Any = None,
    device: Any = None,
    requires_grad: bool = False,
    pin_memory: bool = False,
) -> Tensor:
    """A tensor of sizes `size` filled with `fill_value`; the dtype is inferred from the value."""
    value = fill_value.item() if isinstance(fill_value, Tensor) else fill_value
    storage = _storage(
        dtype, out.dtype if out is not None else dtypes.weak_type(arrays.number_category(value))
    )
    a = np.broadcast_to(
        arrays.number(value, storage), _sizes((size,) if isinstance(size, int) else tuple(size))
    ).copy()
    return _finish(a, requires_grad, device, out, "full")


# -- ..._like -----------------------------------------------------------------------------------------


def _like(
    input: Tensor, d: dtype | None, device: Any, requires_grad: bool, fill: Any, memory_format: Any = None
) -> Tensor:
    storage = _storage(d, input.dtype)
    where = device if device is not None else (META if input.is_meta else None)
    if where is not None and resolve(where) == META:
        return _meta(tuple(input.shape), storage, requires_grad)
    source: Any = np.empty(input._a.shape, storage) if input.is_meta else input._a
    order = "C" if str(memory_format) == "torch.contiguous_format" else "K"
    if source.__class__ is not np.ndarray:
        return wrap(source.full_like(fill, storage, order))
    a = empty_like_array(source, storage, order)
    if fill is not None:
        a[...] = arrays.number(fill, storage)
    return _finish(a, requires_grad)


def zeros_like(
    input: Tensor,
    *,
    dtype: dtype | None = None,
    layout: Any = None,
    device: Any = None,
    requires_grad: bool = False,
    memory_format: Any = None,
    pin_memory: bool = False,
) -> Tensor:
    """Zeros of `input`'s shape, dtype and layout."""
    return _like(input, dtype, device, requires_grad, 0, memory_format)


def ones_like(
    input: Tensor,
    *,
    dtype: dtype | None = None,
    layout: Any = None,
    device: Any = None,
    requires_grad: bool = False,
    memory_format: Any = None,
    pin_memory: bool = False,
) -> Tensor:
    """Ones of `input`'s shape, dtype and layout."""
    return _like(input, dtype, device, requires_grad, 1, memory_format)


def empty_like(
    input: Tensor,
    *,
    dtype: dtype | None = None,
    layout: Any = None,
    device: Any = None,
    requires_grad: bool = False,
    memory_format: Any = None,
    pin_memory: bool = False,
) -> Tensor:
    """An uninitialised tensor of `input`'s shape, dtype and layout."""
    return _like(input, dtype, device, requires_grad, None, memory_format)


def full_like(
    input: Tensor,
    fill_value: Any,
    *,
    dtype: dtype | None = None,
    layout: Any = None,
    device: Any = None,
    requires_grad: bool = False,
    memory_format: Any = None,
    pin_memory: bool = False,
) -> Tensor:
    """`fill_value` in `input`'s shape, dtype and layout."""
    value = fill_value.item() if isinstance(fill_value, Tensor) else fill_value
    return _like(input, dtype, device, requires_grad, value, memory_format)


def empty_strided(
    size: Sequence[int],
    stride: Sequence[int],
    *,
    dtype: dtype | None = None,
    device: Any = None,
    requires_grad: bool = False,
    **_: Any,
) -> Tensor:
    """An uninitialised tensor with the given strides (in elements)."""
    storage = _storage(dtype)
    span = 1 + sum((n - 1) * s for n, s in zip(size, stride, strict=True)) if 0 not in size else 0
    flat = np.empty(span, storage)
    strides = [s * storage.itemsize for s in stride]
    return _finish(np.lib.stride_tricks.as_strided(flat, tuple(size), strides), requires_grad, device)


# -- ranges -------------------------------------------------------------------------------------------


def _number(value: Any) -> Any:
    return value.item() if isinstance(value, (Tensor, np.generic)) else value


def arange(
    start: Any = 0,
    end: Any = None,
    step: Any = 1,
    *,
    out: Tensor | None = None,
    dtype: dtype | None = None,
    layout: Any = None,
    device: Any = None,
    requires_grad: bool = False,
    pin_memory: bool = False,
) -> Tensor:
    """start, start + step, ... below `end`: int64 for integers, the default dtype otherwise."""
    if end is None:
        start, end = 0, start
    start, end, step = _number(start), _number(end), _number(step)
    inexact = any(isinstance(v, float) for v in (start, end, step))
    storage = _storage(dtype, out.dtype if out is not None else None if inexact else dtypes.int64)
    if step == 0:
        raise RuntimeError("arange: step must be nonzero")
    if (end - start) * step < 0:
        raise RuntimeError(
            "arange: upper bound and lower bound inconsistent "
            f"with step sign: from {start} to {end} by {step}"
        )
    count = math.ceil((end - start) / step) if inexact else -((start - end) // step)
    work = np.float64 if storage.kind != "i" and storage.kind != "u" else np.int64
    a = (np.arange(count, dtype=work) * step + start).astype(storage)
    return _finish(a, requires_grad, device, out, "arange")


def range(
    start: Any = 0, end: Any = None, step: Any = 1, *, dtype: dtype | None = None, **options: Any
) -> Tensor:
    """start, start + step, ... up to and including `end` (deprecated in PyTorch in favour of arange)."""
    if end is None:
        start, end = 0, start
    return arange(start, end + step / 2, step, dtype=dtype or dtypes.get_default_dtype(), **options)


def linspace(
    start: Any,
    end: Any,
    steps: int,
    *,
    out: Tensor | None = None,
    dtype: dtype | None = None,
    layout: Any = None,
    device: Any = None,
    requires_grad: bool = False,
    pin_memory: bool = False,
) -> Tensor:
    """`steps` evenly spaced values from `start` to `end`, both included."""
    start, end = _number(start), _number(end)
    if steps < 0:
        raise RuntimeError("linspace: number of steps must be non-negative")
    storage = _storage(dtype, out.dtype if out is not None else None)
    return _finish(_linspace(start, end, steps, storage), requires_grad, device, out, "linspace")


def _linspace(start: Any, end: Any, steps: int, storage: np.dtype) -> np.ndarray:
    """Counted from both ends, as PyTorch does, so that the ends are exact and the middle symmetric."""
    work = dtypes.compute_type(storage) if storage.kind not in "iu" else np.dtype(np.float64)
    first, last = work.type(start), work.type(end)
    step = (last - first) / work.type(max(steps - 1, 1))
    i = np.arange(steps)
    near, far = first + step * i.astype(work), last - step * (steps - 1 - i).astype(work)
    found = np.where(i < steps // 2, near, far) if steps > 1 else np.full(steps, first)
    return (np.trunc(found) if storage.kind in "iu" else found).astype(storage)


def logspace(
    start: Any,
    end: Any,
    steps: int,
    base: float = 10.0,
    *,
    dtype: dtype | None = None,
    out: Tensor | None = None,
    device: Any = None,
    requires_grad: bool = False,
    **_: Any,
) -> Tensor:
    """base to the power of `steps` evenly spaced exponents from `start` to `end`."""
    storage = _storage(dtype, out.dtype if out is not None else None)
    exponents = _linspace(_number(start), _number(end), steps, np.dtype(np.float64))
    return _finish(np.power(float(base), exponents).astype(storage), requires_grad, device, out, "logspace")


def eye(
    n: int,
    m: int | None = None,
    *,
    out: Tensor | None = None,
    dtype: dtype | None = None,
    layout: Any = None,
    device: Any = None,
    requires_grad: bool = False,
    pin_memory: bool = False,
) -> Tensor:
    """The identity matrix, n rows and m (default n) columns."""
    if n < 0 or (m or 0) < 0:
        raise RuntimeError(f"eye: n and m must be greater or equal to 0, got {n} and {m}")
    storage = _storage(dtype, out.dtype if out is not None else None)
    return _finish(np.eye(n, n if m is None else m).astype(storage), requires_grad, device, out, "eye")


def complex(real: Tensor, imag: Tensor, *, out: Tensor | None = None) -> Tensor:
    """real + i·imag, differentiable in both."""
    if real.dtype is not imag.dtype:
        raise RuntimeError(
            f"complex: Expected object of the same dtype for real and imag, got {real.dtype} and {imag.dtype}"
        )
    from .bind import function_of, registry

    return function_of(registry["complex"])(real, imag, out=out)


def polar(abs: Tensor, angle: Tensor, *, out: Tensor | None = None) -> Tensor:
    """abs · (cos angle + i·sin angle)."""
    if REGIONS and region.on and out is None:
        abs, angle = recast(FULL, (abs, angle))
    made = complex(abs * angle.cos(), abs * angle.sin())
    return made if out is None else write_out("polar", out, made._a, ())


# -- from data ----------------------------------------------------------------------------------------


def tensor(
    data: Any,
    *,
    dtype: dtype | None = None,
    device: Any = None,
    requires_grad: bool = False,
    pin_memory: bool = False,
) -> Tensor:
    """A new tensor holding a copy of `data`: numbers, nested sequences, arrays, tensors.

    Python floats become the default dtype, ints int64, bools bool; arrays keep their dtype.
    """
    return _finish(_from_data(data, dtype, copy=True), requires_grad, device)


def as_tensor(data: Any, dtype: dtype | None = None, device: Any = None) -> Tensor:
    """`data` as a tensor, without a copy where it is one already or is an array of the right dtype."""
    if isinstance(data, Tensor):
        return data if dtype is None or data.dtype is dtype else data.to(dtype)
    return _finish(_from_data(data, dtype, copy=False), device=device)


def asarray(
    obj: Any,
    *,
    dtype: dtype | None = None,
    device: Any = None,
    copy: bool | None = None,
    requires_grad: bool = False,
) -> Tensor:
    """`obj` as a tensor; `copy` True forces one, False forbids it."""
    if copy:
        return tensor(
            obj.detach() if isinstance(obj, Tensor) else obj,
            dtype=dtype,
            device=device,
            requires_grad=requires_grad,
        )
    made = as_tensor(obj, dtype, device)
    return made.requires_grad_() if requires_grad else made


def scalar_tensor(
    s: Any, *, dtype: dtype | None = None, device: Any = None, requires_grad: bool = False, **_: Any
) -> Tensor:
    """A 0-dim tensor of a number, in the default dtype."""
    return _finish(arrays.number(_number(s), _storage(dtype)), requires_grad, device)


def _from_data(data: Any, d: dtype | None, copy: bool) -> Any:
    d = dtypes.OF_PYTHON.get(d, d)
    if isinstance(data, Tensor):
        found = data._a
    elif isinstance(data, (np.ndarray, np.generic)):
        dtypes.of_numpy(data.dtype)
        found = np.asarray(data)
        found = found if found.dtype.isnative else found.astype(found.dtype.newbyteorder("="))
    else:
        return _from_python(data, d)
    if d is not None and found.dtype != _storage(d):
        return arrays.cast(found, _storage(d))
    return copied(found) if copy else found


def _from_python(data: Any, d: dtype | None) -> np.ndarray:
    if hasattr(data, "__array__") or hasattr(data, "__array_interface__"):
        return _from_data(np.asarray(data), d, copy=True)
    if isinstance(data, (str, bytes)) or data is None or isinstance(data, dict):
        raise TypeError(
            f"tensor: new(): invalid data type '{type(data).__name__}'; "
            "numbers and sequences of them are expected"
        )
    if d is None:
        d = dtypes.weak_type(_category(data))
    shape, flat = _flatten(data)
    if d.category < dtypes.COMPLEX and any(v.__class__ is _COMPLEX for v in flat):
        raise RuntimeError(f"tensor: value cannot be converted to type {d} without overflow: it is complex")
    try:
        a = np.array(flat, _python_storage(d, flat))
    except OverflowError:
        raise RuntimeError(
            "tensor: Overflow when unpacking long long: an integer does not fit 64 bits"
        ) from None
    return arrays.cast(a, _storage(d)).reshape(shape)


_COMPLEX = (1j).__class__  # Python's: `complex` is a function here


def _python_storage(d: dtype, flat: list[Any]) -> Any:
    """The NumPy type Python numbers are first read as."""
    if d.category == dtypes.COMPLEX:
        return np.complex128
    if d.category == dtypes.FLOAT or any(isinstance(v, float) for v in flat):
        return np.float64
    return np.uint64 if d is dtypes.uint64 else np.int64


def _category(data: Any) -> int:
    """The promotion category of nested Python data; empty data counts as floating."""
    if isinstance(data, (str, bytes)):  # a letter of a text is a text: there is no bottom
        raise TypeError(f"tensor: new(): invalid data type '{type(data).__name__}'; numbers are expected")
    if isinstance(data, (list, tuple)) or (hasattr(data, "__len__") and hasattr(data, "__getitem__")):
        return max((_category(v) for v in data), default=dtypes.FLOAT)
    if isinstance(data, Tensor):
        return data.dtype.category
    if isinstance(data, np.generic):
        return dtypes.of_numpy(data.dtype).category
    return arrays.number_category(data)


def _flatten(data: Any) -> tuple[tuple[int, ...], list[Any]]:
    """Shape and elements of nested sequences. Raises ValueError where they are ragged."""
    if isinstance(data, Tensor):
        return tuple(data.shape), data.detach().reshape(-1).tolist()
    if isinstance(data, np.ndarray):
        return data.shape, data.reshape(-1).tolist()
    if not (hasattr(data, "__len__") and hasattr(data, "__getitem__")):
        if isinstance(data, (int, float, _COMPLEX, np.generic)):
            return (), [data]
        raise TypeError(f"tensor: not a number or a sequence of numbers: {type(data).__name__}")
    if isinstance(data, (list, tuple)) and all(v.__class__ in (int, float, bool) for v in data):
        return (len(data),), list(data)
    parts = [_flatten(v) for v in data]
    for i, (shape, _) in enumerate(parts):
        if shape != parts[0][0]:
            raise ValueError(
                f"expected sequence of length {parts[0][0][0] if parts[0][0] else 1} at dim 1 (got "
                f"{shape[0] if shape else 'a number'}): element "
                f"{i} has shape {shape}, element 0 has {parts[0][0]}"
            )
    inner = parts[0][0] if parts else ()
    return (len(parts), *inner), [v for _, flat in parts for v in flat]


def legacy(cls: type, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """What `torch.Tensor(...)` makes: of sizes (uninitialised), of data, or of another tensor."""
    storage = dtypes.get_default_dtype().np
    if not args or all(isinstance(v, int) for v in args):
        a = np.empty(args if args else (0,), storage)
    elif isinstance(args[0], Tensor):
        a = args[0]._a
    elif type(args[0]).__name__ == "Size":
        a = np.empty(tuple(args[0]), storage)
    else:
        a = _from_data(args[0], dtypes.get_default_dtype(), copy=True)
    made = object.__new__(cls)
    made._a, made._n, made._b, made._v = a, None, fresh_box(), None
    return made
