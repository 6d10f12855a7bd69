"""Tensors that a call leaves where no plan looks: in lists and dictionaries that were there before it."""

from __future__ import annotations

import gc
from typing import Any

_CONTAINERS = (list, tuple, dict, set)
_DEPTH = 2  # containers in containers


class Remaining:
    """Tensors made in a call, and the containers that hold them.

    It is made while all that was there before is frozen (`gc.freeze`), which `gc.get_referrers` does not see.
    """

    def __init__(self, tensors: list[Any]) -> None:
        self.tensors = tensors
        self._new: dict[int, Any] = {}
        level = tensors
        for _ in range(_DEPTH):
            level = [x for x in _holders(level) if x is not tensors and id(x) not in self._new]
            self._new.update((id(x), x) for x in level)

    def kept_before(self) -> list[Any]:
        """Those that containers hold which were there before the call; nothing is frozen any more."""
        if not self._is_kept(self.tensors):
            return []
        return [t for t in self.tensors if self._is_kept([t])]

    def _is_kept(self, tensors: list[Any]) -> bool:
        level = tensors
        for _ in range(_DEPTH):
            above = [x for x in _holders(level) if x is not self.tensors and x is not self._new]
            if any(id(x) not in self._new for x in above):
                return True
            level = above
        return False


def _holders(things: list[Any]) -> list[Any]:
    """The containers that hold one of these, nodes of autograd aside."""
    if not things:
        return []
    found = gc.get_referrers(*things)
    return [x for x in found if isinstance(x, _CONTAINERS) and x is not things and not _is_node(x)]


def _is_node(x: Any) -> bool:
    """Whether a list is a node of autograd, or a tuple of nodes."""
    if x.__class__ is tuple:
        return any(map(_is_node, x))
    return x.__class__ is list and len(x) > 2 and x[0].__class__ in (int, float) and callable(x[1])
