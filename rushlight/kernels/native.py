"""Whether machine code may be used in this process: decided once, when it is first asked."""

from __future__ import annotations

import functools
import os


@functools.cache
def on() -> bool:
    """Whether kernels may run: not with RUSHLIGHT_JIT=0, without llvmlite, or on an unknown interpreter."""
    if os.environ.get("RUSHLIGHT_JIT") == "0":
        return False
    try:
        import llvmlite  # noqa: F401

        from . import layout, targets
    except ImportError:
        return False
    if not layout.works():
        return False
    targets.host()
    layout.register()
    return True
