"""`compile(f)`: a function that runs as native plans, one for each kind of arguments it meets."""

from __future__ import annotations

import functools
import sys
import warnings
import weakref
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from ..arrays import tracing
from ..errors import advise, log
from ..func.levels import transformed
from ..kernels import allocator, native
from ..nn import Module
from ..tensor import Tensor
from .capture import Capture, capture
from .debugging import check
from .foreign import noting_draws
from .naming import name_plan
from .program import Program
from .signature import signature
from .specialised import Specialised
from .split import Split
from .tree import arguments, flattened

_ALL: weakref.WeakSet[Compiled] = weakref.WeakSet()
MOST_PLANS = 8  # torch's limit of recompilations
MOST_SHAPES = 128  # plans kept for arguments that differ in nothing but their sizes


class Compiled:
    """A function and its plans. Called like the function; `fullgraph` makes an error of what splits it, and
    `debug` checks every call against its ops one by one.
    """

    def __init__(
        self,
        f: Callable[..., Any],
        fullgraph: bool = False,
        dynamic: bool | None = None,
        debug: bool = False,
    ) -> None:
        self.f, self.fullgraph, self.dynamic, self.debug = f, fullgraph, dynamic, debug
        self.forget()
        functools.update_wrapper(self, f, updated=())
        _ALL.add(self)

    def forget(self) -> None:
        """Have no plans, as before the first call."""
        self.plans: list[Specialised] = []
        self.split: Split | None = None  # where Python asks for numbers in between
        self.given_up = False
        self.suspected = False  # of drawing from generators that are not ours
        self.varying: set[int] = set()  # arguments that are numbers and change from call to call
        self.fixed: set[int] = set()  # those that change the graph too
        self.recompiled = 0  # times that something else than sizes had changed
        self._last: dict[Any, Specialised] = {}  # the plan that last served arguments of these sizes

    def __reduce__(self) -> Any:
        return reduced(self, Compiled, (self.f, self.fullgraph, self.dynamic, self.debug))

    def __get__(self, instance: Any, owner: Any = None) -> Any:
        """As a method: what decorates a function in a class."""
        return self if instance is None else functools.partial(self, instance)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        if self.given_up or not native.on() or not tracing.EAGER or transformed():
            return self._otherwise(args, kwargs)
        if self.split is not None:
            return self.split(args, kwargs)
        leaves, structure = arguments(args, kwargs)
        sizes = _sizes(leaves)
        plan = self._last.get(sizes)
        if plan is not None and (found := plan(leaves, structure)) is not plan:
            return found
        for plan in self.plans:
            if plan.sizes == sizes and (found := plan(leaves, structure)) is not plan:
                self._last[sizes] = plan
                return found
        return self._captured(args, kwargs, structure, sizes)

    def _otherwise(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """A call within a function that is being captured, or watched by a profiler; or uncompiled."""
        if self.given_up or not native.on() or tracing.tracer() is not None or tracing.onlooker() is None:
            return self.f(*args, **kwargs)
        with tracing.by(None):
            return self(*args, **kwargs)

    def _captured(
        self, args: tuple[Any, ...], kwargs: dict[str, Any], structure: Any, sizes: Any = None
    ) -> Any:
        """Capture a call that no plan serves."""
        name = getattr(self.f, "__qualname__", type(self.f).__name__)
        if self.plans:
            self._again(name, sizes)
        if self.recompiled >= MOST_PLANS:
            self.given_up = True
            warnings.warn(
                f"compile: {name} was compiled {MOST_PLANS} times for different arguments or surroundings, "
                f"and runs uncompiled from now on; the last reason: {self.plans[0].reason}. "
                "RUSHLIGHT_LOG=recompile shows them all",
                stacklevel=3,
            )
            return self.f(*args, **kwargs)
        varying = self._varying(flattened((args, kwargs))[0], structure)
        with nothing_kept(), noting_draws(self.suspected) as draws:
            seen = capture(self.f, args, kwargs, self.fullgraph, varying)
        seen.tracer.alarms.check()
        self.suspected = draws.drew is None
        if draws.drew:
            self._draws_elsewhere(name)
        if draws.drew or self.suspected:
            return seen.result
        if why := _followed(seen):
            log("breaks", f"{name} {why}")
            self.split = Split(self.f, self.debug)
            return seen.result
        plan = Specialised(self.f, seen, structure)
        name_plan(plan, seen, self.f, args, kwargs)
        if seen.tracer.once:
            return plan.first(seen)
        plan.sizes = sizes
        if self.debug:
            for part in (plan, plan.backward):
                if part is not None:
                    check(part.plan, part.graph)
        if plan.varying:
            self._trust(plan)
        self._last[sizes] = plan
        self.plans.insert(0, plan)
        return plan.first(seen)

    def _draws_elsewhere(self, name: str) -> None:
        """Run uncompiled a function that draws numbers which its plans would repeat."""
        text = f"compile: {name} draws from Python's or NumPy's generator, which a plan would repeat"
        if self.fullgraph:
            raise RuntimeError(f"{text}; draw with torch.rand, or outside and pass the number in")
        self.given_up = True
        self.plans.clear()
        advise("compile.draws", f"{text}, so it runs uncompiled; torch.rand and its kin can be compiled")

    def _varying(self, leaves: list[Any], structure: Any) -> set[int]:
        """The positions of numbers among the arguments that changed since an earlier plan was made."""
        for plan in self.plans:
            if plan.structure == structure:
                changed = {k for k, v in plan.constants if _is_other_number(v, leaves[k])}
                self.varying |= changed - self.fixed
        return {k for k in self.varying if leaves[k].__class__ in (int, float)}

    def _trust(self, plan: Specialised) -> None:
        """Let a plan serve all values of the numbers that vary, if an earlier one says that nothing else
        varies with them; where something does, they are constants after all.
        """
        same = [p for p in self.plans if p.sizes == plan.sizes and p.varying.keys() == plan.varying.keys()]
        for earlier in same:
            if signature(earlier.graph.traced) == signature(plan.graph.traced):
                plan.trusted = True
                self.plans.remove(earlier)
            elif not earlier.trusted:
                self.fixed |= set(plan.varying)
                self.varying -= self.fixed
                plan.fix()
                earlier.fix()

    def _again(self, name: str, sizes: Any) -> None:
        """Say why there is need of another plan. New sizes alone need no new code, and count for nothing."""
        others = [p for p in self.plans if p.sizes == sizes]
        if (others and "numbers" not in others[0].reason) or self.dynamic is False:
            self.recompiled += 1
        reason = others[0].reason if others else f"sizes {sizes} after {self.plans[0].sizes}"
        log("recompile", f"{name}: {reason}")
        for old in self.plans[MOST_SHAPES - 1 :]:
            self.plans.remove(old)
            self._last = {key: p for key, p in self._last.items() if p is not old}

    @property
    def graphs(self) -> list[Program]:
        """The graphs of all plans, the latest first."""
        if self.split is not None:
            return [Program(graph) for graph in self.split.graphs()]
        return [Program(p.graph, p.backward and p.backward.graph) for p in self.plans]

    @property
    def graph(self) -> Program:
        """The graph of the latest plan. Raises RuntimeError before the first call."""
        found = self.graphs
        if not found:
            raise RuntimeError("compile: there is no graph before the first call")
        return found[0]


def _followed(seen: Capture) -> str:
    """Why Python must follow every call of what was captured; "" if it need not."""
    if seen.tracer.reads:
        lines = ", ".join(dict.fromkeys(f"{file}:{line}" for file, line in seen.tracer.reads))
        return f"is split where Python asks for numbers: {lines}"
    if seen.tracer.turned and not seen.tracer.once:
        return "gives tensors from outside other arrays: Python follows every call"
    if seen.effects and not seen.tracer.once:
        return f"is followed by Python, which changes {seen.effects}"
    return ""


@contextmanager
def nothing_kept() -> Iterator[None]:
    """Keep no dead array's memory for the next one here: what a captured call needs comes once, and then the
    plan has an arena of its own. To keep 64 MB made no first call faster, and some peaks half as high again.
    """
    found = allocator.current()
    if found is None:
        yield
        return
    most = found.counters()["limit"]
    found.limit(0)
    try:
        yield
    finally:
        found.limit(most)
        found.empty()


def _is_other_number(old: Any, new: Any) -> bool:
    """Whether one float or int stands where another stood."""
    return old.__class__ in (int, float) and old.__class__ is new.__class__ and old != new


def _sizes(leaves: list[Any]) -> tuple[Any, ...]:
    """The shapes of the tensors among arguments."""
    return tuple([v._a.shape for v in leaves if isinstance(v, Tensor)])


def forget_all() -> None:
    """Have all compiled functions forget their plans."""
    for made in list(_ALL):
        made.forget()


def reduced(made: Any, kind: type, args: tuple[Any, ...]) -> Any:
    """What pickle and copy make of a function that stands for another: its name, where it has taken the
    other's place in a module (as decorators do), or how it was made. Plans stay behind.
    """
    found: Any = sys.modules.get(getattr(made, "__module__", None) or "")
    name = getattr(made, "__qualname__", "")
    for part in name.split("."):
        found = getattr(found, part, None)
    return name if found is made else (kind, args)


def compile(
    model: Any = None,
    *,
    fullgraph: bool = False,
    dynamic: bool | None = None,
    backend: Any = None,
    mode: str | None = None,
    options: dict[str, Any] | None = None,
    disable: bool = False,
    debug: bool = False,
) -> Any:
    """`model`, a function or Module, as one that is captured when it is first called and runs natively.

    With `debug` every call also runs op by op, and the first node of the plan that differs is an error.
    """
    if model is None:
        settings = {"fullgraph": fullgraph, "dynamic": dynamic, "disable": disable, "debug": debug}
        return functools.partial(compile, **settings)
    if disable:
        return model
    made = Compiled(model, fullgraph, dynamic, debug)
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
