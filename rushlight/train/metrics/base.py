"""What all metrics share: sums over batches, kept as tensors, and the number made of them at the end."""

from __future__ import annotations

import re
from typing import Any

import rushlight.dtypes as dtypes

from ...creation import zeros
from ...ops.declare import registry
from ...tensor import Tensor, function_of


class Metric:
    """A number about outputs and targets of any number of batches.

    A subclass defines `update(output, target)`, which adds to what it keeps with `self.add(name, value)` or
    `self.append(name, value)`, and `compute()`. Nothing is kept but what `state_dict()` holds.
    """

    costly = False  # whether compute() looks at all rows again: not for a progress bar

    def __init__(self, name: str | None = None) -> None:
        self.name = name or snake_case(type(self).__name__)
        self.state: dict[str, Tensor | float | list[Tensor]] = {}

    def update(self, output: Any, target: Any) -> None:
        """Count a batch in."""
        raise NotImplementedError(f"{type(self).__name__} must define update(output, target)")

    def compute(self) -> Any:
        """The metric of all batches since the last reset; nan where it is not defined."""
        raise NotImplementedError(f"{type(self).__name__} must define compute()")

    def reset(self) -> None:
        """Forget all batches."""
        self.state = {}

    def __call__(self, output: Any, target: Any) -> Any:
        """The metric of one batch, or of one data set, alone."""
        alone = type(self).__new__(type(self))
        alone.__dict__.update(self.__dict__, state={})
        alone.update(output, target)
        return alone.compute()

    # -- what is kept -------------------------------------------------------------------------------------

    def add(self, name: str, value: Tensor | float) -> None:
        """Add to a sum: in float64, counts of whole numbers in int64; Python numbers stay Python numbers."""
        if isinstance(value, Tensor):
            wide = dtypes.float64 if value.is_floating_point() else dtypes.int64
            value = value.detach() if value.dtype is wide else value.detach().to(wide)
        self.state[name] = self.state.get(name, 0) + value  # type: ignore[operator]

    def append(self, name: str, value: Tensor) -> None:
        """Keep the rows of a batch."""
        self.state.setdefault(name, []).append(value.detach().clone())  # type: ignore[union-attr]

    def total(self, name: str) -> float:
        """A sum as a number; 0 before the first batch."""
        value = self.state.get(name)
        return 0.0 if value is None else float(value)  # type: ignore[arg-type]

    def rows(self, name: str) -> Tensor:
        """All rows that were kept."""
        kept: Any = self.state.get(name, [])
        if len(kept) > 1:
            self.state[name] = kept = [cat(kept)]
        return kept[0] if kept else zeros(0)

    def state_dict(self) -> dict[str, Any]:
        """All that was counted: numbers, tensors and lists of tensors."""
        return {k: list(v) if isinstance(v, list) else v for k, v in self.state.items()}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on counting from a state."""
        self.state = {k: list(v) if isinstance(v, list) else v for k, v in state.items()}


def cat(tensors: list[Tensor]) -> Tensor:
    """Tensors one behind the other."""
    return function_of(registry["cat"])(tensors)


def snake_case(name: str) -> str:
    """MeanSquaredError as mean_squared_error, AUROC as auroc."""
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).lower()


def ratio(part: float, whole: float) -> float:
    """part / whole; nan where there is nothing to divide by."""
    return part / whole if whole else float("nan")
