"""torch.linalg as a module, and the randomised decompositions."""

from __future__ import annotations

import numpy as np
import pytest

import rushlight as rl


def of_rank(rank: int, *shape: int) -> np.ndarray:
    rng = np.random.default_rng(0)
    return rng.normal(size=(*shape[:-1], rank)) @ rng.normal(size=(*shape[:-2], rank, shape[-1]))


@pytest.mark.parametrize("shape", [(20, 8), (8, 20), (2, 9, 9)])
def test_a_matrix_of_low_rank_is_found_again(shape: tuple[int, ...]) -> None:
    a = of_rank(3, *shape)
    u, s, v = rl.svd_lowrank(rl.from_numpy(a), q=4)
    np.testing.assert_allclose((u * s.unsqueeze(-2) @ v.mH).numpy(), a, atol=1e-10)
    u, s, v = rl.pca_lowrank(rl.from_numpy(a), q=4)
    np.testing.assert_allclose(
        (u * s.unsqueeze(-2) @ v.mH).numpy(), a - a.mean(-2, keepdims=True), atol=1e-10
    )


@pytest.mark.parametrize("center", [True, False])
def test_the_same_sample_as_torch(center: bool) -> None:
    torch = pytest.importorskip("torch")
    a = np.random.default_rng(1).normal(size=(12, 7)).astype(np.float32)
    rl.manual_seed(5)
    torch.manual_seed(5)
    ours = rl.pca_lowrank(rl.from_numpy(a), q=3, center=center)
    theirs = torch.pca_lowrank(torch.from_numpy(a), q=3, center=center)
    product = [u * s[None] @ v.T for u, s, v in ((x.numpy() for x in found) for found in (ours, theirs))]
    np.testing.assert_allclose(*product, atol=1e-4)


def test_refusals() -> None:
    with pytest.raises(ValueError, match="must be non-negative integer and not greater than"):
        rl.pca_lowrank(rl.ones(2, 3), q=3)


def test_a_missing_name_is_told_with_the_nearest() -> None:
    with pytest.raises(AttributeError, match="the nearest there is: torch.linalg.eigh"):
        _ = rl.linalg.eighh
