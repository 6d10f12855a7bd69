"""Softmax and its relatives: exponentials scaled to sum to one, and the logarithms of their sums."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np

import rushlight.dtypes as dtypes

from ..arrays import by_rows
from ..arrays.lines import by_lines, log_softmax_back, log_softmax_lines, softmax_back, softmax_lines
from ..arrays.numpy import cast, normalize_dim, normalize_dims
from ..arrays.summing import add_reduce
from ..dtypes import FLOAT, OF_NUMPY
from ..dtypes import dtype as Dtype
from .along import keep, of_type, spread, with_dims
from .comparison import isfinite
from .complex import is_complex, real_part
from .declare import composite, primitive
from .extremes import amax
from .reduce import sum
from .transcendental import exp, log

Array = Any

# -- on NumPy arrays ----------------------------------------------------------------------------------


def _prepare(name: str, input: np.ndarray, dim: int, dtype: Dtype | None) -> tuple[np.ndarray, np.dtype, int]:
    """The input in its type of computation, the result's type, and the axis."""
    result = input.dtype if dtype is None else dtype.np
    if OF_NUMPY[result].category != FLOAT and input.size:
        raise NotImplementedError(
            f'{name}: "{name}_kernel_impl" not implemented for {OF_NUMPY[result]}; '
            "use .float() or dtype=torch.float32"
        )
    axis = normalize_dim(name, dim, input.ndim)
    x = cast(input, dtypes.compute_type(result))
    return (x if x.ndim else x.reshape(1)), result, axis


def _softmax(input: np.ndarray, dim: int, dtype: Dtype | None = None) -> np.ndarray:
    if dtype is None and dim in (-1, input.ndim - 1) and by_rows.fits(input):
        return by_rows.lines("softmax", input)
    x, result, axis = _prepare("softmax", input, dim, dtype)
    return cast(by_lines(softmax_lines, axis, x), result).reshape(input.shape)


def _log_softmax(input: np.ndarray, dim: int, dtype: Dtype | None = None) -> np.ndarray:
    if dtype is None and dim in (-1, input.ndim - 1) and by_rows.fits(input):
        return by_rows.lines("log_softmax", input)
    x, result, axis = _prepare("log_softmax", input, dim, dtype)
    return cast(by_lines(log_softmax_lines, axis, x), result).reshape(input.shape)


def _plain(g: Any, out: Any) -> bool:
    """Whether cotangent and result are arrays that the kernels take."""
    return g.__class__ is np.ndarray and g.dtype == out.dtype and g.dtype.char in "fd" and g.ndim > 0


def _logsumexp(input: Any, dim: Any, keepdim: bool = False) -> Any:
    """log Σ exp(x - max) + max; an infinite max is left out of the difference."""
    result = input.dtype if is_floating(input) else dtypes.get_default_dtype().np
    axes = normalize_dims("logsumexp", dim, input.ndim)
    x: Any = np.atleast_1d(cast(input, dtypes.compute_type(result)))
    axes = axes or (0,) * (input.ndim == 0)
    if not x.size:
        total = np.log(np.add.reduce(np.exp(x), axes, keepdims=keepdim))
        return cast(np.asarray(total), result)
    top = np.maximum.reduce(x.real, axes, keepdims=True)
    top = np.where(np.isfinite(top), top, x.real.dtype.type(0))
    total = np.log(add_reduce(np.exp(x - top), axes, True)) + top
    shape = total.shape if keepdim else [n for i, n in enumerate(input.shape) if i not in axes]
    return cast(total.reshape(shape if input.ndim else ()), result)


def is_floating(x: Any) -> bool:
    """Whether an array or Tensor has floating or complex elements."""
    kind = x.dtype if isinstance(x.dtype, Dtype) else OF_NUMPY[x.dtype]
    return kind.category >= FLOAT


# -- declarations -------------------------------------------------------------------------------------
# The bodies are the definitions; `.array` is what runs on NumPy arrays, and a test compares the two.


def _typed(input: Array, dtype: Dtype | None) -> Array:
    return input if dtype is None else of_type(input, dtype.np)


@composite(forms="mo", aliases=("special.softmax",))
def softmax(input: Array, /, dim: int, dtype: Dtype | None = None) -> Array:
    """exp(x) scaled to sum to one along `dim`."""
    x = _typed(input, dtype)
    e = exp(x - amax(x, dim, True))
    return e / sum(e, dim, True)


