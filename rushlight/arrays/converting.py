"""Arrays converted to another dtype, by kernels: NumPy converts half floats a hundred times slower."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np

from ..kernels import native
from . import memory
from .tracing import WATCHED

_FEW = 1024  # elements; below, NumPy's call is done sooner
_CHUNK = 1 << 14


def converted(x: np.ndarray, to: np.dtype) -> np.ndarray:
    """`x` as an array of type `to`, in the same order in memory; always a copy."""
    kernel = _kernel(x.dtype, to) if (x.size >= _FEW or WATCHED) and native.on() else None
    if kernel is None:
        return x.astype(to)
    if x.flags.c_contiguous:
        out = np.empty(x.shape, to)
    elif x.T.flags.c_contiguous:
        out = np.empty(x.shape, to, "F")
    elif WATCHED or x.dtype.itemsize == 2 or to.itemsize == 2:
        x = x if _is_dense(x) else memory.copied(x, "K")
        out = np.empty_like(x, to)
    else:
        return x.astype(to)
    kernel(x.size, _CHUNK, x, out)
    return out


def _is_dense(x: np.ndarray) -> bool:
    """Whether the elements fill their memory without gaps, in some order of the dimensions."""
    order = sorted(range(x.ndim), key=lambda k: -x.strides[k])
    return x.transpose(order).flags.c_contiguous


@cache
def _kernel(source: np.dtype, target: np.dtype) -> Any:
    from ..kernels import conversions
    from ..kernels.targets import host

    if not (source.isnative and target.isnative):
        return None
    known = conversions.is_known(source.name, target.name, host())
    return conversions.conversion(source.name, target.name) if known else None
