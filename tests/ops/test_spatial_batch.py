"""vmap of the ops over spatial axes: the same as example by example, and as torch's."""

import numpy as np
import pytest

import rushlight
from rushlight.arrays.batched import example_by_example
from rushlight.func import vmap
from rushlight.ops.conv import convolution, convolution_input, convolution_output, convolution_weight
from rushlight.ops.declare import registry

from .spatial_calls import function, of_numpy

RNG = np.random.default_rng(0)
GEOMETRY = {"stride": (2, 1), "padding": (1, 2), "dilation": (1, 2), "groups": 2}
IMAGES, WEIGHT, OUTPUT = (2, 4, 7, 6), (6, 2, 3, 2), (2, 6, 4, 8)
FLAGS = [(True, False), (False, True), (True, True)]


def numbers(shape, flag, size=3):
    return RNG.standard_normal((size, *shape) if flag else shape)


def same_as_example_by_example(op, values, flags, options):
    fast = op.batch_rule(op, 3, list(values), list(flags), dict(options))
    slow = example_by_example(op, 3, list(values), list(flags), dict(options))
    np.testing.assert_allclose(np.broadcast_to(fast, slow.shape), slow, atol=1e-12)


@pytest.mark.parametrize("flags", FLAGS)
def test_the_trilinear_forms_derivatives(flags):
    for op, shapes, size in (
        (convolution_output, (IMAGES, WEIGHT), OUTPUT[2:]),
        (convolution_input, (OUTPUT, WEIGHT), IMAGES[2:]),
        (convolution_weight, (IMAGES, OUTPUT), WEIGHT[2:]),
    ):
        values = [numbers(shape, flag) for shape, flag in zip(shapes, flags)]
        same_as_example_by_example(op, values, flags, GEOMETRY | {"size": size})


@pytest.mark.parametrize("transposed", [False, True])
@pytest.mark.parametrize("bias", [None, False, True])
@pytest.mark.parametrize("flags", [*FLAGS, (False, False)])
def test_convolution_with_bias(flags, bias, transposed):
    if not any(flags) and not bias:
        return
    weight = (4, 3, 3, 2) if transposed else WEIGHT
    values = [
        numbers(IMAGES, flags[0]),
        numbers(weight, flags[1]),
        None if bias is None else numbers((6,), bias),
    ]
    options = GEOMETRY | {"transposed": transposed, "output_padding": (1, 0) if transposed else 0}
    same_as_example_by_example(convolution, values, (*flags, bool(bias)), options)


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("max_pool", {"windows": ((2, 2, 0, 1),) * 2, "ceil_mode": False}),
        ("max_pool_indices", {"windows": ((3, 2, 1, 1),) * 2, "ceil_mode": True}),
        ("adaptive_max_pool", {"output_size": (3, 2)}),
        (
            "avg_pool",
            {
                "windows": ((2, 2, 0, 1),) * 2,
                "ceil_mode": False,
                "count_include_pad": True,
                "divisor_override": None,
            },
        ),
        ("adaptive_avg_pool", {"output_size": (3, 2)}),
        ("adaptive_avg_pool_transpose", {"sizes": (9, 11)}),
        ("resample", {"size": (3, 9), "kind": "linear", "scales": (None, None)}),
        ("constant_pad_nd", {"pad": (1, 2)}),
        ("pad_by", {"pads": [(1, 2), (0, 1)], "mode": "reflect"}),
        ("im2col", {"window": ((2, 2), (1, 1), (1, 1)), "padding": (0, 1)}),
    ],
)
def test_ops_on_the_last_axes(name, options):
    same_as_example_by_example(registry[name], [numbers(IMAGES, True)], [True], options)


def test_an_ensemble_of_weights():
    conv = function("conv2d")
    weights, images = (
        of_numpy(RNG.standard_normal((4, 2, 3, 3, 3))),
        of_numpy(RNG.standard_normal((5, 3, 8, 8))),
    )
    together = vmap(lambda w: conv(images, w))(weights)
    assert isinstance(together, rushlight.Tensor)
    for i in range(4):
        np.testing.assert_allclose(together[i].numpy(), conv(images, weights[i]).numpy(), atol=1e-10)
