"""Norms: lengths of vectors along dimensions, distances, and scaling to a given length."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

import rushlight.dtypes as dtypes

from ..arrays.numpy import cast, normalize_dim, normalize_dims
from ..arrays.summing import ROW, add_reduce
from ..dtypes import FLOAT, OF_NUMPY
from ..dtypes import dtype as Dtype
from .along import is_complex, keep, of_type, with_dims
from .comparison import ne, where
from .declare import composite, primitive, registry
from .extremes import amax, amin, shares
from .pointwise import mul, sqrt
from .pointwise import pow as power
from .reduce import sum
from .rounding import abs as absolute
from .rounding import clamp_min, sgn
from .views import movedim

Array = Any
inf = math.inf

# -- vector norms -------------------------------------------------------------------------------------


def _norm_type(input: Array, dtype: Dtype | None) -> tuple[np.dtype, np.dtype]:
    """The type elements are cast to, and the type of the norm. Raises RuntimeError for what is not
    floating.
    """
    name = "linalg.vector_norm"
    kind = OF_NUMPY[input.dtype]
    if kind.category < FLOAT:
        raise RuntimeError(
            f"{name}: Expected a floating point or complex tensor as input. Got {kind}; use .float()"
        )
    if dtype is None:
        return input.dtype, kind.to_real().np
    if dtype.category < FLOAT:
        raise RuntimeError(f"{name}: dtype should be floating point or complex, but got {dtype}")
    if (kind.category > FLOAT) != (dtype.category > FLOAT):
        raise RuntimeError(
            f"{name}: dtype should be {'complex' if kind.category > FLOAT else 'real'} for {kind} inputs, "
            f"but got {dtype}"
        )
    if dtypes.promote_types(kind, dtype) is not dtype:
        raise RuntimeError(
            f"{name}: the dtype of the input {kind} should be convertible without narrowing to the specified "
            f"dtype {dtype}"
        )
    return dtype.np, dtype.to_real().np


def _check_identity(input: Array, p: float, dim: Any, axes: tuple[int, ...]) -> None:
    """Norms of order inf or below 0 have no value over nothing."""
    if input.size or 0 <= p < inf:
        return
    if dim is None or not axes:
        raise RuntimeError(
            f"linalg.vector_norm cannot compute the {p:g} norm on an empty tensor because the operation does "
            "not have an identity"
        )
    empty = next((i for i in axes if input.shape[i] == 0), None)
    if empty is not None:
        raise RuntimeError(
            f"linalg.vector_norm cannot compute the {p:g} norm on the dimension {empty} because this "
            "dimension is "
            f"empty and the operation does not have an identity"
        )


def _square_sum(x: np.ndarray) -> np.ndarray:
    """Σ x² of a vector, in blocks: without a temporary, and accurate."""
    n = len(x) // ROW * ROW
    head = x[:n].reshape(-1, ROW)
    return np.asarray(np.add.reduce(np.vecdot(head, head)) + x[n:].dot(x[n:]))


def _measure(x: Any, p: float, axes: tuple[int, ...], keepdim: bool) -> Any:
    """(Σ |x|^p)^(1/p), with its limits at 0 and at plus and minus infinity."""
    if p == 2 and x.dtype.kind == "f" and len(axes) == x.ndim and x.size > 512 and x.flags.c_contiguous:
        return np.sqrt(_square_sum(x.reshape(-1))).reshape((1,) * x.ndim if keepdim else ())
    if p == 2:
        squares = x * x if x.dtype.kind == "f" else np.square(x.real) + np.square(x.imag)
        return np.sqrt(add_reduce(np.asarray(squares), axes, keepdim))
    if p == 0:
        return np.asarray(add_reduce(np.asarray(x != 0, x.real.dtype), axes, keepdim))
    size = np.abs(x)
    if p == inf:
        return np.maximum.reduce(size, axes, keepdims=keepdim)
    if p == -inf:
        return np.minimum.reduce(size, axes, keepdims=keepdim)
    if p == 1:
        return add_reduce(np.asarray(size), axes, keepdim)
    return np.power(add_reduce(np.asarray(np.power(size, p)), axes, keepdim), 1 / p)


@primitive(forms="o", under="linalg")
def vector_norm(
    x: Array, /, ord: float = 2, dim: Any = None, keepdim: bool = False, *, dtype: Dtype | None = None
) -> Array:
    """(Σ |x|^ord)^(1/ord) over `dim` (all dimensions by default); the largest |x| for inf, the count of
    nonzeros for 0.
    """
    of, result = _norm_type(x, dtype)
    axes = normalize_dims("linalg.vector_norm", dim, x.ndim)
    _check_identity(x, float(ord), dim, axes)
    work = dtypes.compute_type(of)
    return cast(np.asarray(_measure(cast(x, work), float(ord), axes, keepdim)), result)


def _norm_by_ops(
    x: Any, ord: float = 2, dim: Any = None, keepdim: bool = False, *, dtype: Dtype | None = None
) -> Any:
    """The definition, which a tracer joins with what is around it."""
    of, result = _norm_type(x, dtype)
    _check_identity(x, float(ord), dim, normalize_dims("linalg.vector_norm", dim, len(x.shape)))
    x, p = of_type(x, dtypes.compute_type(of)), float(ord)
    size = absolute(x) if p != 2 or is_complex(x) else x
    if p == 0:
        found = sum(of_type(ne(size, 0), result), dim, keepdim)
    elif math.isinf(p):
        found = (amax if p > 0 else amin)(size, () if dim is None else dim, keepdim)
    elif p == 2:
        found = sqrt(sum(mul(size, size), dim, keepdim))
    else:
        total = sum(size if p == 1 else power(size, p), dim, keepdim)
        found = total if p == 1 else power(total, 1 / p)
    return of_type(found, result)


vector_norm.traced = _norm_by_ops


@vector_norm.backward
def _(g: Array, x: Array, out: Array, x_dtype: Any, ord: float, dim: Any, keepdim: bool) -> Array:
    shape = tuple(x.shape)
    g, norm = (with_dims(v, shape, dim, keepdim) for v in (g, out))
    wide = of_type(x, _widened(x, norm)) if norm.dtype is not x.dtype else x
    return of_type(norm_backward(g, wide, norm, float(ord), dim), x_dtype)


def _widened(x: Array, norm: Array) -> np.dtype:
    """The type of x's elements at the precision of its norm."""
    kind = norm.dtype if isinstance(norm.dtype, Dtype) else OF_NUMPY[norm.dtype]
    return (kind.to_complex() if is_complex(x) else kind).np


