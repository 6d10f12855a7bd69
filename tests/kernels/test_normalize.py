"""Batch, group and instance norm by kernels against NumPy in float64, for this machine and for others."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import Any

import numpy as np
import pytest

import rushlight
from rushlight.arrays import by_items, normalizing
from rushlight.arrays.normalizing import Layout
from rushlight.kernels import native

pytestmark = pytest.mark.skipif(not native.on(), reason="no machine code here")

LAYOUTS = {
    "columns": Layout((33, 101), (0,), (1,)),
    "one column": Layout((7, 1), (0,), (1,)),
    "long columns": Layout((3000, 3), (0,), (1,)),
    "channels": Layout((3, 5, 1201), (0, 2), (1,)),
    "long channels": Layout((2, 3, 9001), (0, 2), (1,)),
    "tiles": Layout((9, 70, 16), (0, 2), (1,)),
    "odd tiles": Layout((5, 13, 49), (0, 2), (1,)),
    "one tile": Layout((2, 1, 3), (0, 2), (1,)),
    "instances": Layout((3, 4, 77), (2,), (1,)),
    "groups": Layout((3, 2, 5, 35), (2, 3), (1, 2)),
    "groups of vectors": Layout((4, 3, 6, 1), (2, 3), (1, 2)),
}


def inputs(layout: Layout, kind: Any) -> tuple[np.ndarray, ...]:
    """x, g, weight and bias; x is far from zero, as a test of the two passes."""
    r = np.random.default_rng(0)
    channels = int(np.prod([layout.view[i] for i in layout.per]))
    x, g = r.standard_normal(layout.view) + 5, r.standard_normal(layout.view)
    w, b = r.standard_normal(channels) + 2, r.standard_normal(channels)
    return tuple(np.ascontiguousarray(v.astype(kind)) for v in (x, g, w, b))


def reference(x: Any, g: Any, w: Any, b: Any, layout: Layout, eps: float) -> tuple[np.ndarray, ...]:
    """out, dx, dw and db in float64."""
    x, g, w, b = (v.astype(np.float64) for v in (x, g, w, b))
    along = layout.along_weights
    rest = tuple(i for i in range(x.ndim) if i not in layout.per)
    mean, var = x.mean(layout.over, keepdims=True), x.var(layout.over, keepdims=True)
    scale = 1 / np.sqrt(var + eps)
    normed, gw = (x - mean) * scale, g * along(w)
    inner = gw - gw.mean(layout.over, keepdims=True)
    dx = (inner - normed * (gw * normed).mean(layout.over, keepdims=True)) * scale
    return normed * along(w) + along(b), dx, (g * normed).sum(rest).ravel(), g.sum(rest).ravel()


def check(layout: Layout, kind: Any) -> None:
    x, g, w, b = inputs(layout, kind)
    assert by_items.fits(x, g, w, b)
    out, moments = normalizing.forward(x, layout, w, b, 1e-5)
    found = (out, *normalizing.backward(g, x, w, layout, moments, True))
    limit = np.finfo(kind).eps * 400
    for have, want in zip(found, reference(x, g, w, b, layout, 1e-5), strict=True):
        bound = limit * max(1, np.abs(want).max())
        np.testing.assert_allclose(have, want.reshape(have.shape), rtol=0, atol=bound)


def check_all() -> None:
    for layout in LAYOUTS.values():
        for kind in (np.float32, np.float64):
            check(layout, kind)


@pytest.mark.parametrize("name", LAYOUTS)
@pytest.mark.parametrize("kind", [np.float32, np.float64])
def test_norms(name: str, kind: Any) -> None:
    check(LAYOUTS[name], kind)


@pytest.mark.parametrize("cpu", ["avx2", "baseline"])
def test_norms_as_other_machines_compile_them(cpu: str) -> None:
    work = "from tests.kernels.test_normalize import check_all; check_all()"
    subprocess.run([sys.executable, "-c", work], env={**os.environ, "RUSHLIGHT_CPU": cpu}, check=True)


@pytest.mark.parametrize("name", LAYOUTS)
def test_moments_are_those_of_numpy_code(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    layout = LAYOUTS[name]
    x, g, w, b = inputs(layout, np.float32)
    _, native_moments = normalizing.forward(x, layout, w, b, 1e-5)
    monkeypatch.setattr(by_items, "fits", lambda *_: False)
    _, moments = normalizing.forward(x, layout, w, b, 1e-5)
    for have, want in zip(native_moments, moments, strict=True):
        np.testing.assert_allclose(np.broadcast_to(have, want.shape), want, rtol=2e-5)
    normalizing.backward(g, x, w, layout, native_moments, True)  # the NumPy code takes them too


@pytest.mark.parametrize("name", LAYOUTS)
def test_parameters_may_be_missing(name: str) -> None:
    layout = LAYOUTS[name]
    x, g, w, b = inputs(layout, np.float64)
    one, zero = np.ones_like(w), np.zeros_like(b)
    for weight, bias in ((None, None), (w, None), (None, b)):
        out, moments = normalizing.forward(x, layout, weight, bias, 1e-5)
        dx, dw, _ = normalizing.backward(g, x, weight, layout, moments, False)
        full = reference(x, g, one if weight is None else w, zero if bias is None else b, layout, 1e-5)
        np.testing.assert_allclose(out, full[0], atol=1e-10)
        np.testing.assert_allclose(dx, full[1], atol=1e-10)
        assert dw is None


@pytest.mark.parametrize("name", LAYOUTS)
def test_threads_do_not_change_a_bit(name: str) -> None:
    layout, before, made = LAYOUTS[name], rushlight.get_num_threads(), []
    x, g, w, b = inputs(layout, np.float32)
    try:
        for threads in (1, 2, 3):
            rushlight.set_num_threads(threads)
            out, moments = normalizing.forward(x, layout, w, b, 1e-5)
            parts = (out, *moments, *normalizing.backward(g, x, w, layout, moments, True))
            made.append([p.tobytes() for p in parts])
    finally:
        rushlight.set_num_threads(before)
    assert made[0] == made[1] == made[2]


@pytest.mark.parametrize("name", LAYOUTS)
def test_nothing_is_written_beside_the_output(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    layout, guarded = LAYOUTS[name], []

    def empty(shape: Any, dtype: Any) -> np.ndarray:
        size = int(np.prod(shape))
        room = np.full(size + 128, 77, dtype)
        guarded.append(room)
        return room[64 : 64 + size].reshape(shape)

    x, g, w, b = inputs(layout, np.float32)
    with monkeypatch.context() as m:
        m.setattr(by_items.np, "empty", empty)
        out, moments = normalizing.forward(x, layout, w, b, 1e-5)
        normalizing.backward(g, x, w, layout, moments, True)
    assert len(guarded) >= 4  # sums over examples have memory of their own
    assert all((room[:64] == 77).all() and (room[-64:] == 77).all() for room in guarded)


@pytest.mark.parametrize("name", ["columns", "channels", "tiles", "instances", "groups"])
def test_nan_stays_with_what_it_shares_a_mean_with(name: str) -> None:
    layout = LAYOUTS[name]
    x, _, w, b = inputs(layout, np.float32)
    x[(1,) * x.ndim] = np.nan
    out, _ = normalizing.forward(x, layout, w, b, 1e-5)
    want = np.isnan(x).any(layout.over, keepdims=True)
    np.testing.assert_array_equal(np.isnan(out), np.broadcast_to(want, x.shape))


@pytest.mark.parametrize("shape", [(3, 7), (65, 100), (3, 5, 49), (2, 3, 1025), (4, 1, 1)])
def test_a_factor_and_a_shift_for_each_channel(shape: tuple[int, ...]) -> None:
    layout = Layout(shape, (0,) if len(shape) == 2 else (0, 2), (1,))
    x, _, w, b = inputs(layout, np.float32)
    along = layout.along_weights
    want = x * along(w).astype(np.float64) + along(b)
    np.testing.assert_allclose(normalizing.by_channel(x, layout, w, b), want, rtol=1e-6, atol=1e-6)
