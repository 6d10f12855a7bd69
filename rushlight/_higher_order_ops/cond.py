"""cond: one of two functions, as a boolean tensor says."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ..arrays.batched import BatchedArray
from ..compiler.branches import by_branch
from ..compiler.regions import Batched
from ..compiler.tree import flattened, rebuilt
from ..ops.declare import registry
from ..tensor import Tensor, function_of


def cond(
    pred: Any,
    true_fn: Callable[..., Any],
    false_fn: Callable[..., Any],
    operands: Sequence[Any] = (),
) -> Any:
    """true_fn(*operands) if pred else false_fn(*operands).

    `pred` is a boolean tensor of one element, or a Python number. In a compiled function both functions are
    captured, and each call runs one of them; they must return tensors of the same shapes and dtypes, and may
    not write in place to what is there. Under `vmap` with a `pred` for each example both are computed.
    Raises RuntimeError for other predicates, and where the functions' results differ in more than numbers.

        torch.cond(x.sum() > 0, torch.sin, torch.cos, (x,))
    """
    if not callable(true_fn) or not callable(false_fn):
        raise RuntimeError("cond: true_fn and false_fn must be functions")
    if not isinstance(operands, tuple | list):
        raise RuntimeError(f"cond: operands must be a tuple or list, got {type(operands).__name__}")
    if not isinstance(pred, Tensor):
        return _constant(pred)(true_fn, false_fn)(*operands)
    if pred._a.size != 1 or pred._a.dtype != np.bool_:
        raise RuntimeError(
            f"cond: pred must be a boolean tensor of one element, got {pred.dtype} of shape "
            f"{tuple(pred.shape)}. Write a comparison, or reduce it by .any() or .all()"
        )
    if isinstance(pred._a, BatchedArray):
        return _both(pred, true_fn(*operands), false_fn(*operands))
    try:
        return by_branch(pred, (true_fn, false_fn), operands)
    except Batched:
        return _both(pred, true_fn(*operands), false_fn(*operands))


def _constant(pred: Any) -> Callable[..., Any]:
    """Which of two, by a number of Python's."""
    if not isinstance(pred, bool | int | float):
        raise RuntimeError(f"cond: pred must be a boolean tensor or a number, got {type(pred).__name__}")
    return (lambda first, second: first) if pred else (lambda first, second: second)


def _both(pred: Tensor, first: Any, second: Any) -> Any:
    """Either result, chosen for each example."""
    (ours, structure), (theirs, other) = flattened(first), flattened(second)
    if structure != other:
        raise RuntimeError(f"cond: the branches return different structures: {structure} and {other}")
    where = function_of(registry["where"])
    pred = pred.reshape(())
    chosen = [where(pred, a, b) if isinstance(a, Tensor) else a for a, b in zip(ours, theirs, strict=True)]
    return rebuilt(structure, chosen)
