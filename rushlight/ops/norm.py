"""Normalisation layers: layer, RMS, group, batch and instance norm, each one node; local response norm.

Two primitives do the work: `standardize`, and `channel_norm`, which also knows running statistics. Their backward is an
op of its own whose body is written with ops, so it has derivatives too, and whose `.array` is the NumPy kernel.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from .. import dtypes
from ..arrays import normalizing
from ..arrays.normalizing import Layout
from ..arrays.numpy import cast
from ..dtypes import FLOAT, OF_NUMPY
from ..errors import shape_text
from .along import is_complex, of_type
from .declare import composite, primitive
from .pointwise import floor_divide, mul, rsqrt
from .reduce import mean, sum
from .views import reshape

Array = Any


def _prepare(name: str, input: np.ndarray, *parameters: np.ndarray | None) -> list[Any]:
    """Input and parameters in the type of computation. Raises for types that are not floating, or do not go together."""
    kind = OF_NUMPY[input.dtype]
    if kind.category != FLOAT:
        raise NotImplementedError(f'{name}: "{name}" not implemented for {kind}; convert the input, e.g. with .float()')
    for p in parameters:
        if p is not None and p.dtype != input.dtype and (p.dtype != np.float32 or input.dtype.itemsize > 2):
            raise RuntimeError(
                f"{name}: mixed dtype (CPU): expect parameter to have scalar type of {kind} (or float32 with a 16-bit "
                f"input), but a parameter is {OF_NUMPY[p.dtype]}"
            )
    work = dtypes.compute_type(input.dtype)
    return [None if a is None else cast(a, work) for a in (input, *parameters)]


# -- one node ------------------------------------------------------------------------------------------


@primitive(forms="", under="internal", saves=True)
def standardize(
    input: Array, weight: Array | None, bias: Array | None, /, layout: Any, eps: float, center: bool, name: str
) -> tuple[Array, Any]:
    """x̂ · weight + bias, x̂ the input with mean 0 and variance 1 over the layout's axes (mean square 1: not `center`)."""
    x, w, b = _prepare(name, input, weight, bias)
    flat = [None if v is None else v.reshape(-1) for v in (w, b)]
    out, moments = normalizing.forward(x, layout, *flat, eps, center)
    return cast(out, input.dtype).reshape(input.shape), moments


@standardize.shape
def _(input: Any, weight: Any, bias: Any, layout: Any, eps: float, center: bool, name: str) -> Any:
    return input.shape, input.dtype


@standardize.backward
def _(g: Array, input: Array, weight: Array, layout: Any, eps: float, center: bool, saved: Any, need: Any) -> Any:
    affine = "weight" in need or "bias" in need
    return standardize_backward(g, input, weight, layout, eps, center, affine, saved)


@composite(forms="", under="internal")
def standardize_backward(
    g: Array, input: Array, weight: Array | None, /, layout: Any, eps: float, center: bool, affine: bool, moments: Any
) -> tuple[Array, ...]:
    """The cotangents of standardize: of input, weight and bias (the last two only if `affine`)."""
    view, over, n = layout.view, layout.over, layout.count
    work = _work_type(input)
    x, g = reshape(of_type(input, work), view), reshape(of_type(g, work), view)
    w = None if weight is None else reshape(of_type(weight, work), _weight_view(layout))
    x = x - sum(x, over, True) / n if center else x
    scale = rsqrt(sum(x * x, over, True) / n + eps)
    normed = x * scale
    gw = g if w is None else mul(g, w)
    inner = gw - sum(gw, over, True) / n if center else gw
    dx = (inner - normed * (sum(gw * normed, over, True) / n)) * scale
    dx = of_type(reshape(dx, tuple(input.shape)), _storage(input))
    if not affine:
        return dx, None, None
    return dx, _to_weights(g * normed, layout, input, weight), _to_weights(g, layout, input, weight)


def _standardize_backward(
    g: np.ndarray, input: np.ndarray, weight: Any, layout: Any, eps: float, center: bool, affine: bool, moments: Any
) -> tuple[Any, ...]:
    work = dtypes.compute_type(input.dtype)
    x, g = cast(input, work), cast(g, work)
    w = None if weight is None else cast(weight, work).reshape(-1)
    if moments is None:
        _, moments = normalizing.forward(x, layout, None, None, eps, center)
    dx, *rest = normalizing.backward(g, x, w, layout, moments, affine)
    like = input if weight is None else weight
    shape = like.shape if weight is not None else tuple(layout.view[i] for i in layout.per)
    return cast(dx, input.dtype).reshape(input.shape), *(None if v is None else cast(v, like.dtype).reshape(shape) for v in rest)


standardize_backward.array = _standardize_backward


