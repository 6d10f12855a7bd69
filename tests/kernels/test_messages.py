"""Messages: gathered, computed with and added up in one kernel, as NumPy does it edge by edge."""

from __future__ import annotations

import numpy as np
import pytest

import rushlight.scalar as scalar
from rushlight.kernels import messages, native
from rushlight.kernels.fused_steps import Step
from rushlight.kernels.messages import Form, Rows
from rushlight.kernels.targets import NAMED, host
from rushlight.kernels.types import f32, f64, i32
from tests.kernels.threads import same_bits

pytestmark = pytest.mark.skipif(not native.on(), reason="no machine code here")
TYPES = {np.float32: f32, np.float64: f64, np.int32: i32}
NODES, EDGES, GUARD = 61, 1500, 77
a, b, c = (scalar.var(name) for name in "abc")


def form(t, shared):
    """(rows of the nodes at the edges) · (a number an edge) + (a row an edge) · (a number)."""
    inputs = Rows("a", t, True, False), Rows("b", t, False, True), Rows("c", t, False, False)
    return Form((Step("out", a * b + c * scalar.var("n"), t, t),), inputs, ("n",), "out", t, shared)


@pytest.mark.parametrize("kind", TYPES)
@pytest.mark.parametrize("inner", [1, 2, 3, 5, 7, 8, 15, 16, 17, 31, 33, 64, 100, 128, 129, 300])
def test_edge_by_edge(kind, inner):
    rng = np.random.default_rng(inner)
    x, rows = (rng.integers(-9, 9, (n, inner)).astype(kind) for n in (NODES, EDGES))
    weight = rng.integers(-9, 9, EDGES).astype(kind)
    source, target = rng.integers(0, NODES, (2, EDGES))
    before = rng.integers(-9, 9, (NODES, inner)).astype(kind)
    want = before.copy()
    np.add.at(want, target, x[source] * weight[:, None] + rows * kind(2))

    def found():
        outs = []
        for sets in (1, 2, 4):
            room = np.full(before.size + 64, GUARD, kind)
            y = room[32:-32].reshape(before.shape)
            y[...] = before
            kernel = messages.kernel(form(TYPES[kind], sets > 1), inner, host())
            kernel(sets, 1, y, target, EDGES, inner, sets, x, inner, source, weight, 1, rows, inner, 2.0)
            assert (room[:32] == GUARD).all() and (room[-32:] == GUARD).all()
            outs.append(y)
        return tuple(outs)

    for y in found():
        np.testing.assert_array_equal(y, want)
    assert same_bits(found)


def test_no_edges():
    y, none = np.ones((3, 5), np.float32), np.zeros(0, np.int64)
    empty = np.zeros((0, 5), np.float32)
    kernel = messages.kernel(form(f32, True), 5, host())
    kernel(2, 1, y, none, 0, 5, 2, y.copy(), 5, none, empty, 1, empty, 5, 2.0)
    assert (y == 1).all()


@pytest.mark.parametrize("name", NAMED)
@pytest.mark.parametrize("inner", [7, 300])
def test_it_is_written_for_other_processors(name, inner):
    from rushlight.kernels.llvm import assemble, text_of
    from rushlight.kernels.targets import writing

    target = NAMED[name]
    with writing(target):
        module = messages.kernel(form(f32, True), inner, target).make(target)
    assert assemble(text_of(module, target), target)
