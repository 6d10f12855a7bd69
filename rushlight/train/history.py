"""What each epoch gave."""

from __future__ import annotations

import math
from typing import Any


class History(list[dict[str, Any]]):
    """A list of one dict for each epoch: {"epoch": 1, "loss": ..., "valid_loss": ..., "seconds": ...}.

    `history.column("loss")` is a list of one value for each epoch, nan where an epoch has none.
    """

    def column(self, name: str) -> list[Any]:
        """The values of one name, epoch by epoch. Raises KeyError for a name in no epoch."""
        if not any(name in row for row in self):
            raise KeyError(f"no epoch has {name!r}; there are {self.names()}")
        return [row.get(name, math.nan) for row in self]

    def names(self) -> list[str]:
        """All names, in the order in which they came."""
        return list(dict.fromkeys(name for row in self for name in row))

    def best(self, name: str, mode: str = "min") -> dict[str, Any]:
        """The epoch with the least value of `name`, or with mode="max" the greatest; nan is neither."""
        rows = [row for row in self if not math.isnan(row.get(name, math.nan))]
        if not rows:
            raise KeyError(f"no epoch has a value of {name!r}; there are {self.names()}")
        return (max if mode == "max" else min)(rows, key=lambda row: row[name])
