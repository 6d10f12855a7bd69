"""Sound, as WAV files of 16 bits."""

from __future__ import annotations

import io
import warnings
import wave
from typing import Any

import numpy as np

from ..events import messages
from .values import Values, numeric


def audio(tag: str, sound: Any, sample_rate: int) -> Values:
    """One channel: numbers in -1 .. 1, shape [length], or that with dimensions of size 1."""
    samples = numeric(sound, "add_audio").squeeze()
    samples = samples.reshape(-1) if samples.ndim == 0 else samples
    if samples.ndim != 1 or not samples.size:
        raise ValueError(f"add_audio takes one channel of samples, shape [length]; this has {samples.shape}")
    if not np.isfinite(samples).all():
        raise ValueError("add_audio was given NaN or infinite samples")
    if int(sample_rate) < 1:
        raise ValueError(f"sample_rate is {sample_rate}; it is in samples a second, 44100 say")
    if abs(samples.astype(np.float64)).max() > 1:
        warnings.warn("rushlight.board: add_audio's samples beyond -1 .. 1 are clipped", stacklevel=4)
    return Values(lambda: [_made(tag, samples, int(sample_rate))], samples.nbytes)


def _made(tag: str, samples: np.ndarray, rate: int) -> bytes:
    return messages.audio(tag, rate, len(samples), wav(samples, rate))


def wav(samples: np.ndarray, rate: int) -> bytes:
    """The file's bytes."""
    out = io.BytesIO()
    with wave.open(out, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(rate)
        # the product in the samples' own precision, and cut towards zero, as PyTorch does
        file.writeframes((samples.clip(-1, 1) * np.iinfo(np.int16).max).astype("<i2").tobytes())
    return out.getvalue()
