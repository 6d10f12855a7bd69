"""Modules that hold modules: `Sequential`, `ModuleList`, `ModuleDict`. They behave like Python's list and
dict.
"""

import operator
from collections import OrderedDict
from collections.abc import ItemsView, Iterable, Iterator, KeysView, Mapping, ValuesView
from itertools import chain
from typing import Any, Self

from .module import Module
from .traversal import block, indented

__all__ = ["ModuleDict", "ModuleList", "Sequential"]


class _Indexed(Module):
    """What Sequential and ModuleList share: submodules in order, found by position."""

    def _key(self, idx: Any) -> str:
        """The name of the submodule at a position, which may count from the end."""
        idx = operator.index(idx)
        if not -len(self) <= idx < len(self):
            raise IndexError(f"index {idx} is out of range")
        return list(self._modules)[idx]

    def __len__(self) -> int:
        return len(self._modules)

    def __iter__(self) -> Iterator[Any]:
        return iter(self._modules.values())

    def __setitem__(self, idx: int, module: Module) -> None:
        setattr(self, self._key(idx), module)

    def __delitem__(self, idx: int | slice) -> None:
        names = list(self._modules)[idx] if isinstance(idx, slice) else [self._key(idx)]
        for name in names:
            delattr(self, name)
        self._modules = {str(i): module for i, module in enumerate(self)}

    def __getitem__(self, idx: Any) -> Any:
        raise NotImplementedError

    def append(self, module: Module) -> Self:
        """Add `module` at the end."""
        self.add_module(str(len(self)), module)
        return self

    def pop(self, key: int | slice) -> Any:
        """Remove and return the module at a position (or the container of those in a slice)."""
        found = self[key]
        del self[key]
        return found

    def _shift_in(self, index: int, module: Module) -> None:
        """Put `module` at `index`, those from there on one further."""
        for i in range(len(self), index, -1):
            self._modules[str(i)] = self._modules[str(i - 1)]
        self._modules[str(index)] = module


class Sequential(_Indexed):
    """Modules one after the other: each is called with what the one before returned.

    Takes the modules as arguments, numbered from 0, or an OrderedDict of names and modules.
    """

    def __init__(self, *args: Any):
        super().__init__()
        if len(args) == 1 and isinstance(args[0], OrderedDict):
            entries = args[0].items()
        else:
            entries = ((str(i), module) for i, module in enumerate(args))
        for name, module in entries:
            self.add_module(name, module)

    def forward(self, input: Any) -> Any:
        for module in self._modules.values():
            input = module(input)
        return input

    def __getitem__(self, idx: int | slice) -> Any:
        if isinstance(idx, slice):
            return type(self)(OrderedDict(list(self._modules.items())[idx]))
        return self._modules[self._key(idx)]

    def insert(self, index: int, module: Module) -> Self:
        """Put `module` before position `index`."""
        if not isinstance(module, Module):
            raise AssertionError(f"module should be of type: {Module}")
        if not -len(self) <= index <= len(self):
            raise IndexError(f"Index out of range: {index}")
        self._shift_in(index + len(self) if index < 0 else index, module)
        return self

    def extend(self, sequential: Iterable[Module]) -> Self:
        """Add all of `sequential` at the end."""
        for module in sequential:
            self.append(module)
        return self

    def __add__(self, other: "Sequential") -> "Sequential":
        _require_sequential(other)
        return Sequential(*self, *other)

    def __iadd__(self, other: "Sequential") -> Self:
        _require_sequential(other)
        return self.extend(list(other))

    def __mul__(self, other: int) -> "Sequential":
        self._require_factor(other)
        return Sequential(*(list(self) * other))

    def __rmul__(self, other: int) -> "Sequential":
        return self * other

    def __imul__(self, other: int) -> Self:
        self._require_factor(other)
        return self.extend(list(self) * (other - 1))

    def _require_factor(self, factor: Any) -> None:
        if not isinstance(factor, int):
            raise TypeError(f"unsupported operand type(s) for *: {type(self)} and {type(factor)}")
        if factor <= 0:
            raise ValueError(f"Non-positive multiplication factor {factor} for {type(self)}")


