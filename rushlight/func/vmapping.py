"""vmap: a function of one example run on a whole batch at once."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any

import numpy as np

from ..arrays import generator
from ..arrays.batched import BatchedArray, next_level
from ..autograd.engine import lasting, next_number
from ..ops import batch as batch  # states the batching rules
from ..ops import linalg_batch as linalg_batch  # and those of matrices
from ..ops.declare import registry
from ..tensor import Tensor, function_of, wrap
from .levels import running
from .tree import broadcast_to, flatten, unflatten


def drawn_for_each(draw: Callable[[tuple[int, ...]], Tensor], shape: tuple[int, ...]) -> Tensor:
    """Random numbers of a shape: in a vmap of "different" randomness, of their own for every example."""
    if generator.randomness.get() != "different":
        return draw(shape)
    level, size = running.get()[-1]
    return enter(draw((size, *shape)), 0, level)


def repeated(t: Tensor) -> Tensor:
    """`t` as one tensor per example of every vmap that is running:
    what a gradient per example is taken of.
    """
    have = {level for level, _ in getattr(t._a, "levels", ())}
    for level, size in running.get():
        if level not in have:
            t = enter(t.expand(size, *t._a.shape), 0, level)
    return t


def vmap(
    func: Callable[..., Any],
    in_dims: Any = 0,
    out_dims: Any = 0,
    randomness: str = "error",
    *,
    chunk_size: int | None = None,
) -> Callable[..., Any]:
    """A function that maps `func` over dimension `in_dims` of its inputs and stacks results along `out_dims`.

    None in `in_dims` leaves an input unmapped. `randomness` says whether random numbers may be drawn
    ("error": not), one for all examples ("same") or one for each ("different"). Raises ValueError where sizes
    differ or nothing is mapped.
    """
    if randomness not in ("error", "different", "same"):
        raise RuntimeError(
            f"vmap: Only allowed values for randomness are 'error', 'different', or 'same'. Got {randomness}"
        )

    @wraps(func)
    def mapped(*args: Any, **kwargs: Any) -> Any:
        leaves, shape = flatten(args)
        dims = broadcast_to(
            in_dims if isinstance(in_dims, (tuple, list)) else (in_dims,) * len(args),
            list(args),
            "vmap: in_dims",
        )
        size = _batch_size(leaves, dims)
        level = next_level()
        entered = [x if d is None else enter(x, d, level) for x, d in zip(leaves, dims, strict=True)]
        inside = unflatten(shape, entered)
        token, drawing = running.set((*running.get(), (level, size))), generator.randomness.set(randomness)
        try:
            out = func(*inside, **kwargs)  # not mapped: in_dims counts what stands by position
        finally:
            running.reset(token)
            generator.randomness.reset(drawing)
        return _leave(out, out_dims, size, level)

    return mapped if chunk_size is None else _chunked(func, in_dims, out_dims, randomness, chunk_size)


def _batch_size(leaves: list[Any], dims: list[Any]) -> int:
    sizes = {}
    for x, d in zip(leaves, dims, strict=True):
        if d is None:
            continue
        if not isinstance(x, Tensor):
            raise ValueError(
                f"vmap: got in_dim={d} for an input that is not a "
                f"Tensor but {type(x).__name__}; give it in_dim=None"
            )
        if not -x.ndim <= d < x.ndim:
            raise ValueError(f"vmap: got in_dim={d} for an input of dimensionality {x.ndim}")
        sizes[x._a.shape[d]] = x
    if not sizes:
        raise ValueError("vmap: at least one input must be mapped over (all in_dims are None)")
    if len(sizes) > 1:
        raise ValueError(
            "vmap: Expected all tensors to have the same size "
            f"in the mapped dimension, got sizes {sorted(sizes)}"
        )
    return next(iter(sizes))


def _leave(out: Any, out_dims: Any, size: int, level: int) -> Any:
    leaves, shape = flatten(out)
    dims = broadcast_to(out_dims, out, "vmap: out_dims")
    for x in leaves:
        if not isinstance(x, Tensor):
            raise ValueError(
                f"vmap: the function must return Tensors (or a nest of them), got {type(x).__name__}"
            )
    return unflatten(shape, [leave(x, d, size, level) for x, d in zip(leaves, dims, strict=True)])


def _chunked(
    func: Callable[..., Any], in_dims: Any, out_dims: Any, randomness: str, chunk: int
) -> Callable[..., Any]:
    """vmap over consecutive pieces of the batch, results joined."""
    cat = function_of(registry["cat"])

    def mapped(*args: Any, **kwargs: Any) -> Any:
        leaves, shape = flatten(args)
        dims = broadcast_to(
            in_dims if isinstance(in_dims, (tuple, list)) else (in_dims,) * len(args),
            list(args),
            "vmap: in_dims",
        )
        pieces = [x.split(chunk, d) if d is not None else None for x, d in zip(leaves, dims, strict=True)]
        n = max(len(p) for p in pieces if p is not None)
        outs = []
        for i in range(n):
            part = [x if p is None else p[i] for x, p in zip(leaves, pieces, strict=True)]
            outs.append(flatten(vmap(func, in_dims, out_dims, randomness)(*unflatten(shape, part), **kwargs)))
        spec = broadcast_to(out_dims, unflatten(outs[0][1], outs[0][0]), "vmap: out_dims")
        joined = [cat([o[0][k] for o in outs], spec[k]) for k in range(len(outs[0][0]))]
        return unflatten(outs[0][1], joined)

    return mapped


# -- in and out of a batch; both are nodes, so that gradients flow through a vmap ---------------------------


def enter(t: Tensor, dim: int, level: int) -> Tensor:
    """A tensor seen as a batch of its slices along `dim`."""
    moved = t.movedim(dim, 0) if dim % t.ndim else t
    inside = wrap(BatchedArray(moved._a, level))
    if moved._n is not None:
        inside._n = [next_number(), _enter_backward, moved._n, level, moved._a.shape[0]]
    return inside


def leave(t: Tensor, dim: int, size: int, level: int) -> Tensor:
    """The stacked examples of a batched tensor; one that is the same for every example is repeated."""
    a = t._a
    if isinstance(a, BatchedArray) and a.level == level:
        out = wrap(a.value)
        if t._n is not None:
            out._n = [next_number(), _leave_backward, t._n, level]
    else:
        out = t.expand(size, *a.shape)
    return out.movedim(0, dim) if dim % max(out.ndim, 1) else out


def _enter_backward(n: list[Any], g: Any) -> Any:
    _, _, _, level, size = n
    if isinstance(g, BatchedArray) and g.level == level:
        return g.value
    if isinstance(g, np.ndarray):
        return np.broadcast_to(g, (size, *g.shape))
    return g.ops["expand"](g, (size, *g.shape))


def _enter_on_tensors(n: list[Any], g: Tensor) -> Tensor:
    return leave(g, 0, n[4], n[3])


def _leave_backward(n: list[Any], g: Any) -> Any:
    return BatchedArray(g, n[3])


def _leave_on_tensors(n: list[Any], g: Tensor) -> Tensor:
    return enter(g, 0, n[3])


_enter_backward.on_tensors = _enter_on_tensors  # type: ignore[attr-defined]
_leave_backward.on_tensors = _leave_on_tensors  # type: ignore[attr-defined]
lasting.update((_enter_backward, _leave_backward))
