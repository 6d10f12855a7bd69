"""GraphArray: an array that is being traced. It holds the numbers of the run that is captured."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..arrays.foreign import ForeignArray
from ..arrays.memory import empty_like


class GraphArray(ForeignArray):
    """`value`, whose every use is told to `tracer`.

    Views of one memory are GraphArrays over NumPy's views of it, so that what is written through one is seen
    through the others.
    """

    __slots__ = ("value", "tracer", "__weakref__")
    __op_priority__ = 10

    def __init__(self, value: np.ndarray, tracer: Any) -> None:
        self.value, self.tracer = value, tracer

    @property
    def shape(self) -> tuple[int, ...]:
        return self.value.shape

    @property
    def dtype(self) -> np.dtype:
        return self.value.dtype

    @property
    def strides(self) -> tuple[int, ...]:
        return self.value.strides

    @property
    def flags(self) -> Any:
        return self.value.flags

    @property
    def nbytes(self) -> int:
        return self.value.nbytes

    @property
    def T(self) -> GraphArray:
        return GraphArray(self.value.T, self.tracer)

    @property
    def __array_interface__(self) -> dict[str, Any]:
        return self.value.__array_interface__

    def __op__(self, op: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        return self.tracer.__op__(op, args, kwargs)

    def __saving__(self, op: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        return self.tracer.__saving__(op, args, kwargs)

    def __store__(self, result: Any) -> GraphArray:
        self.tracer.copy_into(self.value, result)
        return self

    def ones_like(self) -> Any:
        return self.tracer.created(np.ones(self.shape, self.dtype))

    def full_like(self, fill: Any, dtype: np.dtype, order: str = "K") -> Any:
        made = empty_like(self.value, dtype, order)
        made[...] = 0 if fill is None else fill
        return self.tracer.created(made)

    # -- where Python sees the numbers ----------------------------------------------------------------

    def item(self) -> Any:
        """The only element as a Python number: the graph ends here."""
        return self.tracer.read(self).item()

    def tolist(self) -> Any:
        """The elements as nested lists of Python numbers: the graph ends here."""
        return self.tracer.read(self).tolist()

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        found = self.tracer.read(self)
        return found if dtype is None else found.astype(dtype)

    def __bool__(self) -> bool:
        return bool(self.tracer.read(self))

    def __int__(self) -> int:
        return int(self.tracer.read(self))

    def __float__(self) -> float:
        return float(self.tracer.read(self))

    def __repr__(self) -> str:
        return f"GraphArray({self.shape}, {self.dtype})"


def value_of(x: Any) -> Any:
    """What is computed with in place of a traced array, also inside lists and tuples."""
    if x.__class__ is GraphArray:
        return x.value
    if x.__class__ is tuple or x.__class__ is list:
        return x.__class__([value_of(v) for v in x])
    return x
