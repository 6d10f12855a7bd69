"""Whether an op's launches are all it does: found out by trial, and remembered."""

import numpy as np
import pytest

import rushlight.compiler.verdicts as verdicts
from rushlight.compiler.tracer import Tracer, watching
from rushlight.kernels import allocator, fused
from rushlight.kernels.fused import Operand, Step
from rushlight.kernels.types import f32
from rushlight.scalar import var

N = 64


def doubled(x, out):
    """out = 2 x by a kernel."""
    made = fused.plan(
        x.shape, [Step("y", var("x") * 2, f32, f32)], [Operand("x", f32, (1,))], [Operand("y", f32, (1,))]
    )
    launch = made.launches[0]
    launch.kernel.run(launch.total, launch.grain, launch.table, out, x)


def by_kernel(x):
    out = np.empty(N, np.float32)
    doubled(x, out)
    return out


def after_numpy(x):
    return by_kernel(x + 0)  # a copy that no launch makes


def before_numpy(x):
    return by_kernel(x) + 0


def into_zeros(x):
    out = np.zeros(2 * N, np.float32)
    doubled(x, out[:N])
    return out


def by_value(x):
    return by_kernel(x) if x[0] > 0 else by_kernel(by_kernel(x))


def in_place(x):
    doubled(x, x)
    return x + 0


@pytest.mark.parametrize(
    ("run", "native"),
    [(by_kernel, True), (after_numpy, False), (before_numpy, False), (into_zeros, False), (by_value, None)],
)
def test_verdict(run, native, monkeypatch):
    monkeypatch.setattr(verdicts, "_book", lambda book={}: book)
    tracer = Tracer()
    watching(tracer)
    try:
        x = np.linspace(0.5, 1, N, dtype=np.float32)
        found, launches, verdict = verdicts.judged(tracer, run.__name__, run, [x], ())
    finally:
        watching(None)
    np.testing.assert_array_equal(found[:N], 2 * x)
    if native is not None:
        assert verdict.native is native


def test_inputs_that_are_written_are_known():
    tracer = Tracer()
    watching(tracer)
    try:
        verdict = verdicts.judged(tracer, "in place", in_place, [np.ones(N, np.float32)], "test")[2]
    finally:
        watching(None)
    assert verdict.writes == (0,) and not verdict.native


def test_views_are_nothing_to_run():
    tracer = Tracer()
    x = np.ones((4, 4), np.float32)
    assert verdicts.judged(tracer, "turned", lambda a: a.T[1:], [x], "test")[2] == verdicts.NOTHING


@pytest.mark.skipif(allocator.current() is None, reason="memory is not counted")
def test_a_trial_takes_one_copy_of_the_arguments_and_of_the_results(monkeypatch):
    monkeypatch.setattr(verdicts, "_book", lambda book={}: book)

    def run(x):
        out = np.empty(x.shape, np.float32)
        doubled(x, out)
        return out

    counted = allocator.current()
    x = np.linspace(0, 1, 1 << 21, dtype=np.float32)
    tracer = Tracer()
    watching(tracer)
    try:
        run(x)
        counted.reset_peak()
        before = counted.counters()["allocated"]
        found, _, verdict = verdicts.judged(tracer, "large", run, [x], ())
        most = counted.counters()["peak"] - before
    finally:
        watching(None)
    np.testing.assert_array_equal(found, 2 * x)
    assert verdict.native and most < 2.4 * x.nbytes
