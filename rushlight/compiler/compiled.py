"""`compile(f)`: a function that runs as native plans, one for each kind of arguments it meets."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

from ..arrays import tracing
from ..kernels import native
from .capture import capture
from .specialised import Specialised


class Compiled:
    """A function and its plans. Called like the function; `fullgraph` makes an error of what splits it."""

    def __init__(self, f: Callable[..., Any], fullgraph: bool = False, dynamic: bool | None = None) -> None:
        self.f, self.fullgraph, self.dynamic = f, fullgraph, dynamic
        self.plans: list[Specialised] = []
        functools.update_wrapper(self, f)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        if not native.on() or not tracing.EAGER:
            return self.f(*args, **kwargs)
        for plan in self.plans:
            found = plan(args, kwargs)
            if found is not plan:
                return found
        return self._captured(args, kwargs)

    def _captured(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        seen = capture(self.f, args, kwargs, self.fullgraph)
        self.plans.insert(0, Specialised(seen, args, kwargs))
        return seen.result


def compile(
    model: Any = None,
    *,
    fullgraph: bool = False,
    dynamic: bool | None = None,
    backend: Any = None,
    mode: str | None = None,
    options: dict[str, Any] | None = None,
    disable: bool = False,
) -> Any:
    """`model`, a function or Module, as one that is captured when it is first called and runs natively."""
    if model is None:
        return functools.partial(
            compile, fullgraph=fullgraph, dynamic=dynamic, backend=backend, mode=mode, disable=disable
        )
    if disable:
        return model
    return Compiled(model, fullgraph, dynamic)
