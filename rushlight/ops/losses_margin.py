"""Losses with margins: of labels ±1, of pairs, of triplets, of classes."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

import rushlight.scalar as s

from ..arrays.numpy import broadcast_shapes
from ..dtypes import of_numpy
from ..errors import shape_text
from .activations import relu
from .along import is_complex, keep, of_type, pick_along
from .declare import composite, primitive
from .distances import pairwise_distance
from .elementwise import pointwise
from .losses import constant_weights, plain_entropy_of_logits
from .pointwise import add, div, mul, sub
from .reduce import mean, sum
from .reduction import chosen, is_floating, reduced, reduced_op, storage_of
from .rounding import clamp_min, minimum
from .transcendental import exp, log1p
from .views import reshape

Array = Any
Number = Any  # a scalar expression

# -- labels 1 and -1 ------------------------------------------------------------------------------------


@pointwise(forms="", under="internal", accepts="f")
def soft_margin_error(input: Number, target: Number, /) -> Number:
    """log(1 + e^(-target · input)), without overflow."""
    z = -target * input
    return s.maximum(z, 0) + s.log1p(s.exp(-s.abs_(z)))


soft_margin_error.slope(
    input=lambda g, input, target: -(g * target) * s.sigmoid(-(target * input)),
    target=lambda g, input, target: -(g * input) * s.sigmoid(-(target * input)),
)


@pointwise(forms="", under="internal", accepts="f")
def ranking_error(input1: Number, input2: Number, target: Number, /, margin: float = 0.0) -> Number:
    """max(0, margin - target · (input1 - input2))."""
    return s.maximum(margin - target * (input1 - input2), 0)


def _ranked(g: Any, input1: Any, input2: Any, target: Any, margin: Any, slope: Any) -> Any:
    return s.where(margin - target * (input1 - input2) >= 0, g * slope, 0)


ranking_error.slope(
    input1=lambda g, input1, input2, target, margin: _ranked(g, input1, input2, target, margin, -target),
    input2=lambda g, input1, input2, target, margin: _ranked(g, input1, input2, target, margin, target),
    target=lambda g, input1, input2, target, margin: _ranked(
        g, input1, input2, target, margin, input2 - input1
    ),
)

_soft_margin, _ranking = reduced_op(soft_margin_error), reduced_op(ranking_error)


@composite(forms="", under="nn.functional")
def soft_margin_loss(
    input: Array,
    target: Array,
    /,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
) -> Array:
    """log(1 + e^(-target · input)) of targets 1 and -1."""
    mode = chosen("soft_margin_loss", size_average, reduce, reduction)
    constant_weights("soft_margin_loss", target=target)
    if is_complex(input):
        return reduced(log1p(exp(-mul(target, input))), mode)
    return _soft_margin(input, target, mode)


@composite(forms="", under="nn.functional")
def hinge_embedding_loss(
    input: Array,
    target: Array,
    /,
    margin: float = 1.0,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
) -> Array:
    """The distance `input` where target is 1, max(0, margin - input) where it is -1."""
    mode = chosen("hinge_embedding_loss", size_average, reduce, reduction)
    shifted = clamp_min(of_type(margin - input, storage_of(input)), 0)
    return reduced(add(keep(shifted, target != 1), keep(input, target != -1)), mode)


@composite(forms="", under="nn.functional")
def margin_ranking_loss(
    input1: Array,
    input2: Array,
    target: Array,
    /,
    margin: float = 0,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
) -> Array:
    """max(0, margin - target · (input1 - input2)): input1 should be larger where target is 1, smaller where
    -1.
    """
    mode = chosen("margin_ranking_loss", size_average, reduce, reduction)
    if not len(input1.shape) == len(input2.shape) == len(target.shape):
        raise RuntimeError(
            "margin_ranking_loss: All input tensors should have same dimension but got sizes: input1: "
            f"{shape_text(input1.shape)}, input2: {shape_text(input2.shape)}, target: "
            f"{shape_text(target.shape)}"
        )
    if not any(is_floating(x) for x in (input1, input2, target)):
        return reduced(clamp_min(margin - mul(target, sub(input1, input2)), 0), mode)
    return _ranking(input1, input2, target, margin, mode)


@composite(forms="", under="nn.functional")
def multilabel_soft_margin_loss(
    input: Array,
    target: Array,
    weight: Array | None = None,
    /,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
) -> Array:
    """binary_cross_entropy_with_logits averaged over the classes, the last dimension."""
    mode = chosen("multilabel_soft_margin_loss", size_average, reduce, reduction)
    losses = plain_entropy_of_logits(input, target)
    if weight is not None:
        losses = mul(losses, weight)
    if not len(input.shape):
        raise IndexError(
            "multilabel_soft_margin_loss: Dimension specified as -1 but tensor has no dimensions"
        )
    return reduced(mean(losses, -1), mode)


# -- pairs and triplets ---------------------------------------------------------------------------------


@composite(forms="", under="nn.functional")
def cosine_embedding_loss(
    input1: Array,
    input2: Array,
    target: Array,
    /,
    margin: float = 0,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
) -> Array:
    """1 - cos(input1, input2) where target is 1, max(0, cos - margin) where -1; inputs (N, D) or (D,)."""
    mode = chosen("cosine_embedding_loss", size_average, reduce, reduction)
    want, given = len(target.shape), (len(input1.shape), len(input2.shape))
    if want > 1:
        raise RuntimeError(
            f"cosine_embedding_loss: 0D or 1D target tensor expected, multi-target not supported; it is "
            f"{shape_text(target.shape)}"
        )
    if given != (want + 1, want + 1):
        raise RuntimeError(
            f"cosine_embedding_loss: {want}D target tensor expects {want + 1}D input tensors, but found "
            f"inputs with sizes {list(input1.shape)} and {list(input2.shape)}."
        )
    tiny = 1e-12
    sizes = mul(sum(mul(input1, input1), -1) + tiny, sum(mul(input2, input2), -1) + tiny)
    cosine = div(sum(mul(input1, input2), -1), sizes**0.5)
    broadcast_shapes("cosine_embedding_loss", tuple(target.shape), tuple(cosine.shape))
    losses = keep(1 - cosine, target == 1) + keep(clamp_min(cosine - margin, 0), target == -1)
    return reduced(losses, mode)


@composite(forms="", under="nn.functional")
def triplet_margin_loss(
    anchor: Array,
    positive: Array,
    negative: Array,
    /,
    margin: float = 1.0,
    p: float = 2,
    eps: float = 1e-6,
    swap: bool = False,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
) -> Array:
    """max(0, margin + |anchor - positive| - |anchor - negative|) in the p-norm (Balntas et al. 2016).

    With `swap` the negative's distance is the smaller of those to anchor and positive.
    """
    mode = chosen("triplet_margin_loss", size_average, reduce, reduction)
    return _triplet("triplet_margin_loss", (anchor, positive, negative), _Norm(p, eps), margin, swap, mode)


class _Norm:
    """The distance |x - y + eps| in the p-norm."""

    def __init__(self, p: float, eps: float) -> None:
        self.p, self.eps = p, eps

    def __call__(self, x: Any, y: Any) -> Any:
        return pairwise_distance(x, y, self.p, self.eps)


@composite(forms="", under="nn.functional")
def triplet_margin_with_distance_loss(
    anchor: Array,
    positive: Array,
    negative: Array,
    /,
    *,
    distance_function: Callable[[Any, Any], Any] | None = None,
    margin: float = 1.0,
    swap: bool = False,
    reduction: str = "mean",
) -> Array:
    """triplet_margin_loss with any distance: distance_function(x, y) gives one number for each row."""
    mode = chosen("triplet_margin_with_distance_loss", None, None, reduction)
    distance = distance_function or _Norm(2.0, 1e-6)
    return _triplet(
        "triplet_margin_with_distance_loss", (anchor, positive, negative), distance, margin, swap, mode
    )


def _triplet(
    name: str,
    parts: tuple[Any, ...],
    distance: Callable[[Any, Any], Any],
    margin: float,
    swap: bool,
    mode: str,
) -> Any:
    anchor, positive, negative = parts
    if margin <= 0:
        raise ValueError(f"{name}: margin must be greater than 0, got {margin}")
    ndims = [len(x.shape) for x in parts]
    if len(set(ndims)) > 1:
        raise RuntimeError(
            f"{name}: The anchor, positive, and negative tensors are expected to have the same number of "
            f"dimensions, but got: anchor {ndims[0]}D, positive {ndims[1]}D, and negative {ndims[2]}D inputs"
        )
    near, far = distance(anchor, positive), distance(anchor, negative)
    if swap:
        far = minimum(far, distance(positive, negative))
    return reduced(clamp_min(sub(near, far) + margin, 0), mode)


# -- classes --------------------------------------------------------------------------------------------


@primitive(forms="", under="internal", differentiable=False)
def other_classes(input: Array, target: Array, /) -> Array:
    """Whether each score of (rows, classes) is of another class than the row's."""
    if target.size and not (target.min() >= 0 and target.max() < input.shape[1]):
        wrong = target[(target < 0) | (target >= input.shape[1])][0]
        raise RuntimeError(
            f"multi_margin_loss: target out of range: {wrong} is none of the {input.shape[1]} classes"
        )
    return np.arange(input.shape[1]) != target[:, None]


