"""The sum of everything, and sums along a dimension, against long doubles: odd lengths, guards, threads."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import Any

import numpy as np
import pytest

import rushlight
from rushlight.arrays import summing as arrays
from rushlight.kernels import native, summing, total
from rushlight.kernels.types import f32, f64

pytestmark = pytest.mark.skipif(not native.on(), reason="no machine code here")

KINDS = (np.float32, np.float64)
SIZES = (1, 2, 3, 15, 16, 17, 63, 64, 65, 127, 1000, total.BLOCK - 1, total.BLOCK, total.BLOCK + 1, 100_003)
#: outer, n, inner
SHAPES = [(1, 1, 2), (3, 5, 2), (2, 7, 10), (1, 255, 17), (2, 256, 63), (1, 257, 64), (1, 1000, 65)]
SHAPES += [(3, 33, 129), (1, 700, 300), (1, 5, 5000), (2, 9, 4097), (1, 100_000, 3), (5, 1, 7)]


def sum_all(x: Any) -> Any:
    return total.builtin()(x)


def numbers(shape: Any, kind: Any) -> np.ndarray:
    return np.random.default_rng(0).random(shape).astype(kind)


def bound(kind: Any) -> float:
    return 8 * float(np.finfo(kind).eps)


def check_all() -> None:
    for kind in KINDS:
        for n in SIZES:
            x = numbers(n, kind)
            found = sum_all(x)
            assert found.shape == () and found.dtype == kind
            np.testing.assert_allclose(found, x.sum(dtype=np.longdouble), rtol=bound(kind))
            rows = numbers((3, n), kind)
            np.testing.assert_allclose(
                arrays.sum_rows(rows), rows.sum(1, dtype=np.longdouble), rtol=bound(kind)
            )
        for shape in SHAPES:
            x = numbers(shape, kind)
            found = arrays.add_reduce(x, (1,))
            assert found.shape == (shape[0], shape[2])
            np.testing.assert_allclose(found, x.sum(1, dtype=np.longdouble), rtol=bound(kind))


def test_values() -> None:
    check_all()


@pytest.mark.parametrize("cpu", ["avx2", "baseline"])
def test_values_on_other_processors(cpu: str) -> None:
    work = "from tests.kernels.test_total import check_all; check_all()"
    subprocess.run([sys.executable, "-c", work], env={**os.environ, "RUSHLIGHT_CPU": cpu}, check=True)


def test_of_any_shape() -> None:
    x = numbers((3, 50, 41), np.float32)
    np.testing.assert_allclose(sum_all(x), x.sum(dtype=np.longdouble), rtol=1e-6)
    assert sum_all(np.array([7], np.float32).reshape(())) == 7
    assert sum_all(np.zeros((0, 3), np.float32)) == 0
    assert sum_all(x[1:]) == sum_all(x[1:].copy())


def test_what_it_does_not_take() -> None:
    x = numbers((6, 8), np.float32)
    refused = (x[:, ::2], x.T, x[::-1], x.astype(np.float16), x.astype(np.int64), x.tolist(), 1.5, None)
    assert all(sum_all(a) is None for a in refused)
    packed = np.zeros(10, np.dtype([("a", "i1"), ("x", "f4")]))["x"]
    assert sum_all(packed) is None  # neither contiguous nor aligned
    assert total.builtin()() is None and total.builtin()(x, x) is None


def test_not_numbers() -> None:
    x = np.ones(50_000, np.float32)
    for at in (0, 16_383, 16_384, 49_999):
        for odd in (np.nan, np.inf, -np.inf):
            y = x.copy()
            y[at] = odd
            np.testing.assert_equal(float(sum_all(y)), float(odd))
    x[5], x[40_000] = np.inf, -np.inf
    assert np.isnan(sum_all(x))


def test_a_small_sum_of_large_numbers() -> None:
    x = np.tile(np.array([1e8, 1, -1e8], np.float32), 100_000)
    assert abs(sum_all(x.astype(np.float64)) - 100_000) < 1e-3


def threads(work: Any) -> list[bytes]:
    before = rushlight.get_num_threads()
    try:
        made = []
        for n in (1, 2, 3):
            rushlight.set_num_threads(n)
            made.append(b"".join(np.asarray(v).tobytes() for v in work()))
        return made
    finally:
        rushlight.set_num_threads(before)


def test_threads_do_not_change_a_bit() -> None:
    x, y = numbers((1000, 513), np.float32), numbers((3, 301, 701), np.float64)

    def work() -> Any:
        sums = [arrays.add_reduce(v, (axis,)) for v in (x, y) for axis in range(v.ndim)]
        return [sum_all(x), sum_all(y), *sums, arrays.add_reduce(y, (0, 2))]

    one, two, three = threads(work)
    assert one == two == three


@pytest.mark.parametrize("kind", KINDS)
def test_nothing_is_written_beside_the_output(kind: Any) -> None:
    element = f32 if kind is np.float32 else f64
    for outer, n, inner in ((3, 37, 1), (2, 17, 29), (1, 600, 130), (2, 5, 1000)):
        x = numbers((outer, n, inner), kind)
        blocks = -(-n // summing.ROWS) if inner > 1 else 1
        size = outer * blocks * inner
        room = np.full(size + 128, -1.0, kind)
        out = room[64 : 64 + size]
        if inner == 1:
            summing.rows(element)(outer, 1, out, x, n)
        else:
            width = 48
            items = outer * blocks * -(-inner // width)
            summing.columns(element)(items, 1, out, x, n, inner, width)
        found = out.reshape(outer, blocks, inner).sum(1)
        np.testing.assert_allclose(found, x.sum(1, dtype=np.longdouble), rtol=bound(kind))
        assert (room[:64] == -1).all() and (room[-64:] == -1).all()


def test_nan_stays_in_its_sum() -> None:
    x = np.ones((300, 77), np.float32)
    x[200, 70], x[3, 5] = np.nan, np.inf
    rows, columns = arrays.add_reduce(x, (1,)), arrays.add_reduce(x, (0,))
    assert np.isnan(rows).sum() == 1 and np.isnan(rows[200]) and rows[3] == np.inf
    assert np.isnan(columns).sum() == 1 and np.isnan(columns[70]) and columns[5] == np.inf


@pytest.mark.parametrize("axes", [(), (0,), (1,), (2,), (0, 1), (0, 2), (1, 2), (0, 1, 2)])
@pytest.mark.parametrize("keepdims", [False, True])
def test_shapes(axes: tuple[int, ...], keepdims: bool) -> None:
    for shape in ((2, 3, 4), (1, 5, 1), (4, 0, 3), (0, 2, 2), (1, 1, 1)):
        x = numbers(shape, np.float32)
        want = x.sum(axes, dtype=np.float64, keepdims=keepdims)
        found = arrays.add_reduce(x, axes, keepdims)
        assert found.shape == want.shape
        np.testing.assert_allclose(found, want, rtol=1e-6)


@pytest.mark.parametrize("kind", ["float16", "bfloat16"])
def test_halves_are_summed_in_float32(kind: str) -> None:
    x = rushlight.ones(5000, 3).to(getattr(rushlight, kind))
    assert x.sum(0).tolist() == [5000 if kind == "float16" else 4992] * 3
    assert x.sum(1).tolist() == [3] * 5000
