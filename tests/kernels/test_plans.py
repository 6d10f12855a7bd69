"""Plans: arrays bound to slots, launches run in order."""

import numpy as np
import pytest

from rushlight.kernels import fused
from rushlight.kernels.fused import Operand, Step
from rushlight.kernels.plans import Input, Runner
from rushlight.kernels.types import f32
from rushlight.scalar import var


def plan_of(n: int):
    """y = x + 1, then z = y · 2, by two launches; x and z are handed in."""
    steps = [Step("y", var("x") + 1, f32, f32)], [Step("y", var("x") * 2, f32, f32)]
    made = [
        fused.plan((n,), s, [Operand("x", f32, (1,))], [Operand("y", f32, (1,))]).launches[0] for s in steps
    ]
    y, words = np.zeros(n, np.float32), np.zeros(6, np.int64)
    base = words.ctypes.data
    rows = []
    for k, m in enumerate(made):
        words[3 * k] = m.table.ctypes.data
        rows.append((m.kernel.ready().address, base + 24 * k, m.total, m.grain))
    words[2], words[4] = 0, 0
    words[1] = words[5] = y.ctypes.data
    like = np.empty(n, np.float32)
    runner = Runner(np.array(rows, np.int64), [Input(like, [(base + 16, 0)]), Input(like, [(base + 32, 0)])])
    return runner, (made, y, words)


@pytest.mark.parametrize("n", [1, 100, 100_000])
def test_launches_run_in_order_on_the_arrays_bound(n):
    runner, kept = plan_of(n)
    for _ in range(3):
        x, z = np.random.rand(n).astype(np.float32), np.empty(n, np.float32)
        assert runner.bind((x, z)) is None
        runner.run(0, 2)
        np.testing.assert_array_equal(z, (x + 1) * 2)
    assert kept


@pytest.mark.parametrize(
    "wrong",
    [
        np.empty(10, np.float64),
        np.empty(9, np.float32),
        np.empty((10, 1), np.float32),
        np.empty(20, np.float32)[::2],
        "no array",
        np.empty(41, np.uint8)[1:].view(np.float32),
    ],
)
def test_what_does_not_fit_is_named_and_nothing_is_bound(wrong):
    runner, kept = plan_of(10)
    x, z = np.ones(10, np.float32), np.zeros(10, np.float32)
    assert runner.bind((x, z)) is None
    assert runner.bind((x, wrong)) == 1
    assert runner.bind((wrong, z)) == 0
    runner.run(0, 2)
    assert (z == 4).all() and kept
