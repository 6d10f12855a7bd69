"""Counts of a Poisson process. A sample takes as many uniforms as they decide: they are taken one by one."""

from __future__ import annotations

import math

import numpy as np

from rushlight.arrays.distributions.words import narrow, need, unit64
from rushlight.arrays.generator import Generator

_BLOCK = 1024


class _Uniforms:
    """Uniforms of [0, 1) one at a time, drawn in blocks; `close` gives back those not taken."""

    def __init__(self, generator: Generator) -> None:
        self.generator = generator
        self._begin()

    def _begin(self) -> None:
        self.state = self.generator.clone_state()
        self.values, self.used = unit64(self.generator, _BLOCK).tolist(), 0

    def take(self) -> float:
        """The next one."""
        if self.used == _BLOCK:
            self._begin()
        self.used += 1
        return self.values[self.used - 1]

    def close(self) -> None:
        """Leave the generator as if only what was taken had been drawn."""
        unit64(self.state, self.used)
        Generator.set_state(self.generator, Generator.get_state(self.state))


def poisson(generator: Generator, rates: np.ndarray) -> np.ndarray:
    """Return a Poisson sample for each rate >= 0, in row-major order and in the rates' float dtype."""
    need("poisson", rates.dtype)
    if rates.size and not rates.min() >= 0:
        least = rates.min()
        raise RuntimeError(
            f"invalid Poisson rate, expected rate to be non-negative, but the least is {least}"
        )
    uniforms = _Uniforms(generator)
    counts = [_draw(rate, uniforms) for rate in rates.astype(np.float64).ravel().tolist()]
    uniforms.close()
    return narrow(np.array(counts, np.float64), rates.dtype).reshape(rates.shape)


def _draw(rate: float, uniforms: _Uniforms) -> float:
    if rate >= 10:
        return _by_rejection(rate, uniforms)
    return _by_product(math.exp(-rate), uniforms) if rate else 0


def _by_product(limit: float, uniforms: _Uniforms) -> int:
    """How many uniforms can be multiplied before the product falls to exp(-rate) (Knuth)."""
    count, product = 0, uniforms.take()
    while product > limit:
        count += 1
        product *= uniforms.take()
    return count


def _by_rejection(rate: float, uniforms: _Uniforms) -> float:
    """Transformed rejection. Source: Hoermann, "The transformed rejection method" (1993), algorithm PTRS."""
    root, log_rate = math.sqrt(rate), math.log(rate)
    b = 0.931 + 2.53 * root
    a = -0.059 + 0.02483 * b
    inverse_alpha = 1.1239 + 1.1328 / (b - 3.4)
    accept = 0.9277 - 3.6224 / (b - 2)
    while True:
        u, v = uniforms.take() - 0.5, uniforms.take()
        near = 0.5 - abs(u)
        count = math.floor((2 * a / near + b) * u + rate + 0.43)
        if near >= 0.07 and v <= accept:
            return count
        if count < 0 or (near < 0.013 and v > near) or v == 0:
            continue
        squeezed = math.log(v) + math.log(inverse_alpha) - math.log(a / (near * near) + b)
        if squeezed <= -rate + count * log_rate - math.lgamma(count + 1):
            return count
