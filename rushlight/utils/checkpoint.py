"""Checkpoints: what a part of the model computed is thrown away, and computed again when backward needs it.

The part is run once with recording, only to see what of the graph outside it reaches: that becomes the inputs
of a single node, and the rest is let go. Backward runs the part again, from the same random state, and
differentiates that. So a checkpoint works wherever an operation works: under `autograd.grad`, for inputs that
are closed over, inside another checkpoint, and for second derivatives.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import nullcontext
from typing import Any

from ..autograd.autocast import autocast_state, in_state, own_casts
from ..autograd.engine import Leaf, Outputs, binding, next_number, run_general, select_backward
from ..autograd.mode import enable_grad, grad_on, no_grad
from ..func.tree import flatten, unflatten
from ..random import fork_rng, get_rng_state, set_rng_state


def checkpoint(
    function: Callable[..., Any],
    *args: Any,
    use_reentrant: bool | None = None,
    context_fn: Callable[[], Any] | None = None,
    determinism_check: str = "default",
    debug: bool = False,
    early_stop: bool = True,
    preserve_rng_state: bool = True,
    **kwargs: Any,
) -> Any:
    """function(*args, **kwargs), whose intermediate values are not kept for backward but computed again.

    With `preserve_rng_state` random numbers (dropout) come out the same again; autocast is as it was.
    `use_reentrant` is accepted in both forms, which are one here; as in PyTorch, the reentrant form takes no
    keyword arguments for `function`.
    """
    if use_reentrant and (kwargs or context_fn is not None):
        unexpected = ", ".join(kwargs) or "context_fn"
        raise ValueError(f"checkpoint: unexpected keyword arguments with use_reentrant=True: {unexpected}")
    if not grad_on():
        return function(*args, **kwargs)
    first, again = context_fn() if context_fn is not None else (nullcontext(), nullcontext())
    state = get_rng_state() if preserve_rng_state else None
    casts = autocast_state()
    start = next_number()
    with first, own_casts():
        answer = function(*args, **kwargs)
    outputs, form = flatten(answer)
    tracked = [i for i, t in enumerate(outputs) if isinstance(t, binding.tensor) and _is_inside(t._n, start)]
    if not tracked:
        return answer
    reached = _reached([outputs[i]._n for i in tracked], start)

    def run() -> list[Any]:
        forked = fork_rng() if state is not None else nullcontext()
        with forked, again, enable_grad(), in_state(casts):
            if state is not None:
                set_rng_state(state)
            found = flatten(function(*args, **kwargs))[0]
        return [found[i] for i in tracked]

    node = [next_number(), _Again(), tuple(reached), run]
    for position, i in enumerate(tracked):
        t = outputs[i] = binding.wrap(outputs[i]._a)
        t._n = [next_number(), select_backward, node, position]
    return unflatten(form, outputs)


def checkpoint_sequential(
    functions: Any, segments: int, input: Any, use_reentrant: bool | None = None, **kwargs: Any
) -> Any:
    """A list of modules (or a Sequential) run on `input` in `segments` parts,
    all but the last checkpointed.
    """
    functions = list(functions.children()) if hasattr(functions, "children") else list(functions)
    size = len(functions) // segments
    cuts = [size * i for i in range(segments)] + [len(functions)]

    def run(part: Sequence[Any]) -> Callable[[Any], Any]:
        def forward(x: Any) -> Any:
            for function in part:
                x = function(x)
            return x

        return forward

    for start, end in zip(cuts[:-2], cuts[1:-1]):
        input = checkpoint(run(functions[start:end]), input, use_reentrant=use_reentrant, **kwargs)
    return run(functions[cuts[-2] :])(input)


def _is_inside(n: Any, start: int) -> bool:
    """Whether a node was made after `start` (numbers decrease)."""
    return n.__class__ is list and n[0] < start


def _reached(nodes: list[Any], start: int) -> list[Any]:
    """Nodes and leaves outside, older than `start`, that the nodes inside lead to."""
    outside: dict[int, Any] = {}
    seen: set[int] = set()
    ahead = list(nodes)
    while ahead:
        n = ahead.pop()
        if n is None or id(n) in seen:
            continue
        seen.add(id(n))
        if _is_inside(n, start):
            ahead.extend(n[2] if n[2].__class__ is tuple else (n[2],))
        elif n.__class__ is tuple:
            ahead.extend(n)
        else:
            outside[id(n)] = n
    return list(outside.values())


class _Again:
    """Backward of a checkpoint: the part is run again and differentiated, down to what it reaches outside."""

    __name__ = "CheckpointBackward"

    def __call__(self, n: list[Any], g: Outputs) -> Any:
        with no_grad():
            return self._pull(n, g, False)

    def on_tensors(self, n: list[Any], g: Outputs) -> Any:
        return self._pull(n, g, True)

    def _pull(self, n: list[Any], g: Outputs, create_graph: bool) -> Any:
        _, _, reached, run = n  # a freed node has no `run`: the engine explains
        outputs = run()
        captures = {id(m) if m.__class__ is Leaf else m[0]: [i] for i, m in enumerate(reached)}
        pairs = [(outputs[i]._n, part) for i, part in g.parts.items()]
        nodes, cotangents = [m for m, _ in pairs], [c for _, c in pairs]
        found = run_general(
            nodes, cotangents, create_graph, create_graph, captures, into_leaves=False, through=False
        )
        return tuple(found.get(i) for i in range(len(reached)))
