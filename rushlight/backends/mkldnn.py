"""torch.backends.mkldnn: Intel's oneDNN. It is not here; its settings may be set."""

from __future__ import annotations

from contextlib import AbstractContextManager

from .settings import Precision, changed

enabled, deterministic = True, False
allow_tf32: bool | None = None
fp32_precision = "none"
matmul, conv, rnn = (Precision(fp32_precision="none") for _ in range(3))


def is_available() -> bool:
    """Whether oneDNN can be used."""
    return False


def flags(
    enabled: bool = False, deterministic: bool = False, allow_tf32: bool = True
) -> AbstractContextManager[None]:
    """A context in which the settings are these."""
    return changed(__name__, {"enabled": enabled, "deterministic": deterministic, "allow_tf32": allow_tf32})
