"""Losses of an input and a target, element by element: squares, absolute values, cross entropies of two
classes.
"""

from __future__ import annotations

import math
import warnings
from typing import Any

import numpy as np

import rushlight.errors as errors
import rushlight.scalar as s

from ..arrays.numpy import broadcast_shapes
from ..errors import shape_text
from .declare import composite
from .elementwise import pointwise
from .pointwise import div, mul, sub
from .reduce import sum
from .reduction import OfDifference, chosen, is_floating, reduced, reduced_op, same_sizes
from .rounding import abs

Array = Any
Number = Any  # a scalar expression

#: settings of the elementwise kernels
INTERNAL: dict[str, Any] = {"forms": "", "under": "internal", "accepts": "f"}


def _warn_of_sizes(name: str, input: Any, target: Any) -> None:
    """Warn where shapes differ and broadcasting would make a loss of every pair."""
    have, want = tuple(input.shape), tuple(target.shape)
    if have == want:
        return
    message = (
        f"{name}: Using a target size {shape_text(want)} that is different to the input size "
        f"{shape_text(have)}. This will likely lead to incorrect results due to broadcasting to "
        f"{shape_text(broadcast_shapes(name, have, want))}. Please ensure they have the same size, e.g. "
        "with target.unsqueeze(1) or input.squeeze(1)."
    )
    if errors.advice_on():
        errors.advise(f"{name} broadcasts", message)
    else:
        warnings.warn(message, stacklevel=4)


# -- distances ------------------------------------------------------------------------------------------


@pointwise(**INTERNAL)
def squared_error(input: Number, target: Number, /) -> Number:
    """(input - target)²."""
    return (input - target) * (input - target)


squared_error.slope(
    input=lambda g, input, target: (g * 2) * (input - target),
    target=lambda g, input, target: (g * -2) * (input - target),
)


@pointwise(**INTERNAL)
def absolute_error(input: Number, target: Number, /) -> Number:
    """|input - target|."""
    return s.abs_(input - target)


@pointwise(**INTERNAL)
def smooth_error(input: Number, target: Number, /, beta: float = 1.0) -> Number:
    """d = |input - target|: d² / (2 beta) below beta, d - beta / 2 from there on."""
    d = s.abs_(input - target)
    return s.where(d < beta, (0.5 / beta) * (d * d), d - 0.5 * beta)


def _sign(d: Any) -> Any:
    """±1; nan of nan, with derivative 0."""
    return s.where(s.isnan(d), math.nan, s.sgn(d))


def _smooth_slope(d: Any, beta: Any) -> Any:
    return s.where(s.abs_(d) < beta, d / beta, _sign(d))


smooth_error.slope(
    input=lambda g, input, target, beta: g * _smooth_slope(input - target, beta),
    target=lambda g, input, target, beta: g * _smooth_slope(target - input, beta),
)


@pointwise(**INTERNAL)
def huber_error(input: Number, target: Number, /, delta: float = 1.0) -> Number:
    """d = |input - target|: d² / 2 up to delta, delta · (d - delta / 2) beyond."""
    d = s.abs_(input - target)
    return s.where(d <= delta, 0.5 * (d * d), delta * (d - 0.5 * delta))


def _huber_slope(d: Any, delta: Any) -> Any:
    return s.where(s.abs_(d) < delta, d, delta * _sign(d))


huber_error.slope(
    input=lambda g, input, target, delta: g * _huber_slope(input - target, delta),
    target=lambda g, input, target, delta: g * _huber_slope(target - input, delta),
)

# the same on arrays in a few passes, without branches


def _bounded_square(d: np.ndarray, bound: float) -> np.ndarray:
    """m · (|d| - m / 2), m the smaller of |d| and the bound: d² / 2 below it."""
    size = np.abs(d)
    m = np.minimum(size, d.dtype.type(bound))
    size -= 0.5 * m
    size *= m
    return size


def _smooth_value(d: np.ndarray, beta: float) -> np.ndarray:
    losses = _bounded_square(d, beta)
    if beta != 1:
        losses /= beta
    return losses


