"""Conversions against NumPy's, bit for bit, NaN apart."""

from __future__ import annotations

import ml_dtypes
import numpy as np
import pytest

from rushlight.arrays.converting import converted
from rushlight.kernels import native
from rushlight.kernels.conversions import TYPES

pytestmark = pytest.mark.skipif(not native.on(), reason="no machine code here")

SPECIAL = [0, -0.0, np.inf, -np.inf, np.nan, 1e-40, 1e-8, 6e-5, 65504, 65520, 3e38, 1e300, 2.0**31, 2.5, -1.5]
KINDS = {name: np.dtype(getattr(ml_dtypes, name, None) or name) for name in TYPES}


def numbers(kind: np.dtype) -> np.ndarray:
    rng = np.random.default_rng(0)
    if kind.kind in "iub":
        return rng.integers(0, 255, 5003).astype(kind)
    with np.errstate(over="ignore"):
        return np.concatenate([rng.standard_normal(5001) * 100, SPECIAL]).astype(kind)


@pytest.mark.parametrize("source", TYPES)
@pytest.mark.parametrize("target", TYPES)
def test_conversions_are_numpys(source: str, target: str) -> None:
    x, to = numbers(KINDS[source]), KINDS[target]
    with np.errstate(all="ignore"):
        want = x.astype(to)
        found = converted(x, to)
    assert found.dtype == to
    bits = f"u{to.itemsize}"
    same = (found.view(bits) == want.view(bits)) | ((found != found) & (want != want))
    assert same.all(), (x[~same][:5], found[~same][:5], want[~same][:5])


def test_the_order_in_memory_stays() -> None:
    x = np.ones((100, 200), np.float32).T
    assert converted(x, np.dtype(np.float16)).flags.f_contiguous
    assert (converted(x[::2], np.dtype(np.float16)) == 1).all()


@pytest.mark.parametrize("name", ["float16", "bfloat16"])
def test_half_types_in_any_layout(name):
    """By the kernel: what is permuted keeps its order in memory, what has gaps is copied without them."""
    dtype = np.dtype(getattr(ml_dtypes, name, name))
    x = np.random.default_rng(0).normal(size=(12, 14, 16)).astype(dtype)
    for view in (x, x.T, x.transpose(1, 0, 2), x[:, ::2], x[::-1], x[:, :, 1:].transpose(2, 0, 1)):
        found = converted(view, np.dtype(np.float32))
        assert found.dtype == np.float32 and np.array_equal(found, view.astype(np.float32))
        back = converted(found, dtype)
        assert np.array_equal(back, view) and back.strides == tuple(n // 2 for n in found.strides)
    assert converted(x.transpose(1, 0, 2), np.dtype(np.float32)).transpose(1, 0, 2).flags.c_contiguous
