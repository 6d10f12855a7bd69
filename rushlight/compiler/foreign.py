"""Generators that are not ours: a function that draws from Python's or NumPy's would repeat in a plan what it
drew when it was captured.
"""

from __future__ import annotations

import sys
import threading
from typing import Any

OURS = "rushlight-"  # what the names of our own threads begin with: they draw nothing


def foreign_states() -> tuple[Any, Any]:
    """Where the global generators of Python and NumPy stand, to be compared; None for one not imported.

    None for both while other threads run, a loader's perhaps: what they draw would be taken for its own.
    """
    if any(not t.name.startswith(OURS) for t in threading.enumerate() if t is not threading.current_thread()):
        return None, None
    python, numpy = sys.modules.get("random"), sys.modules.get("numpy.random")
    found = python.getstate() if python is not None else None
    if numpy is None:
        return found, None
    name, words, *rest = numpy.get_state(legacy=True)
    return found, (name, words.tobytes(), *rest)
