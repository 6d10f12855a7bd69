"""Functions on numbers in machine code: units in the last place, specials, every target, scalars and
vectors alike.
"""

import ctypes
import inspect
import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from rushlight.arrays.numpy import NAMESPACE
from rushlight.kernels import gaussian, llvm, native
from rushlight.kernels.ir import Module
from rushlight.kernels.math import BOOL, DOUBLE, FLOAT, SIGNED, UNSIGNED, functions
from rushlight.kernels.targets import NAMED, Target
from rushlight.kernels.types import Type, f32, f64, i1, i8, i16, i32, i64, ptr, u8, u64

pytestmark = [
    pytest.mark.skipif(not native.on(), reason="machine code is off"),
    pytest.mark.filterwarnings("ignore::RuntimeWarning"),
]

DTYPES = {f32: np.float32, f64: np.float64, i8: np.int8, i16: np.int16, i32: np.int32, i64: np.int64}
DTYPES |= {u8: np.uint8, u64: np.uint64, i1: np.bool_}
TARGETS = [name for name in NAMED if name != "aarch64"]
EDGES = [
    *(
        0.0,
        1e-45,
        1.1754942e-38,
        1.1754944e-38,
        3.4028235e38,
        math.inf,
        0.5,
        1.0,
        1.5,
        2.0,
        2.5,
        3.0,
        4.0,
        100.0,
    ),
    *(88.7, 88.73, 87.4, 103.9, 104.1, 127.0, 128.0, 126.0, 149.0, 150.0, 0.9277, 1e4, 8388608.0, 8388607.5),
    *(16777216.0, 16777215.0, 709.7, 709.8, 745.2, 1023.0, 1074.0, 5e-324, 2.2250738585072014e-308, 1e308),
]


def runs_here(name: str) -> bool:
    """Whether this processor can run a target's code."""
    from rushlight.kernels.targets import host

    return NAMED[name].bits <= host().bits and host().triple.startswith("x86_64")


def kernel(
    function: Callable[..., Any], type: Type, count: int, target: Target, lanes: int
) -> Callable[..., Any]:
    """`function` over arrays whose size is a multiple of 64."""
    stored = i8 if type is i1 else type

    def make() -> Module:
        m = Module()
        f = m.function("kernel", slots=ptr.pointer, n=i64)
        slots, n = f.args
        *xs, out = [slots[k].of(stored) for k in range(count + 1)]
        for i in f.range(0, n, lanes):
            values = [x.load(i, lanes) for x in xs]
            result = function(*([v != 0 for v in values] if type is i1 else values))
            if result.type.name == "i1":
                out.of(i8).store(result.to(i8), i)
            else:
                out.of(result.type.scalar).store(result, i)
        f.ret()
        return m

    key = ("test_math", function.__module__, function.__qualname__, str(type), type.unsigned, count, lanes)
    address = llvm.build(key, make, target)["kernel"]
    return ctypes.CFUNCTYPE(None, ctypes.c_void_p, ctypes.c_int64)(address)


