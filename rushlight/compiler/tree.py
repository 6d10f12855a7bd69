"""Arguments and results as flat lists: tuples, lists, dictionaries, dataclasses opened, and closed again."""

from __future__ import annotations

import dataclasses
from collections import OrderedDict
from collections.abc import Callable, Iterator
from functools import cache, partial
from itertools import count
from typing import Any

from ..tensor import Parameter, Tensor

LEAF = "leaf"
_PLAIN = frozenset({int, float, bool, str, type(None), Tensor, Parameter})  # leaves, found soonest
_DICTIONARIES = (dict, OrderedDict)


def flattened(x: Any) -> tuple[list[Any], Any]:
    """The leaves of a structure in order, and the structure, which may be compared."""
    leaves: list[Any] = []
    return leaves, _opened(x, leaves)


def arguments(args: tuple[Any, ...], kwargs: dict[str, Any]) -> tuple[list[Any], Any]:
    """flattened((args, kwargs)), sooner where they are tensors in a row."""
    if not kwargs:
        for v in args:
            if v.__class__ is not Tensor:
                break
        else:
            return [*args], _row(len(args))
    return flattened((args, kwargs))


@cache
def _row(length: int) -> Any:
    """The structure of so many arguments in a row."""
    return flattened(((None,) * length, {}))[1]


def _opened(x: Any, leaves: list[Any]) -> Any:
    kind = x.__class__
    if kind in _PLAIN:
        leaves.append(x)
        return LEAF
    if kind is tuple or kind is list or (isinstance(x, tuple) and hasattr(x, "_fields")):
        return (kind, *[_opened(v, leaves) for v in x])
    if isinstance(x, dict) and kind in _DICTIONARIES:
        return (kind, tuple(x), *[_opened(v, leaves) for v in x.values()])
    if dataclasses.is_dataclass(kind):
        names = tuple(f.name for f in dataclasses.fields(kind))
        return (kind, names, *[_opened(getattr(x, name), leaves) for name in names])
    leaves.append(x)
    return LEAF


def rebuilt(structure: Any, leaves: Any) -> Any:
    """The structure with these leaves."""
    return _closed(structure, iter(leaves))


def builder(structure: Any) -> Callable[[list[Any]], Any]:
    """What does rebuilt(structure, leaves); where there are tuples and lists only, one expression."""
    text = _expression(structure, map("leaves[{}]".format, count()))
    return partial(rebuilt, structure) if text is None else eval(f"lambda leaves: {text}")


_BRACKETS = {tuple: "({})", list: "[{}]"}


def _expression(structure: Any, leaves: Iterator[str]) -> str | None:
    """The structure as it is written; None where it is not of tuples and lists."""
    if structure is LEAF:
        return next(leaves)
    kind, *parts = structure
    texts = [_expression(p, leaves) for p in parts] if kind in _BRACKETS else [None]
    return None if None in texts else _BRACKETS[kind].format("".join(f"{text}, " for text in texts))


def _closed(structure: Any, leaves: Iterator[Any]) -> Any:
    if structure is LEAF:
        return next(leaves)
    kind, *parts = structure
    if kind in _DICTIONARIES:
        return kind(zip(parts[0], [_closed(p, leaves) for p in parts[1:]], strict=True))
    if dataclasses.is_dataclass(kind):
        made: Any = object.__new__(kind)  # pyright: ignore[reportArgumentType]
        for name, part in zip(parts[0], parts[1:], strict=True):
            object.__setattr__(made, name, _closed(part, leaves))
        return made
    values = [_closed(p, leaves) for p in parts]
    return kind(values) if kind is tuple or kind is list else kind(*values)
