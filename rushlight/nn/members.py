"""The registries of a module, kept in step with its attributes.

`_parameters`, `_buffers` and `_modules` decide what a module holds, as in PyTorch. Each entry is also
written as an ordinary attribute of the module, so that `self.weight` inside a `forward` is a plain look-up
(9 ns; a look-up through `__getattr__` takes 400).
"""

import weakref
from collections.abc import Iterable, Mapping
from typing import Any

REGISTRIES = ("_parameters", "_buffers", "_modules")


def show(module: Any, name: str, value: Any) -> None:
    """Write an entry as an attribute, unless the class itself defines that name: there the class wins, as in
    torch.
    """
    if not hasattr(type(module), name):
        object.__setattr__(module, name, value)


def hide(module: Any, name: str) -> None:
    """Take an entry's attribute away again; a name that is not there is fine."""
    try:
        object.__delattr__(module, name)
    except AttributeError:
        pass


class Members(dict[str, Any]):
    """One registry of a module; every write, also a direct one such as `m._parameters["w"] = p`, reaches
    `m.w`.
    """

    __slots__ = ("_module",)

    def __init__(self, module: weakref.ref[Any]):
        super().__init__()
        # Weak: a module must be freed when its last user lets go, not when the garbage collector comes by.
        self._module = module

    def __setitem__(self, name: str, value: Any) -> None:
        super().__setitem__(name, value)
        module = self._module()
        if module is not None:
            show(module, name, value)

    def __delitem__(self, name: str) -> None:
        super().__delitem__(name)
        module = self._module()
        if module is not None:
            hide(module, name)

    def __ior__(self, other: Any) -> "Members":
        self.update(other)
        return self

    def __reduce__(self) -> tuple[Any, ...]:
        return dict, (dict(self),)

    def clear(self) -> None:
        """Remove every entry."""
        for name in list(self):
            del self[name]

    def pop(self, name: str, *default: Any) -> Any:
        """Remove `name` and return its value; `default`, where given, for a name that is not there."""
        if name not in self:
            return dict.pop(self, name, *default)
        value = self[name]
        del self[name]
        return value

    def popitem(self) -> tuple[str, Any]:
        """Remove and return the entry that was added last."""
        name, value = super().popitem()
        module = self._module()
        if module is not None:
            hide(module, name)
        return name, value

    def setdefault(self, name: str, default: Any = None) -> Any:
        """The value of `name`, which becomes `default` where there was none."""
        if name not in self:
            self[name] = default
        return self[name]

    def update(self, entries: Mapping[str, Any] | Iterable[tuple[str, Any]] = (), **more: Any) -> None:
        """Write every entry given."""
        for name, value in dict(entries, **more).items():
            self[name] = value
