"""What fused programs collect: sums and extremes of rows, of columns and of everything."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import rushlight
import rushlight.scalar as s
from rushlight.kernels import native
from rushlight.kernels.types import f16, f32, f64, i1, i8, i64

pytestmark = pytest.mark.skipif(not native.on(), reason="machine code is off")
if native.on():
    from rushlight.kernels.fused import Operand, Reduction, Step, plan, run, supported
    from tests.kernels.fused_programs import strides

X = s.var("x")
RNG = np.random.default_rng(0)
SHAPES = [
    (64, 10),
    (64, 1000),
    (1000, 1000),
    (4099, 3),
    (3, 50_000),
    (7, 1),
    (1, 7),
    (20, 20_000),
    (512, 4097),
]
AXES = [(0,), (1,), (0, 1)]


def floats(*shape: int) -> np.ndarray:
    return np.asarray(RNG.standard_normal(shape), np.float32)


def reduced(
    x: np.ndarray, axes: tuple[int, ...], kind: str = "sum", squares: bool = False
) -> tuple[Any, list[np.ndarray]]:
    """The plan that collects x, and writes its squares too, and the arrays it fills."""
    out = np.empty([n for d, n in enumerate(x.shape) if d not in axes], np.float32)
    kept = iter(strides(out))
    along = tuple(None if d in axes else next(kept) for d in range(x.ndim))
    results: list[Any] = [Reduction("x", f32, along, kind)]
    rooms = [out]
    if squares:
        rooms.append(np.empty_like(x))
        results.append(Operand("y", f32, strides(rooms[1])))
    return plan(x.shape, [Step("y", X * X, f32, f32)], [Operand("x", f32, strides(x))], results), rooms


@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize("axes", AXES, ids=str)
@pytest.mark.parametrize("squares", [False, True])
def test_sums_are_accurate_and_do_not_depend_on_threads(shape: Any, axes: Any, squares: bool) -> None:
    x, bits = floats(*shape), set()
    made, rooms = reduced(x, axes, squares=squares)
    before = rushlight.get_num_threads()
    try:
        for threads in (1, 2, 3):
            rushlight.set_num_threads(threads)
            run(made, rooms, [x])
            bits.add(rooms[0].tobytes())
    finally:
        rushlight.set_num_threads(before)
    error = np.abs(rooms[0] - x.sum(axes, dtype=np.float64)) / np.abs(x).sum(axes, dtype=np.float64)
    assert error.max() < 2e-7
    assert len(bits) == 1
    assert all((room == x * x).all() for room in rooms[1:])


def test_small_sums_are_one_launch() -> None:
    for axes in AXES:
        assert len(reduced(floats(64, 100), axes)[0].launches) == 1
    assert len(reduced(floats(64, 1000), (0,))[0].launches) == 1  # each thread has columns of its own
    assert len(reduced(floats(64, 1000), (0, 1))[0].launches) == 2


@pytest.mark.parametrize("kind", ["max", "min"])
@pytest.mark.parametrize("axes", AXES, ids=str)
def test_nan_stays(kind: str, axes: Any) -> None:
    for shape in ((40, 50), (300, 300)):
        x = floats(*shape)
        x[3, 7] = np.nan
        made, rooms = reduced(x, axes, kind)
        run(made, rooms, [x])
        np.testing.assert_array_equal(rooms[0], getattr(x, kind)(axes))


@pytest.mark.parametrize(("shape", "axes"), [((0,), (0,)), ((0, 3), (0,)), ((3, 0), (1,)), ((2, 0), (0,))])
def test_sums_of_nothing(shape: Any, axes: Any) -> None:
    made, rooms = reduced(floats(*shape), axes)
    rooms[0][...] = 1
    run(made, rooms, [floats(*shape)])
    np.testing.assert_array_equal(rooms[0], floats(*shape).sum(axes))


def test_a_loss_its_gradient_and_that_of_a_bias_in_one_pass() -> None:
    shape, (x, y) = (64, 10), (floats(64, 10), floats(64, 10))
    d = s.var("d")
    steps = [Step("d", X - s.var("y"), f32, f32), Step("l", d * d, f32, f32), Step("g", 2 * d, f32, f32)]
    loss, g, bias = np.empty((), np.float32), np.empty_like(x), np.empty(10, np.float32)
    results = [Reduction("l", f32, (None, None)), Operand("g", f32, (10, 1)), Reduction("g", f32, (None, 1))]
    run(plan(shape, steps, [Operand(n, f32, (10, 1)) for n in "xy"], results), [loss, g, bias], [x, y])
    np.testing.assert_array_equal(g, 2 * (x - y))
    np.testing.assert_allclose(bias, g.sum(0), rtol=1e-5, atol=1e-5)
    np.testing.assert_allclose(loss, ((x - y) ** 2).sum(), rtol=1e-6)


def test_types_of_sums() -> None:
    half, whole, truth = floats(3000).astype(np.float16), np.full(3000, 100, np.int8), floats(3000) > 0
    cases = [(half, f16, f16), (half, f16, f32), (whole, i8, i64), (truth, i1, i64), (half, f16, f64)]
    kinds = {f16: np.float16, f32: np.float32, i64: np.int64, f64: np.float64}
    for x, type, result in cases:
        out = np.empty((), kinds[result])
        run(plan(x.shape, [], [Operand("x", type, (1,))], [Reduction("x", result, (None,))]), [out], [x])
        want = x.sum(dtype=np.float64 if type == f16 else np.int64)
        np.testing.assert_allclose(out, want, rtol=1e-3 if result == f16 else 1e-6)


def test_columns_of_many_rows_and_an_array_across() -> None:
    """257 rows are not cut evenly; then no block of columns may end within a chunk."""
    for rows in (100, 256, 257, 1031, 1024):
        x, y = floats(rows, 300), floats(300, rows).T
        out, sums = np.empty_like(x), np.empty(300, np.float32)
        given = [Operand("x", f32, (300, 1)), Operand("y", f32, strides(y))]
        results = [Operand("d", f32, (300, 1)), Reduction("d", f32, (None, 1))]
        made = plan(x.shape, [Step("d", X - s.var("y"), f32, f32)], given, results)
        run(made, [out, sums], [x, y])
        np.testing.assert_array_equal(out, x - y)
        np.testing.assert_allclose(sums, out.sum(0, dtype=np.float64), rtol=1e-4, atol=1e-4)


def test_channels_of_images() -> None:
    """What is kept lies between what is not, or around it."""
    x = floats(5, 6, 7, 8)
    made, rooms = reduced(x, (0, 2, 3))
    run(made, rooms, [x])
    np.testing.assert_allclose(rooms[0], x.sum((0, 2, 3), dtype=np.float64), rtol=1e-5, atol=1e-5)
    for channels in (6, 70, 3000):
        x = floats(5, 49, channels)
        made, rooms = reduced(x, (1,))
        assert len(made.launches) == 1
        run(made, rooms, [x])
        np.testing.assert_allclose(rooms[0], x.sum(1, dtype=np.float64), rtol=1e-5, atol=1e-5)


def test_what_there_is_no_kernel_for() -> None:
    x = [Operand("x", f32, (4200, 7, 1))]
    assert supported((5, 60, 7), [], x, [Reduction("x", f32, (7, None, 1))])
    assert not supported((5, 600, 7), [], x, [Reduction("x", f32, (7, None, 1))])  # too many rows of one sum
    twice = [Operand("x", f32, (1470, 210, 7, 1))]
    assert not supported((5, 7, 30, 7), [], twice, [Reduction("x", f32, (None, 7, None, 1))])
