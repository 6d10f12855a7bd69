"""Sparse linear maps along one axis of arrays (outer, n, inner): each output is a weighted sum of inputs."""

from __future__ import annotations

from functools import cache

from .ir import Module
from .launch import Kernel, entry
from .normalize import Place, along
from .scan import NUMBERS
from .targets import Target
from .types import f64, i64


@cache
def weighted_sums(name: str, single: bool) -> Kernel:
    """y[o, i, :] = Σ weights[e] · x[o, sources[e], :] over the entries e from starts[i] to starts[i + 1].

    An item is one (o, i). The weights are float64. `single`: inner is 1.
    """
    element = NUMBERS[name]

    def make(target: Target) -> Module:
        m = Module()
        arrays = {"y": element.pointer, "x": element.pointer, "starts": i64.pointer, "sources": i64.pointer}
        f, lo, hi, _, slots = entry(m, **arrays, weights=f64.pointer, outputs=i64, n=i64, inner=i64)
        y, x, starts, sources, weights, outputs, n, inner = slots
        for item in f.range(lo, hi):
            o, i = item // outputs, item % outputs
            first, last = starts[i], starts[i + 1]
            plane, row = x.at(o * n * inner), y.at(item * inner)
            start = f.const(i64, 0)
            wide = along(f, target, element, start, inner, 2 * target.lanes(element))
            for place in [Place(start, 1)] if single else wide:
                total = f.var(f.const(element.x(place.lanes), 0))
                for e in f.range(first, last):
                    weight = weights[e].to(element)
                    weight = weight if place.lanes == 1 else weight.splat(place.lanes)
                    total += place.of(plane.at(sources[e] * inner)) * weight
                place.set(row, total.now)
        f.ret()
        return m

    return Kernel(("axis map", name, single), make)
