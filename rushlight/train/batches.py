"""What a batch of a loader means: what goes to the model, and what its output is compared with."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import islice
from typing import Any, NamedTuple

from ..errors import shape_text
from ..tensor import Tensor

TARGETS = ("target", "targets", "label", "labels")  # the keys of a dict that mean the target
Divide = Callable[[Any], tuple[Any, Any]]


class Batch(NamedTuple):
    """One call `model(*args, **kwargs)`, and the target of its output (None where there is none)."""

    args: tuple[Any, ...]
    kwargs: dict[str, Any]
    target: Any

    def size(self) -> int:
        """How many samples it has: the length of the first tensor with dimensions."""
        for value in (*self.args, *self.kwargs.values(), self.target):
            if isinstance(value, Tensor) and value.dim():
                return value.shape[0]
        return 1


def divided(batch: Any, divide: Divide | None = None) -> Batch:
    """A loader's batch as inputs and target.

    (input, target), (input, input, ..., target): the last is the target, the others are the model's
    arguments; ({"name": input}, target): they are its keyword arguments; {"name": input, "target": target}:
    so too, and the target is called "target", "targets", "label" or "labels". Whatever else there is,
    `divide(batch)` brings into the form (inputs, target). Raises ValueError where the batch does not fit.
    """
    if divide is not None:
        inputs, target = divide(batch)
        return called_with(inputs, target)
    if isinstance(batch, Mapping):
        keys = [key for key in TARGETS if key in batch]
        if len(keys) == 1 and len(batch) > 1:
            return Batch((), {k: v for k, v in batch.items() if k != keys[0]}, batch[keys[0]])
    elif isinstance(batch, tuple | list) and len(batch) == 2:
        return called_with(batch[0], batch[1])
    elif isinstance(batch, tuple | list) and len(batch) > 2:
        return Batch(tuple(batch[:-1]), {}, batch[-1])
    raise ValueError(
        f"a batch must be (input, target), (inputs, ..., target) or a dict with one of the keys {TARGETS}; "
        f"this one is {structure(batch)}. For others give the Trainer divide=lambda batch: (inputs, target); "
        "an autoencoder's is lambda x: (x, x)"
    )


def called_with(inputs: Any, target: Any = None) -> Batch:
    """A batch whose inputs are a dict of keyword arguments, a tuple of arguments, or one argument."""
    if isinstance(inputs, Mapping):
        return Batch((), dict(inputs), target)
    return Batch(tuple(inputs) if isinstance(inputs, tuple | list) else (inputs,), {}, target)


def inputs_of(batch: Any, divide: Divide | None = None) -> Batch:
    """A batch to predict from: one with a target loses it, and one tensor or a tuple of one is the input."""
    if isinstance(batch, Tensor) or (isinstance(batch, tuple | list) and len(batch) == 1):
        return called_with(batch)
    if isinstance(batch, Mapping) and not any(key in batch for key in TARGETS):
        return called_with(batch)
    return divided(batch, divide)._replace(target=None)


def groups(batches: Iterator[Any], size: int) -> Iterator[list[Any]]:
    """The batches in lists of `size`, the last one perhaps shorter; fetched when they are needed."""
    while group := list(islice(batches, size)):
        yield group


def structure(value: Any) -> str:
    """How a batch is made, for messages: (Tensor (32, 10) float32, dict with ids: ...)."""
    if isinstance(value, Tensor):
        return f"Tensor {shape_text(value.shape)} {str(value.dtype).removeprefix('torch.')}"
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{k!r}: {structure(v)}" for k, v in value.items()) + "}"
    if isinstance(value, tuple | list):
        inside = ", ".join(map(structure, value[:5])) + (", ..." if len(value) > 5 else "")
        return f"[{inside}]" if isinstance(value, list) else f"({inside}{',' if len(value) == 1 else ''})"
    return type(value).__name__


def length(loader: Iterable[Any]) -> int | None:
    """How many batches a loader has, or None where it does not know."""
    try:
        return len(loader)  # type: ignore[arg-type]
    except TypeError:
        return None
