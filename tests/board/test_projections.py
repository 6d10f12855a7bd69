"""Principal components, t-SNE and neighbours: by their laws, and against scikit-learn if it is installed."""

import numpy as np
import pytest

from rushlight.board import projections
from rushlight.board.projections import Tsne, affinities, neighbours, pca, squared_distances


def mixture(n=240, d=12, kinds=4, seed=0):
    """Points about `kinds` centres far apart, and which centre each belongs to."""
    random = np.random.default_rng(seed)
    kind = np.arange(n) % kinds
    centres = 8 * np.eye(kinds, d)
    return (centres[kind] + random.normal(0, 0.6, (n, d))).astype(np.float32), kind


def purity(places, kind, count=8):
    """Which part of the nearest are of the same kind."""
    found = [kind[neighbours(places, i, count, "euclidean")[0]] == kind[i] for i in range(len(places))]
    return float(np.mean(found))


@pytest.mark.parametrize("shape", [(50, 8), (8, 50), (1, 5), (6, 1)])
def test_explained_variance_is_the_eigenvalues(shape):
    points = np.random.default_rng(1).normal(size=shape).astype(np.float32)
    found = pca(points, 5)
    centred = points.astype(np.float64) - points.mean(0, dtype=np.float64)
    values = np.linalg.svd(centred, compute_uv=False) ** 2
    expected = values[: found.explained.size] / (values.sum() or 1)
    np.testing.assert_allclose(found.explained, expected, atol=1e-6)
    np.testing.assert_allclose(
        (found.positions**2).sum(0), values[: found.explained.size], rtol=1e-4, atol=1e-6
    )
    overlap = found.positions.T @ found.positions
    np.testing.assert_allclose(overlap - np.diag(np.diag(overlap)), 0, atol=1e-3)


def test_random_projection_finds_the_same(monkeypatch):
    random = np.random.default_rng(2)
    points = (random.normal(size=(200, 6)) * [30, 20, 12, 8, 5, 3]) @ random.normal(size=(6, 150))
    points = (points + random.normal(0, 0.1, points.shape)).astype(np.float32)
    exact = pca(points, 4)
    monkeypatch.setattr(projections, "WIDE", 10)
    near = pca(points, 4)
    np.testing.assert_allclose(near.explained, exact.explained, rtol=1e-4)
    np.testing.assert_allclose(near.positions, exact.positions, atol=2e-3 * np.abs(exact.positions).max())


def test_pca_agrees_with_scikit_learn():
    decomposition = pytest.importorskip("sklearn.decomposition")
    points, _ = mixture()
    theirs = decomposition.PCA(4).fit(points)
    np.testing.assert_allclose(pca(points, 4).explained, theirs.explained_variance_ratio_, rtol=1e-4)


def test_points_that_are_all_the_same():
    found = pca(np.ones((5, 3), np.float32))
    assert np.all(found.positions == 0) and np.all(found.explained == 0)
    tsne = Tsne(np.ones((9, 3), np.float32))
    for _ in range(10):
        tsne.step()
    assert np.isfinite(tsne.positions()).all()


@pytest.mark.parametrize("metric", ["cosine", "euclidean"])
def test_neighbours(metric):
    points = np.random.default_rng(3).normal(size=(40, 6)).astype(np.float32)
    indices, distances = neighbours(points, 7, 5, metric)
    unit = points / np.linalg.norm(points, axis=1, keepdims=True)
    far = 1 - unit @ unit[7] if metric == "cosine" else np.linalg.norm(points - points[7], axis=1)
    far[7] = np.inf
    assert indices.tolist() == np.argsort(far)[:5].tolist()
    np.testing.assert_allclose(distances, np.sort(far)[:5], atol=1e-5)


def test_neighbours_of_zero_and_of_two():
    assert np.isfinite(neighbours(np.zeros((3, 2), np.float32), 0, 5, "cosine")[1]).all()
    assert neighbours(np.eye(2, dtype=np.float32), 0, 10, "euclidean")[0].tolist() == [1]
    with pytest.raises(ValueError, match="cosine or euclidean, not 'other'"):
        neighbours(np.eye(2, dtype=np.float32), 0, 1, "other")


def test_affinities_have_the_perplexity():
    import rushlight as rl

    points = rl.from_numpy(np.random.default_rng(4).normal(size=(60, 5)) * 1e3)
    others = 1 - rl.eye(60, dtype=rl.float64)
    p = affinities(squared_distances(points, points), others, 12.0).numpy()
    assert np.all(np.diag(p) == 0)
    np.testing.assert_allclose(p.sum(1), 1)
    entropy = -(p * np.log(np.where(p > 0, p, 1))).sum(1)
    np.testing.assert_allclose(np.exp(entropy), 12.0, rtol=1e-4)


def gradient(p, y):
    """Of KL(P‖Q), pair by pair as the paper writes it."""
    near = 1 / (1 + ((y[:, None] - y[None]) ** 2).sum(2))
    np.fill_diagonal(near, 0)
    weights = (p - near / near.sum()) * near
    return 4 * (weights[:, :, None] * (y[:, None] - y[None])).sum(1)


@pytest.mark.parametrize("dims", [2, 3])
def test_the_forces_are_the_gradient(dims):
    points, _ = mixture(30)
    tsne = Tsne(points, dims, perplexity=5)
    for _ in range(20):
        tsne.step()
    pull = tsne._attract.force(tsne._y)
    ours = 4 * (pull - tsne._push()).numpy()
    expected = gradient(tsne._attract.p.numpy().astype(np.float64), tsne.positions().astype(np.float64))
    np.testing.assert_allclose(ours, expected, atol=2e-4 * np.abs(expected).max())


@pytest.mark.parametrize("exact, pairs", [(2000, 8_000_000), (10, 8_000_000), (10, 20_000)])
def test_divergence_falls_and_clusters_separate(exact, pairs, monkeypatch):
    monkeypatch.setattr(projections, "EXACT", exact)  # else neighbours alone attract, and with few pairs
    monkeypatch.setattr(projections, "PAIRS", pairs)  # a random subset repels
    points, kind = mixture()
    tsne = Tsne(points, perplexity=15, early=60)
    first = tsne.divergence()
    for _ in range(220):
        tsne.step()
    assert tsne.divergence() < 0.6 * first
    assert purity(tsne.positions(), kind) > 0.99


def test_tsne_is_as_good_as_scikit_learns():
    manifold = pytest.importorskip("sklearn.manifold")
    points, _ = mixture()
    theirs = manifold.TSNE(perplexity=15, init="pca", method="exact", max_iter=500).fit(points)
    tsne = Tsne(points, perplexity=15)
    for _ in range(500):
        tsne.step()
    assert tsne.divergence() < 1.1 * theirs.kl_divergence_


def test_few_points():
    with pytest.raises(ValueError, match="at least 4 points, and there are 3"):
        Tsne(np.eye(3, dtype=np.float32))
    tsne = Tsne(np.eye(4, dtype=np.float32), perplexity=30)
    tsne.step()
    assert tsne.perplexity == 1 and tsne.positions().shape == (4, 2)
