"""Batching rules of primitives: what an op does when a batch dimension stands in front of its inputs (vmap).

Pointwise ops and composites need none. A primitive without a rule runs example by example: right, but slow.
A rule is `rule(op, size, values, flags, options)`: `values` the positional arguments without their batch
marks, `flags` which of them carry the batch in front. It gives the result(s) with the batch in front.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ..arrays.batched import example_by_example
from ..arrays.generator import randomness
from .declare import Op, registry

Rule = Callable[..., Any]


def _options(op: Op, values: list[Any], options: dict[str, Any]) -> dict[str, Any]:
    """All options by name, defaults filled in."""
    given = dict(zip((p.name for p in op.options), values[len(op.tensors) :], strict=False)) | options
    return {p.name: given.get(p.name, p.default) for p in op.options}


def _alone(op: Op, flags: list[bool]) -> bool:
    """Whether the first input is the only one that carries the batch."""
    return flags[0] and not any(flags[1:])


def _shift(dim: Any, ndim: int) -> Any:
    """Dimensions of an example as dimensions of the batch."""
    if dim is None:
        return tuple(range(1, ndim + 1))
    if isinstance(dim, (tuple, list)):
        return tuple(_shift(d, ndim) for d in dim) if len(dim) else tuple(range(1, ndim + 1))
    return dim % ndim + 1 if -ndim <= dim < ndim and ndim else dim


def over_dims(*names: str) -> Rule:
    """For ops whose options in `names` count dimensions of the first input."""

    def rule(op: Op, size: int, values: list[Any], flags: list[bool], options: dict[str, Any]) -> Any:
        x, named = values[0], _options(op, values, options)
        ndim = x.ndim - 1
        if not _alone(op, flags) or not ndim:
            return example_by_example(op, size, values, flags, options)
        return op(x, **named | {n: _shift(named[n], ndim) for n in names})

    return rule


def over_dim(op: Op, size: int, values: list[Any], flags: list[bool], options: dict[str, Any]) -> Any:
    """For ops that take one dimension, or None for all elements in a row."""
    x, named = values[0], _options(op, values, options)
    if not _alone(op, flags) or x.ndim == 1 or named["dim"] is None:
        return example_by_example(op, size, values, flags, options)
    return op(x, **named | {"dim": _shift(named["dim"], x.ndim - 1)})


def to_shape(name: str) -> Rule:
    """For ops whose option `name` is the shape of an example's result."""

    def rule(op: Op, size: int, values: list[Any], flags: list[bool], options: dict[str, Any]) -> Any:
        named = _options(op, values, options)
        shape = named[name]
        if not _alone(op, flags) or not isinstance(shape, (tuple, list)):
            return example_by_example(op, size, values, flags, options)
        x = values[0]
        if op.name == "expand":
            x = _padded(x, len(shape))
        return op(
            x,
            **named
            | {name: (size, *(n if n != -1 else _inferred(op, x, shape, i) for i, n in enumerate(shape)))},
        )

    return rule


def _padded(x: Any, ndim: int) -> Any:
    """A batch with ones behind its first dimension, up to `ndim` dimensions an example."""
    missing = ndim - (x.ndim - 1)
    return x.reshape(x.shape[:1] + (1,) * missing + x.shape[1:]) if missing > 0 else x


def _inferred(op: Op, x: Any, shape: Any, i: int) -> int:
    """The size that -1 stands for: of what is left over in a view, of the old size in an expand."""
    if op.name == "expand":
        return -1
    known = int(np.prod([n for n in shape if n != -1]))
    return int(np.prod(x.shape[1:])) // max(known, 1)


def summing(op: Op, size: int, values: list[Any], flags: list[bool], options: dict[str, Any]) -> Any:
    """For sum_to_size: ones stand for the dimensions that the result does not have."""
    x, shape = values[0], tuple(_options(op, values, options)["size"])
    ones = (1,) * (x.ndim - 1 - len(shape))
    return op(x, (size, *ones, *shape)).reshape((size, *shape))


def drawing(op: Op, size: int, values: list[Any], flags: list[bool], options: dict[str, Any]) -> Any:
    """For masks drawn in the shape of the only input: one for all examples, or one for each."""
    if randomness.get() != "same":
        return example_by_example(op, size, values, flags, options)
    out = op(values[0][0], *values[1:], **options)
    repeated = [np.broadcast_to(o, (size, *o.shape)) for o in (out if isinstance(out, tuple) else (out,))]
    return tuple(repeated) if isinstance(out, tuple) else repeated[0]


