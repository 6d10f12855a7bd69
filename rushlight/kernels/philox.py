"""Philox4x32-10: random numbers that are a function of their number, a key and an offset.

Salmon et al., Parallel random numbers: as easy as 1, 2, 3 (SC 2011). All here is written once, for NumPy's
uint64 and for u64 in machine code: the words of 32 bits stand in 64, so that a product is one multiplication.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from .ir import Function
from .types import f32, i32, u64
from .values import Value

_FACTORS = 0xD2511F53, 0xCD9E8D57
_WEYL = 0x9E3779B9, 0xBB67AE85
_WORD = 0xFFFFFFFF
_ROUNDS = 10

#: RUN counters give RUN elements by their first words, then as many by each of the others, so that vectors of
#: elements are vectors of words
RUN = 16
BLOCK = 4 * RUN


def words(counter: Any, key: Any) -> list[Any]:
    """The four words for a counter of four words and a key of two."""
    (a, b, c, d), (k, q) = counter, key
    for _ in range(_ROUNDS):
        first, second = a * _FACTORS[0], c * _FACTORS[1]
        a, b, c, d = (second >> 32) ^ b ^ k, second & _WORD, (first >> 32) ^ d ^ q, first & _WORD
        k, q = (k + _WEYL[0]) & _WORD, (q + _WEYL[1]) & _WORD
    return [a, b, c, d]


def split(x: Any) -> tuple[Any, Any]:
    """The two words of a number of 64 bits, the low one first."""
    return x & _WORD, x >> 32


def uniforms(count: int, key: int, offset: int) -> np.ndarray:
    """The first `count` elements of a stream: numbers k·2⁻²⁴ in [0, 1) as float32."""
    counters = np.arange(-(-count // BLOCK) * RUN, dtype=np.uint64)
    fixed = [split(np.uint64(n & (1 << 64) - 1)) for n in (offset, key)]
    found = np.stack(words((*split(counters), *fixed[0]), fixed[1]), 1)
    in_order = found.reshape(-1, RUN, 4).transpose(0, 2, 1).reshape(-1)[:count]
    return (in_order >> np.uint64(8)).astype(np.float32) * np.float32(2.0**-24)


# -- in machine code ------------------------------------------------------------------------------------


def block(f: Function, start: Value, key: Value, offset: Value) -> Value:
    """The BLOCK elements from `start` on, which is a multiple of BLOCK."""
    counters = (_unsigned(start) // (BLOCK // RUN)).splat(RUN) + f.iota(RUN, u64)
    found = [w.to(i32) for w in _words(counters, key, offset)]
    while len(found) > 1:
        both = range(2 * found[0].lanes)
        found = [x.shuffle(both, y) for x, y in zip(found[::2], found[1::2], strict=True)]
    return _real(found[0])


def elements(f: Function, start: Value, step: Value, lanes: int, key: Value, offset: Value) -> Value:
    """The elements start, start + step ..., wherever they are."""
    index = _unsigned(start.splat(lanes) + f.iota(lanes, start.type) * step)
    run, at = index // BLOCK, index & (BLOCK - 1)
    found, *others = _words(run * RUN + (at & (RUN - 1)), key, offset)
    for k, word in enumerate(others, 1):
        found = (at // RUN == k).select(word, found)
    return _real(found.to(i32))


def _words(counters: Value, key: Value, offset: Value) -> list[Value]:
    fixed = [split(_unsigned(n).splat(counters.lanes)) for n in (offset, key)]
    return words((*split(counters), *fixed[0]), fixed[1])


def _unsigned(x: Value) -> Value:
    return x.to(u64)


def _real(word: Value) -> Value:
    """The upper 24 bits of a word as a fraction."""
    return ((word >> 8) & 0xFFFFFF).to(f32) * 2.0**-24
