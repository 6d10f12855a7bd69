"""The printed form of arrays: against torch on generated arrays, against literals where torch is absent."""

import itertools

import ml_dtypes
import numpy as np
import pytest

from rushlight import printing
from rushlight.printing import get_printoptions, parameter_repr, printoptions, set_printoptions, tensor_repr

SHAPES = [(), (1,), (7,), (30,), (0,), (0, 3), (2, 0), (3, 4), (2, 3, 4), (1, 1, 1, 2)]
LARGE_SHAPES = [(1200,), (2, 700), (700, 2), (11, 11, 11), (8, 2, 9, 8)]
FLOATS = ["float32", "float64", "float16", "bfloat16", "float8_e4m3fn", "float8_e5m2"]
INTEGERS = ["int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64", "bool"]
COMPLEX = ["complex64", "complex128", "complex32"]
OPTIONS = [
    {},
    {"precision": 2},
    {"precision": 0},
    {"sci_mode": True},
    {"sci_mode": False},
    {"linewidth": 40},
    {"threshold": 5},
    {"edgeitems": 1, "threshold": 3},
    {"edgeitems": 0, "threshold": 3},
    {"profile": "short"},
    {"linewidth": 10, "precision": 8},
]


def sprinkle(x, rng, value, share):
    return np.where(rng.random(x.shape) < share, value, x)


def specials(x, rng):
    return sprinkle(sprinkle(sprinkle(x, rng, np.nan, 0.3), rng, -np.inf, 0.2), rng, 0.0, 0.2)


KINDS = {
    "normal": lambda x, rng: x,
    "hundreds": lambda x, rng: x * 100,
    "whole": lambda x, rng: np.round(x * 5),
    "wide": lambda x, rng: x * 10.0 ** rng.integers(-10, 10, x.shape),
    "special": specials,
    "negative zero": lambda x, rng: x * 0.0,
    "large whole": lambda x, rng: np.round(x * 1e9),
    "whole and inf": lambda x, rng: sprinkle(np.round(x * 3), rng, np.inf, 0.5),
    "subnormal": lambda x, rng: x * 1e-310,
}


@pytest.fixture(autouse=True)
def default_options():
    set_printoptions(profile="default")
    yield
    set_printoptions(profile="default")


def make(dtype_name, shape, kind, rng):
    """Return an array of the dtype, values of one kind (integers: without what they cannot hold)."""
    x = KINDS[kind](np.asarray(rng.standard_normal(shape)), rng)
    if dtype_name in COMPLEX:
        z = np.empty(shape, "complex128")
        z.real, z.imag = x, np.roll(x, 1) * 10
        with np.errstate(over="ignore"):
            return z.astype(np.complex64).astype(getattr(ml_dtypes, dtype_name, dtype_name))
    if dtype_name in INTEGERS:
        x = np.nan_to_num(x, nan=0, posinf=5, neginf=-5)
        return (x.astype(np.int64) if dtype_name != "bool" else x > 0).astype(dtype_name)
    with np.errstate(over="ignore"):
        return x.astype(getattr(ml_dtypes, dtype_name, dtype_name))


def torch_of(torch, array):
    """Return the torch tensor with the same bits (ml_dtypes go through integers)."""
    if not hasattr(ml_dtypes, array.dtype.name):
        return torch.from_numpy(array.copy())
    bits = array.reshape(-1).view({1: np.uint8, 2: np.int16, 4: np.int32}[array.itemsize])
    return torch.from_numpy(bits.copy()).view(getattr(torch, array.dtype.name)).reshape(array.shape)


def compare(torch, array, options, requires_grad=False):
    torch.set_printoptions(profile="default")
    torch.set_printoptions(**options)
    set_printoptions(**options)
    try:
        wanted = repr(torch_of(torch, array).requires_grad_(requires_grad))
    finally:
        torch.set_printoptions(profile="default")
    assert tensor_repr(array, requires_grad=requires_grad) == wanted
    set_printoptions(profile="default")