@primitive(forms="", under="internal", differentiable=False)
def weights_of_classes(weight: Array, target: Array, /) -> Array:
    """The weight of each row's class."""
    return weight.take(target)


@composite(forms="", under="nn.functional")
def multi_margin_loss(
    input: Array,
    target: Array,
    /,
    p: int = 1,
    margin: float = 1.0,
    weight: Array | None = None,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
) -> Array:
    """Σ over other classes c of max(0, margin - input[target] + input[c])^p, over the number of classes."""
    mode = chosen("multi_margin_loss", size_average, reduce, reduction)
    if p not in (1, 2):
        raise ValueError(f"multi_margin_loss: only p == 1 and p == 2 supported, got {p}")
    shape = tuple(input.shape)
    rows, classes = shape if len(shape) == 2 else (1, math.prod(shape))
    _check_margin_target(shape, rows, classes, target, weight)
    x, labels = reshape(input, (rows, classes)), reshape(target, (rows,))
    others = other_classes(x, labels)
    errors = relu(sub(x, pick_along(x, reshape(labels, (rows, 1)), 1)) + margin)
    errors = keep(mul(errors, errors) if p == 2 else errors, others)
    losses = sum(errors, 1) / classes
    if weight is not None:
        losses = mul(losses, weights_of_classes(weight, labels))
    return reduced(losses if len(target.shape) else reshape(losses, ()), mode)


