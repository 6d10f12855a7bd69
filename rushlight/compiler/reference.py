"""Programs on elements run by NumPy, step by step: for what there is no kernel for, and to compare with."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ..arrays.numpy import cast
from ..arrays.programs import Program
from ..kernels import philox
from ..kernels.fused import Step
from ..kernels.fused_steps import Uniform
from .elements import TYPE_OF
from .graph import Elements, Host, Place, Reduced

ndarray = np.ndarray
DTYPE_OF = {t: d for d, t in TYPE_OF.items()}
_REDUCE: dict[str, Callable[..., Any]] = {"sum": np.sum, "max": np.max, "min": np.min}


def by_numpy(body: Elements) -> Host:
    """The program as Python code of the plan."""
    takes = tuple(p for p in body.inputs.values() if p.__class__ is Place)
    return Host(lambda *arrays: results(body, arrays), takes, (*body.writes, *body.reduces))


def results(body: Elements, arrays: Sequence[ndarray]) -> list[ndarray]:
    """What goes to the places of `writes` and `reduces`, given the arrays at the places of `inputs`."""
    left = iter(arrays)
    known = {n: next(left) if v.__class__ is Place else np.asarray(v) for n, v in body.inputs.items()}
    with np.errstate(all="ignore"):
        for step in body.steps:
            known[step.name] = _value(step, known, body.shape)
        written = [np.array(np.broadcast_to(known[n], body.shape)) for n in body.writes.values()]
        return written + [_reduced(p, r, known[r.name], body.shape) for p, r in body.reduces.items()]


def _value(step: Step | Uniform, known: dict[str, Any], shape: tuple[int, ...]) -> ndarray:
    """The value of a step."""
    if isinstance(step, Step):
        return _computed(step, known)
    drawn = philox.uniforms(int(np.prod(shape)), int(known[step.key]), int(known[step.offset]))
    return drawn.reshape(shape)


def _computed(step: Step, known: dict[str, Any]) -> ndarray:
    """The value of a step: its operands cast to the type it computes in, conditions to truth values."""
    names, work = sorted(step.names), DTYPE_OF[step.computes]
    operands = [cast(known[n], np.dtype(np.bool_) if n in step.conditions else work) for n in names]
    made = np.asarray(Program(step.expr, names, step.name, step.conditions).numpy(*operands))
    return np.asarray(cast(made, DTYPE_OF[step.result]))


def _reduced(place: Place, r: Reduced, value: ndarray, shape: tuple[int, ...]) -> ndarray:
    """A sum, collected in float64, or an extreme."""
    wide = np.float64 if r.kind == "sum" and place.dtype.kind == "f" else None
    value = np.broadcast_to(value if wide is None else value.astype(wide), shape)
    return np.asarray(_REDUCE[r.kind](value, axis=r.axes)).reshape(place.shape).astype(place.dtype)
