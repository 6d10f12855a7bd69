"""while_loop: a function applied to a state as long as a condition holds."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from ..arrays.batched import BatchedArray
from ..compiler.loops import as_tuple, check_carried, condition
from ..compiler.loops import while_loop as as_node
from ..compiler.regions import Batched, traced_results, whole_tracer
from ..compiler.tree import flattened, rebuilt
from ..ops.declare import registry
from ..tensor import Tensor, function_of


def while_loop(
    cond_fn: Callable[..., Any], body_fn: Callable[..., Any], carried_inputs: Sequence[Any]
) -> tuple[Any, ...]:
    """The state after `while cond_fn(*state): state = body_fn(*state)`, from state = carried_inputs.

    `cond_fn` returns a boolean tensor of one element; shapes and dtypes of the state stay the same. In a
    compiled function both are captured once, and there the results have no gradients (use `scan` for a
    known number of steps). Raises RuntimeError for other conditions, and for a state that changes its kind.

        torch.while_loop(lambda i, x: i < 3, lambda i, x: (i + 1, x * 2), (torch.tensor(0), x))
    """
    if not callable(cond_fn) or not callable(body_fn):
        raise RuntimeError("while_loop: cond_fn and body_fn must be functions")
    if not isinstance(carried_inputs, tuple | list):
        raise RuntimeError(
            f"while_loop: the carried values must be a tuple or list, got {type(carried_inputs).__name__}"
        )
    state = tuple(carried_inputs)
    tracer = whole_tracer()
    if tracer is not None:
        try:
            traced_results(state)
            return as_node(tracer, cond_fn, body_fn, state)
        except Batched:
            pass
    return _by_python(cond_fn, body_fn, state)


def _by_python(cond_fn: Any, body_fn: Any, state: tuple[Any, ...]) -> tuple[Any, ...]:
    initial = flattened(state)
    while True:
        going = condition(cond_fn(*state))
        if not _any(going):
            return state
        following = as_tuple(body_fn(*state))
        found = flattened(following)
        check_carried("while_loop", initial, found)
        state = _moved(going, flattened(state)[0], found) if _is_batched(going) else following


def _is_batched(t: Any) -> bool:
    return isinstance(t._a, BatchedArray)


def _any(going: Tensor) -> bool:
    """Whether the condition holds, for one example at least."""
    a = going._a
    while isinstance(a, BatchedArray):
        a = a.value
    return bool(a.any()) if a.shape else bool(a)


def _moved(going: Tensor, old: list[Any], new: tuple[list[Any], Any]) -> Any:
    """The next state of the examples that go on, the old one of the others."""
    where = function_of(registry["where"])
    return rebuilt(new[1], [where(going, b, a) for a, b in zip(old, new[0], strict=True)])