def _clipped(d: np.ndarray, g: Any, bound: float) -> np.ndarray:
    return np.clip(d, d.dtype.type(-bound), d.dtype.type(bound)) * g


_squared = reduced_op(squared_error, OfDifference(np.square, lambda d, g: d * (g * 2)))
_absolute = reduced_op(absolute_error, OfDifference(np.abs, lambda d, g: np.sign(d) * g))
_smooth = reduced_op(
    smooth_error, OfDifference(_smooth_value, lambda d, g, beta: _clipped(d, g / beta, beta))
)
_huber = reduced_op(huber_error, OfDifference(_bounded_square, _clipped))


def _weighted(losses: Array, weight: Array, input: Array, reduction: str, by_weight: bool = True) -> Array:
    """Losses times weights; their mean is over the weights' sum (`by_weight`) or their number."""
    if tuple(weight.shape) != tuple(input.shape):
        raise ValueError(
            f"Weights and input must have the same size, but the weight has {shape_text(weight.shape)} and "
            f"the input {shape_text(input.shape)}"
        )
    losses = mul(losses, weight)
    return div(sum(losses), sum(weight)) if reduction == "mean" and by_weight else reduced(losses, reduction)


@composite(forms="", under="nn.functional")
def mse_loss(
    input: Array,
    target: Array,
    /,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
    weight: Array | None = None,
) -> Array:
    """(input - target)²: the mean, the sum, or each one ("none")."""
    _warn_of_sizes("mse_loss", input, target)
    mode = chosen("mse_loss", size_average, reduce, reduction)
    if weight is not None:
        return _weighted(squared_error(input, target), weight, input, mode)
    return _squared(input, target, mode)


@composite(forms="", under="nn.functional")
def l1_loss(
    input: Array,
    target: Array,
    /,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
    weight: Array | None = None,
) -> Array:
    """|input - target|: the mean, the sum, or each one ("none")."""
    _warn_of_sizes("l1_loss", input, target)
    mode = chosen("l1_loss", size_average, reduce, reduction)
    if weight is not None:
        return _weighted(abs(sub(input, target)), weight, input, mode)
    if not (is_floating(input) and is_floating(target)):
        return reduced(abs(sub(input, target)), mode)
    return _absolute(input, target, mode)


@composite(forms="", under="nn.functional")
def smooth_l1_loss(
    input: Array,
    target: Array,
    /,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
    beta: float = 1.0,
) -> Array:
    """d = |input - target|: d² / (2 beta) where d < beta, else d - beta / 2 (Girshick 2015)."""
    _warn_of_sizes("smooth_l1_loss", input, target)
    mode = chosen("smooth_l1_loss", size_average, reduce, reduction)
    if beta < 0:
        raise RuntimeError(f"smooth_l1_loss does not support negative values for beta, but beta={beta}")
    return _absolute(input, target, mode) if beta == 0 else _smooth(input, target, beta, mode)


@composite(forms="", under="nn.functional")
def huber_loss(
    input: Array,
    target: Array,
    /,
    reduction: str = "mean",
    delta: float = 1.0,
    weight: Array | None = None,
) -> Array:
    """d = |input - target|: d² / 2 where d <= delta, else delta · (d - delta / 2) (Huber 1964)."""
    _warn_of_sizes("huber_loss", input, target)
    mode = chosen("huber_loss", None, None, reduction)
    if delta <= 0:
        raise RuntimeError(f"huber_loss does not support non-positive values for delta, but delta={delta}")
    if weight is not None:
        return _weighted(huber_error(input, target, delta), weight, input, mode, by_weight=False)
    return _huber(input, target, delta, mode)


# -- two classes ----------------------------------------------------------------------------------------


@pointwise(**INTERNAL)
def binary_entropy(input: Number, target: Number, /) -> Number:
    """-(target · log input + (1 - target) · log(1 - input)), each logarithm at least -100."""
    no, yes = s.maximum(s.log1p(-input), -100), s.maximum(s.log(input), -100)
    return (target - 1) * no - target * yes


