"""associative_scan: all prefixes of an associative operation, in a few steps (Blelloch 1990)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ..compiler.tree import flattened, rebuilt
from ..func.vmapping import vmap
from ..ops.declare import registry
from ..tensor import Tensor, function_of

Slabs = list[Any]


def associative_scan(
    combine_fn: Callable[..., Any],
    xs: Any,
    dim: int,
    reverse: bool = False,
    combine_mode: str = "pointwise",
) -> Any:
    """x1, x1*x2, x1*x2*x3, ... along `dim`, where a*b = combine_fn(a, b) is associative.

    `xs` is a tensor or a nest of them. A "pointwise" combine_fn is applied to many slices at once, a
    "generic" one to each by `vmap`. With `reverse` it goes from the last slice to the first. Raises
    RuntimeError for another mode, and ValueError where the numbers of slices differ.

        associative_scan(torch.add, xs, 0)   # cumsum(0)
    """
    if combine_mode not in ("pointwise", "generic"):
        raise RuntimeError(f"associative_scan: combine_mode is pointwise or generic, got {combine_mode!r}")
    tensors, nest = flattened(xs)
    if not tensors or not all(isinstance(t, Tensor) for t in tensors):
        raise RuntimeError("associative_scan: xs must be tensors, at least one")
    if len({t.shape[dim] for t in tensors}) > 1:
        raise ValueError(f"associative_scan: different numbers of slices along dim {dim}")
    fn = combine_fn if combine_mode == "pointwise" else vmap(combine_fn)
    slabs = [t.movedim(dim, 0) for t in tensors]
    if reverse:
        slabs = [t.flip(0) for t in slabs]

    def combine(a: Slabs, b: Slabs) -> Slabs:
        return flattened(fn(rebuilt(nest, a), rebuilt(nest, b)))[0]

    found = _prefixes(combine, slabs)
    if reverse:
        found = [t.flip(0) for t in found]
    return rebuilt(nest, [t.movedim(0, dim) for t in found])


def _prefixes(combine: Callable[[Slabs, Slabs], Slabs], xs: Slabs) -> Slabs:
    """Pairs are combined, their prefixes found; those between follow by one step more."""
    n = len(xs[0])
    if n < 2:
        return xs
    odd = _prefixes(combine, combine([x[0 : n - 1 : 2] for x in xs], [x[1::2] for x in xs]))
    even = [x[0:1] for x in xs]
    if n > 2:
        before = [x[: (n - 1) // 2] for x in odd]
        even = [_joined([e, r]) for e, r in zip(even, combine(before, [x[2::2] for x in xs]), strict=True)]
    return [_interleaved(e, o) for e, o in zip(even, odd, strict=True)]


def _joined(tensors: Slabs) -> Any:
    return function_of(registry["cat"])(tensors, 0)


def _interleaved(even: Any, odd: Any) -> Any:
    """e0, o0, e1, o1, ..."""
    n = len(odd)
    pairs = function_of(registry["stack"])([even[:n], odd], 1).flatten(0, 1)
    return pairs if len(even) == n else _joined([pairs, even[n:]])
