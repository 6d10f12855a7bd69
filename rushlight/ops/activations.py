"""Activation functions: what stands between the layers of a network. `inplace=True` writes into the input."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

import rushlight.dtypes as dtypes
import rushlight.scalar as s

from ..arrays.distributions import uniform
from ..arrays.generator import default_generator
from ..arrays.numpy import cast, normalize_dim
from .declare import composite, primitive
from .elementwise import pointwise
from .pointwise import category, mul
from .transcendental import sigmoid
from .views import narrow, reshape

Number = Any  # a scalar expression inside a body; a Tensor or a number for the caller

# -- the relu family -----------------------------------------------------------------------------------


@pointwise(forms="mi", aliases=("nn.functional.relu",), accepts="if")
def relu(input: Number, /, inplace: bool = False) -> Number:
    """max(input, 0); the derivative at 0 is 0."""
    return s.relu(input)


@relu.check
def _(input: Any, inplace: bool) -> None:
    if category(input) == dtypes.BOOL:
        raise RuntimeError(
            "relu: Boolean inputs not supported for relu; convert them first, e.g. with .int()"
        )


@pointwise(under="nn.functional", forms="", accepts="if")
def relu6(input: Number, /, inplace: bool = False) -> Number:
    """min(max(input, 0), 6)."""
    return s.minimum(s.maximum(input, 0), 6)


relu6.slope(input=lambda g, input: s.where(s.logical_and(input > 0, input < 6), g, 0))


@pointwise(under="nn.functional", forms="i", accepts="f")
def leaky_relu(input: Number, /, negative_slope: float = 0.01, inplace: bool = False) -> Number:
    """input where it is positive, negative_slope · input elsewhere."""
    return s.where(input > 0, input, input * negative_slope)


leaky_relu.slope(input=lambda g, input, negative_slope: s.where(input > 0, g, g * negative_slope))


@pointwise(under="nn.functional", forms="i", aliases=("threshold",), accepts="if")
def threshold(input: Number, /, threshold: float, value: float, inplace: bool = False) -> Number:
    """input where it is above `threshold`, else `value`."""
    return s.where(input <= threshold, value, input)


threshold.slope(input=lambda g, input, threshold: s.where(input <= threshold, 0, g))


@pointwise(under="nn.functional", forms="i", accepts="if")
def hardtanh(input: Number, /, min_val: float = -1.0, max_val: float = 1.0, inplace: bool = False) -> Number:
    """input brought into [min_val, max_val]."""
    return s.minimum(s.maximum(input, min_val), max_val)


hardtanh.slope(
    input=lambda g, input, min_val, max_val: s.where(s.logical_and(input > min_val, input < max_val), g, 0)
)


@hardtanh.check
def _(input: Any, min_val: float, max_val: float, inplace: bool) -> None:
    if input.dtype.kind == "u" and (min_val < 0 or max_val < 0):
        raise RuntimeError("hardtanh: cannot do hardtanh on an unsigned type with negative limits")


@pointwise(name="prelu_kernel", forms="", under="internal", accepts="f")
def prelu_kernel(input: Number, weight: Number, /) -> Number:
    """input where it is positive, weight · input elsewhere."""
    return s.where(input > 0, input, input * weight)


prelu_kernel.slope(
    input=lambda g, input, weight: s.where(input > 0, g, g * weight),
    weight=lambda g, input: s.where(input > 0, 0, g * input),
)


@composite(forms="m", aliases=("nn.functional.prelu",))
def prelu(input: Number, weight: Number, /) -> Number:
    """input where it is positive, weight · input elsewhere; one weight, or one for each channel (dimension
    1).
    """
    if input.dtype != weight.dtype:
        raise RuntimeError(f"prelu: Type promoting not supported. Got {input.dtype} and {weight.dtype}")
    if weight.ndim == 0:
        return prelu_kernel(input, weight)
    if weight.ndim != 1:
        raise RuntimeError(
            f"prelu: Expected `weight` to be a scalar or 1D tensor, but got: ndim = {weight.ndim}"
        )
    count, channels = weight.shape[0], tuple(input.shape)[1] if input.ndim > 1 else 1
    if count not in (1, channels):
        raise RuntimeError(
            f"prelu: Mismatch of parameter numbers and input channel size. Found parameter numbers = "
            f"{count} and "
            f"channel size = {channels}."
        )
    shape = tuple(count if i == 1 or input.ndim == 1 else 1 for i in range(input.ndim))
    return prelu_kernel(input, reshape(weight, shape))


@primitive(forms="", under="internal", differentiable=False)
def rrelu_slopes(input: Number, /, lower: float, upper: float) -> Number:
    """1 where the input is positive, a number from [lower, upper) drawn for each other element."""
    slopes = np.ones(input.shape, dtypes.compute_type(input.dtype))
    below = np.asarray(cast(input, slopes.dtype) <= 0)
    count = int(np.count_nonzero(below))
    slopes[below] = uniform(default_generator, (count,), np.dtype(np.float64), lower, upper)
    return cast(slopes, input.dtype)


@composite(under="nn.functional", forms="i", aliases=("rrelu",))
def rrelu(
    input: Number,
    /,
    lower: float = 1 / 8,
    upper: float = 1 / 3,
    training: bool = False,
    inplace: bool = False,
) -> Number:
    """Leaky relu with slopes drawn from [lower, upper) while training, and their mean otherwise (Xu et al.
    2015).
    """
    if lower > upper:
        raise RuntimeError(
            f"rrelu: Lower bound should be less than or equal to the upper bound, got {lower}, {upper}"
        )
    if not training:
        return leaky_relu(input, (lower + upper) / 2, inplace=inplace)
    slopes = rrelu_slopes(input, lower, upper)
    if inplace:
        input *= slopes
        return input
    return mul(input, slopes)


# -- exponential units ---------------------------------------------------------------------------------


@pointwise(under="nn.functional", forms="i", accepts="f")
def elu(input: Number, /, alpha: float = 1.0, inplace: bool = False) -> Number:
    """input where it is positive, alpha · (eˣ - 1) elsewhere."""
    return s.where(input <= 0, alpha * s.expm1(input), input)


elu.slope(input=lambda g, input, out, alpha: s.where(input <= 0, g * (out + alpha), g))

_SELU_ALPHA, _SELU_SCALE = 1.6732632423543772848170429916717, 1.0507009873554804934193349852946


@pointwise(under="nn.functional", forms="i", aliases=("selu",), accepts="f")
def selu(input: Number, /, inplace: bool = False) -> Number:
    """1.0507 · elu(input, 1.6733): keeps mean 0 and variance 1 (Klambauer et al. 2017)."""
    return s.where(input <= 0, (_SELU_ALPHA * _SELU_SCALE) * s.expm1(input), input * _SELU_SCALE)


selu.slope(
    input=lambda g, input, out: s.where(input <= 0, g * (out + _SELU_ALPHA * _SELU_SCALE), g * _SELU_SCALE)
)


@pointwise(under="nn.functional", forms="i", aliases=("celu",), accepts="f")
def celu(input: Number, /, alpha: float = 1.0, inplace: bool = False) -> Number:
    """input where it is positive, alpha · (e^(x/alpha) - 1) elsewhere."""
    return s.where(input <= 0, alpha * s.expm1(input / alpha), input)


celu.slope(input=lambda g, input, out, alpha: s.where(input <= 0, g * (out / alpha + 1), g))


@celu.check
def _(input: Any, alpha: float, inplace: bool) -> None:
    if alpha == 0:
        raise RuntimeError("ZeroDivisionError: alpha cannot be 0 for CELU")


# -- smooth units --------------------------------------------------------------------------------------


@pointwise(under="nn.functional", forms="o", accepts="f")
def gelu(input: Number, /, *, approximate: str = "none") -> Number:
    """x · Φ(x), Φ the normal distribution function; `approximate="tanh"` is Hendrycks and Gimpel's
    formula.
    """
    return 0.5 * input * (1 + s.erf(input * math.sqrt(0.5)))


gelu.slope(
    input=lambda g, input: (
        g
        * (
            0.5 * (1 + s.erf(input * math.sqrt(0.5)))
            + input * s.exp(-0.5 * (input * input)) * (1 / math.sqrt(2 * math.pi))
        )
    )
)


@gelu.variant
def _(input: Any, *, approximate: str) -> Any:
    if approximate != "tanh":
        raise RuntimeError(f"gelu: approximate argument must be either none or tanh, got {approximate!r}.")
    return gelu_tanh(input)


_BETA, _KAPPA = math.sqrt(2 / math.pi), 0.044715


@pointwise(under="internal", forms="", accepts="f")
def gelu_tanh(input: Number, /) -> Number:
    """x/2 · (1 + tanh(√(2/π) · (x + 0.044715·x³)))."""
    return 0.5 * input * (1 + s.tanh(_BETA * (input + _KAPPA * (input * input * input))))


@pointwise(under="nn.functional", forms="", accepts="fc")
def silu(input: Number, /, inplace: bool = False) -> Number:
    """x · sigmoid(x), also called swish."""
    return input * s.sigmoid(input)


@pointwise(under="nn.functional", forms="", accepts="f")
def mish(input: Number, /, inplace: bool = False) -> Number:
    """x · tanh(log(1 + eˣ)) (Misra 2019)."""
    return input * s.tanh(s.log1p(s.exp(input)))


mish.slope(input=lambda g, input: g * _mish_slope(input))


def _mish_slope(x: Any) -> Any:
    t = s.tanh(s.log1p(s.exp(x)))
    return t + x * s.sigmoid(x) * (1 - t * t)


@pointwise(under="nn.functional", forms="o", accepts="f")
def softplus(input: Number, /, beta: float = 1.0, threshold: float = 20.0) -> Number:
    """log(1 + e^(beta·x)) / beta; where beta · x is above `threshold`, x itself."""
    return s.where(input * beta > threshold, input, s.log1p(s.exp(input * beta)) / beta)


softplus.slope(
    input=lambda g, input, beta, threshold: s.where(input * beta > threshold, g, g * s.sigmoid(input * beta))
)


@pointwise(under="nn.functional", forms="o", accepts="f")
def logsigmoid(input: Number, /) -> Number:
    """log(1 / (1 + e⁻ˣ)), without overflow."""
    return s.minimum(input, 0) - s.log1p(s.exp(-s.abs_(input)))


logsigmoid.slope(input=lambda g, input: g * s.sigmoid(-input))


@pointwise(under="nn.functional", forms="", accepts="bifc")
def softsign(input: Number, /) -> Number:
    """x / (1 + |x|)."""
    return input / (s.abs_(input) + 1)


@pointwise(under="nn.functional", forms="", accepts="ifc")
def tanhshrink(input: Number, /) -> Number:
    """x - tanh(x)."""
    return input - s.tanh(input)


# -- in pieces -----------------------------------------------------------------------------------------


@pointwise(under="nn.functional", forms="o", accepts="f")
def softshrink(input: Number, /, lambd: float = 0.5) -> Number:
    """x moved towards 0 by `lambd`, and 0 within it."""
    return s.where(input > lambd, input - lambd, s.where(input < -lambd, input + lambd, input * 0))


softshrink.slope(input=lambda g, input, lambd: s.where(s.logical_or(input > lambd, input < -lambd), g, 0))


@softshrink.check
def _(input: Any, lambd: float) -> None:
    if not lambd >= 0:
        kind = dtypes.of_numpy(input.dtype)
        raise RuntimeError(
            f"softshrink: lambda must be in range [0, {dtypes.finfo(kind).max:g}] for input dtype {kind}, "
            f"but found {lambd}"
        )


@pointwise(forms="mo", aliases=("nn.functional.hardshrink",), accepts="f")
def hardshrink(input: Number, /, lambd: float = 0.5) -> Number:
    """x, and 0 where |x| <= lambd."""
    return s.where(s.logical_and(input >= -lambd, input <= lambd), 0, input)


hardshrink.slope(input=lambda g, input, lambd: s.where(s.logical_or(input > lambd, input < -lambd), g, 0))


@pointwise(under="nn.functional", forms="", accepts="f")
def hardsigmoid(input: Number, /, inplace: bool = False) -> Number:
    """min(max(x + 3, 0), 6) / 6."""
    return s.minimum(s.maximum(input + 3, 0), 6) / 6


hardsigmoid.slope(input=lambda g, input: s.where(s.logical_and(input > -3, input < 3), g / 6, 0))


@pointwise(under="nn.functional", forms="", accepts="f")
def hardswish(input: Number, /, inplace: bool = False) -> Number:
    """x · hardsigmoid(x) (Howard et al. 2019)."""
    return input * s.minimum(s.maximum(input + 3, 0), 6) / 6


hardswish.slope(input=lambda g, input: s.where(input <= -3, 0, s.where(input < 3, g * (input / 3 + 0.5), g)))


# -- gates ---------------------------------------------------------------------------------------------


@composite(under="nn.functional", forms="")
def glu(input: Number, /, dim: int = -1) -> Number:
    """The first half along `dim` times the sigmoid of the second (Dauphin et al. 2016)."""
    shape = tuple(input.shape)
    if not shape:
        raise RuntimeError("glu does not support 0-dimensional tensors")
    size = shape[normalize_dim("glu", dim, len(shape))]
    if size % 2:
        raise RuntimeError(f"glu: Halving dimension must be even, but dimension {dim} is size {size}")
    return narrow(input, dim, 0, size // 2) * sigmoid(narrow(input, dim, size // 2, size // 2))
