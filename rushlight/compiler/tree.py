"""Arguments and results as flat lists: tuples, lists, dictionaries and dataclasses opened, and closed again."""

from __future__ import annotations

import dataclasses
from collections import OrderedDict
from collections.abc import Iterator
from typing import Any

LEAF = "leaf"
_DICTIONARIES = (dict, OrderedDict)


def flattened(x: Any) -> tuple[list[Any], Any]:
    """The leaves of a structure in order, and the structure, which may be compared."""
    leaves: list[Any] = []
    return leaves, _opened(x, leaves)


def _opened(x: Any, leaves: list[Any]) -> Any:
    kind = x.__class__
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


def _closed(structure: Any, leaves: Iterator[Any]) -> Any:
    if structure is LEAF:
        return next(leaves)
    kind, *parts = structure
    if kind in _DICTIONARIES:
        return kind(zip(parts[0], [_closed(p, leaves) for p in parts[1:]], strict=True))
    if dataclasses.is_dataclass(kind):
        made = object.__new__(kind)
        for name, part in zip(parts[0], parts[1:], strict=True):
            object.__setattr__(made, name, _closed(part, leaves))
        return made
    values = [_closed(p, leaves) for p in parts]
    return kind(values) if kind is tuple or kind is list else kind(*values)
