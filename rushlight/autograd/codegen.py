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
    exec(compile(text, filename, "exec"), scope)
    _scopes.append(scope)
    return scope


_scopes: list[dict[str, Any]] = []


def exchange(name: str, value: Any) -> None:
    """Give a shared name another value in all code generated so far and from now on."""
    namespace[name] = value
    for scope in _scopes:
        scope[name] = value


class Later:
    """A function of an op, generated when it is first called."""

    def __init__(self, op: Any, make: Any) -> None:
        self.op, self.make, self.made = op, make, None

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        if self.made is None:
            self.made = self.make(self.op)
        return self.made(*args, **kwargs)