def _check_margin_target(shape: tuple[int, ...], rows: int, classes: int, target: Any, weight: Any) -> None:
    name = "multi_margin_loss"
    if len(shape) > 2 or not classes:
        raise RuntimeError(
            f"{name}: Expected non-empty vector or matrix with optional 0-dim batch size, but got: "
            f"{list(shape)}"
        )
    if math.prod(tuple(target.shape)) != rows or len(target.shape) > 1:
        raise RuntimeError(
            f"{name}: target tensor should be 1-D with size equal to the number of input samples (batch "
            f"size). Expected target size [{rows}], but got {list(target.shape)}. Input has shape "
            f"{list(shape)}."
        )
    _need_long(name, target)
    if weight is not None:
        constant_weights(name, weight=weight)
        if len(weight.shape) != 1:
            raise ValueError(
                f"{name}: weight must be one-dimensional, but has shape {shape_text(weight.shape)}"
            )
        if weight.shape[0] != classes:
            raise RuntimeError(
                f"{name}: inconsistent weight size, expected {classes} but got {list(weight.shape)}"
            )


def _need_long(name: str, target: Any) -> None:
    kind = of_numpy(storage_of(target)).name
    if kind != "int64":
        found = {"float32": "Float", "float64": "Double", "int32": "Int"}.get(kind, kind)
        raise RuntimeError(
            f"{name}: expected scalar type Long but found {found}: targets are class indices, use "
            "target.long()"
        )


@primitive(forms="", under="internal", outputs=("slope", "offset"), differentiable=False)
def multilabel_terms(input: Array, target: Array, /) -> tuple[Array, Array]:
    """Each row's multilabel margin loss is Σ slope · input + offset: which pairs lie within the margin."""
    rows, classes = input.shape
    if target.size and not (target.min() >= -1 and target.max() < classes):
        raise RuntimeError(
            "multilabel_margin_loss: argument #2 'target' is out of range: it holds classes 0 to "
            f"{classes - 1}, then -1"
        )
    counted = np.logical_and.accumulate(target >= 0, 1)
    meant = np.zeros((rows, classes + 1), bool)
    np.put_along_axis(meant, np.where(counted, target, classes), True, 1)
    others = ~meant[:, :classes]
    slope, offset = np.zeros_like(input), np.zeros(rows, input.dtype)
    every = np.arange(rows)
    for j in range(int(counted.sum(1).max(initial=0))):
        own = target[:, j] * counted[:, j]
        close = (1 - input[every, own][:, None] + input > 0) & others & counted[:, j : j + 1]
        found = close.sum(1).astype(input.dtype)
        slope += close
        slope[every, own] -= found
        offset += found
    return slope, offset


@composite(forms="", under="nn.functional")
def multilabel_margin_loss(
    input: Array,
    target: Array,
    /,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
) -> Array:
    """Σ over meant classes t and others c of max(0, 1 - input[t] + input[c]), over the number of classes.

    Each row of `target` lists the classes meant, up to the first -1.
    """
    mode = chosen("multilabel_margin_loss", size_average, reduce, reduction)
    shape = tuple(input.shape)
    if tuple(target.shape) != shape or len(shape) > 2:
        raise RuntimeError(
            f"multilabel_margin_loss: inconsistent target size: {list(target.shape)} for input of size: "
            f"{list(shape)}"
        )
    _need_long("multilabel_margin_loss", target)
    if not is_floating(input):
        raise NotImplementedError(
            f"multilabel_margin_loss: not implemented for {input.dtype}; use input.float()"
        )
    rows, classes = shape if len(shape) == 2 else (1, math.prod(shape))
    x = reshape(input, (rows, classes))
    slope, offset = multilabel_terms(x, reshape(target, (rows, classes)))
    losses = add(sum(mul(x, slope), 1), offset) / max(classes, 1)
    return reduced(losses if len(shape) == 2 else reshape(losses, ()), mode)
