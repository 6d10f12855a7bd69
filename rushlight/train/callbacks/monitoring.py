"""The value that a callback watches, and whether it has become better."""

from __future__ import annotations

import math
from typing import Any

from ...errors import nearest

# Names of values that are better when they are greater.
_GREATER = ("accuracy", "precision", "recall", "f1", "auroc", "r2", "similarity")


class Monitor:
    """A name among the trainer's logs, and the best value that it had.

    mode: "min", "max", or "auto", which goes by the name. Better is what differs by more than `min_delta`;
    nan is never better.
    """

    def __init__(self, name: str, mode: str = "auto", min_delta: float = 0.0) -> None:
        if mode not in ("min", "max", "auto"):
            raise ValueError(f"mode must be 'min', 'max' or 'auto', not {mode!r}")
        if mode == "auto":
            mode = "max" if any(word in name for word in _GREATER) else "min"
        self.name, self.mode, self.min_delta = name, mode, abs(min_delta)
        self.best = math.inf if mode == "min" else -math.inf

    def improved(self, logs: dict[str, Any]) -> bool:
        """Whether the value is better than the best, which it then is."""
        value = monitored(logs, self.name)
        gain = self.best - value if self.mode == "min" else value - self.best
        if not gain > self.min_delta:
            return False
        self.best = value
        return True


def monitored(logs: dict[str, Any], name: str) -> float:
    """The value of a name in logs. Raises KeyError that names the nearest there is."""
    if name not in logs:
        close = nearest(name, logs)
        hint = f"; did you mean {close!r}?" if close else ""
        why = "; those with valid_ need a valid_loader" if name.startswith("valid_") else ""
        raise KeyError(f"there is no {name!r} among {sorted(logs)}{hint}{why}")
    return float(logs[name])
