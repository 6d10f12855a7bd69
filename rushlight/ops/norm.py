"""Normalisation layers: layer, RMS, group, batch and instance norm, each one node; local response norm.

Two primitives do the work: `standardize`, and `channel_norm`, which also knows running statistics. Their
backward is an op of its own whose body is written with ops, so it has derivatives too, and whose `.array` is
the NumPy kernel.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

import rushlight.dtypes as dtypes

from ..arrays import normalizing
from ..arrays.normalizing import Layout
from ..arrays.numpy import cast
from ..dtypes import FLOAT, OF_NUMPY
from .along import is_complex, of_type
from .declare import composite, primitive
from .pointwise import mul, rsqrt
from .reduce import mean, sum
from .reduction import storage_of
from .views import reshape

Array = Any


def prepare(name: str, input: np.ndarray, *parameters: np.ndarray | None) -> list[Any]:
    """Input and parameters in the type of computation. Raises for types that are not floating, or do not go
    together.
    """
    kind = OF_NUMPY[input.dtype]
    if kind.category != FLOAT:
        raise NotImplementedError(
            f'{name}: "{name}" not implemented for {kind}; convert the input, e.g. with .float()'
        )
    for p in parameters:
        if p is not None and p.dtype != input.dtype and (p.dtype != np.float32 or input.dtype.itemsize > 2):
            raise RuntimeError(
                f"{name}: mixed dtype (CPU): expect parameter to have scalar type of {kind} (or float32 "
                f"with a 16-bit input), but a parameter is {OF_NUMPY[p.dtype]}"
            )
    work = dtypes.compute_type(input.dtype)
    return [None if a is None else cast(a, work) for a in (input, *parameters)]


# -- one node ------------------------------------------------------------------------------------------


@primitive(forms="", under="internal", saves=True)
def standardize(
    input: Array,
    weight: Array | None,
    bias: Array | None,
    /,
    layout: Any,
    eps: float,
    center: bool,
    name: str,
) -> tuple[Array, Any]:
    """x̂ · weight + bias, x̂ the input with mean 0 and variance 1 over the layout's axes (mean square 1: not
    `center`).
    """
    x, w, b = prepare(name, input, weight, bias)
    w, b = (None if v is None else v.reshape(-1) for v in (w, b))
    out, moments = normalizing.forward(x, layout, w, b, eps, center)
    return cast(out, input.dtype).reshape(input.shape), moments


@standardize.shape
def _(input: Any, weight: Any, bias: Any, layout: Any, eps: float, center: bool, name: str) -> Any:
    return input.shape, input.dtype


@standardize.backward
def _(
    g: Array, input: Array, weight: Array, layout: Any, eps: float, center: bool, saved: Any, need: Any
) -> Any:
    affine = "weight" in need or "bias" in need
    return standardize_backward(g, input, weight, layout, eps, center, affine, saved)


@composite(forms="", under="internal")
def standardize_backward(
    g: Array,
    input: Array,
    weight: Array | None,
    /,
    layout: Any,
    eps: float,
    center: bool,
    affine: bool,
    moments: Any,
) -> tuple[Array, ...]:
    """The cotangents of standardize: of input, weight and bias (the last two only if `affine`)."""
    view, over, n = layout.view, layout.over, layout.count
    work = work_type(input)
    x, g = reshape(of_type(input, work), view), reshape(of_type(g, work), view)
    w = None if weight is None else reshape(of_type(weight, work), weight_view(layout))
    x = x - sum(x, over, True) / n if center else x
    scale = rsqrt(sum(x * x, over, True) / n + eps)
    normed = x * scale
    gw = g if w is None else mul(g, w)
    inner = gw - sum(gw, over, True) / n if center else gw
    dx = (inner - normed * (sum(gw * normed, over, True) / n)) * scale
    dx = of_type(reshape(dx, tuple(input.shape)), storage_of(input))
    if not affine:
        return dx, None, None
    return dx, to_weights(g * normed, layout, input, weight), to_weights(g, layout, input, weight)


def _standardize_backward(
    g: np.ndarray,
    input: np.ndarray,
    weight: Any,
    layout: Any,
    eps: float,
    center: bool,
    affine: bool,
    moments: Any,
) -> tuple[Any, ...]:
    work = dtypes.compute_type(input.dtype)
    x, g = cast(input, work), cast(g, work)
    w = None if weight is None else cast(weight, work).reshape(-1)
    if moments is None:
        _, moments = normalizing.forward(x, layout, None, None, eps, center)
    dx, *rest = normalizing.backward(g, x, w, layout, moments, affine)
    like = input if weight is None else weight
    shape = like.shape if weight is not None else tuple(layout.view[i] for i in layout.per)
    return cast(dx, input.dtype).reshape(input.shape), *(
        None if v is None else cast(v, like.dtype).reshape(shape) for v in rest
    )


standardize_backward.array = _standardize_backward


def work_type(x: Any) -> np.dtype:
    """The NumPy type that elements of an array or Tensor are computed in."""
    return dtypes.compute_type(storage_of(x))


def weight_view(layout: Layout) -> tuple[int, ...]:
    """The shape in which weights broadcast over the view."""
    return tuple(n if i in layout.per else 1 for i, n in enumerate(layout.view))


def to_weights(v: Any, layout: Layout, input: Any, weight: Any) -> Any:
    """Σ v over the axes without weights, in the weights' shape and type."""
    rest = tuple(i for i in range(len(layout.view)) if i not in layout.per)
    total = sum(v, rest) if rest else v
    shape = tuple(layout.view[i] for i in layout.per) if weight is None else tuple(weight.shape)
    return of_type(reshape(total, shape), storage_of(input if weight is None else weight))


