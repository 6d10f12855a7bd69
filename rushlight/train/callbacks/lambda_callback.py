"""Functions as a callback."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from .base import Callback

HOOKS = tuple(name for name in vars(Callback) if name.startswith("on_"))


class LambdaCallback(Callback):
    """LambdaCallback(on_epoch_end=lambda trainer: print(trainer.logs)): each hook a function."""

    def __init__(self, **hooks: Callable[[Any], Any]) -> None:
        for name, function in hooks.items():
            if name not in HOOKS:
                raise TypeError(f"LambdaCallback: there is no hook {name!r}; there are {', '.join(HOOKS)}")
            setattr(self, name, function)
