"""Places in sorted lines: sides, rows, nan; refusals."""

import math

import pytest

import rushlight as rl

X = rl.arange(3.0)


def test_searching():
    edges = rl.tensor([1.0, 2.0, 2.0, 5.0])
    values = rl.tensor([0.0, 2.0, 6.0, math.nan])
    assert rl.searchsorted(edges, values).tolist() == [0, 1, 4, 4]
    assert rl.bucketize(values, edges, right=True).tolist() == [0, 3, 4, 4]
    assert (
        rl.searchsorted(edges, 2.5).item() == 3 and rl.bucketize(2, edges, out_int32=True).dtype is rl.int32
    )
    rows = rl.tensor([[1, 3], [2, 8]])
    assert rl.searchsorted(rows, rl.tensor([[2, 3, 4], [2, 3, 9]]), side="right").tolist() == [
        [1, 2, 2],
        [1, 1, 2],
    ]
    assert rl.searchsorted(edges.flip(0), values[:3], sorter=rl.tensor([3, 2, 1, 0])).tolist() == [0, 1, 4]


@pytest.mark.parametrize(
    ("call", "error", "said"),
    [
        (lambda: rl.searchsorted(rl.ones(1, 3), rl.ones(2)), RuntimeError, "must match"),
        (lambda: rl.searchsorted(X, X, right=True, side="left"), RuntimeError, "opposites"),
        (lambda: rl.searchsorted(X, X, side="middle"), RuntimeError, "'left' or 'right'"),
        (lambda: rl.bucketize(X, rl.ones(1, 3)), RuntimeError, "1 dimension"),
    ],
)
def test_refusals(call, error, said):
    with pytest.raises(error, match=said):
        call()
