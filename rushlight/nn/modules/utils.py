"""Sizes for every axis, under the names that layers written for PyTorch use."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from ..making import per_axis


def _ntuple(n: int, name: str = "parse") -> Callable[[Any], tuple[Any, ...]]:
    """A function that repeats a number n times, and leaves a sequence as it is."""

    def parse(x: Any) -> tuple[Any, ...]:
        return per_axis(x, n)

    parse.__name__ = name
    return parse


_single, _pair = _ntuple(1, "_single"), _ntuple(2, "_pair")
_triple, _quadruple = _ntuple(3, "_triple"), _ntuple(4, "_quadruple")


def _reverse_repeat_tuple(t: Iterable[Any], n: int) -> tuple[Any, ...]:
    """The elements from the last to the first, each n times: padding as `F.pad` takes it."""
    return tuple(x for x in reversed(tuple(t)) for _ in range(n))


def _list_with_default(out_size: list[Any], defaults: list[int]) -> list[int]:
    """`out_size` with the last of `defaults` where it says None."""
    if isinstance(out_size, (int, float)):
        return out_size
    if len(defaults) <= len(out_size):
        raise ValueError(f"Input dimension should be at least {len(out_size) + 1}")
    last = defaults[-len(out_size) :]
    return [size if size is not None else default for size, default in zip(out_size, last, strict=True)]
