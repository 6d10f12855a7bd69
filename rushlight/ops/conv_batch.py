"""vmap of convolutions: a batch of inputs goes into the images, a batch of weights into the groups.

So per-example gradients, and ensembles of networks, stay one convolution.
"""

from __future__ import annotations

from math import prod
from typing import Any

from .declare import Op
from .pointwise import add
from .views import expand, movedim, reshape, unsqueeze


def _named(op: Op, values: list[Any], options: dict[str, Any]) -> dict[str, Any]:
    given = dict(zip((p.name for p in op.options), values[len(op.tensors) :], strict=False)) | options
    return {p.name: given.get(p.name, p.default) for p in op.options}


def _merge(x: Any, first: int) -> Any:
    """Dimensions `first` and `first + 1` as one."""
    shape = tuple(x.shape)
    return reshape(x, (*shape[:first], prod(shape[first : first + 2]), *shape[first + 2 :]))


def _part(x: Any, at: int, size: int) -> Any:
    """Dimension `at` as `size` times the rest."""
    shape = tuple(x.shape)
    return reshape(x, (*shape[:at], size, shape[at] // size, *shape[at + 1 :]))


def _in_channels(x: Any, flag: bool, size: int) -> Any:
    """(B, N, C, *) as (N, B·C, *); what has no batch is repeated."""
    if not flag:
        x = expand(unsqueeze(x, 0), (size, *x.shape))
    return _merge(movedim(x, 0, 1), 1)


def by_images_or_groups(
    op: Op, size: int, values: list[Any], flags: list[bool], options: dict[str, Any]
) -> Any:
    """The output or the input of a convolution, for batches of (input or cotangent, weight)."""
    return _batched(op, size, values[0], values[1], flags, _named(op, values, options))


def _batched(op: Op, size: int, x: Any, w: Any, flags: list[bool], settings: dict[str, Any]) -> Any:
    if not flags[1]:
        return _part(op(_merge(x, 0), w, **settings), 0, size)
    grouped = settings | {"groups": settings["groups"] * size}
    y = op(_in_channels(x, flags[0], size), _merge(w, 0), **grouped)
    return movedim(_part(y, 1, size), 1, 0)


def with_bias(op: Op, size: int, values: list[Any], flags: list[bool], options: dict[str, Any]) -> Any:
    """A whole convolution: its bias is added afterwards, for it may have a batch of its own."""
    x, w, bias = (*values[: len(op.tensors)], None)[:3]
    settings = _named(op, values, options)
    y = _batched(op, size, x, w, flags, settings) if any(flags[:2]) else unsqueeze(op(x, w, **settings), 0)
    if bias is None:
        return y
    lead = (size, 1) if flags[2] else ()
    return add(y, reshape(bias, (*lead, int(bias.shape[-1]), *(1,) * (len(y.shape) - 3))))


def by_groups(op: Op, size: int, values: list[Any], flags: list[bool], options: dict[str, Any]) -> Any:
    """The weight of a convolution, for batches of (input, cotangent)."""
    settings = _named(op, values, options)
    settings["groups"] *= size
    x, g = (_in_channels(v, flag, size) for v, flag in zip(values[:2], flags[:2], strict=True))
    return _part(op(x, g, **settings), 0, size)
