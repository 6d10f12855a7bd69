"""torch.fft: the ops declared under that name, the frequencies of their results, and torch.stft."""

from __future__ import annotations

from typing import Any

import rushlight.dtypes as dtypes

from .autograd.autocast import FULL, REGIONS, recast, region
from .bind import functions_under
from .creation import arange
from .lazy import lazy_names
from .tensor import Tensor

__getattr__, __dir__ = lazy_names(__name__, {}, lambda: functions_under("fft"), shown="torch.fft")


def fftfreq(
    n: int,
    d: float = 1.0,
    *,
    out: Tensor | None = None,
    dtype: dtypes.dtype | None = None,
    layout: Any = None,
    device: Any = None,
    requires_grad: bool = False,
) -> Tensor:
    """The frequencies of fft's n entries: 0, 1, ..., then negative ones, over n·d; d is a step's time."""
    numbers = _frequencies("fftfreq", n, dtype, device)
    numbers[(n + 1) // 2 :] = numbers[(n + 1) // 2 :] - n
    return _finished(numbers, n, d, out, requires_grad)


def rfftfreq(
    n: int,
    d: float = 1.0,
    *,
    out: Tensor | None = None,
    dtype: dtypes.dtype | None = None,
    layout: Any = None,
    device: Any = None,
    requires_grad: bool = False,
) -> Tensor:
    """The frequencies of rfft's n//2 + 1 entries: 0, 1, ..., n//2 over n·d; d is the time of a step."""
    return _finished(_frequencies("rfftfreq", n, dtype, device)[: n // 2 + 1], n, d, out, requires_grad)


def _frequencies(name: str, n: int, dtype: dtypes.dtype | None, device: Any) -> Tensor:
    """0, 1, ..., n, of which a spectrum of n entries uses the first ones."""
    kind = dtype or dtypes.get_default_dtype()
    if kind.category < dtypes.FLOAT:
        raise RuntimeError(f"{name} requires a floating point or complex dtype, but got {kind}")
    if n < 0:
        raise RuntimeError(f"{name}: Trying to create tensor with negative dimension {n}: [{n}]")
    return arange(n + (name == "rfftfreq"), dtype=kind, device=device)


def _finished(numbers: Tensor, n: int, d: float, out: Tensor | None, requires_grad: bool) -> Tensor:
    found = numbers * (1.0 / (n * d) if n * d else float("inf"))
    if out is not None:
        return out.resize_(found.shape).copy_(found)
    return found.requires_grad_() if requires_grad else found


# -- spectra over time: torch.stft ---------------------------------------------------------------------


def stft(
    input: Tensor,
    n_fft: int,
    hop_length: int | None = None,
    win_length: int | None = None,
    window: Tensor | None = None,
    center: bool = True,
    pad_mode: str = "reflect",
    normalized: bool = False,
    onesided: bool | None = None,
    return_complex: bool | None = None,
) -> Tensor:
    """Fourier transforms of `n_fft` samples every `hop_length` (n_fft // 4): (..., frequencies, frames).

    Each frame is multiplied by `window` (win_length samples, in the middle of the frame). With `center`,
    frames stand around their times, the signal padded at both ends. Real signals give n_fft // 2 + 1
    frequencies unless `onesided` is False. Raises RuntimeError for sizes that do not fit, and for real
    signals without `return_complex`.
    """
    if REGIONS and region.on:
        input, window = recast(FULL, (input, window))
    real = not input.is_complex() and not (window is not None and window.is_complex())
    hop, width = (n_fft // 4 if hop_length is None else hop_length), win_length or n_fft
    if return_complex is None and real:
        raise RuntimeError("stft requires the return_complex parameter be given for real inputs: say True")
    if not real and onesided:
        raise RuntimeError("stft: Cannot have onesided output if window or input is complex")
    signal = input if input.ndim == 2 else input.unsqueeze(0)
    if center:
        pad = functions_under("nn.functional")["pad"]()
        signal = pad(signal.unsqueeze(1), (n_fft // 2, n_fft // 2), pad_mode).squeeze(1)
    _check_frames(tuple(input.shape), signal.shape[-1], n_fft, hop, width, window)
    frames = signal.unfold(-1, n_fft, hop)
    if window is not None or width < n_fft:
        frames = frames * _framed(window, width, n_fft, signal)
    transform = functions_under("fft")["rfft" if real and onesided is not False else "fft"]()
    found = transform(frames, norm="ortho" if normalized else None).transpose(-2, -1)
    found = found if input.ndim == 2 else found.squeeze(0)
    return functions_under("")["view_as_real"]()(found) if return_complex is False else found


def _check_frames(
    shape: tuple[int, ...], length: int, n_fft: int, hop: int, width: int, window: Tensor | None
) -> None:
    if len(shape) not in (1, 2):
        raise RuntimeError(f"stft: expected a 1D or 2D tensor, but got shape {shape}")
    if not 0 < n_fft <= length:
        raise RuntimeError(f"stft: expected 0 < n_fft <= {length}, but got n_fft={n_fft}")
    if hop <= 0:
        raise RuntimeError(f"stft: expected hop_length > 0, but got hop_length={hop}")
    if not 0 < width <= n_fft:
        raise RuntimeError(f"stft: expected 0 < win_length <= n_fft, but got win_length={width}")
    if window is not None and tuple(window.shape) != (width,):
        raise RuntimeError(
            f"stft: expected a 1D window tensor of size equal to win_length={width}, but got window with "
            f"size {tuple(window.shape)}"
        )


def _framed(window: Tensor | None, width: int, n_fft: int, signal: Tensor) -> Tensor:
    """The window in the middle of a frame, zeros around it."""
    values = signal.new_ones(width) if window is None else window
    left = (n_fft - width) // 2
    return functions_under("")["constant_pad_nd"]()(values, (left, n_fft - width - left))
