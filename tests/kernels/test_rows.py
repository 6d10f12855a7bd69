"""Kernels over rows against NumPy in float64: lengths around the vectors', guards around outputs, threads."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import Any

import numpy as np
import pytest

import rushlight
import rushlight.scalar as s
from rushlight.arrays import by_rows
from rushlight.kernels import native

pytestmark = pytest.mark.skipif(not native.on(), reason="no machine code here")

LENGTHS = (1, 2, 7, 15, 16, 17, 31, 33, 63, 64, 65, 100, 127, 129, 1000)
KINDS = (np.float32, np.float64)
PAD, MARK = 64, -12345.0


def guarded(shape: tuple[int, ...], kind: Any) -> tuple[np.ndarray, np.ndarray]:
    """An array to be written, and the memory around it."""
    n = int(np.prod(shape))
    room = np.full(n + 2 * PAD, MARK, kind)
    return room[PAD : PAD + n].reshape(shape), room


def unharmed(room: np.ndarray) -> bool:
    return bool((room[:PAD] == MARK).all() and (room[-PAD:] == MARK).all())


def softmax(x: np.ndarray) -> np.ndarray:
    e = np.exp(x - x.max(-1, keepdims=True))
    return e / e.sum(-1, keepdims=True)


def log_softmax(x: np.ndarray) -> np.ndarray:
    return np.log(softmax(x))


def softmax_back(g: np.ndarray, y: np.ndarray) -> np.ndarray:
    return y * (g - (g * y).sum(-1, keepdims=True))


def log_softmax_back(g: np.ndarray, y: np.ndarray) -> np.ndarray:
    return g - np.exp(y) * g.sum(-1, keepdims=True)


LINES = {f.__name__: f for f in (softmax, log_softmax, softmax_back, log_softmax_back)}


def check_lines(name: str, n: int, kind: Any, rows: int = 5) -> None:
    want, r = LINES[name], np.random.default_rng(n)
    inputs = [r.standard_normal((rows, n)).astype(kind) for _ in range(1 + name.endswith("back"))]
    out, room = guarded((rows, n), kind)
    by_rows.run(name, n, rows, out, *inputs)
    exact = want(*(x.astype(np.float64) for x in inputs))
    bound = np.finfo(kind).eps * 16 * max(1, np.abs(exact).max())
    np.testing.assert_allclose(out, exact, rtol=0, atol=bound)
    assert unharmed(room)


def check_all() -> None:
    for n in LENGTHS:
        for kind in KINDS:
            for name in LINES:
                check_lines(name, n, kind)
            check_norm(n, kind, True, True)
            check_entropy(n, kind)


@pytest.mark.parametrize("name", LINES)
@pytest.mark.parametrize("kind", KINDS)
def test_lines(name: str, kind: Any) -> None:
    for n in LENGTHS:
        check_lines(name, n, kind)


def check_norm(n: int, kind: Any, center: bool, affine: bool) -> None:
    r, rows = np.random.default_rng(n), 9
    x, g = (r.standard_normal((rows, n)).astype(kind) for _ in range(2))
    w, b = (r.standard_normal(n).astype(kind) for _ in range(2))
    given = (w, b) if affine else (None, None)
    out, mean, scale = by_rows.norm(x, *given, 0.1, center)
    dx, dw, db = by_rows.norm_back(g, x, given[0], mean, scale, affine)
    x, g, w, b = (v.astype(np.float64) for v in (x, g, w, b))
    d = x - x.mean(1, keepdims=True) if center else x
    inverse = 1 / np.sqrt((d * d).mean(1, keepdims=True) + 0.1)
    gw, normed = g * w if affine else g, d * inverse
    inner = gw - gw.mean(1, keepdims=True) if center else gw
    want = (inner - normed * (gw * normed).mean(1, keepdims=True)) * inverse
    bound = np.finfo(kind).eps * 64
    np.testing.assert_allclose(out, normed * w + b if affine else normed, rtol=0, atol=bound)
    np.testing.assert_allclose(dx, want, rtol=0, atol=bound * max(1, np.abs(want).max()))
    assert (dw is None) is (db is None) is (not affine)
    if dw is not None and db is not None:
        np.testing.assert_allclose(dw, (g * normed).sum(0), rtol=0, atol=bound * 4)
        np.testing.assert_allclose(db, g.sum(0), rtol=0, atol=bound * 4)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("center", [False, True])
@pytest.mark.parametrize("affine", [False, True])
def test_norms(kind: Any, center: bool, affine: bool) -> None:
    for n in LENGTHS:
        check_norm(n, kind, center, affine)


def check_entropy(n: int, kind: Any) -> None:
    r, rows = np.random.default_rng(n), 6
    x, labels = r.standard_normal((rows, n)).astype(kind), r.integers(0, n, rows)
    found = [guarded((rows,), kind) for _ in range(3)]
    by_rows.run("entropy", n, rows, *(v for v, _ in found), x, labels, 2.0)
    exact = log_softmax(x.astype(np.float64))
    bound = np.finfo(kind).eps * 16
    np.testing.assert_allclose(found[0][0] * 2, -exact[np.arange(rows), labels], rtol=0, atol=bound)
    assert all(unharmed(room) for _, room in found)
    dx, room = guarded((rows, n), kind)
    by_rows.run("entropy_back0", n, rows, dx, x, labels, found[1][0], found[2][0], 3.0)
    want = 3 * (np.exp(exact) - (np.arange(n) == labels[:, None]))
    np.testing.assert_allclose(dx, want, rtol=0, atol=bound * 3)
    assert unharmed(room)


@pytest.mark.parametrize("kind", KINDS)
def test_entropy(kind: Any) -> None:
    for n in LENGTHS:
        check_entropy(n, kind)


def test_labels_that_are_no_classes_give_nan() -> None:
    x = np.zeros((4, 3), np.float32)
    losses, top, scale = (np.empty(4, np.float32) for _ in range(3))
    labels = np.array([-1, 0, 3, 1 << 40])
    by_rows.run("entropy", 3, 4, losses, top, scale, x, labels, 1.0)
    assert np.isnan(losses).tolist() == [True, False, True, True]


def test_nan_and_infinity_stay_in_their_row() -> None:
    x = np.zeros((5, 77), np.float32)
    x[1, 70], x[2, 3], x[3, :] = np.nan, np.inf, -np.inf
    x[4, 5] = -np.inf
    out = by_rows.lines("softmax", x)
    assert np.isnan(out[1]).all() and np.isnan(out[2]).any() and np.isnan(out[3]).all()
    np.testing.assert_allclose(out[0], 1 / 77, rtol=1e-6)
    np.testing.assert_allclose(out[4], np.where(np.arange(77) == 5, 0, 1 / 76), rtol=1e-6)


def test_rows_as_they_come() -> None:
    x = np.zeros((4, 8), np.float32)
    assert by_rows.fits(x) and by_rows.fits(x[1:3]) and by_rows.fits(x, x)
    assert not any(map(by_rows.fits, (x[:, ::2], x.T, x[:0], x.astype(np.float16), x.astype(int), x[0, 0])))
    assert not by_rows.fits(x, x.astype(np.float64)) and not by_rows.fits(np.zeros((), np.float32))


def test_outputs_past_the_caches_are_the_same() -> None:
    r = np.random.default_rng(0)
    for n in (16, 32, 48, 96, 768):
        x, w, b = (r.standard_normal(s).astype(np.float32) for s in ((7, n), n, n))
        found = []
        for stream in (False, True):
            room = np.full(7 * n + 64, MARK, np.float32)
            start = -room.ctypes.data % 64 // 4
            out = room[start : start + 7 * n].reshape(7, n)
            scale, mean = np.empty((7, 1), np.float32), np.empty((7, 1), np.float32)
            kernel = by_rows._kernel("norm11", x.dtype, stream)
            kernel.run(7, 2, n, out, scale, mean, x, w, b, float(n), 1e-5)
            assert (room[:start] == MARK).all() and (room[start + 7 * n :] == MARK).all()
            found.append(out)
        assert (found[0] == found[1]).all()


def test_an_expression_of_ones_own() -> None:
    from rushlight.kernels import rows
    from rushlight.kernels.types import f32

    x, y, k = (s.var(n) for n in "xyk")
    outputs = {"out": (rows.FULL, x * k + y), "most": (rows.ROWS, rows.row_max(x) - rows.row_sum(x))}
    kernel = rows.row_kernel(outputs, {"x": rows.FULL, "y": rows.COLUMNS, "k": rows.NUMBER}, f32)
    r = np.random.default_rng(0)
    for n in LENGTHS:
        a, b = r.integers(-9, 9, (3, n)).astype(np.float32), r.integers(-9, 9, n).astype(np.float32)
        (out, room), (most, other) = guarded((3, n), np.float32), guarded((3,), np.float32)
        kernel(3, 1, n, out, most, a, b, 2.0)
        assert (out == 2 * a + b).all() and (most == a.max(1) - a.sum(1)).all()
        assert unharmed(room) and unharmed(other)


def test_threads_change_nothing() -> None:
    r = np.random.default_rng(0)
    x, g = (r.standard_normal((1001, 333)).astype(np.float32) for _ in range(2))
    w = r.standard_normal(333).astype(np.float32)
    labels, found = r.integers(0, 333, 1001), []
    before = rushlight.get_num_threads()
    try:
        for n in (1, 2, 3):
            rushlight.set_num_threads(n)
            out, mean, scale = by_rows.norm(x, w, w, 1e-5, True)
            losses, top, inverse = (np.empty(1001, np.float32) for _ in range(3))
            by_rows.run("entropy", 333, 1001, losses, top, inverse, x, labels, 1.0)
            back = by_rows.norm_back(g, x, w, mean, scale, True)
            found.append([out, mean, scale, losses, by_rows.lines("softmax", x), *back])
    finally:
        rushlight.set_num_threads(before)
    for others in found[1:]:
        for a, b in zip(found[0], others, strict=True):
            np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize("cpu", ["avx2", "baseline"])
def test_on_other_processors(cpu: str) -> None:
    code = (
        f"import sys; sys.path.insert(0, {os.path.dirname(__file__)!r}); import test_rows as t; t.check_all()"
    )
    subprocess.run([sys.executable, "-c", code], check=True, env={**os.environ, "RUSHLIGHT_CPU": cpu})
