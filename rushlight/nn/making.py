"""What constructors share: uninitialised parameters, sizes for every axis, a layer's usual first values."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

import rushlight.nn.init as init

from ..creation import empty
from ..tensor import Parameter, Tensor


def parameter(*sizes: Any, device: Any = None, dtype: Any = None) -> Parameter:
    """A parameter of the given sizes (or of one tuple of them) whose values are still to be set."""
    return Parameter(empty(*sizes, device=device, dtype=dtype))


def per_axis(value: Any, axes: int) -> tuple[Any, ...]:
    """One number for every axis: a number is repeated, a sequence is taken as it is."""
    return tuple(value) if isinstance(value, Iterable) else (value,) * axes


def reset_affine(weight: Tensor, bias: Tensor | None) -> None:
    """First values of a linear map or a convolution: uniform on ±1/√fan_in, the weight's drawn first."""
    init.kaiming_uniform_(weight, a=math.sqrt(5))
    if bias is not None:
        fan_in, _ = init._calculate_fan_in_and_fan_out(weight)
        bound = 1 / math.sqrt(fan_in) if fan_in > 0 else 0
        init.uniform_(bias, -bound, bound)
