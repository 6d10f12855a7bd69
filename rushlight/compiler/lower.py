"""From nodes to launches: pointwise programs become fused kernels; what has launches keeps them."""

from __future__ import annotations

from itertools import chain, combinations
from typing import Any

import numpy as np

from ..kernels import fused
from ..kernels.fused import Operand, Reduction
from .elements import TYPE_OF
from .graph import Elements, Host, Kernels, Launch, Node, Place, Reduced, Storage
from .reference import by_numpy


def lowered(node: Node) -> list[Launch] | Host:
    """How a node runs."""
    body = node.body
    if isinstance(body, Kernels):
        return body.launches
    if isinstance(body, Host):
        return body
    if body.alone is not None:
        return body.alone.launches
    return _fused(body) if supported(body) else by_numpy(body)


def _fused(body: Elements) -> list[Launch]:
    """The kernels of a pointwise program."""
    inputs, numbers = _operands(body)
    made = fused.plan(*_program(body, inputs), tuple(numbers))
    room = Storage(0, made.scratch, "temporary")
    scratch = Place(room, 0, (made.scratch,), (1,), np.dtype(np.uint8))
    values = {
        fused.OUTPUT: [*body.writes, *body.reduces],
        fused.INPUT: list(inputs.values()),
        fused.NUMBER: list(numbers.values()),
    }

    def slot(kind: str, k: int) -> Any:
        return scratch._replace(offset=k) if kind == fused.SCRATCH else values[kind][k]

    return [
        Launch(part.kernel, part.total, part.grain, (part.table, *(slot(*s) for s in part.slots)))
        for part in made.launches
        if part.total
    ]


def _operands(body: Elements) -> tuple[dict[str, Place], dict[str, Any]]:
    """The inputs that are places, and those that are numbers."""
    inputs = {n: p for n, p in body.inputs.items() if p.__class__ is Place}
    return inputs, {n: v for n, v in body.inputs.items() if n not in inputs}


def _program(body: Elements, inputs: dict[str, Place]) -> tuple[Any, Any, Any, Any]:
    """Shape, steps, inputs and outputs as the kernel generator takes them."""
    outputs: list[Any] = [_operand(n, p, body.shape) for p, n in body.writes.items()]
    for place, r in body.reduces.items():
        outputs.append(Reduction(r.name, TYPE_OF[place.dtype], _reduced(place, r, body.shape), r.kind))
    return body.shape, body.steps, [_operand(n, p, body.shape) for n, p in inputs.items()], outputs


def supported(body: Elements) -> bool:
    """Whether there is a kernel for a program."""
    inputs, numbers = _operands(body)
    if any(p.dtype not in TYPE_OF for p in (*inputs.values(), *body.writes, *body.reduces)):
        return False
    return fused.supported(*_program(body, inputs), tuple(numbers)) and not _is_smeared(body, inputs)


def _is_smeared(body: Elements, inputs: dict[str, Place]) -> bool:
    """Whether an element that is written may be read, or written, as another element too."""
    pairs = chain(
        ((w, p) for w in (*body.writes, *body.reduces) for p in inputs.values()),
        combinations((*body.writes, *body.reduces), 2),
    )
    return any(
        a.storage is b.storage and (a != b or a in body.reduces or a.shape != body.shape) and overlap(a, b)
        for a, b in pairs
    )


_EFFORT = 1 << 12  # candidates that NumPy looks at; the problem is as hard as integer programming


def overlap(a: Place, b: Place) -> bool:
    """Whether two places in one storage have a byte in common; True also where that is hard to tell."""
    if a.size == 0 or b.size == 0:
        return False
    memory = np.empty(a.storage.nbytes, np.uint8)
    x, y = (np.ndarray(p.shape, p.dtype, memory.data, p.offset, p.strides) for p in (a, b))
    effort: Any = _EFFORT
    try:
        return np.shares_memory(x, y, effort)
    except np.exceptions.TooHardError:
        return True


def _reduced(place: Place, r: Reduced, shape: tuple[int, ...]) -> tuple[int | None, ...]:
    """Strides in elements of a reduced output, None along the dimensions that are reduced."""
    size, kept = place.dtype.itemsize, [d for d in range(len(shape)) if d not in r.axes]
    if len(place.shape) == len(shape):
        steps = {d: place.strides[d] // size for d in kept}
    else:
        lead = len(shape) - len(place.shape)
        at = kept if len(kept) == len(place.shape) else range(lead, len(shape))
        steps = {d: s // size for d, s in zip(at, place.strides, strict=True)}
    return tuple(None if d in r.axes else steps[d] for d in range(len(shape)))


def _operand(name: str, place: Place, shape: tuple[int, ...]) -> Operand:
    """A place as the kernel sees it, stretched to the program's shape."""
    return Operand(name, TYPE_OF[place.dtype], strides_in(place, shape))


def strides_in(place: Place, shape: tuple[int, ...]) -> tuple[int, ...]:
    """Strides in elements along the dimensions of `shape`, 0 where the place is stretched."""
    extra = len(shape) - len(place.shape)
    size = place.dtype.itemsize
    steps = [0 if n == 1 else s // size for n, s in zip(place.shape, place.strides, strict=True)]
    return (0,) * extra + tuple(steps)
