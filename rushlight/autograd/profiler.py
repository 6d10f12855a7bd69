"""`torch.autograd.profiler`: names that programs use around their code.

The profiler itself comes with the compiler.
"""

from __future__ import annotations

from .mode import _Mode


class record_function(_Mode):
    """A named stretch of code: `with record_function("load"):`. Nothing is recorded yet."""

    def __init__(self, name: str, args: str | None = None) -> None:
        super().__init__()
        self.name = name

    def __enter__(self) -> None:
        pass

    def __exit__(self, *exc: object) -> None:
        pass

    def _clone(self) -> record_function:
        return type(self)(self.name)
