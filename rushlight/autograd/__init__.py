"""The tape: modes, nodes, the engine, and what users call: backward, grad,
Function, gradcheck, functional.
"""

from ..lazy import at, lazy_names

_HOMES = {
    "grad": ".tape:grad",
    "backward": ".tape:backward_many",
    "Function": ".function:Function",
    "NestedIOFunction": ".function:Function",
    **at(".function", ("once_differentiable",)),
    "gradcheck": ".checking:gradcheck",
    "gradgradcheck": ".checking:gradgradcheck",
    "functional": ".functional",
    "function": ".function",
    "forward_ad": ".forward_ad",
    "graph": ".graph",
    "profiler": ".profiler",
    **at(".mode", ("no_grad", "enable_grad", "set_grad_enabled", "inference_mode")),
    **at(".anomaly", ("detect_anomaly", "set_detect_anomaly")),
    "grad_mode": ".mode",
    "anomaly_mode": ".anomaly",
    "Variable": ".variable:Variable",
}

__getattr__, __dir__ = lazy_names(__name__, _HOMES, shown="torch.autograd")
