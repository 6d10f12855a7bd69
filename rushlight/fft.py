"""torch.fft: the ops declared under that name, and the frequencies that their results stand for."""

from __future__ import annotations

from typing import Any

from . import dtypes
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
