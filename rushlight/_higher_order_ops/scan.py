"""scan: a state carried over slices of tensors, with an output for each."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ..compiler.loops import check_carried
from ..compiler.regions import Batched, traced_results, whole_tracer
from ..compiler.scans import scan as as_node
from ..compiler.tree import flattened, rebuilt
from ..ops.declare import registry
from ..tensor import Tensor, function_of


def scan(
    combine_fn: Callable[..., Any], init: Any, xs: Any, *, dim: int = 0, reverse: bool = False
) -> tuple[Any, Any]:
    """(state, ys): `for x in xs: state, y = combine_fn(state, x)` from state = init, with all y stacked.

    `init` and `xs` are tensors or nests of them; x are the slices of xs along `dim`, from the last to the
    first with `reverse`, and ys are stacked in their order. In a compiled function a step is captured once;
    gradients keep what each step needs. Raises RuntimeError for slices of different numbers or none, and
    for a state that changes its shape or dtype.

        scan(lambda total, x: (total + x, total + x), torch.zeros(2), xs)   # cumsum(0)
    """
    tensors, nest = flattened(xs)
    if not tensors:
        return init, []
    _check(combine_fn, flattened(init)[0], tensors)
    dim = dim % tensors[0].ndim if -tensors[0].ndim <= dim < tensors[0].ndim else dim
    if any(t.ndim <= dim or not t.shape[dim] for t in tensors) or len({t.shape[dim] for t in tensors}) > 1:
        shapes = [tuple(t.shape) for t in tensors]
        raise RuntimeError(
            f"scan: all xs need the same number of slices along dim {dim}, at least one; got shapes {shapes}"
        )
    moved = [t.movedim(dim, 0) if dim else t for t in tensors]
    state, ys = _scanned(combine_fn, init, moved, nest, reverse)
    leaves, shape = flattened(ys)
    return state, rebuilt(shape, [y.movedim(0, dim) if 0 < dim < y.ndim else y for y in leaves])


def _check(combine_fn: Any, states: list[Any], tensors: list[Any]) -> None:
    if not callable(combine_fn):
        raise RuntimeError("scan: combine_fn must be a function")
    if not states:
        raise RuntimeError("scan: there must be a state: init is empty")
    for name, leaves in (("init", states), ("xs", tensors)):
        for t in leaves:
            if not isinstance(t, Tensor):
                raise RuntimeError(f"scan: {name} must hold tensors, got {type(t).__name__}")


def _scanned(combine_fn: Any, init: Any, xs: list[Any], nest: Any, reverse: bool) -> Any:
    """The scan along the first dimension: one node where a whole graph is traced, else steps of Python's."""
    tracer = whole_tracer()
    if tracer is not None:
        try:
            traced_results((init, xs))
            return as_node(tracer, combine_fn, init, rebuilt(nest, [x.contiguous() for x in xs]), reverse)
        except Batched:
            pass
    return _by_python(combine_fn, init, [x.unbind(0) for x in xs], nest, reverse)


def _by_python(combine_fn: Any, state: Any, slices: list[Any], nest: Any, reverse: bool) -> Any:
    initial, rows, shape = flattened(state), [], None
    order = range(len(slices[0]))
    for i in reversed(order) if reverse else order:
        found = combine_fn(state, rebuilt(nest, [s[i] for s in slices]))
        if not isinstance(found, tuple | list) or len(found) != 2:
            raise RuntimeError("scan: combine_fn must return a pair: the next state, and an output")
        state = found[0]
        check_carried("scan", initial, flattened(state))
        leaves, shape = flattened(found[1])
        rows.append(leaves)
    if reverse:
        rows.reverse()
    stack = function_of(registry["stack"])
    return state, rebuilt(shape, [stack(column) for column in zip(*rows, strict=True)])
