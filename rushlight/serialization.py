"""`torch.serialization`: checkpoints, and what a file may contain besides tensors."""

from __future__ import annotations

from .io.allowed import add_safe_globals, clear_safe_globals, get_safe_globals, safe_globals
from .io.serialization import load, save

__all__ = ["add_safe_globals", "clear_safe_globals", "get_safe_globals", "load", "safe_globals", "save"]
