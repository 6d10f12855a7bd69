"""`compile(f)`: a function that runs as native plans, one for each kind of arguments it meets."""

from __future__ import annotations

import functools
import warnings
from collections.abc import Callable
from typing import Any

from ..arrays import tracing
from ..errors import log
from ..kernels import native
from ..nn import Module
from .capture import capture
from .specialised import Specialised
from .split import Split
from .tree import flattened

MOST_PLANS = 8  # torch's limit of recompilations


class Compiled:
    """A function and its plans. Called like the function; `fullgraph` makes an error of what splits it."""

    def __init__(self, f: Callable[..., Any], fullgraph: bool = False, dynamic: bool | None = None) -> None:
        self.f, self.fullgraph, self.dynamic = f, fullgraph, dynamic
        self.plans: list[Specialised] = []
        self.split: Split | None = None  # where Python asks for numbers in between
        self.given_up = False
        functools.update_wrapper(self, f)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        if self.given_up or not native.on() or not tracing.EAGER:
            return self.f(*args, **kwargs)
        if self.split is not None:
            return self.split(args, kwargs)
        leaves, structure = flattened((args, kwargs))
        for plan in self.plans:
            found = plan(leaves, structure)
            if found is not plan:
                return found
        return self._captured(args, kwargs, structure)

    def _captured(self, args: tuple[Any, ...], kwargs: dict[str, Any], structure: Any) -> Any:
        """Capture a call that no plan serves."""
        name = getattr(self.f, "__qualname__", type(self.f).__name__)
        if self.plans:
            log("recompile", f"{name}: {self.plans[0].reason}")
        if len(self.plans) >= MOST_PLANS:
            self.given_up = True
            warnings.warn(
                f"compile: {name} was compiled {MOST_PLANS} times for different arguments or surroundings, and "
                f"runs uncompiled from now on; the last reason: {self.plans[0].reason}. "
                "RUSHLIGHT_LOG=recompile shows them all",
                stacklevel=3,
            )
            return self.f(*args, **kwargs)
        seen = capture(self.f, args, kwargs, self.fullgraph)
        if seen.tracer.reads:
            lines = ", ".join(dict.fromkeys(f"{file}:{line}" for file, line in seen.tracer.reads))
            log("breaks", f"{name} is split where Python asks for numbers: {lines}")
            self.split = Split(self.f)
            return seen.result
        plan = Specialised(self.f, seen, structure)
        self.plans.insert(0, plan)
        return plan.first(seen)


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
    made = Compiled(model, fullgraph, dynamic)
    return CompiledModule(model, made) if isinstance(model, Module) else made


class CompiledModule(Module):
    """A module whose calls are compiled; all else is the original's, `_orig_mod`."""

    def __init__(self, module: Module, compiled: Compiled) -> None:
        super().__init__()
        self._orig_mod = module
        object.__setattr__(self, "compiled", compiled)
        self.training = module.training

    def forward(self, *args: Any, **kwargs: Any) -> Any:
        """The module's result, by a plan."""
        return self.compiled(*args, **kwargs)

    def __getattr__(self, name: str) -> Any:
        if name == "_orig_mod":
            raise AttributeError(name)
        return getattr(self._orig_mod, name)
