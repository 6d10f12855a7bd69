"""torch.backends.cudnn: NVIDIA's library of network layers. It is not here; its settings may be set."""

from __future__ import annotations

from contextlib import AbstractContextManager
from typing import Any

from .settings import Precision, changed

enabled, benchmark, deterministic, allow_tf32 = True, False, False, True
benchmark_limit: int | None = None
fp32_precision = "none"
conv, rnn = Precision(fp32_precision="tf32"), Precision(fp32_precision="tf32")


def is_available() -> bool:
    """Whether cuDNN can be used."""
    return False


def version() -> int | None:
    """The version of cuDNN: None, there is none."""
    return None


def is_acceptable(tensor: Any) -> bool:
    """Whether cuDNN would compute with this tensor."""
    return False


def set_flags(
    _enabled: bool | None = None,
    _benchmark: bool | None = None,
    _benchmark_limit: int | None = None,
    _deterministic: bool | None = None,
    _allow_tf32: bool | None = None,
) -> tuple[bool, bool, int | None, bool, bool]:
    """Change settings; gives what they were. None leaves one as it is."""
    before = enabled, benchmark, benchmark_limit, deterministic, allow_tf32
    names = ("enabled", "benchmark", "benchmark_limit", "deterministic", "allow_tf32")
    given = (_enabled, _benchmark, _benchmark_limit, _deterministic, _allow_tf32)
    globals().update({name: value for name, value in zip(names, given, strict=True) if value is not None})
    return before


def flags(
    enabled: bool = False,
    benchmark: bool = False,
    benchmark_limit: int = 10,
    deterministic: bool = False,
    allow_tf32: bool = True,
) -> AbstractContextManager[None]:
    """A context in which the settings are these."""
    values = {"enabled": enabled, "benchmark": benchmark, "deterministic": deterministic}
    return changed(__name__, values | {"allow_tf32": allow_tf32})
