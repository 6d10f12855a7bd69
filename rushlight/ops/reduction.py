"""What losses share: `reduction="none"`, "mean" or "sum", and elementwise losses that are reduced in one
node.
"""

from __future__ import annotations

import inspect
import math
import warnings
from collections.abc import Callable, Sequence
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np

import rushlight.scalar as scalar

from ..arrays.numpy import as_array, broadcast_shapes
from ..arrays.programs import Program
from ..arrays.summing import add_reduce
from ..arrays.summing import total as array_total
from ..dtypes import FLOAT, of_numpy
from ..errors import shape_text
from ..kernels import native
from .along import of_type
from .declare import Primitive
from .elementwise import Pointwise
from .reduce import mean, sum
from .views import expand, sum_to_size

_MODES = ("none", "mean", "sum")


def chosen(name: str, size_average: bool | None, reduce: bool | None, reduction: str) -> str:
    """The reduction asked for, the two old flags translated (with a warning). Raises ValueError for an
    unknown one.
    """
    if size_average is not None or reduce is not None:
        old = "none" if reduce is False else "sum" if size_average is False else "mean"
        warnings.warn(
            f"size_average and reduce args will be deprecated, please use reduction='{old}' instead.",
            stacklevel=4,
        )
        return old
    if reduction not in _MODES:
        raise ValueError(
            f"{reduction} is not a valid value for reduction: {name} takes 'none', 'mean' or 'sum'"
        )
    return reduction


def reduced(losses: Any, reduction: str) -> Any:
    """The losses themselves, their mean or their sum."""
    return losses if reduction == "none" else mean(losses) if reduction == "mean" else sum(losses)


# -- elementwise losses reduced in one node -------------------------------------------------------------


class OfDifference(NamedTuple):
    """A loss that depends on d = input - target alone, on arrays: what runs where both are of one shape and
    type.
    """

    value: Callable[..., Any]  # (d, *options) -> losses, a fresh array
    slope: Callable[
        ..., Any
    ]  # (d, g, *options) -> cotangent of the input, a fresh array; the target's is its negative


def reduced_op(kernel: Pointwise, of_difference: OfDifference | None = None) -> Primitive:
    """The op `<kernel>_reduced`: the elementwise losses `kernel` and their reduction, in one node.

    Its backward is the kernel's derivative with the scalar cotangent (over n, for a mean) broadcast into it.
    """
    parameters = list(kernel.signature.parameters.values())
    reduction = inspect.Parameter("reduction", inspect.Parameter.POSITIONAL_OR_KEYWORD, default="mean")
    tensors = kernel.tensors

    by_machine = _ByMachine(kernel) if native.on() else None

    def body(*args: Any) -> Any:
        d = losses = None
        if _alike(*args[: len(tensors)]):
            if by_machine is not None:
                losses = by_machine.losses(*args[:-1])
            elif of_difference is not None:
                d = args[0] - args[1]
                losses = of_difference.value(d, *args[2:-1])
        if losses is None:
            losses = kernel.evaluate(*args[:-1])
        return losses if args[-1] == "none" else reduce_array(losses, args[-1]), d

    body.__doc__ = f"{kernel.doc} Its mean or sum, or each one."
    body.__signature__ = inspect.Signature([*parameters, reduction])
    op = Primitive(body, name=f"{kernel.name}_reduced", forms="", under="internal", saves=True)
    op.body.__module__ = kernel.body.__module__
    op.traced = lambda *args: reduced(kernel(*args[:-1]), args[-1])
    op.shape(lambda *args: _shape(kernel, tensors, args))
    op.backward(_backward_of(kernel, parameters, of_difference, by_machine))
    return op


class _ByMachine:
    """The losses and their slopes in one pass each, for arrays of one float type; numbers as options."""

    def __init__(self, kernel: Pointwise) -> None:
        self.kernel = kernel
        self.names = (*kernel.tensors, *(p.name for p in kernel.options))

    def losses(self, *args: Any) -> Any:
        """The losses of inputs and options, or None. Raises what the kernel's check raises."""
        if self.kernel.checks is not None:
            self.kernel.checks(**dict(zip(self.names, args, strict=True)))
        return self._losses(*args)

    @cached_property
    def _losses(self) -> Callable[..., Any]:
        return Program(self.kernel.expr, self.names, self.kernel.name, kinds="f").new

    @cached_property
    def slopes(self) -> dict[str, Callable[..., Any]]:
        """By input, (g, inputs, options) -> its cotangent, or None."""
        partials = self.kernel.gradient(self.kernel.tensors)
        names, label = ("g", *self.names), f"{self.kernel.name} backward"
        return {n: Program(scalar.real(e), names, label, kinds="f").new for n, e in partials.items()}

    def cotangents(self, g: Any, values: dict[str, Any], need: tuple[str, ...]) -> tuple[Any, ...] | None:
        """One of every input, None where it is not needed; or None."""
        given = [np.asarray(g), *(values[n] for n in self.names)]
        found = [self.slopes[n](*given) if n in need else None for n in self.kernel.tensors]
        return tuple(found) if len([x for x in found if x is not None]) == len(need) else None


