"""Samples against torch's, number for number, and the state of the stream after them."""

import json

import numpy as np
import pytest

from rushlight.arrays import distributions as d
from rushlight.arrays.generator import Generator
from tests.arrays.random_calls import (
    CALLS,
    CONTINUOUS,
    DISCRETE,
    DTYPES,
    FLOATS,
    GOLDEN,
    GOLDEN_CASES,
    GOLDEN_SEED,
    GOLDEN_SIZES,
    INTS,
    WIDE,
    numbers,
    numpy_of,
)

SIZES = (0, 1, 2, 5, 15, 16, 17, 31, 100, 1000, 4097)
F32, F64 = FLOATS["float32"], FLOATS["float64"]


@pytest.fixture(scope="module")
def torch():
    return pytest.importorskip("torch")


def both(torch, seed):
    return Generator().manual_seed(seed), torch.Generator().manual_seed(seed)


def assert_same(ours, theirs, g, t):
    """The same numbers to the last bit, and the same state, the cached normal included."""
    theirs = numpy_of(theirs)
    assert (ours.dtype, ours.shape) == (theirs.dtype, theirs.shape)
    assert ours.tobytes() == theirs.tobytes(), f"{(ours != theirs).sum()} of {ours.size} differ"
    np.testing.assert_array_equal(g.get_state(), t.get_state().numpy())


def empty(torch, shape, dtype):
    return torch.zeros(shape, dtype=getattr(torch, dtype))


CASES = [(c, t) for c in CONTINUOUS for t in FLOATS] + [(c, t) for c in DISCRETE for t in (*FLOATS, *INTS)]
CASES += [(c, t) for c in WIDE for t in ("int64", "float64")] + [("bernoulli", "bool"), ("random", "bool")]


@pytest.mark.parametrize(("call", "dtype"), CASES)
@pytest.mark.filterwarnings("ignore:.*precision limitations")
def test_sizes(torch, call, dtype):
    ours, theirs = CALLS[call]
    for seed in (0, 1234, 2**40 + 7):
        g, t = both(torch, seed)
        for n in SIZES:  # one stream through all sizes, so that each call starts where the last one left it
            assert_same(ours(g, (n,), DTYPES[dtype]), theirs(empty(torch, n, dtype), t), g, t)


def test_interleaved(torch):
    g, t = both(torch, 77)
    rng = np.random.default_rng(0)
    for _ in range(150):
        call, dtype = CASES[rng.integers(len(CASES))]
        if call in WIDE:
            continue
        n = int(rng.choice(SIZES[:-1]))
        assert_same(CALLS[call][0](g, (n,), DTYPES[dtype]), CALLS[call][1](empty(torch, n, dtype), t), g, t)


@pytest.mark.parametrize("threads", [1, 2])
def test_large_and_threads(torch, threads):
    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    try:
        for call in ("uniform -0.1 0.3", "normal", "normal 0.3 1.7", "bernoulli", "exponential", "random"):
            g, t = both(torch, 5)
            ours = CALLS[call][0](g, (100_003,), F32)
            assert_same(ours, CALLS[call][1](torch.empty(100_003), t), g, t)
    finally:
        torch.set_num_threads(before)


@pytest.mark.parametrize(("call", "dtype"), GOLDEN_CASES)
def test_golden(call, dtype):
    g = Generator().manual_seed(GOLDEN_SEED)
    drawn = [CALLS[call][0](g, (n,), DTYPES[dtype]) for n in GOLDEN_SIZES]
    drawn.append(d.randint(g, (1,), DTYPES["int64"], 0, 2**27))  # the stream stands where torch's stood
    expected = json.loads(GOLDEN.read_text())[f"{call}: {dtype}"]
    for array, numbers_of_torch in zip(drawn, expected, strict=True):
        if dtype == "float64":  # log, sin ... are the C library's: the last bit differs between systems
            np.testing.assert_allclose(numbers(array), numbers_of_torch, rtol=1e-14)
        else:
            assert numbers(array) == numbers_of_torch


def test_golden_of_indices():
    golden, g = json.loads(GOLDEN.read_text()), Generator().manual_seed(GOLDEN_SEED)
    weights = np.array([0.1, 3.0, 0.0, 1.7, 2.2, 0.4], np.float32)
    assert d.randperm(g, 20, np.dtype("i8")).tolist() == golden["randperm"]
    assert d.multinomial(g, weights, 4).tolist() == golden["multinomial"]
    assert d.multinomial(g, weights, 8, True).tolist() == golden["multinomial with replacement"]


