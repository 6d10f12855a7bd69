"""Philox against the known answers of Random123, and fused programs against its NumPy spelling."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import rushlight
import rushlight.scalar as s
from rushlight.kernels import native, philox
from rushlight.kernels.types import f32, i1

if native.on():
    from rushlight.kernels.fused import Operand, Reduction, Step, Uniform, plan, run
    from tests.kernels.fused_programs import strides

needs_code = pytest.mark.skipif(not native.on(), reason="machine code is off")
ONES = 0xFFFFFFFF

#: counter, key and words: kat_vectors of Random123 1.14
KNOWN = [
    ((0, 0, 0, 0), (0, 0), (0x6627E8D5, 0xE169C58D, 0xBC57AC4C, 0x9B00DBD8)),
    ((ONES,) * 4, (ONES,) * 2, (0x408F276D, 0x41C83B0E, 0xA20BC7C6, 0x6D5451FD)),
    (
        (0x243F6A88, 0x85A308D3, 0x13198A2E, 0x03707344),
        (0xA4093822, 0x299F31D0),
        (0xD16CFE09, 0x94FDCCEB, 0x5001E420, 0x24126EA1),
    ),
]


@pytest.mark.parametrize(("counter", "key", "want"), KNOWN)
def test_known_answers(counter: Any, key: Any, want: Any) -> None:
    assert tuple(philox.words(counter, key)) == want
    assert tuple(philox.words([np.uint64(x) for x in counter], [np.uint64(x) for x in key])) == want


def test_which_word_an_element_is() -> None:
    found = philox.uniforms(200, 3 + (5 << 32), 7 + (9 << 32))
    for e in (0, 15, 16, 63, 64, 65, 199):
        counter = e // 64 * 16 + e % 16
        word = philox.words((counter, 0, 7, 9), (3, 5))[e // 16 % 4]
        assert found[e] == (word >> 8) * 2.0**-24


def test_the_numbers_are_uniform() -> None:
    u = philox.uniforms(1 << 18, 1, 0).astype(np.float64)
    assert u.min() >= 0 and u.max() < 1
    assert abs(u.mean() - 0.5) < 3e-3 and abs(u.var() - 1 / 12) < 1e-3
    counts = np.histogram(u, 64, (0, 1))[0]
    assert ((counts - 4096) ** 2 / 4096).sum() < 120  # chi square of 63 degrees: 120 is met once in 50,000
    other = philox.uniforms(1 << 18, 1, 1)
    assert abs(np.corrcoef(u, other)[0, 1]) < 0.01


@needs_code
@pytest.mark.parametrize(
    "shape", [(1,), (63,), (1000,), (64, 128), (7, 100), (3, 5, 7), (3, 20_032), (3, 33_000)]
)
@pytest.mark.parametrize("turned", [False, True])
def test_programs_draw_the_same_numbers_whatever_the_layout_and_threads(shape: Any, turned: bool) -> None:
    out = np.empty(shape[::-1], np.float32).T if turned else np.empty(shape, np.float32)
    made = plan(shape, [Uniform("r", "k", "o")], [], [Operand("r", f32, strides(out))], ("k", "o"))
    want = philox.uniforms(out.size, -5, 1 << 40).reshape(shape)
    before = rushlight.get_num_threads()
    try:
        for threads in (1, 3):
            rushlight.set_num_threads(threads)
            out[...] = 0
            run(made, [out], [], [-5, 1 << 40])
            np.testing.assert_array_equal(out, want)
    finally:
        rushlight.set_num_threads(before)


@needs_code
@pytest.mark.parametrize("columns", [100, 128])
def test_dropout(columns: int) -> None:
    x, shape = np.random.default_rng(0).standard_normal((50, columns)).astype(np.float32), (50, columns)
    steps = [
        Uniform("r", "key", "offset"),
        Step("kept", s.var("r") >= 0.25, f32, i1),
        Step("y", s.where(s.var("kept"), s.var("x") * s.var("scale"), 0), f32, f32),
    ]
    out, kept, bias = np.empty_like(x), np.empty(shape, bool), np.empty(columns, np.float32)
    along = (columns, 1)
    results = [Operand("y", f32, along), Operand("kept", i1, along), Reduction("y", f32, (None, 1))]
    made = plan(shape, steps, [Operand("x", f32, along)], results, ("key", "offset", "scale"))
    run(made, [out, kept, bias], [x], [11, 2, 4 / 3])
    np.testing.assert_array_equal(kept, philox.uniforms(x.size, 11, 2).reshape(shape) >= 0.25)
    np.testing.assert_array_equal(out, np.where(kept, x * np.float32(4 / 3), 0))
    np.testing.assert_allclose(bias, out.sum(0), rtol=1e-5, atol=1e-5)
