"""Generated source: compiled with one shared set of globals, and registered in linecache for tracebacks."""

from __future__ import annotations

import linecache
from typing import Any

#: globals of all generated code; the modules that own the names put them here
namespace: dict[str, Any] = {"__name__": "rushlight.generated"}


def compile_text(text: str, label: str, extra: dict[str, Any]) -> dict[str, Any]:
    """Run generated source, visible to tracebacks and debuggers; `extra` are names of its own."""
    filename = f"<rushlight {label}>"
    linecache.cache[filename] = (len(text), None, text.splitlines(True), filename)
    scope = {**namespace, **extra}
    for old, new in _spellings.items():
        text = text.replace(old, new)
    exec(compile(text, filename, "exec"), scope)
    _made.append((text, filename, scope))
    return scope


_made: list[tuple[str, str, dict[str, Any]]] = []
_spellings: dict[str, str] = {}


def exchange(name: str, value: Any) -> None:
    """Give a shared name another value in all code generated so far and from now on."""
    namespace[name] = value
    for _, _, scope in _made:
        scope[name] = value


def respell(old: str, new: str) -> None:
    """Have `new` in the place of `old` in all generated code:
    functions made so far are given the code of their new text.
    """
    if old in _spellings:
        return
    _spellings[old] = new
    for text, filename, scope in _made:
        if old in text:
            fresh = dict(scope)
            exec(compile(text.replace(old, new), filename, "exec"), fresh)
            for name, made in fresh.items():
                if made is not scope[name] and hasattr(made, "__code__"):
                    scope[name].__code__ = made.__code__


class Later:
    """A function of an op, generated when it is first called."""

    def __init__(self, op: Any, make: Any) -> None:
        self.op, self.make, self.made = op, make, None

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        if self.made is None:
            self.made = self.make(self.op)
        return self.made(*args, **kwargs)