@pytest.mark.parametrize("dtype", ["complex64", "complex128"])
def test_complex(torch, dtype):
    g, t = both(torch, 3)
    for n in (0, 3, 7, 8, 9, 100):
        ours = d.uniform(g, (n,), np.dtype(dtype))
        assert_same(ours, torch.rand(n, dtype=getattr(torch, dtype), generator=t), g, t)
        ours = d.normal(g, (n,), np.dtype(dtype))
        assert_same(ours, torch.randn(n, dtype=getattr(torch, dtype), generator=t), g, t)


LAYOUTS = {
    "transposed": lambda x: x[:30, :40].T,
    "columns": lambda x: x[:30, ::2],
    "channels last": lambda x: x.reshape(-1)[:120].reshape(2, 4, 5, 3).transpose(0, 3, 1, 2),
    "axis of one": lambda x: x.reshape(-1)[:42].reshape(6, 1, 7).transpose(2, 1, 0),
    "steps": lambda x: x.reshape(-1)[:40:3],
    "small": lambda x: x[:3, :3].T,
    "permuted and stepped": lambda x: x.reshape(-1)[:120].reshape(4, 5, 6).transpose(1, 0, 2)[:, ::2],
}


@pytest.mark.parametrize("layout", LAYOUTS)
def test_fill_order(torch, layout):
    for name in ("uniform", "normal 0.3 1.7", "bernoulli", "random", "exponential"):
        x = np.zeros((60, 60), np.float32)
        target = LAYOUTS[layout](x)
        y = torch.from_numpy(x.copy())
        strides = [stride // 4 for stride in target.strides]
        g, t = both(torch, 8)
        theirs = CALLS[name][1](torch.as_strided(y, target.shape, strides), t)
        view = d.fill_order(target)
        if name.startswith("normal"):
            view[...] = d.normal(g, view.shape, F32, 0.3, 1.7, contiguous=target.flags.c_contiguous)
        else:
            view[...] = CALLS[name][0](g, view.shape, F32)
        assert_same(np.ascontiguousarray(target), theirs.contiguous(), g, t)
        np.testing.assert_array_equal(x, y.numpy())


@pytest.mark.parametrize("std_dtype", [None, *FLOATS])
@pytest.mark.parametrize("mean_dtype", [None, *FLOATS])
def test_normal_like(torch, mean_dtype, std_dtype):
    if mean_dtype is None and std_dtype is None:
        return
    for shapes in (((100,), (100,)), ((5,), (5,)), ((4, 1), (30,)), ((), (50,)), ((50,), ()), ((0,), (0,))):
        mean = np.linspace(-1.2, 2.7, int(np.prod(shapes[0]))).reshape(shapes[0])
        std = np.linspace(0.1, 2.7, int(np.prod(shapes[1]))).reshape(shapes[1])
        pairs = [(1.37, 1.37) if mean_dtype is None else (mean.astype(FLOATS[mean_dtype]), None)]
        pairs += [(0.77, 0.77) if std_dtype is None else (std.astype(FLOATS[std_dtype]), None)]
        asked = [
            given if same is not None else torch.from_numpy(given.astype("f8")).to(getattr(torch, dtype))
            for (given, same), dtype in zip(pairs, (mean_dtype, std_dtype), strict=True)
        ]
        g, t = both(torch, 2)
        assert_same(d.normal_like(g, pairs[0][0], pairs[1][0]), torch.normal(*asked, generator=t), g, t)


@pytest.mark.parametrize("dtype", [*FLOATS, *INTS, "bool"])
def test_bernoulli_by_element(torch, dtype):
    for p_dtype in FLOATS:
        p = np.linspace(0, 1, 1000).astype(FLOATS[p_dtype]).reshape(20, 50)
        q = torch.from_numpy(p.astype("f8")).to(getattr(torch, p_dtype))
        g, t = both(torch, 6)
        ours = d.bernoulli(g, (20, 50), DTYPES[dtype], p)
        assert_same(ours, empty(torch, (20, 50), dtype).bernoulli_(q, generator=t), g, t)
        row = d.bernoulli(g, (20, 50), DTYPES[dtype], p[3])  # p broadcasts
        assert_same(row, empty(torch, (20, 50), dtype).bernoulli_(q[3], generator=t), g, t)


@pytest.mark.parametrize("p", [0, 0.1, 0.5, 0.77, 1])
@pytest.mark.parametrize("dtype", FLOATS)
def test_dropouts(torch, dtype, p):
    wide = np.float64 if dtype == "float64" else np.float32
    for shape in ((3, 4), (2, 3, 20, 7)):
        x = torch.linspace(-2, 2, int(np.prod(shape))).reshape(shape).to(getattr(torch, dtype))
        ours = numpy_of(x).astype(wide)
        for feature in (False, True):
            noise_shape = d.feature_shape(shape) if feature else shape
            torch.manual_seed(9)
            theirs = (torch.feature_dropout if feature else torch.dropout)(x, p, True)
            g = Generator().manual_seed(9)
            noise = d.dropout_noise(g, noise_shape, FLOATS[dtype], p).astype(wide)
            assert_same((ours * noise).astype(FLOATS[dtype]), theirs, g, torch.default_generator)
            theirs = (torch.feature_alpha_dropout if feature else torch.alpha_dropout)(x, p, True)
            a, b = d.alpha_dropout_noise(g, noise_shape, FLOATS[dtype], p)
            scaled = (ours * a.astype(wide)).astype(FLOATS[dtype])
            shifted = (scaled.astype(wide) + b.astype(wide)).astype(FLOATS[dtype])
            assert_same(shifted, theirs, g, torch.default_generator)


@pytest.mark.parametrize("dtype", [*FLOATS, *INTS])
def test_randperm(torch, dtype):
    for n in (0, 1, 2, 5, 17, 100, 127, 128, 129, 257, 1000, 2049, 2050, 60_000):
        g, t = both(torch, n)
        try:
            theirs = torch.randperm(n, dtype=getattr(torch, dtype), generator=t)
        except RuntimeError:
            with pytest.raises(RuntimeError, match="too large"):
                d.randperm(g, n, DTYPES[dtype])
        else:
            assert_same(d.randperm(g, n, DTYPES[dtype]), theirs, g, t)


def test_randperm_of_very_many_permutes():
    # the two-word method starts at n = 214,748,364, too many for a test: here it runs on few
    order = d.integers._shuffle_inside_out(Generator().manual_seed(1), 1000)
    assert sorted(order) == list(range(1000))
    g, expected = Generator().manual_seed(1), []
    for i in range(1000):
        z = int(g.random64(1)[0]) % (i + 1)
        expected.append(i)
        expected[i], expected[z] = expected[z], i
    assert order == expected


@pytest.mark.parametrize("replacement", [False, True])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_multinomial(torch, dtype, replacement):
    for rows, k in ((None, 1), (None, 2), (None, 17), (None, 1000), (1, 5), (3, 100), (7, 4)):
        shape = (k,) if rows is None else (rows, k)
        weights = np.random.default_rng(k).random(shape).astype(dtype)
        for samples in {1, max(1, k // 2), k}:
            g, t = both(torch, k)
            theirs = torch.multinomial(torch.from_numpy(weights), samples, replacement, generator=t)
            assert_same(d.multinomial(g, weights, samples, replacement), theirs, g, t)


@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
def test_multinomial_of_16_bits(torch, dtype):
    weights = torch.linspace(0.1, 1, 30).to(getattr(torch, dtype))
    g, t = both(torch, 4)
    for samples, replacement in ((1, False), (1, True), (25, True)):
        theirs = torch.multinomial(weights, samples, replacement, generator=t)
        assert_same(d.multinomial(g, numpy_of(weights), samples, replacement), theirs, g, t)


def test_multinomial_layout_and_zeros(torch):
    weights = torch.rand(7, 4, generator=torch.Generator().manual_seed(0)).t()
    few = torch.tensor([0.0, 3, 0, 1, 0, 2, 0])
    for replacement in (False, True):
        g, t = both(torch, 1)
        theirs = torch.multinomial(weights, 3, replacement, generator=t)
        assert_same(d.multinomial(g, weights.numpy(), 3, replacement), theirs, g, t)
        theirs = torch.multinomial(few, 3, replacement, generator=t)
        assert_same(d.multinomial(g, few.numpy(), 3, replacement), theirs, g, t)


def test_uniform_never_reaches_its_open_end():
    for dtype in FLOATS.values():
        samples = d.uniform(Generator().manual_seed(0), (200_000,), dtype)
        assert samples.min() >= 0 and samples.max() < 1


def test_moments_of_normal():
    samples = d.normal(Generator().manual_seed(3), (200_000,), F64, 2.0, 3.0)
    assert abs(samples.mean() - 2) < 0.05 and abs(samples.std() - 3) < 0.05


NAN, INF = float("nan"), float("inf")
BAD = {
    "uniform order": (lambda g: d.uniform(g, (3,), F32, 2, 1), "from=2 > to=1"),
    "uniform bound": (lambda g: d.uniform(g, (3,), F32, 0, 1e39), "out of bounds for float32"),
    "uniform nan": (lambda g: d.uniform(g, (3,), F32, NAN, 1), "out of bounds"),
    "uniform width": (lambda g: d.uniform(g, (3,), F32, -3e38, 3e38), "to - from"),
    "uniform int": (lambda g: d.uniform(g, (3,), INTS["int64"]), "not implemented for int64"),
    "normal std": (lambda g: d.normal(g, (3,), F32, 0, -1), "std >= 0.0, but found std -1"),
    "normal int": (lambda g: d.normal(g, (3,), INTS["int64"]), "not implemented for int64"),
    "normal stds": (lambda g: d.normal_like(g, 0.0, np.array([1.0, -1])), "all elements of std >= 0.0"),
    "log_normal": (lambda g: d.log_normal(g, (3,), F32, 0, 0), "std > 0.0"),
    "exponential": (lambda g: d.exponential(g, (3,), F32, 0), "lambda > 0.0"),
    "exponential int": (lambda g: d.exponential(g, (3,), INTS["int64"]), "must be a floating point"),
    "cauchy": (lambda g: d.cauchy(g, (3,), F32, 0, 0), "sigma > 0.0"),
    "geometric": (lambda g: d.geometric(g, (3,), F32, 1), r"p to be in \(0, 1\), but got p=1"),
    "bernoulli": (lambda g: d.bernoulli(g, (3,), F32, 2), r"p to be in \[0, 1\], but got p=2"),
    "bernoulli array": (lambda g: d.bernoulli(g, (2,), F32, np.array([0.5, 1.5])), "ranges from 0.5 to 1.5"),
    "bernoulli nan": (lambda g: d.bernoulli(g, (2,), F32, np.array([0.5, NAN])), "p_in >= 0"),
    "bernoulli int p": (lambda g: d.bernoulli(g, (2,), F32, np.array([0, 1])), "not implemented for int64"),
    "dropout": (lambda g: d.dropout_noise(g, (2,), F32, 1.5), "between 0 and 1, but got 1.5"),
    "alpha dropout": (lambda g: d.alpha_dropout_noise(g, (2,), F32, -0.1), "between 0 and 1, but got -0.1"),
    "feature dropout": (lambda g: d.feature_shape((3,)), "at least 2 dimensions"),
    "randint": (lambda g: d.randint(g, (2,), INTS["int64"], 5, 5), "from=5 >= to=5"),
    "randint bound": (lambda g: d.randint(g, (2,), INTS["uint8"], 0, 257), "to - 1=256 is out of bounds"),
    "randint float": (lambda g: d.randint(g, (2,), FLOATS["float16"], 0, 70_000), "out of bounds"),
    "randperm": (lambda g: d.randperm(g, -1, INTS["int64"]), "non-negative, got -1"),
    "randperm bool": (lambda g: d.randperm(g, 2, DTYPES["bool"]), "not implemented for bool"),
    "multinomial < 0": (lambda g: d.multinomial(g, np.array([-1.0, 2]), 2, True), "entry < 0"),
    "multinomial inf": (lambda g: d.multinomial(g, np.array([INF, 2]), 2, True), "infinity or NaN"),
    "multinomial race": (lambda g: d.multinomial(g, np.array([-1.0, 2]), 2), "element < 0"),
    "multinomial race nan": (lambda g: d.multinomial(g, np.array([NAN, 2]), 2), "nan"),
    "multinomial sum": (lambda g: d.multinomial(g, np.zeros(3), 2), "sum of probabilities <= 0"),
    "multinomial sum 2": (lambda g: d.multinomial(g, np.zeros(3), 2, True), "sum of probabilities <= 0"),
    "multinomial none": (lambda g: d.multinomial(g, np.ones(3), 0), "n_sample <= 0"),
    "multinomial many": (lambda g: d.multinomial(g, np.ones(3), 4), "4 of 3 categories"),
    "multinomial dims": (lambda g: d.multinomial(g, np.ones((3, 3, 3)), 1), "1 or 2 dim"),
    "multinomial int": (lambda g: d.multinomial(g, np.array([1, 2]), 1), "floating-point dtypes"),
    "multinomial empty": (lambda g: d.multinomial(g, np.ones((3, 0)), 1, True), "no category"),
}


@pytest.mark.parametrize("case", BAD)
def test_errors(case):
    call, message = BAD[case]
    g = Generator()
    before = g.get_state()
    with pytest.raises(RuntimeError, match=message):
        call(g)
    if "multinomial sum 2" != case:
        np.testing.assert_array_equal(g.get_state(), before)


def test_randint_warns_beyond_the_significand():
    with pytest.warns(UserWarning, match="precision limitations"):
        d.randint(Generator(), (2,), F32, 0, 2**28)
