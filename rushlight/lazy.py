"""Names that are made or imported when first asked for: what keeps `import rushlight` light."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from .errors import missing


def lazy_names(
    package: str,
    homes: Mapping[str, str],
    makers: Callable[[], Mapping[str, Callable[[], Any]]] | None = None,
    shown: str = "",
) -> tuple[Callable[[str], Any], Callable[[], list[str]]]:
    """`__getattr__` and `__dir__` for a module (PEP 562).

    `homes` maps a name to where it lives: ".tensor" for a submodule of that name, ".tensor:Tensor" for a name
    in it. `makers` gives functions that make further names. A name in neither is an AttributeError that names
    the nearest.
    """
    module = sys.modules[package]

    def find(name: str) -> Any:
        if name in homes:
            where, _, attribute = homes[name].partition(":")
            found = importlib.import_module(where, package)
            return getattr(found, attribute) if attribute else found
        made = makers() if makers is not None and not name.startswith("__") else {}
        if name in made:
            return made[name]()
        raise missing(shown or package, name, _Listed(names))

    def get(name: str) -> Any:
        found = find(name)
        if not getattr(
            getattr(found, "__spec__", None), "_initializing", False
        ):  # else others see it too soon
            setattr(module, name, found)
        return found

    def names() -> list[str]:
        return sorted({*vars(module), *homes, *(makers() if makers is not None else ())})

    return get, names


class _Listed:
    """Names listed only when somebody iterates."""

    def __init__(self, names: Callable[[], list[str]]) -> None:
        self.names = names

    def __iter__(self) -> Iterator[str]:
        return iter(self.names())


def at(home: str, names: Iterable[str]) -> dict[str, str]:
    """The entries of `homes` for several names that live in one module."""
    return {name: f"{home}:{name}" for name in names}
