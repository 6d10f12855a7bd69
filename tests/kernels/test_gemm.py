"""Products of matrices against NumPy's in float64: kernels, layouts, stacks, numbers of threads."""

from __future__ import annotations

from math import prod

import numpy as np
import pytest

import rushlight.threads as threads
from rushlight.arrays import products_native
from rushlight.arrays.products_native import product
from rushlight.kernels import gemm_calls, llvm, native
from rushlight.kernels.gemm_plan import Layout, choose, copy_pays, form, kernel, plan
from rushlight.kernels.targets import NAMED
from rushlight.kernels.types import f32, f64

pytestmark = pytest.mark.skipif(not native.on(), reason="no machine code here")
GUARD = 77.0


@pytest.fixture(autouse=True)
def number_of_threads():
    """Whatever a test chooses is forgotten."""
    before = threads.get()
    yield
    threads.choose(before)


def matrix(rng, batch, rows, columns, dtype, layout):
    """Numbers in one of the layouts that views give."""
    shape = (*batch, rows, columns)
    draw = lambda *s: rng.standard_normal(s).astype(dtype)  # noqa: E731
    if layout == "transposed":
        return draw(*batch, columns, rows).swapaxes(-1, -2)
    if layout == "sliced":
        return draw(*batch, rows, columns + 5)[..., 2 : 2 + columns]
    if layout == "stepped":
        return draw(*batch, 2 * rows, 3 * columns)[..., ::2, ::3]
    if layout == "reversed":
        return draw(*shape)[..., ::-1, :]
    if layout == "expanded":
        return np.broadcast_to(draw(*batch, 1, columns), shape)
    return draw(*shape)


LAYOUTS = ("plain", "transposed", "sliced", "stepped", "reversed", "expanded")


def check(x, y, addend=None, alpha=1.0, beta=1.0):
    """Compare with NumPy in float64, for 1, 2, 3 threads to the bit."""
    wide = x.astype(np.float64), y.astype(np.float64)
    want = alpha * np.matmul(*wide)
    size = abs(alpha) * np.matmul(abs(wide[0]), abs(wide[1]))
    if addend is not None:
        want = want + beta * addend
        size = size + abs(beta * addend)
    outs = []
    for n in (1, 2, 3):
        threads.choose(n)
        outs.append(product(x, y, addend, alpha, beta))
    bound = 2 * np.finfo(x.dtype).eps * (1 + x.shape[-1] ** 0.5) * size
    assert outs[0].shape == want.shape and outs[0].dtype == x.dtype
    assert (abs(outs[0] - want) <= bound).all()
    assert outs[0].tobytes() == outs[1].tobytes() == outs[2].tobytes()


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("seed", range(6))
def test_random_shapes_layouts_and_stacks(seed, dtype):
    rng = np.random.default_rng(seed)
    stacks = [((), ()), ((3,), (3,)), ((2, 3), (2, 3)), ((2, 1), (1, 3)), ((), (3,)), ((5,), (1,))]
    for top in (3, 9, 40, 140):
        for _ in range(4):
            rows, columns, depth = (int(n) for n in rng.integers(1, top + 1, 3))
            left, right = stacks[rng.integers(len(stacks))]
            x = matrix(rng, left, rows, depth, dtype, rng.choice(LAYOUTS))
            y = matrix(rng, right, depth, columns, dtype, rng.choice(LAYOUTS))
            check(x, y)


SHAPES = [  # rows, columns, depth
    *((64, 100, 1000), (1, 600, 300), (5, 500, 130), (1, 1, 777)),
    *((300, 1, 65), (1, 65, 300), (150, 333, 500)),
]
ODD = [(3, 5, 7), (1, 9, 40), (40, 1, 9), (70, 80, 90), (4, 512, 300)]
GUARDED = [(1, 1, 1), (2, 2, 2), (3, 17, 5), (5, 500, 130), (64, 90, 64), (66, 67, 400)]


@pytest.mark.parametrize("rows, columns, depth", SHAPES)
@pytest.mark.parametrize("transposed", ["", "x", "y", "xy"])
def test_shapes_of_every_kernel(rows, columns, depth, transposed):
    rng = np.random.default_rng(0)
    x = matrix(rng, (), rows, depth, np.float32, "transposed" if "x" in transposed else "plain")
    y = matrix(rng, (), depth, columns, np.float32, "transposed" if "y" in transposed else "plain")
    check(x, y)


@pytest.mark.parametrize("rows", range(1, 16))
def test_few_rows_of_every_number(rows):
    rng = np.random.default_rng(rows)
    for columns, depth in ((700, 301), (1000, 90), (4099, 33)):
        x, y = (rng.standard_normal(s).astype(np.float32) for s in ((rows, depth), (depth, columns)))
        check(x, y)
        check(np.asfortranarray(x), y, rng.standard_normal(columns).astype(np.float32), 0.5, 2.0)


