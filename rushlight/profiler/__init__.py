"""Where time goes: ops of eager code, nodes of compiled plans, lines, modules. Called as `torch.profiler`."""

from ..lazy import lazy_names as _lazy_names

_HOMES = {
    **{name: f".profiling:{name}" for name in ("profile", "ProfilerActivity")},
    **{name: f".schedules:{name}" for name in ("schedule", "ProfilerAction", "tensorboard_trace_handler")},
    **{name: f".averages:{name}" for name in ("Average", "Averages")},
    **{"Event": ".events:Event", "record_function": "..autograd.profiler:record_function"},
}

__getattr__, __dir__ = _lazy_names(__name__, _HOMES, shown="torch.profiler")
