"""Sums and extremes as nodes: pointwise programs whose outputs are reduced, so that passes can fuse them."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..arrays.numpy import normalize_dims
from ..ops.declare import registry
from .graph import Elements, Node, Reduced
from .values import value_of

_KINDS = {"sum": "sum", "mean": "sum", "amax": "max", "amin": "min", "sum_to_size": "sum"}
_FLOATS = (np.dtype(np.float32), np.dtype(np.float64))


def reduction_of(tracer: Any, op: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """Run a reduction and note it as a program; None where it is to be noted like other ops."""
    kind = _KINDS.get(op.name)
    given = dict(zip(op.signature.parameters, args, strict=False)) | kwargs
    x = value_of(given.get("input"))
    if kind is None or not isinstance(x, np.ndarray) or x.dtype not in _FLOATS or not x.size:
        return None
    axes = _axes(op.name, x, given)
    if not axes or given.get("dtype") is not None:
        return None
    with tracer.suspended():
        out = np.asarray(op.array(x, *map(value_of, args[1:]), **kwargs))
    if np.may_share_memory(out, x) and out.size == x.size:
        return None
    place, source = tracer.temporary(out), tracer.place(x)
    reduced = Reduced("x", kind, axes)
    if op.name == "mean":
        return _mean(tracer, op, x, axes, out)
    body = Elements((), {"x": source}, {}, x.shape, {place: reduced})
    options = {name: v for name, v in given.items() if name != "input"}
    tracer.add(Node(op.name, (source,), options, (place,), body))
    return tracer.wrap(out)


def _axes(name: str, x: np.ndarray, given: dict[str, Any]) -> tuple[int, ...]:
    """The dimensions that go, in order."""
    if name == "sum_to_size":
        size = given["size"]
        extra = x.ndim - len(size)
        stretched = [d for d, n in enumerate(x.shape) if d < extra or (size[d - extra] == 1 and n != 1)]
        return tuple(stretched)
    dim = given.get("dim")
    empty = dim is None or (name in ("amax", "amin") and dim == ())
    return tuple(sorted(normalize_dims(name, None if empty else dim, x.ndim)))


def _mean(tracer: Any, op: Any, x: np.ndarray, axes: tuple[int, ...], out: np.ndarray) -> Any:
    """A mean: the sum, then a division."""
    n = int(np.prod([x.shape[d] for d in axes]))
    total = registry["sum"](tracer.wrap(x), axes, out.ndim == x.ndim)
    return registry["div"](total, n)
