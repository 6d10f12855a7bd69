"""Arrays for tests of depthwise convolution, and how near its results are to the oracle's."""

import numpy as np

from rushlight.arrays.convolution import Geometry


def operands(shape, dtype):
    """The geometry, sizes of the output, x, w, bias and g."""
    images, channels, height, width, kernel, stride, padding, dilation = shape
    rng = np.random.default_rng(0)
    geometry = Geometry(stride, padding, dilation, channels)
    counts = geometry.output_sizes((height, width), kernel)
    x, g = (images, channels, height, width), (images, channels, *counts)
    sizes = x, (channels, 1, *kernel), (channels,), g
    return geometry, counts, *(rng.standard_normal(size).astype(dtype) for size in sizes)


def close(actual, expected):
    """Equal to rounding."""
    assert actual.shape == expected.shape
    limit = 16 * np.finfo(actual.dtype).eps * np.abs(expected).max()
    np.testing.assert_allclose(actual, expected, rtol=0, atol=limit)
