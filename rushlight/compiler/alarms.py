"""Alarms: cells in which kernels of a plan note an index that was out of range, and the error that follows.

Eager code looks at indices before it uses them. A plan does not stop: its kernels use the nearest place there
is, write what they found into a cell, and the plan raises when it has run.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

MOST = 1024
_WORDS = 3  # whether there was one, the index, and the size of its dimension


class Alarms:
    """The cells of one capture, and the nodes whose kernels write them."""

    def __init__(self) -> None:
        self.cells = np.zeros((MOST, _WORDS), np.int64)
        self.nodes: dict[int, Any] = {}
        self.used = 0

    def new(self) -> np.ndarray:
        """A cell for one more kernel; the last one serves all that come after."""
        k = min(self.used, MOST - 1)
        self.used = k + 1
        return self.cells[k]

    @contextmanager
    def muted(self) -> Iterator[None]:
        """Forget what is noted here: an op is tried on numbers of ours."""
        used, cells = self.used, self.cells[: self.used + 1].copy()
        try:
            yield
        finally:
            self.cells[: used + 1], self.cells[used + 1 :], self.used = cells, 0, used

    def belong_to(self, node: Any, first: int) -> None:
        """Let the cells from `first` on be those of a node."""
        self.nodes |= dict.fromkeys(range(first, self.used), node)

    def check(self) -> None:
        """Raise IndexError if a kernel found an index out of range."""
        if not self.used or not self.cells[: self.used, 0].any():
            return
        found = self.cells[: self.used, 0]
        k = int(found.argmax())
        _, index, size = self.cells[k].tolist()
        self.cells[:] = 0
        node = self.nodes.get(k)
        where = f", at {node.whereabouts}" if node is not None else ""
        name = node.op if node is not None else "index"
        raise IndexError(
            f"{name}: index {index} is out of bounds for a dimension of size {size}{where}; the compiled "
            "call was carried out with the nearest index there is"
        )
