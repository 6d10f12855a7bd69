"""Norms of channels with running statistics: batch norm and instance norm, one node each; local response
norm.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

import rushlight.dtypes as dtypes

from ..arrays import by_rows, normalizing, tracing
from ..arrays.normalizing import Layout
from ..arrays.numpy import cast
from ..arrays.summing import add_reduce
from ..arrays.tracing import WATCHED
from ..errors import shape_text
from .along import of_type
from .declare import composite, primitive
from .norm import more_than_one, prepare, standardize_backward, to_weights, weight_view, work_type
from .pointwise import add, floor_divide, mul, rsqrt, sqrt
from .reduction import storage_of
from .views import reshape

Array = Any

# -- batch and instance norm ----------------------------------------------------------------------------


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

    When training, by its own mean and variance (over the batch, or for each of its `instances`), which are
    also mixed into the running ones; else by the running ones.
    """
    name = "instance_norm" if instances else "batch_norm"
    x, w, b = prepare(name, input, weight, bias)
    layout = channel_layout(input.shape, instances)
    if not training:
        return cast(_by_running(x, running_mean, running_var, w, b, eps, layout), input.dtype).reshape(
            input.shape
        ), None
    out, found = normalizing.forward(x, layout, w, b, eps)
    _mix(running_mean, found.mean, momentum)
    n = layout.count
    _mix(running_var, found.var, momentum, n / max(n - 1, 1))
    return cast(out, input.dtype).reshape(input.shape), found


def _by_running(
    x: Any, mean: Any, var: Any, weight: Any, bias: Any, eps: float, layout: Layout
) -> np.ndarray:
    """x · k + h with k = weight / √(var + eps) and h = bias - mean · k."""
    mean, var = cast(mean, x.dtype), cast(var, x.dtype)
    factor = 1 / np.sqrt(var + x.dtype.type(eps))
    factor = factor if weight is None else factor * weight
    shift = -mean * factor if bias is None else bias - mean * factor
    return normalizing.by_channel(x, layout, factor, shift)


def _fixed_norm(x: Any, mean: Any, var: Any, weight: Any, bias: Any, eps: float) -> Any:
    """The same by ops, which a tracer joins with those around it."""
    work, along = work_type(x), (-1, *(1,) * (len(x.shape) - 2))
    mean, var = of_type(mean, work), of_type(var, work)
    factor = 1 / sqrt(add(var, eps))
    factor = factor if weight is None else mul(factor, of_type(weight, work))
    shift = mul(mean, -factor)
    shift = shift if bias is None else add(shift, of_type(bias, work))
    out = mul(of_type(x, work), reshape(factor, along)) + reshape(shift, along)
    return of_type(out, storage_of(x))


def channel_layout(shape: tuple[int, ...], instances: bool) -> Layout:
    """How (N, C, ...) is seen: statistics of each channel over the batch, or of each channel of each
    instance.
    """
    n, c, s = shape[0], shape[1], math.prod(shape[2:])
    if instances:
        return Layout((n, c, s), (2,), (1,))
    return Layout((n, c), (0,), (1,)) if s == 1 else Layout((n, c, s), (0, 2), (1,))


