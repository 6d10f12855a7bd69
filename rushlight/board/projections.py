"""Many dimensions on a page: principal components, t-SNE and nearest neighbours, computed by our own ops.

Sources: Pearson 1901 (PCA); Halko, Martinsson & Tropp 2011, "Finding structure with randomness" (PCA of wide
data); van der Maaten & Hinton 2008, "Visualizing data using t-SNE"; van der Maaten 2014, "Accelerating t-SNE
using tree-based algorithms" (only 3·perplexity neighbours attract); Kobak & Berens 2019, "The art of using
t-SNE" (start from the principal components); Belkina et al. 2019 (the learning rate n / exaggeration).
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

import rushlight as rl

from ..tensor import Tensor

EXACT = 2000  # points up to which all pairs attract
PAIRS = 8_000_000  # pairs whose repulsion one iteration computes: beyond, those with a random subset
WIDE = 1024  # sizes of both sides from which principal components are found by random projection
REDUCED = 50  # principal components that t-SNE measures distances in
CHUNK = 1000  # points whose distances to all others are in memory at once


class Pca(NamedTuple):
    """Principal components: positions [n, k] float32, and the part of the variance along each [k]."""

    positions: np.ndarray
    explained: np.ndarray


def pca(points: np.ndarray, count: int = 10) -> Pca:
    """The projection of points [n, d] on their first `count` principal components.

    positions = X·V with X = U·S·Vᵀ the centred points; explained = S² / sum(S²). Each component's sign is
    such that its largest loading is positive, so that two runs of it agree. From `WIDE` dimensions and points
    on, S and V are those of a random projection (two power iterations, ten columns to spare).
    """
    with rl.no_grad():
        x = rl.from_numpy(np.ascontiguousarray(points, np.float64))
        x = x - x.mean(0)
        count = min(count, *x.shape)
        total = float((x * x).sum())
        right = _axes(x, count) if min(x.shape) < WIDE else _random_axes(x, count)
        largest = right.gather(1, right.abs().argmax(1, keepdim=True))
        right = right * rl.where(largest < 0, -1.0, 1.0)
        positions = x @ right.T
        explained = (positions * positions).sum(0) / (total or 1.0)
    return Pca(positions.numpy().astype(np.float32), explained.numpy())


def _axes(x: Tensor, count: int) -> Tensor:
    """The first right singular vectors [count, d] of x [n, d], by way of the smaller of XᵀX and the SVD."""
    if x.shape[0] > x.shape[1]:
        return rl.linalg.eigh(x.T @ x)[1].flip(1).T[:count]
    return rl.linalg.svd(x, full_matrices=False)[2][:count]


def _random_axes(x: Tensor, count: int) -> Tensor:
    """The same, nearly: the SVD within the range of X·(XᵀX)²·Ω for a random Ω."""
    chance = np.random.default_rng(0).standard_normal((x.shape[1], count + 10))
    basis = rl.linalg.qr(x @ rl.from_numpy(chance))[0]
    for _ in range(2):
        basis = rl.linalg.qr(x @ (x.T @ basis))[0]
    return rl.linalg.svd(basis.T @ x, full_matrices=False)[2][:count]


def neighbours(points: np.ndarray, point: int, count: int, metric: str) -> tuple[np.ndarray, np.ndarray]:
    """(indices, distances) of the `count` points nearest to one of points [n, d], itself left out.

    metric: "cosine", 1 - a·b / (|a|·|b|), or "euclidean". Raises ValueError for another.
    """
    if metric not in ("cosine", "euclidean"):
        raise ValueError(f"the metric must be cosine or euclidean, not {metric!r}")
    with rl.no_grad():
        x = rl.from_numpy(np.ascontiguousarray(points, np.float32))
        if metric == "cosine":
            x = x / x.norm(dim=1, keepdim=True).clamp(min=1e-12)
            far = (1 - x @ x[point]).clamp(min=0)
        else:
            far = (x - x[point]).norm(dim=1)
        far[point] = float("inf")
        found = rl.topk(far, min(count, len(x) - 1), largest=False)
    return found.indices.numpy(), found.values.numpy()


class Tsne:
    """t-SNE of points [n, d] in 2 or 3 dimensions, an iteration at a time.

    perplexity: how many neighbours count, about; at most (n - 1) / 3. rate: the learning rate; by default
    max(n / 48, 50). Gradient descent with momentum and gains as in the paper of 2008, exaggeration 12 for
    `early` iterations. Up to `EXACT` points all pairs attract, beyond only 3·perplexity neighbours of each.
    Beyond sqrt(`PAIRS`) points, each iteration's repulsion is estimated from a random subset.
    Raises ValueError for fewer than 4 points.
    """

    def __init__(self, points: np.ndarray, dims: int = 2, perplexity: float = 30.0, rate: float | None = None,
                 early: int = 250) -> None:  # fmt: skip
        n = len(points)
        if n < 4:
            raise ValueError(f"t-SNE needs at least 4 points, and there are {n}")
        self.size, self.dims, self.early, self.iteration = n, dims, early, 0
        self.perplexity = min(max(perplexity, 2.0), (n - 1) / 3)
        self.rate = rate or max(n / 48, 50.0)
        self._random = np.random.default_rng(0)
        start = pca(points, max(REDUCED, dims))
        reduced = start.positions if points.shape[1] > REDUCED else points
        with rl.no_grad():
            self._attract = (_Pairs if n <= EXACT else _Near)(reduced, self.perplexity)
            self._y = rl.from_numpy(_begin(start.positions, dims, self._random))
            self._speed, self._gains = rl.zeros(n, dims), rl.ones(n, dims)
            self._normal = 1.0

    def step(self) -> None:
        """One iteration."""
        with rl.no_grad():
            early = self.iteration < self.early
            pull = self._attract.force(self._y)
            gradient = 4 * ((12.0 if early else 1.0) * pull - self._push())
            same = gradient * self._speed > 0
            self._gains = rl.where(same, self._gains * 0.8, self._gains + 0.2).clamp(min=0.01)
            self._speed = (0.5 if early else 0.8) * self._speed - self.rate * self._gains * gradient
            self._y = self._y + self._speed
            self._y = self._y - self._y.mean(0)
        self.iteration += 1

    def _push(self) -> Tensor:
        """Σⱼ qᵢⱼ · (yᵢ - yⱼ) / (1 + |yᵢ - yⱼ|²), over all j or a random subset of them."""
        y, n = self._y, self.size
        some, scale = y, 1.0
        if n * n > PAIRS:
            size = max(1, PAIRS // n)
            some = y[rl.from_numpy(self._random.choice(n, size, replace=False))]
            scale = n / size
        near = 1 / (1 + squared_distances(y, some))
        self._normal = max(scale * (float(near.sum()) - len(some)), 1e-12)  # each of them meets itself once
        near = near * near
        return (near.sum(1, keepdim=True) * y - near @ some) * (scale / self._normal)

    def positions(self) -> np.ndarray:
        """Where the points are now [n, dims], float32."""
        return self._y.numpy().copy()

    def divergence(self) -> float:
        """KL(P‖Q), what the iterations make small; an estimate where the repulsion is one."""
        with rl.no_grad():
            self._push()
            return self._attract.divergence(self._y, math.log(self._normal))


class _Pairs:
    """P over all pairs, for few points."""

    def __init__(self, points: np.ndarray, perplexity: float) -> None:
        x = rl.from_numpy(np.ascontiguousarray(points, np.float64))
        others = 1 - rl.eye(len(x), dtype=rl.float64)
        p = affinities(squared_distances(x, x), others, perplexity)
        self.p = ((p + p.T) / (2 * len(x))).float()

    def force(self, y: Tensor) -> Tensor:
        """Σⱼ pᵢⱼ · (yᵢ - yⱼ) / (1 + |yᵢ - yⱼ|²)."""
        w = self.p / (1 + squared_distances(y, y))
        return w.sum(1, keepdim=True) * y - w @ y

    def divergence(self, y: Tensor, log_normal: float) -> float:
        """Σ pᵢⱼ · log(pᵢⱼ / qᵢⱼ), with qᵢⱼ = 1 / ((1 + |yᵢ - yⱼ|²) · exp(log_normal))."""
        logs = self.p.clamp(min=1e-30).log() + (1 + squared_distances(y, y)).log() + log_normal
        return float((self.p * logs).sum())


class _Near:
    """P over each point's 3·perplexity nearest, for many points: rows i, columns k, `near` says which j."""

    def __init__(self, points: np.ndarray, perplexity: float) -> None:
        x = rl.from_numpy(np.ascontiguousarray(points, np.float64))
        count = min(int(3 * perplexity) + 1, len(x) - 1)
        parts = [_nearest(x, start, count) for start in range(0, len(x), CHUNK)]
        self.near = rl.cat([indices for indices, _ in parts])
        far = rl.cat([distances for _, distances in parts])
        self.p = (affinities(far, rl.ones_like(far), perplexity) / (2 * len(x))).float()
        self.flat = self.near.reshape(-1)

    def _differences(self, y: Tensor) -> Tensor:
        return y[:, None] - y.index_select(0, self.flat).reshape(*self.near.shape, y.shape[1])

    def force(self, y: Tensor) -> Tensor:
        """As of `_Pairs`; each directed edge pulls at both its ends."""
        apart = self._differences(y)
        pulls = apart * (self.p / (1 + (apart * apart).sum(2)))[:, :, None]
        return pulls.sum(1) - rl.zeros_like(y).index_add_(0, self.flat, pulls.reshape(-1, y.shape[1]))

    def divergence(self, y: Tensor, log_normal: float) -> float:
        """As of `_Pairs`, with each direction's half of pᵢⱼ counted as a pair of its own."""
        apart = self._differences(y)
        logs = (2 * self.p).clamp(min=1e-30).log() + (1 + (apart * apart).sum(2)).log() + log_normal
        return float((2 * self.p * logs).sum())


