"""The steps of a fused program, and what they compute for some elements side by side."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

import rushlight.scalar as scalar

from ..scalar import CONST, VAR, Expr
from . import lower
from .elements import Elements
from .fused_types import HALVES, cast
from .ir import Function
from .types import Type, f16, f32, f64, i1, i64
from .values import Value


class Step(NamedTuple):
    """name := expr, whose free names are inputs, numbers or earlier steps.

    They are cast to `computes`, which the arithmetic is done in (float32 for half floats), and its value to
    `result`. Names that are mere conditions are asked whether they are zero as they are.
    """

    name: str
    expr: Expr
    computes: Type
    result: Type

    @property
    def names(self) -> set[str]:
        """What it reads."""
        return scalar.free_names(self.expr)

    @property
    def reads(self) -> set[str]:
        """All names it depends on."""
        return self.names

    def renamed(self, names: Mapping[str, str]) -> Step:
        """The step with other names for what it reads."""
        variables = {scalar.var(old): scalar.var(new) for old, new in names.items()}
        return self._replace(expr=scalar.replace(self.expr, variables))

    @property
    def conditions(self) -> set[str]:
        """What it asks only whether it is zero."""
        return scalar.condition_names(self.expr)

    @property
    def is_costly(self) -> bool:
        """Whether an element costs more than the memory it lies in."""
        return Elements(self.expr, (), (), self.computes, self.result).is_costly

    @property
    def is_known(self) -> bool:
        """Whether there is machine code for it."""
        if self.computes in HALVES or (self.computes, self.result) == (f64, f16):
            return False  # the latter would be rounded twice
        return self.expr.fn in (VAR, CONST) or lower.supported(self.expr, self.computes)


class Uniform(NamedTuple):
    """name := random numbers in [0, 1), those of `philox.uniforms` for the whole space, in the order of its
    dimensions. `key` and `offset` name numbers that are integers of 64 bits.
    """

    name: str
    key: str
    offset: str
    computes: Type = f32
    result: Type = f32
    names: frozenset[str] = frozenset()
    is_costly: bool = True
    is_known: bool = True

    @property
    def integers(self) -> tuple[str, str]:
        """The numbers it reads."""
        return self.key, self.offset

    @property
    def reads(self) -> set[str]:
        """All names it depends on."""
        return {self.key, self.offset}

    def renamed(self, names: Mapping[str, str]) -> Uniform:
        """The step with other names for its numbers."""
        return self._replace(key=names[self.key], offset=names[self.offset])


class Values:
    """What names stand for, `lanes` elements of each: in their own types, and in those they are cast to."""

    def __init__(self, f: Function, lanes: int) -> None:
        self.f, self.lanes = f, lanes
        self._known: dict[tuple[str, Type | None], Value] = {}

    def __setitem__(self, name: str, v: Value) -> None:
        self._known[name, None] = v.splat(self.lanes)

    def __getitem__(self, name: str) -> Value:
        return self._known[name, None]

    def cast(self, name: str, type: Type) -> Value:
        """A name's value in another type; truth values stay."""
        if (name, type) not in self._known:
            v = self[name]
            self._known[name, type] = v if v.type.name == "i1" else cast(v, type)
        return self._known[name, type]

    def splat(self, lanes: int) -> Values:
        """Single elements, in so many lanes."""
        wide = Values(self.f, lanes)
        wide._known = {key: v.splat(lanes) for key, v in self._known.items()}
        return wide

    def copy(self) -> Values:
        """The same, to be added to."""
        return self.splat(self.lanes)

    def operand(self, step: Step, name: str) -> Value:
        """What a step reads under a name."""
        return self[name] if name in step.conditions else self.cast(name, step.computes)

    def compute(self, steps: Iterable[Step]) -> None:
        """Add the steps' values."""
        for step in steps:
            operands = {name: self.operand(step, name) for name in sorted(step.names)}
            self[step.name] = cast(lower.lower(self.f, step.expr, operands, step.computes), step.result)


def types_of(
    steps: Sequence[Step | Uniform], inputs: Mapping[str, Type], numbers: Sequence[str]
) -> dict[str, Type]:
    """The types of all names."""
    integers = {name for s in steps if isinstance(s, Uniform) for name in s.integers}
    weak = {name: i64 if name in integers else f64 for name in numbers}
    return {**inputs, **weak, **{s.name: s.result for s in steps}}


def shown(steps: Sequence[Step | Uniform], names: Sequence[str]) -> tuple[object, ...]:
    """The steps as text that does not depend on what inputs, numbers and steps are called."""
    renamed = {name: f"x{k}" for k, name in enumerate([*names, *(s.name for s in steps)])}
    old = {scalar.var(name): scalar.var(new) for name, new in renamed.items()}

    def text(s: Step | Uniform) -> object:
        if isinstance(s, Uniform):
            return "uniform", renamed[s.key], renamed[s.offset]
        return repr(scalar.program(scalar.replace(s.expr, old))), said(s.computes), said(s.result)

    return tuple(map(text, steps))


def said(type: Type) -> str:
    """A type with its sign."""
    return f"u{type.name}" if type.unsigned else type.name


def bits(type: Type) -> int:
    """How wide a type's elements are while they are computed with."""
    return 8 if type == i1 else 32 if type in HALVES else type.bits