@pytest.mark.filterwarnings("ignore:ComplexHalf")
@pytest.mark.parametrize("dtype_name", FLOATS + INTEGERS + COMPLEX)
def test_agrees_with_torch(dtype_name):
    torch = pytest.importorskip("torch")
    rng = np.random.default_rng(0)
    options = itertools.cycle(OPTIONS)
    for shape, kind in itertools.product(SHAPES, KINDS):
        requires_grad = kind == "whole" and dtype_name in FLOATS
        compare(torch, np.asarray(make(dtype_name, shape, kind, rng)), next(options), requires_grad)


@pytest.mark.parametrize("shape", LARGE_SHAPES)
@pytest.mark.parametrize("dtype_name", ["float32", "bfloat16", "int64", "complex64"])
def test_large_agree_with_torch(dtype_name, shape):
    torch = pytest.importorskip("torch")
    rng = np.random.default_rng(1)
    options = [{}, {"edgeitems": 1}, {"threshold": 5000}]
    for kind, option in itertools.product(["normal", "special"], options):
        compare(torch, make(dtype_name, shape, kind, rng), option)


def test_views_agree_with_torch():
    torch = pytest.importorskip("torch")
    base = np.arange(24.0, dtype=np.float32).reshape(4, 6)
    for view in (base.T, base[::2, ::-1], np.broadcast_to(base[:1], (3, 6)), base.astype(">f4")):
        plain = np.ascontiguousarray(view).astype(np.float32)
        assert tensor_repr(view.astype(np.float32, copy=False)) == repr(torch.from_numpy(plain))


def test_grad_fn_and_meta_agree_with_torch():
    torch = pytest.importorskip("torch")
    x = torch.ones(2, 3, requires_grad=True)
    twos = np.full((2, 3), 2, np.float32)
    assert tensor_repr(twos, grad_fn_name="AddBackward0", requires_grad=True) == repr(x + 1)
    for dtype in ("float32", "int64", "bool", "float64"):
        wanted = repr(torch.empty(2, 3, device="meta", dtype=getattr(torch, dtype)))
        assert tensor_repr(np.broadcast_to(np.zeros((), dtype), (2, 3)), device="meta") == wanted


def test_default_dtype_agrees_with_torch():
    torch = pytest.importorskip("torch")
    before = torch.get_default_dtype()
    try:
        defaults = ["float64", "float16", "bfloat16"]
        for default, dtype in itertools.product(
            defaults, ["float32", "float64", *COMPLEX[:2], "bool", "int64"]
        ):
            torch.set_default_dtype(getattr(torch, default))
            as_numpy = np.dtype(getattr(ml_dtypes, default, default))
            for array in (np.ones(2, dtype), np.ones((0, 2), dtype)):
                assert tensor_repr(array, default_dtype=as_numpy) == repr(torch.from_numpy(array))
    finally:
        torch.set_default_dtype(before)


def test_parameter_and_subclass_agree_with_torch():
    torch = pytest.importorskip("torch")

    class Weights(torch.Tensor):
        pass

    array = np.ones((2, 2), np.float32)
    parameter = torch.nn.Parameter(torch.from_numpy(array))
    assert parameter_repr(tensor_repr(array, requires_grad=True)) == repr(parameter)
    sub = torch.from_numpy(array).as_subclass(Weights)
    assert tensor_repr(array, class_name="Weights") == repr(sub)


