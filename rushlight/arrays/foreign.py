"""What every array that is not NumPy's shares: operators that run the declared ops,
so that formulas work on it.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from ..dtypes import OF_NUMPY


class ForeignArray:
    """Base of arrays that hold numbers another way: a batch (vmap), nothing (meta), a graph value.

    A subclass has `shape` and `dtype` (NumPy's), `__op__` to run an op, `__op_priority__`,
    `__store__` and `__fit__`.
    """

    __slots__ = ()
    __array_ufunc__ = None
    __op_priority__ = 1
    base: Any = None

    shape: tuple[int, ...]
    dtype: np.dtype
    #: op name -> op; set by the op catalogue's layer, so that no arrow points up
    ops: dict[str, Any] = {}

    @property
    def ndim(self) -> int:
        return len(self.shape)

    @property
    def size(self) -> int:
        return math.prod(self.shape)

    @property
    def itemsize(self) -> int:
        return self.dtype.itemsize

    def __len__(self) -> int:
        return self.shape[0]

    def reshape(self, *shape: Any) -> Any:
        return self.ops["reshape"](
            self, shape[0] if len(shape) == 1 and not isinstance(shape[0], int) else shape
        )

    def copy(self, order: str = "C") -> Any:
        return self.ops["clone"](self)

    def conj(self) -> Any:
        return self.ops["conj_physical"](self)

    def any(self) -> Any:
        return self.ops["any"](self)

    def ones_like(self) -> Any:
        return np.ones(self.shape, self.dtype)

    def __fit__(self, shape: tuple[int, ...], dtype: np.dtype) -> Any:
        """A cotangent brought back to a shape and dtype."""
        found = self if self.shape == shape else self.ops["sum_to_size"](self, shape)
        return found if found.dtype == dtype else self.ops["to_dtype"](found, OF_NUMPY[dtype])


def _forward(name: str) -> Callable[[Any, Any], Any]:
    return lambda self, other: self.ops[name](self, other)


def _reflected(name: str) -> Callable[[Any, Any], Any]:
    return lambda self, other: self.ops[name](other, self)


for _operator in ("add", "sub", "mul", "truediv", "pow", "matmul"):
    _name = "div" if _operator == "truediv" else _operator
    setattr(ForeignArray, f"__{_operator}__", _forward(_name))
    setattr(ForeignArray, f"__r{_operator}__", _reflected(_name))
    setattr(ForeignArray, f"__i{_operator}__", _forward(_name))
for _name in ("lt", "le", "gt", "ge", "eq", "ne"):
    setattr(ForeignArray, f"__{_name}__", _forward(_name))
for _operator in ("and", "or", "xor"):
    setattr(ForeignArray, f"__{_operator}__", _forward(f"bitwise_{_operator}"))
ForeignArray.__hash__ = object.__hash__
ForeignArray.__neg__ = lambda self: self.ops["neg"](self)  # type: ignore[attr-defined]
ForeignArray.__invert__ = lambda self: self.ops["bitwise_not"](self)  # type: ignore[attr-defined]
