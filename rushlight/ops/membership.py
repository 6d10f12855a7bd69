"""isin: which elements are among others."""

from __future__ import annotations

from typing import Any

import numpy as np

import rushlight.dtypes as dtypes

from ..arrays.numpy import cast, result_type
from .declare import primitive

Array = Any


@primitive(forms="o", differentiable=False)
def isin(
    elements: Array, test_elements: Array, /, *, assume_unique: bool = False, invert: bool = False
) -> Array:
    """Whether each element is among `test_elements` (with `invert`: is not); either may be a number."""
    if not (hasattr(elements, "shape") or hasattr(test_elements, "shape")):
        raise TypeError(f"isin: one of the two must be a tensor, but got {elements!r} and {test_elements!r}")
    kinds = [dtypes.of_numpy(v.dtype) for v in (elements, test_elements) if hasattr(v, "dtype")]
    for kind in kinds:
        if kind.category in (dtypes.BOOL, dtypes.COMPLEX):
            raise RuntimeError(f"Unsupported input type encountered for isin(): {kind}")
    common = dtypes.compute_type(result_type(elements, test_elements).np)
    found = np.isin(cast(elements, common), cast(test_elements, common), assume_unique, invert)
    return np.asarray(found)
