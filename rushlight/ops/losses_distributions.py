"""Losses of distributions: Kullback-Leibler divergence, Poisson and Gaussian negative log likelihood."""

from __future__ import annotations

import builtins
import math
import warnings
from typing import Any

import numpy as np

import rushlight.scalar as s

from ..errors import shape_text
from .declare import composite, primitive
from .elementwise import pointwise
from .losses import INTERNAL
from .pointwise import add
from .reduction import chosen, reduced, reduced_op
from .views import unsqueeze

Array = Any
Number = Any  # a scalar expression

# -- discrete -------------------------------------------------------------------------------------------


@pointwise(**INTERNAL)
def divergence(input: Number, target: Number, /) -> Number:
    """target · (log target - input)."""
    return s.xlogy(target, target) - target * input


@pointwise(**INTERNAL)
def log_divergence(input: Number, target: Number, /) -> Number:
    """e^target · (target - input)."""
    return s.exp(target) * (target - input)


_divergence, _log_divergence = reduced_op(divergence), reduced_op(log_divergence)


@composite(forms="", under="nn.functional")
def kl_div(
    input: Array,
    target: Array,
    /,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
    log_target: bool = False,
) -> Array:
    """target · (log target - input) of log-probabilities `input`; "batchmean" divides the sum by the batch's
    size.
    """
    mode = "sum" if reduction == "batchmean" else chosen("kl_div", size_average, reduce, reduction)
    if mode == "mean" and size_average is None and reduce is None:
        warnings.warn(
            "reduction: 'mean' divides the total loss by both the batch size and the support size. "
            "'batchmean' divides only by the batch size, and aligns with the KL div math definition.",
            stacklevel=3,
        )
    found = (_log_divergence if log_target else _divergence)(input, target, mode)
    return found / tuple(input.shape)[0] if reduction == "batchmean" and len(input.shape) else found


_COUNTS = INTERNAL | {"accepts": "ifc"}


@pointwise(**_COUNTS)
def poisson_of_log(input: Number, target: Number, /) -> Number:
    """e^input - target · input."""
    return s.exp(input) - target * input


@pointwise(**_COUNTS)
def poisson_of_rate(input: Number, target: Number, /, eps: float = 1e-8) -> Number:
    """input - target · log(input + eps)."""
    return input - target * s.log(input + eps)


@pointwise(**_COUNTS)
def stirling(target: Number, /) -> Number:
    """Stirling's log target!, where target > 1."""
    return s.where(target > 1, target * s.log(target) - target + 0.5 * s.log((2 * math.pi) * target), 0)


stirling.slope(target=lambda g, target: s.where(target > 1, g * (s.log(target) + 0.5 / target), 0))

_poisson_of_log, _poisson_of_rate = reduced_op(poisson_of_log), reduced_op(poisson_of_rate)


@composite(forms="", under="nn.functional")
def poisson_nll_loss(
    input: Array,
    target: Array,
    /,
    log_input: bool = True,
    full: bool = False,
    size_average: bool | None = None,
    eps: float = 1e-8,
    reduce: bool | None = None,
    reduction: str = "mean",
) -> Array:
    """-log of the Poisson probability of `target` at the rate e^input (`log_input`) or input, up to log
    target! (`full`).
    """
    mode = chosen("poisson_nll_loss", size_average, reduce, reduction)
    if not full:
        return (
            _poisson_of_log(input, target, mode) if log_input else _poisson_of_rate(input, target, eps, mode)
        )
    losses = poisson_of_log(input, target) if log_input else poisson_of_rate(input, target, eps)
    return reduced(losses + stirling(target), mode)


@pointwise(**INTERNAL)
def gaussian_error(input: Number, target: Number, var: Number, /) -> Number:
    """(log var + (input - target)² / var) / 2."""
    return 0.5 * (s.log(var) + (input - target) * (input - target) / var)


_gaussian = reduced_op(gaussian_error)


@primitive(forms="", under="internal", differentiable=False)
def shortfall(input: Array, /, least: float) -> Array:
    """What is missing to `least`, 0 where nothing is."""
    return np.maximum(least - input, input.dtype.type(0)).astype(input.dtype)


@composite(forms="", under="nn.functional")
def gaussian_nll_loss(
    input: Array,
    target: Array,
    var: Array,
    /,
    full: bool = False,
    eps: float = 1e-6,
    reduction: str = "mean",
) -> Array:
    """(log var + (input - target)² / var) / 2, up to the constant log(2π) / 2 (`full`); var >= eps."""
    var = _variance(input, var)
    # the floor is a constant to derivatives, as in torch
    var = max(var, eps) if isinstance(var, float) else add(var, shortfall(var, eps))
    if reduction not in ("none", "mean", "sum"):
        raise ValueError(
            f"{reduction} is not valid: gaussian_nll_loss takes reduction='none', 'mean' or 'sum'"
        )
    if full:
        return reduced(gaussian_error(input, target, var) + 0.5 * math.log(2 * math.pi), reduction)
    return _gaussian(input, target, var, reduction)


def _variance(input: Any, var: Any) -> Any:
    """The variances in a shape that broadcasts. Raises ValueError for negative ones or a wrong shape."""
    values = getattr(var, "_a", var)
    if np.any(np.asarray(values) < 0):
        raise ValueError("gaussian_nll_loss: var has negative entry/entries; variances are >= 0")
    if isinstance(var, float):
        return var
    have, want = tuple(var.shape), tuple(input.shape)
    if have == want:
        return var
    if want[:-1] == have:
        return unsqueeze(var, -1)
    if len(have) != len(want) or _total(m for n, m in zip(want, have) if n != m) != 1:
        raise ValueError(
            f"gaussian_nll_loss: var is of incorrect size: {shape_text(have)}. It has the input's size "
            f"{shape_text(want)}, or that with one dimension of 1, or without the last one"
        )
    return var


_total = builtins.sum
