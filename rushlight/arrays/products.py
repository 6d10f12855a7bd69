"""Products of NumPy arrays in every dtype, as PyTorch multiplies them, by BLAS wherever it can be had.

Operands are of one dtype. Half types are multiplied in float32; integers wrap around, and go through float64
BLAS when
no partial sum can pass 2^53 (NumPy's own integer product has neither blocks nor vectors).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from .numpy import cast

Array = Any
Multiply = Callable[[Array, Array], Array]

BLAS = frozenset("fdFD")  # dtype characters that BLAS multiplies
_EXACT = 2.0**53  # float64 holds every integer up to here
_SMALL = 4096  # multiplications below which converting integers does not pay


def dot(x: Array, y: Array) -> Array:
    """x @ y, each of one or two dimensions; transposed operands go to BLAS as they are."""
    if x.dtype.char in BLAS:
        return x.dot(y)
    return _converted(x, y, np.dot)


def stacked(x: Array, y: Array) -> Array:
    """x @ y of stacks of matrices, whose leading dimensions broadcast."""
    if x.dtype.char in BLAS:
        return np.matmul(x, y)
    return _converted(x, y, np.matmul)


def _converted(x: Array, y: Array, multiply: Multiply) -> Array:
    if x.dtype.kind in "iu":
        return _of_integers(x, y, multiply)
    work = np.dtype(np.complex64 if "complex" in x.dtype.name else np.float32)
    return cast(np.asarray(multiply(cast(x, work), cast(y, work))), x.dtype)


def _of_integers(x: Array, y: Array, multiply: Multiply) -> Array:
    if x.size * y.shape[-1] <= _SMALL or not y.size or not _exact(x, y):
        return multiply(x, y)
    return np.asarray(multiply(x.astype(np.float64), y.astype(np.float64))).astype(np.int64).astype(x.dtype)


def _exact(x: Array, y: Array) -> bool:
    """Whether every partial sum of the product is below 2^53."""
    return _magnitude(x) * _magnitude(y) * x.shape[-1] < _EXACT


def _magnitude(x: Array) -> float:
    return max(abs(float(x.min())), abs(float(x.max())))


# -- sums over rows -----------------------------------------------------------------------------------

_ones: dict[np.dtype, Array] = {}


def sum_rows(g: Array) -> Array:
    """Σ over the first dimension of a matrix that BLAS takes: a product with ones is 2.5 times as fast as
    add.reduce.
    """
    n = g.shape[0]
    if n > 65536:
        return np.add.reduce(g, 0)
    ones = _ones.get(g.dtype)
    if ones is None or len(ones) < n:
        ones = _ones[g.dtype] = np.ones(max(1024, n), g.dtype)
    return ones[:n].dot(g)
