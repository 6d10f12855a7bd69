"""Of every op: the plan passes its own check, and the printed graph gives the op's results."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import rushlight as torch
from rushlight.compiler.compiled import Compiled
from rushlight.ops.declare import registry
from tests.ops import harness as h
from tests.ops.harness import Report

pytestmark = pytest.mark.slow
PUBLIC = sorted(name for name, op in registry.items() if op.under != "internal")
#: like eager, to what summing in another order and fusing makes of it
TOLERANCE = {"rtol": 1e-4, "atol": 1e-5}


@pytest.mark.parametrize("name", PUBLIC)
def test_graph_of(name: str) -> None:
    op, report = registry[name], Report()
    tensor = lambda a: torch.from_numpy(a.copy())  # noqa: E731
    where = getattr(torch.Tensor, op.name, None) if "F" in op.forms else h.reach(torch, op.names[0])
    for sample in h.cases(op)[:3] if where is not None else ():
        cast = h.cast_floats(sample, "float32")
        args, kwargs = (h.each_array(v, tensor) for v in (cast.args, cast.kwargs))
        report.note(str(h.each_array([*cast.args], np.shape)), problem_of(where, args, kwargs))
    report.conclude()


def problem_of(function: Any, args: Any, kwargs: Any) -> str | None:
    """What is wrong with the graph of a call; None too where eager refuses it, draws, or Python looks at
    numbers.
    """
    call = lambda *a: function(*a, **kwargs)  # noqa: E731
    chance = torch.get_rng_state()
    first, refused = h.attempt(lambda: call(*args))
    if refused is not None or not torch.equal(chance, torch.get_rng_state()):
        return None
    compiled = Compiled(call, debug=True)
    for _ in range(2):
        _, refused = h.attempt(lambda: compiled(*args))
        if refused is not None:
            return f"{type(refused).__name__}: {refused}"
    if compiled.split is not None:
        return None
    for graph in (compiled.graph, compiled.graph.traced):
        named = graph.values() | given(compiled, graph, args)
        found, refused = h.attempt(lambda: graph.function()(**named))  # noqa: B023
        if refused is not None or not alike(found, first):
            return f"{refused or found}\n{graph}"
    return None


def given(compiled: Compiled, graph: Any, args: Any) -> dict[str, Any]:
    """The arguments by the names that the graph gives them."""
    tensors = [t for t in h.leaves(list(args)) if h.is_tensor(t)]
    places = compiled.plans[0].plan.given
    pairs = [(p.storage, t) for p, t in zip(places, tensors, strict=False)]
    return {n: t.clone() for n, p in graph.inputs.items() for s, t in pairs if s is p.storage}


def alike(found: Any, expected: Any) -> bool:
    """Whether the tensors in two results are, to rounding."""
    mine, other = ([h.numbers(t) for t in h.leaves(r) if h.is_tensor(t)] for r in (found, expected))
    return len(mine) == len(other) and all(
        np.allclose(a, b, equal_nan=True, **TOLERANCE) for a, b in zip(mine, other, strict=True)
    )
