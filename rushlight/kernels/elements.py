"""The two loops of a pointwise expression: over memory in a row, and with any strides.

Each is a kernel whose slots are pairs of address and step in bytes: the output's, then every input's.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import rushlight.scalar as scalar

from ..scalar import Expr
from .ir import Function, Module
from .launch import entry
from .lower import lower
from .targets import Target
from .types import Type, f32, i1, i8, i64
from .values import Value


class Elements(NamedTuple):
    """An expression, the names and types of its inputs, and the type it is computed in; `i1` lies in
    bytes.
    """

    root: Expr
    names: tuple[str, ...]
    inputs: tuple[Type, ...]
    element: Type
    output: Type

    @property
    def computes(self) -> Type:
        """The type of the arithmetic: half floats are computed in float32."""
        return f32 if self.element.name in ("half", "bfloat") else self.element

    @property
    def is_costly(self) -> bool:
        """Whether an element costs more than the memory it lies in."""
        cheap = ("var", "const", "add", "sub", "mul", "neg", "where", "relu", "square", "absolute")
        return any(e.fn.name not in cheap and e.fn.kind is scalar.REAL for e in scalar.nodes(self.root))


def stored(type: Type) -> Type:
    """The type that lies in memory: a byte for a truth value."""
    return i8 if type.name == "i1" else type


def flat(m: Module, name: str, spec: Elements, target: Target) -> None:
    """Kernel `name` over contiguous memory; an input of step 0 is one element that serves all."""
    f, lo, hi, slots = _entry(m, name, spec)
    out, lanes = slots[0][0], target.lanes(spec.computes)
    wide = lanes if spec.is_costly else 2 * lanes
    inputs = [_walking(f, p, step, wide, len(slots) > 2) for p, step in slots[1:]]
    middle = lo + ((hi - lo) & -wide)

    def body(i: Value, count: int, mask: Value | None = None) -> None:
        values = [_read(spec, p, k, i & walks, count, mask) for k, (p, walks) in enumerate(inputs)]
        out.store(_result(f, spec, values), i, mask)

    for i in f.range(lo, middle, wide):
        body(i, wide)
    if target.masks:
        for i in f.range(middle, hi, lanes):
            body(i, lanes, f.below(hi - i, lanes))
    else:
        for i in f.range(middle, hi):
            body(i, 1)
    f.ret()


def _walking(f: Function, p: Value, step: Value, wide: int, may_stand: bool) -> tuple[Value, Any]:
    """Where to read an input from, and what to mask its index with: an element that stands still is laid out
    `wide` times beside itself, and read again and again from index 0.
    """
    if not may_stand:
        return p, -1
    t = p.type.target
    assert t is not None
    copies, start = f.stack(t, wide), f.var(p)
    with f.when(step == 0):
        copies.store(p.load().splat(wide), align=64)
        start.set(copies)
    return start.now, (step == 0).select(0, f.const(i64, -1))


def strided(m: Module, name: str, spec: Elements) -> None:
    """Kernel `name` for any steps, element by element."""
    f, lo, hi, slots = _entry(m, name, spec)
    (out, out_step), *inputs = slots
    for i in f.range(lo, hi):
        values = [
            _read(spec, p.of(i8).at(i * step).of(stored(spec.inputs[k])), k, 0, 1)
            for k, (p, step) in enumerate(inputs)
        ]
        out.of(i8).at(i * out_step).of(stored(spec.output)).store(_result(f, spec, values))
    f.ret()


def _types(spec: Elements) -> dict[str, Type]:
    pointers = [stored(spec.output), *map(stored, spec.inputs)]
    return {name: t for k, p in enumerate(pointers) for name, t in ((f"p{k}", p.pointer), (f"s{k}", i64))}


def _entry(m: Module, name: str, spec: Elements) -> tuple[Function, Value, Value, list[tuple[Value, Value]]]:
    """A kernel, its range, and (address, step) of the output and of every input."""
    f, lo, hi, _, slots = entry(m, name, **_types(spec))
    return f, lo, hi, list(zip(slots[::2], slots[1::2], strict=True))


def _read(spec: Elements, p: Value, k: int, i: Value | int, lanes: int, mask: Value | None = None) -> Value:
    """Elements of input `k` in the type they are computed in."""
    v = p.load(i, lanes, mask)
    if spec.inputs[k] == i1:
        return v != 0
    return v.to(spec.computes) if spec.inputs[k].is_float else v


def _result(f: Function, spec: Elements, values: Sequence[Value]) -> Value:
    """The expression's value as it is stored."""
    v = lower(f, spec.root, dict(zip(spec.names, values, strict=True)), spec.computes)
    if v.type.name == "i1":
        return v.to(stored(spec.output)._replace(unsigned=True))
    return v.to(spec.output)
