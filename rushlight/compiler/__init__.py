"""From a function to one native plan: capture, graph, passes, plan. Called as `rushlight.compile`."""

from ..lazy import at as _at
from ..lazy import lazy_names as _lazy_names

_HOMES = {
    **_at(".compiled", ("compile",)),
    **_at(".graph", ("Graph",)),
    **_at(".directives", ("disable", "is_compiling", "reset", "cudagraph_mark_step_begin", "list_backends")),
}

__getattr__, __dir__ = _lazy_names(__name__, _HOMES)
