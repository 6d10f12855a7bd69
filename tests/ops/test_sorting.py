"""Sorting: stability, nan, long lines (which take another way), the k first, refusals."""

import math

import numpy as np
import pytest

import rushlight as rl
from rushlight.ops.sorting import stable_order

DTYPES = ("float16", "float32", "float64", "int8", "int32", "int64", "uint8", "bool")


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("length", [0, 1, 7, 256, 257, 5000])
@pytest.mark.parametrize("descending", [False, True])
def test_order_is_stable(dtype, length, descending):
    x = np.random.default_rng(length).integers(0, 50, (2, length)).astype(dtype)
    if np.dtype(dtype).kind in "fi":
        x = x - x.dtype.type(25)
    rank = x.astype(np.float64) * (-1 if descending else 1)
    np.testing.assert_array_equal(stable_order(x, descending), np.argsort(rank, -1, kind="stable"))


@pytest.mark.parametrize("length", [9, 900])
def test_nan_is_largest_and_zeros_are_equal(length):
    x = np.random.default_rng(0).standard_normal(length).astype(np.float32)
    x[[2, 5]], x[[3, 7]], x[4], x[6] = np.nan, -0.0, np.inf, -np.inf
    x[8] = 0.0
    np.testing.assert_array_equal(stable_order(x), np.argsort(x, kind="stable"))
    down = rl.from_numpy(x).sort(descending=True, stable=True)
    assert np.isnan(down.values.numpy()[:2]).all() and down.indices.tolist()[:3] == [2, 5, 4]
    assert down.indices.tolist()[-1] == 6
    places = down.indices.tolist()
    assert places.index(3) < places.index(7) < places.index(8)


def test_sort_in_its_forms():
    x = rl.tensor([[3.0, 1.0], [2.0, 4.0]])
    assert x.sort().values.tolist() == [[1, 3], [2, 4]]
    assert rl.sort(x, 0, True).indices.tolist() == [[0, 1], [1, 0]]
    assert rl.sort(x, stable=True, dim=0, descending=True)[0].tolist() == [[3, 4], [2, 1]]
    assert x.argsort(dim=0, descending=True).tolist() == [[0, 1], [1, 0]] and x.msort().tolist() == [
        [2, 1],
        [3, 4],
    ]
    assert rl.tensor(3.0).sort().indices.item() == 0 and type(x.sort()).__name__ == "sort"


def test_topk_takes_a_part_of_long_lines():
    x = np.random.default_rng(0).permutation(5000).astype(np.float32).reshape(5, 1000)
    for largest in (True, False):
        values, indices = rl.from_numpy(x).topk(7, 1, largest=largest)
        order = np.argsort(-x if largest else x, 1)[:, :7]
        np.testing.assert_array_equal(indices.numpy(), order)
        np.testing.assert_array_equal(values.numpy(), np.take_along_axis(x, order, 1))
    x[0, 3] = np.nan
    assert math.isnan(rl.from_numpy(x).topk(2).values[0, 0].item())
    assert not np.isnan(rl.from_numpy(x).topk(900, largest=False).values.numpy()).any()


def test_topk_edges():
    assert rl.tensor(3.0).topk(1).values.item() == 3
    assert rl.ones(2, 3).topk(0).values.shape == (2, 0)
    x = rl.tensor([1.0, 5.0, 2.0], requires_grad=True)
    (x.topk(2).values * rl.tensor([1.0, 2.0])).sum().backward()
    assert x.grad.tolist() == [0, 1, 2]


@pytest.mark.parametrize(
    ("call", "error", "said"),
    [
        (lambda: rl.ones(3).topk(4), RuntimeError, "selected index k out of range"),
        (lambda: rl.ones(3).topk(1, 1), IndexError, "Dimension out of range"),
        (lambda: rl.tensor([1j]).sort(), RuntimeError, "does not support"),
        (lambda: rl.tensor([True]).topk(1), RuntimeError, "does not support"),
    ],
)
def test_refusals(call, error, said):
    with pytest.raises(error, match=said):
        call()
