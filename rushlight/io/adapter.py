"""The one place where file formats meet tensors: what a tensor is made of, and how one is made.

The formats work on NumPy arrays; `Bridge` translates. Tests put a stand-in here with `use`.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np

from rushlight import device, dtypes


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
        raise NotImplementedError

    def tensor(self, array: np.ndarray, requires_grad: bool) -> Any:
        """Return a tensor that shares memory with `array`."""
        raise NotImplementedError

    def parameter(self, data: Any, requires_grad: bool) -> Any:
        """Return a Parameter over the tensor `data`."""
        raise NotImplementedError

    def meta(self, shape: tuple[int, ...], dtype: np.dtype, requires_grad: bool) -> Any:
        """Return a tensor on the meta device: shape and dtype only."""
        raise NotImplementedError

    def is_tensor(self, obj: Any) -> bool:
        """Whether `obj` is a tensor."""
        return self.parts(obj) is not None

    def size(self, values: tuple[int, ...]) -> Any:
        """Return a `torch.Size`."""
        raise NotImplementedError

    def is_size(self, obj: Any) -> bool:
        """Whether `obj` is a `torch.Size`."""
        raise NotImplementedError


def dtype_object(name: str) -> dtypes.dtype | None:
    """Return the dtype called `name` without its `torch.`, or None when there is none."""
    found = dtypes.NAMES.get(name)
    return found if found is not None and found.name == name else None


def device_object(*args: Any) -> device.device:
    """Return `torch.device(*args)`."""
    return device.device(*args)


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