def elementwise(op: Op, size: int, values: list[Any], flags: list[bool], options: dict[str, Any]) -> Any:
    """For ops that treat every element of their only input alike."""
    if not _alone(op, flags):
        return example_by_example(op, size, values, flags, options)
    return op(values[0], *values[1:], **options)


def permuting(op: Op, size: int, values: list[Any], flags: list[bool], options: dict[str, Any]) -> Any:
    """For permute: the batch stays in front."""
    dims = _options(op, values, options)["dims"]
    return op(values[0], (0, *(_shift(d, values[0].ndim - 1) for d in dims)))


def inserting(op: Op, size: int, values: list[Any], flags: list[bool], options: dict[str, Any]) -> Any:
    """For unsqueeze: dimensions count one more than the example has."""
    dim = _options(op, values, options)["dim"]
    return op(values[0], dim % values[0].ndim + 1)


def squeezing(op: Op, size: int, values: list[Any], flags: list[bool], options: dict[str, Any]) -> Any:
    """For squeeze: never the batch."""
    x, dim = values[0], _options(op, values, options)["dim"]
    return op(x, _shift(dim, x.ndim - 1)) if x.ndim > 1 else op(x, ())


def slicing(op: Op, size: int, values: list[Any], flags: list[bool], options: dict[str, Any]) -> Any:
    """For basic indexing: every example is indexed alike."""
    return op(values[0], (slice(None), *_options(op, values, options)["index"]))


def slice_adjoint(op: Op, size: int, values: list[Any], flags: list[bool], options: dict[str, Any]) -> Any:
    """For the adjoint of basic indexing."""
    named = _options(op, values, options)
    return op(values[0], (size, *named["size"]), (slice(None), *named["index"]))


def products(op: Op, size: int, values: list[Any], flags: list[bool], options: dict[str, Any]) -> Any:
    """For matrix products of two inputs: matmul with the batch as one more leading dimension."""
    x, y = values[:2]
    xn, yn = x.ndim - flags[0], y.ndim - flags[1]
    matmul = registry["matmul"]
    if xn == 1 and yn == 1:
        return registry["sum"](registry["mul"](x, y), -1)
    if xn == 1:
        x = x.reshape((*x.shape[:-1], 1, x.shape[-1]))
    if yn == 1:
        y = y.reshape((*y.shape, 1))
    rank = max(xn, yn, 2)
    x, y = (_padded(v, rank) if flag else v for v, flag in ((x, flags[0]), (y, flags[1])))
    out = matmul(x, y)
    return registry["select"](out, -1 if yn == 1 else -2, 0) if 1 in (xn, yn) else out


def _state(rule: Rule, *names: str) -> None:
    for name in names:
        if name in registry and registry[name].batch_rule is None:
            registry[name].batch(rule)


_state(over_dim, "prod", "argmax", "argmin")
_state(over_dims("dim"), "sum", "mean", "amax", "amin", "any", "all", "var", "std", "nansum", "nanmean")
_state(
    over_dims("dim"),
    "count_nonzero",
    "running_sum",
    "running_prod",
    "cummax",
    "cummin",
    "logcumsumexp",
    "sort",
    "argsort",
    "topk",
)
_state(over_dims("dim"), "select", "narrow", "max_dim", "min_dim", "softmax", "log_softmax")
_state(over_dims("dim0", "dim1"), "transpose")
_state(over_dims("dim1", "dim2"), "diagonal")
_state(over_dims("dimension"), "unfold")
_state(to_shape("size"), "view")
_state(to_shape("size"), "expand")
_state(summing, "sum_to_size")
_state(drawing, "dropout_mask", "alpha_dropout_masks")
_state(elementwise, "clone", "to_dtype", "nan_to_num", "conjugated", "zeros_like", "is_number")
_state(permuting, "permute")
_state(inserting, "unsqueeze")
_state(squeezing, "squeeze")
_state(slicing, "slice")
_state(slice_adjoint, "slice_into_zeros")
_state(products, "matmul", "mm", "mv", "dot", "bmm")
