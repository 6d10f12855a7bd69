"""What a model computes, counted on arrays of nothing: every op follows its shape rule, and is added up.

Counted is what torch.utils.flop_counter counts: products of matrices, convolutions, attention; a
multiplication and an addition are two operations. What is done element by element is not, as there.
"""

from __future__ import annotations

from collections.abc import Callable
from math import prod
from typing import Any

import numpy as np

from ..arrays.meta import MetaArray
from ..autograd.mode import no_grad
from ..tensor import Tensor, wrap
from .modes import evaluating

Shape = tuple[int, ...]


def product(out: Shape, *shapes: Shape) -> int:
    """A product whose first factor's last dimension is summed over."""
    return 2 * prod(out) * shapes[0][-1]


def added_product(out: Shape, *shapes: Shape) -> int:
    """The same, of the second and third argument, added to the first."""
    return 2 * prod(out) * shapes[1][-1]


def added_products(out: Shape, *shapes: Shape) -> int:
    """The same, the products of a batch summed up."""
    return 2 * prod(out) * shapes[1][-1] * shapes[1][0]


def convolution(out: Shape, *shapes: Shape, transposed: bool = False) -> int:
    """Each place of the output (of the input, if transposed) meets the whole kernel."""
    places = shapes[0] if transposed else out
    return 2 * places[0] * prod(places[2:]) * prod(shapes[1])


def attention(out: Shape, *shapes: Shape) -> int:
    """Query by key, weights by value."""
    *lead, length, size = shapes[0]
    return 2 * prod(lead) * length * shapes[1][-2] * (size + shapes[2][-1])


def bilinear(out: Shape, *shapes: Shape) -> int:
    """Each output sums over pairs of inputs."""
    return 2 * prod(out) * shapes[0][-1] * shapes[1][-1]


#: the ops that are counted: their operations, from the shapes of the first result and of the arguments
COSTS: dict[str, Callable[..., int]] = {
    **dict.fromkeys(("linear", "matmul", "mm", "bmm", "mv", "dot", "vdot", "inner"), product),
    **dict.fromkeys(("addmm", "addmv", "baddbmm"), added_product),
    "addbmm": added_products,
    "bilinear": bilinear,
    "convolution": convolution,
    "attention": attention,
}
RECURRENT = ("rnn_layer", "gru_layer", "lstm_layer")


class CountedArray(MetaArray):
    """An array of nothing whose ops are told to `counter(name, operations)`, and whose results are alike."""

    __slots__ = ("counter",)
    __op_priority__ = MetaArray.__op_priority__ + 1

    def __init__(self, array: MetaArray, counter: Callable[[str, int], None]) -> None:
        super().__init__(array.shape, array.dtype, array.strides)
        self.counter = counter

    def __op__(self, op: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        found = super().__op__(op, args, kwargs)
        first = found[0] if isinstance(found, tuple) else found
        operations = cost(op, args, kwargs, first) if isinstance(first, MetaArray) else 0
        if operations:
            self.counter(op.name, operations)
        return tuple(map(self._alike, found)) if isinstance(found, tuple) else self._alike(found)

    def _alike(self, value: Any) -> Any:
        is_plain = isinstance(value, MetaArray) and not isinstance(value, CountedArray)
        return CountedArray(value, self.counter) if is_plain else value


def cost(op: Any, args: tuple[Any, ...], kwargs: dict[str, Any], out: MetaArray) -> int:
    """The operations of one op."""
    shapes = [tuple(v.shape) for v in args if hasattr(v, "shape")]
    if op.name in RECURRENT:
        weights = [tuple(v.shape) for v in args[2:] if hasattr(v, "shape") and len(v.shape) == 2]
        states = 1 if op.name == "lstm_layer" else 0  # its second state is no matrix of weights
        return 2 * shapes[0][0] * sum(map(prod, weights[states:]))
    if op.name == "contract":
        sizes = {**dict(zip(args[2], shapes[0])), **dict(zip(args[3], shapes[1]))}
        return 2 * prod(sizes.values()) if set(sizes) - set(args[4]) else 0
    if op.name == "convolution":
        given = dict(zip(op.signature.parameters, args, strict=False)) | kwargs
        return convolution(tuple(out.shape), *shapes, transposed=bool(given.get("transposed")))
    formula = COSTS.get(op.name)
    return 0 if formula is None else formula(tuple(out.shape), *shapes)


def counted(value: Any, counter: Callable[[str, int], None]) -> Any:
    """Inputs with arrays of nothing for their tensors, inside tuples, lists and dicts too."""
    if isinstance(value, Tensor):
        kind = value._a.dtype
        return wrap(CountedArray(MetaArray(tuple(value.shape), np.dtype(kind)), counter))
    if isinstance(value, dict):
        return {k: counted(v, counter) for k, v in value.items()}
    if isinstance(value, tuple) and hasattr(value, "_fields"):
        return type(value)(*(counted(v, counter) for v in value))
    return type(value)(counted(v, counter) for v in value) if isinstance(value, tuple | list) else value


def count_flops(model: Callable[..., Any], *inputs: Any, **named: Any) -> int:
    """The operations of model(*inputs, **named), twice the multiply-adds; nothing is computed.

    The shapes of the inputs decide, and their dtypes. A Module is in eval mode meanwhile. Raises what the
    model raises: for one that looks at numbers, RuntimeError.
    """
    operations: list[int] = []
    given, others = counted((inputs, named), lambda name, count: operations.append(count))
    with no_grad():
        if hasattr(model, "modules"):
            with evaluating(model):  # type: ignore[arg-type]
                model(*given, **others)
        else:
            model(*given, **others)
    return sum(operations)
