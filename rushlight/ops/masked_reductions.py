"""torch.masked: reductions that see only the elements where `mask` holds.

Elsewhere the input is replaced by what the reduction ignores: 0 for a sum, -inf for a maximum. Where a whole
line is masked that value is also the result.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ..arrays.numpy import normalize_dims
from ..dtypes import FLOAT, OF_NUMPY, get_default_dtype
from ..dtypes import dtype as Dtype
from ..errors import shape_text
from . import extremes, norms, order_statistics, reduce, scans, softmax, variance
from .along import count, is_complex, of_type
from .comparison import where
from .complex import conj_physical as conj
from .complex import real
from .declare import composite
from .pointwise import sqrt
from .rounding import clamp_min
from .transcendental import logaddexp
from .views import expand

Array = Any


# -- helpers ------------------------------------------------------------------------------------------


def _kind(x: Any) -> Dtype:
    return x.dtype if isinstance(x.dtype, Dtype) else OF_NUMPY[x.dtype]


def _spread_mask(mask: Any, x: Any) -> Any:
    """`mask` over the shape of `x`. Raises ValueError where it has more dimensions."""
    if len(mask.shape) > len(x.shape):
        raise ValueError(
            f"masked: the mask of shape {shape_text(tuple(mask.shape))} has more dimensions than the input "
            "of "
            f"shape {shape_text(tuple(x.shape))}"
        )
    return expand(mask, tuple(x.shape))


def _fill(x: Any, mask: Any, value: float, dtype: Dtype | None = None) -> Any:
    """`x` in `dtype`, with `value` where the mask does not hold; infinities are limits for integers."""
    x = x if dtype is None else of_type(x, dtype.np)
    if mask is None:
        return x
    if math.isinf(value) and _kind(x).category < FLOAT:
        limits = np.iinfo(_kind(x).np)
        value = int(limits.max if value > 0 else limits.min)
    return where(_spread_mask(mask, x), x, value)


def _how_many(x: Any, dim: Any, keepdim: bool, mask: Any) -> Any:
    """How many elements each reduced line has, in the type of `x`'s real numbers."""
    if mask is None:
        return float(count(tuple(x.shape), dim))
    seen = reduce.sum(_spread_mask(mask, x), dim, keepdim)
    return of_type(seen, _kind(x).to_real().np)


# -- sums and products --------------------------------------------------------------------------------


@composite(forms="", under="internal", aliases=("masked.sum",))
def masked_sum(
    input: Array, /, dim: Any = None, *, keepdim: bool = False, dtype: Dtype | None = None, mask: Any = None
) -> Array:
    """Σ of the elements where `mask` holds; 0 for none."""
    return reduce.sum(_fill(input, mask, 0, dtype), dim, keepdim, dtype=dtype)


@composite(forms="", under="internal", aliases=("masked.prod",))
def masked_prod(
    input: Array, /, dim: Any = None, *, keepdim: bool = False, dtype: Dtype | None = None, mask: Any = None
) -> Array:
    """∏ of the elements where `mask` holds; 1 for none."""
    x = _fill(input, mask, 1, dtype)
    for i in sorted(normalize_dims("masked.prod", dim, len(x.shape)), reverse=True):
        x = reduce.prod(x, i, keepdim, dtype=dtype)
    return x


@composite(forms="", under="internal", aliases=("masked.cumsum",))
def masked_cumsum(input: Array, /, dim: int, *, dtype: Dtype | None = None, mask: Any = None) -> Array:
    """Running Σ of the elements where `mask` holds."""
    return scans.cumsum(_fill(input, mask, 0, dtype), dim, dtype=dtype)


@composite(forms="", under="internal", aliases=("masked.cumprod",))
def masked_cumprod(input: Array, /, dim: int, *, dtype: Dtype | None = None, mask: Any = None) -> Array:
    """Running ∏ of the elements where `mask` holds."""
    return scans.cumprod(_fill(input, mask, 1, dtype), dim, dtype=dtype)


