"""What one operation costs: 1-element and 64x100 tensors, with and without recording,
and backward per node.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from .timing import Row, interleaved

CALLS: dict[str, Callable[..., Any]] = {
    "a + b": lambda m, a, b: lambda: a + b,
    "a * b": lambda m, a, b: lambda: a * b,
    "a * 2.0": lambda m, a, b: lambda: a * 2.0,
    "relu(a)": lambda m, a, b: lambda relu=m.relu: relu(a),
    "a.sum()": lambda m, a, b: lambda: a.sum(),
    "a.view(-1)": lambda m, a, b: lambda: a.view(-1),
}
MATRIX: dict[str, Callable[..., Any]] = {"a.t()": lambda m, a, b: lambda: a.t()}
IN_PLACE: dict[str, Callable[..., Any]] = {
    "a.add_(b)": lambda m, a, b: lambda: a.add_(b),
    "a.zero_()": lambda m, a, b: lambda: a.zero_(),
}
NODES: dict[str, Callable[..., Any]] = {
    "x * 2.0": lambda x, w: x * 2.0,
    "relu(x)": lambda x, w: x.relu(),
    "x + w": lambda x, w: x + w,
    "x * w": lambda x, w: x * w,
}
SHAPES = {"1": (1,), "64x100": (64, 100)}
MAY_LOSE = {("64x100", "a.sum()"), ("64x100", "a.zero_()")}  # until kernels are native


def operands(m: Any, shape: tuple[int, ...], grad: bool) -> tuple[Any, Any]:
    """Two tensors of one framework."""
    a = m.ones(*shape)
    return (a.requires_grad_() if grad else a), m.ones(*shape)


def square(a: Any) -> Callable[[], Any]:
    """A call of a.mm(a)."""
    return lambda: a.mm(a)


def forward(torch: Any, ours: Any, rounds: int) -> list[Row]:
    """Rows for single calls."""
    rows = []
    for label, shape in SHAPES.items():
        for grad in (False, True):
            calls = CALLS | (MATRIX if len(shape) == 2 else {}) | ({} if grad else IN_PLACE)
            for name, make in calls.items():
                sides = [make(m, *operands(m, shape, grad)) for m in (torch, ours)]
                wanted = None if (label, name) in MAY_LOSE else 1.0
                title = f"{label:8}{name}{', recorded' if grad else ''}"
                rows.append(Row(title, *interleaved(sides[0], sides[1], rounds), wanted))
    small = [square(m.ones(2, 2)) for m in (torch, ours)]
    rows.append(Row("2x2     a.mm(a)", *interleaved(small[0], small[1], rounds), 1.0))
    return rows


def backward(torch: Any, ours: Any, rounds: int, chain: int = 100) -> list[Row]:
    """Rows for backward through a chain of one kind of node, per node, on one element."""
    rows = []
    for name, node in NODES.items():
        graphs = [_chain(m, node, chain) for m in (torch, ours)]
        sides = [(lambda y=y: y.backward(retain_graph=True)) for y in graphs]
        t, o, ratio = interleaved(sides[0], sides[1], rounds)
        rows.append(Row(f"1       backward of {name}", t / chain, o / chain, ratio, 1.0))
    return rows


def _chain(m: Any, node: Callable[..., Any], length: int) -> Any:
    x, w = m.ones(1, requires_grad=True), m.ones(1, requires_grad=True)
    y = x
    for _ in range(length):
        y = node(y, w)
    return y
