"""Pooling ops as torch has them: values, indices, first and second derivatives, errors."""

from random import Random

import numpy as np
import pytest

import rushlight

from .spatial_calls import agree, function, of_numpy


def random_call(seed, dilated):
    """An input of one to three axes and the arguments that max and average pooling share."""
    random, rng = Random(seed), np.random.default_rng(seed)
    axes = random.choice([1, 2, 2, 3])
    kernel = tuple(random.randint(1, 3) for _ in range(axes))
    kwargs = {
        "stride": random.choice([None, tuple(random.randint(1, 3) for _ in range(axes))]),
        "padding": tuple(random.randint(0, k // 2) for k in kernel),
        "ceil_mode": random.random() < 0.4,
    }
    dilation = tuple(random.choice([1, 1, 2]) if dilated else 1 for _ in range(axes))
    if dilated:
        kwargs["dilation"] = dilation
    sizes = tuple(d * (k - 1) + 1 + random.randint(0, 4) for k, d in zip(kernel, dilation))
    lead = random.choice([(2, 3), (2,)])
    return axes, rng.standard_normal((*lead, *sizes)), kernel, kwargs


@pytest.mark.parametrize("first", range(0, 60, 20))
def test_max_pool(first):
    for seed in range(first, first + 20):
        axes, x, kernel, kwargs = random_call(seed, dilated=True)
        agree(f"max_pool{axes}d", [x], kernel, **kwargs)
        agree(f"max_pool{axes}d", [x], kernel, return_indices=True, **kwargs)


@pytest.mark.parametrize("first", range(0, 60, 20))
def test_avg_pool(first):
    for seed in range(first, first + 20):
        axes, x, kernel, kwargs = random_call(seed, dilated=False)
        include = bool(seed % 2)
        agree(f"avg_pool{axes}d", [x], kernel, count_include_pad=include, **kwargs)
        if axes > 1:
            agree(f"avg_pool{axes}d", [x], kernel, divisor_override=3, **kwargs)


@pytest.mark.parametrize("counts", [1, 3, (2, 5), (None, 4), (7, 6)])
def test_adaptive_pools(counts):
    x = np.random.default_rng(0).standard_normal((2, 3, 7, 6))
    agree("adaptive_avg_pool2d", [x], counts)
    agree("adaptive_max_pool2d", [x], counts)
    agree("adaptive_max_pool2d", [x[0]], counts, return_indices=True)


def test_adaptive_pools_of_one_and_three_axes():
    x = np.random.default_rng(0).standard_normal((2, 3, 5, 4, 6))
    for name in ("adaptive_avg_pool", "adaptive_max_pool"):
        agree(f"{name}1d", [x[0, 0]], 3)
        agree(f"{name}3d", [x], (2, None, 5))


def test_max_unpool():
    torch = pytest.importorskip("torch")
    x = np.random.default_rng(0).standard_normal((2, 3, 6, 7))
    y, indices = torch.nn.functional.max_pool2d(torch.from_numpy(x), 2, return_indices=True)
    agree("max_unpool2d", [y.numpy(), indices.numpy()], 2, output_size=(6, 7))
    agree("max_unpool2d", [y.numpy(), indices.numpy()], 2, output_size=(2, 3, 6, 7))
    y, indices = torch.nn.functional.max_pool2d(torch.from_numpy(x[..., :6]), 2, return_indices=True)
    agree("max_unpool2d", [y.numpy(), indices.numpy()], 2)
    y, indices = torch.nn.functional.max_pool1d(torch.from_numpy(x[0]), 3, 2, return_indices=True)
    agree("max_unpool1d", [y.numpy(), indices.numpy()], 3, 2)


def test_the_output_of_a_maximum_may_be_changed_in_place():
    """Conv, pool, relu in place: nothing that backward needs is the pool's output."""
    x = of_numpy([[[[1.0, -2.0], [0.5, 3.0]]]], tracked=True)
    y = function("max_pool2d")(x, 2)
    y += 1
    y.sum().backward()
    assert x.grad.numpy().tolist() == [[[[0, 0], [0, 1]]]]


def test_integers():
    x = rushlight.arange(16).reshape(1, 4, 4)
    assert function("max_pool2d")(x, 2).numpy().tolist() == [[[5, 7], [13, 15]]]
    assert function("avg_pool2d")(x, 2).numpy().tolist() == [[[2, 4], [10, 12]]]


def test_top_level_names():
    for name in ("max_pool1d", "max_pool2d", "max_pool3d", "avg_pool1d", "adaptive_avg_pool1d"):
        assert callable(getattr(rushlight, name))
    values, indices = function("max_pool2d_with_indices")(rushlight.ones(1, 4, 4), 2)
    assert values.shape == indices.shape == (1, 2, 2)


WRONG = [
    ("max_pool2d", (8, 8), (2,), {}, r"max_pool2d: Expected 3D \(unbatched\) or 4D"),
    (
        "max_pool2d",
        (1, 1, 8, 8),
        ((2, 2, 2),),
        {},
        "kernel_size must either be a single int, or a tuple of two",
    ),
    ("max_pool2d", (1, 1, 8, 8), (0,), {}, "kernel_size must be greater than zero"),
    ("max_pool2d", (1, 1, 8, 8), (2, 0), {}, "stride must be greater than zero"),
    (
        "max_pool2d",
        (1, 1, 4, 4),
        (2,),
        {"padding": 2},
        "at most half of effective kernel size, but got pad=2",
    ),
    ("max_pool2d", (1, 1, 4, 4), (5,), {}, r"Given input size: \(1x4x4\). Calculated output size: \(1x0x0\)"),
    ("max_pool2d", (1, 0, 4, 4), (2,), {}, "only the batch may be empty"),
    ("max_pool1d", (8, 8), (9,), {}, "Output size is too small"),
    ("avg_pool2d", (1, 1, 8, 8), (2,), {"divisor_override": 0}, "divisor must be not zero"),
    ("avg_pool1d", (1, 1, 8), (9,), {}, "Output size is too small"),
    ("adaptive_avg_pool2d", (8, 8), (2,), {}, r"adaptive_avg_pool2d: Expected 3D"),
    ("adaptive_avg_pool2d", (1, 1, 8, 8), ((1, 2, 3),), {}, "output_size must be 2 numbers"),
    ("adaptive_avg_pool2d", (1, 1, 8, 8), (-1,), {}, "greater than or equal to 0"),
]


@pytest.mark.parametrize(("name", "shape", "args", "kwargs", "message"), WRONG)
def test_errors_say_what_was_given(name, shape, args, kwargs, message):
    with pytest.raises(RuntimeError, match=message):
        function(name)(rushlight.ones(*shape), *args, **kwargs)
    torch = pytest.importorskip("torch")
    with pytest.raises(RuntimeError):
        getattr(torch.nn.functional, name)(torch.ones(*shape), *args, **kwargs)


def test_unpool_errors():
    unpool, y = function("max_unpool2d"), rushlight.ones(1, 1, 2, 2)
    with pytest.raises(RuntimeError, match=r"invalid max index: 99 \(output volumes are of size 4x4\)"):
        unpool(y, rushlight.full((1, 1, 2, 2), 99), 2)
    with pytest.raises(RuntimeError, match="elements in indices should be type int64 but got: torch.float32"):
        unpool(y, rushlight.zeros(1, 1, 2, 2), 2)
    with pytest.raises(ValueError, match="dim 0 must be between 2 and 6"):
        unpool(y, rushlight.zeros(1, 1, 2, 2).long(), 2, output_size=(9, 9))