@pytest.mark.parametrize("kind", "fd")
@pytest.mark.parametrize("depth", [1, 2, 7, 10, 15, 31])
def test_narrow_transposed_operands(depth, kind):
    rng = np.random.default_rng(depth)
    for rows, columns in ((15, 1), (16, 5), (64, 100), (301, 33), (700, 130)):
        x, y = (rng.standard_normal(s).astype(kind) for s in ((rows, depth), (columns, depth)))
        check(x, y.T)
        check(np.asfortranarray(x), y.T, rng.standard_normal(columns).astype(kind), 0.5, 2.0)


@pytest.mark.parametrize("name", NAMED)
@pytest.mark.parametrize("t", [f32, f64])
def test_groups_of_rows_are_even(name, t):
    for rows in range(1, 70):
        n = Layout(rows, 1000, 1000, 1000, 1, 1000, 1)
        assert choose(NAMED[name], t, n) == "bands"
        made = form(NAMED[name], t, "bands", n, False, False)
        groups = -(-rows // made.rows)
        assert groups * (made.rows - made.shorter) <= rows <= groups * made.rows
        assert made.rows >= 5 or rows < 5 or NAMED[name].registers == 16


@pytest.mark.parametrize("rows", [15, 16, 27, 28, 29, 43, 64])
def test_more_rows_go_through_a_large_matrix_in_groups(rows):
    assert choose(NAMED["avx512"], f32, Layout(rows, 403, 700, 700, 1, 403, 1)) == "bands"
    rng = np.random.default_rng(rows)
    for kind in "fd":
        x, y = (rng.standard_normal(s).astype(kind) for s in ((rows, 700), (700, 403)))
        check(x, y)
        check(np.asfortranarray(x), y, rng.standard_normal((rows, 403)).astype(kind), 0.5, 2.0)


@pytest.mark.parametrize("rows, columns, depth", SHAPES)
@pytest.mark.parametrize("shape", ["row", "column", "whole", "transposed", "number"])
def test_scaled_products_added_to_something(rows, columns, depth, shape):
    rng = np.random.default_rng(1)
    x, y = (rng.standard_normal(s).astype(np.float32) for s in ((rows, depth), (depth, columns)))
    sizes = {"row": (columns,), "column": (rows, 1), "number": (), "transposed": (columns, rows)}
    addend = rng.standard_normal(sizes.get(shape, (rows, columns))).astype(np.float32)
    addend = addend.T if shape == "transposed" else addend
    check(x, y, addend)
    check(x, y, addend, 0.5, -2.0)


def test_stacks_whose_dimensions_do_not_merge_are_left_to_numpy_or_done_right():
    rng = np.random.default_rng(2)
    x, y = (rng.standard_normal(s).astype(np.float32) for s in ((2, 1, 2, 4, 3), (1, 3, 1, 3, 5)))
    found = product(x, y)
    assert found is None or np.allclose(found, np.matmul(x, y), atol=1e-5)


def test_sizes_of_zero_are_left_to_numpy_and_sizes_that_differ_are_errors():
    empty = np.zeros((0, 3), np.float32)
    assert product(empty, np.zeros((3, 2), np.float32)) is None
    with pytest.raises(ValueError):
        product(np.zeros((2, 3), np.float32), np.zeros((4, 2), np.float32))


@pytest.mark.parametrize("rows, columns, depth", ODD)
def test_nan_and_infinities_reach_their_row_and_column_only(rows, columns, depth):
    rng = np.random.default_rng(3)
    x, y = (rng.standard_normal(s).astype(np.float32) for s in ((rows, depth), (depth, columns)))
    x[rows - 1, depth - 1] = np.nan
    y[0, columns - 1] = np.inf
    with np.errstate(all="ignore"):
        want = np.matmul(x.astype(np.float64), y.astype(np.float64))
    for left, right in ((x, y), (np.asfortranarray(x), y), (x, np.asfortranarray(y))):
        found = product(left, right)
        assert (np.isnan(found) == np.isnan(want)).all() and (np.isinf(found) == np.isinf(want)).all()
    zeros = np.zeros((rows, depth), np.float32)
    assert np.isnan(product(zeros, y)[:, -1]).all()  # 0·∞


@pytest.mark.parametrize("rows, columns, depth", GUARDED)
@pytest.mark.parametrize("transposed", ["", "y"])
def test_nothing_is_written_outside_the_product(monkeypatch, rows, columns, depth, transposed):
    rng = np.random.default_rng(4)
    x, y = (rng.standard_normal(s).astype(np.float32) for s in ((rows, depth), (depth, columns)))
    y = np.asfortranarray(y) if transposed else y
    held = []

    def guarded(shape, dtype):
        if dtype is np.uint8 or len(np.atleast_1d(shape)) != 2:
            return np.zeros(shape, dtype)
        held.append(np.full(prod(shape) + 64, GUARD, dtype))
        return held[-1][32:-32].reshape(shape)

    product(x, y)  # prepared with NumPy's own memory
    gemm_calls.forget()  # which makes results of its own
    monkeypatch.setattr(products_native.np, "empty", guarded)
    found = product(x, y)
    monkeypatch.undo()
    assert np.allclose(found, x.astype(np.float64) @ y, atol=1e-4)
    assert held and all((a[:32] == GUARD).all() and (a[-32:] == GUARD).all() for a in held)


@pytest.mark.parametrize("name", ["avx2", "baseline", "aarch64"])
@pytest.mark.parametrize("t", [f32, f64])
def test_every_kind_is_written_for_other_processors(name, t):
    target = NAMED[name]
    cases = [
        Layout(64, 100, 50, 50, 1, 100, 1),
        Layout(1, 40000, 50, 50, 1, 40000, 1),
        Layout(8, 9, 50, 50, 1, 1, 50),
        Layout(100, 200, 4000, 1, 100, 1, 4000),
        Layout(100, 200, 2, 2, 1, 1, 2),
    ]
    kinds = [choose(target, t, n) for n in cases]
    assert kinds == ["direct", "bands", "dots", "packed", "turned"]
    for kind, n in zip(kinds, cases, strict=True):
        made = kernel(kind, form(target, t, kind, n, True, True))
        assert llvm.assemble(llvm.text_of(made.make(target), target), target)


@pytest.mark.parametrize(
    ("rows", "columns", "pays"), [(2708, 16, True), (100, 16, False), (2708, 7, False), (2708, 64, False)]
)
def test_weights_of_narrow_products_are_laid_out_anew(rows, columns, pays):
    assert copy_pays(NAMED["avx512"], f32, Layout(rows, columns, 300, 300, 1, 1, 300)) == pays
    rng = np.random.default_rng(0)
    x, w = rng.random((rows, 300), np.float32), rng.random((columns, 300), np.float32)
    assert np.allclose(product(x, w.T), x.astype(np.float64) @ w.T, atol=1e-3)


@pytest.mark.parametrize("threads", [1, 2, 3, 8])
@pytest.mark.parametrize(("rows", "columns"), [(128, 400), (128, 512), (1024, 384), (1024, 4100), (30, 64)])
def test_blocks_cover_the_product_and_are_even(rows, columns, threads):
    for steps in ((900, 1, columns, 1), (1, rows, 1, 900)):
        made = plan(NAMED["avx512"], f32, Layout(rows, columns, 900, *steps), 1, threads)
        assert made is not None
        down, across, tall, wide, _ = made.blocks
        assert made.kernel.key[0] in ("bands", "packed", "direct")
        if made.kernel.key[0] != "direct":
            groups = made.tail[2]
            assert (down - 1) * tall < groups <= down * tall
            assert (across - 1) * wide < columns <= across * wide
            shares = min(threads, made.total)
            assert -(-made.total // threads) * tall * wide <= 1.4 * groups * columns / shares


@pytest.mark.parametrize("rows", [5, 13, 33, 95])
def test_rows_with_many_more_rows_are_read_once(rows):
    n = Layout(rows, 701, 900, 900, 1, 1, 900)
    assert choose(NAMED["avx512"], f32, n) == "dots"
    assert form(NAMED["avx512"], f32, "dots", n, False, False).by_columns
    rng = np.random.default_rng(rows)
    for kind in "fd":
        x, y = (rng.standard_normal(s).astype(kind) for s in ((rows, 900), (701, 900)))
        check(x, y.T)
        check(x, y.T, rng.standard_normal((rows, 701)).astype(kind), 0.5, 2.0)


@pytest.mark.parametrize("depth", [64, 255, 256, 257, 511, 513, 769, 2049])
def test_bands_of_every_depth(depth):
    rng = np.random.default_rng(depth)
    for kind in "fd":
        x, y = (rng.standard_normal(s).astype(kind) for s in ((70, depth), (depth, 401)))
        check(x, y)
        check(np.asfortranarray(x), np.asfortranarray(y), rng.standard_normal(401).astype(kind), 0.5, 2.0)


def test_rows_of_a_shorter_than_a_vector_are_not_packed():
    rng = np.random.default_rng(0)
    whole, y = rng.standard_normal((30, 1024), np.float32), rng.standard_normal((8, 30000), np.float32)
    n = Layout(30, 30000, 8, 1024, 1, 30000, 1)
    assert choose(NAMED["avx512"], f32, n) == "bands"
    assert not form(NAMED["avx512"], f32, "bands", n, False, False).packed_a
    check(whole[:, :8], y)


def test_a_product_so_deep_that_a_band_of_it_has_one_row_less():
    rng = np.random.default_rng(0)
    x, y = (rng.standard_normal(s).astype(np.float32) for s in ((32, 257 * 256 + 1), (64, 257 * 256 + 1)))
    check(np.asfortranarray(x), y.T)