# -- over the last dimensions ---------------------------------------------------------------------------


def _rows(name: str, input: Any, normalized_shape: Sequence[int], weight: Any, bias: Any) -> Layout:
    """The layout of a norm over the last dimensions. Raises RuntimeError where the shapes do not fit."""
    shape = tuple(input.shape)
    if isinstance(normalized_shape, int):
        raise TypeError(
            f"{name}(): argument 'normalized_shape' must be tuple of ints, not int; write "
            f"({normalized_shape},)"
        )
    inner = tuple(normalized_shape)
    if not inner:
        raise RuntimeError(
            f"{name}: Expected normalized_shape to be at least 1-dimensional, i.e., containing at least one "
            "element, but got []"
        )
    for what, p in (("weight", weight), ("bias", bias)):
        if p is not None and tuple(p.shape) != inner:
            raise RuntimeError(
                f"{name}: Expected {what} to be of same shape as normalized_shape, but got {what} of shape "
                f"{list(p.shape)} and normalized_shape = {list(inner)}"
            )
    if shape[-len(inner) :] != inner:
        raise RuntimeError(
            f"{name}: Given normalized_shape={list(inner)}, expected input with shape [*, "
            f"{', '.join(map(str, inner))}], but got input of size {list(shape)}"
        )
    m = math.prod(inner)
    return Layout((math.prod(shape[: -len(inner)]), m), (1,), (1,))


@composite(forms="", under="nn.functional", aliases=("layer_norm",))
def layer_norm(
    input: Array,
    normalized_shape: Sequence[int],
    weight: Array | None = None,
    bias: Array | None = None,
    /,
    eps: float = 1e-5,
    cudnn_enable: bool = True,
) -> Array:
    """(x - mean) / √(var + eps) · weight + bias over the last dimensions, of shape `normalized_shape` (Ba et
    al. 2016).
    """
    layout = _rows("layer_norm", input, normalized_shape, weight, bias)
    return standardize(input, weight, bias, layout, eps, True, "layer_norm")


@composite(forms="", under="nn.functional", aliases=("rms_norm",))
def rms_norm(
    input: Array, normalized_shape: Sequence[int], weight: Array | None = None, /, eps: float | None = None
) -> Array:
    """x / √(mean x² + eps) · weight over the last dimensions (Zhang, Sennrich 2019); eps: the dtype's by
    default.
    """
    layout = _rows("rms_norm", input, normalized_shape, weight, None)
    if eps is None:
        eps = float(np.finfo(work_type(input)).eps) if work_type(input).kind in "fc" else 0.0
    if is_complex(input):
        return _complex_rms(input, weight, layout, eps)
    return standardize(input, weight, None, layout, eps, False, "rms_norm")


def _complex_rms(input: Any, weight: Any, layout: Layout, eps: float) -> Any:
    """x / √(mean x² + eps) · weight of complex numbers: x², not |x|², as torch computes it."""
    x = reshape(input, layout.view)
    normed = mul(x, rsqrt(mean(mul(x, x), layout.over, True) + eps))
    out = normed if weight is None else mul(normed, reshape(weight, layout.view[1:]))
    return reshape(out, tuple(input.shape))


# -- over groups of channels ----------------------------------------------------------------------------


@composite(forms="", under="nn.functional", aliases=("group_norm",))
def group_norm(
    input: Array,
    num_groups: int,
    weight: Array | None = None,
    bias: Array | None = None,
    /,
    eps: float = 1e-5,
    cudnn_enabled: bool = True,
) -> Array:
    """(x - mean) / √(var + eps) over groups of channels of (N, C, ...), then · weight + bias for each channel
    (Wu, He 2018).
    """
    shape = tuple(input.shape)
    _check_groups(shape, num_groups, weight, bias)
    layout = Layout((shape[0], num_groups, shape[1] // num_groups, math.prod(shape[2:])), (2, 3), (1, 2))
    return standardize(input, weight, bias, layout, eps, True, "group_norm")


def _check_groups(shape: tuple[int, ...], groups: int, weight: Any, bias: Any) -> None:
    if len(shape) < 2:
        raise RuntimeError(
            f"group_norm: Expected at least two dimensions for input tensor but received {len(shape)}"
        )
    if groups <= 0:
        raise RuntimeError(f"group_norm: Expected num groups to be greater than 0, got {groups}")
    if shape[1] % groups:
        raise RuntimeError(
            "group_norm: Expected number of channels in input to be divisible by num_groups, but got input "
            f"of shape {list(shape)} and num_groups={groups}"
        )
    for what, p in (("weight", weight), ("bias", bias)):
        if p is not None and tuple(p.shape) != shape[1:2]:
            raise RuntimeError(
                f"group_norm: Expected {what} to be a vector of size equal to the number of channels in "
                f"input, but got {what} of shape {list(p.shape)} and input of shape {list(shape)}"
            )
    more_than_one(shape, shape[0] * (shape[1] // groups) * math.prod(shape[2:]))


def more_than_one(shape: tuple[int, ...], values: int, what: str = "value per channel") -> None:
    """Raise ValueError where a variance would be taken of one value."""
    if values == 1:
        raise ValueError(
            f"Expected more than 1 {what} when training, got input size {list(shape)}: the variance of one "
            "value is 0. Use a larger batch, or eval() mode"
        )
