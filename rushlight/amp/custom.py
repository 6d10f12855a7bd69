"""Decorators for the methods of an `autograd.Function` that is used in regions of autocast."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import numpy as np

from ..dtypes import dtype, float64
from ..tensor import Tensor
from .autocast_mode import autocast
from .state import get_autocast_dtype, is_autocast_enabled


def custom_fwd(
    fwd: Callable[..., Any] | None = None, *, device_type: str, cast_inputs: dtype | None = None
) -> Any:
    """Decorator for `forward`: notes the region it runs in, for the backward under `custom_bwd`.

    With `cast_inputs`, within a region, floating inputs (but no float64) are cast to it, and the body runs as
    outside of one. Outside of a region it does nothing.
    """
    _check(device_type)
    if fwd is None:
        return functools.partial(custom_fwd, device_type=device_type, cast_inputs=cast_inputs)
    run: Callable[..., Any] = fwd

    @functools.wraps(run)
    def forward(ctx: Any, *args: Any, **kwargs: Any) -> Any:
        enabled = is_autocast_enabled(device_type)
        ctx._dtype = get_autocast_dtype(device_type)
        ctx._fwd_used_autocast = enabled and cast_inputs is None
        if cast_inputs is None or not enabled:
            return run(ctx, *args, **kwargs)
        with autocast(device_type, enabled=False):
            args, kwargs = (_cast(v, device_type, cast_inputs) for v in (args, kwargs))
            return run(ctx, *args, **kwargs)

    return forward


def custom_bwd(bwd: Callable[..., Any] | None = None, *, device_type: str) -> Any:
    """Decorator for `backward`: it runs as its forward, under `custom_fwd`, did: in a region or not."""
    _check(device_type)
    if bwd is None:
        return functools.partial(custom_bwd, device_type=device_type)
    run: Callable[..., Any] = bwd

    @functools.wraps(run)
    def backward(ctx: Any, *grads: Any) -> Any:
        with autocast(device_type, enabled=ctx._fwd_used_autocast, dtype=ctx._dtype):
            return run(ctx, *grads)

    return backward


def _check(device_type: Any) -> None:
    if not isinstance(device_type, str):
        raise ValueError(f"Expected `device_type` of type `str`, got: `{type(device_type)}`")


def _cast(value: Any, device_type: str, to: dtype) -> Any:
    """Tensors, also in containers, cast if they are floating, no float64 and on the device."""
    if isinstance(value, Tensor):
        fits = value.is_floating_point() and value.device.type == device_type and value.dtype is not float64
        return value.to(to) if fits else value
    if isinstance(value, str | bytes | np.ndarray):
        return value
    if isinstance(value, Mapping):
        return {_cast(k, device_type, to): _cast(v, device_type, to) for k, v in value.items()}
    if isinstance(value, Iterable):
        cast = (_cast(v, device_type, to) for v in value)
        return type(value)(cast) if isinstance(value, list | tuple) else cast
    return value