def squared_distances(x: Tensor, others: Tensor) -> Tensor:
    """|xᵢ - oⱼ|² for x [n, d] and others [m, d]: [n, m]."""
    squares = (x * x).sum(1)[:, None] + (others * others).sum(1)[None, :]
    return (squares - 2 * (x @ others.T)).clamp(min=0)


def _nearest(x: Tensor, start: int, count: int) -> tuple[Tensor, Tensor]:
    """(indices, squared distances) of the nearest of each of CHUNK points, itself left out."""
    rows = x[start : start + CHUNK]
    far = squared_distances(rows, x)
    far[rl.arange(len(rows)), rl.arange(start, start + len(rows))] = float("inf")
    found = rl.topk(far, count, dim=1, largest=False)
    return found.indices, found.values


def affinities(squared: Tensor, others: Tensor, perplexity: float) -> Tensor:
    """pⱼ|ᵢ ∝ exp(-βᵢ·dᵢⱼ) over the j where others is 1, with βᵢ such that row i's entropy is log(perplexity).

    squared, others: [n, k]. β by bisection, all rows at once, 64 times.
    """
    far = squared - (squared + (1 - others) * 1e300).amin(1, keepdim=True)
    far = far * others
    mean = (far.sum(1, keepdim=True) / others.sum(1, keepdim=True)).clamp(min=1e-300)
    far = far / mean  # so that units don't matter
    low, high = rl.zeros_like(mean), rl.full_like(mean, 1e12)
    p = others
    for _ in range(64):
        beta = rl.where(high > 1e11, 2 * low + 1, (low + high) / 2)
        p = others * (-beta * far).exp()
        total = p.sum(1, keepdim=True)
        entropy = total.log() + beta * (p * far).sum(1, keepdim=True) / total
        spread = entropy > math.log(perplexity)
        low, high = rl.where(spread, beta, low), rl.where(spread, high, beta)
    return p / p.sum(1, keepdim=True)


def _begin(components: np.ndarray, dims: int, random: np.random.Generator) -> np.ndarray:
    """The start: the first principal components, the first of them with deviation 1e-4."""
    start = random.normal(0, 1e-6, (len(components), dims))
    have = components[:, :dims]
    start[:, : have.shape[1]] += have * (1e-4 / (have[:, :1].std() or 1.0))
    return start.astype(np.float32)
