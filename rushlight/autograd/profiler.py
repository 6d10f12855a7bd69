"""`torch.autograd.profiler`: names that programs use around their code. `rushlight.profiler` records them."""

from __future__ import annotations

from typing import Any

from .mode import _Mode

#: not empty while a profiler is on: the last is told of stretches of code that have names
RECORDERS: list[Any] = []


class record_function(_Mode):
    """A named stretch of code: `with record_function("load"):`, or `@record_function("load")`."""

    def __init__(self, name: str, args: str | None = None) -> None:
        super().__init__()
        self.name = name

    def __enter__(self) -> None:
        if RECORDERS:
            RECORDERS[-1].enter(self.name)

    def __exit__(self, *exc: object) -> None:
        if RECORDERS:
            RECORDERS[-1].leave(self.name)

    def _clone(self) -> record_function:
        return type(self)(self.name)
