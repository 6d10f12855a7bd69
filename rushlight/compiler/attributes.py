"""What a call leaves in attributes: state that moves on from call to call, and Python's numbers.

A recurrent module's `self.h = h.detach()` makes a new tensor in every call, which the next call reads. So in
a plan the tensors that an attribute holds before the call are handed in, as arguments are, and those it holds
afterwards are results, which the attribute is set to.
"""

from __future__ import annotations

import types
from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

from ..device import device
from ..dtypes import dtype
from ..nn import Module
from ..size import Size
from ..tensor import Parameter, Tensor
from .guards import Condition, same
from .tree import flattened

_VALUES = (bool, int, float, complex, str, bytes, type(None), Size, dtype, device)
_CODE = (type, types.ModuleType, types.FunctionType, types.BuiltinFunctionType)
_INTERNAL = frozenset(vars(Module()))  # what a module keeps about itself
_ABSENT = object()


class Change(NamedTuple):
    """An entry of an object's dictionary that a call has set."""

    held: dict[str, Any]
    name: str
    old: Any
    new: Any

    @property
    def is_state(self) -> bool:
        """Whether a plan can make the change: to tensors without history, flags and names.

        A number that has changed does so in every call, and Python may have used it for anything.
        """
        leaves = [leaf for v in (self.old, self.new) for leaf in flattened(v)[0]]
        counts = self.new.__class__ in (int, float) or self.old.__class__ in (int, float)
        return not counts and all(map(_is_plain, leaves))

    def conditions(self) -> Iterator[Condition]:
        """That the numbers are those that were there."""
        names = {"holder": self.held, "key": self.name}
        if self.old is _ABSENT:
            yield Condition("{key} not in {holder}", names, f"{self.name} was not there")
            return
        yield Condition("{key} in {holder}", names, f"{self.name} was there")
        if self.old.__class__ in _VALUES:
            yield from same("{holder}[{key}]", self.held, self.name, self.old, self.name)


def _is_plain(v: Any) -> bool:
    if isinstance(v, Tensor):
        return v._n is None and not isinstance(v, Parameter)
    return v is _ABSENT or v.__class__ in _VALUES


class State:
    """The attributes that a plan reads before it runs and sets afterwards."""

    def __init__(self, changes: list[Change]) -> None:
        self.entries = [(c.held, c.name, _kind(c.old)) for c in changes]
        self.conditions = [condition for c in changes for condition in c.conditions()]
        self.before = [t for c in changes for t in tensors_in(c.old)]

    def touches(self, condition: Condition) -> bool:
        """Whether a condition is about what an attribute held after the captured call."""
        holder, key = condition.names.get("holder"), condition.names.get("key")
        return any(holder is held and key == name for held, name, _ in self.entries)

    def now(self) -> list[Any] | None:
        """The tensors that the attributes hold, if they are nested as they were."""
        found = []
        for held, name, kind in self.entries:
            value = held.get(name, _ABSENT)
            if _kind(value) != kind:
                return None
            found += tensors_in(value)
        return found

    def set(self, values: list[Any]) -> None:
        """Have the attributes hold these."""
        for (held, name, _), value in zip(self.entries, values, strict=True):
            if value is _ABSENT:
                del held[name]
            else:
                held[name] = value


def tensors_in(x: Any) -> list[Any]:
    """The tensors in a nest."""
    return [t for t in flattened(x)[0] if isinstance(t, Tensor)]


def _kind(x: Any) -> Any:
    """How a value is nested, and which of its leaves are tensors."""
    leaves, structure = flattened(x)
    return structure, [isinstance(t, Tensor) for t in leaves]


class Attributes:
    """The attributes of objects as they were when a call came to them."""

    def __init__(self) -> None:
        self._before: dict[int, tuple[dict[str, Any], dict[str, Any]]] = {}

    def note(self, owner: Any) -> None:
        """Remember what an object holds, unless it was met before."""
        held = getattr(owner, "__dict__", None)
        ours = type(owner).__module__.startswith("rushlight.") and not isinstance(owner, Module)
        if not isinstance(held, dict) or isinstance(owner, _CODE) or ours:
            return
        for d in (held, held.get("_buffers") if isinstance(owner, Module) else None):
            if d is not None and id(d) not in self._before:
                self._before[id(d)] = d, dict(d)

    def note_all(self, f: Any, leaves: Iterable[Any]) -> None:
        """Remember what a function's object holds, and those among its arguments."""
        for owner in (getattr(f, "__self__", None), *leaves):
            self.note(owner)

    def changes(self) -> list[Change]:
        """The entries that hold something else now."""
        found = []
        for held, before in self._before.values():
            for name, new in held.items():
                if name.startswith("_") and (name in _INTERNAL or hasattr(Module, name)):
                    continue
                old = before.get(name, _ABSENT)
                if new is not old and not (
                    old.__class__ in _VALUES and type(new) is type(old) and new == old
                ):
                    found.append(Change(held, name, old, new))
            found += [Change(held, n, old, _ABSENT) for n, old in before.items() if n not in held]
        return found