# -- means and spreads --------------------------------------------------------------------------------


@composite(forms="", under="internal", aliases=("masked.mean",))
def masked_mean(
    input: Array, /, dim: Any = None, *, keepdim: bool = False, dtype: Dtype | None = None, mask: Any = None
) -> Array:
    """The mean of the elements where `mask` holds; nan for none."""
    kind = dtype or _kind(input)
    if kind.category < FLOAT:
        raise ValueError(
            "mean(): Could not infer output dtype. Input dtype must be either a floating point or complex "
            "dtype. "
            f"Got: {kind}"
        )
    x = _fill(input, mask, 0, dtype)
    return reduce.sum(x, dim, keepdim) / _how_many(x, dim, keepdim, mask)


def _spread_around_mean(
    x: Any, dim: Any, unbiased: bool | None, correction: Any, keepdim: bool, dtype: Any, mask: Any
) -> Any:
    """Σ |x - mean|² / max(0, n - correction) over the elements where `mask` holds."""
    if correction is None:
        correction = 0 if unbiased is False else 1
    if dtype is None and _kind(x).category < FLOAT:
        dtype = get_default_dtype()
    x = _fill(x, None, 0, dtype)
    if mask is None:
        return variance.var(x, dim, keepdim=keepdim, correction=correction)
    away = x - masked_mean(x, dim, keepdim=True, mask=mask)
    squares = _fill(real(away * conj(away)) if is_complex(away) else away * away, mask, 0)
    n = _how_many(squares, dim, keepdim, mask)
    return reduce.sum(squares, dim, keepdim) / clamp_min(n - correction, 0)


@composite(forms="", under="internal", aliases=("masked.var",))
def masked_var(
    input: Array,
    /,
    dim: Any = None,
    unbiased: bool | None = None,
    *,
    correction: float | None = None,
    keepdim: bool = False,
    dtype: Dtype | None = None,
    mask: Any = None,
) -> Array:
    """The variance of the elements where `mask` holds."""
    return _spread_around_mean(input, dim, unbiased, correction, keepdim, dtype, mask)


@composite(forms="", under="internal", aliases=("masked.std",))
def masked_std(
    input: Array,
    /,
    dim: Any = None,
    unbiased: bool | None = None,
    *,
    correction: float | None = None,
    keepdim: bool = False,
    dtype: Dtype | None = None,
    mask: Any = None,
) -> Array:
    """The standard deviation of the elements where `mask` holds."""
    return sqrt(_spread_around_mean(input, dim, unbiased, correction, keepdim, dtype, mask))


# -- extremes and order -------------------------------------------------------------------------------


@composite(forms="", under="internal", aliases=("masked.amax",))
def masked_amax(
    input: Array, /, dim: Any = None, *, keepdim: bool = False, dtype: Dtype | None = None, mask: Any = None
) -> Array:
    """The largest element where `mask` holds; the smallest number there is for none."""
    return extremes.amax(_fill(input, mask, -math.inf, dtype), () if dim is None else dim, keepdim)


@composite(forms="", under="internal", aliases=("masked.amin",))
def masked_amin(
    input: Array, /, dim: Any = None, *, keepdim: bool = False, dtype: Dtype | None = None, mask: Any = None
) -> Array:
    """The smallest element where `mask` holds; the largest number there is for none."""
    return extremes.amin(_fill(input, mask, math.inf, dtype), () if dim is None else dim, keepdim)


@composite(forms="", under="internal", aliases=("masked.argmax",))
def masked_argmax(
    input: Array,
    /,
    dim: int | None = None,
    *,
    keepdim: bool = False,
    dtype: Dtype | None = None,
    mask: Any = None,
) -> Array:
    """Where the largest element under `mask` stands; as PyTorch has it, in the dtype of the input."""
    found = extremes.argmax(_fill(input, mask, -math.inf, dtype), dim, keepdim)
    return of_type(found, (dtype or _kind(input)).np)