def norm_backward(g: Array, x: Array, norm: Array, p: float, dim: Any) -> Array:
    """The cotangent of x given that of its p-norm; at a norm of 0, and where x is 0 and p < 2, the
    subgradient 0.
    """
    if p == 0:
        return keep(x * 0, x != x)
    if p == 1:
        return sgn(x) * g
    if p == 2:
        return g * keep(x / norm, norm != 0)
    if math.isinf(p):
        return sgn(x) * g * shares(absolute(x), norm, dim, True)  # all of that size share evenly
    size = absolute(x)
    if p < 1:
        return sgn(x) * keep(power(size, p - 1), x != 0) * g * power(norm, 1 - p)
    scale = keep(g / power(norm, p - 1), norm != 0)
    return (sgn(x) * power(size, p - 1) if p < 2 else x * power(size, p - 2)) * scale


# -- torch.norm and what stands on it -----------------------------------------------------------------


@composite(forms="mo")
def norm(
    input: Array, /, p: Any = "fro", dim: Any = None, keepdim: bool = False, *, dtype: Dtype | None = None
) -> Array:
    """The p-norm over `dim` (of everything by default); "fro" is p = 2, "nuc" the sum of a matrix's singular
    values.
    """
    if isinstance(p, str) and p not in ("fro", "nuc"):
        raise RuntimeError(f"norm: linalg.matrix_norm: Order {p} not supported; use a number, 'fro' or 'nuc'")
    if p == "nuc":
        return _nuclear(input, dim, keepdim, dtype)
    return vector_norm(input, 2 if p == "fro" or p is None else p, dim, keepdim, dtype=dtype)


def _nuclear(x: Array, dim: Any, keepdim: bool, dtype: Dtype | None) -> Array:
    """Σ of the singular values of the matrices in the two dimensions `dim`."""
    rank = len(x.shape)
    axes = normalize_dims("norm", dim, rank)
    if len(axes) != 2:
        raise RuntimeError(
            f"norm: the nuclear norm is of matrices: give two dimensions, got dim={dim} for {rank} dimensions"
        )
    x = x if dtype is None else of_type(x, dtype.np)
    total = sum(registry["svdvals"](movedim(x, axes, (-2, -1))), -1)
    return with_dims(total, tuple(x.shape), axes, False) if keepdim else total


@composite(forms="m")
def dist(input: Array, other: Array, /, p: float = 2) -> Array:
    """The p-norm of input - other."""
    return vector_norm(input - other, p)


@composite(forms="o", under="nn.functional")
def normalize(input: Array, /, p: float = 2.0, dim: Any = 1, eps: float = 1e-12) -> Array:
    """input / max(‖input‖_p, eps) along `dim`."""
    return input / clamp_min(norm(input, p, dim, True), eps)


@composite(forms="mio")
def renorm(input: Array, /, p: float, dim: int, maxnorm: float) -> Array:
    """Every slice at an index of `dim` whose p-norm exceeds `maxnorm` is scaled down to it."""
    rank = len(input.shape)
    if rank < 2:
        raise RuntimeError(f"renorm: input needs at least 2 dimensions, got {rank} dimensions")
    if p <= 0 or maxnorm < 0:
        raise RuntimeError(
            f"renorm: non-positive-norm not supported: p = {p} must be positive and maxnorm = {maxnorm} not "
            "negative"
        )
    at = normalize_dim("renorm", dim, rank)
    size = vector_norm(input, p, tuple(i for i in range(rank) if i != at), True)
    return input * where(size > maxnorm, maxnorm / (size + 1e-7), size * 0 + 1)
