"""Convolution ops as torch has them: values, first and second derivatives, padding by name, errors."""

from random import Random

import numpy as np
import pytest

import rushlight
from rushlight.ops.conv import conv2d, conv_transpose2d, convolution

from .spatial_calls import agree, function, of_numpy, same


def random_call(seed):
    """A convN d or conv_transposeN d call: name, arrays, keyword arguments."""
    random, rng = Random(seed), np.random.default_rng(seed)
    axes, transposed = random.choice([1, 2, 2, 3]), random.random() < 0.4
    groups = random.choice([1, 1, 2, 3])
    channels, outputs = random.randint(1, 2) * groups, random.randint(1, 2) * groups

    def each(low, high):
        return tuple(random.randint(low, high) for _ in range(axes))

    kernel, stride, dilation, padding = each(1, 3), each(1, 3), each(1, 2), each(0, 2)
    spans = zip(kernel, dilation, padding)
    sizes = tuple(max(d * (k - 1) + 1 - 2 * p, 1) + random.randint(0, 3) for k, d, p in spans)
    kwargs = {"stride": stride, "padding": padding, "dilation": dilation, "groups": groups}
    weight = (outputs, channels // groups, *kernel)
    if transposed:
        sizes, weight = tuple(n + 4 for n in sizes), (channels, outputs // groups, *kernel)
        kwargs["output_padding"] = tuple(random.randrange(max(s, d)) for s, d in zip(stride, dilation))
    x = rng.standard_normal((random.randint(1, 2), channels, *sizes))
    bias = rng.standard_normal(outputs) if random.random() < 0.5 else None
    x = x[0] if random.random() < 0.2 else x
    name = f"conv_transpose{axes}d" if transposed else f"conv{axes}d"
    return name, [x, rng.standard_normal(weight), bias], kwargs


@pytest.mark.parametrize("first", range(0, 80, 10))
def test_agrees_with_torch_to_the_second_derivative(first):
    for seed in range(first, first + 10):
        name, arrays, kwargs = random_call(seed)
        agree(name, arrays, **kwargs)


@pytest.mark.filterwarnings("ignore:Using padding")
@pytest.mark.parametrize("padding", ["same", "valid"])
@pytest.mark.parametrize("kernel", [(1, 2), (3, 4), (2, 5)])
@pytest.mark.parametrize("dilation", [1, 2])
def test_padding_by_name(padding, kernel, dilation):
    rng = np.random.default_rng(0)
    arrays = [rng.standard_normal((2, 3, 9, 10)), rng.standard_normal((2, 3, *kernel)), None]
    agree("conv2d", arrays, padding=padding, dilation=dilation)


def test_arguments_by_position_and_single_numbers():
    rng = np.random.default_rng(0)
    arrays = [rng.standard_normal((1, 4, 6, 6)), rng.standard_normal((4, 2, 3, 3)), rng.standard_normal(4)]
    agree("conv2d", arrays, 2, 1, 1, 2)
    agree("conv2d", arrays, (2,), [1], 1, 2)
    agree("conv_transpose2d", [*arrays[:2], None], 2, 1, 1, 2, 1)


@pytest.mark.parametrize("dtype", ["float16", "bfloat16", "float32", "int64", "complex64"])
def test_types(dtype):
    torch = pytest.importorskip("torch")
    rng = np.random.default_rng(0)
    x, w = rng.integers(-3, 4, (2, 3, 6, 6)), rng.integers(-3, 4, (4, 3, 3, 3))
    ours = [of_numpy(a).to(getattr(rushlight, dtype)) for a in (x, w)]
    theirs = [torch.from_numpy(a).to(getattr(torch, dtype)) for a in (x, w)]
    y, expected = function("conv2d")(*ours), torch.nn.functional.conv2d(*theirs)
    assert str(y.dtype) == str(expected.dtype)
    wide = "complex64" if dtype == "complex64" else "float64"
    same(y.to(getattr(rushlight, wide)), expected.to(getattr(torch, wide)))


def test_empty_batch():
    agree("conv2d", [np.zeros((0, 3, 5, 5)), np.ones((2, 3, 3, 3)), np.ones(2)], derivatives=1)


def test_works_on_plain_arrays():
    x, w = np.ones((1, 2, 4, 4), np.float32), np.ones((3, 2, 3, 3), np.float32)
    y = conv2d(x, w)
    assert isinstance(y, np.ndarray) and y.shape == (1, 3, 2, 2) and (y == 18).all()
    assert conv_transpose2d(y, w).shape == (1, 2, 4, 4)
    assert convolution(x, w).shape == (1, 3, 2, 2)


def test_an_op_in_a_composite_finds_its_tensor():
    """`Op.__call__` must look for an owner without asking a Tensor for its truth."""
    y = convolution(rushlight.ones(1, 2, 4, 4), weight := rushlight.ones(3, 2, 3, 3))
    assert isinstance(y, rushlight.Tensor) and isinstance(weight, rushlight.Tensor)


def ones(*shape):
    return rushlight.ones(*shape)


IMAGE, WEIGHT = (1, 3, 8, 8), (6, 3, 3, 3)
WRONG = [
    ("conv2d", [(1, 4, 8, 8), WEIGHT], {}, "to have 3 channels, but got 4 channels instead"),
    ("conv2d", [(8, 8), WEIGHT], {}, r"Expected 3D \(unbatched\) or 4D \(batched\) input to conv2d"),
    ("conv2d", [(1, 3, 2, 2), WEIGHT], {}, r"input size per channel: \(2 x 2\). Kernel size: \(3 x 3\)"),
    ("conv2d", [IMAGE, (6, 3, 3)], {}, r"expected a weight of 4 dimensions .* size \[6, 3, 3\]"),
    ("conv1d", [IMAGE, (6, 3, 3)], {}, r"Expected 2D \(unbatched\) or 3D \(batched\) input to conv1d"),
    ("conv2d", [IMAGE, WEIGHT, (5,)], {}, r"bias to be 1-dimensional with 6 elements, .* size \[5\]"),
    ("conv2d", [IMAGE, WEIGHT], {"padding": "same", "stride": 2}, "not supported for strided convolutions"),
    ("conv2d", [IMAGE, WEIGHT], {"padding": "foo"}, "Invalid padding string: 'foo'"),
    ("conv2d", [IMAGE, WEIGHT], {"padding": -1}, "negative padding is not supported"),
    ("conv2d", [IMAGE, WEIGHT], {"stride": 0}, "non-positive stride is not supported"),
    ("conv2d", [IMAGE, WEIGHT], {"dilation": 0}, "dilation should be greater than zero"),
    ("conv2d", [IMAGE, WEIGHT], {"groups": 0}, "non-positive groups is not supported"),
    ("conv2d", [(1, 4, 8, 8), (5, 2, 3, 3)], {"groups": 2}, "to be divisible by 2"),
    ("conv2d", [IMAGE, WEIGHT], {"stride": (1, 2, 3)}, r"list of 2 values .* stride=\[1, 2, 3\]"),
    ("conv_transpose2d", [IMAGE, (3, 6, 3, 3)], {"output_padding": 1}, "output padding must be smaller"),
    ("conv_transpose2d", [IMAGE, (4, 6, 3, 3)], {}, "to have 4 channels, but got 3 channels"),
    ("conv_transpose2d", [IMAGE, (3, 6, 3, 3), (5,)], {}, "1-dimensional with 6 elements"),
    ("conv_transpose2d", [(1, 3, 1, 1), (3, 6, 3, 3)], {"padding": 2}, "Output size is too small"),
    ("conv_transpose2d", [(4, 4), (3, 6, 3, 3)], {}, "input to conv_transpose2d"),
    ("conv_transpose2d", [IMAGE, (3, 6, 3, 3)], {"padding": "same"}, "must be tuple of ints, not str"),
]


@pytest.mark.parametrize(("name", "shapes", "kwargs", "message"), WRONG)
def test_errors_say_what_was_given(name, shapes, kwargs, message):
    kind = TypeError if "not str" in message else RuntimeError
    with pytest.raises(kind, match=message):
        function(name)(*(rushlight.ones(*shape) for shape in shapes), **kwargs)
    torch = pytest.importorskip("torch")
    with pytest.raises(kind):
        getattr(torch.nn.functional, name)(*(torch.ones(*shape) for shape in shapes), **kwargs)


def test_types_must_be_the_same():
    x, w = rushlight.ones(*IMAGE), rushlight.ones(*WEIGHT).double()
    with pytest.raises(RuntimeError, match="should be the same; convert one with"):
        function("conv2d")(x, w)
