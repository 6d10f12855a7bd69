"""Expressions on arrays: by machine code for the dtypes it has loops for, by NumPy's functions for all
others.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from functools import cached_property
from typing import Any

import rushlight.scalar as scalar

from ..kernels import native
from ..scalar import Expr
from .numpy import NAMESPACE


def never(*args: Any) -> None:
    """Stands for the builtin of an expression that machine code does not know."""


class Program:
    """One expression on arrays of one dtype, as a function of the values of `names`.

    Those in `conditions` are boolean arrays; Python numbers may stand for any other. `kinds` are those of the
    arrays that machine code may take: bool "b", integer "i", floating "f".
    """

    def __init__(
        self,
        root: Expr,
        names: Sequence[str],
        label: str,
        conditions: Collection[str] = (),
        kinds: str = "bif",
    ) -> None:
        self.root, self.names, self.label = root, tuple(names), label
        self.conditions, self.kinds = frozenset(conditions), kinds

    def __call__(self, *args: Any) -> Any:
        """The value, whatever the arrays' types; a NumPy scalar for 0-dim arrays at times."""
        made = self.new(*args)
        return self.numpy(*args) if made is None else made

    @cached_property
    def new(self) -> Callable[..., Any]:
        """The builtin that gives a new array, or None where the arguments are not of a dtype it knows."""
        return never if self._builtins is None else self._builtins.new

    @cached_property
    def into(self) -> Callable[..., Any]:
        """The builtin into(out, *args) that writes into an array and returns it, or None."""
        return never if self._builtins is None else self._builtins.into

    @property
    def head(self) -> int:
        """Where machine code finds the builtins' plans."""
        return self._builtins.head

    @cached_property
    def numpy(self) -> Callable[..., Any]:
        """The expression as a function of NumPy's."""
        return compile_program(self.root, self.names, NAMESPACE, self.label)

    @cached_property
    def _builtins(self) -> Any:
        if not native.on():
            return None
        from ..kernels.pointwise import Builtins

        return Builtins(self._spec, self.label)

    def _spec(self, type: Any) -> Any:
        """What machine code is to compute for arrays of a type."""
        from ..kernels.elements import Elements
        from ..kernels.types import i1

        inputs = tuple(i1 if n in self.conditions else type for n in self.names)
        output = i1 if self.root.kind is scalar.TRUTH else type
        kind = "f" if type.is_float else "b" if type == i1 else "i"
        if kind not in self.kinds or (self.root.kind is scalar.REAL and kind != "f"):
            return None
        return Elements(self.root, self.names, inputs, type, output)


def compile_program(
    roots: Any, names: Sequence[str], namespace: dict[str, Any], label: str
) -> Callable[..., Any]:
    """A Python function of `names` that evaluates one expression, or a list of them to a tuple."""
    many = roots if isinstance(roots, list) else [roots]
    if len(many) == 1:
        steps, result = scalar.program(many[0])
    else:
        steps, result = scalar.program(scalar.Function("together", kind=scalar.ARITH)(*many))
        result = result.removeprefix("together")
    lines = "".join(f"    {name} = {text}\n" for name, text in steps)
    text = f"def elements({', '.join(names)}):\n{lines}    return {result}\n"
    scope = {"__name__": "rushlight.generated", **namespace}
    exec(compile(text, f"<rushlight {label}>", "exec"), scope)
    return scope["elements"]
