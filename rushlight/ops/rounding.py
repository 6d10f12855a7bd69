"""Size, sign and bounds: absolute values, rounding, clamping, the larger and the smaller of two."""

from __future__ import annotations

from typing import Any

import numpy as np

import rushlight.dtypes as dtypes
import rushlight.scalar as s

from ..arrays.numpy import cast, number
from .declare import composite, primitive
from .elementwise import pointwise
from .pointwise import check_fits

Number = Any  # a scalar expression inside a body; a Tensor or a number for the caller

# -- size and sign -------------------------------------------------------------------------------------


@pointwise(aliases=("absolute",), accepts="ifc8")
def abs(input: Number, /) -> Number:
    """|x|; of a complex number its modulus, which is real."""
    return s.abs_(input)


@pointwise(accepts="bif")
def sign(input: Number, /) -> Number:
    """-1, 0 or 1; 0 for NaN."""
    return s.sign(input)


@pointwise
def sgn(input: Number, /) -> Number:
    """The sign of a real number; z / |z| of a complex one (0 at 0)."""
    return s.sgn(input)


sgn.vjp(input=lambda g, input, out: _sgn_backward(g, input, out))


def _sgn_backward(g: Any, z: Any, out: Any) -> Any:
    """The part of g across z's direction, over |z|; nothing for real numbers, whose sign is constant in
    pieces.
    """
    from .complex import is_complex, real_part

    if not is_complex(z):
        return g * 0
    length = abs(z)
    across = g - out * real_part(g * out.conj())
    return across / (length + (length == 0))


@pointwise(accepts="bif")
def copysign(input: Number, other: Number, /) -> Number:
    """|input| with the sign of `other`, that of -0.0 included."""
    return s.copysign(input, other)


@pointwise(forms="mo", accepts="bif8")
def signbit(input: Number, /) -> Number:
    """Whether the sign is negative; true of -0.0."""
    return s.signbit(input)


@pointwise(accepts="bif")
def heaviside(input: Number, values: Number, /) -> Number:
    """0 where input < 0, 1 where input > 0, `values` where it is 0."""
    return s.heaviside(input, values)


@heaviside.check
def _(input: Any, values: Any) -> None:
    if hasattr(input, "dtype") and hasattr(values, "dtype") and input.dtype != values.dtype:
        raise RuntimeError(
            f"heaviside is not yet implemented for tensors with different dtypes: "
            f"{dtypes.of_numpy(input.dtype)} and "
            f"{dtypes.of_numpy(values.dtype)}"
        )


# -- rounding ------------------------------------------------------------------------------------------


@pointwise(accepts="if")
def floor(input: Number, /) -> Number:
    """The largest whole number not above x."""
    return s.floor(input)


@pointwise(accepts="if")
def ceil(input: Number, /) -> Number:
    """The smallest whole number not below x."""
    return s.ceil(input)


@pointwise(aliases=("fix",), accepts="if")
def trunc(input: Number, /) -> Number:
    """The whole part: x rounded towards 0."""
    return s.trunc(input)


@pointwise(accepts="f")
def frac(input: Number, /) -> Number:
    """x - trunc(x), with the sign of x."""
    return input - s.trunc(input)


@pointwise(aliases=("special.round",), accepts="if")
def round(input: Number, /, *, decimals: int = 0) -> Number:
    """x rounded to `decimals` places (negative: to tens, hundreds); halves go to the even neighbour."""
    return s.round_(input)


@round.variant
def _(input: Any, *, decimals: int) -> Any:
    power = 10.0 ** (decimals if decimals > 0 else -decimals)
    return (
        round_scaled(input, up=power, down=1.0) if decimals > 0 else round_scaled(input, up=1.0, down=power)
    )


@pointwise(forms="", under="internal", accepts="f")
def round_scaled(input: Number, /, *, up: float, down: float) -> Number:
    """x rounded to a multiple of down / up."""
    return s.round_(input * up / down) * down / up


# -- the larger and the smaller ------------------------------------------------------------------------


@pointwise(forms="mo", accepts="bif")
def maximum(input: Number, other: Number, /) -> Number:
    """The larger of the two; NaN if either is."""
    return s.maximum(input, other)


