"""Losses of class scores and the classes meant: nll_loss, cross_entropy and linear_cross_entropy.

Cross entropy of indices is one node: it keeps the exponentials of its forward, and goes backward as softmax -
one-hot.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

import rushlight.dtypes as dtypes
import rushlight.errors as errors

from ..arrays import class_losses as kernels
from ..arrays import class_rows
from ..arrays.class_rows import Loss
from ..arrays.numpy import as_array, cast
from ..arrays.tracing import WATCHED
from ..dtypes import COMPLEX, FLOAT, OF_NUMPY, of_numpy
from ..errors import shape_text
from .along import of_type
from .declare import composite, primitive
from .linear import linear
from .pointwise import div, mul
from .reduce import sum
from .reduction import chosen, storage_of
from .softmax import log_softmax, softmax
from .views import reshape, unsqueeze

Array = Any
_ARRAYS = (np.ndarray, np.float32, np.float64)

_SPOKEN = {
    "float32": "Float",
    "float64": "Double",
    "int64": "Long",
    "int32": "Int",
    "int16": "Short",
    "int8": "Char",
}
_SPOKEN |= {"uint8": "Byte", "bool": "Bool", "float16": "Half", "bfloat16": "BFloat16"}


def _kind(x: Any) -> dtypes.dtype:
    return of_numpy(x.dtype) if isinstance(x.dtype, np.dtype) else x.dtype


def _spoken(x: Any) -> str:
    """A dtype's name as torch's messages have it."""
    return _SPOKEN.get(_kind(x).name, _kind(x).name)


# -- checks ---------------------------------------------------------------------------------------------


def _check_indices(name: str, input: Any, target: Any, weight: Any) -> None:
    """Raise where input, target and weight do not go together."""
    have: Any = tuple(input.shape)
    want = tuple(target.shape)
    _check_shapes(name, have, want)
    if _kind(target).name not in ("int64", "uint8") or (_kind(target).name == "uint8" and len(have) > 2):
        raise RuntimeError(
            f"{name}: expected target dtype to be Long or Byte, but got {_spoken(target)}: expected scalar "
            f"type Long but found {_spoken(target)}. Class indices are integers: use target.long(). Class "
            f"probabilities have the input's shape {shape_text(have)}; the target's is {shape_text(want)}"
        )
    classes = have[1] if len(have) > 1 else have[0]
    if weight is not None:
        _check_weight(name, input, weight, classes)
        if getattr(weight, "requires_grad", False):
            raise RuntimeError(
                f"{name}: is not differentiable with respect to argument 'weight'. This input cannot have "
                "requires_grad True"
            )


def _check_weight(name: str, input: Any, weight: Any, classes: int) -> None:
    if tuple(weight.shape) != (classes,):
        raise RuntimeError(
            f"{name}: weight tensor should be defined either for all {classes} classes or no classes but "
            f"got weight tensor of shape: {list(weight.shape)}"
        )
    if weight.dtype != input.dtype:
        raise RuntimeError(
            f"{name}: expected scalar type {_spoken(input)} but found {_spoken(weight)} in weight"
        )


def _check_shapes(name: str, have: Any, want: Any) -> None:
    if not have:
        raise ValueError(f"{name}: Expected 1 or more dimensions (got 0)")
    if len(have) == 1:
        if math.prod(want) != 1 or len(want) > 1:
            raise ValueError(
                f"{name}: For 1D input, 1D target must have size 1, but got target size: {math.prod(want)}: "
                "the target of one example is one class index"
            )
    elif want[:1] != have[:1]:
        raise ValueError(
            f"{name}: Expected input batch_size ({have[0]}) to match target batch_size "
            f"({want[0] if want else 'none'}): the input is {shape_text(have)}, the target "
            f"{shape_text(want)}"
        )
    elif len(have) == 2 and len(want) != 1:
        raise RuntimeError(
            f"{name}: 0D or 1D target tensor expected, multi-target not supported: for an input "
            f"{shape_text(have)} give ({have[0]},) class indices, but the target is {shape_text(want)}"
        )
    elif want[1:] != have[2:]:
        raise RuntimeError(
            f"{name}: Expected target size {[have[0], *have[2:]]}, got {list(want)} (size mismatch: got "
            f"input: {list(have)}, target: {list(want)})"
        )


def _floating(name: str, input: np.ndarray) -> np.dtype:
    """The type of computation. Raises NotImplementedError for a type that is not floating."""
    if OF_NUMPY[input.dtype].category != FLOAT:
        raise NotImplementedError(
            f"{name}: not implemented for '{_spoken(input)}'; convert the input with .float()"
        )
    return dtypes.compute_type(input.dtype)


# -- negative log likelihood ----------------------------------------------------------------------------


@primitive(forms="", under="internal", saves=True)
def likelihood(
    input: Array, target: Array, weight: Array | None, /, ignore_index: int, reduction: str, name: str
) -> tuple[Array, Any]:
    """-weight · input at the target's classes, reduced."""
    if WATCHED and class_rows.fits(input, target, weight):
        return class_rows.forward(input, target, weight, Loss(False, ignore_index, reduction))
    work = _floating(name, input)
    labels = _labels(input, target, weight, ignore_index, name)
    found = kernels.likelihood(cast(input, work), labels, reduction)
    return cast(as_array(found), input.dtype).reshape(_losses_shape(input, target, reduction)), None