def _alike(first: Any, *others: Any) -> bool:
    """Whether arrays are of one shape and of one type that NumPy computes in, with dimensions."""
    kind, shape = first.dtype, first.shape
    return (
        first.__class__ is np.ndarray
        and kind.char in "fd"
        and shape != ()
        and all(x.__class__ is np.ndarray and x.dtype is kind and x.shape == shape for x in others)
    )


def reduce_array(losses: np.ndarray, reduction: str) -> Any:
    """The mean or sum of an array of losses, accumulated in at least float32 and pairwise."""
    if losses.dtype.char in "fd" and losses.size:
        found = array_total(losses)
        return found if reduction == "sum" else as_array(found / losses.dtype.type(losses.size))
    total = as_array(add_reduce(losses, tuple(range(losses.ndim))))
    if reduction == "sum":
        return total
    with np.errstate(invalid="ignore"):
        return as_array(np.true_divide(total, losses.dtype.type(losses.size), dtype=total.dtype))


def _shape(kernel: Pointwise, tensors: Sequence[str], args: tuple[Any, ...]) -> Any:
    inputs = args[: len(tensors)]
    shape = (
        broadcast_shapes(kernel.name, *(getattr(a, "shape", ()) for a in inputs))
        if args[-1] == "none"
        else ()
    )
    return shape, kernel.types(inputs)[1].np


def _backward_of(
    kernel: Pointwise,
    parameters: list[inspect.Parameter],
    of_difference: OfDifference | None,
    by_machine: _ByMachine | None,
) -> Callable[..., Any]:
    names = ["g", *(p.name for p in parameters), "reduction", "saved"]

    def backward(*args: Any, need: tuple[str, ...]) -> Any:
        values = dict(zip(names, args, strict=True))
        g = values["g"]
        inputs = [values[n] for n in kernel.tensors]
        if by_machine is not None and g.__class__ in _PLAIN and _alike(*inputs):
            if values["reduction"] == "mean":
                g = g / g.dtype.type(max(inputs[0].size, 1))
            found = by_machine.cotangents(g, values, need)
            if found is not None:
                return found
            g = values["g"]
        shape = np.broadcast_shapes(*(tuple(getattr(x, "shape", ())) for x in inputs))
        if values["reduction"] == "mean":
            g = g / max(math.prod(shape), 1)
        if of_difference is not None and values["saved"] is not None and g.__class__ in _PLAIN:
            options = (values[p.name] for p in parameters[2:])
            slope = of_difference.slope(values["saved"], g, *options)
            return (slope if "input" in need else None), (-slope if "target" in need else None)
        rule = kernel.rule(need)
        found = rule.on_arrays(g, *(values[n] for n in rule.keeps))
        grads = dict(zip(need, found if len(need) > 1 else (found,), strict=True))
        return tuple(
            fitted(grads[n], x, shape) if n in grads else None for n, x in zip(kernel.tensors, inputs)
        )

    backward.__signature__ = inspect.Signature(
        [inspect.Parameter(n, inspect.Parameter.POSITIONAL_OR_KEYWORD) for n in (*names, "need")]
    )
    return backward


def fitted(g: Any, like: Any, shape: tuple[int, ...]) -> Any:
    """A cotangent of something of `shape` that `like` was broadcast to, in the shape and type of `like`."""
    want = tuple(like.shape)
    g = as_array(g)
    if tuple(g.shape) != shape:
        g = expand(g, shape)
    if want != shape:
        g = sum_to_size(g, want)
    return of_type(g, storage_of(like))


_PLAIN = (np.ndarray, np.float32, np.float64)


# -- types and shapes -----------------------------------------------------------------------------------


def storage_of(x: Any) -> np.dtype:
    """The NumPy type of an array's or Tensor's elements."""
    return getattr(x.dtype, "np", x.dtype)


def is_floating(x: Any) -> bool:
    """Whether an array or Tensor holds real floating numbers."""
    return of_numpy(storage_of(x)).category == FLOAT


def same_sizes(name: str, input: Any, target: Any) -> None:
    """Raise ValueError unless input and target have one shape."""
    if tuple(input.shape) != tuple(target.shape):
        raise ValueError(
            f"{name}: Target size {shape_text(target.shape)} must be the same as input size "
            f"{shape_text(input.shape)}. Please ensure they have the same size, e.g. with "
            "target.unsqueeze(1) or input.squeeze(1)"
        )
