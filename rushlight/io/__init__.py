"""File formats: torch's checkpoints (`save`, `load`) and safetensors. Nothing a file says is trusted.

Loads on first use; may use tensors (through `adapter`), and is used by nothing below it.
"""

from rushlight.io.allowed import add_safe_globals, clear_safe_globals, get_safe_globals, safe_globals
from rushlight.io.serialization import load, save

__all__ = ["add_safe_globals", "clear_safe_globals", "get_safe_globals", "load", "safe_globals", "save"]