def run(
    function: Callable[..., Any],
    type: Type,
    *arrays: Any,
    target: str = "",
    lanes: int = 0,
    dtype: Any = None,
) -> Any:
    """The results for arrays; what lies behind the output stays as it is."""
    machine = NAMED[target] if target else _host()
    lanes = lanes or machine.lanes(i8 if type is i1 else type)
    n = len(arrays[0])
    padded = -(-n // 64) * 64
    inputs = [np.concatenate([a, np.ones(padded - n, a.dtype)]) for a in arrays]
    out = np.full(padded + 64, 7, dtype or arrays[0].dtype)
    slots = np.array([*(a.ctypes.data for a in inputs), out.ctypes.data], np.int64)
    kernel(function, type, len(arrays), machine, lanes)(slots.ctypes.data, padded)
    assert (out[padded:] == 7).all()
    return out[:n]


def _host() -> Target:
    from rushlight.kernels.targets import host

    return host()


def errors(got: Any, want: Any) -> Any:
    """The distance in units in the last place of the rounded result; inf where a special value is wrong."""
    dtype = got.dtype
    with np.errstate(all="ignore"):
        rounded = want.astype(dtype)
        unit = np.spacing(np.minimum(np.abs(rounded), np.finfo(dtype).max)).astype(want.dtype)
        distance = np.abs(got.astype(want.dtype) - want) / unit
    special = ~(np.isfinite(rounded) & np.isfinite(got))
    same = (np.isnan(rounded) & np.isnan(got)) | (rounded == got)
    wrong_zero = (rounded == 0) & (got == 0) & (np.signbit(rounded) != np.signbit(got))
    distance = np.where(special, np.where(same, 0, np.inf), distance)
    return np.where(wrong_zero, np.inf, distance)


def check(function: Any, type: Type, arrays: Any, want: Any, bound: float, target: str = "") -> None:
    """At most `bound` units in the last place everywhere."""
    far = errors(run(function, type, *arrays, target=target), want)
    k = int(np.argmax(far))
    assert far[k] <= bound, (target, float(far[k]), [a[k] for a in arrays], want[k])


def edges(dtype: Any) -> Any:
    """Special values of both signs, and NaN."""
    positive = np.array(EDGES).astype(dtype)
    return np.concatenate([positive, -positive, np.array([math.nan], dtype)])


@pytest.fixture(scope="module")
def singles() -> Any:
    """Every 331st float32 there is."""
    bits = np.arange(0, 1 << 32, 331, dtype=np.uint64).astype(np.uint32)
    return np.concatenate([bits.view(np.float32), edges(np.float32)])


@pytest.fixture(scope="module")
def doubles() -> Any:
    """Random bits, and where the functions are interesting."""
    rng, n = np.random.default_rng(0), 50000
    bits = rng.integers(0, 1 << 64, 2 * n, dtype=np.uint64).view(np.float64)
    ranges = [rng.uniform(-r, r, n) for r in (1e-3, 0.1, 1, 2, 6, 30, 750)]
    turns = np.arange(-2000, 2000) * (math.pi / 4)
    near = 1 + np.concatenate([rng.uniform(-r, r, n) for r in (1e-2, 1e-8)])
    return np.concatenate([bits, *ranges, turns, near, -near, edges(np.float64)])


def by_c(function: Callable[[float], float]) -> Callable[[Any], Any]:
    """A function of Python's math for arrays."""
    return lambda x: np.fromiter(map(function, x.tolist()), np.float64, len(x)).astype(x.dtype)


def sigmoid(x: Any) -> Any:
    """1 / (1 + e^-x); what is subnormal may be 0."""
    y = 1 / (1 + np.exp(-x))
    return y


UNARY: dict[str, Callable[[Any], Any]] = {
    name: getattr(np, name)
    for name in (
        *("exp", "exp2", "expm1", "log", "log2", "log10", "log1p", "sqrt", "square", "sin", "cos", "tan"),
        *("arcsin", "arccos", "arctan", "sinh", "cosh", "tanh", "arcsinh", "arccosh", "arctanh"),
    )
} | {"erf": by_c(math.erf), "erfc": by_c(math.erfc), "reciprocal": lambda x: 1 / x}


@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize("name", UNARY)
def test_float32_is_within_two_units(name: str, target: str, singles: Any) -> None:
    if not runs_here(target):
        pytest.skip("this processor is smaller")
    x = singles if target == "avx512" else singles[::7]
    check(FLOAT[name], f32, [x], UNARY[name](x.astype(np.float64)), 2.0, target)


# of erf and erfc the reference itself is wrong by 1 to 2 units
@pytest.mark.parametrize("target", ["avx512", "baseline"])
@pytest.mark.parametrize("name", UNARY)
def test_float64_is_within_three_units(name: str, target: str, doubles: Any) -> None:
    if not runs_here(target):
        pytest.skip("this processor is smaller")
    bound = 5.0 if name == "erfc" else 3.0
    check(DOUBLE[name], f64, [doubles], UNARY[name](doubles.astype(np.longdouble)), bound, target)


@pytest.mark.parametrize("type", [f32, f64])
def test_sigmoid_keeps_its_precision_down_to_the_smallest_normal_number(type: Type, doubles: Any) -> None:
    x = doubles.astype(DTYPES[type])
    want = 1 / (1 + np.exp(-x.astype(np.longdouble)))
    want[want < np.finfo(DTYPES[type]).tiny * 2] = 0
    got = run(FLOAT["sigmoid"], type, x)
    got[got < np.finfo(DTYPES[type]).tiny * 2] = 0
    assert errors(got, want).max() <= 3


@pytest.fixture(scope="module")
def pairs() -> tuple[Any, Any]:
    """Special values with special values, and random pairs of many kinds."""
    rng, n = np.random.default_rng(1), 30000
    x, y = np.meshgrid(edges(np.float32), edges(np.float32))
    bits = rng.integers(0, 1 << 32, (2, n), dtype=np.uint32).view(np.float32)
    kinds = [rng.uniform(0, 20, n), rng.uniform(-20, 20, n), 1 + rng.uniform(-1e-3, 1e-3, n)]
    whole = rng.integers(-9, 9, (2, n))
    first = [x.ravel(), bits[0], *kinds, whole[0], bits[1]]
    second = [y.ravel(), bits[1], rng.uniform(-20, 20, n), rng.uniform(-9, 9, n), rng.uniform(-8e4, 8e4, n)]
    second += [whole[1], rng.integers(-99, 99, n)]
    return np.concatenate(first).astype(np.float32), np.concatenate(second).astype(np.float32)


CLOSE: dict[str, Callable[[Any, Any], Any]] = {
    **{"power": np.power, "arctan2": np.arctan2, "hypot": np.hypot},
    **{"xlogy": NAMESPACE["xlogy"], "xlog1py": NAMESPACE["xlog1py"]},
}


@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize("name", CLOSE)
def test_functions_of_two_floats(name: str, target: str, pairs: tuple[Any, Any]) -> None:
    if not runs_here(target):
        pytest.skip("this processor is smaller")
    for type, wide in ((f32, np.float64), (f64, np.longdouble)):
        x, y = (p.astype(DTYPES[type]) for p in pairs)
        want = CLOSE[name](x.astype(wide), y.astype(wide))
        check(functions(type)[name], type, [x, y], want, 2.0 if type is f32 else 3.0, target)


def test_logaddexp_loses_no_more_than_its_sum(pairs: tuple[Any, Any]) -> None:
    x, y = pairs
    got, want = run(FLOAT["logaddexp"], f32, x, y), NAMESPACE["logaddexp"](x, y)
    np.testing.assert_allclose(got, want, rtol=5e-7, atol=2e-7)


EXACT = (
    "fmod",
    "remainder",
    "floor_divide",
    "trunc_divide",
    "maximum",
    "minimum",
    "fmax",
    "fmin",
    "copysign",
)


@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize("name", [*EXACT, "heaviside"])
def test_exact_functions_of_two_floats_equal_numpys(name: str, target: str, pairs: tuple[Any, Any]) -> None:
    if not runs_here(target):
        pytest.skip("this processor is smaller")
    for type in (f32, f64):
        if name not in functions(type):
            continue
        x, y = (p.astype(DTYPES[type]) for p in pairs)
        np.testing.assert_array_equal(
            run(functions(type)[name], type, x, y, target=target), NAMESPACE[name](x, y)
        )


@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize("type", [f32, f64])
@pytest.mark.parametrize(
    "name", ["rint", "floor", "ceil", "trunc", "sign", "relu", "neg", "absolute", "rsqrt", "zeros_like"]
)
def test_exact_functions_of_one_float_equal_numpys(name: str, type: Type, target: str, singles: Any) -> None:
    if not runs_here(target):
        pytest.skip("this processor is smaller")
    x = singles[::50].astype(DTYPES[type])
    want = (np.negative if name == "neg" else NAMESPACE[name])(x)
    got = run(functions(type)[name], type, x, target=target)
    np.testing.assert_array_equal(got, want)
    if name != "sign":
        number = ~np.isnan(x)
        np.testing.assert_array_equal(np.signbit(got[number]), np.signbit(want[number]))


@pytest.mark.parametrize("type", [f32, f64])
@pytest.mark.parametrize("name", ["isnan", "isinf", "isfinite", "signbit", "logical_not"])
def test_questions_about_floats(name: str, type: Type) -> None:
    x = edges(DTYPES[type])
    got = run(functions(type)[name], type, x, dtype=np.int8)
    np.testing.assert_array_equal(got != 0, NAMESPACE[name](x))


COMPARISONS = {"lt": np.less, "le": np.less_equal, "gt": np.greater, "ge": np.greater_equal}
COMPARISONS |= {"eq": np.equal, "ne": np.not_equal, "logical_and": np.logical_and}
COMPARISONS |= {"logical_or": np.logical_or, "logical_xor": np.logical_xor}


@pytest.mark.parametrize("type", [f32, f64, i8, i64, u8, u64, i1])
@pytest.mark.parametrize("name", COMPARISONS)
def test_comparisons_and_logic(name: str, type: Type) -> None:
    x, y = two_of(type)
    if type is i1 and name in ("lt", "le", "gt", "ge"):
        pytest.skip("truth values are not ordered")
    got = run(functions(type)[name], type, x, y, dtype=np.int8)
    np.testing.assert_array_equal(got != 0, COMPARISONS[name](x, y))


def two_of(type: Type) -> tuple[Any, Any]:
    """All pairs of some numbers of a type, its limits among them."""
    if type.is_float:
        values = edges(DTYPES[type])
    elif type is i1:
        values = np.array([False, True])
    else:
        limits = np.iinfo(DTYPES[type])
        some = [limits.min, limits.max, limits.max - 1, limits.min + 1, 0, 1, 2, 3, 7, 8, 31, 32, 63, 64, 100]
        values = np.array([*some, *([-1, -2, -64] if limits.min else [])]).astype(DTYPES[type])
    x, y = np.meshgrid(values, values)
    return x.ravel(), y.ravel()


INTEGERS = {
    **{"add": np.add, "sub": np.subtract, "mul": np.multiply, "neg": np.negative, "square": np.square},
    **{"absolute": np.absolute, "sign": np.sign, "maximum": np.maximum, "minimum": np.minimum},
    **{"relu": lambda x: np.maximum(x, 0), "bit_and": np.bitwise_and, "bit_or": np.bitwise_or},
    **{"bit_xor": np.bitwise_xor, "invert": np.invert, "fmax": np.fmax, "fmin": np.fmin},
    **{"shift_left": NAMESPACE["shift_left"], "shift_right": NAMESPACE["shift_right"]},
}


@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize("type", [i8, i16, i32, i64, u8, u64])
@pytest.mark.parametrize("name", INTEGERS)
def test_integers_equal_numpys(name: str, type: Type, target: str) -> None:
    if not runs_here(target):
        pytest.skip("this processor is smaller")
    function = INTEGERS[name]
    x, y = two_of(type)
    one = name in ("neg", "square", "absolute", "sign", "relu", "invert")
    arrays = [x] if one else [x, y]
    np.testing.assert_array_equal(
        run(functions(type)[name], type, *arrays, target=target), function(*arrays).astype(x.dtype)
    )


@pytest.mark.parametrize("type", [f32, f64])
def test_a_scalar_gives_the_bits_that_a_vector_gives(type: Type, doubles: Any) -> None:
    """So results do not depend on strides, or on where a row ends."""
    x = doubles[::23].astype(DTYPES[type])
    for name, function in functions(type).items():
        if name in UNARY or name in ("sigmoid", "ndtr", "entr"):
            np.testing.assert_array_equal(
                run(function, type, x), run(function, type, x, lanes=1), err_msg=name
            )
        elif name in CLOSE or name in EXACT:
            y = x[::-1].copy()
            got, want = run(function, type, x, y), run(function, type, x, y, lanes=1)
            np.testing.assert_array_equal(got, want, err_msg=name)


@pytest.mark.parametrize("exponent", [2.0, 3.0, 0.5, 1.0, -1.0, -2.0, -0.5])
def test_powers_that_are_constants_are_the_products_numpy_takes(exponent: float) -> None:
    x = np.linspace(0.1, 9, 1000, dtype=np.float32)

    def power(v: Any) -> Any:
        return FLOAT["power"](v, v.f.const(v.type, exponent))

    power.__qualname__ += str(exponent)
    np.testing.assert_array_equal(run(power, f32, x), NAMESPACE["power"](x, np.array(exponent, np.float32)))


@pytest.mark.parametrize("target", TARGETS)
def test_gelu_is_close_and_calm_at_infinity(target: str) -> None:
    if not runs_here(target):
        pytest.skip("this processor is smaller")
    x = np.linspace(-20, 20, 100001, dtype=np.float32)
    v = x.astype(np.float64)
    want = v * 0.5 * (1 + by_c(math.erf)(v * math.sqrt(0.5)))
    np.testing.assert_allclose(run(gaussian.gelu, f32, x, target=target), want, atol=3e-7, rtol=2e-7)
    np.testing.assert_allclose(run(gaussian.gelu, f64, v, target=target), want, atol=1e-15, rtol=1e-14)
    want = v * 0.5 * (1 + np.tanh(math.sqrt(2 / math.pi) * (v + 0.044715 * v**3)))
    np.testing.assert_allclose(run(gaussian.gelu_tanh, f32, x, target=target), want, atol=6e-7, rtol=2e-7)
    ends = np.array([math.inf, -math.inf, math.nan], np.float32)
    np.testing.assert_array_equal(run(gaussian.gelu, f32, ends), [math.inf, 0, math.nan])


def test_normal_distribution_and_entropy(singles: Any) -> None:
    x = singles[::500]
    np.testing.assert_allclose(run(FLOAT["ndtr"], f32, x), NAMESPACE["ndtr"](x), rtol=2e-7)
    np.testing.assert_allclose(run(FLOAT["entr"], f32, x), NAMESPACE["entr"](x), rtol=3e-7)


def test_every_function_compiles_for_every_target_without_a_library() -> None:
    tables = [(f32, FLOAT), (f64, DOUBLE), (i8, SIGNED), (i64, SIGNED), (u64, UNSIGNED), (i1, BOOL)]
    for target in NAMED.values():
        for type, table in tables:
            m = Module()
            stored = i8 if type is i1 else type
            for name, function in table.items():
                f = m.function(f"k_{name}", p=stored.pointer)
                lanes = target.lanes(stored)
                values = [f.args[0].load(k * lanes, lanes) for k in range(arity(function))]
                result = function(*([v != 0 for v in values] if type is i1 else values))
                f.args[0].of(i8 if result.type.name == "i1" else result.type.scalar).store(
                    result.to(i8) if result.type.name == "i1" else result
                )
                f.ret()
            assert not m.imports
            assert llvm.assemble(llvm.text_of(m, target), target)


def arity(function: Callable[..., Any]) -> int:
    """How many numbers a function takes."""
    return len(inspect.signature(function).parameters)


def test_tables_by_type() -> None:
    assert functions(f32) is FLOAT and functions(f64) is DOUBLE and functions(i1) is BOOL
    assert functions(i32) is SIGNED and functions(u8) is UNSIGNED
    assert "div" not in SIGNED and "reciprocal" not in UNSIGNED


QUOTIENTS = {"floor_divide": np.floor_divide, "remainder": np.remainder, "fmod": np.fmod}


@pytest.mark.parametrize("type", [i8, i16, i32, i64, u8, u64])
@pytest.mark.parametrize("name", QUOTIENTS)
def test_quotients_of_integers_equal_numpys(name: str, type: Type) -> None:
    x, y = two_of(type)
    fits = (y != 0) & (y != np.array(-1).astype(y.dtype))
    x, y = x[fits], y[fits]
    np.testing.assert_array_equal(run(functions(type)[name], type, x, y), QUOTIENTS[name](x, y))
