"""unfold, fold and the shuffles as torch has them, to the second derivative, and their errors."""

import numpy as np
import pytest

import rushlight

from .spatial_calls import agree, function

X = np.random.default_rng(0).standard_normal((2, 9, 6, 4))


@pytest.mark.parametrize(
    "arguments",
    [
        {"kernel_size": 2},
        {"kernel_size": (3, 2), "dilation": (1, 2), "padding": (2, 1), "stride": (2, 1)},
        {"kernel_size": 3, "stride": 2, "padding": 1},
    ],
)
def test_unfold_and_fold(arguments):
    agree("unfold", [X], **arguments)
    agree("unfold", [X[0]], **arguments)
    torch = pytest.importorskip("torch")
    columns = torch.nn.functional.unfold(torch.from_numpy(X), **arguments).numpy()
    agree("fold", [columns], (6, 4), **arguments)
    agree("fold", [columns[0]], output_size=(6, 4), **arguments)


def test_shuffles():
    agree("pixel_shuffle", [X], 3)
    agree("pixel_shuffle", [X[0]], 3)
    agree("pixel_shuffle", [X[None]], 1)
    agree("pixel_unshuffle", [X], 2)
    agree("channel_shuffle", [X], 3)
    assert rushlight.pixel_shuffle(rushlight.ones(4, 2, 2), 2).shape == (1, 4, 4)


WRONG = [
    ("unfold", (1, 3, 4), (2,), None),
    ("unfold", (1, 3, 4, 4), (5,), "at least one"),
    ("fold", (1, 12, 8), ((4, 4), 2), r"3 \* 3 = 9, but got input.size\(2\)=8"),
    ("fold", (1, 11, 9), ((4, 4), 2), "divisible by the product of kernel_size"),
    ("pixel_shuffle", (1, 8, 4, 4), (3,), "8 is not divisible by 9"),
    ("pixel_shuffle", (4, 4), (3,), "at least 3 dimensions"),
    ("pixel_shuffle", (1, 9, 4, 4), (0,), "positive upscale_factor"),
    ("pixel_unshuffle", (1, 1, 4, 4), (3,), "4 is not divisible by 3"),
    ("channel_shuffle", (1, 6, 4, 4), (4,), "Got 6 channels and 4 groups"),
    ("channel_shuffle", (1, 6), (2,), "> 2 dims"),
]


@pytest.mark.parametrize(("name", "shape", "args", "message"), WRONG)
def test_errors_say_what_was_given(name, shape, args, message):
    if message is None:  # torch takes (1, 3, 4) for an image without a batch, and so do we
        assert function(name)(rushlight.ones(*shape), *args).shape == (4, 6)
        return
    with pytest.raises(RuntimeError, match=message):
        function(name)(rushlight.ones(*shape), *args)
    torch = pytest.importorskip("torch")
    with pytest.raises(RuntimeError):
        getattr(torch.nn.functional, name)(torch.ones(*shape), *args)