def _losses_shape(input: Any, target: Any, reduction: str) -> tuple[int, ...]:
    return target.shape if reduction == "none" and input.ndim > 1 else ()


def _labels(input: Any, target: Any, weight: Any, ignore_index: int, name: str) -> kernels.Labels:
    work = dtypes.compute_type(input.dtype)
    weight = None if weight is None else cast(weight, work)
    return kernels.locate(name, target, kernels.view(input.shape), weight, ignore_index, work)


@likelihood.backward
def _(
    g: Array,
    input: Array,
    target: Array,
    weight: Array,
    ignore_index: int,
    reduction: str,
    name: str,
    saved: Any,
) -> Any:
    if saved is not None:
        loss = Loss(False, ignore_index, reduction)
        return class_rows.backward(g, input, target, weight, loss, saved), None, None
    return likelihood_backward(g, input, target, weight, ignore_index, reduction, name), None, None


@composite(forms="", under="internal")
def likelihood_backward(
    g: Array,
    input: Array,
    target: Array,
    weight: Array | None,
    /,
    ignore_index: int,
    reduction: str,
    name: str,
) -> Array:
    """The cotangent of likelihood's input."""
    _, b = class_terms(input, target, weight, ignore_index, reduction, 0.0, name)
    return of_type(reshape(mul(-b, _of_rows(g, input, reduction)), tuple(input.shape)), storage_of(input))


def _likelihood_backward(
    g: Any, input: Any, target: Any, weight: Any, ignore_index: int, reduction: str, name: str
) -> Any:
    labels = _labels(input, target, weight, ignore_index, name)
    g = cast(g, dtypes.compute_type(input.dtype))
    return cast(kernels.likelihood_backward(g, input.shape, labels, reduction), input.dtype)


likelihood_backward.array = _likelihood_backward


@primitive(forms="", under="internal", outputs=("a", "b"), differentiable=False)
def class_terms(
    input: Array,
    target: Array,
    weight: Array | None,
    /,
    ignore_index: int,
    reduction: str,
    label_smoothing: float,
    name: str,
) -> tuple[Array, Array]:
    """The cotangent of cross entropy is g · (softmax · a - b), seen as (rows, classes, places)."""
    work = dtypes.compute_type(input.dtype)
    labels = _labels(input, target, weight, ignore_index, name)
    weight = None if weight is None else cast(weight, work)
    return kernels.terms(labels, kernels.view(input.shape), weight, reduction, label_smoothing, work)


def _of_rows(g: Any, input: Any, reduction: str) -> Any:
    """A cotangent in the type of computation and a shape that broadcasts over (rows, classes, places)."""
    g = of_type(g, dtypes.compute_type(storage_of(input)))
    rows, _, places = kernels.view(tuple(input.shape))
    return reshape(g, (rows, 1, places)) if reduction == "none" else g


@composite(forms="", under="nn.functional")
def nll_loss(
    input: Array,
    target: Array,
    weight: Array | None = None,
    /,
    size_average: bool | None = None,
    ignore_index: int = -100,
    reduce: bool | None = None,
    reduction: str = "mean",
) -> Array:
    """-weight · input at the target's classes: input (N, C, ...) holds log-probabilities, target (N, ...)
    class indices.

    The mean is over the weights of the classes; targets equal to `ignore_index` count nothing.
    """
    mode = chosen("nll_loss", size_average, reduce, reduction)
    _check_indices("nll_loss", input, target, weight)
    return likelihood(input, target, weight, ignore_index, mode, "nll_loss")


# -- cross entropy --------------------------------------------------------------------------------------


