"""The least time that a program's arithmetic and memory traffic can take here: the roofline.

A program is counted as parts; a part takes its operations at this machine's measured peak or its bytes at the
measured bandwidth, whichever is more, and the floor is their sum. Numbers are float32. What is counted:
products and convolutions, of the derivative too, with their operands and results passing through memory once;
passes over activations that a product cannot do on its way; parameters and optimiser states, read and
written once. What is not: transcendental functions, and transforms that save multiplications (Winograd), by
which a convolution can go below this floor. Bandwidth is that of a working set as large as all the bytes.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from time import perf_counter
from typing import Any, NamedTuple

SIDE = 1024  # of the product that measures the peak
LEAST, MOST = 1 << 20, 1 << 28  # bytes for which bandwidth is measured: the second level of cache, memory
TRIALS, LONG = 10, 0.3  # at least so many, for so many seconds: some will know nothing of a busy neighbour


class Part(NamedTuple):
    """Operations and the bytes they need."""

    flops: float = 0
    bytes: float = 0


def product(rows: int, inner: int, columns: int, times: int = 3) -> Part:
    """Of matrices; 3 times when trained, 2 where the input has no gradient, 1 in inference."""
    numbers = rows * inner + inner * columns + rows * columns
    return Part(2 * times * rows * inner * columns, 4 * times * numbers)


def dense(rows: int, *widths: int, times: int = 3, first: int = 2) -> list[Part]:
    """Products of linear layers one after the other; the first layer's input is data."""
    pairs = enumerate(zip(widths, widths[1:]))
    return [product(rows, a, b, min(times, times if i else first)) for i, (a, b) in pairs]


def conv(images: int, side: int, before: int, after: int, size: int, times: int = 3, stride: int = 1) -> Part:
    """A convolution to `side` x `side` pixels of `after` channels; `times` as of a product."""
    pixels, weights = images * side * side, after * before * size * size
    numbers = pixels * (before * stride * stride + after) + weights
    return Part(2 * times * pixels * weights, 4 * times * numbers)


def depthwise(images: int, side: int, channels: int, size: int, stride: int) -> Part:
    """A convolution of each channel by itself, and its derivative."""
    pixels = images * side * side * channels
    return Part(2 * 3 * pixels * size * size, 4 * 3 * pixels * (1 + stride * stride))


def passes(numbers: float, times: float) -> Part:
    """Reading or writing so many numbers so often."""
    return Part(bytes=4 * numbers * times)


def norm(numbers: float, times: int = 5) -> Part:
    """A normalisation and the activation after it: x is read, y written; then dy and x read, dx written."""
    return passes(numbers, times)


def update(parameters: float, states: int) -> Part:
    """An optimiser's: gradients read, parameters and states read and written."""
    return passes(parameters, 3 + 2 * states)


class Machine:
    """What this machine does at its best, measured with our own kernels; the best so far is remembered."""

    def __init__(self, m: Any) -> None:
        self.m = m
        self.best: dict[tuple[int, int], float] = {}

    def floor(self, parts: Iterable[Part], threads: int) -> float:
        """Seconds; `set_num_threads` was called with as many."""
        parts = list(parts)
        peak, bandwidth = self.peak(threads), self.bandwidth(threads, sum(p.bytes for p in parts))
        return sum(max(p.flops / peak, p.bytes / bandwidth) for p in parts)

    def peak(self, threads: int) -> float:
        """Operations in a second of a large product."""
        a, b = (self.m.ones(SIDE, SIDE) for _ in range(2))
        return self.rate(lambda: a.mm(b), 2 * SIDE**3, (threads, 0))

    def bandwidth(self, threads: int, size: float) -> float:
        """Bytes in a second, read again and again from about so many."""
        near = 2 ** round(math.log2(min(max(size, LEAST), MOST)))
        return self.rate(self.m.ones(near // 4).sum, near, (threads, near))

    def rate(self, call: Callable[[], Any], amount: float, key: tuple[int, int]) -> float:
        """So much by the least seconds of a call, now or before."""
        self.best[key] = max(self.best.get(key, 0.0), amount / least(call))
        return self.best[key]


def least(call: Callable[[], Any]) -> float:
    """The least seconds that a call took: what disturbs only adds."""
    found: list[float] = []
    while len(found) < TRIALS or sum(found) < LONG:
        start = perf_counter()
        call()
        found.append(perf_counter() - start)
    return min(found)
