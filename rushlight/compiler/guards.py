"""What a captured call took for granted: Python's values that its code reads, and the modules it called.

The conditions become one generated function of no arguments, a loop for each kind of condition; only where it
says no, somebody looks for which.
"""

from __future__ import annotations

import dis
import functools
import types
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from ..nn import Module
from ..tensor import Parameter, Tensor

_PLAIN = (bool, int, float, str, type(None))
_PACKAGE = str(Path(__file__).parents[1])
_MOST = 64  # functions that are looked into


class Condition(NamedTuple):
    """Text of an expression with one name in braces, what stands for it, and what to say where it fails."""

    text: str
    names: dict[str, Any]
    said: str


class Guards:
    """Conditions, and one function that checks them all."""

    def __init__(self, conditions: Iterable[Condition]) -> None:
        self.conditions = list(conditions)
        rows: dict[tuple[str, tuple[str, ...]], list[Any]] = {}
        for c in self.conditions:
            row: Any = tuple(c.names.values())
            rows.setdefault((c.text, tuple(c.names)), []).append(row if len(row) > 1 else row[0])
        forms = tuple([(*form, len(of) == 1) for form, of in rows.items()])
        self.hold: Callable[[], bool] = _checking(forms)(*rows.values())

    def broken(self) -> str:
        """What does not hold, in words."""
        return next((c.said for c in self.conditions if not Guards([c]).hold()), "")


@functools.lru_cache(256)
def _checking(forms: tuple[tuple[str, tuple[str, ...], bool], ...]) -> Callable[..., Callable[[], bool]]:
    """From rows of values for each text's names (`forms` say if it is one row), what checks them all.

    A text is compiled once, however many parameters it is said of: 400 conditions as one expression took
    5 ms and three megabytes. What is looked up may be gone, which is no error but a No.
    """
    before, checks = [], []
    for k, (text, names, alone) in enumerate(forms):
        given = {name: f"{name}{k}" for name in names}
        unpacked = ", ".join(given.values())
        no = f"if not ({text.format(**given)}): return False"
        if alone:
            before.append(f" [({unpacked})] = rows{k}")
            checks.append(f"   {no}")
        else:
            checks.append(f"   for {unpacked} in rows{k}:\n    {no}")
    head = f"def checking({', '.join(f'rows{k}' for k in range(len(forms)))}):"
    body = [" def hold():", "  try:", *checks, "   return True"]
    end = ["  except (LookupError, ValueError): return False", " return hold"]
    scope: dict[str, Any] = {}
    exec("\n".join([head, *before, *body, *end]), scope)
    return scope["checking"]


def same(place: str, holder: Any, key: Any, value: Any, said: str) -> Iterator[Condition]:
    """That `value` is still what `place` (of holder and key) gives, with the same array if it is a tensor."""
    names = {"holder": holder, "key": key, "value": value}
    if value.__class__ in _PLAIN:
        text = f"{place} is {{value}}"
        if value.__class__ is str:
            text += f" or {place} == {{value}}"
        elif value.__class__ in (int, float):  # True and 1.0 are no 1
            text += f" or {place} == {{value}} and {place}.__class__ is {{value}}.__class__"
        yield Condition(text, names, f"{said} was {value!r}")
    elif value.__class__ is Tensor or value.__class__ is Parameter:
        text = f"{place} is {{value}} and {{value}}._a is {{array}}"
        names["array"], reason = value._a, "was another tensor, or had other memory"
        if value._n.__class__ is not list:
            text, names["leaf"] = text + " and {value}._n is {leaf}", value._n
            reason = "was another tensor, had other memory, or required grad, or did not"
        yield Condition(text, names, f"{said} {reason}")
    elif isinstance(value, list | tuple | dict) and _tensors_in(value):
        yield Condition(
            f"{place} is {{value}} and len({{value}}) == {len(value)}", names, f"{said} was other"
        )
        for i, v in value.items() if isinstance(value, dict) else enumerate(value):
            if isinstance(v, Tensor):
                yield from same("{holder}[{key}]", value, i, v, f"{said}[{i!r}]")


def _tensors_in(value: Any) -> bool:
    return any(isinstance(v, Tensor) for v in (value.values() if isinstance(value, dict) else value))


def of_modules(modules: Iterable[Any]) -> Iterator[Condition]:
    """That modules are as they were: training or not, their numbers, their parameters and buffers."""
    for module in dict.fromkeys(modules):
        held = module.__dict__
        kind = type(module).__name__
        for name, value in list(held.items()):
            if not name.startswith("_"):
                yield from same("{holder}[{key}]", held, name, value, f"{kind}.{name}")
        yield Condition("'_hooked' not in {held} or {held}['_hooked'] is {was}", {
            "held": held, "was": held.get("_hooked")
        }, f"{kind} had other hooks")  # fmt: skip


def of_objects(objects: Iterable[Any]) -> Iterator[Condition]:
    """That arguments which are objects have the attributes they had."""
    for x in objects:
        if not isinstance(x, Module | type) and _plain_function(x) is None:
            for name, value in getattr(x, "__dict__", {}).items():
                yield from same("{holder}.get({key})", x.__dict__, name, value, f"{type(x).__name__}.{name}")


def of_gradients(entry: Mapping[Any, Any]) -> Iterator[Condition]:
    """That leaves which had no gradient have none; those that had one are handed in."""
    for leaf, held in entry.items():
        if held is None:
            yield Condition("{leaf}.grad is None", {"leaf": leaf}, "a parameter had no gradient")


def of_functions(functions: Iterable[Any]) -> Iterator[Condition]:
    """That the globals and the closures that functions read are what they were."""
    seen: set[int] = set()
    todo = [f for f in map(_plain_function, functions) if f is not None]
    while todo and len(seen) < _MOST:
        f = todo.pop()
        if id(f.__code__) in seen or f.__code__.co_filename.startswith(_PACKAGE):
            continue
        seen.add(id(f.__code__))
        for holder, place, key, value, said in _read_by(f):
            inner = _plain_function(value)
            if inner is not None:
                todo.append(inner)
            yield from same(place, holder, key, value, said)


def _plain_function(f: Any) -> Any:
    """The Python function behind a function or a method."""
    f = getattr(f, "__func__", f)
    return f if f.__class__ is types.FunctionType else None


def _read_by(f: Any) -> Iterator[tuple[Any, str, Any, Any, str]]:
    for cell, name in zip(f.__closure__ or (), f.__code__.co_freevars, strict=False):
        try:
            yield cell, "{holder}.cell_contents", name, cell.cell_contents, name
        except ValueError:  # not filled yet
            continue
    for name in _names(f.__code__):
        if name in f.__globals__:
            yield f.__globals__, "{holder}.get({key})", name, f.__globals__[name], f"global {name}"
    owner = getattr(f, "__self__", None)
    for name, value in getattr(owner, "__dict__", {}).items():
        yield owner.__dict__, "{holder}.get({key})", name, value, f"self.{name}"


def _names(code: types.CodeType) -> Iterator[str]:
    """The global names of a function, and of those inside it."""
    yield from (i.argval for i in dis.get_instructions(code) if i.opname == "LOAD_GLOBAL")
    for c in code.co_consts:
        if isinstance(c, types.CodeType):
            yield from _names(c)
