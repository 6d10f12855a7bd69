"""Samples of the pointwise ops' options; calls with default options follow from the declarations."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from . import Sample, samples

Rng = np.random.Generator


def _some(rng: Rng, low: float = -3, high: float = 3) -> Iterator[Any]:
    """Arrays of a few shapes."""
    for shape in ((2, 3), (), (0, 2), (4,)):
        yield np.asarray(rng.uniform(low, high, shape))


@samples("add", "sub", "rsub")
def _(rng: Rng) -> Iterator[Sample]:
    for x in _some(rng):
        for alpha in (2, 0, -1.5):
            yield Sample((x, rng.normal(size=x.shape)), dict(alpha=alpha))
            yield Sample((x, 2), dict(alpha=alpha))
    yield Sample((rng.normal(size=(2, 3)), rng.normal(size=3)), dict(alpha=3))


@samples("div")
def _(rng: Rng) -> Iterator[Sample]:
    for x in _some(rng, 1, 9):
        for mode in ("trunc", "floor"):
            y = rng.uniform(0.6, 2, x.shape) * rng.choice([-1, 1], x.shape)
            yield Sample((x, np.asarray(y)), dict(rounding_mode=mode))
            yield Sample((x, -2), dict(rounding_mode=mode))
    yield Sample((np.array([7, -7, 8]), np.array([2, 2, -3])), dict(rounding_mode="trunc"))
    yield Sample((np.array([7, -7, 8]), np.array([2, 2, -3])), dict(rounding_mode="floor"))
    yield Sample((np.array([7.0]), np.array([2.0])), dict(rounding_mode="up"))


@samples("addcmul", "addcdiv")
def _(rng: Rng) -> Iterator[Sample]:
    for x in _some(rng):
        for value in (2, 0.5):
            yield Sample((x, rng.normal(size=x.shape), rng.uniform(0.5, 2, x.shape)), dict(value=value))
    yield Sample((rng.normal(size=(3, 1)), rng.normal(size=4), rng.uniform(0.5, 2, (3, 4))), dict(value=2))


@samples("lerp")
def _(rng: Rng) -> Iterator[Sample]:
    for weight in (0.25, 0.75, 2, 0):
        yield Sample((rng.normal(size=(2, 3)), rng.normal(size=3), weight))


@samples("pow", "float_power")
def _(rng: Rng) -> Iterator[Sample]:
    for x in _some(rng, 0.3, 3):
        for exponent in (2, 3, 0.5, 1, 0, 1.5, -1, -2, -0.5):
            yield Sample((x, exponent))
    yield Sample((2.5, rng.normal(size=(2, 3))))
    yield Sample((np.array([3, -4, 1, -1, 0]), np.array([3, -1, -3, -3, 2])))


@samples("ldexp")
def _(rng: Rng) -> Iterator[Sample]:
    for x in _some(rng):
        yield Sample((x, np.asarray(rng.normal(size=x.shape))))
        yield Sample((x, np.asarray(rng.integers(0, 4, x.shape))))
    yield Sample((np.array([1, 2]), np.array([3, 4])))


@samples("__rpow__")
def _(rng: Rng) -> Iterator[Sample]:
    for x in _some(rng):
        yield Sample((x, 2.5))
        yield Sample((x, 2))


@samples("__rdiv__", "__rfloordiv__", "__rmod__")
def _(rng: Rng) -> Iterator[Sample]:
    for x in _some(rng, 0.6, 3):
        yield Sample((x, 5))
        yield Sample((-x, 7.5))


@samples("round")
def _(rng: Rng) -> Iterator[Sample]:
    for x in _some(rng, -30, 30):
        for decimals in (1, -1, 2):
            yield Sample((x,), dict(decimals=decimals))
    yield Sample((np.array([0.5, 1.5, 2.5, -0.5, -1.5]),), gradcheck=False)


@samples("round_scaled")
def _(rng: Rng) -> Iterator[Sample]:
    yield Sample((rng.uniform(-9, 9, 5),), dict(up=10.0, down=1.0))


@samples("clamp")
def _(rng: Rng) -> Iterator[Sample]:
    for x in _some(rng):
        yield Sample((x, -1, 1))
        yield Sample((x, -0.5))
        yield Sample((x, None, 0.5))
        yield Sample((x,), dict(max=1.5))
        yield Sample((x, 1, -1))
        yield Sample((x, rng.normal(size=x.shape), rng.normal(size=x.shape)))
        yield Sample((x, None, rng.normal(size=x.shape)))
        yield Sample((x,), dict(min=rng.normal(size=x.shape)))
    yield Sample((rng.normal(size=(2, 3)), rng.normal(size=3), rng.normal(size=(2, 1))))
    yield Sample((rng.normal(size=3),))
    yield Sample((np.array([3, -4]), 0.5))
    yield Sample((np.array([True, False]), 0))
    yield Sample((np.array([np.nan, np.inf, -np.inf, 2.0]), -1, 1), gradcheck=False)
    yield Sample((np.array([1.0, 2.0]), float("nan")), gradcheck=False)
    yield Sample((np.array([-1.0, 1.0, 0.0]), -1, 1), gradcheck=False)


@samples("clamp_min", "clamp_max")
def _(rng: Rng) -> Iterator[Sample]:
    for x in _some(rng):
        yield Sample((x, 0.5))
        yield Sample((x, rng.normal(size=x.shape)))


@samples("nan_to_num")
def _(rng: Rng) -> Iterator[Sample]:
    edges = np.array([np.nan, np.inf, -np.inf, 1.5, -0.0])
    for options in (
        {},
        dict(nan=2.0),
        dict(posinf=5.0),
        dict(neginf=-7.0),
        dict(nan=1.0, posinf=2.0, neginf=3.0),
    ):
        yield Sample((edges,), options, gradcheck=False)
        yield Sample((rng.normal(size=(2, 3)),), options)
    yield Sample((np.array([1, 2]),))
    yield Sample((np.asarray(np.inf),), gradcheck=False)
    yield Sample((np.zeros((0, 2)),))


@samples("where")
def _(rng: Rng) -> Iterator[Sample]:
    for shape in ((2, 3), (), (0, 2)):
        c = np.asarray(rng.random(shape) < 0.5)
        yield Sample((c, rng.normal(size=shape), rng.normal(size=shape)))
        yield Sample((c, rng.normal(size=shape), 2))
        yield Sample((c, 0.5, rng.normal(size=shape)))
        yield Sample((c, 1, 2.5))
        yield Sample((c, rng.normal(size=(4, *shape)), rng.normal(size=())))
        yield Sample((c,))
    yield Sample((rng.normal(size=3), rng.normal(size=3), rng.normal(size=3)))
    yield Sample((rng.integers(0, 2, 3).astype(np.uint8), np.array([1, 2, 3]), rng.normal(size=3)))


@samples("where_method")
def _(rng: Rng) -> Iterator[Sample]:
    yield Sample((rng.normal(size=(2, 3)), rng.random(3) < 0.5, rng.normal(size=3)))


@samples("isclose")
def _(rng: Rng) -> Iterator[Sample]:
    x = np.array([1.0, 1.0, np.nan, np.inf, -np.inf, 0.0])
    y = np.array([1.0 + 1e-9, 1.1, np.nan, np.inf, np.inf, 1e-9])
    yield Sample((x, y))
    yield Sample((x, y), dict(equal_nan=True))
    yield Sample((x, y), dict(rtol=0.2))
    yield Sample((x, y), dict(rtol=0, atol=0))
    yield Sample((x, y), dict(atol=-1))
    yield Sample((np.array([1, 2]), np.array([1, 3])))
    yield Sample((np.array([1, 2]), np.array([1.0, 3])))
    yield Sample((rng.normal(size=(2, 1)), rng.normal(size=3)), dict(atol=0.5))


@samples("logit")
def _(rng: Rng) -> Iterator[Sample]:
    for x in _some(rng, 0.05, 0.95):
        for eps in (0.1, 1e-3, 0.0):
            yield Sample((x, eps))
            yield Sample((x,), dict(eps=eps))
    yield Sample((np.array([-0.5, 1.5, 0.05, 0.95]), 0.1), gradcheck=False)


@samples("polygamma")
def _(rng: Rng) -> Iterator[Sample]:
    for n in (0, 1, 2, 3):
        for x in _some(rng, 0.4, 5):
            yield Sample((n, x), tolerance=1e-4)
        yield Sample((n, np.array([-0.4, -1.5, -2.3])), tolerance=1e-4)
    yield Sample((-1, np.array([1.0])))


@samples("polygamma_of")
def _(rng: Rng) -> Iterator[Sample]:
    yield Sample((rng.uniform(0.4, 5, 4), 1))


# -- complex numbers -----------------------------------------------------------------------------------


def _complex(rng: Rng) -> Iterator[Any]:
    for shape in ((2, 3), (), (0, 2), (4,)):
        yield np.asarray(rng.normal(size=shape) + 1j * rng.normal(size=shape))


@samples("real", "imag", "view_as_real")
def _(rng: Rng) -> Iterator[Sample]:
    for z in _complex(rng):
        yield Sample((z,))
        yield Sample((z.astype(np.complex64),), gradcheck=False)
    yield Sample((np.ascontiguousarray(rng.normal(size=(3, 2)) + 1j).T,))
    yield Sample((rng.normal(size=3),))


@samples("view_as_complex")
def _(rng: Rng) -> Iterator[Sample]:
    for shape in ((3, 2), (2,), (2, 3, 2)):
        yield Sample((rng.normal(size=shape),))
    yield Sample((rng.normal(size=(4, 5, 2))[:, ::2],))
    yield Sample((rng.normal(size=(2, 3)),))
    yield Sample((rng.normal(size=(2, 3)).T,))


@samples(
    "conj",
    "conj_physical",
    "resolve_conj",
    "resolve_neg",
    "angle",
    "isreal",
    "sgn",
    "abs",
    "sqrt",
    "exp",
    "log",
)
@samples("sin", "cos", "tanh", "sigmoid", "reciprocal", "square", "neg", "rsqrt", "softsign")
@samples(
    "sinc",
    "asin",
    "atan",
    "sinh",
    "cosh",
    "log1p",
    "expm1",
    "tan",
    "log2",
    "log10",
    "exp2",
    "silu",
    "positive",
)
@samples("acos", "asinh", "atanh", "tanhshrink", "isnan", "isfinite", "isinf", "logical_not")
def _(rng: Rng) -> Iterator[Sample]:
    for z in _complex(rng):
        yield Sample((z,))
    yield Sample((rng.uniform(0.3, 0.8, 3),))


@samples("acosh")
def _(rng: Rng) -> Iterator[Sample]:
    for z in _complex(rng):
        yield Sample((z,))


@samples("add", "sub", "rsub", "mul", "div", "pow", "eq", "ne", "logical_and", "float_power")
def _(rng: Rng) -> Iterator[Sample]:
    for z in _complex(rng):
        yield Sample((z, np.asarray(rng.normal(size=z.shape) + 1j)))
        yield Sample((z, np.asarray(rng.uniform(0.5, 2, size=z.shape))))
        yield Sample((np.asarray(rng.uniform(0.5, 2, size=z.shape)), z))
        yield Sample((z, 2 - 1j))
        yield Sample((np.asarray(rng.uniform(0.5, 2, size=z.shape)), 2 - 1j))


@samples("addcmul", "addcdiv", "lerp")
def _(rng: Rng) -> Iterator[Sample]:
    for z in _complex(rng):
        yield Sample((z, z * (1 + 2j), z + 3))


@samples("complex")
def _(rng: Rng) -> Iterator[Sample]:
    for x in _some(rng):
        yield Sample((x, np.asarray(rng.normal(size=x.shape))))
    yield Sample((rng.normal(size=(2, 1)), rng.normal(size=3)))
    yield Sample((np.array([1, 2]), np.array([1, 2])))


# -- whole numbers -------------------------------------------------------------------------------------


@samples(
    "bitwise_and", "bitwise_or", "bitwise_xor", "gcd", "lcm", "bitwise_left_shift", "bitwise_right_shift"
)
@samples("floor_divide", "remainder", "fmod")
def _(rng: Rng) -> Iterator[Sample]:
    for kind in (np.int64, np.int32, np.int8, np.uint8):
        x = rng.integers(0 if kind == np.uint8 else -100, 100, (3, 4)).astype(kind)
        yield Sample((x, rng.integers(1, 7, (3, 4)).astype(kind)))
        yield Sample((x, rng.integers(1, 7, 4)))
        yield Sample((x, 3))
    yield Sample((np.array([5, -5, 7, -1]), np.array([63, 70, -1, 64])))
    yield Sample((np.array([5, -5, 7]), np.array([0, 2, -2])))
    yield Sample((np.array([True, False, True]), np.array([True, True, False])))
    yield Sample((np.array([True, False]), 1))


@samples("bitwise_not", "neg", "abs", "sign", "relu", "square", "logical_not")
def _(rng: Rng) -> Iterator[Sample]:
    for kind in (np.int64, np.int8, np.uint8, np.bool_):
        yield Sample((rng.integers(0, 100, (2, 3)).astype(kind),))
    yield Sample((np.array([-128, 127, 0], np.int8),))


# -- activations ---------------------------------------------------------------------------------------


@samples("relu", "relu6", "selu", "silu", "mish", "hardsigmoid", "hardswish")
def _(rng: Rng) -> Iterator[Sample]:
    for x in _some(rng, -8, 8):
        yield Sample((x,))


@samples("relu", "relu6", "hardsigmoid", "hardswish")
def _(rng: Rng) -> Iterator[Sample]:
    yield Sample((np.array([-3.0, 0.0, 3.0, 6.0]),), gradcheck=False)


@samples("leaky_relu", "elu", "celu", "hardshrink", "softshrink")
def _(rng: Rng) -> Iterator[Sample]:
    for x in _some(rng, -4, 4):
        yield Sample((x, 0.2))
        yield Sample((x, 1.5))
    yield Sample((np.array([-0.5, 0.1, 0.5]), 0.5), gradcheck=False)
    yield Sample((np.array([1.0]), 0.0))
    yield Sample((np.array([1.0]), -0.5))


@samples("threshold")
def _(rng: Rng) -> Iterator[Sample]:
    for x in _some(rng, -4, 4):
        yield Sample((x, 0.5, 2.0))
        yield Sample((x, -1, 20))


@samples("hardtanh")
def _(rng: Rng) -> Iterator[Sample]:
    for x in _some(rng, -4, 4):
        yield Sample((x, -2.0, 1.5))


@samples("softplus")
def _(rng: Rng) -> Iterator[Sample]:
    for x in _some(rng, -4, 4):
        yield Sample((x,), dict(beta=2))
        yield Sample((x, 0.5, 1.2))
    yield Sample((np.array([30.0, -30.0, 0.0]),))


@samples("gelu")
def _(rng: Rng) -> Iterator[Sample]:
    for x in _some(rng, -4, 4):
        yield Sample((x,), dict(approximate="tanh"))
        yield Sample((x,), dict(approximate="none"))
    yield Sample((np.array([1.0]),), dict(approximate="cosh"))


@samples("prelu")
def _(rng: Rng) -> Iterator[Sample]:
    for shape in ((2, 3), (4, 3, 2), (5, 3, 2, 2)):
        yield Sample((rng.normal(size=shape), np.array([0.25])))
        yield Sample((rng.normal(size=shape), rng.uniform(0, 1, 3)))
    yield Sample((rng.normal(size=4), np.array([0.3])))
    yield Sample((rng.normal(size=()), np.array([0.3])))
    yield Sample((rng.normal(size=(2, 3)), np.asarray(0.3)))
    yield Sample((rng.normal(size=(2, 3)), rng.normal(size=2)))


@samples("glu")
def _(rng: Rng) -> Iterator[Sample]:
    for dim in (-1, 0, 1):
        yield Sample((rng.normal(size=(2, 4, 6)), dim))
    yield Sample((rng.normal(size=(2, 3)),))
    yield Sample((np.zeros((0, 4)),))
    yield Sample((np.asarray(1.0),))


@samples("rrelu")
def _(rng: Rng) -> Iterator[Sample]:
    for x in _some(rng, -4, 4):
        yield Sample((x,))
        yield Sample((x, 0.1, 0.4, True), random=True)
        yield Sample((x,), dict(training=True), random=True)
    yield Sample((np.array([1.0]), 0.5, 0.1))


@samples("rrelu_slopes")
def _(rng: Rng) -> Iterator[Sample]:
    yield Sample((rng.normal(size=4), 0.1, 0.4), random=True)


@samples("allclose")
def _(rng: Rng) -> Iterator[Sample]:
    x = np.array([1.0, 2.0, np.nan])
    yield Sample((x, x))
    yield Sample((x, x), dict(equal_nan=True))
    yield Sample((x[:2], x[:2] + 1e-6))
    yield Sample((x[:2], x[:2] + 0.1), dict(rtol=0, atol=0.2))
    yield Sample((np.array([1, 2]), np.array([1.0, 2.0])))
    yield Sample((np.zeros((0, 2)), np.zeros((0, 2))))


@samples("equal")
def _(rng: Rng) -> Iterator[Sample]:
    x = rng.normal(size=(2, 3))
    yield Sample((x, x.copy()))
    yield Sample((x, x + 1))
    yield Sample((x, x[:1]))
    yield Sample((np.array([1, 2]), np.array([1.0, 2.0])))
    yield Sample((np.zeros((0, 2)), np.zeros((0, 2))))
