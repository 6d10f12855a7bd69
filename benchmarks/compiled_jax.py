"""JAX's programs of the same work, written as its users write them: pure functions, one jit for a whole step.

They are timed only: a peer whose losses nobody compares. Those that are not here have torch.compile as peer.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
from jax import lax

KEY = jax.random.key(0)
Layers = list[tuple[Any, Any]]


Formula = Callable[..., Any]


def stepping(loss: Formula, weights: Any, update: Formula, states: int, *data: Any) -> Callable[[], Any]:
    """A call that does one jitted training step and waits for it."""
    kept = (weights, *[jax.tree.map(jnp.zeros_like, weights) for _ in range(states)], jnp.zeros(()))

    @jax.jit
    def step(kept: Any, *data: Any) -> Any:
        weights, *states, count = kept
        value, slopes = jax.value_and_grad(loss)(weights, *data)
        moved = jax.tree.map(lambda *each: update(count + 1, *each), weights, slopes, *states)
        outer, inner = jax.tree.structure(weights), jax.tree.structure((0,) * (len(states) + 1))
        return value, (*jax.tree.transpose(outer, inner, moved), count + 1)

    def call() -> Any:
        nonlocal kept
        value, kept = step(kept, *data)
        return jax.block_until_ready((value, kept))[0]

    return call


def descent(rate: float) -> Formula:
    """A plain gradient step."""
    return lambda count, w, g: (w - rate * g,)


def momentum(rate: float, kept: float = 0.9) -> Formula:
    """A step along a decaying sum of gradients."""

    def update(count: Any, w: Any, g: Any, v: Any) -> Any:
        v = kept * v + g
        return w - rate * v, v

    return update


def adam(rate: float, b1: float = 0.9, b2: float = 0.999) -> Formula:
    """Kingma and Ba's."""

    def update(count: Any, w: Any, g: Any, mean: Any, square: Any) -> Any:
        mean, square = b1 * mean + (1 - b1) * g, b2 * square + (1 - b2) * g * g
        scaled = (mean / (1 - b1**count)) / (jnp.sqrt(square / (1 - b2**count)) + 1e-8)
        return w - rate * scaled, mean, square

    return update


def normal(*shape: int, scale: float = 1.0) -> Any:
    """Normal numbers."""
    return scale * jax.random.normal(KEY, shape)


def classes(below: int, *shape: int) -> Any:
    """Class numbers."""
    return jax.random.randint(KEY, shape, 0, below)


def dense(*widths: int) -> Layers:
    """Weights and biases."""
    return [(normal(a, b, scale=a**-0.5), jnp.zeros(b)) for a, b in zip(widths, widths[1:])]


def through(layers: Layers, x: Any) -> Any:
    """Linear layers with ReLU between them."""
    for w, b in layers[:-1]:
        x = jax.nn.relu(x @ w + b)
    w, b = layers[-1]
    return x @ w + b


def entropy(logits: Any, labels: Any) -> Any:
    """Mean cross entropy."""
    return -jnp.take_along_axis(jax.nn.log_softmax(logits), labels[..., None], -1).mean()


def seed_autograd() -> Any:
    """64x1000x100x10, gradient step."""
    loss = lambda w, x, y: ((jax.nn.relu(x @ w[0]) @ w[1] - y) ** 2).sum()  # noqa: E731
    return stepping(loss, (normal(1000, 100), normal(100, 10)), descent(1e-6), 0, *pair(64, 1000, 10))


def pair(batch: int, before: int, after: int) -> tuple[Any, Any]:
    """Data of a regression."""
    return normal(batch, before), normal(batch, after)


def squares(w: Layers, x: Any, y: Any) -> Any:
    """Squared error of a dense net."""
    return ((through(w, x) - y) ** 2).sum()


def seed_adam() -> Any:
    """The same, Adam."""
    return stepping(squares, dense(1000, 100, 10), adam(1e-4), 2, *pair(64, 1000, 10))


def mlp() -> Any:
    """784-512-512-10, batch 128, momentum."""
    loss = lambda w, x, y: entropy(through(w, x), y)  # noqa: E731
    return stepping(loss, dense(784, 512, 512, 10), momentum(0.01), 1, normal(128, 784), classes(10, 128))


def deep_mlp() -> Any:
    """20 layers of width 32, batch 8."""
    return stepping(squares, dense(*[32] * 21), descent(1e-3), 0, *pair(8, 32, 32))


def mlp_answer() -> Any:
    """One answer of the MLP."""
    weights, x, forward = dense(784, 512, 512, 10), normal(1, 784), jax.jit(through)
    return lambda: forward(weights, x).block_until_ready()


def vae() -> Any:
    """784-400-20, batch 128, Adam; the key of its noise is part of the data."""

    def loss(w: Any, x: Any, key: Any) -> Any:
        encoder, decoder = w
        mean, logvar = jnp.split(through(encoder, x), 2, axis=1)
        z = mean + jax.random.normal(key, mean.shape) * jnp.exp(0.5 * logvar)
        again = jax.nn.log_sigmoid(logits := through(decoder, z))
        apart = -(x * again + (1 - x) * (again - logits)).sum()
        return apart - 0.5 * (1 + logvar - mean**2 - jnp.exp(logvar)).sum()

    weights, x = (dense(784, 400, 40), dense(20, 400, 784)), jax.nn.sigmoid(normal(128, 784))
    return stepping(loss, weights, adam(1e-3), 2, x, KEY)


def gcn(nodes: int = 2708, edges: int = 13_264) -> Any:
    """1433-16-7, messages added by scatter, Adam."""
    source, target = classes(nodes, 2, edges)
    degree = jnp.ones(nodes).at[target].add(1.0)
    weight = lax.rsqrt(degree[source] * degree[target])[:, None]

    def layer(x: Any, w: Any, b: Any) -> Any:
        h = x @ w
        return jnp.zeros_like(h).at[target].add(h[source] * weight) + b

    def loss(w: Layers, x: Any, y: Any) -> Any:
        first, second = w
        return entropy(layer(jax.nn.relu(layer(x, *first)), *second), y)

    return stepping(loss, dense(1433, 16, 7), adam(0.01), 2, normal(nodes, 1433), classes(7, nodes))


PROGRAMS: dict[str, Callable[[], Any]] = {
    "seed": seed_autograd,
    "adam": seed_adam,
    "mlp": mlp,
    "vae": vae,
    "gcn": gcn,
    "deep": deep_mlp,
    "mlp_answer": mlp_answer,
}