@softmax.backward
def _(g: Array, out: Array, input_dtype: Any, dim: int) -> Array:
    if _plain(g, out):
        return of_type(by_lines(softmax_back, dim % g.ndim, g, out), input_dtype)
    weighted = g * out
    return of_type(weighted - out * sum(weighted, dim, True), input_dtype)


@composite(forms="mo", aliases=("special.log_softmax",))
def log_softmax(input: Array, /, dim: int, dtype: Dtype | None = None) -> Array:
    """log softmax(x) along `dim`, without overflow."""
    x = _typed(input, dtype)
    y = x - amax(x, dim, True)
    return y - log(sum(exp(y), dim, True))


@softmax.shape
@log_softmax.shape
def _(input: Array, dim: int, dtype: Dtype | None = None) -> tuple[tuple[int, ...], Any]:
    return input.shape, input.dtype if dtype is None else dtype.np


@log_softmax.backward
def _(g: Array, out: Array, input_dtype: Any, dim: int) -> Array:
    if _plain(g, out):
        return of_type(by_lines(log_softmax_back, dim % g.ndim, g, out), input_dtype)
    return of_type(g - exp(out) * sum(g, dim, True), input_dtype)


@composite(forms="mo", aliases=("special.logsumexp",))
def logsumexp(input: Array, /, dim: Any, keepdim: bool = False) -> Array:
    """log Σ exp(x) over `dim`, without overflow; -inf where every x is -inf."""
    x = input if is_floating(input) else of_type(input, dtypes.get_default_dtype().np)
    top = amax(real_part(x) if is_complex(x) else x, dim, True)
    top = keep(top, finite(top))
    total = log(sum(exp(x - top), dim, True)) + top
    return total if keepdim else sum(total, dim)


@logsumexp.backward
def _(g: Array, input: Array, out: Array, dim: Any, keepdim: bool) -> Array:
    shape = tuple(input.shape)
    return spread(g, shape, dim, keepdim) * exp(input - with_dims(out, shape, dim, keepdim))


@primitive(forms="", under="internal", differentiable=False)
def finite(input: Array, /) -> Array:
    """Whether each element is neither infinite nor nan."""
    return np.isfinite(input)


finite.traced = lambda input: isfinite(input)
logsumexp.traced = logsumexp.body
softmax.array, log_softmax.array, logsumexp.array = _softmax, _log_softmax, _logsumexp


# -- torch.nn.functional: the dimension may be left out -----------------------------------------------


def implicit_dim(name: str, ndim: int, stacklevel: int) -> int:
    """The dimension torch.nn.functional's softmax family takes when none is given, with its warning."""
    warnings.warn(
        f"Implicit dimension choice for {name} has been deprecated. Change the call to include dim=X as an "
        "argument.",
        stacklevel=stacklevel,
    )
    return 0 if ndim in (0, 1, 3) else 1


@composite(forms="", under="internal", aliases=("nn.functional.softmax",))
def functional_softmax(
    input: Array, /, dim: int | None = None, _stacklevel: int = 3, dtype: Dtype | None = None
) -> Array:
    """exp(x) scaled to sum to one along `dim`."""
    return softmax(
        input, implicit_dim("softmax", len(input.shape), _stacklevel + 1) if dim is None else dim, dtype
    )


@composite(forms="", under="internal", aliases=("nn.functional.log_softmax",))
def functional_log_softmax(
    input: Array, /, dim: int | None = None, _stacklevel: int = 3, dtype: Dtype | None = None
) -> Array:
    """log softmax(x) along `dim`, without overflow."""
    at = implicit_dim("log_softmax", len(input.shape), _stacklevel + 1) if dim is None else dim
    return log_softmax(input, at, dtype)


@composite(forms="", under="nn.functional")
def softmin(
    input: Array, /, dim: int | None = None, _stacklevel: int = 3, dtype: Dtype | None = None
) -> Array:
    """exp(-x) scaled to sum to one along `dim`."""
    return softmax(
        -input, implicit_dim("softmin", len(input.shape), _stacklevel + 1) if dim is None else dim, dtype
    )
