"""Anomaly mode: every node remembers the line that made it, and backward checks each gradient for nan.

While the mode is off it costs nothing: generated code numbers its nodes with a plain counter,
which is exchanged for one that also notes the user's line when the mode is first switched on.
"""

from __future__ import annotations

from typing import Any

from ..errors import user_line
from . import codegen, engine, switches
from .mode import _anomaly, _Mode, anomaly_on


def _noting_number() -> int:
    number = engine.next_number()
    if anomaly_on():
        filename, line = user_line()
        engine.made_at[number] = f"{filename}:{line}"
    return number


class detect_anomaly(_Mode):
    """Anomaly mode for a `with` block: errors in backward name the forward line; nan gradients are errors."""

    def __init__(self, check_nan: bool = True) -> None:
        super().__init__()
        self.mode = 1 + bool(check_nan)

    def _enter(self) -> None:
        switches.watch(True)
        codegen.exchange("next_number", _noting_number)
        self._set(_anomaly, self.mode)

    def __exit__(self, *exc: object) -> None:
        super().__exit__(*exc)
        if not anomaly_on():
            switches.watch(False)
            codegen.exchange("next_number", engine.next_number)
            engine.made_at.clear()

    def _clone(self) -> Any:
        return type(self)(self.mode == 2)


class set_detect_anomaly(detect_anomaly):
    """Anomaly mode on or off: at once when called, or until the end of a `with` block."""

    def __init__(self, mode: bool, check_nan: bool = True) -> None:
        super().__init__(check_nan)
        self.mode = self.mode if mode else 0
        super()._enter()
        if not mode:
            switches.watch(False)
            codegen.exchange("next_number", engine.next_number)

    def _enter(self) -> None:
        pass
