"""What the pointwise ops refuse, and what is special about single ones; all else follows in test_ops.py."""

from __future__ import annotations

import math
import operator
from typing import Any

import numpy as np
import pytest

import rushlight as rl

BOOLS = rl.tensor([True, False])
INTS = rl.tensor([3, -4])
FLOATS = rl.tensor([1.5, -2.5])
COMPLEX = rl.tensor([1 + 2j, 0j])
BYTES = rl.tensor([1, 200], dtype=rl.uint8)


@pytest.mark.parametrize(
    ("call", "kind", "words"),
    [
        (lambda: BOOLS - BOOLS, RuntimeError, "two bool tensors"),
        (lambda: BOOLS - 1.0, RuntimeError, "with a bool tensor"),
        (lambda: 1 - BOOLS, RuntimeError, "with a bool tensor"),
        (lambda: FLOATS - True, RuntimeError, "with a bool tensor"),
        (lambda: -BOOLS, RuntimeError, "Negation"),
        (lambda: +BOOLS, RuntimeError, "on a bool tensor"),
        (lambda: rl.add(INTS, INTS, alpha=2.5), RuntimeError, "must not be a floating point"),
        (lambda: rl.add(INTS, INTS, alpha=True), RuntimeError, "Boolean alpha"),
        (lambda: rl.add(FLOATS, FLOATS, alpha=1j), RuntimeError, "must not be a complex"),
        (lambda: INTS // 0, RuntimeError, "ZeroDivisionError"),
        (lambda: INTS % 0, RuntimeError, "ZeroDivisionError"),
        (lambda: rl.fmod(INTS, 0), RuntimeError, "ZeroDivisionError"),
        (lambda: INTS**-1, RuntimeError, "Integers to negative integer powers"),
        (lambda: INTS + 2**70, OverflowError, "too big"),
        (lambda: rl.div(FLOATS, 2, rounding_mode="up"), RuntimeError, "rounding_mode"),
        (lambda: rl.clamp(FLOATS), RuntimeError, "At least one of"),
        (lambda: rl.where(FLOATS, 1, 2), RuntimeError, "boolean tensor"),
        (lambda: rl.addcdiv(INTS, INTS, INTS), RuntimeError, "Integer division"),
        (lambda: rl.lerp(FLOATS, INTS, 0.5), RuntimeError, "expected dtype"),
        (lambda: rl.heaviside(FLOATS, INTS), RuntimeError, "different dtypes"),
        (lambda: rl.imag(FLOATS), RuntimeError, "non-complex"),
        (lambda: COMPLEX < COMPLEX, NotImplementedError, "complex64"),
        (lambda: rl.floor(BOOLS), NotImplementedError, "bool"),
        (lambda: rl.relu(BOOLS), RuntimeError, "Boolean inputs"),
        (lambda: rl.erf(COMPLEX), NotImplementedError, "complex64"),
        (lambda: FLOATS.to(rl.float8_e4m3fn) + 1, NotImplementedError, "float8_e4m3fn"),
        (lambda: FLOATS + None, TypeError, "None"),
        (lambda: FLOATS + [1, 2], TypeError, "list"),
        (lambda: rl.tensor([1.0, 2.0]) + rl.tensor([1.0, 2.0, 3.0]), RuntimeError, r"\(2,\) and \(3,\)"),
    ],
)
def test_refusals(call: Any, kind: type[Exception], words: str) -> None:
    with pytest.raises(kind, match=words):
        call()


def test_unsigned_integers_wrap() -> None:
    assert (-BYTES).tolist() == [255, 56]
    assert (BYTES + 300).tolist() == [45, 244]
    assert (BYTES == -56).tolist() == [False, True]
    assert rl.clamp(BYTES, min=-1).tolist() == [255, 255]
    assert rl.square(BYTES).tolist() == [1, 64]


def test_integers_become_the_default_floating_type() -> None:
    assert (INTS / 2).dtype is rl.float32
    assert rl.exp(INTS).dtype is rl.float32
    assert (INTS * 2.5).dtype is rl.float32
    assert (BOOLS * 2).dtype is rl.int64
    assert rl.float_power(FLOATS, 2).dtype is rl.float64
    rl.set_default_dtype(rl.float64)
    try:
        assert rl.sqrt(INTS.abs()).dtype is rl.float64
    finally:
        rl.set_default_dtype(rl.float32)


def test_halves_round_to_even() -> None:
    assert rl.round(rl.tensor([0.5, 1.5, 2.5, -0.5])).tolist() == [0.0, 2.0, 2.0, -0.0]
    assert rl.round(rl.tensor([125.0, 135.0]), decimals=-1).tolist() == [120.0, 140.0]


def test_integer_powers_and_shifts() -> None:
    assert (rl.tensor([2, 1, -1, 5]) ** rl.tensor([-1, -2, -3, 0])).tolist() == [0, 1, -1, 1]
    assert (INTS << rl.tensor([1, 70])).tolist() == [6, 0]
    assert (INTS >> 70).tolist() == [0, -1]
    assert (2**INTS).tolist() == [8, 0]


OPERATORS = ["add", "sub", "mul", "truediv", "floordiv", "mod", "pow", "eq", "ne", "lt", "le", "gt", "ge"]


@pytest.mark.parametrize("name", [*OPERATORS, "and_", "or_", "xor", "lshift", "rshift"])
def test_operators_with_numbers_on_either_side(name: str) -> None:
    of = getattr(operator, name)
    x = rl.tensor([3, 1, 2]) if name != "truediv" else rl.tensor([3, 1, 2], dtype=rl.float64)
    for number in (2, 3):
        assert of(x, number).tolist() == [of(v, number) for v in (3, 1, 2)]
        if hasattr(rl.Tensor, f"__r{name.strip('_')}__") or name in ("eq", "lt", "gt", "le", "ge", "ne"):
            assert of(number, x).tolist() == [of(number, v) for v in (3, 1, 2)]


@pytest.mark.parametrize("name", ["iadd", "isub", "imul", "itruediv", "ifloordiv", "imod", "ipow"])
def test_augmented_assignment_writes_in_place(name: str) -> None:
    x = rl.tensor([3.0, 5.0])
    view = x[:1]
    expected = [getattr(operator, name)(v, 2.0) for v in (3.0, 5.0)]
    assert getattr(operator, name)(x, 2.0) is x
    assert x.tolist() == expected
    assert view.tolist() == expected[:1]


def test_no_result_shares_memory_with_its_input() -> None:
    for t in (INTS, FLOATS):
        for f in (rl.floor, rl.round, rl.trunc, rl.sign, rl.abs, rl.conj_physical, rl.relu):
            made = f(t)
            assert not np.shares_memory(made.numpy(), t.numpy()), f


def test_where_with_the_condition_alone_is_nonzero() -> None:
    rows, columns = rl.where(rl.tensor([[True, False], [True, True]]))
    assert (rows.tolist(), columns.tolist()) == ([0, 1, 1], [0, 0, 1])
    assert FLOATS.where(BOOLS, rl.tensor(0.0)).tolist() == [1.5, 0.0]


def test_real_and_imag_are_views() -> None:
    z = rl.tensor([1 + 2j, 3 - 4j])
    z.real.mul_(10)
    rl.imag(z).zero_()
    assert z.tolist() == [10 + 0j, 30 + 0j]
    assert FLOATS.real.tolist() == FLOATS.tolist()


def test_a_derivative_asks_for_the_logarithm_of_a_number() -> None:
    x = rl.tensor([1.0, 2.0], dtype=rl.float64).requires_grad_()
    first = rl.autograd.grad((2**x).sum(), x, create_graph=True)[0]
    second = rl.autograd.grad(first.sum(), x)[0]
    np.testing.assert_allclose(second.numpy(), np.log(2) ** 2 * np.array([2.0, 4.0]), rtol=1e-12)


def test_gradients_stop_where_a_piece_is_infinite() -> None:
    x = rl.tensor([1000.0, -1000.0, 0.0]).requires_grad_()
    for f in (
        rl.nn.functional.elu,
        rl.nn.functional.softplus,
        rl.nn.functional.selu,
        rl.nn.functional.logsigmoid,
    ):
        (g,) = rl.autograd.grad(f(x).sum(), x)
        assert all(map(math.isfinite, g.tolist())), f


def test_the_sign_of_nothing() -> None:
    assert rl.sign(rl.tensor([math.nan, -0.0, 2.0])).tolist() == [0.0, 0.0, 1.0]
    assert rl.signbit(rl.tensor([-0.0, 0.0])).tolist() == [True, False]


def test_nan_to_num_knows_the_type() -> None:
    x = rl.tensor([math.nan, math.inf, -math.inf], dtype=rl.float16)
    assert rl.nan_to_num(x).tolist() == [0.0, 65504.0, -65504.0]


@pytest.mark.parametrize("name", ["lgamma", "digamma", "erfinv", "polygamma"])
def test_special_functions_against_known_values(name: str) -> None:
    euler = 0.5772156649015329
    known = {
        "lgamma": (
            lambda t: rl.lgamma(t),
            [1.0, 5.0, 0.5, -0.5],
            [0, math.log(24), math.log(math.pi) / 2, math.log(2 * math.sqrt(math.pi))],
        ),
        "digamma": (rl.digamma, [1.0, 0.5, 2.0], [-euler, -euler - 2 * math.log(2), 1 - euler]),
        "erfinv": (
            rl.erfinv,
            [0.5, -0.9, 0.999999],
            [0.4769362762044699, -1.1630871536766743, 3.458910737275499],
        ),
        "polygamma": (
            lambda t: rl.polygamma(1, t),
            [1.0, 0.5, 4.0],
            [math.pi**2 / 6, math.pi**2 / 2, math.pi**2 / 6 - 49 / 36],
        ),
    }
    f, given, expected = known[name]
    np.testing.assert_allclose(
        f(rl.tensor(given, dtype=rl.float64)).numpy(), expected, rtol=1e-12, atol=1e-14
    )


def test_airy_and_bessel_functions_at_known_points() -> None:
    at = {"airy_ai": [(-2.0, 0.22740742820168557), (-8.0, -0.05270505035638564), (3.0, 0.006591139357460719)]}
    at["bessel_j0"] = [(1.0, 0.7651976865579666), (30.0, -0.08636798358104031), (10.0, -0.2459357644513483)]
    at["bessel_y1"] = [(1.0, -0.7812128213002887), (10.0, 0.24901542420695388)]
    at["modified_bessel_k0"] = [(1.0, 0.42102443824070834), (5.0, 0.003691098334042594)]
    for name, pairs in at.items():
        x, expected = (rl.tensor(list(v), dtype=rl.float64) for v in zip(*pairs, strict=True))
        found = getattr(rl.special, name)(x)
        np.testing.assert_allclose(found.numpy(), expected.numpy(), rtol=1e-9, err_msg=name)


def test_the_incomplete_gamma_functions_differentiate_in_their_second_argument_only() -> None:
    a = rl.tensor([0.5, 2.0], dtype=rl.float64)
    x = rl.tensor([0.7, 3.0], dtype=rl.float64).requires_grad_()
    lower, upper = (rl.autograd.grad(f(a, x).sum(), x)[0] for f in (rl.igamma, rl.igammac))
    density = (
        x.detach().numpy() ** (a.numpy() - 1) * np.exp(-x.detach().numpy()) / [math.gamma(0.5), math.gamma(2)]
    )
    np.testing.assert_allclose(lower.numpy(), density, rtol=1e-12)
    np.testing.assert_allclose(upper.numpy(), -density, rtol=1e-12)
    with pytest.raises(NotImplementedError, match="not implemented"):
        rl.igamma(a.requires_grad_(), x).sum().backward()
