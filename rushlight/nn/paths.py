"""The paths of the modules that are being called: "Net.encoder.0"."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from .global_hooks import register_module_forward_hook, register_module_forward_pre_hook


class ModulePaths:
    """A stack of paths, the outermost module's beginning with the name of its class."""

    def __init__(self) -> None:
        self.open: list[str] = []
        self._known: dict[int, str] = {}  # by the id of the module, below the outermost

    @property
    def current(self) -> str:
        """The path of the innermost module that is being called, or ""."""
        return self.open[-1] if self.open else ""

    def enter(self, module: Any) -> None:
        """A module is called."""
        if not self.open:
            root = type(module).__name__
            self._known = {id(m): f"{root}.{path}".rstrip(".") for path, m in module.named_modules()}
        self.open.append(self._known.get(id(module), type(module).__name__))

    def leave(self) -> None:
        """The call of the innermost is over."""
        if self.open:
            self.open.pop()

    @contextmanager
    def kept(self) -> Iterator[None]:
        """Have the calls of all modules come here."""
        before = register_module_forward_pre_hook(lambda module, args: self.enter(module))
        after = register_module_forward_hook(lambda module, args, result: self.leave(), always_call=True)
        try:
            yield
        finally:
            before.remove()
            after.remove()
