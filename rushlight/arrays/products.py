"""Products of NumPy arrays in every dtype, as PyTorch multiplies them.

Operands are of one dtype. float32 and float64 go to our own kernels, or to BLAS where there is no machine
code; bfloat16 to kernels where the processor multiplies it. Other half types are multiplied in float32;
integers wrap around, and are multiplied in float64 when no partial sum can pass 2^53 (NumPy's own integer
product has neither blocks nor vectors).
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import numpy as np

from . import products_native
from .numpy import cast
from .products_native import of_vectors, planned, product, takes
from .tracing import WATCHED

Array = Any
Multiply = Callable[[Array, Array], Array]

BLAS = frozenset("fdFD")  # dtype characters that BLAS multiplies
FLOATS = frozenset("fd")  # and those that kernels multiply everywhere
_EXACT = 2.0**53  # float64 holds every integer up to here
_SMALL = 4096  # multiplications below which converting integers does not pay


def dot(x: Array, y: Array) -> Array:
    """x @ y, each of one or two dimensions, however they are laid out."""
    found = None if WATCHED else products_native.known(x, y)
    if found is not None:
        return found
    if takes(x.dtype):
        found = planned(x, y) if x.ndim == y.ndim == 2 else of_vectors(x, y)
        if found is not None:
            return found
    if x.dtype.char in BLAS:
        return x.dot(y)
    return _converted(x, y, dot)


def stacked(x: Array, y: Array) -> Array:
    """x @ y of stacks of matrices, whose leading dimensions broadcast."""
    if x.ndim > 1 and y.ndim > 1 and takes(x.dtype):
        found = product(x, y)
        if found is not None:
            return found
    if x.dtype.char in BLAS:
        return np.matmul(x, y)
    return _converted(x, y, stacked)


def affine(addend: Array, x: Array, y: Array, beta: float, alpha: float) -> Array | None:
    """β·addend + α·x @ y for stacks of matrices of floats, or None; with β = 0 the addend is not looked at.

    Raises ValueError where the addend does not broadcast to the product.
    """
    if not (x.ndim > 1 and y.ndim > 1 and takes(x.dtype)):
        return None
    if x.dtype.char not in FLOATS and not (alpha == 1 and beta in (0, 1)):
        return None
    return product(x, y, None if beta == 0 else addend, float(alpha), float(beta))


def _converted(x: Array, y: Array, multiply: Multiply) -> Array:
    if x.dtype.kind in "iu":
        return _of_integers(x, y, multiply)
    work = np.dtype(np.complex64 if "complex" in x.dtype.name else np.float32)
    return cast(np.asarray(multiply(cast(x, work), cast(y, work))), x.dtype)


def _of_integers(x: Array, y: Array, multiply: Multiply) -> Array:
    if x.size * y.shape[-1] <= _SMALL or not y.size or not _exact(x, y):
        return np.dot(x, y) if y.ndim < 3 and multiply is dot else np.matmul(x, y)
    return np.asarray(multiply(x.astype(np.float64), y.astype(np.float64))).astype(np.int64).astype(x.dtype)


def _exact(x: Array, y: Array) -> bool:
    """Whether every partial sum of the product is below 2^53."""
    return _magnitude(x) * _magnitude(y) * x.shape[-1] < _EXACT


def _magnitude(x: Array) -> float:
    return max(abs(float(x.min())), abs(float(x.max())))


# -- sums over rows -----------------------------------------------------------------------------------


@functools.lru_cache(256)
def _ones(n: int, kind: np.dtype) -> Array:
    return np.ones(n, kind)


def sum_rows(g: Array) -> Array:
    """Σ over the first dimension of a matrix that BLAS takes: a product with ones is 2.5 times as fast as
    add.reduce.
    """
    n = len(g)
    return np.add.reduce(g, 0) if n > 65536 else dot(_ones(n, g.dtype), g)
