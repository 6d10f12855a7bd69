"""torch.fft beyond what the samples show: errors, types, frequencies, derivatives of complex input, vmap."""

import numpy as np
import pytest

import rushlight
from rushlight import fft
from rushlight.autograd import gradcheck, gradgradcheck

x = np.random.default_rng(0).normal(size=(4, 6))

REFUSED = {
    "norm": "t.fft.fft(x, norm='x')",
    "no points": "t.fft.fft(x, n=0)",
    "fewer": "t.fft.fft(x, n=-2)",
    "minus one": "t.fft.ifft(x, n=-1)",
    "no dimension": "t.fft.fft(x[0, 0])",
    "that dimension": "t.fft.fft(x, dim=2)",
    "empty": "t.fft.fft(x[:, :0])",
    "one for fft2": "t.fft.fft2(x[0])",
    "twice": "t.fft.fftn(x, dim=(0, 0))",
    "sizes": "t.fft.fftn(x, s=(3,), dim=(0, 1))",
    "more sizes": "t.fft.fftn(x, s=(3, 4, 5))",
    "third": "t.fft.fftn(x, s=(3, 4, 5), dim=(0, 1, 2))",
    "one entry": "t.fft.irfft(x[:, :1])",
    "no entry": "t.fft.irfft(x[:, :0])",
    "no axis": "t.fft.rfftn(x[0, 0])",
    "no dims": "t.fft.rfftn(x, dim=())",
    "complex rfft": "t.fft.rfft(x * 1j)",
    "complex ihfft": "t.fft.ihfft(x * 1j)",
    "complex rfft2": "t.fft.rfft2(x * 1j)",
    "half": "t.fft.fft(x.half())",
    "bfloat16": "t.fft.irfft(x.bfloat16())",
    "shift of a number": "t.fft.fftshift(x[0, 0])",
    "integer frequencies": "t.fft.fftfreq(4, dtype=t.int64)",
    "negative frequencies": "t.fft.fftfreq(-1)",
}
ANSWERED = {
    "int dims": "t.fft.fft2(x, s=5, dim=0)",
    "kept size": "t.fft.fft2(x, s=(-1, 3))",
    "integers": "t.fft.fft(x.long())",
    "bools": "t.fft.rfftn(x > 0)",
    "integers back": "t.fft.hfft(x.int())",
    "complex64": "t.fft.ifftn(x.to(t.complex64))",
    "real to hfft2": "t.fft.hfft2(x)",
    "one point": "t.fft.irfft(x, n=1)",
    "frequencies": "t.fft.fftfreq(5, 0.5)",
    "even frequencies": "t.fft.fftfreq(6)",
    "no frequencies": "t.fft.fftfreq(0)",
    "double frequencies": "t.fft.rfftfreq(5, d=0.5, dtype=t.float64)",
    "even half frequencies": "t.fft.rfftfreq(6, 2.0)",
    "frequencies out": "t.fft.fftfreq(4, out=t.empty(0))",
    "no step": "t.fft.fftfreq(3, 0.0)",
    "shifted frequencies": "t.fft.fftshift(t.fft.fftfreq(5))",
    "shifted twice": "t.fft.fftshift(x, dim=(0, 0))",
}


def run(text, framework):
    try:
        return eval(text, {"t": framework, "x": framework.tensor(x.tolist(), dtype=framework.float64)})
    except Exception as error:  # noqa: BLE001 (any exception is an outcome to compare)
        return type(error)


@pytest.mark.parametrize("name", REFUSED)
def test_refusals_are_torchs(name):
    torch = pytest.importorskip("torch")
    ours = run(REFUSED[name], rushlight)
    assert isinstance(ours, type) and ours is run(REFUSED[name], torch)


@pytest.mark.parametrize("name", ANSWERED)
def test_answers_are_torchs(name):
    torch = pytest.importorskip("torch")
    ours, theirs = run(ANSWERED[name], rushlight), run(ANSWERED[name], torch)
    assert str(ours.dtype) == str(theirs.dtype)
    np.testing.assert_allclose(ours.numpy(), theirs.numpy(), 1e-5, 1e-6)


def test_against_the_sum_itself():
    n = 5
    signal = np.random.default_rng(1).normal(size=n) + 1j * np.arange(n)
    j = np.arange(n)
    expected = np.exp(-2j * np.pi * np.outer(j, j) / n) @ signal
    given = rushlight.tensor(signal)
    np.testing.assert_allclose(fft.fft(given).numpy(), expected, 1e-12)
    np.testing.assert_allclose(fft.ifft(fft.fft(given)).numpy(), signal, 1e-12)
    np.testing.assert_allclose(fft.fft(given, norm="ortho").numpy(), expected / 5**0.5, 1e-12)


PAIRS = [("fft", "ifft"), ("rfft", "irfft"), ("ihfft", "hfft"), ("fft2", "ifft2"), ("rfft2", "irfft2"),
         ("ihfft2", "hfft2"), ("fftn", "ifftn"), ("rfftn", "irfftn"), ("ihfftn", "hfftn")]  # fmt: skip


@pytest.mark.parametrize("norm", [None, "ortho", "forward"])
@pytest.mark.parametrize(("there", "back"), PAIRS)
def test_there_and_back(there, back, norm):
    given = rushlight.tensor(x)
    found = getattr(fft, back)(getattr(fft, there)(given, norm=norm), norm=norm)
    np.testing.assert_allclose(found.numpy(), x, 1e-12, 1e-12)


@pytest.mark.parametrize(
    "name", ["fft", "ifft", "irfft", "hfft", "fftn", "irfftn", "hfftn", "irfft2", "hfft2"]
)
@pytest.mark.parametrize("grow", [-1, 0, 2])
def test_derivatives_of_complex_input(name, grow):
    z = rushlight.tensor(x[:3, :3] + 1j * x[1:, 3:], requires_grad=True)
    size = dict(s=(2 + grow, 3 + grow)) if name[-1] in "n2" else dict(n=3 + grow)
    call = lambda z: getattr(fft, name)(z, **size, norm="ortho")  # noqa: E731
    assert gradcheck(call, (z,)) and gradgradcheck(call, (z,))


@pytest.mark.parametrize("name", ["fft", "rfft", "irfft", "hfft", "ihfft", "rfft2", "irfftn", "fftshift"])
def test_vmap(name):
    batch = rushlight.tensor(np.random.default_rng(2).normal(size=(3, 4, 5)))
    function = getattr(fft, name)
    one_by_one = np.stack([function(example).numpy() for example in batch])
    np.testing.assert_allclose(rushlight.vmap(function)(batch).numpy(), one_by_one, 1e-12, 1e-12)


def test_frequencies_may_be_leaves():
    assert fft.fftfreq(5, requires_grad=True).requires_grad
    assert fft.rfftfreq(4, dtype=rushlight.float64).dtype is rushlight.float64
