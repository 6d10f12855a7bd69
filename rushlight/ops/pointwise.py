"""Pointwise ops: a page of arithmetic. Types, broadcasting, derivatives and kernels follow from the bodies."""

from __future__ import annotations

from typing import Any

from .. import scalar as s
from .elementwise import pointwise

Number = Any  # a scalar expression inside a body; a Tensor or a number for the caller

# -- arithmetic --------------------------------------------------------------------------------------


@pointwise
def add(input: Number, other: Number, /, *, alpha: float = 1) -> Number:
    """input + alpha · other."""
    return input + alpha * other


@pointwise(aliases=("multiply",), domain=(0.3, 3))
def mul(input: Number, other: Number, /) -> Number:
    """input · other."""
    return input * other


@pointwise
def relu(input: Number, /) -> Number:
    """max(input, 0); the derivative at 0 is 0."""
    return s.relu(input)


@pointwise
def exp(input: Number, /) -> Number:
    """eˣ."""
    return s.exp(input)