@primitive(forms="", under="internal", saves=True)
def entropy_of_indices(
    input: Array,
    target: Array,
    weight: Array | None,
    /,
    ignore_index: int,
    reduction: str,
    label_smoothing: float,
) -> tuple[Array, Any]:
    """-weight · log softmax(input) at the target's classes, reduced; keeps the exponentials."""
    if WATCHED and class_rows.fits(input, target, weight):
        return class_rows.forward(input, target, weight, Loss(True, ignore_index, reduction, label_smoothing))
    if weight is None and not label_smoothing and ignore_index < 0:
        plain = kernels.plain_entropy(input, target, reduction)
        if plain is not None:
            _advise_on_softmax(input)
            return plain
    name = "cross_entropy"
    work = _floating(name, input)
    rows, classes, places = seen = kernels.view(input.shape)
    x = np.ascontiguousarray(cast(input, work)).reshape((rows, classes) if places == 1 else seen)
    weight = None if weight is None else cast(weight, work)
    labels = kernels.locate(name, target, seen, weight, ignore_index, work)
    _advise_on_softmax(x)
    shape = _losses_shape(input, target, reduction)
    if not x.size:
        losses = np.zeros(shape if reduction == "none" else (0,), work)
        return as_array(kernels._mean_or_sum(losses.reshape(-1), reduction, labels.total)).reshape(
            shape
        ), None
    found = kernels.exponentials(x)
    losses = kernels.cross_entropy(x, labels, found, weight, reduction, label_smoothing)
    return cast(as_array(losses), input.dtype).reshape(shape), (found, labels)


@entropy_of_indices.backward
def _(
    g: Array,
    input: Array,
    target: Array,
    weight: Array,
    ignore_index: int,
    reduction: str,
    label_smoothing: float,
    saved: Any,
) -> Any:
    if saved.__class__ is class_rows.Found:
        loss = Loss(True, ignore_index, reduction, label_smoothing)
        return class_rows.backward(g, input, target, weight, loss, saved), None, None
    if saved.__class__ is kernels.Rows and g.__class__ in _ARRAYS and input.__class__ is np.ndarray:
        return kernels.plain_entropy_backward(g, input, target, saved, reduction), None, None
    return (
        entropy_backward(g, input, target, weight, ignore_index, reduction, label_smoothing, saved),
        None,
        None,
    )


@composite(forms="", under="internal")
def entropy_backward(
    g: Array,
    input: Array,
    target: Array,
    weight: Array | None,
    /,
    ignore_index: int,
    reduction: str,
    label_smoothing: float,
    saved: Any,
) -> Array:
    """The cotangent of cross entropy's input: softmax(input) minus what each class counts, by the losses'
    cotangents.
    """
    work = dtypes.compute_type(storage_of(input))
    a, b = class_terms(input, target, weight, ignore_index, reduction, label_smoothing, "cross_entropy")
    p = softmax(reshape(of_type(input, work), kernels.view(tuple(input.shape))), 1)
    found = mul(mul(p, a) - b, _of_rows(g, input, reduction))
    return of_type(reshape(found, tuple(input.shape)), storage_of(input))


def _entropy_backward(
    g: Any,
    input: Any,
    target: Any,
    weight: Any,
    ignore_index: int,
    reduction: str,
    label_smoothing: float,
    saved: Any,
) -> Any:
    if saved is None:
        if not input.size:
            return np.zeros_like(input)
        _, saved = entropy_of_indices.array(input, target, weight, ignore_index, reduction, label_smoothing)
    if saved.__class__ is kernels.Rows:
        return kernels.plain_entropy_backward(g, input, target, saved, reduction)
    found, labels = saved
    work = found.each.dtype
    weight = None if weight is None else cast(weight, work)
    dx = kernels.cross_entropy_backward(cast(g, work), found, labels, weight, reduction, label_smoothing)
    return cast(dx, input.dtype).reshape(input.shape)


entropy_backward.array = _entropy_backward

_calls = 0


def _advise_on_softmax(x: np.ndarray) -> None:
    """Now and then (calls 1, 2, 4, 8, ...) look whether the scores are probabilities already."""
    global _calls
    _calls += 1
    if _calls & (_calls - 1) or x.ndim != 2 or x.shape[1] < 2 or not errors.advice_on():
        return
    rows = x[:8]
    if rows.size and rows.min() >= 0 and rows.max() <= 1 and np.all(np.abs(rows.sum(1) - 1) < 1e-4):
        errors.advise(
            "cross_entropy of softmax",
            "cross_entropy: the input looks like probabilities (in 0 to 1, rows adding up to 1). "
            "cross_entropy applies log_softmax itself: give it the scores before the softmax, or take "
            "nll_loss of their logarithm",
        )