def _mix(running: np.ndarray | None, found: Any, momentum: float, scale: float = 1.0) -> None:
    """Running += momentum · (scale · found - running), in place; a statistic per instance enters by its
    mean.
    """
    if running is None or not found.size:
        return
    instances = found.size // running.size
    found = add_reduce(found.reshape(instances, -1), (0,)) if instances != 1 else found.reshape(-1)
    share = momentum * scale / instances
    if WATCHED and by_rows.fits(running, found):
        by_rows.run("mixed", running.size, 1, running, found, running, share, 1 - momentum)
    else:
        running[...] = cast(found, dtypes.compute_type(running.dtype)) * share + running * (1 - momentum)


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
    work, along = work_type(input), weight_view(layout)
    g = reshape(of_type(g, work), layout.view)
    scale = rsqrt(reshape(of_type(var, work), along) + eps)
    factor = scale if weight is None else mul(scale, reshape(of_type(weight, work), along))
    dx = of_type(reshape(mul(g, factor), tuple(input.shape)), storage_of(input))
    if not affine:
        return dx, None, None
    x = reshape(of_type(input, work), layout.view)
    normed = mul(x - reshape(of_type(mean, work), along), scale)
    return dx, to_weights(g * normed, layout, input, weight), to_weights(g, layout, input, weight)


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

    When training, by the batch's mean and variance, which are also mixed into the running ones: running ← (1
    - momentum) · running + momentum · found, with the unbiased variance. Else by the running ones.
    """
    shape = tuple(input.shape)
    if training:
        more_than_one(shape, math.prod(shape[:1]) * math.prod(shape[2:]))
    if eps < 0 or (training and eps == 0):
        kind = "positive during training" if training else "non-negative"
        raise ValueError(f"batch_norm eps must be {kind}, but got {eps}")
    _check_channels("batch_norm", shape, training, running_mean, running_var, weight, bias)
    if not training and tracing.tracer() is not None:
        return _fixed_norm(input, running_mean, running_var, weight, bias, eps)
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
    """Each channel of each instance of (N, C, ...) with mean 0 and variance 1, then · weight + bias (Ulyanov
    et al. 2016).
    """
    shape = tuple(input.shape)
    if use_input_stats:
        more_than_one(shape, math.prod(shape[2:]), "spatial element")
    _check_channels("instance_norm", shape, use_input_stats, running_mean, running_var, weight, bias)
    if not use_input_stats and tracing.tracer() is not None:
        return _fixed_norm(input, running_mean, running_var, weight, bias, eps)
    return channel_norm(
        input, running_mean, running_var, weight, bias, use_input_stats, momentum, eps, use_input_stats
    )


def _check_channels(
    name: str, shape: tuple[int, ...], training: bool, mean: Any, var: Any, weight: Any, bias: Any
) -> None:
    if len(shape) < 2:
        raise RuntimeError(f"{name}: the input must be (N, C, ...), but has shape {shape_text(shape)}")
    if not training and (mean is None or var is None):
        raise RuntimeError(f"{name}: Expected running_mean and running_var to be defined when training=False")
    for what, p in (("running_mean", mean), ("running_var", var)):
        if getattr(p, "requires_grad", False):
            raise RuntimeError(
                f"{name}: is not differentiable with respect to argument '{what}'. This input cannot have "
                "requires_grad True; detach() it"
            )
    for what, p in (("running_mean", mean), ("running_var", var), ("weight", weight), ("bias", bias)):
        if p is not None and math.prod(tuple(p.shape)) != shape[1]:
            raise RuntimeError(
                f"{name}: {what} should contain {shape[1]} elements not {math.prod(tuple(p.shape))}: the "
                f"input {shape_text(shape)} has {shape[1]} channels"
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


# -- local response norm --------------------------------------------------------------------------------


@primitive(forms="", under="internal")
def channel_window_sum(input: Array, /, before: int, after: int) -> Array:
    """Σ over the channels c - before ... c + after at each place of (N, C, ...)."""
    n = input.shape[1]
    out = input.copy(order="C")
    for shift in range(-before, after + 1):
        if shift and abs(shift) < n:
            to, of = (
                (slice(0, n - shift), slice(shift, None))
                if shift > 0
                else (slice(-shift, None), slice(0, n + shift))
            )
            out[:, to] += input[:, of]
    return out


channel_window_sum.vjp(input=lambda g, before, after: channel_window_sum(g, after, before))


@composite(forms="", under="nn.functional")
def local_response_norm(
    input: Array, /, size: int, alpha: float = 1e-4, beta: float = 0.75, k: float = 1.0
) -> Array:
    """x / (k + alpha · mean of x² over `size` neighbouring channels)^beta (Krizhevsky et al. 2012)."""
    shape = tuple(input.shape)
    if len(shape) < 3:
        raise ValueError(
            f"local_response_norm: Expected 3D or higher dimensionality input (got {len(shape)} dimensions)"
        )
    if 0 in shape:
        return input
    squares = channel_window_sum(mul(input, input), size // 2, (size - 1) // 2)
    means = (
        squares * (alpha / size)
        if storage_of(input).kind not in "iu"
        else floor_divide(squares, size) * alpha
    )
    return input / (means + k) ** beta
