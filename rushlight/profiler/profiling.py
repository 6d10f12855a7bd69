"""`profile`: a `with` block that says where its time went."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from enum import Enum
from threading import get_native_id
from time import perf_counter_ns
from typing import Any

from ..arrays import tracing
from ..autograd import switches
from ..autograd.profiler import RECORDERS
from ..compiler.plan import OBSERVERS
from .averages import Averages
from .events import Event, export
from .recorder import Recorder
from .schedules import ProfilerAction


@contextmanager
def _listed(item: Any, items: list[Any]) -> Iterator[None]:
    items.append(item)
    try:
        yield
    finally:
        items.remove(item)


class ProfilerActivity(Enum):
    """What torch's profilers may look at; here it is always the CPU."""

    CPU = 0
    XPU = 1
    MTIA = 2
    CUDA = 3


class profile:
    """Records ops of eager code and nodes of compiled plans, with their time, bytes, line and module.

        with torch.profiler.profile() as p:
            step()
        print(p.key_averages().table(row_limit=10))
        print(p.key_averages(by="line"))

    With a `schedule` some steps are recorded, as `p.step()` counts them, and `on_trace_ready(p)` is called at
    the end of each round. Shapes, lines and modules are always recorded; `activities` and what else torch
    has are taken and change nothing. While nothing is profiled nothing is slower.
    """

    def __init__(
        self,
        *,
        activities: Iterable[ProfilerActivity] | None = None,
        schedule: Callable[[int], ProfilerAction] | None = None,
        on_trace_ready: Callable[[profile], Any] | None = None,
        record_shapes: bool = False,
        profile_memory: bool = False,
        with_stack: bool = False,
        with_flops: bool = False,
        with_modules: bool = False,
        acc_events: bool = False,
    ) -> None:
        self.schedule, self.on_trace_ready = schedule, on_trace_ready
        self.acc_events, self.step_num = acc_events, 0
        self._recorder = Recorder()
        self._steps: list[Event] = []  # that are over, for the trace
        self._begun = 0  # when the present one began
        self._handed_on = False
        self._on: ExitStack | None = None

    def __enter__(self) -> profile:
        self.start()
        return self

    def __exit__(self, *exc: object) -> None:
        self.stop()

    def start(self) -> None:
        """Begin, with step 0."""
        self._turn()

    def stop(self) -> None:
        """End, and hand on what was recorded."""
        if self._switch(False) and self.on_trace_ready is not None:
            self.on_trace_ready(self)

    def step(self) -> None:
        """The next step begins."""
        if self._on is not None:
            times = self._begun, perf_counter_ns()
            self._steps.append(
                Event(f"ProfilerStep#{self.step_num}", "range", *times, thread=get_native_id())
            )
        if self._action() is ProfilerAction.RECORD_AND_SAVE:
            self.stop()
            self._handed_on = not self.acc_events
        self.step_num += 1
        self._turn()

    def _action(self) -> ProfilerAction:
        return ProfilerAction.RECORD if self.schedule is None else self.schedule(self.step_num)

    def _turn(self) -> None:
        """Record or not, as the schedule says; the events of an earlier round go when another begins."""
        on = self._action() in (ProfilerAction.RECORD, ProfilerAction.RECORD_AND_SAVE)
        if on and self._handed_on:
            self._recorder.clear()
            self._steps.clear()
            self._handed_on = False
        self._switch(on)
        self._begun = perf_counter_ns()

    def _switch(self, on: bool) -> bool:
        """Turn recording on or off; whether it was on."""
        was = self._on
        if on and was is None:
            self._on = ExitStack()
            switches.pause(1)  # ops in machine code of their own would not be seen
            self._on.callback(switches.pause, -1)
            self._on.enter_context(tracing.recorded(self._recorder))
            self._on.enter_context(self._recorder.paths.kept())
            self._on.enter_context(_listed(self._recorder.observe, OBSERVERS))
            self._on.enter_context(_listed(self._recorder, RECORDERS))
        elif not on and was is not None:
            was.close()
            self._on = None
        return was is not None

    # -- what was seen --------------------------------------------------------------------------------------

    def events(self) -> list[Event]:
        """All events, in the order in which they began."""
        return self._recorder.events

    def key_averages(
        self, group_by_input_shape: bool = False, group_by_stack_n: int = 0, *, by: str = "op"
    ) -> Averages:
        """The events added up `by` "op", "node" (of compiled plans), "line" or "module"."""
        return Averages(self.events(), "line" if group_by_stack_n else by, group_by_input_shape)

    def export_chrome_trace(self, path: str | os.PathLike[str]) -> None:
        """Write the events as JSON that chrome://tracing, ui.perfetto.dev and `rushlight board` open.

        Steps are in it as "ProfilerStep#3". A name that ends with .gz makes a packed file.
        """
        export(sorted([*self._steps, *self.events()], key=lambda e: (e.start, -e.end)), path)
