"""Arrays filled and copied by kernels alone, as they are while launches are noted, against NumPy's."""

from __future__ import annotations

import itertools
from collections.abc import Iterator

import numpy as np
import pytest

from rushlight.arrays import memory, tracing
from rushlight.arrays.converting import converted
from rushlight.arrays.summing import add_reduce
from rushlight.kernels import native

pytestmark = pytest.mark.skipif(not native.on(), reason="no machine code here")

KINDS = [np.float32, np.float64, np.uint8, np.float16, np.bool_, np.int64, np.complex64, np.complex128]
SHAPES = [
    (),
    (1,),
    (3,),
    (4, 5),
    (2, 3, 4),
    (2, 3, 4, 5, 2),
    (2, 2, 2, 2, 2, 2, 3),
    (0, 3),
    (1000,),
    (100, 70),
]


@pytest.fixture(autouse=True)
def noted() -> Iterator[None]:
    tracing.WATCHED[:] = [True]
    yield
    tracing.WATCHED[:] = []


def numbers(shape: tuple[int, ...], kind: type) -> np.ndarray:
    return np.asarray((np.random.default_rng(0).random(shape) * 200).astype(kind))


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("shape", SHAPES)
def test_new_arrays_hold_one_number(kind: type, shape: tuple[int, ...]) -> None:
    assert (memory.zeros(shape, kind) == 0).all()
    assert (memory.full(shape, 3, kind) == kind(3)).all()
    apart = np.zeros((*shape, 2), kind)[..., 0]
    assert (memory.filled(apart, np.asarray(7, kind)) == kind(7)).all()


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("shape", SHAPES)
def test_copies_between_any_strides(kind: type, shape: tuple[int, ...]) -> None:
    x = numbers(shape, kind)
    for order in itertools.islice(itertools.permutations(range(x.ndim)), 0, None, 7):
        y = x.transpose(order)
        apart = np.zeros((*y.shape, 2), kind)
        memory.copy_into(apart[..., 0], y)
        assert (apart[..., 0] == y).all() and (apart[..., 1] == 0).all()
        kept = memory.copied(y, "K")
        assert (kept == y).all() and kept.strides == y.copy("K").strides
        assert (memory.copied(y) == y).all() and memory.copied(y).flags.c_contiguous
        assert (memory.reshaped(y, (-1,)) == y.reshape(-1)).all()


def test_copies_stretch_and_turn_round() -> None:
    x, out = numbers((4, 5), np.float32), np.zeros((4, 5), np.float32)
    memory.copy_into(out, x[::-1, ::-2][:, :1])
    assert (out == x[::-1, ::-2][:, :1]).all()


@pytest.mark.parametrize("to", [np.float64, np.float16, np.int64, np.bool_])
def test_conversions_keep_the_order(to: type) -> None:
    x = numbers((3, 4, 5), np.float32).transpose(1, 0, 2)
    found = converted(x, np.dtype(to))
    assert (found == x.astype(to)).all() and found.strides == x.astype(to).strides


@pytest.mark.parametrize("kind", [np.float32, np.float64, np.int64])
@pytest.mark.parametrize("shape", [(5,), (3, 4), (2, 3, 4, 5), (40000,), (100, 3000), (300, 70, 5), (0, 3)])
def test_sums_of_any_layout(kind: type, shape: tuple[int, ...]) -> None:
    x = numbers(shape, kind)
    for y in (x, x.T, x[::-1], x[..., ::2]):
        for axes in {(), (0,), (y.ndim - 1,), tuple(range(y.ndim))}:
            for keep in (False, True):
                found, exact = add_reduce(y, axes, keep), y.astype(np.float64).sum(axes, keepdims=keep)
                assert found.shape == exact.shape and found.dtype == kind
                np.testing.assert_allclose(found, exact, rtol=1e-5)
