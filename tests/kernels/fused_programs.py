"""Random fused programs against the same steps one after the other in eager kernels.

As a program it runs with guarded memory (side: end, start) or ordinary (none): `side seed ...`.
"""

from __future__ import annotations

import os
import sys
import warnings
from random import Random
from typing import Any

import ml_dtypes
import numpy as np

import rushlight
import rushlight.scalar as s
from rushlight.arrays.numpy import cast
from rushlight.arrays.programs import Program
from rushlight.kernels import philox
from rushlight.kernels.fused import Operand, Reduction, Step, Uniform, plan, run, supported
from rushlight.kernels.types import Type, bf16, f16, f32, f64, i1, i8, i16, i32, i64, u8

KINDS: dict[Type, Any] = {
    **{f32: np.float32, f64: np.float64, f16: np.float16, bf16: ml_dtypes.bfloat16},
    **{i64: np.int64, i32: np.int32, i16: np.int16, i8: np.int8, u8: np.uint8, i1: np.bool_},
}
SIZES = (1, 1, 2, 3, 4, 5, 7, 8, 15, 16, 17, 31, 32, 33, 64, 65, 100, 129, 257)
LARGE = (1000, 16385, 40_001)
SPECIAL = (np.nan, np.inf, -np.inf, -0.0, 0.0, 1e-40, 1e30, -1e30)

_X, _Y, _Z = s.var("x"), s.var("y"), s.var("z")
_ANY = [_X + _Y, _X - _Y, _X * _Y, -_X, s.relu(_X), s.maximum(_X, _Y), s.minimum(_X, 1), s.where(_Z, _X, _Y)]
_ANY += [s.where(_X < _Y, _X, _Z), s.abs_(_X), s.square(_X) - 3 * _Y, s.sign(_X), _X]
_ANY += [s.where(s.eq(_X, _Y), 1, 0), s.lift(2)]
_TRUTH = [_X < _Y, s.eq(_X, _Y), s.logical_and(_X, _Y), s.logical_not(_X), s.isnan(_X)]
_TRUTH += [s.logical_or(_X < _Y, _Z), s.logical_xor(_X, _Y)]
_FLOAT = [s.exp(_X), s.tanh(_X) * _Y, s.sqrt(_X), _X / _Y, s.sigmoid(_X), s.log(_X), s.floor(_X), s.sin(_X)]
_FLOAT += [
    _X * _Y + _Z,
    0.5 * _X * (1 + s.erf(_X * 0.7071067811865476)),
    s.pow_(_X, 2),
    s.rsqrt(_X),
    _X + 0.1,
]
_INT = [_X & _Y, _X | 3, s.shift_left(_X, _Y), s.shift_right(_X, 2), ~_X]
_BOOL = [_X & _Y, _X ^ _Y, ~_X, s.where(_X, _Y, _Z), s.eq(_X, _Y), _X]


