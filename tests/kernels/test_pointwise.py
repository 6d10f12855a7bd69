"""Pointwise builtins: any strides, any shapes that broadcast, and None for what they do not take."""

import itertools
import sys

import numpy as np
import pytest

import rushlight as rl
import rushlight.scalar as s
from rushlight.kernels import native
from rushlight.kernels.elements import Elements
from rushlight.kernels.types import i1

pytestmark = pytest.mark.skipif(not native.on(), reason="machine code is off")
A, B = s.var("a"), s.var("b")
RNG = np.random.default_rng(0)


def builtins(root, *names, output=None):
    from rushlight.kernels.pointwise import Builtins

    return Builtins(lambda t: Elements(root, names, (t,) * len(names), t, output or t), "test")


@pytest.fixture(scope="module")
def add():
    return builtins(A + B, "a", "b")


def floats(*shape, dtype=np.float32):
    return RNG.standard_normal(shape).astype(dtype)


def pairs():
    """Arrays of all kinds of layout that broadcast with each other."""
    f = floats
    yield from ((f(n), f(n)) for n in (0, 1, 2, 15, 16, 17, 31, 32, 33, 100))
    yield from [(f(64, 100), f(100)), (f(64, 100), f(64, 1)), (f(100), f(64, 1)), (f(3, 1, 5), f(4, 1))]
    yield from [(f(7, 8).T, f(7, 8).T), (f(7, 8).T, f(8, 7)), (f(20)[::3], f(7)), (f(20)[::-1], f(20))]
    yield from [(f(0, 3), f(3)), (f(), f()), (f(4), f()), (f(), f(2, 3)), (f(1), f(1)), (f(1, 1), f(5))]
    yield from [(f(2, 3, 4, 5)[:, ::2, :, 1:3], f(2, 2, 4, 2)), (f(3, 4, 5).transpose(2, 0, 1), f(5, 3, 4))]
    yield from [(f(1, 1).repeat(3, 0), f(3, 7)), (np.broadcast_to(f(1), (6,)), f(6)), (f(300, 301), f(301))]
    yield from [(np.broadcast_to(f(1, 1), (4, 5)), np.broadcast_to(f(5), (4, 5)))]


@pytest.mark.parametrize("dtype", ["f4", "f8", "i8", "i4", "i2", "i1", "u1"])
def test_values_shapes_and_types(add, dtype):
    for x, y in pairs():
        x, y = (np.asarray(np.abs(v) * 10 if dtype == "u1" else v * 10).astype(dtype) for v in (x, y))
        got, want = add.new(x, y), x + y
        assert got.dtype == want.dtype and got.shape == want.shape
        np.testing.assert_array_equal(got, want, err_msg=f"{x.shape} {y.shape}")


def test_strides_of_views_are_kept_in_conversion_free_arguments(add):
    for x, y in pairs():
        np.testing.assert_array_equal(add.new(x, y), x + y)
        np.testing.assert_array_equal(add.new(y, x), x + y)


@pytest.mark.parametrize("shape", [(), (1,), (2, 1)])
def test_one_input_that_is_stretched(shape):
    minus = builtins(-A, "a")
    wide = np.broadcast_to(floats(*shape), (*shape[:-1], 40) if shape else (40,))
    np.testing.assert_array_equal(minus.new(wide), -wide)


def test_results_lie_as_their_inputs_do(add):
    x = floats(6, 7)
    assert add.new(x.T, x.T).strides == x.T.strides
    assert add.new(x, x).flags.c_contiguous


def test_numbers_stand_for_arrays(add):
    x, k = floats(5), np.arange(5)
    np.testing.assert_array_equal(add.new(x, 2.5), x + np.float32(2.5))
    np.testing.assert_array_equal(add.new(3, x), x + np.float32(3))
    np.testing.assert_array_equal(add.new(k, -7), k - 7)


def test_none_for_what_it_does_not_take(add):
    x = floats(3)
    wrong = [(x, floats(4)), (x, floats(3, dtype="f8")), (1.0, 2.0), (x,), (x, x, x), (x, "a"), (x, 10**400)]
    wrong += [(np.arange(3), 1.5), (np.arange(3, dtype="i1"), 300), (x, True)]
    wrong += [(x.astype("c8"), x.astype("c8"))]
    for args in wrong:
        assert add.new(*args) is None, args


