"""Every module compiled against itself uncompiled: outputs, gradients, state, over steps and in eval mode."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

import rushlight
from tests.compiler.agreement import WIDE, apart, not_one_plan
from tests.nn.layer_cases import CASES, Case, flat

STEPS = 3
#: modules whose calls are split, and why
BREAKS = {
    "CTCLoss": "the lengths are Python's numbers",
}


def few() -> list[Case]:
    """One case of each module with each set of names of settings; all in a wide run."""
    if WIDE:
        return CASES
    found: dict[Any, Case] = {}
    for case in CASES:
        found.setdefault(
            (case.name, bool(case.kwargs), len(case.inputs[0]) if case.name == "BatchNorm1d" else 0), case
        )
    return [*found.values()]


class Run:
    """A module from seed 0, compiled or not, and what its steps leave."""

    def __init__(self, case: Case, compiled: bool) -> None:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)
            self.layer = case.build(rushlight)
        self.call = rushlight.compile(self.layer) if compiled else self.layer

    def step(self, arguments: list[Any], seed: int) -> Iterator[tuple[str, Any]]:
        """Outputs, and the gradients of a weighted sum of them, of arguments and parameters."""
        given = [a.detach().clone().requires_grad_(a.requires_grad) for a in arguments]
        self.layer.zero_grad()
        rushlight.manual_seed(seed)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)
            outputs = flat(self.call(*given))
        tracked = [t for t in outputs if t.requires_grad]
        if tracked:
            rushlight.stack([(t * rushlight.cos(t.detach())).sum() for t in tracked]).sum().backward()
        yield from ((f"output {k}", t.detach()) for k, t in enumerate(outputs))
        yield from ((f"gradient of argument {k}", t.grad) for k, t in enumerate(given))
        yield from ((f"gradient of {n}", p.grad) for n, p in self.layer.named_parameters())
        yield from ((f"state {n}", t) for n, t in self.layer.state_dict().items())


def changed(arguments: list[Any], k: int) -> list[Any]:
    """Other numbers: floats a little smaller, whole numbers as they are."""
    shrunk = lambda a: (a.detach() * (1 - k / 16)).requires_grad_(a.requires_grad)  # noqa: E731
    return [shrunk(a) if a.is_floating_point() else a for a in arguments]


def draws(case: Case, train: bool) -> bool:
    """Whether a module gives other outputs from another seed."""
    run = Run(case, compiled=False)
    run.layer.train(train)
    first, second = (dict(run.step(case.arguments(rushlight), seed)) for seed in (1, 2))
    outputs = [n for n in first if n.startswith("output")]
    return any(not np.array_equal(first[n].numpy(), second[n].numpy(), equal_nan=True) for n in outputs)


@pytest.mark.parametrize("case", few(), ids=lambda case: case.label)
def test_agrees(case: Case) -> None:
    eager, compiled = Run(case, False), Run(case, True)
    for train in (True, False):
        chance = train and "train" in case.modes and len(case.modes) == 2 and draws(case, train)
        for run in (eager, compiled):
            run.layer.train(train)
        for k in range(STEPS if train else 2):
            arguments = changed(case.arguments(rushlight), k)
            expected, mine = dict(eager.step(arguments, k)), dict(compiled.step(arguments, k))
            assert [*mine] == [*expected]
            for name, value in expected.items():
                problem = kind_apart(mine[name], value) if chance else apart(mine[name], value)
                assert problem is None, f"step {k}, train {train}, {name}: {problem}"
    if case.name not in BREAKS:
        assert_plans(compiled.call.compiled)


def kind_apart(x: Any, y: Any) -> str | None:
    """How the kinds of two values differ."""
    if x is None or y is None or (x.shape == y.shape and x.dtype is y.dtype):
        return None
    return f"{x.dtype} {tuple(x.shape)} instead of {y.dtype} {tuple(y.shape)}"


def assert_plans(compiled: Any) -> None:
    """One plan in each mode, and no more."""
    if len(compiled.plans) == 2 and compiled.split is None and not compiled.given_up:
        return
    problem = not_one_plan(compiled)
    assert problem is None, problem
