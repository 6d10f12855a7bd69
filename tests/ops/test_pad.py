"""nn.functional.pad as torch has it, to the second derivative, and its errors."""

import numpy as np
import pytest

import rushlight

from .spatial_calls import agree, function

X = np.random.default_rng(0).standard_normal((2, 3, 4, 5))


@pytest.mark.parametrize(
    "amounts", [(1, 2), (0, 0), (-1, 2), (1, 0, 2, 3), (-1, -1, 0, 2), (1, 1, 1, 1, 1, 1, 1, 1)]
)
def test_constant(amounts):
    agree("pad", [X], amounts)
    agree("pad", [X], amounts, "constant", 2.5)
    agree("pad", [X], list(amounts), value=-1)


@pytest.mark.parametrize("mode", ["reflect", "replicate", "circular"])
def test_own_values(mode):
    agree("pad", [X], (2, 3, 1, 0), mode)
    agree("pad", [X[0]], (4, 0), mode)
    agree("pad", [X[0]], (-1, 1), mode)
    agree("pad", [X[None]], (1, 2, 2, 1, 0, 2), mode)


def test_integers_and_booleans_keep_their_type():
    for values in (np.arange(4)[None], np.array([[True, False]])):
        agree("pad", [values], (1, 1), value=1, derivatives=0)
    agree("pad", [np.arange(4)[None]], (1, 1), value=2.5, derivatives=0)
    agree("pad", [np.arange(4)[None]], (1, 1), "reflect", derivatives=0)


def test_nothing_to_pad_is_still_a_copy():
    x = rushlight.ones(2, 3)
    y = function("pad")(x, (0, 0))
    y += 1
    assert x.numpy().tolist() == [[1, 1, 1], [1, 1, 1]]


def test_infinity():
    y = rushlight.constant_pad_nd(rushlight.ones(2), (1, 1), float("-inf"))
    assert y.numpy().tolist() == [-np.inf, 1, 1, -np.inf]


WRONG = [
    ((1, 1, 4), ((1,),), RuntimeError, "must be divisible by 2"),
    ((4,), ((1, 1, 1, 1),), RuntimeError, "padding length 4 and input of dimension 1"),
    ((1, 4), ((-5, 0),), RuntimeError, "leaves a negative size"),
    ((4,), ((1, 1), "reflect"), NotImplementedError, "not supported for 1D input"),
    ((1, 1, 4, 4), ((1, 1), "reflect"), NotImplementedError, "not supported for 4D input"),
    ((1, 1, 4), ((4, 0), "reflect"), RuntimeError, "less than the corresponding input dimension"),
    ((1, 1, 4), ((5, 0), "circular"), RuntimeError, "wrapping around more than once"),
    ((1, 1, 4), ((1, 1), "foo"), NotImplementedError, "Unrecognised padding mode foo"),
    ((1, 1, 4), ((1, 1), "reflect", 1), RuntimeError, "doesn't take in value argument"),
    ((1, 1, 0), ((1, 1), "replicate"), RuntimeError, "too small"),
]


@pytest.mark.parametrize(("shape", "args", "kind", "message"), WRONG)
def test_errors_say_what_was_given(shape, args, kind, message):
    with pytest.raises(kind, match=message):
        function("pad")(rushlight.ones(*shape), *args)
    torch = pytest.importorskip("torch")
    with pytest.raises(kind):
        torch.nn.functional.pad(torch.ones(*shape), *args)
