"""Arguments that ops over spatial axes share: one number per axis, and whether a batch is there."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ..arrays.batched import example_by_example
from ..errors import shape_text
from .declare import Op

Sizes = tuple[int, ...]


def per_axis(name: str, what: str, value: Any, axes: int) -> Sizes:
    """`value` (an int, or one or `axes` ints) as a tuple of `axes` ints. Raises RuntimeError."""
    if isinstance(value, int):
        return (value,) * axes
    if not isinstance(value, Sequence) or len(value) not in (1, axes):
        asked = "a single int" if axes == 1 else f"a single int, or a tuple of {_COUNT[axes]} ints"
        raise RuntimeError(f"{name}: {what} must either be {asked}, but got {what}={value}")
    found = tuple(map(int, value))
    return found * axes if len(found) == 1 else found


_COUNT = {2: "two", 3: "three", 4: "four", 6: "six"}


def at_least(name: str, what: str, values: Sizes, least: int) -> Sizes:
    """`values`, none of them below `least`. Raises RuntimeError."""
    if min(values) < least:
        bound = {0: "must be non-negative", 1: "must be greater than zero"}[least]
        raise RuntimeError(f"{name}: {what} {bound}, but got {shape_text(values)}")
    return values


def is_batched(name: str, input: Any, axes: int) -> bool:
    """Whether `input` is (N, C, *sizes) and not (C, *sizes). Raises RuntimeError for any other rank."""
    ndim = len(input.shape)
    if ndim not in (axes + 1, axes + 2):
        raise RuntimeError(
            f"{name}: Expected {axes + 1}D (unbatched) or {axes + 2}D (batched) input to {name}, "
            f"but got input of size: {list(input.shape)}"
        )
    return ndim == axes + 2


def x_text(sizes: Sequence[int]) -> str:
    """(2 x 3), as torch writes spatial sizes."""
    return "(" + " x ".join(map(str, sizes)) + ")"


def adaptive_size(name: str, axes: int, input: Any, output_size: Any) -> Sizes:
    """The number of bins on each axis; None keeps the input's size. Raises RuntimeError."""
    is_batched(name, input, axes)
    sizes = tuple(input.shape[-axes:])
    asked = (
        (output_size,) * axes if output_size is None or isinstance(output_size, int) else tuple(output_size)
    )
    if len(asked) not in (1, axes):
        raise RuntimeError(f"{name}: output_size must be {axes} numbers, but got {asked}")
    asked = asked * axes if len(asked) != axes else asked
    counts = tuple(n if count is None else int(count) for n, count in zip(sizes, asked, strict=True))
    if min(counts) < 0:
        raise RuntimeError(
            f"{name}: elements of output_size must be greater than or equal to 0 but received {list(counts)}"
        )
    if 0 in sizes:
        raise RuntimeError(
            f"{name}: only the batch may be empty, but got an input of size {list(input.shape)}"
        )
    return counts


def over_lead(op: Op, size: int, values: list[Any], flags: list[bool], options: dict[str, Any]) -> Any:
    """The batching rule of ops on the last axes: a batch in front of all tensors is one more leading axis."""
    if not all(flags[: len(op.tensors)]):
        return example_by_example(op, size, values, flags, options)
    return op(*values, **options)
