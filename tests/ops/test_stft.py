"""torch.stft against torch's, and its derivative."""

import numpy as np
import pytest

import rushlight
from rushlight.autograd import gradcheck

signals = np.random.default_rng(0).normal(size=(2, 40))
CALLS = [
    "t.stft(x, 8, return_complex=True)",
    "t.stft(x[0], 8, return_complex=True)",
    "t.stft(x, 8, 3, return_complex=True)",
    "t.stft(x, 8, 3, 5, return_complex=True)",
    "t.stft(x, 8, win_length=6, window=w, return_complex=True)",
    "t.stft(x, 9, center=False, return_complex=True)",
    "t.stft(x, 8, pad_mode='constant', normalized=True, return_complex=True)",
    "t.stft(x, 8, onesided=False, return_complex=True)",
    "t.stft(x, 8, return_complex=False)",
    "t.stft(x * (1 + 2j), 8)",
    "t.stft(x, 8)",
    "t.stft(x * 1j, 8, onesided=True)",
    "t.stft(x, 0, return_complex=True)",
    "t.stft(x, 41, center=False, return_complex=True)",
    "t.stft(x, 8, 0, return_complex=True)",
    "t.stft(x, 8, 2, 9, return_complex=True)",
    "t.stft(x, 8, window=w, return_complex=True)",
]


def run(text, framework):
    scope = {"t": framework, "x": framework.tensor(signals.tolist(), dtype=framework.float64)}
    scope["w"] = framework.tensor([0.1, 0.5, 1.0, 0.9, 0.4, 0.2], dtype=framework.float64)
    try:
        return eval(text, scope)
    except Exception as error:  # noqa: BLE001 (any exception is an outcome to compare)
        return type(error)


@pytest.mark.parametrize("text", CALLS)
@pytest.mark.filterwarnings("ignore")
def test_as_torch(text):
    torch = pytest.importorskip("torch")
    ours, theirs = run(text, rushlight), run(text, torch)
    if isinstance(theirs, type):
        assert ours is theirs
        return
    assert str(ours.dtype) == str(theirs.dtype)
    np.testing.assert_allclose(ours.numpy(), theirs.numpy(), 1e-10, 1e-10)


def test_derivative():
    x = rushlight.tensor(signals[:, :12], requires_grad=True)
    assert gradcheck(lambda x: rushlight.stft(x, 4, 2, return_complex=True), (x,))
