"""The short road: `Trainer`, its callbacks, metrics, checkpoints, and the table of a model's layers.

Over public API only: what a training loop written by hand can do, this one does the same way.
"""

from ..lazy import at as _at
from ..lazy import lazy_names as _lazy_names

_HOMES = {
    "Trainer": ".trainer:Trainer",
    "History": ".history:History",
    "Step": ".step:Step",
    "metrics": ".metrics",
    "callbacks": ".callbacks",
    **_at(".summary", ("summary", "Summary")),
    "count_flops": ".flops:count_flops",
    **_at(
        ".callbacks",
        (
            *("Callback", "LambdaCallback", "EarlyStopping", "Checkpoint"),
            *("ProgressBar", "BoardLogger", "LearningRate", "CSVLogger"),
        ),
    ),
}

__getattr__, __dir__ = _lazy_names(__name__, _HOMES, shown="rushlight.train")
