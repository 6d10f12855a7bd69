"""Embeddings: messages, padding, norms renewed in place, bags."""

from __future__ import annotations

import numpy as np
import pytest

import rushlight as rl
from rushlight.nn import functional as F


def table(rows: int = 5, columns: int = 3) -> rl.Tensor:
    return rl.from_numpy(np.arange(float(rows * columns)).reshape(rows, columns) + 1)


@pytest.mark.parametrize("index", [-1, 5])
def test_an_index_out_of_range_is_named(index: int) -> None:
    with pytest.raises(
        IndexError, match=f"index out of range in self: index {index}, but the table has rows 0 to 4"
    ):
        F.embedding(rl.tensor([0, index]), table())


def test_refusals() -> None:
    with pytest.raises(RuntimeError, match="scalar types: Long, Int"):
        F.embedding(rl.tensor([1.0]), table())
    with pytest.raises(RuntimeError, match="'weight' must be 2-D"):
        F.embedding(rl.tensor([1]), table()[0])
    with pytest.raises(AssertionError, match="Padding_idx must be within num_embeddings"):
        F.embedding(rl.tensor([1]), table(), padding_idx=5)
    with pytest.raises(ValueError, match="offsets has to be a 1D Tensor"):
        F.embedding_bag(rl.tensor([1]), table())
    with pytest.raises(ValueError, match="mode has to be one of"):
        F.embedding_bag(rl.tensor([[1]]), table(), mode="median")
    with pytest.raises(RuntimeError, match=r"offsets\[0\] has to be 0"):
        F.embedding_bag(rl.tensor([1, 2]), table(), rl.tensor([1]))
    with pytest.raises(NotImplementedError, match="only supported for mode='sum'"):
        F.embedding_bag(
            rl.tensor([[1]]), table(), mode="max", per_sample_weights=rl.ones(1, 1, dtype=rl.float64)
        )


def test_the_padding_row_has_no_gradient_and_repeats_add_up() -> None:
    w = table().requires_grad_()
    F.embedding(rl.tensor([1, 1, 2, 0]), w, padding_idx=2).sum().backward()
    assert w.grad[:, 0].tolist() == [1.0, 2.0, 0.0, 0.0, 0.0]


def test_frequencies_divide_the_gradient() -> None:
    w = table().requires_grad_()
    F.embedding(rl.tensor([1, 1, 2]), w, scale_grad_by_freq=True).sum().backward()
    assert w.grad[:, 0].tolist() == [0.0, 1.0, 1.0, 0.0, 0.0]


@pytest.mark.parametrize("p", [1.0, 2.0])
def test_long_rows_are_shortened_in_the_table(p: float) -> None:
    torch = pytest.importorskip("torch")
    ours, theirs = table(), torch.from_numpy(table().numpy().copy())
    index = np.array([0, 3, 3])
    found = F.embedding(rl.from_numpy(index), ours, max_norm=4.0, norm_type=p)
    expected = torch.nn.functional.embedding(torch.from_numpy(index), theirs, max_norm=4.0, norm_type=p)
    np.testing.assert_allclose(found.numpy(), expected.numpy())
    np.testing.assert_allclose(ours.numpy(), theirs.numpy())


def test_bags_of_nothing_are_zero() -> None:
    for mode in ("sum", "mean", "max"):
        found = F.embedding_bag(rl.tensor([1, 2]), table(), rl.tensor([0, 2, 2]), mode=mode)
        assert found[1:].tolist() == [[0.0] * 3] * 2


def test_many_repeats_in_a_large_table() -> None:
    rng = np.random.default_rng(0)
    index, g = rng.integers(0, 50, 2000), rng.normal(size=(2000, 16))
    w = rl.zeros(1000, 16, dtype=rl.float64).requires_grad_()
    F.embedding(rl.from_numpy(index), w).backward(rl.from_numpy(g))
    expected = np.zeros((1000, 16))
    np.add.at(expected, index, g)
    np.testing.assert_allclose(w.grad.numpy(), expected)
