"""Random masks drawn within plans: a Philox stream whose key the default generator gives at every run."""

from __future__ import annotations

from typing import Any

import numpy as np

import rushlight.scalar as scalar

from ..arrays.generator import default_generator
from ..kernels.fused import Step
from ..kernels.fused_steps import Uniform
from ..kernels.types import f32
from .elements import TYPE_OF
from .graph import Elements, Node
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
    u = scalar.var("u")
    kept = Step("out", scalar.where(u < keep, 1.0 / keep, 0.0), f32, TYPE_OF[x.dtype])
    numbers = {"key": KEY, "offset": len(tracer.nodes)}
    body = Elements((Uniform("u", "key", "offset"), kept), numbers, {place: "out"}, out.shape)
    tracer.add(Node(op.name, (given["p"],), {}, (place,), body))
    return tracer.wrap(out)