class Draw:
    """Random sizes, arrays and programs, the same for the same seed."""

    def __init__(self, seed: int) -> None:
        self.random, self.rng = Random(seed), np.random.default_rng(seed)

    def shape(self, elements: int = 3000) -> tuple[int, ...]:
        sizes: list[int] = []
        for _ in range(self.random.randint(0, 6)):
            left = elements // max(int(np.prod(sizes)), 1)
            sizes.append(self.random.choice([n for n in (*SIZES, *LARGE) if n <= left] or [1]))
        self.random.shuffle(sizes)
        if sizes and self.random.random() < 0.03:
            sizes[0] = 0
        return tuple(sizes)

    def numbers(self, shape: tuple[int, ...], type: Type) -> np.ndarray:
        if type == i1:
            return np.asarray(self.rng.random(shape) < 0.5)
        if not type.is_float:
            return np.asarray(self.rng.integers(0 if type.unsigned else -9, 100, shape)).astype(KINDS[type])
        x = np.asarray(self.rng.standard_normal(shape))
        if x.size and self.random.random() < 0.3:
            x.reshape(-1)[self.rng.integers(0, x.size, x.size // 20 + 1)] = self.random.choice(SPECIAL)
        return x.astype(KINDS[type])

    def array(self, shape: tuple[int, ...], type: Type, stretch: bool = True) -> np.ndarray:
        """An array of any layout; where it is not reversed, its last element is the last of its memory."""
        chance = self.random.random
        if stretch and chance() < 0.4:
            kept = tuple(n if chance() < 0.5 else 1 for n in shape)
            return np.broadcast_to(self.array(kept, type, False), shape)
        if chance() < 0.4:
            return self.numbers(shape, type)
        order = self.random.sample(range(len(shape)), len(shape))
        steps = [self.random.choice((1, 1, 1, 2, 3, -1)) for _ in shape]
        room = [(n - 1) * abs(k) + 1 if n else 0 for n, k in zip(shape, steps, strict=True)]
        x = self.numbers(tuple(room[d] for d in order), type).transpose(np.argsort(order))
        return x[(*(slice(None, None, k) for k in steps), ...)]

    def step(self, name: str, known: list[str], types: list[Type]) -> Step:
        computes = self.random.choice([t for t in types if t not in (f16, bf16)] or [f32])
        kinds = _BOOL if computes == i1 else _ANY + _TRUTH + (_FLOAT * 2 if computes.is_float else _INT)
        expr = self.random.choice(kinds)
        expr = s.replace(expr, {v: s.var(self.random.choice(known)) for v in (_X, _Y, _Z)})
        result = i1 if expr.kind is s.TRUTH else computes
        return Step(name, expr, computes, self.random.choice(types) if self.random.random() < 0.3 else result)


def strides(x: np.ndarray) -> tuple[int, ...]:
    """In elements."""
    return tuple(k // x.itemsize for k in x.strides)


def eager(steps: list[Any], known: dict[str, Any], shape: tuple[int, ...]) -> dict[str, Any]:
    """All names' values, each step by the kernel of its expression alone."""
    known = dict(known)
    for step in steps:
        if isinstance(step, Uniform):
            drawn = philox.uniforms(int(np.prod(shape)), known[step.key], known[step.offset])
            known[step.name] = drawn.reshape(shape)
            continue
        names, work = sorted(step.names), np.dtype(KINDS[step.computes])
        operands = [
            np.asarray(known[n]).astype(np.bool_)
            if n in step.conditions
            else cast(np.asarray(known[n]), work)
            for n in names
        ]
        made = np.asarray(Program(step.expr, names, "test", step.conditions)(*operands))
        known[step.name] = cast(made, np.dtype(KINDS[step.result]))
    return known


def same(a: np.ndarray, b: np.ndarray) -> bool:
    """Whether all bits are equal; of NaNs only that they are."""
    if a.dtype.kind not in "iub":
        a, b = (np.where(x != x, np.array(np.nan, x.dtype), x) for x in (a, b))
    return a.tobytes() == b.tobytes()


def close(found: np.ndarray, value: np.ndarray, axes: tuple[int, ...], kind: str) -> bool:
    """Whether an array is the reduction of another, up to the rounding that its type allows."""
    if kind != "sum":
        want = getattr(value, kind)(axes)
        return bool(
            np.array_equal(
                found, np.asarray(want).astype(found.dtype), equal_nan=found.dtype.kind not in "iub"
            )
        )
    if found.dtype.kind in "iu":
        return same(found, np.asarray(value.astype(found.dtype).sum(axes, dtype=found.dtype)))
    wide = value.astype(np.float64)
    want, most = wide.sum(axes), np.abs(wide).sum(axes)
    eps = 5e-14 if found.dtype == np.float64 else 5e-6  # up to 256 equal numbers one after the other
    last = {"float16": 2**-10, "bfloat16": 2**-7}.get(found.dtype.name, 0)
    near = np.abs(found.astype(np.float64) - want) <= eps * most + last * np.abs(want) + 1e-7 * (last > 0)
    return bool((near | ~(most < (6e4 if found.dtype == np.float16 else 1e30))).all())


class Case:
    """A random program on random arrays."""

    def __init__(self, seed: int, elements: int) -> None:
        self.draw = draw = Draw(seed)
        self.shape, chance, one = draw.shape(elements), draw.random.random, draw.random.choice
        self.types = types = draw.random.sample(list(KINDS), draw.random.randint(1, 3))
        count = draw.random.randint(1, 5)
        self.inputs = {f"a{k}": draw.array(self.shape, one(types)) for k in range(count)}
        weak = chance() < 0.3 and all(t.is_float for t in types)
        self.numbers = {"n0": 1.75, "n1": -3.0} if weak else {}
        self.steps: list[Any] = []
        if chance() < 0.15:
            self.steps.append(Uniform("u", "key", "offset"))
            self.numbers |= {"key": seed, "offset": -7}
        for k in range(draw.random.randint(1, 9)):
            weak_names = [n for n in self.numbers if n[0] == "n"]
            names = [*self.inputs, *weak_names, *(t.name for t in self.steps)]
            self.steps.append(draw.step(f"s{k}", names[-4:] if chance() < 0.5 else names, types))
        of = {np.dtype(v): k for k, v in KINDS.items()}
        self.given = [Operand(n, of[x.dtype], strides(x)) for n, x in self.inputs.items()]
        written = draw.random.sample(self.steps, draw.random.randint(1, len(self.steps)))
        self.rooms = [draw.array(self.shape, t.result, False) for t in written]
        self.results: list[Any] = [
            Operand(t.name, t.result, strides(x)) for t, x in zip(written, self.rooms, strict=True)
        ]
        self.axes: list[Any] = [None] * len(written)

    @property
    def program(self) -> tuple[Any, ...]:
        return self.shape, self.steps, self.given, self.results, tuple(self.numbers)

    def reduce(self) -> None:
        """Collect some steps too, or instead, along the first dimensions, the last, or all."""
        one, n = self.draw.random.choice, len(self.shape)
        cut = self.draw.random.randint(0, n)
        for _ in range(self.draw.random.randint(1, 3)):
            step, axes = one(self.steps), one([range(cut), range(cut, n), range(n)])
            kind = "sum" if 0 in self.shape else one(("sum", "sum", "max", "min"))
            of_sum = step.result if step.result.is_float else i64
            type = of_sum if kind == "sum" else step.result
            room = self.draw.array(tuple(m for d, m in enumerate(self.shape) if d not in axes), type, False)
            kept = iter(strides(room))
            along = tuple(None if d in axes else next(kept) for d in range(n))
            self.results.append(Reduction(step.name, type, along, kind))
            self.rooms.append(room)
            self.axes.append(tuple(axes))
        if self.draw.random.random() < 0.4:
            plain = self.axes.count(None)
            for parts in (self.results, self.rooms, self.axes):
                del parts[:plain]

    def is_right(self, k: int, wanted: dict[str, Any]) -> bool:
        """Whether an output is what it should be."""
        result, found = self.results[k], self.rooms[k]
        want = np.broadcast_to(wanted[result.name], self.shape)
        return same(found, want) if self.axes[k] is None else close(found, want, self.axes[k], result.kind)


@np.errstate(all="ignore")
def check(seed: int, elements: int = 3000, threads: tuple[int, ...] = (1,)) -> bool:
    """A random program in one pass, and step by step; whether there is machine code for it."""
    case = Case(seed, elements)
    if seed % 2:
        case.reduce()
    if not supported(*case.program):
        return False
    wanted = eager(case.steps, case.inputs | case.numbers, case.shape)
    made, bits = plan(*case.program), set()
    for count in threads:
        rushlight.set_num_threads(count)
        for room in case.rooms:
            room[...] = 1
        run(made, case.rooms, [*case.inputs.values()], [*case.numbers.values()])
        bits.add(b"".join(room.tobytes() for room in case.rooms))
        for k, result in enumerate(case.results):
            assert case.is_right(k, wanted), (seed, result, case.program, case.rooms[k])
    assert len(bits) == 1, f"{seed}: other bits with other numbers of threads"
    return True


def main(side: str, *seeds: str) -> None:
    """Check programs with seeds first..last."""
    from tests.kernels import guarded

    warnings.simplefilter("ignore")
    if side != "none":
        guarded.install(side)
    rushlight.set_num_threads(1)
    for seed in range(*map(int, seeds)):
        check(seed)
    sys.stdout.flush()
    os._exit(0)  # guarded memory does not outlive the interpreter


if __name__ == "__main__":
    main(*sys.argv[1:])