def test_loops_are_made_for_arrays_of_one_dtype_alone():
    add = builtins(A + B, "a", "b")
    assert add.new(floats(3), np.arange(3)) is None
    assert not add.plans
    assert add.new(floats(3), floats(3)) is not None
    assert [*add.plans] == [np.float32]


def test_conditions_ask_for_no_loops_of_their_own():
    from rushlight.kernels.pointwise import Builtins

    root, names = s.where(s.var("c"), A, B), ("c", "a", "b")
    where = Builtins(lambda t: Elements(root, names, (i1, t, t), t, t), "where")
    condition, x, y = np.array([True, False]), floats(2), floats(2)
    np.testing.assert_array_equal(where.new(condition, x, y), np.where(condition, x, y))
    assert [*where.plans] == [np.float32]


def test_no_reference_is_lost_or_kept(add):
    x = floats(64, 100)
    calls = [lambda: add.new(x, "a"), lambda: add.new(x, x), lambda: add.new(x, x[0])]
    calls.append(lambda: add.into(x, x, 0))
    for call in calls:
        call()
        before = [sys.getrefcount(o) for o in (None, x, x.dtype, np.ndarray)]
        for _ in range(1000):
            call()
        after = [sys.getrefcount(o) for o in (None, x, x.dtype, np.ndarray)]
        assert all(abs(a - b) < 50 for a, b in zip(after, before, strict=True)), (before, after)


def test_written_in_place(add):
    for x, y in pairs():
        if np.broadcast_shapes(x.shape, y.shape) == x.shape and x.flags.writeable and 0 not in x.strides:
            want, out = x + y, x.copy(order="K")
            assert add.into(out, out, y) is out
            np.testing.assert_array_equal(out, want)


def test_only_the_output_is_written(add):
    """Canaries on all sides of an output that is part of a larger array."""
    for rows, start, stop in itertools.product((1, 3), (0, 1, 16), (17, 33, 40)):
        whole = np.full((rows + 2, 50), 7, np.float32)
        out = whole[1:-1, start:stop]
        x, y = floats(*out.shape), floats(*out.shape)
        assert add.into(out, x, y) is out
        np.testing.assert_array_equal(out, x + y)
        out[...] = 7
        assert (whole == 7).all()


def test_refuses_to_write_where_that_changes_what_is_read(add):
    x = floats(10)
    assert add.into(x[1:], x[:-1], 1.0) is None
    assert add.into(x[:-1], x[1:], 1.0) is None
    frozen = floats(3)
    frozen.flags.writeable = False
    assert add.into(frozen, frozen, 1.0) is None
    assert add.into(floats(3), floats(2, 3), 1.0) is None


def test_truth_values_lie_in_bytes():
    less = builtins(A < B, "a", "b", output=i1)
    x, y = floats(3, 40), floats(40)
    got = less.new(x, y)
    assert got.dtype == np.bool_
    np.testing.assert_array_equal(got, x < y)
    p, q = np.array([True, False, True, False]), np.array([True, True, False, False])
    np.testing.assert_array_equal(less.new(p, q), p < q)


def test_large_arrays_do_not_depend_on_threads(add):
    import rushlight

    x, y = floats(1000, 1001), floats(1001)
    found = []
    for n in (1, 2, 3):
        rushlight.set_num_threads(n)
        found.append(builtins(s.exp(A) * B, "a", "b").new(x, y).tobytes())
    rushlight.set_num_threads(2)
    assert found[0] == found[1] == found[2]


@pytest.mark.parametrize("kind", [np.float32, np.float64])
def test_a_power_does_not_depend_on_the_exponents_beside_it(kind):
    x = rl.from_numpy(np.random.default_rng(0).random(1003).astype(kind) * 3)
    mixed = rl.from_numpy(np.random.default_rng(1).choice([1.0, 2.0, 2.5], 1003).astype(kind))
    found = (x**mixed).numpy()
    for exponent in (1.0, 2.0):
        alone = (x ** rl.full_like(x, exponent)).numpy()
        at = mixed.numpy() == exponent
        np.testing.assert_array_equal(found[at], alone[at])
        np.testing.assert_array_equal(alone, x.numpy() if exponent == 1 else x.numpy() * x.numpy())
