"""fill_diagonal_: one number all along the main diagonal."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..errors import shape_text
from .declare import primitive
from .fill import assigned

Array = Any


def _check(shape: tuple[int, ...]) -> None:
    if len(shape) < 2:
        raise RuntimeError(
            f"fill_diagonal_: dimensions must larger than 1, but the shape is {shape_text(shape)}"
        )
    if len(shape) > 2 and len(set(shape)) > 1:
        raise RuntimeError(
            f"fill_diagonal_: all dimensions of input must be of equal length, but the shape is "
            f"{shape_text(shape)}"
        )


def _diagonals(a: np.ndarray, wrap: bool) -> list[np.ndarray]:
    """Views of the diagonal from the first element, and with `wrap` of those that start anew further down.

    In a tall matrix, as in MATLAB, the diagonal goes on one row below where it reached the last column.
    """
    if a.ndim > 2:
        return [np.einsum(a, [0] * a.ndim, [0])]
    starts = range(0, a.shape[0], a.shape[1] + 1) if wrap and a.shape[1] else (0,)
    return [np.einsum("ii->i", part[:n, :n]) for part in (a[i:] for i in starts) for n in (min(part.shape),)]


@primitive(forms="iF", under="Tensor")
def fill_diagonal(input: Array, /, fill_value: Any, wrap: bool = False) -> Array:
    """`input` with `fill_value` on its main diagonal, in tall matrices beginning anew below it where `wrap`.

    Raises RuntimeError for fewer than two dimensions, and for more than two unless all are of one size.
    """
    return fill_diagonal_into(np.array(input), fill_value, wrap)


@fill_diagonal.writes
def fill_diagonal_into(out: np.ndarray, fill_value: Any, wrap: bool = False) -> np.ndarray:
    """Write `fill_value` along the diagonal."""
    _check(out.shape)
    if hasattr(fill_value, "item"):
        fill_value = fill_value.item()
    for diagonal in _diagonals(out, wrap):
        diagonal[...] = assigned(fill_value, out.dtype)
    return out


fill_diagonal.vjp(input=lambda g, wrap: fill_diagonal(g, 0, wrap))
