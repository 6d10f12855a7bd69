"""Samples against torch's, number for number, and the state of the stream after them."""

import ml_dtypes
import numpy as np
import pytest

from rushlight.arrays import distributions as d
from rushlight.arrays.generator import Generator

SIZES = (0, 1, 2, 5, 15, 16, 17, 31, 100, 1000, 4097)
BF16 = np.dtype(ml_dtypes.bfloat16)
FLOATS = (np.dtype("f4"), np.dtype("f8"), np.dtype("f2"), BF16)
INTS = tuple(np.dtype(t) for t in ("u1", "i1", "i2", "i4", "i8"))


@pytest.fixture(scope="module")
def torch():
    return pytest.importorskip("torch")


def name_of(dtype):
    return {"f2": "float16", "f4": "float32", "f8": "float64"}.get(dtype.str[1:], dtype.name)


def to_numpy(tensor):
    """The tensor's numbers as NumPy has them; bfloat16 by its bits."""
    if str(tensor.dtype) == "torch.bfloat16":
        return tensor.view(__import__("torch").int16).numpy().view(BF16)
    return tensor.numpy()


def assert_same(ours, theirs, rtol=0.0):
    theirs = to_numpy(theirs)
    assert ours.dtype == theirs.dtype and ours.shape == theirs.shape
    if rtol:
        np.testing.assert_allclose(ours.astype("f8"), theirs.astype("f8"), rtol=rtol)
    else:
        np.testing.assert_array_equal(ours.astype("f8" if ours.dtype == BF16 else ours.dtype), theirs)


# name: (our call, torch's call on an empty tensor, relative tolerance for float64)
FLOAT_CALLS = {
    "uniform": (lambda g, s, t: d.uniform(g, s, t), lambda x, g: x.uniform_(generator=g), 0),
    "uniform(-0.1, 0.3)": (lambda g, s, t: d.uniform(g, s, t, -0.1, 0.3), lambda x, g: x.uniform_(-0.1, 0.3, generator=g), 0),
    "uniform(2, 9.7)": (lambda g, s, t: d.uniform(g, s, t, 2, 9.7), lambda x, g: x.uniform_(2, 9.7, generator=g), 0),
    "uniform(0, 0.7)": (lambda g, s, t: d.uniform(g, s, t, 0, 0.7), lambda x, g: x.uniform_(0, 0.7, generator=g), 0),
    "uniform(1, 1)": (lambda g, s, t: d.uniform(g, s, t, 1, 1), lambda x, g: x.uniform_(1, 1, generator=g), 0),
    "normal": (lambda g, s, t: d.normal(g, s, t), lambda x, g: x.normal_(generator=g), 1e-14),
    "normal(0.3, 1.7)": (lambda g, s, t: d.normal(g, s, t, 0.3, 1.7), lambda x, g: x.normal_(0.3, 1.7, generator=g), 1e-12),
    "log_normal": (lambda g, s, t: d.log_normal(g, s, t), lambda x, g: x.log_normal_(generator=g), 1e-13),
    "exponential": (lambda g, s, t: d.exponential(g, s, t), lambda x, g: x.exponential_(generator=g), 1e-14),
    "exponential(3)": (lambda g, s, t: d.exponential(g, s, t, 3.0), lambda x, g: x.exponential_(3.0, generator=g), 1e-14),
    "cauchy": (lambda g, s, t: d.cauchy(g, s, t), lambda x, g: x.cauchy_(generator=g), 1e-14),
    "cauchy(1, 2.5)": (lambda g, s, t: d.cauchy(g, s, t, 1, 2.5), lambda x, g: x.cauchy_(1, 2.5, generator=g), 1e-12),
    "geometric": (lambda g, s, t: d.geometric(g, s, t, 0.3), lambda x, g: x.geometric_(0.3, generator=g), 0),
    "bernoulli": (lambda g, s, t: d.bernoulli(g, s, t, 0.3), lambda x, g: x.bernoulli_(0.3, generator=g), 0),
    "random": (lambda g, s, t: d.random(g, s, t), lambda x, g: x.random_(generator=g), 0),
    "random(-5, 100)": (lambda g, s, t: d.random(g, s, t, -5, 100), lambda x, g: x.random_(-5, 100, generator=g), 0),
    "random(7)": (lambda g, s, t: d.random(g, s, t, None, 7), lambda x, g: x.random_(7, generator=g), 0),
    "random(3, None)": (lambda g, s, t: d.random(g, s, t, 3), lambda x, g: x.random_(3, None, generator=g), 0),
}


@pytest.mark.parametrize("call", FLOAT_CALLS)
@pytest.mark.parametrize("dtype", FLOATS, ids=name_of)
def test_float_samples(torch, call, dtype):
    ours, theirs, rtol = FLOAT_CALLS[call]
    rtol = rtol if dtype == np.float64 else 0
    for seed in (0, 1234):
        g, t = Generator().manual_seed(seed), torch.Generator().manual_seed(seed)
        for n in SIZES:
            x = torch.empty(n, dtype=getattr(torch, name_of(dtype)))
            assert_same(ours(g, (n,), dtype), theirs(x, t), rtol)
        np.testing.assert_array_equal(g.get_state(), t.get_state().numpy())
