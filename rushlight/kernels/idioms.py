"""Expressions that have a shorter way than step by step: a Gaussian's parts are never seen apart in gelu."""

from __future__ import annotations

import math
from collections.abc import Callable

import rushlight.scalar as scalar

from ..scalar import CONST, VAR, Expr
from . import gaussian
from .values import Value

_x = scalar.var("x")
_CUBE = math.sqrt(2 / math.pi) * (_x + 0.044715 * (_x * _x * _x))

#: what each is, as the ops write it
_PATTERNS = {
    scalar.Function("gelu"): 0.5 * _x * (1 + scalar.erf(_x * math.sqrt(0.5))),
    scalar.Function("gelu_tanh"): 0.5 * _x * (1 + scalar.tanh(_CUBE)),
}

#: how each is computed
FUNCTIONS: dict[scalar.Function, Callable[[Value], Value]] = dict(
    zip(_PATTERNS, (gaussian.gelu, gaussian.gelu_tanh), strict=True)
)


def shortened(e: Expr, done: dict[Expr, Expr] | None = None) -> Expr:
    """The same expression, of the functions above where they occur."""
    done = {} if done is None else done
    if e.fn in (VAR, CONST):
        return e
    if e not in done:
        done[e] = _shortened(e, done)
    return done[e]


def _shortened(e: Expr, done: dict[Expr, Expr]) -> Expr:
    for fn, pattern in _PATTERNS.items():
        found: list[Expr] = []
        if _matches(e, pattern, found):
            return Expr(fn, (shortened(found[0], done),))
    args = tuple(shortened(a, done) for a in e.args)
    return e if all(a is b for a, b in zip(args, e.args, strict=True)) else Expr(e.fn, args)


def _matches(e: Expr, pattern: Expr, found: list[Expr]) -> bool:
    """Whether `e` is the pattern with one expression for its name, which is put into `found`."""
    if pattern.fn is VAR:
        found.append(e)
        return e is found[0]
    if pattern.fn is not e.fn:
        return False
    if pattern.fn is CONST:
        return bool(e.args[0] == pattern.args[0])
    return all(_matches(a, b, found) for a, b in zip(e.args, pattern.args, strict=True))
