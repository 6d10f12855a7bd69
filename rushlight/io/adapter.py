"""The one place where file formats meet tensors: what a tensor is made of, and how one is made.

The formats work on NumPy arrays; `Bridge` translates. Tests of the formats put a stand-in here with `use`.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np

import rushlight.dtypes as dtypes
from rushlight.creation import empty
from rushlight.device import device
from rushlight.size import Size
from rushlight.tensor import Parameter, Tensor, wrap

#: what a Tensor keeps in its `__dict__` for itself; not the user's, so neither saved nor restored
RESERVED = frozenset({"_leaf", "_retains", "_inference", "_shared", "_is_param"})


class TensorParts(NamedTuple):
    """What is saved of a tensor: its array (any strides), and what the array does not know."""

    array: np.ndarray
    requires_grad: bool = False
    is_parameter: bool = False
    is_meta: bool = False
    attributes: dict[str, Any] | None = None


class Bridge:
    """Rushlight's own tensors."""

    def parts(self, obj: Any) -> TensorParts | None:
        """Return what `obj` is made of, or None when it is no tensor."""
        if not isinstance(obj, Tensor):
            return None
        attributes = {name: value for name, value in obj.__dict__.items() if name not in RESERVED}
        # Not isinstance(obj, Parameter): that also asks the object for an attribute, slow for a plain tensor.
        is_parameter = issubclass(type(obj), Parameter) or bool(obj.__dict__.get("_is_param"))
        return TensorParts(obj._a, obj.requires_grad, is_parameter, obj.is_meta, attributes)

    def tensor(self, array: np.ndarray, requires_grad: bool) -> Any:
        """Return a tensor that shares memory with `array`."""
        return wrap(array).requires_grad_(requires_grad)

    def parameter(self, data: Any, requires_grad: bool) -> Any:
        """Return a Parameter over the tensor `data`."""
        return Parameter(data, requires_grad)

    def meta(self, shape: tuple[int, ...], dtype: np.dtype, requires_grad: bool) -> Any:
        """Return a tensor on the meta device: shape and dtype only."""
        return empty(shape, dtype=dtypes.of_numpy(dtype), device="meta", requires_grad=requires_grad)

    def is_tensor(self, obj: Any) -> bool:
        """Whether `obj` is a tensor."""
        return self.parts(obj) is not None

    def size(self, values: tuple[int, ...]) -> Any:
        """Return a `torch.Size`."""
        return Size(values)

    def is_size(self, obj: Any) -> bool:
        """Whether `obj` is a `torch.Size`."""
        return isinstance(obj, Size)


def dtype_object(name: str) -> dtypes.dtype | None:
    """Return the dtype called `name` without its `torch.`, or None when there is none."""
    found = dtypes.NAMES.get(name)
    return found if found is not None and found.name == name else None


def device_object(*args: Any) -> device:
    """Return `torch.device(*args)`."""
    return device(*args)


_bridge: Bridge = Bridge()


def bridge() -> Bridge:
    """Return the bridge in use."""
    return _bridge


@contextlib.contextmanager
def use(replacement: Bridge) -> Iterator[None]:
    """Use another bridge for the length of a `with` block (tests do)."""
    global _bridge
    before, _bridge = _bridge, replacement
    try:
        yield
    finally:
        _bridge = before
