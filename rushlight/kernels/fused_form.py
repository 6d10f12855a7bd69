"""What the code of a fused program depends on."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import NamedTuple

from . import philox
from .fused_steps import Step, Uniform, bits, said, shown, types_of
from .targets import Target
from .types import Type

#: how an operand goes along a row: it is one element for all rows, one a row, dense, or takes any steps
SINGLE, STILL, DENSE, STEPS = "single", "still", "dense", "steps"
#: what is collected: one number for all rows of a chunk, one a row, or one a column for all rows of a chunk,
#: kept beside those of other chunks, or where the output has them
CHUNK, ROW, COLUMNS, EACH = "chunk", "row", "columns", "each"

#: where rows begin that random numbers are asked for: at whole blocks of the stream, or anywhere
ALIGNED, ANYWHERE = "aligned", "anywhere"

_MANY = 12  # steps that need the registers of several vectors side by side


def is_heavy(steps: Sequence[Step | Uniform]) -> bool:
    """Whether steps keep a processor busy, or its registers."""
    return any(s.is_costly for s in steps) or len(steps) > _MANY


class Place(NamedTuple):
    """An array as the code sees it; of an output that is collected, the type it is collected in, and how."""

    name: str
    type: Type
    walk: str
    kind: str = ""


class _Form(NamedTuple):
    steps: tuple[Step | Uniform, ...]
    outputs: tuple[Place, ...]
    inputs: tuple[Place, ...]
    numbers: tuple[str, ...]
    outer: int
    block: int
    together: int = 1
    index: str = ""


class Form(_Form):
    """A program's steps and arrays; `outer` dimensions lie around a row, none around memory in a row, and
    `block` of them counts the blocks that rows are cut into.

    Some rows of a chunk are computed `together`, if that is worth it and they lie in even steps. By `index`,
    an operand behind all others, elements are counted in the order of the space's own dimensions.
    """

    @property
    def key(self) -> object:
        """What tells its code apart, whatever names it uses."""
        names = [*(p.name for p in self.inputs), *self.numbers]
        order = {name: k for k, name in enumerate([*names, *(s.name for s in self.steps)])}
        outputs = tuple((order[p.name], p.walk, p.kind, p.kind and said(p.type)) for p in self.outputs)
        inputs = tuple((said(p.type), p.walk) for p in self.inputs)
        nest = self.outer, self.block, self.together, self.index
        return "fused", shown(self.steps, names), outputs, inputs, len(self.numbers), *nest

    @property
    def arrays(self) -> tuple[Place, ...]:
        """All arrays, in the order of the slots."""
        return self.outputs + self.inputs

    @cached_property
    def types(self) -> dict[str, Type]:
        """The types of all names."""
        return types_of(self.steps, {p.name: p.type for p in self.inputs}, self.numbers)

    @cached_property
    def plain(self) -> list[tuple[int, Place]]:
        """The outputs that are written element by element, with their numbers."""
        return [(k, p) for k, p in enumerate(self.outputs) if not p.kind]

    @cached_property
    def collected(self) -> list[tuple[int, Place]]:
        """The others."""
        return [(k, p) for k, p in enumerate(self.outputs) if p.kind]

    @cached_property
    def levels(self) -> dict[str, int]:
        """Where names change their value: nowhere (0), from row to row (1), from element to element (2)."""
        found = dict.fromkeys(self.numbers, 0)
        for p in self.inputs:
            found[p.name] = {SINGLE: 0, STILL: 1}.get(p.walk, 2)
        for step in self.steps:
            at_least = 2 if isinstance(step, Uniform) else 0
            found[step.name] = max((found[name] for name in step.names), default=at_least)
        return found

    def at_level(self, level: int) -> list[Step]:
        """The steps whose values change there, but for random numbers."""
        return [s for s in self.steps if self.levels[s.name] == level and isinstance(s, Step)]

    @cached_property
    def uniforms(self) -> list[Uniform]:
        """The random numbers."""
        return [s for s in self.steps if isinstance(s, Uniform)]

    @cached_property
    def jumps(self) -> bool:
        """Whether an array is neither dense along rows nor still."""
        return any(p.walk == STEPS for p in self.arrays)

    @cached_property
    def is_heavy(self) -> bool:
        """Whether elements keep a processor busy, or its registers."""
        return is_heavy(self.steps)

    def lanes(self, target: Target) -> int:
        """Elements of the widest type in a vector."""
        types = [p.type for p in self.arrays] + [t for s in self.steps for t in (s.computes, s.result)]
        return target.bits // max(map(bits, types))

    def wide(self, target: Target) -> int:
        """Elements that are computed at a time: several vectors hide how long instructions take."""
        if self.index == ALIGNED:
            return philox.BLOCK
        vectors = 1 if self.is_heavy or self.jumps else 2 if self.plain or self.together > 1 else 4
        return vectors * self.lanes(target)
