"""Calls made compiled and eagerly, side by side: what they return, write, share, and their gradients.

A sample is called several times with other numbers in arrays of the same layout: the first call captures,
the others run the plan.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

import rushlight
from rushlight.compiler.compiled import Compiled
from tests.ops import harness as h
from tests.ops.samples import Sample

#: about how many samples of each op are called; all where more are asked for
WIDTH = int(os.environ.get("RUSHLIGHT_COMPILED_SAMPLES", "2"))
WIDE = WIDTH > 2
CALLS = 3
#: how far a plan may be from eager: fused steps round once where single ones round each
TOLERANCE = {
    "float64": 1e-12,
    "float32": 4e-6,
    "bfloat16": 1.6e-2,
    "float16": 2e-3,
    "complex64": 4e-6,
    "complex128": 1e-12,
}


# -- the same call with other numbers ------------------------------------------------------------------


def other_numbers(a: np.ndarray, k: int) -> np.ndarray:
    """An array of the same layout; the numbers stand in another order, floats are a little smaller."""
    made = h.keep_layout(a)
    values = np.roll(a.reshape(-1)[::-1], k - 1).reshape(a.shape)
    if a.dtype.kind in "fcV":
        values = (values * a.dtype.type(1 - k / 32)).astype(a.dtype)
    elif a.size == 1:
        values = ~values if a.dtype.kind == "b" else np.where(values > 0, values - 1, values + 1)
    if a.size:
        made[...] = values
    return made


def only(kinds: str, k: int) -> Callable[[np.ndarray], np.ndarray]:
    """Other numbers in arrays of these kinds."""
    return lambda a: other_numbers(a, k) if a.dtype.kind in kinds else a


def variants(sample: Sample, accepted: Callable[[Sample], bool]) -> Iterator[Sample]:
    """The sample, then others like it: as much of it is changed as the op accepts."""
    yield sample
    for k in range(1, CALLS):
        for kinds in ("fcVbiu", "fcV", "biu"):
            other = h.changed(sample, only(kinds, k))
            if accepted(other):
                yield other
                break
        else:
            yield sample


# -- outcomes ------------------------------------------------------------------------------------------


@dataclass
class Outcome:
    """What a call gave, the tensors it was given, what these hold afterwards, and the gradients."""

    result: Any
    given: list[Any]
    gradients: Sequence[Any] = ()


def called(function: Callable[..., Any], sample: Sample, tracked: bool) -> Outcome:
    """A call, and the gradients of what it gave."""
    make = lambda a: h.tensor(a, tracked)  # noqa: E731
    result, given = h._run(function, sample, make, rushlight)
    return Outcome(result, given, h.gradients(result, given) if tracked else ())


def disagreement(mine: Outcome, eager: Outcome, shares: bool) -> str | None:
    """How a compiled call differs from the eager one."""
    return (
        apart(mine.result, eager.result)
        or _prefixed("argument", apart(mine.given, eager.given))
        or _prefixed("gradient", apart(list(mine.gradients), list(eager.gradients)))
        or (_sharing(mine, eager) if shares else None)
    )


def _prefixed(what: str, problem: str | None) -> str | None:
    return problem and f"{what}: {problem}"


def apart(mine: Any, eager: Any) -> str | None:
    """How values, types or kinds differ."""
    mine, eager = h.leaves(mine), h.leaves(eager)
    if len(mine) != len(eager):
        return f"{len(mine)} results instead of {len(eager)}"
    for k, (x, y) in enumerate(zip(mine, eager, strict=True)):
        problem = _apart(x, y)
        if problem:
            return f"{k}: {problem}"
    return None


def _apart(x: Any, y: Any) -> str | None:
    if not h.is_tensor(x) or not h.is_tensor(y):
        return None if x is y or x == y or (x != x and y != y) else f"{x!r} instead of {y!r}"
    if x.dtype is not y.dtype or x.shape != y.shape:
        return f"{x.dtype} {tuple(x.shape)} instead of {y.dtype} {tuple(y.shape)}"
    if x.requires_grad is not y.requires_grad or x.is_leaf is not y.is_leaf:
        return f"requires_grad {x.requires_grad}, is_leaf {x.is_leaf}"
    name = str(x.dtype).removeprefix("torch.")
    return h.apart(h.numbers(x), h.numbers(y), TOLERANCE.get(name, 0))


def _sharing(mine: Outcome, eager: Outcome) -> str | None:
    """Whether results are, or share memory with, the same arguments and results."""
    ours, theirs = (_shared(o) for o in (mine, eager))
    return None if ours == theirs else f"shares {ours} instead of {theirs}"


def _shared(outcome: Outcome) -> list[tuple[int, int, bool]]:
    results = [t for t in h.leaves(outcome.result) if h.is_tensor(t)]
    found = []
    for i, t in enumerate(results):
        for k, other in enumerate([*outcome.given, *results[:i]]):
            if t.numel() and np.shares_memory(t.detach()._a, other.detach()._a):
                found.append((i, k, t is other))
    return found


# -- the comparison ------------------------------------------------------------------------------------


def problem_of(
    function: Callable[..., Any], sample: Sample, tracked: bool = False, breaks: bool = False
) -> str | None:
    """How a function differs when compiled; None where it agrees, or where eager refuses the call.

    It must run as one plan, unless it `breaks`: asks for numbers by nature.
    """
    accepted = lambda s: h.attempt(lambda: called(function, s, tracked))[1] is None  # noqa: E731
    if not accepted(sample):
        return None
    compiled = Compiled(function)
    for k, other in enumerate(variants(sample, accepted)):
        expected = called(function, other, tracked)
        mine, refused = h.attempt(lambda: called(compiled, other, tracked))  # noqa: B023
        if refused is not None:
            return f"call {k}: raised {type(refused).__name__}: {str(refused)[:200]}"
        problem = disagreement(mine, expected, shares=not breaks)
        if problem:
            return f"call {k}: {problem}"
    return None if breaks else not_one_plan(compiled)


def problem_of_steps(function: Callable[..., Any], sample: Sample, breaks: bool = False) -> str | None:
    """How a step that goes backward itself differs when compiled; its leaves stay, with other numbers."""
    accepted = lambda s: h.attempt(lambda: called(function, s, True))[1] is None  # noqa: E731
    if not accepted(sample):
        return None
    numbers = [*variants(sample, accepted)]
    steps = [_Step(function, sample, compiled) for compiled in (False, True)]
    for k, other in enumerate(numbers):
        eager, mine = (h.attempt(lambda: step(other)) for step in steps)  # noqa: B023
        if mine[1] is not None and eager[1] is None:
            return f"step {k}: raised {type(mine[1]).__name__}: {str(mine[1])[:200]}"
        problem = eager[1] is None and apart(mine[0], eager[0])
        if problem:
            return f"step {k}: {problem}"
    return None if breaks else not_one_plan(steps[1].run)


class _Step:
    """A function of nothing that calls `function` on leaves and goes backward from what it gives."""

    def __init__(self, function: Callable[..., Any], sample: Sample, compiled: bool) -> None:
        self.leaves: list[Any] = []
        args, kwargs = (h.each_array(part, self._leaf) for part in (sample.args, sample.kwargs))
        leaves = self.leaves

        def run() -> Any:
            result = function(*args, **kwargs)
            for leaf in leaves:
                leaf.grad = None
            for k, t in enumerate(outputs := h.differentiable(h.leaves(result))):
                t.backward(rushlight.cos(t.detach()), retain_graph=k + 1 < len(outputs))
            return [t.detach() for t in h.leaves(result) if h.is_tensor(t)]

        self.run = Compiled(run) if compiled else run

    def _leaf(self, a: np.ndarray) -> Any:
        self.leaves.append(h.tensor(a, requires_grad=True))
        return self.leaves[-1]

    def __call__(self, sample: Sample) -> list[Any]:
        arrays: list[np.ndarray] = []
        h.each_array([*sample.args, *sample.kwargs.values()], arrays.append)
        for leaf, a in zip(self.leaves, arrays, strict=True):
            if a.size:
                leaf._a[...] = a
        return [*self.run(), *[leaf.grad for leaf in self.leaves]]


def problem_of_chance(function: Callable[..., Any], sample: Sample) -> str | None:
    """How a function that draws differs in kind when compiled, or gives the same in every call."""
    compiled = Compiled(function)
    eager, refused = h.attempt(lambda: [_drawn(function, sample, k) for k in range(CALLS)])
    if refused is not None:
        return None
    mine = [_drawn(compiled, sample, k) for k in range(CALLS)]
    for x, y in zip(mine[-1], eager[-1], strict=True):
        if x.shape != y.shape or x.dtype != y.dtype:
            return f"{x.dtype} {x.shape} instead of {y.dtype} {y.shape}"
    many = sum(x.size for x in mine[0]) > 7  # few are the same by chance
    if many and not _all_same(eager[1:]) and _all_same(mine[1:]):
        return "draws the same in every call"
    again = [_drawn(compiled, sample, k) for k in range(CALLS)]
    return None if _all_same([mine[2], again[2]]) else "draws other numbers from the same seed"


def _drawn(function: Callable[..., Any], sample: Sample, seed: int) -> list[np.ndarray]:
    rushlight.manual_seed(seed)
    result, _ = h._run(function, replace(sample, random=False), h.tensor, rushlight)
    return [h.numbers(t) for t in h.leaves(result) if h.is_tensor(t)]


def _all_same(draws: list[list[np.ndarray]]) -> bool:
    return all(np.array_equal(a, b) for draw in draws for a, b in zip(draws[0], draw, strict=True))


def not_one_plan(compiled: Any) -> str | None:
    """Why all calls but the first were not served by one plan."""
    if compiled.split is not None:
        return "was split where numbers are read"
    if len(compiled.plans) != 1 or compiled.given_up:
        return f"has {len(compiled.plans)} plans: {compiled.plans[0].reason if compiled.plans else 'none'}"
    return None
