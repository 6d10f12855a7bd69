"""Python's numbers that change from call to call: what is computed with them is computed again at every run.

An argument that was one float (or int) and now is another is handed to the function as a Symbol: a number
with the value of this call that remembers how arithmetic made it of the arguments. In pointwise programs it
becomes an input. Where Python decides by it (`if`, `int()`, an index), the decision becomes a condition of
the plan. Python can use a number behind a Symbol's back, though (`range(n)`, a list's index): so the next
call with other values is captured once more, and the plan is trusted only if nothing else in it has changed.
"""

from __future__ import annotations

import builtins
import math
import operator
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partialmethod
from typing import Any

from ..arrays import tracing

Formula = Callable[[list[Any]], Any]


class Varying:
    """How a Symbol's value is found from the arguments; what stands for it in graphs and slots.

    `value` is that of the captured call.
    """

    __slots__ = ("formula", "value")

    def __init__(self, formula: Formula, value: Any) -> None:
        self.formula, self.value = formula, value

    def __repr__(self) -> str:
        return "varying"


class Symbol:
    """What symbols of both kinds share: the plain `value`, and `varying`, which says how it comes about."""

    value: Any
    varying: Varying

    def _decided(self, decide: Callable[[Any], Any]) -> Any:
        """What Python makes of the value; it must come out the same when the plan is used."""
        return decided(decide, self)

    def __bool__(self) -> bool:
        return self._decided(builtins.bool)

    def __int__(self) -> int:
        return self._decided(builtins.int)

    __trunc__ = __int__

    def __float__(self) -> float:
        return self._decided(builtins.float)

    def __hash__(self) -> int:
        return hash(plain(self))

    def __round__(self, digits: int | None = None) -> Any:
        return self._decided(lambda v: builtins.round(v, digits))

    def __floor__(self) -> int:
        return self._decided(math.floor)

    def __ceil__(self) -> int:
        return self._decided(math.ceil)

    def __repr__(self) -> str:
        return repr(plain(self))

    __str__ = __repr__


class FloatSymbol(Symbol, float):
    """A float that changes from call to call."""


class IntSymbol(Symbol, int):
    """An int that changes from call to call."""

    def __index__(self) -> int:
        return self._decided(builtins.int)


def plain(v: Any) -> Any:
    """A number without its history."""
    return v.value if isinstance(v, Symbol) else v


def symbol(value: Any, formula: Formula) -> Any:
    """A Symbol of a value; other things than floats and ints stay what they are."""
    kind = {float: FloatSymbol, int: IntSymbol}.get(value.__class__)
    if kind is None:
        return value
    made = kind(value)
    made.value = value
    made.varying = Varying(formula, value)
    return made


def argument(k: int, value: Any) -> Any:
    """The Symbol of argument `k`."""
    return symbol(value, lambda leaves: leaves[k])


def formula_of(v: Any) -> Formula:
    """How a number is found from the arguments."""
    return v.varying.formula if isinstance(v, Symbol) else lambda leaves: v


def combined(fn: Callable[..., Any], *values: Any) -> Any:
    """fn of numbers, as a Symbol."""
    formulas = [formula_of(v) for v in values]
    return symbol(fn(*map(plain, values)), lambda leaves: fn(*[f(leaves) for f in formulas]))


def decided(fn: Callable[..., Any], *values: Any) -> Any:
    """fn of numbers, as a condition of the plan that is being captured."""
    outcome = fn(*map(plain, values))
    found = tracing.tracer()
    if found is not None:
        formulas = [formula_of(v) for v in values]
        found.conditions.append(lambda leaves: fn(*[f(leaves) for f in formulas]) == outcome)
    return outcome


def input_of(v: Any) -> Any:
    """What stands for a number in the graph: a Varying, or the number itself. Regions know only numbers."""
    found = tracing.tracer()
    return pinned(v) if not isinstance(v, Symbol) or (found is not None and found.regions) else v.varying


def pinned(v: Any) -> Any:
    """A number that becomes part of the plan: the plan serves no other value."""
    return decided(lambda x: x, v) if isinstance(v, Symbol) else v


def _binary(name: str, fn: Callable[..., Any], make: Callable[..., Any]) -> None:
    def forward(self: Any, other: Any) -> Any:
        if not isinstance(other, float | int):
            return NotImplemented
        return make(fn, self, other)

    def reflected(self: Any, other: Any) -> Any:
        if not isinstance(other, float | int):
            return NotImplemented
        return make(fn, other, self)

    for kind in (FloatSymbol, IntSymbol):
        setattr(kind, f"__{name}__", forward)
        if make is combined:
            setattr(kind, f"__r{name}__", reflected)


def _unary(self: Any, fn: Callable[..., Any]) -> Any:
    return combined(fn, self)


for _name in ("add", "sub", "mul", "truediv", "floordiv", "mod", "pow"):
    _binary(_name, getattr(operator, _name), combined)
for _name in ("lt", "le", "gt", "ge", "eq", "ne"):
    _binary(_name, getattr(operator, _name), decided)
for _kind in (FloatSymbol, IntSymbol):
    _kind.__hash__ = Symbol.__hash__  # type: ignore[method-assign]
    for _name in ("neg", "pos", "abs"):
        setattr(_kind, f"__{_name}__", partialmethod(_unary, getattr(operator, _name)))

_MATH = ("sqrt", "exp", "expm1", "log", "log2", "log10", "log1p", "sin", "cos", "tan", "tanh", "atan", "pow")


@contextmanager
def understood_by_math() -> Iterator[None]:
    """Let the functions of `math` take Symbols."""
    old = {name: getattr(math, name) for name in _MATH}

    def taking(fn: Callable[..., Any]) -> Callable[..., Any]:
        return lambda *args: combined(fn, *args) if any(isinstance(a, Symbol) for a in args) else fn(*args)

    for name, fn in old.items():
        setattr(math, name, taking(fn))
    try:
        yield
    finally:
        for name, fn in old.items():
            setattr(math, name, fn)
