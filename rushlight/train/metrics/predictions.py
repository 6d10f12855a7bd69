"""From outputs to predicted classes: what the metrics of classification share."""

from __future__ import annotations

from typing import Any

from ...errors import shape_text
from ...tensor import Tensor

TASKS = ("multiclass", "binary", "multilabel")


def check_task(task: str, metric: str) -> None:
    """Raise ValueError for a task unknown."""
    if task not in TASKS:
        raise ValueError(f"{metric}: task must be one of {TASKS}, not {task!r}")


def check_same_shape(output: Any, target: Any, metric: str) -> None:
    """Raise ValueError where outputs and targets are not alike."""
    if tuple(output.shape) != tuple(target.shape):
        raise ValueError(
            f"{metric}: output and target must be of one shape, not {shape_text(output.shape)} and "
            f"{shape_text(target.shape)}"
        )


def scores_by_row(output: Tensor, target: Tensor, metric: str, ignore: int | None) -> tuple[Tensor, Tensor]:
    """Scores (N, C) and classes (N,) of outputs (N, C, ...) and targets (N, ...), without those to ignore."""
    if output.dim() < 2 or (output.shape[0], *output.shape[2:]) != tuple(target.shape):
        raise ValueError(
            f"{metric}: expected an output (N, C, ...) of scores for C classes and a target (N, ...) of "
            f"classes, got {shape_text(output.shape)} and {shape_text(target.shape)}; for one number per "
            "sample give task='binary'"
        )
    scores, classes = output, target
    if output.dim() > 2:
        scores, classes = output.movedim(1, -1).reshape(-1, output.shape[1]), target.reshape(-1)
    if ignore is not None:
        counted = classes != ignore
        scores, classes = scores[counted], classes[counted]
    return scores, classes


def above(output: Tensor, target: Tensor, metric: str, threshold: float) -> tuple[Tensor, Tensor]:
    """Outputs above a threshold and targets, as truth values; a last dimension of 1 may be missing in one."""
    if output.dim() == target.dim() + 1 and output.shape[-1] == 1:
        output = output.squeeze(-1)
    check_same_shape(output, target, metric)
    return output > threshold, target > 0
