"""Index arrays as kernels take them, in what a compiled function runs.

Eager code looks at indices before it goes on: negative ones it wraps, those out of range are an error. A plan
runs without looking; so there indices go through a kernel that wraps them, lets none be out of range, and
raises an alarm if one was.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import cache
from typing import Any

import numpy as np

from . import memory
from .tracing import WATCHED

ndarray = np.ndarray
_GRAIN = 1 << 13  # indices that are worth waking a thread for


def settled(index: ndarray, n: int) -> ndarray:
    """The indices along a dimension of size n, counted from the front, as int64 in row-major order."""
    out = np.empty(index.shape, np.int64)
    if index.size:
        given = memory.contiguous(index)
        _kernel(index.itemsize, False).run(index.size, _GRAIN, out, given, alarm(), n, 1)
    return out


def flat(indices: Sequence[ndarray], sizes: Sequence[int]) -> ndarray:
    """Row-major positions in leading dimensions of `sizes`, one index array each; these broadcast."""
    shape = np.broadcast_shapes(*(i.shape for i in indices))
    out = np.empty(shape, np.int64)
    for k, (index, n) in enumerate(zip(indices, sizes, strict=True)):
        if out.size:
            whole = memory.contiguous(np.broadcast_to(index, shape))
            step = math.prod(sizes[k + 1 :])
            _kernel(index.itemsize, k > 0).run(out.size, _GRAIN, out, whole, alarm(), n, step)
    return out


def look_at_labels(labels: ndarray, classes: int, ignore: int) -> None:
    """Raise an alarm where a label is neither one of the classes nor the one to ignore."""
    from ..kernels import positions

    positions.looked_at().run(labels.size, _GRAIN, labels, alarm(), classes, ignore)


def alarm() -> ndarray:
    """Where a kernel notes that an index was out of range: who watches its launches looks there."""
    return WATCHED[0].alarms.new()


@cache
def _kernel(size: int, adds: bool) -> Any:
    from ..kernels import positions

    return positions.settled(size, adds)