def _storage(x: Any) -> np.dtype:
    """The NumPy type of an array's or Tensor's elements."""
    return getattr(x.dtype, "np", x.dtype)


def _work_type(x: Any) -> np.dtype:
    return dtypes.compute_type(_storage(x))


def _weight_view(layout: Layout) -> tuple[int, ...]:
    return tuple(n if i in layout.per else 1 for i, n in enumerate(layout.view))


def _to_weights(v: Any, layout: Layout, input: Any, weight: Any) -> Any:
    """Σ v over the axes without weights, in the weights' shape and type."""
    rest = tuple(i for i in range(len(layout.view)) if i not in layout.per)
    total = sum(v, rest) if rest else v
    shape = tuple(layout.view[i] for i in layout.per) if weight is None else tuple(weight.shape)
    return of_type(reshape(total, shape), _storage(input if weight is None else weight))


# -- over the last dimensions ---------------------------------------------------------------------------


def _rows(name: str, input: Any, normalized_shape: Sequence[int], weight: Any, bias: Any) -> Layout:
    """The layout of a norm over the last dimensions. Raises RuntimeError where the shapes do not fit."""
    shape = tuple(input.shape)
    if isinstance(normalized_shape, int):
        raise TypeError(f"{name}(): argument 'normalized_shape' must be tuple of ints, not int; write ({normalized_shape},)")
    inner = tuple(normalized_shape)
    if not inner:
        raise RuntimeError(
            f"{name}: Expected normalized_shape to be at least 1-dimensional, i.e., containing at least one element, but got []"
        )
    for what, p in (("weight", weight), ("bias", bias)):
        if p is not None and tuple(p.shape) != inner:
            raise RuntimeError(
                f"{name}: Expected {what} to be of same shape as normalized_shape, but got {what} of shape "
                f"{list(p.shape)} and normalized_shape = {list(inner)}"
            )
    if shape[-len(inner) :] != inner:
        raise RuntimeError(
            f"{name}: Given normalized_shape={list(inner)}, expected input with shape [*, {', '.join(map(str, inner))}], "
            f"but got input of size {list(shape)}"
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
    """(x - mean) / √(var + eps) · weight + bias over the last dimensions, of shape `normalized_shape` (Ba et al. 2016)."""
    layout = _rows("layer_norm", input, normalized_shape, weight, bias)
    return standardize(input, weight, bias, layout, eps, True, "layer_norm")


@composite(forms="", under="nn.functional", aliases=("rms_norm",))
def rms_norm(
    input: Array, normalized_shape: Sequence[int], weight: Array | None = None, /, eps: float | None = None
) -> Array:
    """x / √(mean x² + eps) · weight over the last dimensions (Zhang, Sennrich 2019); eps: the dtype's by default."""
    layout = _rows("rms_norm", input, normalized_shape, weight, None)
    if eps is None:
        eps = float(np.finfo(_work_type(input)).eps) if _work_type(input).kind in "fc" else 0.0
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
    """(x - mean) / √(var + eps) over groups of channels of (N, C, ...), then · weight + bias for each channel (Wu, He 2018)."""
    shape = tuple(input.shape)
    _check_groups(shape, num_groups, weight, bias)
    layout = Layout((shape[0], num_groups, shape[1] // num_groups, math.prod(shape[2:])), (2, 3), (1, 2))
    return standardize(input, weight, bias, layout, eps, True, "group_norm")


def _check_groups(shape: tuple[int, ...], groups: int, weight: Any, bias: Any) -> None:
    if len(shape) < 2:
        raise RuntimeError(f"group_norm: Expected at least two dimensions for input tensor but received {len(shape)}")
    if groups <= 0:
        raise RuntimeError(f"group_norm: Expected num groups to be greater than 0, got {groups}")
    if shape[1] % groups:
        raise RuntimeError(
            f"group_norm: Expected number of channels in input to be divisible by num_groups, but got input of shape "
            f"{list(shape)} and num_groups={groups}"
        )
    for what, p in (("weight", weight), ("bias", bias)):
        if p is not None and tuple(p.shape) != shape[1:2]:
            raise RuntimeError(
                f"group_norm: Expected {what} to be a vector of size equal to the number of channels in input, but got "
                f"{what} of shape {list(p.shape)} and input of shape {list(shape)}"
            )
    _more_than_one(shape, shape[0] * (shape[1] // groups) * math.prod(shape[2:]))


def _more_than_one(shape: tuple[int, ...], values: int, what: str = "value per channel") -> None:
    if values == 1:
        raise ValueError(
            f"Expected more than 1 {what} when training, got input size {list(shape)}: the variance of one value is 0. Use a "
            f"larger batch, or eval() mode"
        )


# -- by channel, with running statistics ----------------------------------------------------------------


@primitive(forms="", under="internal", saves=True)
def channel_norm(
    input: Array,
    running_mean: Array | None,
    running_var: Array | None,
    weight: Array | None,
    bias: Array | None,
    /,
    training: bool,
    momentum: float,
    eps: float,
    instances: bool,
) -> tuple[Array, Any]:
    """Each channel of (N, C, ...) with mean 0 and variance 1, then · weight + bias.

    When training, by its own mean and variance (over the batch, or for each of its `instances`), which are also mixed
    into the running ones; else by the running ones.
    """
    name = "instance_norm" if instances else "batch_norm"
    x, w, b = _prepare(name, input, weight, bias)
    layout = channel_layout(input.shape, instances)
    if not training:
        return cast(_by_running(x, running_mean, running_var, w, b, eps, layout), input.dtype).reshape(input.shape), None
    out, found = normalizing.forward(x, layout, w, b, eps)
    _mix(running_mean, found.mean, momentum)
    n = layout.count
    _mix(running_var, found.var * (n / max(n - 1, 1)), momentum)
    return cast(out, input.dtype).reshape(input.shape), found


def _by_running(x: Any, mean: Any, var: Any, weight: Any, bias: Any, eps: float, layout: Layout) -> np.ndarray:
    """x · k + h with k = weight / √(var + eps) and h = bias - mean · k."""
    mean, var = cast(mean, x.dtype), cast(var, x.dtype)
    factor = 1 / np.sqrt(var + x.dtype.type(eps))
    factor = factor if weight is None else factor * weight
    shift = -mean * factor if bias is None else bias - mean * factor
    out = x.reshape(layout.view) * layout.along_weights(factor)
    out += layout.along_weights(shift)
    return out


def channel_layout(shape: tuple[int, ...], instances: bool) -> Layout:
    """How (N, C, ...) is seen: statistics of each channel over the batch, or of each channel of each instance."""
    n, c, s = shape[0], shape[1], math.prod(shape[2:])
    if instances:
        return Layout((n, c, s), (2,), (1,))
    return Layout((n, c), (0,), (1,)) if s == 1 else Layout((n, c, s), (0, 2), (1,))


def _mix(running: np.ndarray | None, found: Any, momentum: float) -> None:
    """Running += momentum · (found - running), in place; a statistic per instance enters by its mean."""
    if running is None or not found.size:
        return
    found = found.reshape(-1, running.size).mean(0) if found.size != running.size else found.reshape(-1)
    running[...] = cast(found, dtypes.compute_type(running.dtype)) * momentum + running * (1 - momentum)


@channel_norm.shape
def _(input: Any, *_: Any, **__: Any) -> Any:
    return input.shape, input.dtype


@channel_norm.backward
def _(
    g: Array,
    input: Array,
    running_mean: Array,
    running_var: Array,
    weight: Array,
    training: bool,
    eps: float,
    instances: bool,
    saved: Any,
    need: Any,
) -> Any:
    layout = channel_layout(tuple(input.shape), instances)
    affine = "weight" in need or "bias" in need
    if training:
        dx, dw, db = standardize_backward(g, input, weight, layout, eps, True, affine, saved)
    else:
        dx, dw, db = _fixed_backward(g, input, running_mean, running_var, weight, layout, eps, affine)
    return dx, None, None, dw, db


def _fixed_backward(
    g: Any, input: Any, mean: Any, var: Any, weight: Any, layout: Layout, eps: float, affine: bool
) -> tuple[Any, ...]:
    """Cotangents where mean and variance are given: the norm is affine in the input."""
    work, along = _work_type(input), _weight_view(layout)
    g = reshape(of_type(g, work), layout.view)
    scale = rsqrt(reshape(of_type(var, work), along) + eps)
    factor = scale if weight is None else mul(scale, reshape(of_type(weight, work), along))
    dx = of_type(reshape(mul(g, factor), tuple(input.shape)), _storage(input))
    if not affine:
        return dx, None, None
    x = reshape(of_type(input, work), layout.view)
    normed = mul(x - reshape(of_type(mean, work), along), scale)
    return dx, _to_weights(g * normed, layout, input, weight), _to_weights(g, layout, input, weight)


@composite(forms="", under="nn.functional")
def batch_norm(
    input: Array,
    running_mean: Array | None,
    running_var: Array | None,
    weight: Array | None = None,
    bias: Array | None = None,
    /,
    training: bool = False,
    momentum: float = 0.1,
    eps: float = 1e-5,
) -> Array:
    """Each channel of (N, C, ...) with mean 0 and variance 1, then · weight + bias (Ioffe, Szegedy 2015).

    When training, by the batch's mean and variance, which are also mixed into the running ones: running ← (1 - momentum)
    · running + momentum · found, with the unbiased variance. Else by the running ones.
    """
    shape = tuple(input.shape)
    if training:
        _more_than_one(shape, math.prod(shape[:1]) * math.prod(shape[2:]))
    if eps < 0 or (training and eps == 0):
        kind = "positive during training" if training else "non-negative"
        raise ValueError(f"batch_norm eps must be {kind}, but got {eps}")
    _check_channels("batch_norm", shape, training, running_mean, running_var, weight, bias)
    return channel_norm(input, running_mean, running_var, weight, bias, training, momentum, eps, False)


@composite(forms="", under="nn.functional")
def instance_norm(
    input: Array,
    running_mean: Array | None = None,
    running_var: Array | None = None,
    weight: Array | None = None,
    bias: Array | None = None,
    /,
    use_input_stats: bool = True,
    momentum: float = 0.1,
    eps: float = 1e-5,
) -> Array:
    """Each channel of each instance of (N, C, ...) with mean 0 and variance 1, then · weight + bias (Ulyanov et al. 2016)."""
    shape = tuple(input.shape)
    if use_input_stats:
        _more_than_one(shape, math.prod(shape[2:]), "spatial element")
    _check_channels("instance_norm", shape, use_input_stats, running_mean, running_var, weight, bias)
    return channel_norm(input, running_mean, running_var, weight, bias, use_input_stats, momentum, eps, use_input_stats)


def _check_channels(name: str, shape: tuple[int, ...], training: bool, mean: Any, var: Any, weight: Any, bias: Any) -> None:
    if len(shape) < 2:
        raise RuntimeError(f"{name}: the input must be (N, C, ...), but has shape {shape_text(shape)}")
    if not training and (mean is None or var is None):
        raise RuntimeError(f"{name}: Expected running_mean and running_var to be defined when training=False")
    for what, p in (("running_mean", mean), ("running_var", var)):
        if getattr(p, "requires_grad", False):
            raise RuntimeError(
                f"{name}: is not differentiable with respect to argument '{what}'. This input cannot have requires_grad "
                f"True; detach() it"
            )
    for what, p in (("running_mean", mean), ("running_var", var), ("weight", weight), ("bias", bias)):
        if p is not None and math.prod(tuple(p.shape)) != shape[1]:
            raise RuntimeError(
                f"{name}: {what} should contain {shape[1]} elements not {math.prod(tuple(p.shape))}: the input "
                f"{shape_text(shape)} has {shape[1]} channels"
            )


@composite(forms="", under="internal", aliases=("batch_norm",))
def plain_batch_norm(
    input: Array,
    weight: Array | None,
    bias: Array | None,
    running_mean: Array | None,
    running_var: Array | None,
    /,
    training: bool,
    momentum: float,
    eps: float,
    cudnn_enabled: bool = True,
) -> Array:
    """nn.functional.batch_norm with the parameters in another order."""
    return batch_norm(input, running_mean, running_var, weight, bias, training, momentum, eps)


@composite(forms="", under="internal", aliases=("instance_norm",))
def plain_instance_norm(
    input: Array,
    weight: Array | None,
    bias: Array | None,
    running_mean: Array | None,
    running_var: Array | None,
    /,
    use_input_stats: bool,
    momentum: float,
    eps: float,
    cudnn_enabled: bool = True,
) -> Array:
    """nn.functional.instance_norm with the parameters in another order."""
    return instance_norm(input, running_mean, running_var, weight, bias, use_input_stats, momentum, eps)


# -- across channels ------------------------------------------------------------------------------------


@primitive(forms="", under="internal")
def channel_window_sum(input: Array, /, before: int, after: int) -> Array:
    """Σ over the channels c - before ... c + after at each place of (N, C, ...)."""
    n = input.shape[1]
    out = input.copy(order="C")
    for shift in range(-before, after + 1):
        if shift and abs(shift) < n:
            to, of = (slice(0, n - shift), slice(shift, None)) if shift > 0 else (slice(-shift, None), slice(0, n + shift))
            out[:, to] += input[:, of]
    return out


channel_window_sum.vjp(input=lambda g, before, after: channel_window_sum(g, after, before))


@composite(forms="", under="nn.functional")
def local_response_norm(input: Array, /, size: int, alpha: float = 1e-4, beta: float = 0.75, k: float = 1.0) -> Array:
    """x / (k + alpha · mean of x² over `size` neighbouring channels)^beta (Krizhevsky et al. 2012)."""
    shape = tuple(input.shape)
    if len(shape) < 3:
        raise ValueError(f"local_response_norm: Expected 3D or higher dimensionality input (got {len(shape)} dimensions)")
    if 0 in shape:
        return input
    squares = channel_window_sum(mul(input, input), size // 2, (size - 1) // 2)
    means = squares * (alpha / size) if _storage(input).kind not in "iu" else floor_divide(squares, size) * alpha
    return input / (means + k) ** beta
