"""The contraction of two tensors whose dimensions have names: the one product behind einsum."""

from __future__ import annotations

from functools import lru_cache
from math import prod
from typing import Any, NamedTuple

import numpy as np

from ..arrays.products import dot, stacked
from .declare import primitive
from .matmul import check_types, conj

Array = Any
Labels = tuple[int, ...]


class _Layout(NamedTuple):
    """How a contraction becomes a matrix product: (batch…, left, summed) @ (batch…, summed, right)."""

    batch: int
    left: int
    right: int
    summed: int
    x_order: tuple[int, ...]
    y_order: tuple[int, ...]
    z_order: tuple[int, ...]


@lru_cache(maxsize=4096)
def _layout(xs: Labels, ys: Labels, zs: Labels) -> _Layout:
    batch = [label for label in xs if label in ys and label in zs]
    summed = [label for label in xs if label in ys and label not in zs]
    left = [label for label in xs if label not in ys]
    right = [label for label in ys if label not in xs]
    made = [*batch, *left, *right]
    return _Layout(
        len(batch),
        len(left),
        len(right),
        len(summed),
        tuple(xs.index(label) for label in (*batch, *left, *summed)),
        tuple(ys.index(label) for label in (*batch, *summed, *right)),
        tuple(made.index(label) for label in zs),
    )


@primitive(forms="", under="internal")
def contract(input: Array, other: Array, /, xs: Labels, ys: Labels, zs: Labels) -> Array:
    """Σ input·other over the names in both `xs` and `ys` but not in `zs`; every name of `xs` and `ys` is in
    two of the three.
    """
    layout = _layout(xs, ys, zs)
    b, x, y = layout.batch, input.transpose(layout.x_order), other.transpose(layout.y_order)
    if not layout.summed:
        product = _outer(x, y, b, layout)
    else:
        check_types("einsum", x, y)
        product = _product(x, y, b, layout)
    return product.transpose(layout.z_order)


def _outer(x: Array, y: Array, b: int, layout: _Layout) -> Array:
    if x.dtype != y.dtype:
        check_types("einsum", x, y)
    x = x.reshape(x.shape + (1,) * layout.right)
    return np.asarray(np.multiply(x, y.reshape(y.shape[:b] + (1,) * layout.left + y.shape[b:])))


def _product(x: Array, y: Array, b: int, layout: _Layout) -> Array:
    n = layout.left
    batch, left, summed, right = (
        x.shape[:b],
        x.shape[b : b + n],
        x.shape[b + n :],
        y.shape[b + layout.summed :],
    )
    x = x.reshape(*batch, prod(left), prod(summed))
    y = y.reshape(*batch, prod(summed), prod(right))
    return (stacked(x, y) if b else dot(x, y)).reshape(batch + left + right)


contract.vjp(
    input=lambda g, other, xs, ys, zs: contract(g, conj(other), zs, ys, xs),
    other=lambda g, input, xs, ys, zs: contract(conj(input), g, xs, zs, ys),
)
