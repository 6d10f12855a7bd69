"""Changing the type of elements."""

from __future__ import annotations

from typing import Any

from ..arrays import memory
from ..arrays.numpy import cast
from ..dtypes import of_numpy
from .declare import primitive

Array = Any


@primitive(forms="", under="internal")
def to_dtype(input: Array, /, dtype: Any) -> Array:
    """`input` with its elements converted to `dtype`; always a copy."""
    converted = cast(input, dtype.np)
    return memory.copied(converted) if converted is input else converted


to_dtype.vjp(input=lambda g, input_dtype: to_dtype(g, of_numpy(input_dtype)))
