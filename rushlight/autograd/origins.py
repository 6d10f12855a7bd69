"""Where ops came from, so that a step backward is said to come from the op that it is the derivative of."""

from __future__ import annotations

from bisect import bisect_left
from typing import Any

from .engine import next_number

Origin = tuple[tuple[str, int], str]  # the user's line, and the module


class Origins:
    """The origins of ops in the order in which they ran.

    They are numbered by the counter that numbers autograd's nodes, so the op that a node was recorded for is
    the last one with an older number.
    """

    def __init__(self) -> None:
        self._all: list[tuple[int, tuple[str, int], str]] = []

    def note(self, line: tuple[str, int], module: str) -> None:
        """An op of this origin runs now."""
        self._all.append((-next_number(), line, module))

    def of(self, n: list[Any]) -> Origin | None:
        """The origin of the op that a node of autograd was recorded for; None if that was not noted."""
        k = bisect_left(self._all, (-n[0],))
        return self._all[k - 1][1:] if k else None
