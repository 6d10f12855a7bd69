"""Pointwise ops written in place with as few passes over memory as NumPy allows:
each temporary is used again.

`v.addcmul_(g, g, value=c)` becomes t = g · g; t *= c; v += t: three passes and one temporary,
where evaluating the body and copying the result takes five passes and three temporaries.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

import rushlight.scalar as scalar

from ..kernels import native
from ..scalar import CONST, VAR, Expr
from .elementwise import Pointwise

ndarray = np.ndarray
_FLOATS = (np.dtype(np.float32), np.dtype(np.float64))
_UFUNCS = {
    **{"add": np.add, "sub": np.subtract, "mul": np.multiply},
    **{"div": np.divide, "neg": np.negative, "sqrt": np.sqrt},
    **{"exp": np.exp, "log": np.log, "tanh": np.tanh, "square": np.square, "sin": np.sin, "cos": np.cos},
    **{"reciprocal": np.reciprocal, "maximum": np.maximum, "minimum": np.minimum, "absolute": np.absolute},
}
#: ufuncs that take their result's place only by name
_OUT = {"maximum": ", out=", "minimum": ", out="}


class InPlace:
    """Writes a pointwise op into its first input: called with the arrays,
    numbers and options, says whether it could.

    What it cannot is left to the general way.
    """

    def __init__(self, op: Pointwise) -> None:
        self.op = op
        self.programs: dict[Any, Callable[..., Any] | None] = {}

    def __call__(self, a: Any, *others: Any, **options: Any) -> bool:
        return self.by_machine(a, *others, **options) if native.on() else self.by_numpy(a, *others, **options)

    def by_machine(self, a: Any, *others: Any, **options: Any) -> bool:
        """In machine code, for arrays of its type and shapes that stretch to its own."""
        if any(v is None for v in others):
            return False
        if self.op.checks is not None:
            self.op.checks(**dict(zip(self.op.tensors, (a, *others), strict=True)), **options)
        if self.op.words and self.op.is_variant(options):
            return False
        program, numbers = self.op.program(options)
        return program.into(a, a, *others, *numbers) is not None

    def by_numpy(self, a: Any, *others: Any, **options: Any) -> bool:
        """By NumPy's functions, where all arrays are float32 or all float64, of one shape."""
        if a.__class__ is not ndarray or a.dtype not in _FLOATS or not a.ndim or not a.flags.writeable:
            return False
        arrays, numbers = [a], []
        for value in others:
            if value.__class__ is ndarray:
                if value.dtype is not a.dtype or value.shape != a.shape:
                    return False
                arrays.append(value)
                numbers.append(None)
            elif value.__class__ is float or value.__class__ is int:
                numbers.append(value)
            else:
                return False
        if not all(v.__class__ is float or v.__class__ is int for v in options.values()):
            return False
        if self.op.checks is not None:
            self.op.checks(**dict(zip(self.op.tensors, (a, *others), strict=True)), **options)
        key = tuple(numbers)
        if key not in self.programs:
            if len(self.programs) > 64:
                self.programs.clear()
            self.programs[key] = self.compile(numbers)
        program = self.programs[key]
        if program is None:
            return False
        program(*arrays, **options)
        return True

    def compile(self, numbers: Sequence[Any]) -> Callable[..., Any] | None:
        """The program for inputs of which some are these numbers (None: an array),
        or None where there is none.
        """
        first, *rest = self.op.tensors
        known = {n: v for n, v in zip(rest, numbers, strict=True) if v is not None}
        args = [scalar.lift(known[n]) if n in known else scalar.var(n) for n in self.op.tensors]
        options = {p.name: scalar.var(p.name) for p in self.op.options}
        root = scalar.lift(self.op.body(*args, **options))
        inner = [e for e in scalar.nodes(root) if e.fn not in (VAR, CONST)]
        if not inner or _shared(root) or any(e.fn.name not in _UFUNCS for e in inner):
            return None
        lines = _Writer(root, first, set(options)).lines
        names = [n for n in self.op.tensors if n not in known] + list(options)
        text = f"def write({', '.join(names)}):\n" + "".join(f"    {line}\n" for line in lines)
        scope: dict[str, Any] = {
            "__name__": "rushlight.generated",
            **{f"np_{n}": f for n, f in _UFUNCS.items()},
        }
        exec(compile(text, f"<rushlight {self.op.name} in place>", "exec"), scope)
        return scope["write"]


class _Writer:
    """Turns an expression into statements that leave its value in `target`."""

    def __init__(self, root: Expr, target: str, numbers: set[str]) -> None:
        self.root, self.target, self.numbers = root, target, numbers
        self.lines: list[str] = []
        self.emit(root)

    def emit(self, e: Expr) -> tuple[str, bool]:
        """The text of a value, and whether it is a temporary that may be overwritten."""
        if e.fn is VAR:
            return e.name, False
        if e.fn is CONST:
            return repr(e.args[0]), False
        parts = [self.emit(x) for x in e.args]
        if self.is_number(e):
            infix: Any = e.fn.infix  # there is one for every function of numbers
            return f"({infix.format(*(t for t, _ in parts))})", False
        texts = ", ".join(t for t, _ in parts)
        if e is self.root:
            self.lines.append(f"np_{e.fn.name}({texts}{_OUT.get(e.fn.name, ', ')}{self.target})")
            return self.target, False
        own = next((t for t, temporary in parts if temporary), None)
        if own is None:
            own = f"t{len(self.lines)}"
            self.lines.append(f"{own} = np_{e.fn.name}({texts})")
        else:
            self.lines.append(f"np_{e.fn.name}({texts}{_OUT.get(e.fn.name, ', ')}{own})")
        return own, True

    def is_number(self, e: Expr) -> bool:
        """Whether a value is a number, not an array: computed by Python, once."""
        if e.fn in (VAR, CONST):
            return e.fn is CONST or e.name in self.numbers
        return e.fn.infix is not None and all(map(self.is_number, e.args))


def _shared(root: Expr) -> bool:
    """Whether an intermediate value is used twice (then it must not be overwritten)."""
    seen: set[Expr] = set()
    for e in scalar.nodes(root):
        for x in e.args if e.fn not in (VAR, CONST) else ():
            if x.fn not in (VAR, CONST):
                if x in seen:
                    return True
                seen.add(x)
    return False