binary_entropy.slope(
    input=lambda g, input, target: g * ((input - target) / s.maximum((1 - input) * input, 1e-12)),
    target=lambda g, input: g * (s.log1p(-input) - s.log(input)),
)


@binary_entropy.check
def _(input: Any, target: Any) -> None:
    if input.size and not (input.min() >= 0 and input.max() <= 1):
        raise RuntimeError(
            "binary_cross_entropy: all elements of input should be between 0 and 1, but they range from "
            f"{input.min()} to {input.max()}; apply sigmoid first, or use binary_cross_entropy_with_logits"
        )


@pointwise(**INTERNAL)
def binary_entropy_of_logits(input: Number, target: Number, weight: Number, pos_weight: Number, /) -> Number:
    """-weight · (pos_weight · target · log σ(input) + (1 - target) · log(1 - σ(input))), without overflow."""
    log_weight = (pos_weight - 1) * target + 1
    return weight * ((1 - target) * input - log_weight * _log_sigmoid(input))


@pointwise(**INTERNAL)
def plain_entropy_of_logits(input: Number, target: Number, /) -> Number:
    """-(target · log σ(input) + (1 - target) · log(1 - σ(input))), without overflow."""
    return (1 - target) * input - _log_sigmoid(input)


def _log_sigmoid(x: Any) -> Any:
    return s.minimum(x, 0) - s.log1p(s.exp(-s.abs_(x)))


plain_entropy_of_logits.slope(
    input=lambda g, input, target: g * (s.sigmoid(input) - target),
    target=lambda g, input: -(g * input),
)
binary_entropy_of_logits.slope(
    input=lambda g, input, target, weight, pos_weight: (
        (g * weight) * ((1 - target) - ((pos_weight - 1) * target + 1) * s.sigmoid(-input))
    ),
    target=lambda g, input, weight, pos_weight: (
        (g * weight) * (-input - (pos_weight - 1) * _log_sigmoid(input))
    ),
    weight=lambda g, input, target, pos_weight: (
        g * ((1 - target) * input - ((pos_weight - 1) * target + 1) * _log_sigmoid(input))
    ),
    pos_weight=lambda g, input, target, weight: -(g * weight) * (target * _log_sigmoid(input)),
)

_binary, _logits = reduced_op(binary_entropy), reduced_op(binary_entropy_of_logits)
_plain_logits = reduced_op(plain_entropy_of_logits)


def constant_weights(name: str, **weights: Any) -> None:
    """Raise RuntimeError for weights that ask for a gradient."""
    for what, weight in weights.items():
        if getattr(weight, "requires_grad", False):
            raise RuntimeError(
                f"{name}: is not differentiable with respect to argument '{what}'. This input cannot have "
                "requires_grad True; detach() it"
            )


@composite(forms="", under="nn.functional")
def binary_cross_entropy(
    input: Array,
    target: Array,
    weight: Array | None = None,
    /,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
) -> Array:
    """-(target · log input + (1 - target) · log(1 - input)) of probabilities; logarithms at least -100."""
    mode = chosen("binary_cross_entropy", size_average, reduce, reduction)
    same_sizes("binary_cross_entropy", input, target)
    constant_weights("binary_cross_entropy", weight=weight)
    if weight is not None:
        return reduced(mul(binary_entropy(input, target), weight), mode)
    return _binary(input, target, mode)


@composite(forms="", under="nn.functional")
def binary_cross_entropy_with_logits(
    input: Array,
    target: Array,
    weight: Array | None = None,
    /,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
    pos_weight: Array | None = None,
) -> Array:
    """binary_cross_entropy(sigmoid(input), target) without overflow; the positive term by `pos_weight`."""
    mode = chosen("binary_cross_entropy_with_logits", size_average, reduce, reduction)
    same_sizes("binary_cross_entropy_with_logits", input, target)
    constant_weights("binary_cross_entropy_with_logits", weight=weight, pos_weight=pos_weight)
    if weight is None and pos_weight is None:
        return _plain_logits(input, target, mode)
    ones = [1.0 if w is None else w for w in (weight, pos_weight)]
    return _logits(input, target, *ones, mode)
