"""Padding kernels against NumPy's and torch's padding, negative amounts included, and their gradients."""

from random import Random

import numpy as np
import pytest

from rushlight.arrays.padding import pad_by, pad_by_gradient
from rushlight.arrays.windows import pad

MODES = ["reflect", "replicate", "circular"]


def random_pads(random, mode, sizes):
    """Amounts within torch's limits for each axis, sometimes negative."""
    most = {"reflect": [n - 1 for n in sizes], "replicate": [4] * len(sizes), "circular": list(sizes)}[mode]
    pads = [(random.randint(0, limit), random.randint(0, limit)) for limit in most]
    if random.random() < 0.4:
        axis = random.randrange(len(sizes))
        cut = random.randint(0, sizes[axis] // 2)
        keep = min(pads[axis][1], sizes[axis] - cut - (mode == "reflect"))
        pads[axis] = (-cut, max(keep, 0))
    return pads


@pytest.mark.parametrize("mode", MODES)
def test_agrees_with_torch(mode):
    torch = pytest.importorskip("torch")
    for seed in range(100):
        random, rng = Random(seed), np.random.default_rng(seed)
        sizes = tuple(random.randint(1, 6) for _ in range(random.choice([1, 2, 3])))
        pads = random_pads(random, mode, sizes)
        x = np.moveaxis(rng.standard_normal((2, *sizes, 3)), -1, 1)
        given = torch.from_numpy(x.copy()).requires_grad_()
        expected = torch.nn.functional.pad(given, [n for ends in reversed(pads) for n in ends], mode)
        y = pad_by(x, pads, mode)
        np.testing.assert_array_equal(y, expected.detach().numpy(), err_msg=f"{sizes} {pads}")
        g = rng.standard_normal(y.shape)
        (dx,) = torch.autograd.grad(expected, given, torch.from_numpy(g))
        np.testing.assert_allclose(pad_by_gradient(g, pads, mode), dx.numpy(), atol=1e-12)


@pytest.mark.parametrize(
    ("mode", "numpys"), [("reflect", "reflect"), ("replicate", "edge"), ("circular", "wrap")]
)
def test_agrees_with_numpy(mode, numpys):
    x = np.random.default_rng(0).standard_normal((2, 5, 4))
    pads = [(4, 1), (0, 3)]
    np.testing.assert_array_equal(pad_by(x, pads, mode), np.pad(x, [(0, 0), *pads], numpys))


@pytest.mark.parametrize("mode", MODES)
def test_gradient_is_the_transpose(mode):
    rng, pads = np.random.default_rng(0), [(2, 1), (-1, 2)]
    x = rng.standard_normal((3, 4, 5))
    y = pad_by(x, pads, mode)
    g = rng.standard_normal(y.shape)
    assert np.sum(y * g) == pytest.approx(np.sum(x * pad_by_gradient(g, pads, mode)))


def test_constant_padding_also_crops():
    x = np.arange(12.0).reshape(3, 4)
    expected = np.pad(x[:, 1:], ((1, 2), (0, 1)), constant_values=7)
    np.testing.assert_array_equal(pad(x, [(1, 2), (-1, 1)], 7), expected)
    np.testing.assert_array_equal(pad(x, [(-1, -1)]), x[:, 1:3])
    assert pad(x, [(-2, -3)]).shape == (3, 0)
    assert pad(x, [(-6, 5)], 1).tolist() == [[1, 1, 1]] * 3
    assert pad(x, [(0, 0)]) is x


def test_sums_of_half_types_are_kept_in_float32():
    g = np.full((1, 2051), 1, np.float16)
    assert pad_by_gradient(g, [(2049, 0)], "replicate").tolist() == [[2050, 1]]
