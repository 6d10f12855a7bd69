"""An expression on numbers as IR: one instruction sequence for one lane or many."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import rushlight.scalar as scalar

from ..scalar import CONST, VAR, Expr
from .idioms import FUNCTIONS, shortened
from .ir import Function
from .math import functions
from .types import Type
from .values import Value


def supported(root: Expr, element: Type) -> bool:
    """Whether every function in an expression has a spelling for numbers of this type."""
    known = functions(element)
    inner = [e for e in scalar.nodes(root) if e.fn not in (VAR, CONST)]
    return bool(inner) and all(
        e.fn.name in known and _finite_constants(e, element) and _divides(e, element) for e in inner
    )


def _finite_constants(e: Expr, element: Type) -> bool:
    """Integers take whole numbers only."""
    if element.is_float:
        return True
    return all(a.fn is not CONST or isinstance(a.args[0], int) for a in e.args)


_QUOTIENTS = frozenset({"floor_divide", "trunc_divide", "remainder", "fmod"})


def _divides(e: Expr, element: Type) -> bool:
    """Integers are divided by constants only: by 0 it is an error, and by -1 the lowest one overflows."""
    if element.is_float or e.fn.name not in _QUOTIENTS:
        return True
    divisor = e.args[1]
    return divisor.fn is CONST and divisor.args[0] not in (0, -1) and abs(divisor.args[0]) < _half(element)


def _half(integer: Type) -> int:
    """What is greater than all integers of a signed type."""
    return 1 << (integer.bits - 1)


def lower(f: Function, root: Expr, values: dict[str, Value], element: Type) -> Value:
    """The value of an expression, given the values of its free names (booleans as i1)."""
    return lower_all(f, [root], values, element)[0]


def lower_all(f: Function, roots: Sequence[Expr], values: dict[str, Value], element: Type) -> list[Value]:
    """The values of several expressions, what they have in common once."""
    known: dict[str, Any] = functions(element)
    lanes = max((v.lanes for v in values.values()), default=1)
    done: dict[Expr, Value] = {}
    short: dict[Expr, Expr] = {}
    roots = [shortened(root, short) for root in roots]
    for e in [e for root in roots for e in scalar.nodes(root)]:
        if e in done:
            continue
        if e.fn is VAR:
            done[e] = values[e.name]
        elif e.fn is CONST:
            done[e] = f.const(element.x(lanes), e.args[0])
        elif e.fn in FUNCTIONS:
            done[e] = FUNCTIONS[e.fn](_number(done[e.args[0]], element))
        else:
            done[e] = known[e.fn.name](*operands(e, [done[a] for a in e.args], element))
    return [done[root] for root in roots]


#: functions that take truth values as they are
_LOGICAL = frozenset({"logical_and", "logical_or", "logical_xor", "logical_not"})


def operands(e: Expr, values: list[Value], element: Type) -> list[Value]:
    """Truth values that take part in arithmetic as numbers, and numbers that are conditions as truth
    values.
    """
    if e.fn.name in _LOGICAL:
        return [_truth(v) for v in values]
    if e.fn is scalar.where:
        return [_truth(values[0]), *(_number(v, element) for v in values[1:])]
    return [_number(v, element) for v in values]


def _truth(v: Value) -> Value:
    return v if v.type.name == "i1" else v != 0


def _number(v: Value, element: Type) -> Value:
    return v.to(element) if v.type.name == "i1" else v
