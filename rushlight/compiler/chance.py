"""Random numbers drawn within plans: a Philox stream whose key the default generator gives at every run."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

import rushlight.scalar as scalar

from ..arrays.generator import default_generator
from ..arrays.tracing import Law
from ..kernels.fused import Step
from ..kernels.fused_steps import Uniform
from ..kernels.types import f32
from .elements import TYPE_OF
from .graph import Elements, Node, Place
from .values import value_of


class Key:
    """What stands for the key of a plan's random numbers; each run draws a new one."""

    @staticmethod
    def drawn() -> int:
        """A key of 63 bits: `manual_seed` decides it."""
        return int(default_generator.random64(1)[0]) >> 1


KEY = Key()


def mask_of(tracer: Any, op: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """A dropout's mask as a program that draws it; None for other ops and other masks."""
    given = dict(zip(op.signature.parameters, args, strict=False)) | kwargs
    if op.name != "dropout_mask" or given.get("features") or not 0 < given["p"] < 1:
        return None
    x = value_of(given["input"])
    if not isinstance(x, np.ndarray) or x.dtype not in TYPE_OF or not x.size:
        return None
    with tracer.suspended():
        out = np.asarray(op.array(x, given["p"]), order="C")
    place, keep = tracer.temporary(out), 1.0 - float(given["p"])
    kept = scalar.where(_first < keep, 1.0 / keep, 0.0)
    return _node(tracer, op.name, (given["p"],), out, place, Step("out", kept, f32, TYPE_OF[x.dtype]))


_first, _second = (scalar.var(name) for name in "uv")
_ANOTHER = 1 << 40  # streams on from that of a node, where no other node has its own


def samples_of(tracer: Any, name: str, draw: Callable[[], Any], law: Law) -> Any:
    """Samples of a law as a program that draws them.

    Normal ones are those of Box and Muller, A note on the generation of random normal deviates (1958).
    """
    with tracer.suspended():
        out = np.asarray(draw())
    a, b = float(law.a), float(law.b)
    if law.name == "normal":
        standard = scalar.sqrt(-2.0 * scalar.log(1.0 - _first)) * scalar.cos(2 * math.pi * _second)
        value = a + b * standard
    else:
        value = a + (b - a) * _first
    return _node(tracer, name, (), out, tracer.temporary(out), Step("out", value, f32, f32))


def _node(tracer: Any, name: str, args: tuple[Any, ...], out: np.ndarray, place: Place, step: Step) -> Any:
    """A node whose step reads one random number or two."""
    steps: list[Step | Uniform] = [Uniform("u", "key", "offset")]
    numbers = {"key": KEY, "offset": len(tracer.nodes)}
    if "v" in step.names:
        steps.append(Uniform("v", "key", "another"))
        numbers["another"] = _ANOTHER + len(tracer.nodes)
    body = Elements((*steps, step), numbers, {place: "out"}, out.shape)
    tracer.add(Node(name, args, {}, (place,), body))
    return tracer.wrap(out)