@composite(forms="", under="nn.functional")
def cross_entropy(
    input: Array,
    target: Array,
    weight: Array | None = None,
    /,
    size_average: bool | None = None,
    ignore_index: int = -100,
    reduce: bool | None = None,
    reduction: str = "mean",
    label_smoothing: float = 0.0,
) -> Array:
    """-log softmax(input) at the target's classes, or weighted by the target's probabilities.

    input (N, C, ...) or (C,) holds scores. target holds class indices, (N, ...), or probabilities, in the
    input's shape. `weight` (C,) weighs the classes; indices equal to `ignore_index` count nothing;
    `label_smoothing` mixes in the mean over all classes (Szegedy et al. 2016).
    """
    mode = chosen("cross_entropy", size_average, reduce, reduction)
    if not 0 <= label_smoothing <= 1:
        raise RuntimeError(f"label_smoothing must be between 0.0 and 1.0. Got: {label_smoothing}")
    have, want = tuple(input.shape), tuple(target.shape)
    if have == want:
        return _entropy_of_probabilities(input, target, weight, ignore_index, mode, label_smoothing)
    if weight is not None or len(have) != 2 or want != have[:1] or target.dtype is not dtypes.int64:
        _check_indices("cross_entropy", input, target, weight)
    return entropy_of_indices(input, target, weight, ignore_index, mode, label_smoothing)


def _entropy_of_probabilities(
    input: Any, target: Any, weight: Any, ignore_index: int, reduction: str, smoothing: float
) -> Any:
    if _kind(target).category not in (FLOAT, COMPLEX):
        raise RuntimeError(
            "cross_entropy: Expected floating point type for target with class probabilities, got "
            f"{_spoken(target)}: a target in the input's shape {shape_text(input.shape)} holds "
            "probabilities (target.float()); class indices have no class dimension"
        )
    if ignore_index >= 0:
        raise RuntimeError("cross_entropy: ignore_index is not supported for floating point target")
    rows, classes, places = kernels.view(tuple(input.shape))
    if weight is not None and tuple(weight.shape) != (classes,):
        _check_weight("cross_entropy", input, weight, classes)
    shape = (rows, classes, places)
    logs = log_softmax(reshape(input, shape), 1)
    target = reshape(target, shape)
    if smoothing:
        target = target * (1 - smoothing) + smoothing / classes
    losses = mul(logs, target)
    if weight is not None:
        losses = mul(losses, unsqueeze(weight, 1))
    if reduction != "none":
        total = -sum(losses)
        return total if reduction == "sum" else div(total, rows * places)
    return -reshape(sum(losses, 1), tuple(input.shape)[:1] * (len(input.shape) > 1) + tuple(input.shape)[2:])


@composite(forms="", under="nn.functional")
def linear_cross_entropy(
    input: Array,
    linear_weight: Array,
    target: Array,
    /,
    *,
    linear_bias: Array | None = None,
    weight: Array | None = None,
    reduction: str = "mean",
    ignore_index: int | None = None,
    label_smoothing: float = 0.0,
    options: Any = None,
) -> Array:
    """cross_entropy(linear(input, linear_weight, linear_bias), target): input (N, d) or (d,), linear_weight
    (C, ..., d).
    """
    inner, shape = tuple(input.shape), tuple(linear_weight.shape)
    _check_linear(inner, shape, linear_bias)
    logits_shape = (*inner[:-1], *shape[:-1])
    if tuple(target.shape) == logits_shape and ignore_index is not None:
        raise RuntimeError(
            "linear_cross_entropy: ignore_index cannot be specified when target contains probabilities"
        )
    rows = math.prod(shape[:-1])
    flat_bias = None if linear_bias is None else reshape(linear_bias, (rows,))
    logits = reshape(linear(input, reshape(linear_weight, (rows, shape[-1])), flat_bias), logits_shape)
    ignore = -100 if ignore_index is None else ignore_index
    return cross_entropy(
        logits, target, weight, ignore_index=ignore, reduction=reduction, label_smoothing=label_smoothing
    )


def _check_linear(inner: tuple[int, ...], shape: tuple[int, ...], bias: Any) -> None:
    name = "linear_cross_entropy"
    if len(inner) not in (1, 2):
        raise RuntimeError(f"{name}: expected input with dimensionality 1 or 2, got {len(inner)}")
    if len(shape) < 2:
        raise RuntimeError(f"{name}: expected linear_weight with dimensionality at least 2, got {len(shape)}")
    if inner[-1] != shape[-1]:
        raise RuntimeError(
            f"{name}: expected equal input and linear_weight last dimensions (in_features), got {inner[-1]} "
            f"and {shape[-1]}"
        )
    if bias is not None and tuple(bias.shape) != shape[:-1]:
        raise RuntimeError(f"{name}: expected linear_bias shape {shape[:-1]}, got {tuple(bias.shape)}")
    if len(shape) > 2 and len(inner) == 1:
        raise RuntimeError(
            f"{name}: K-dimensional loss defined by linear_weight shape {shape} requires batched input, (N, "
            f"{inner[-1]}), got unbatched input with shape {inner}"
        )
