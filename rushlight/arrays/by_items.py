"""Batch, group and instance norm of NumPy arrays by the kernels of `kernels.normalize`.

They take contiguous float32 or float64 arrays, seen as `Layout` says: (N, C) over 0, (N, C, S) over 0 and 2
or over 2 alone, (N, G, C/G, S) over 2 and 3. Means and the like are (1, C), or (N, C): one a channel of an
example.
"""

from __future__ import annotations

from functools import lru_cache
from math import prod
from typing import Any, NamedTuple

import numpy as np

from ..kernels import native
from . import memory
from .by_rows import run
from .summing import add_reduce

ndarray = np.ndarray
Axes = tuple[int, ...]
_KINDS = frozenset({np.dtype(np.float32), np.dtype(np.float64)})
_CHUNK = 8192  # elements, about, that a thread takes at a time
_TILE = 4096  # bytes: kernels.normalize_tiles.WIDTH
_COLUMNS = 64  # as many columns: whole vectors on every machine


def fits(x: ndarray, *others: Any) -> bool:
    """Whether machine code takes these arrays (or None): contiguous, of one floating type, not empty."""
    kind = x.dtype
    if kind not in _KINDS or not x.size or not x.flags.c_contiguous or not native.on():
        return False
    return all(a is None or (a.dtype is kind and a.flags.c_contiguous) for a in others)


class _Items(NamedTuple):
    """What shares statistics: so many items, in chunks of `grain`, and the slots that say where they lie."""

    kind: str
    items: int
    grain: int
    geometry: tuple[int, int, int, int, int]  # lines, places, line step, item step, groups
    repeats: int  # lines of an item that share a mean with it in an array of (N, C)

    def spread(self, v: ndarray) -> ndarray:
        """One number an item as what broadcasts to (N, C)."""
        if self.kind != "groups":
            return v[None]
        each = np.broadcast_to(v[:, None], (len(v), self.repeats))
        return memory.reshaped(each, (-1, self.geometry[4] * self.repeats))

    def gathered(self, v: ndarray) -> ndarray:
        """The reverse."""
        return v if self.repeats == 1 else memory.contiguous(v.reshape(-1)[:: self.repeats])


@lru_cache(maxsize=1024)
def _items(view: tuple[int, ...], over: Axes, wide: int) -> _Items:
    n, c, s = view[0], view[1], view[-1]
    if over == (0,):
        return _Items("columns", c, _COLUMNS, (n, 1, c, 1, 1), 1)
    if over == (0, 2) and s * wide <= _TILE // 4:
        grain = max(1, _TILE // (s * wide))
        return _Items("tiles", c, grain, (n, s, c * s, s, 1), 1)
    if over == (0, 2):
        return _Items("channels", c, max(1, _CHUNK // (n * s)), (n, s, c * s, s, 1), 1)
    lines = prod(view[2:-1])
    return _Items("groups", n * c, max(1, _CHUNK // (lines * s)), (lines, s, s, lines * s, c), lines)


@lru_cache(maxsize=64)
def _kernel(name: str, dtype: np.dtype, *options: Any) -> Any:
    from ..kernels import normalize, normalize_tiles
    from ..kernels.types import f32, f64

    element = f32 if dtype.itemsize == 4 else f64
    if options[:1] == ("tiles",):
        return getattr(normalize_tiles, name)(*options[1:], element)
    return getattr(normalize, name)(*options, element)


def forward(
    x: ndarray, view: tuple[int, ...], over: Axes, weight: Any, bias: Any, eps: float
) -> tuple[ndarray, ndarray, ndarray, ndarray]:
    """The normalised x times weight plus bias; mean, variance and 1 / √(var + eps)."""
    items = _items(view, over, x.itemsize)
    kernel = _kernel("forward", x.dtype, items.kind, weight is not None, bias is not None)
    out = np.empty(view, x.dtype)
    mean, var, scale = np.empty((3, items.items), x.dtype)
    parameters = [v for v in (weight, bias) if v is not None]
    kernel.run(items.items, items.grain, out, mean, var, scale, x, *parameters, float(eps), *items.geometry)
    return out, items.spread(mean), items.spread(var), items.spread(scale)


def backward(
    g: ndarray,
    x: ndarray,
    view: tuple[int, ...],
    over: Axes,
    weight: Any,
    mean: ndarray,
    scale: ndarray,
    affine: bool,
) -> tuple[ndarray, Any, Any]:
    """The cotangents of x, and with `affine` those of weight and bias."""
    items = _items(view, over, x.itemsize)
    kernel = _kernel("backward", x.dtype, items.kind, weight is not None)
    dx = np.empty(view, x.dtype)
    products, sums = both = np.empty((2, items.items * items.repeats), x.dtype)
    weights = [] if weight is None else [weight]
    moments = items.gathered(mean), items.gathered(scale)
    kernel.run(items.items, items.grain, dx, products, sums, g, x, *moments, *weights, *items.geometry)
    if not affine:
        return dx, None, None
    if items.kind == "groups":  # a number for each line: summed over the examples
        products, sums = add_reduce(both.reshape(2, view[0], -1), (1,))
    return dx, products, sums


def affine(x: ndarray, view: tuple[int, ...], factor: ndarray, shift: ndarray) -> ndarray:
    """x · factor + shift, one of each a channel of (N, C) or (N, C, S)."""
    out = np.empty(view, x.dtype)
    if len(view) == 2:
        run("affine", view[1], view[0], out, x, factor, shift)
    else:
        places = view[2]
        kernel = _kernel("affine", x.dtype)
        kernel.run(view[0] * view[1], max(1, _CHUNK // places), out, x, factor, shift, places, view[1])
    return out