@pointwise(forms="mo", accepts="bif")
def minimum(input: Number, other: Number, /) -> Number:
    """The smaller of the two; NaN if either is."""
    return s.minimum(input, other)


@pointwise(forms="mo", accepts="bif")
def fmax(input: Number, other: Number, /) -> Number:
    """The larger of the two; a NaN gives way to a number."""
    return s.fmax(input, other)


@pointwise(forms="mo", accepts="bif")
def fmin(input: Number, other: Number, /) -> Number:
    """The smaller of the two; a NaN gives way to a number."""
    return s.fmin(input, other)


@pointwise(forms="mio", accepts="f")
def nextafter(input: Number, other: Number, /) -> Number:
    """The next representable number after `input` in the direction of `other`."""
    return s.nextafter(input, other)


nextafter.slope(
    input=lambda g, input, other: s.where(s.eq(input, other), 0, g), other=lambda g: s.zeros_like(g)
)


# -- bounds --------------------------------------------------------------------------------------------


@pointwise(accepts="bif")
def clamp_min(input: Number, min: Number, /) -> Number:
    """max(input, min)."""
    return s.maximum(input, min)


@clamp_min.check
def _(input: Any, min: Any) -> None:
    check_fits("clamp_min", min, input)


clamp_min.slope(
    input=lambda g, input, min: s.where(input >= min, g, 0),
    min=lambda g, input, min: s.where(input < min, g, 0),
)


@pointwise(accepts="bif")
def clamp_max(input: Number, max: Number, /) -> Number:
    """min(input, max)."""
    return s.minimum(input, max)


@clamp_max.check
def _(input: Any, max: Any) -> None:
    check_fits("clamp_max", max, input)


clamp_max.slope(
    input=lambda g, input, max: s.where(input <= max, g, 0),
    max=lambda g, input, max: s.where(input > max, g, 0),
)


@pointwise(forms="", under="internal", accepts="bif")
def clamp_between(input: Number, min: Number, max: Number, /) -> Number:
    """min(max(input, min), max): `max` wins where the bounds cross."""
    return s.minimum(s.maximum(input, min), max)


clamp_between.slope(
    input=lambda g, input, min, max: s.where(s.logical_and(input >= min, input <= max), g, 0),
    min=lambda g, input, min, max: s.where(s.logical_and(input < min, min < max), g, 0),
    max=lambda g, input, min, max: s.where(s.logical_or(input > max, max < min), g, 0),
)


@composite(forms="mio", aliases=("clip",))
def clamp(input: Number, min: Number = None, max: Number = None, /) -> Number:
    """Each element brought into [min, max]; bounds are numbers or tensors, and one of them may be None."""
    if min is None and max is None:
        raise RuntimeError("torch.clamp: At least one of 'min' or 'max' must not be None")
    if max is None:
        return clamp_min(input, min)
    return clamp_max(input, max) if min is None else clamp_between(input, min, max)


@primitive(forms="mio")
def nan_to_num(
    input: Number, /, nan: float | None = None, posinf: float | None = None, neginf: float | None = None
) -> Number:
    """NaN replaced by `nan` (0), infinities by `posinf` and `neginf` (the largest and smallest numbers of
    the type).
    """
    kind = dtypes.of_numpy(input.dtype)
    if kind.category < dtypes.FLOAT:
        return input.copy()
    info, real = dtypes.finfo(kind), kind.to_real().np
    nan, posinf = nan or 0.0, info.max if posinf is None else posinf
    neginf = info.min if neginf is None else neginf
    if kind.category == dtypes.COMPLEX:
        out = cast(input, dtypes.compute_type(input.dtype)).copy()
        for part in (out.real, out.imag):
            part[...] = np.nan_to_num(part, nan=nan, posinf=posinf, neginf=neginf)
        return cast(out, input.dtype)
    replaced = [number(v, real) for v in (nan, posinf, neginf)]
    wide = cast(input, dtypes.compute_type(input.dtype))
    choices = [np.isnan(wide), np.isposinf(wide), np.isneginf(wide)]
    return np.select(choices, replaced, input).astype(input.dtype, copy=False)


nan_to_num.vjp(input=lambda g, input: _keep_finite(g, input))


def _keep_finite(g: Any, input: Any) -> Any:
    from .comparison import isfinite, select_where

    return select_where(isfinite(input), g, 0)