@composite(forms="", under="internal", aliases=("masked.argmin",))
def masked_argmin(
    input: Array,
    /,
    dim: int | None = None,
    *,
    keepdim: bool = False,
    dtype: Dtype | None = None,
    mask: Any = None,
) -> Array:
    """Where the smallest element under `mask` stands; as PyTorch has it, in the dtype of the input."""
    found = extremes.argmin(_fill(input, mask, math.inf, dtype), dim, keepdim)
    return of_type(found, (dtype or _kind(input)).np)


@composite(forms="", under="internal", aliases=("masked.median",))
def masked_median(
    input: Array, /, dim: int = -1, *, keepdim: bool = False, dtype: Dtype | None = None, mask: Any = None
) -> Array:
    """The lower median of the elements where `mask` holds; nan for none."""
    x = _fill(input, mask, math.nan, dtype)
    return order_statistics.nanmedian(x, dim, keepdim)[0]


# -- norms and softmax --------------------------------------------------------------------------------


@composite(forms="", under="internal", aliases=("masked.norm",))
def masked_norm(
    input: Array,
    /,
    ord: float | None = 2.0,
    dim: Any = None,
    *,
    keepdim: bool = False,
    dtype: Dtype | None = None,
    mask: Any = None,
) -> Array:
    """The norm of the elements where `mask` holds."""
    order = 2.0 if ord is None else ord
    return norms.vector_norm(_fill(input, mask, math.inf if order < 0 else 0, dtype), order, dim, keepdim)


@composite(forms="", under="internal", aliases=("masked.normalize",))
def masked_normalize(
    input: Array, /, ord: float, dim: int, *, eps: float = 1e-12, dtype: Dtype | None = None, mask: Any = None
) -> Array:
    """The elements where `mask` holds, divided by their norm (at least `eps`); 0 elsewhere."""
    size = masked_norm(input, ord, dim, keepdim=True, dtype=dtype, mask=mask)
    return _fill(input, mask, 0, dtype) / clamp_min(size, eps)


@composite(forms="", under="internal", aliases=("masked.softmax",))
def masked_softmax(input: Array, /, dim: int, *, dtype: Dtype | None = None, mask: Any = None) -> Array:
    """softmax over the elements where `mask` holds; 0 elsewhere."""
    return softmax.softmax(_fill(input, mask, -math.inf, dtype), dim)


@composite(forms="", under="internal", aliases=("masked.log_softmax",))
def masked_log_softmax(input: Array, /, dim: int, *, dtype: Dtype | None = None, mask: Any = None) -> Array:
    """log softmax over the elements where `mask` holds; -inf elsewhere."""
    return softmax.log_softmax(_fill(input, mask, -math.inf, dtype), dim)


@composite(forms="", under="internal", aliases=("masked.softmin",))
def masked_softmin(input: Array, /, dim: int, *, dtype: Dtype | None = None, mask: Any = None) -> Array:
    """softmin over the elements where `mask` holds; 0 elsewhere."""
    return softmax.softmax(-_fill(input, mask, math.inf, dtype), dim)


@composite(forms="", under="internal", aliases=("masked.logsumexp",))
def masked_logsumexp(
    input: Array, /, dim: Any = None, *, keepdim: bool = False, dtype: Dtype | None = None, mask: Any = None
) -> Array:
    """log Σ exp of the elements where `mask` holds; -inf for none."""
    return softmax.logsumexp(_fill(input, mask, -math.inf, dtype), dim, keepdim)


@composite(forms="", under="internal", aliases=("masked.logaddexp",))
def masked_logaddexp(
    input: Array,
    other: Array,
    /,
    *,
    dtype: Dtype | None = None,
    input_mask: Any = None,
    other_mask: Any = None,
) -> Array:
    """log(eˣ + eʸ), each where its mask holds."""
    return logaddexp(_fill(input, input_mask, -math.inf, dtype), _fill(other, other_mask, -math.inf, dtype))
