"""Normal numbers in machine code against the same steps in NumPy, bit for bit."""

import numpy as np
import pytest

from rushlight.arrays.distributions import box_muller
from rushlight.kernels import native
from rushlight.kernels.targets import host

pytestmark = pytest.mark.skipif(not (native.on() and host().fuses), reason="no machine code that fuses")


@pytest.mark.parametrize("mean, std", [(0.0, 1.0), (-3.5, 0.25), (1e-3, 7.0)])
def test_equal_to_numpys_steps(mean, std):
    rng = np.random.default_rng(0)
    words = rng.integers(0, 1 << 24, (4099, 16))
    words[0], words[1] = 0, (1 << 24) - 1  # the extremes
    uniforms = (words / 2.0**24).astype(np.float32)
    expected = np.empty_like(uniforms)
    box_muller._normals_float32(uniforms, np.float64(np.float32(mean)), np.float64(np.float32(std)), expected)
    found = box_muller.box_muller(uniforms, mean, std)
    different = found.view(np.int32) != expected.view(np.int32)
    assert different.mean() < 1e-4 and np.allclose(found, expected, rtol=3e-7, atol=1e-7)
    assert not different.any() or (mean, std) != (0.0, 1.0)  # NumPy rounds the last step twice


def test_a_row_at_a_time():
    uniforms = np.random.default_rng(1).random((3, 16), np.float32)
    whole = box_muller.box_muller(uniforms, 0.0, 1.0)
    for k in range(3):
        np.testing.assert_array_equal(box_muller.box_muller(uniforms[k : k + 1], 0.0, 1.0)[0], whole[k])
    assert box_muller.box_muller(uniforms[:0], 0.0, 1.0).shape == (0, 16)