GOLDEN = [
    (np.array(3.5, np.float32), "tensor(3.5000)"),
    (np.array(3, np.int64), "tensor(3)"),
    (np.array([1.0, 2.0], np.float32), "tensor([1., 2.])"),
    (np.array([1.0, -2.5], np.float32), "tensor([ 1.0000, -2.5000])"),
    (np.array([1e-5, 1.0], np.float32), "tensor([1.0000e-05, 1.0000e+00])"),
    (np.array([1.0, np.nan, -np.inf], np.float32), "tensor([1., nan, -inf])"),
    (np.array([True, False]), "tensor([ True, False])"),
    (np.array([1 + 2j, -1.5 - 0.5j], np.complex64), "tensor([ 1.0000+2.0000j, -1.5000-0.5000j])"),
    (np.zeros((0, 3), np.float32), "tensor([], size=(0, 3))"),
    (np.zeros(0, np.int64), "tensor([], dtype=torch.int64)"),
    (np.ones(2, ml_dtypes.bfloat16), "tensor([1., 1.], dtype=torch.bfloat16)"),
    (np.ones(2, ml_dtypes.float8_e4m3fn), "tensor([1., 1.], dtype=torch.float8_e4m3fn)"),
    (np.ones((2, 2), np.float64), "tensor([[1., 1.],\n        [1., 1.]], dtype=torch.float64)"),
    (np.arange(1001), "tensor([   0,    1,    2,  ...,  998,  999, 1000])"),
    (np.zeros((2, 1, 2), np.float32), "tensor([[[0., 0.]],\n\n        [[0., 0.]]])"),
]


@pytest.mark.parametrize(("array", "text"), GOLDEN, ids=[text.splitlines()[0] for _, text in GOLDEN])
def test_golden(array, text):
    assert tensor_repr(array) == text


def test_golden_is_what_torch_prints():
    torch = pytest.importorskip("torch")
    for array, text in GOLDEN:
        assert repr(torch_of(torch, array)) == text


def test_lines_wrap_and_suffix_takes_a_new_line():
    text = tensor_repr(np.arange(12.0, dtype=np.float32) / 10, requires_grad=True)
    assert text.splitlines() == [
        "tensor([0.0000, 0.1000, 0.2000, 0.3000, 0.4000, 0.5000, 0.6000, 0.7000, 0.8000,",
        "        0.9000, 1.0000, 1.1000], requires_grad=True)",
    ]
    with printoptions(linewidth=60):
        assert tensor_repr(np.arange(6.0) / 8).splitlines() == [
            "tensor([0.0000, 0.1250, 0.2500, 0.3750, 0.5000, 0.6250],",
            "       dtype=torch.float64)",
        ]


def test_device_suffix():
    array = np.ones(1, np.float32)
    assert tensor_repr(array, device="cuda:0") == "tensor([1.], device='cuda:0')"
    assert tensor_repr(array, device="cuda:0", default_device="cuda") == "tensor([1.])"
    assert tensor_repr(array, device="meta") == "tensor(..., device='meta', size=(1,))"


def test_dtype_name_and_tangent():
    array = np.ones(1, np.float16)
    assert tensor_repr(array, dtype_name="rushlight.half") == "tensor([1.], dtype=rushlight.half)"
    assert tensor_repr(np.ones(1, np.float32), tangent="tensor([2.])") == "tensor([1.], tangent=tensor([2.]))"


def test_options_are_torchs():
    assert get_printoptions() == {
        "precision": 4,
        "threshold": 1000,
        "edgeitems": 3,
        "linewidth": 80,
        "sci_mode": None,
    }
    set_printoptions(profile="short", precision=3, sci_mode=True)
    assert get_printoptions()["precision"] == 3
    assert get_printoptions()["edgeitems"] == 2
    set_printoptions(linewidth=70)
    assert get_printoptions()["sci_mode"] is None  # torch forgets it on every call
    set_printoptions(profile="no such profile")
    assert get_printoptions()["linewidth"] == 70


def test_printoptions_restores_after_an_error():
    with pytest.raises(KeyError), printoptions(precision=1, sci_mode=False):
        assert tensor_repr(np.array(0.26)) == "tensor(0.3, dtype=torch.float64)"
        raise KeyError
    assert get_printoptions() == vars(printing.PrintOptions())


def test_extreme_ratio_gives_no_warning():
    with np.errstate(all="raise"):
        text = tensor_repr(np.array([1e308, 5e-324]))
    assert text == "tensor([1.0000e+308, 4.9407e-324], dtype=torch.float64)"
