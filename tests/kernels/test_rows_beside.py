"""Rows side by side in vectors: as float64 has them, and each as it is alone."""

import numpy as np
import pytest

import rushlight as rl
import rushlight.nn.functional as F
from rushlight.arrays import by_rows
from rushlight.kernels import llvm, native, rows, rows_beside
from rushlight.kernels.targets import NAMED, writing
from rushlight.kernels.types import f32, f64
from tests.kernels.test_rows import KINDS, LINES, check_lines
from tests.kernels.threads import same_bits

pytestmark = pytest.mark.skipif(not native.on(), reason="no machine code here")
SHORT = range(1, by_rows.BESIDE + 1)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("count", [1, 7, 8, 16, 17, 37])
def test_programs_of_whole_rows(kind, count):
    for n in SHORT:
        for name in LINES:
            check_lines(name, n, kind, count)


@pytest.mark.parametrize("kind", KINDS)
def test_a_row_has_the_bits_it_has_alone(kind):
    x = np.random.default_rng(0).standard_normal((50, 7)).astype(kind)
    for name in ("softmax", "log_softmax"):
        whole, one = by_rows.lines(name, x), [by_rows.lines(name, x[k : k + 1]) for k in range(50)]
        assert whole.tobytes() == np.concatenate(one).tobytes()
        assert same_bits(lambda name=name: by_rows.lines(name, np.tile(x, (400, 1))))


@pytest.mark.parametrize("n", [1, 2, 5, 10, 16])
def test_nan_and_infinities_stay_in_their_rows(n):
    x = np.random.default_rng(n).standard_normal((40, n)).astype(np.float32)
    x[3, n - 1], x[17, 0], x[20, 0], x[33] = np.nan, np.inf, -np.inf, -np.inf
    found = rl.from_numpy(x).log_softmax(1).numpy()
    with np.errstate(all="ignore"):
        top = x.max(1, keepdims=True)
        want = x - top - np.log(np.exp(x - top).sum(1, keepdims=True))
    np.testing.assert_allclose(found, want, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("reduction", ["none", "mean", "sum"])
@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("smoothing", [0.0, 0.1])
def test_cross_entropy_and_its_gradient(reduction, weighted, smoothing):
    torch = pytest.importorskip("torch")
    rng = np.random.default_rng(1)
    for n, count in ((2, 5), (7, 33), (10, 64), (16, 50)):
        x = rng.standard_normal((count, n)).astype(np.float32)
        labels = rng.integers(0, n, count)
        labels[::5] = -100
        weight = rng.random(n).astype(np.float32) + 0.5 if weighted else None
        found = []
        for m, f in ((rl, F), (torch, torch.nn.functional)):
            leaf = m.from_numpy(x.copy()).requires_grad_()
            given = None if weight is None else m.from_numpy(weight)
            kwargs = dict(weight=given, reduction=reduction, label_smoothing=smoothing)
            loss = f.cross_entropy(leaf, m.from_numpy(labels), **kwargs)
            (grad,) = m.autograd.grad(loss.sum(), [leaf])
            found.append((loss.detach().numpy(), grad.numpy()))
        for a, b in zip(*found, strict=True):
            np.testing.assert_allclose(a, b, rtol=2e-5, atol=2e-6)


@pytest.mark.parametrize("name", NAMED)
@pytest.mark.parametrize("element", [f32, f64])
def test_it_is_written_for_other_processors(name, element):
    target = NAMED[name]
    for program in ("softmax", "log_softmax_back", "entropy", "entropy_back1"):
        made = rows_beside.row_kernel(*by_rows._PROGRAMS[program](rows), element)
        with writing(target):
            module = made.make(target)
        assert llvm.assemble(llvm.text_of(module, target), target)
