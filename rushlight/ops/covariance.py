"""Covariance and correlation of variables in rows, observations in columns."""

from __future__ import annotations

import warnings
from typing import Any

from ..dtypes import BOOL, FLOAT, INT, OF_NUMPY, get_default_dtype
from ..dtypes import dtype as Dtype
from ..errors import shape_text
from .along import is_complex, of_type
from .complex import conj_physical as conj
from .complex import real
from .declare import composite
from .matmul import matmul
from .pointwise import sqrt
from .reduce import mean, sum
from .rounding import clamp
from .views import diagonal, reshape, squeeze, transpose, unsqueeze

Array = Any


def _kind(x: Any) -> Dtype:
    return x.dtype if isinstance(x.dtype, Dtype) else OF_NUMPY[x.dtype]


def _check_weights(name: str, weights: Any, observations: int, integral: bool) -> None:
    if len(weights.shape) > 1:
        raise RuntimeError(
            f"cov(): expected {name} to have one or fewer dimensions but got {name} with "
            f"{len(weights.shape)} dimensions"
        )
    if (_kind(weights).category == INT) != integral or _kind(weights).category > FLOAT:
        wanted = "integral" if integral else "floating point"
        raise RuntimeError(
            f"cov(): expected {name} to have {wanted} dtype but got {name} with {_kind(weights)}"
        )
    numel = weights.shape[0] if len(weights.shape) else 1
    if numel != observations:
        raise RuntimeError(
            f"cov(): expected {name} to have the same numel as there are observations in the input but got "
            f"{numel} != {observations}"
        )
    if bool((weights < 0).any()):
        raise RuntimeError(f"cov(): {name} cannot be negative")


@composite(forms="m")
def cov(input: Array, fweights: Array = None, aweights: Array = None, /, *, correction: int = 1) -> Array:
    """Covariances of the rows of `input`; columns counted `fweights` times, or weighted by `aweights`."""
    if len(input.shape) > 2:
        raise RuntimeError(
            f"cov(): expected input to have two or fewer dimensions but got an input with {len(input.shape)} "
            "dimensions, "
            f"shape {shape_text(tuple(input.shape))}"
        )
    if _kind(input).category == BOOL:
        raise RuntimeError("cov(): bool dtype is not supported for input; use .float()")
    x = reshape(input, (1, -1)) if len(input.shape) < 2 else input
    x = x if _kind(x).category >= FLOAT else of_type(x, get_default_dtype().np)
    n = x.shape[1]
    weights = _weights(fweights, aweights, n, x)
    total = n if weights is None else sum(weights)
    average = mean(x, 1, True) if weights is None else sum(x * weights, 1, True) / total
    away = x - average
    freedom = _freedom(total, weights, aweights, correction)
    turned = transpose(away if weights is None else away * weights, 0, 1)
    return squeeze(matmul(away, conj(turned) if is_complex(x) else turned) / freedom)


def _weights(fweights: Any, aweights: Any, n: int, x: Any) -> Any:
    """The product of the weights that are given, in the type of x."""
    found = None
    for name, given, integral in (("fweights", fweights, True), ("aweights", aweights, False)):
        if given is not None:
            _check_weights(name, given, n, integral)
            w = of_type(given, _kind(x).to_real().np)
            found = w if found is None else found * w
    return found


def _freedom(total: Any, weights: Any, aweights: Any, correction: int) -> Any:
    """What the products are divided by; PyTorch's rule for weighted observations."""
    if weights is None:
        freedom = total - correction
    elif aweights is None or not correction:
        freedom = total - correction
    else:
        freedom = total - correction * sum(weights * of_type(aweights, _kind(weights).np)) / total
    if float(freedom) <= 0:
        warnings.warn(
            "cov(): degrees of freedom is <= 0. Correction should be strictly less than the number of "
            "observations.",
            stacklevel=5,
        )
        freedom = freedom * 0
    return freedom


@composite(forms="m")
def corrcoef(input: Array, /) -> Array:
    """Pearson's correlations of the rows of `input`: covariances scaled to ones on the diagonal."""
    c = cov(input)
    if not len(c.shape):
        return c / c
    d = sqrt(real(diagonal(c)) if is_complex(c) else diagonal(c))
    scaled = c / unsqueeze(d, 1) / unsqueeze(d, 0)
    return scaled if is_complex(c) else clamp(scaled, -1, 1)
