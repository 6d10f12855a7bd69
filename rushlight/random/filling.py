"""Samples written into a tensor's memory, in the order torch writes them, in sight of autograd."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ..arrays.distributions import fill_axes
from ..arrays.tracing import EAGER, Law, drawn
from ..autograd import inplace, record
from ..autograd.mode import grad_on
from ..ops.declare import registry
from ..tensor import Tensor, function_of, wrap

#: draws samples: (shape, NumPy dtype, whether the target is contiguous) -> array
Draw = Callable[[tuple[int, ...], np.dtype, bool], np.ndarray]


def fill(t: Tensor, name: str, draw: Draw, depth: int = 3, law: Law | None = None) -> Tensor:
    """Write samples into `t`, whatever its strides; its history ends there. Returns `t`.

    `depth` counts the frames from the user's call to `record.bump`; `law` is that of the samples, if it has a
    name. Raises RuntimeError for an expanded tensor, and outside no_grad for a leaf that requires grad.
    """
    if grad_on() and (t._n is not None or t._v is not None):
        inplace.guard_leaf(t, name)
        if t._n is not None:
            return _fill_tracked(t, name, draw)
    a = t._a
    if not EAGER:
        known = law if a.dtype == np.float32 else None
        inplace.store(t, drawn(name, lambda: _samples(a, draw), known), name, depth)
        return t
    if a.__class__ is np.ndarray:
        _fill_array(a, name, draw)
    elif not t.is_meta:
        raise RuntimeError(f"{name}: random operations inside vmap are not supported; draw outside it")
    record.bump(t, name, depth)
    return t


def _fill_array(a: np.ndarray, name: str, draw: Draw) -> None:
    if not a.flags.writeable:
        inplace.check_writable(a, a, name)
    a[...] = _samples(a, draw)


def _samples(a: np.ndarray, draw: Draw) -> np.ndarray:
    """Samples of `a`'s shape, drawn in the order of its memory."""
    if a.flags.c_contiguous:
        return draw(a.shape, a.dtype, True)
    axes = fill_axes(a)
    return draw(tuple(a.shape[i] for i in axes), a.dtype, False).transpose(np.argsort(axes))


def _fill_tracked(t: Tensor, name: str, draw: Draw) -> Tensor:
    """As a copy from a fresh tensor, whose gradient with respect to the old value is zero."""
    fresh, copy = wrap(_samples(t._a, draw)), function_of(registry["copy"])
    return inplace.recorded(t, lambda input: copy(input, fresh), {"input": t}, name, depth=5)


def untied(result: Tensor, *sources: Any) -> Tensor:
    """`result` as a function of `sources` whose gradients are zero, as samples of a distribution are."""
    if not grad_on() or not any(isinstance(s, Tensor) and s._n is not None for s in sources):
        return result
    copy = function_of(registry["copy"])
    for source in sources:
        if isinstance(source, Tensor) and source._n is not None:
            result = copy(source.expand(result.shape), result)
    return result
