"""From nodes to launches: pointwise programs become fused kernels; what has launches keeps them."""

from __future__ import annotations

from ..kernels import fused
from ..kernels.fused import Operand
from .elements import TYPE_OF
from .graph import Elements, Host, Kernels, Launch, Node, Place


def lowered(node: Node) -> list[Launch] | Host:
    """How a node runs."""
    body = node.body
    if isinstance(body, Kernels):
        return body.launches
    return body if isinstance(body, Host) else _fused(body)


def _fused(body: Elements) -> list[Launch]:
    """The kernel of a pointwise program."""
    inputs = {n: p for n, p in body.inputs.items() if p.__class__ is Place}
    numbers = {n: v for n, v in body.inputs.items() if n not in inputs}
    made = fused.plan(
        body.shape,
        body.steps,
        [_operand(n, p, body.shape) for n, p in inputs.items()],
        [_operand(n, p, body.shape) for p, n in body.writes.items()],
        tuple(numbers),
    )
    slots = (made.table, *body.writes, *inputs.values(), *numbers.values())
    return [Launch(made.kernel, made.total, made.grain, slots)] if made.total else []


def _operand(name: str, place: Place, shape: tuple[int, ...]) -> Operand:
    """A place as the kernel sees it, stretched to the program's shape."""
    return Operand(name, TYPE_OF[place.dtype], strides_in(place, shape))


def strides_in(place: Place, shape: tuple[int, ...]) -> tuple[int, ...]:
    """Strides in elements along the dimensions of `shape`, 0 where the place is stretched."""
    extra = len(shape) - len(place.shape)
    size = place.dtype.itemsize
    steps = [0 if n == 1 else s // size for n, s in zip(place.shape, place.strides, strict=True)]
    return (0,) * extra + tuple(steps)
