"""Regions of autocast: `with torch.autocast("cpu"):`, or above a function."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any, TypeVar

from ..autograd.mode import _Mode
from ..dtypes import bfloat16, dtype, float16
from .state import (
    autocast_decrement_nesting,
    autocast_increment_nesting,
    clear_autocast_cache,
    get_autocast_dtype,
    is_autocast_available,
    is_autocast_cache_enabled,
    put,
    set_autocast_cache_enabled,
    state_of,
)

F = TypeVar("F", bound=Callable[..., Any])
SUPPORTED = (bfloat16, float16)


class autocast(_Mode):
    """A region in which listed ops (convolutions, products of matrices, attention) compute in `dtype`,
    others that need it in float32, and all else in whatever comes.

    A context manager and a decorator, for generators too. Casts are recorded: gradients arrive in the
    parameter's dtype. Regions nest; `enabled=False` inside leaves a part out. `cache_enabled`: a float32
    parameter is cast once until the outermost region ends, or it changes. The state is the thread's own.

    A dtype other than bfloat16 or float16, and a device "cuda", of which there is none: a warning, and ops
    compute as always. Raises ValueError or RuntimeError for a device that has no autocast.
    """

    def __init__(
        self,
        device_type: str,
        dtype: dtype | None = None,
        enabled: bool = True,
        cache_enabled: bool | None = None,
    ) -> None:
        if not isinstance(device_type, str):
            raise ValueError(f"Expected `device_type` of type `str`, got: `{type(device_type)}`")
        if not is_autocast_available(device_type):
            raise RuntimeError(f"User specified an unsupported autocast device_type '{device_type}'")
        self.device = device_type
        self.fast_dtype = get_autocast_dtype(device_type) if dtype is None else dtype
        self._cache_enabled = is_autocast_cache_enabled() if cache_enabled is None else cache_enabled
        why_not = _unsupported(device_type, self.fast_dtype) if enabled else ""
        if why_not:
            warnings.warn(why_not, stacklevel=2)
        self._enabled = bool(enabled) and not why_not
        self._before: list[tuple[Any, bool]] = []  # what to put back, the innermost last

    def __enter__(self) -> autocast:  # type: ignore[override]
        self._before.append((state_of(self.device), is_autocast_cache_enabled()))
        put(self.device, enabled=self._enabled, dtype=self.fast_dtype)
        set_autocast_cache_enabled(self._cache_enabled)
        autocast_increment_nesting()
        return self

    def __exit__(self, *exc: object) -> None:
        if autocast_decrement_nesting() == 0:
            clear_autocast_cache()
        state, cached = self._before.pop()
        put(self.device, enabled=state.enabled, dtype=state.dtype)
        set_autocast_cache_enabled(cached)

    def _clone(self) -> autocast:
        return self

    def __call__(self, func: F) -> F:
        """`func` run in such a region. Raises TypeError for what cannot be called."""
        if not callable(func):
            raise TypeError(
                f"autocast()(func) requires a callable, but got {type(func).__name__}. "
                f"Did you mean to use autocast as a context manager? For example:\n"
                f"    with torch.autocast(device_type=...):\n"
                f"        output = model(input)"
            )
        return super().__call__(func)


def _unsupported(device_type: str, dtype: dtype) -> str:
    """Why a region is none, in PyTorch's words; "" if it is one."""
    if device_type == "cuda":
        return "CUDA is not available or torch_xla is imported. Disabling autocast."
    if dtype not in SUPPORTED:
        return (
            "In CPU autocast, but the target dtype is not supported. Disabling autocast.\n"
            f"CPU Autocast only supports dtypes of {', '.join(map(str, SUPPORTED))} currently."
        )
    return ""
