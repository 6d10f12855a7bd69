"""Matrix products."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..errors import shape_text
from .declare import primitive
from .views import t

Array = Any


def product(x: Array, y: Array) -> Array:
    """x @ y of NumPy arrays."""
    return x.dot(y)


@primitive(forms="mo")
def mm(input: Array, mat2: Array, /) -> Array:
    """The matrix product of (n, k) and (k, m)."""
    try:
        return input.dot(mat2)
    except ValueError:
        raise RuntimeError(f"mm: {shape_text(input.shape)} @ {shape_text(mat2.shape)}: the inner sizes differ") from None


mm.vjp(input=lambda g, mat2: mm(g, t(mat2)), mat2=lambda g, input: mm(t(input), g))
