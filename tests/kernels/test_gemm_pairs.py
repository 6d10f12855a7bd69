"""Products of bfloat16 matrices by the processor's own instruction, against NumPy in float64."""

import numpy as np
import pytest

import rushlight as rl
import rushlight.threads as threads
from rushlight import dtypes
from rushlight.arrays.products_native import product, takes
from rushlight.kernels import gemm_pairs, native
from rushlight.kernels.gemm_plan import Layout, choose, plan
from rushlight.kernels.targets import NAMED, host
from rushlight.kernels.types import bf16

BF16 = dtypes.bfloat16.np
SIZES = [1, 2, 3, 5, 13, 14, 15, 16, 17, 28, 31, 32, 33, 48, 64, 65, 100, 130]
pytestmark = pytest.mark.skipif(not native.on() or not takes(BF16), reason="no bfloat16 instructions here")


@pytest.fixture(autouse=True)
def number_of_threads():
    before = threads.get()
    yield
    threads.choose(before)


def matrix(rng, stack, rows, columns, layout):
    draw = lambda *shape: rng.standard_normal((*stack, *shape)).astype(BF16)  # noqa: E731
    if layout == "transposed":
        return draw(columns, rows).swapaxes(-1, -2)
    if layout == "sliced":
        return draw(rows, columns + 5)[..., 2 : 2 + columns]
    if layout == "stepped":
        return draw(2 * rows, 3 * columns)[..., ::2, ::3]
    if layout == "reversed":
        return draw(rows, columns)[..., ::-1, :]
    return draw(rows, columns)


def check(x, y, addend=None):
    """Sums in float32, rounded once; the same bits for 1, 2 and 3 threads."""
    outs = []
    for count in (1, 2, 3):
        threads.choose(count)
        outs.append(product(x, y, addend))
    assert outs[0].tobytes() == outs[1].tobytes() == outs[2].tobytes()
    wide = [0 if a is None else a.astype(np.float64) for a in (x, y, addend)]
    want = wide[0] @ wide[1] + wide[2]
    bound = abs(want) * 2**-8 + 2**-22 * x.shape[-1] ** 0.5 * (abs(wide[0]) @ abs(wide[1]) + abs(wide[2]))
    assert outs[0].dtype == BF16 and outs[0].shape == want.shape
    assert (abs(outs[0].astype(np.float64) - want) <= bound).all()


@pytest.mark.parametrize("seed", range(8))
def test_sizes_layouts_stacks_and_addends(seed):
    rng = np.random.default_rng(seed)
    layouts = ["plain", "transposed", "sliced", "stepped", "reversed"]
    for _ in range(25):
        rows, depth, columns = (int(n) for n in rng.choice(SIZES, 3))
        stack = [(), (), (3,), (2, 3)][rng.integers(4)]
        x = matrix(rng, stack, rows, depth, rng.choice(layouts))
        y = matrix(rng, stack, depth, columns, rng.choice(layouts))
        addends = [None, matrix(rng, (), 1, columns, "")[0], matrix(rng, (), rows, columns, "")]
        check(x, y, addends[rng.integers(3)])


@pytest.mark.parametrize("depth", [gemm_pairs.DEEP - 1, gemm_pairs.DEEP, gemm_pairs.DEEP + 1, 5001])
@pytest.mark.parametrize("rows, columns", [(1, 40), (15, 33), (gemm_pairs.TALL + 90, 100)])
def test_bands_of_a_deep_sum(depth, rows, columns):
    rng = np.random.default_rng(depth)
    check(matrix(rng, (), rows, depth, ""), matrix(rng, (), depth, columns, "transposed"))
    check(matrix(rng, (), rows, depth, "transposed"), matrix(rng, (), depth, columns, ""))


@pytest.mark.parametrize("rows", [2, 40])  # by dots, and by panels
def test_what_is_no_number(rows):
    x, y = np.ones((rows, 64), BF16), np.ones((64, 40), BF16).T.copy().T
    x[0, 3], x[1, 5], y[3, 7] = np.nan, np.inf, 0
    found = product(x, y).astype(np.float64)
    assert np.isnan(found[0]).all() and (found[1] == np.inf).all() and (found[2:, 7] == 63).all()
    y[5, 9] = 0
    assert np.isnan(product(x, y)[1, 9].astype(np.float64))  # inf x 0


def test_which_kernel():
    few, many = Layout(4, 64, 64, 64, 1, 1, 64), Layout(64, 64, 64, 64, 1, 1, 64)
    assert (choose(host(), bf16, few), choose(host(), bf16, many)) == ("dots", "pairs")
    assert choose(host(), bf16, few._replace(b_step=64, b_column=1)) == "pairs"
    assert plan(host(), bf16, many, 1, 2).scratch > 0


def test_other_processors_widen():
    from rushlight.kernels.halves import multiplies

    assert not any(multiplies(target) for target in NAMED.values())


def test_a_linear_layer_rounds_once():
    """The bias is added in float32, as PyTorch does, not to a rounded product."""
    x, w, bias = (rl.ones(*shape, dtype=rl.bfloat16) for shape in ((3, 257), (2, 257), (2,)))
    assert (rl.nn.functional.linear(x, w) == 256).all()  # 257 is no bfloat16
    assert (rl.nn.functional.linear(x, w, bias) == 258).all()
