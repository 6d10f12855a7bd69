"""Random functions on tensors for the passes: pointwise, in place, through views, with reductions."""

from __future__ import annotations

from collections.abc import Callable
from random import Random
from typing import Any

import numpy as np

import rushlight as rl
from rushlight.compiler import passes
from rushlight.compiler.capture import capture
from rushlight.compiler.compiled import compile
from rushlight.compiler.graph import Graph
from rushlight.tensor import Tensor

SHAPES = ((6, 40), (3, 4, 5), (33,), (1, 7), (5, 1, 3), (0, 4))
_UNARY: list[Callable[[Any], Any]] = [
    rl.relu,
    rl.tanh,
    rl.abs,
    lambda x: -x,
    lambda x: x * 1.0,
    lambda x: x**2,
]
_UNARY += [
    lambda x: x + 0.5,
    lambda x: x * 0.25,
    lambda x: 1 - x,
    lambda x: x.clone(),
    lambda x: x.double().float(),
]
_BINARY: list[Callable[[Any, Any], Any]] = [
    *(rl.add, rl.sub, rl.maximum, lambda x, y: x * y * 0.5, lambda x, y: rl.where(x > y, x, 0.0)),
    *(lambda x, y: rl.where(x < 0, y, x), lambda x, y: (x > y) * x),
]
_REDUCE: list[Callable[[Any], Any]] = [
    *(lambda x: x.sum(), lambda x: x.sum(-1, keepdim=True), lambda x: x.sum(0, keepdim=True)),
    *(lambda x: x.mean(-1, keepdim=True), lambda x: x.amax(-1, keepdim=True) if x.numel() else x),
]
_VIEW: list[Callable[[Any], Any]] = [
    *(lambda x: x[..., ::2], lambda x: x[1:], lambda x: x.flip(0), lambda x: x.reshape(-1)),
    *(lambda x: x[..., :3], lambda x: x.transpose(0, -1), lambda x: x),
]


class Program:
    """A random function of some tensors: it writes into some, and returns some of what it made."""

    def __init__(self, seed: int) -> None:
        self.seed = seed
        rng, self.shape = np.random.default_rng(seed), Random(seed).choice(SHAPES)
        self.given = [rng.standard_normal(self.shape).astype(np.float32) for _ in range(3)]

    def __call__(self, *given: Any) -> list[Any]:
        """The same steps at every call."""
        self.random = Random(self.seed + 1)
        known: list[Any] = [*given, rl.ones(self.shape), rl.full(self.shape, 0.5)]
        for _ in range(self.random.randint(4, 16)):
            self._step(known)
        return self.random.sample(known[5:], min(len(known) - 5, 3))

    def _step(self, known: list[Any]) -> None:
        one, kind = self.random.choice, self.random.random()
        x, y = one(known), one(known)
        if kind < 0.3:
            known.append(one(_UNARY)(x))
        elif kind < 0.55:
            known.append(one(_BINARY)(x, y))
        elif kind < 0.7:
            made = one(_REDUCE)(x)
            known.append(
                made + rl.zeros(self.shape) if self.random.random() < 0.5 else made.expand(self.shape)
            )
        else:
            self._in_place(known)

    def _in_place(self, known: list[Any]) -> None:
        """Write to a view of one that is no stretched view itself, of the same or another's elements."""
        one, view = self.random.choice, self.random.choice(_VIEW)
        x = one([t for t in known if t.numel() == 0 or 0 not in t.stride()])
        target, source = view(x), one([view, view, _VIEW[-1]])(one([x, *known]))
        if target.shape != source.shape:
            source = one([0.5, source.sum()])
        one(
            [
                lambda: target.copy_(source) if isinstance(source, Tensor) else target.fill_(source),
                lambda: target.add_(source),
                lambda: target.mul_(source),
            ]
        )()


def check(seed: int, calls: int = 3) -> Graph:
    """Compare a random program with its plan: what is returned, and what is written to the arguments."""
    program = Program(seed)
    compiled = compile(program, fullgraph=True)
    for k in range(calls):
        ours, theirs = ([rl.from_numpy(a * (1 + k)) for a in program.given] for _ in range(2))
        found, wanted = compiled(*ours), program(*theirs)
        for a, b in zip((*found, *ours), (*wanted, *theirs), strict=True):
            assert a.shape == b.shape and a.dtype == b.dtype
            size = max(1.0, float(np.abs(b.numpy()).max(initial=0)))  # sums are rounded in another order
            np.testing.assert_allclose(a.numpy(), b.numpy(), 4e-6, 4e-6 * size, err_msg=f"{seed}, call {k}")
    return compiled.plans[0].graph


def traced(f: Callable[..., Any], *args: Any) -> Graph:
    """The graph of a call before any pass, with what it returns alive."""
    seen = capture(f, args, {}, True)
    results = seen.result if isinstance(seen.result, list | tuple) else [seen.result]
    live = {seen.tracer.place(t._a).storage for t in (*results, *args) if t is not None}
    for t in args:
        seen.tracer.place(t._a).storage.kind = "argument"
    return Graph(seen.tracer.nodes, live)


def ops(graph: Graph) -> list[str]:
    """The nodes' names, in order."""
    return [n.op for n in graph.nodes]


__all__ = ["Program", "check", "ops", "passes", "traced"]
