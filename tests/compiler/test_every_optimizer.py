"""Ten whole steps of every optimiser under every schedule, compiled against eager from the same weights."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

import rushlight
from rushlight.compiler.compiled import Compiled
from tests.compiler.agreement import not_one_plan
from tests.optim.test_lr_scheduler import SCHEDULES
from tests.optim.test_optimizers import SETTINGS

STEPS = 10
RNG = np.random.default_rng(5)
WEIGHTS = [RNG.standard_normal((4, 3)), RNG.standard_normal(3)]
BATCHES = RNG.standard_normal((STEPS, 8, 4))


class Training:
    """Two parameters, an optimiser and a schedule; `step` is the whole step."""

    def __init__(self, make: Any, schedule: Any, compiled: bool, dtype: Any) -> None:
        self.parameters = [rushlight.tensor(w, dtype=dtype, requires_grad=True) for w in WEIGHTS]
        self.optimizer = optimizer = make(rushlight, self.parameters)
        self.scheduler = scheduler = schedule and schedule(rushlight.optim.lr_scheduler, optimizer)
        w, b = self.parameters

        def step(x: Any) -> Any:
            optimizer.zero_grad()
            out = (x.mm(w) + b).tanh()
            loss = (out * out).mean()
            loss.backward()
            optimizer.step()
            if scheduler:
                scheduler.step()
            return loss.detach()

        self.step = Compiled(step) if compiled else step

    def state(self) -> Iterator[tuple[str, Any]]:
        """Parameters, gradients, what the optimiser keeps, and the rates."""
        for k, p in enumerate(self.parameters):
            yield f"parameter {k}", p.detach().numpy()
            yield f"gradient {k}", p.grad.numpy()
            for name, value in self.optimizer.state[p].items():
                yield f"{name} {k}", value.numpy() if hasattr(value, "numpy") else value
        for group in self.optimizer.param_groups:
            yield from ((n, v) for n, v in group.items() if isinstance(v, int | float | tuple))


def assert_agree(make: Any, schedule: Any, dtype: Any) -> Any:
    """Every step of both gives the same; returns the compiled one."""
    tolerance = 1e-12 if dtype is rushlight.float64 else 2e-5
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # schedules say that there are better ones
        eager, compiled = (Training(make, schedule, c, dtype) for c in (False, True))
        for k, batch in enumerate(BATCHES):
            losses = [t.step(rushlight.tensor(batch, dtype=dtype)).item() for t in (eager, compiled)]
            np.testing.assert_allclose(losses[1], losses[0], tolerance, tolerance, err_msg=f"loss {k}")
            expected, found = dict(eager.state()), dict(compiled.state())
            assert [*found] == [*expected]
            for name, value in expected.items():
                where = f"{name} after step {k}"
                np.testing.assert_allclose(found[name], value, tolerance, tolerance, err_msg=where)
    return compiled


def assert_few_plans(step: Any) -> None:
    """The first step makes the optimiser's state, the second the gradients' place; then one plan serves."""
    assert step.split is None and not step.given_up, not_one_plan(step)
    assert len(step.plans) <= 3, [p.reason for p in step.plans]


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("name", SETTINGS)
def test_optimizers(name: str, dtype: str) -> None:
    assert_few_plans(assert_agree(SETTINGS[name], None, getattr(rushlight, dtype)).step)


@pytest.mark.parametrize("name", SCHEDULES)
@pytest.mark.parametrize("kind", ["sgd", "adam"])
def test_schedules(name: str, kind: str) -> None:
    """In two groups, whose rates change from step to step."""

    def make(m: Any, parameters: list[Any]) -> Any:
        groups = [{"params": [p], "lr": rate} for p, rate in zip(parameters, (0.3, 0.1), strict=True)]
        return m.optim.SGD(groups, lr=0.2, momentum=0.9) if kind == "sgd" else m.optim.Adam(groups)

    assert_few_plans(assert_agree(make, SCHEDULES[name], rushlight.float32).step)