def _require_sequential(other: Any) -> None:
    if not isinstance(other, Sequential):
        raise ValueError(
            f"add operator supports only objects of Sequential class, but {type(other)} is given."
        )


class ModuleList(_Indexed):
    """A list of modules that are registered: `parameters()`, `to()` and so on reach them."""

    def __init__(self, modules: Iterable[Module] | None = None):
        super().__init__()
        if modules is not None:
            self.extend(modules)

    def __getitem__(self, idx: int | slice) -> Any:
        if isinstance(idx, slice):
            return type(self)(list(self._modules.values())[idx])
        return self._modules[self._key(idx)]

    def insert(self, index: int, module: Module) -> None:
        """Put `module` before position `index`."""
        self._shift_in(index, module)

    def extend(self, modules: Iterable[Module]) -> Self:
        """Add all of `modules` at the end."""
        if not isinstance(modules, Iterable):
            raise TypeError(
                f"ModuleList.extend should be called with an iterable, but got {type(modules).__name__}"
            )
        for i, module in enumerate(modules, len(self)):
            self.add_module(str(i), module)
        return self

    def __iadd__(self, modules: Iterable[Module]) -> Self:
        return self.extend(modules)

    def __add__(self, other: Iterable[Module]) -> "ModuleList":
        return ModuleList(chain(self, other))

    def __repr__(self) -> str:
        """Equal neighbours print once: `(0-5): 6 x Linear(...)`."""
        if len(self) == 0:
            return f"{self._get_name()}()"
        runs: list[tuple[int, int, str]] = []
        for i, text in enumerate(map(repr, self)):
            if runs and runs[-1][2] == text:
                runs[-1] = (runs[-1][0], i, text)
            else:
                runs.append((i, i, text))
        return block(self._get_name(), [indented(_run(*run)) for run in runs])


def _run(first: int, last: int, text: str) -> str:
    return f"({first}): {text}" if first == last else f"({first}-{last}): {last - first + 1} x {text}"


class ModuleDict(Module):
    """A dict of modules that are registered: `parameters()`, `to()` and so on reach them."""

    def __init__(self, modules: Mapping[str, Module] | None = None):
        super().__init__()
        if modules is not None:
            self.update(modules)

    def __getitem__(self, key: str) -> Any:
        return self._modules[key]

    def __setitem__(self, key: str, module: Module) -> None:
        self.add_module(key, module)

    def __delitem__(self, key: str) -> None:
        del self._modules[key]

    def __len__(self) -> int:
        return len(self._modules)

    def __iter__(self) -> Iterator[str]:
        return iter(self._modules)

    def __contains__(self, key: object) -> bool:
        return key in self._modules

    def clear(self) -> None:
        """Remove all modules."""
        self._modules.clear()

    def pop(self, key: str) -> Any:
        """Remove and return the module called `key`."""
        return self._modules.pop(key)

    def keys(self) -> KeysView[str]:
        """The names."""
        return self._modules.keys()

    def items(self) -> ItemsView[str, Any]:
        """The (name, module) pairs."""
        return self._modules.items()

    def values(self) -> ValuesView[Any]:
        """The modules."""
        return self._modules.values()

    def update(self, modules: Mapping[str, Module] | Iterable[tuple[str, Module]]) -> None:
        """Add or replace modules from a mapping or from (name, module) pairs, in their order."""
        for key, module in pairs(modules, "ModuleDict"):
            self[key] = module


def pairs(entries: Any, kind: str) -> Iterator[tuple[str, Any]]:
    """The (name, value) pairs of a mapping or an iterable of pairs; errors name `kind` and the faulty
    element.
    """
    if not isinstance(entries, Iterable):
        raise TypeError(
            f"{kind}.update should be called with an iterable of key/value pairs, but got "
            f"{type(entries).__name__}"
        )
    if hasattr(entries, "items"):
        yield from entries.items()  # type: ignore[attr-defined]
        return
    for i, entry in enumerate(entries):
        if not isinstance(entry, Iterable):
            raise TypeError(
                f"{kind} update sequence element #{i} should be Iterable; is {type(entry).__name__}"
            )
        pair = list(entry)
        if len(pair) != 2:
            raise ValueError(f"{kind} update sequence element #{i} has length {len(pair)}; 2 is required")
        yield pair[0], pair[1]
