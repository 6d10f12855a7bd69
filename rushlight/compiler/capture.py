"""Capture: a function run once over traced arrays, and what it leaves behind brought back to plain arrays."""

from __future__ import annotations

import gc
from collections.abc import Callable
from typing import Any, NamedTuple

import rushlight.compiler.verdicts as verdicts

from ..arrays import tracing
from ..autograd import switches
from ..tensor import Parameter, Tensor
from .tracer import Tracer, watching
from .values import GraphArray


class Capture(NamedTuple):
    """What a call left: its result, and the tensors made in it that are still there."""

    tracer: Tracer
    result: Any
    strays: list[Any]


def capture(f: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any], fullgraph: bool) -> Capture:
    """Call f(*args, **kwargs), every op traced. The call has its full effect."""
    tracer = Tracer(fullgraph)
    gc.freeze()  # what was there before is not looked through afterwards
    switches.pause(1)
    watching(tracer)
    try:
        with tracing.by(tracer):
            result = f(*args, **kwargs)
    finally:
        watching(None)
        switches.pause(-1)
        strays = landed(tracer)
        gc.unfreeze()
    verdicts.save()
    return Capture(tracer, result, strays)


def landed(tracer: Tracer) -> list[Any]:
    """Give the tensors that hold traced arrays the plain ones; returns them."""
    alive = [a for r in tracer.arrays if (a := r()) is not None]
    found = []
    for holder in gc.get_referrers(*alive) if alive else ():
        if holder.__class__ is Tensor or holder.__class__ is Parameter:
            if holder._a.__class__ is GraphArray:
                holder._a = holder._a.value
                found.append(holder)
        elif holder.__class__ is list and holder is not alive:
            holder[:] = [v.value if v.__class__ is GraphArray else v for v in holder]
    return found
