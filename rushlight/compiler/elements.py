"""Pointwise ops as nodes: what they compute as steps on numbers, with every conversion written out."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

import rushlight.dtypes as dtypes
import rushlight.scalar as scalar

from ..kernels.fused import Step
from ..kernels.pointwise import TYPES
from ..kernels.types import bf16, f16, i1
from ..scalar import CONST, VAR
from .graph import Elements, Node
from .structure import mapped
from .symbols import Symbol, Varying, input_of, plain
from .values import value_of

TYPE_OF = {**TYPES, np.dtype(np.float16): f16, dtypes.bfloat16.np: bf16}


def elements_of(tracer: Any, op: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """Run a pointwise op on what the tracer holds, and note its steps."""
    inputs, options = op._bind(args, kwargs)
    values = {n: value_of(v) for n, v in inputs.items()}
    if op.checks is not None:
        with tracer.suspended():
            op.checks(**values, **options)
    if op.words and op.is_variant(options):
        words = {p.name: options[p.name] for p in op.words}
        return tracer.composed(op.variants, tuple(inputs.values()), words)
    computed, result = op.types([v for n, v in values.items() if n in op.promoted])
    body = _steps(op, values, options, computed, result)
    if body is None:
        return tracer.call(op.name, op.evaluate, args, kwargs)
    steps, names = body
    run = op.by_numpy if _is_for_numpy(steps[0].expr, values.values()) else op.evaluate
    with tracer.suspended():
        out = run(*map(plain, values.values()), **{n: plain(v) for n, v in options.items()})
    place = tracer.temporary(out)
    given = {name: tracer.place(v) if isinstance(v, np.ndarray) else v for name, v in names.items()}
    shown = mapped(tuple(values.values()), lambda v: tracer.place(v) if isinstance(v, np.ndarray) else v)
    tracer.add(Node(op.name, shown, options, (place,), Elements(steps, given, {place: "out"}, out.shape)))
    return tracer.wrap(out)


#: functions of which NumPy gives the bits that kernels give: they round once, or not at all
EXACT = frozenset(
    {
        *(scalar.add, scalar.sub, scalar.mul, scalar.div, scalar.square, scalar.neg, scalar.where),
        *(scalar.maximum, scalar.minimum, scalar.relu),
        *(scalar.lt, scalar.le, scalar.gt, scalar.ge, scalar.eq, scalar.ne),
    }
)
_EASY_EXPONENTS = (scalar.lift(1), scalar.lift(2))
FEW = 1 << 17  # elements, which take NumPy a tenth of a millisecond; a kernel is eight in the making


def _is_for_numpy(expr: Any, values: Iterable[Any]) -> bool:
    """Whether NumPy may run an op in this call: the plan has kernels of its own, and this one needs none."""
    given = [v for v in values if isinstance(v, np.ndarray)]
    in_rows = all(v.flags.c_contiguous or not any(v.strides) for v in given)  # so is the result, then
    return in_rows and len({v.shape for v in given}) == 1 and given[0].size <= FEW and is_exact(expr)


def is_exact(expr: Any) -> bool:
    """Whether an expression has the same bits whoever computes it."""
    if expr.fn is VAR:
        return True
    known = expr.fn in EXACT or (expr.fn is scalar.pow_ and expr.args[1] in _EASY_EXPONENTS)
    return known and all(a.fn in (VAR, CONST) for a in expr.args)


def _steps(op: Any, values: Any, options: Any, computed: Any, result: Any) -> Any:
    """The steps, and what their free names stand for; None where machine code has no such types."""
    work = dtypes.compute_type(computed.np)
    if work not in TYPE_OF or result.np not in TYPE_OF:
        return None
    t = TYPE_OF[work]
    names: dict[str, Any] = {}
    renamed: dict[Any, Any] = {}
    for k, (name, v) in enumerate(values.items()):
        wanted = i1 if name in op.conditions else t
        new = _input(names, f"x{k}", v, wanted)
        if new is None:
            return None
        renamed[scalar.var(name)] = new
    if dtypes.of_numpy(work).category <= dtypes.INT:
        options = {n: _whole(v, work) for n, v in options.items()}
    for k, (name, v) in enumerate(options.items()):
        if isinstance(v, Symbol) or (v.__class__ is float and op.name != "pow"):
            names[f"n{k}"] = input_of(v)
            renamed[scalar.var(name)] = scalar.var(f"n{k}")
            options = {**options, name: scalar.var(f"n{k}")}
    expr = scalar.replace(op.trace(options), renamed)
    step = Step("out", expr, t, TYPE_OF[result.np])
    if not step.is_known and any(isinstance(v, Varying) for v in names.values()):
        return None  # NumPy will run it, and is not told numbers that vary
    return (step,), names


def _input(names: dict[str, Any], name: str, v: Any, wanted: Any) -> Any:
    """The expression an input stands for: a name, or a constant."""
    if not isinstance(v, np.ndarray):
        if v.__class__ is complex:
            return None
        if isinstance(v, Symbol) and wanted is not i1:
            names[name] = input_of(v)
            return scalar.var(name)
        if v.__class__ is float and wanted.is_float:
            names[name] = v
            return scalar.var(name)
        return scalar.lift(bool(v) if wanted is i1 else v)
    if v.dtype not in TYPE_OF:
        return None
    names[name] = v
    return None if wanted is i1 and v.dtype != np.bool_ else scalar.var(name)


def copying(source: np.dtype, target: np.dtype) -> tuple[Step, ...] | None:
    """The step that makes a value of one type of another's; none where they are alike."""
    if source == target:
        return ()
    if source not in TYPE_OF or target not in TYPE_OF:
        return None
    work = TYPE_OF[dtypes.compute_type(source)]
    return (Step("out", scalar.var("x"), work, TYPE_OF[target]),)


def _whole(v: Any, work: np.dtype) -> Any:
    """An option of an op on integers: cut off."""
    return int(v) if isinstance(v, float) else v
