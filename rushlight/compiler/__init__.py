"""From a function to one native plan: capture, graph, passes, plan. Called as `rushlight.compile`."""

from ..lazy import lazy_names as _lazy_names

__getattr__, __dir__ = _lazy_names(__name__, {"compile": "compiled", "Graph": "graph"})
