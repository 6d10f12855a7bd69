"""Generators that are not ours: a function that draws from Python's or NumPy's would repeat in a plan what it
drew when it was captured.
"""

from __future__ import annotations

import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any


class Draws:
    """Whether a call drew from the global generators of Python or NumPy; None: it, or another thread."""

    drew: bool | None = False


@contextmanager
def noting_draws(closely: bool = False) -> Iterator[Draws]:
    """Note whether this thread draws inside.

    The states of the generators before and after tell, at no cost; where other threads run, a loader's
    perhaps, a difference may be theirs. With `closely` every call of Python's generator is looked at; NumPy's
    can't be, and a difference of its state counts as the function's: better slow than wrong.
    """
    found, before = Draws(), _states()
    if not closely:
        yield found
        if _states() != before:
            found.drew = True if threading.active_count() == 1 else None
        return
    with _each_call(found):
        yield found
    found.drew = found.drew or _states()[1] != before[1]


@contextmanager
def _each_call(found: Draws) -> Iterator[None]:
    """Set `found` when this thread calls a method of the generator behind the functions of `random`."""
    module = sys.modules.get("random")
    generator = None if module is None else module.random.__self__

    def look(frame: FrameType, event: str, what: Any) -> None:
        if event == "c_call" and generator is not None and getattr(what, "__self__", None) is generator:
            found.drew = True

    before = sys.getprofile()
    sys.setprofile(look)
    try:
        yield
    finally:
        sys.setprofile(before)


def _states() -> tuple[Any, Any]:
    """Where they stand, to be compared; None for one not imported."""
    python, numpy = sys.modules.get("random"), sys.modules.get("numpy.random")
    found = python.getstate() if python is not None else None
    if numpy is None:
        return found, None
    name, words, *rest = numpy.get_state(legacy=True)
    return found, (name, words.tobytes(), *rest)
