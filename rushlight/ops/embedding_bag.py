"""Sums, means and maxima over bags of embeddings: nn.functional.embedding_bag."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..arrays.numpy import cast
from ..dtypes import compute_type
from ..errors import shape_text
from .declare import composite, primitive
from .embedding import embedding, row_of_padding
from .pointwise import mul
from .reduce import sum
from .views import reshape

Array = Any


@composite(forms="", under="nn.functional")
def embedding_bag(
    input: Array,
    weight: Array,
    /,
    offsets: Array | None = None,
    max_norm: float | None = None,
    norm_type: float = 2,
    scale_grad_by_freq: bool = False,
    mode: str = "mean",
    sparse: bool = False,
    per_sample_weights: Array | None = None,
    include_last_offset: bool = False,
    padding_idx: int | None = None,
) -> Array:
    """The sum, mean or maximum over each bag of embeddings.

    `input` (b, n) holds b bags; a flat one holds the bags that begin at `offsets`. `per_sample_weights` (as
    `input`,
    mode "sum") scale the rows. Entries equal to `padding_idx` do not count. An empty bag gives zeros.
    """
    _check_call(input, offsets, mode, per_sample_weights)
    kind = str(weight.dtype).removeprefix("torch.")
    if "float" not in kind:
        raise RuntimeError(
            "embedding_bag: Expected tensor for argument #1 'weight' to have one of the following scalar "
            "types: Half, "
            f"BFloat16, Float, Double; but got {kind}"
        )
    rows = embedding(input, weight, padding_idx, max_norm, norm_type, scale_grad_by_freq)
    rows = reshape(rows, (rows.shape[0] * (rows.shape[1] if len(rows.shape) == 3 else 1), weight.shape[1]))
    skipped = row_of_padding(padding_idx, weight.shape[0])
    if mode == "max":
        return bag_pick(rows, bag_argmax(rows, input, offsets, skipped, include_last_offset))
    return bag_sum(rows, input, offsets, per_sample_weights, mode == "mean", skipped, include_last_offset)


def _check_call(input: Any, offsets: Any, mode: str, per_sample_weights: Any) -> None:
    if len(input.shape) not in (1, 2):
        raise ValueError(
            "embedding_bag: input has to be 1D or 2D Tensor, but got Tensor of dimension "
            f"{len(input.shape)}, "
            f"shape {shape_text(input.shape)}"
        )
    if len(input.shape) == 2 and offsets is not None:
        raise ValueError(
            "embedding_bag: if input is 2D, then offsets has to be None, as input is treated is a "
            "mini-batch of fixed "
            f"length sequences. However, found offsets of type {type(offsets)}"
        )
    if len(input.shape) == 1 and (offsets is None or len(offsets.shape) != 1):
        got = " but got None" if offsets is None else f", not of shape {shape_text(offsets.shape)}"
        raise ValueError(f"embedding_bag: offsets has to be a 1D Tensor{got}")
    if mode not in ("sum", "mean", "max"):
        raise ValueError(f"embedding_bag: mode has to be one of sum, mean or max, not {mode!r}")
    if per_sample_weights is not None:
        _check_weights(input, mode, per_sample_weights)


def _check_weights(input: Any, mode: str, weights: Any) -> None:
    if tuple(weights.shape) != tuple(input.shape):
        raise ValueError(
            f"embedding_bag: If per_sample_weights ({shape_text(weights.shape)}) is not None, then it must "
            "have the same "
            f"shape as the input ({shape_text(input.shape)})"
        )
    if mode != "sum":
        raise NotImplementedError(
            "embedding_bag: per_sample_weights was not None. per_sample_weights is only supported for "
            "mode='sum' "
            f"(got mode='{mode}')."
        )


# -- bags as runs of rows -------------------------------------------------------------------------------


def bag_ends(indices: Array, offsets: Array | None, include_last: bool) -> tuple[Array, Array]:
    """Where each bag begins and ends among the rows. Raises RuntimeError for offsets that do not cut them
    up.
    """
    if offsets is None:
        ends = np.arange(indices.shape[0] + 1) * indices.shape[1]
        return ends[:-1], ends[1:]
    n = indices.size
    if offsets.size and offsets[0] != 0:
        raise RuntimeError(
            "embedding_bag: offsets[0] has to be 0, i.e., the first sequence in the mini-batch has to start "
            "from "
            f"position 0. However, got {offsets[0]}"
        )
    if offsets.size and offsets[-1] > n:
        raise RuntimeError(
            f"embedding_bag: offsets[-1] can not be greater than input's length {n} but got offsets[-1] of "
            f"{offsets[-1]}"
        )
    if np.any(offsets[1:] < offsets[:-1]):
        raise RuntimeError(f"embedding_bag: offsets must not decrease: {offsets.tolist()}")
    if include_last:
        return offsets[:-1], offsets[1:]
    return offsets, np.append(offsets[1:], n)


def _coefficients(
    indices: Array, begin: Array, end: Array, weights: Array | None, mean: bool, skipped: int, work: np.dtype
) -> Array:
    """What each row is multiplied by: its weight, 1/size of its bag for means, 0 for padding and between
    bags.
    """
    flat = indices.reshape(-1)
    counted = (flat != skipped).astype(work)
    if len(end) and end[-1] < flat.size:
        counted[end[-1] :] = 0
    if weights is not None:
        counted *= weights.reshape(-1).astype(work)
    if mean:
        sizes = _segment_sums(counted[:, None], begin, end)[:, 0]
        counted *= np.repeat(1 / np.maximum(sizes, 1), end - begin, 0)[: flat.size] if len(end) else 1
    return counted


def _segment_sums(rows: Array, begin: Array, end: Array) -> Array:
    """Σ of rows[begin:end] for each bag; zeros for an empty one."""
    out = np.zeros((len(begin), rows.shape[1]), rows.dtype)
    filled = begin < end
    if filled.any():
        last = end[filled][-1]
        out[filled] = np.add.reduceat(rows[:last], begin[filled], 0)
    return out


@primitive(forms="", under="internal")
def bag_sum(
    input: Array,
    indices: Array,
    offsets: Array | None,
    weights: Array | None,
    /,
    mean: bool,
    skipped: int,
    include_last: bool,
) -> Array:
    """Σ of the rows (n, d) of each bag, times their weights or divided by the bag's size: (b, d)."""
    begin, end = bag_ends(indices, offsets, include_last)
    work = compute_type(input.dtype)
    factors = _coefficients(indices, begin, end, weights, mean, skipped, work)
    return cast(_segment_sums(cast(input, work) * factors[:, None], begin, end), input.dtype)


@primitive(forms="", under="internal")
def bag_spread(
    input: Array,
    indices: Array,
    offsets: Array | None,
    weights: Array | None,
    /,
    mean: bool,
    skipped: int,
    include_last: bool,
) -> Array:
    """Each bag's row of `input` (b, d) given to every member, times its coefficient (n, d): the adjoint of
    bag_sum.
    """
    begin, end = bag_ends(indices, offsets, include_last)
    work = compute_type(input.dtype)
    factors = _coefficients(indices, begin, end, weights, mean, skipped, work)
    out = np.zeros((indices.size, input.shape[1]), work)
    members = np.repeat(np.arange(len(begin)), end - begin)
    out[: len(members)] = cast(input, work)[members]
    return cast(out * factors[:, None], input.dtype)


def _weights_cotangent(
    rows: Any, bags: Any, indices: Any, offsets: Any, mean: bool, skipped: int, include_last: bool
) -> Any:
    spread = bag_spread(bags, indices, offsets, None, mean, skipped, include_last)
    return reshape(sum(mul(rows, spread), 1), tuple(indices.shape))


bag_sum.vjp(
    input=lambda g, indices, offsets, weights, mean, skipped, include_last: bag_spread(
        g, indices, offsets, weights, mean, skipped, include_last
    ),
    weights=lambda g, input, indices, offsets, mean, skipped, include_last: _weights_cotangent(
        input, g, indices, offsets, mean, skipped, include_last
    ),
)
bag_spread.vjp(
    input=lambda g, indices, offsets, weights, mean, skipped, include_last: bag_sum(
        g, indices, offsets, weights, mean, skipped, include_last
    ),
    weights=lambda g, input, indices, offsets, mean, skipped, include_last: _weights_cotangent(
        g, input, indices, offsets, mean, skipped, include_last
    ),
)


# -- maxima -------------------------------------------------------------------------------------------------


@primitive(forms="", under="internal", differentiable=False)
def bag_argmax(
    input: Array, indices: Array, offsets: Array | None, /, skipped: int, include_last: bool
) -> Array:
    """For each bag and column, the row of the (first) maximum; -1 where the bag has none. (b, d) of int64."""
    begin, end = bag_ends(indices, offsets, include_last)
    values = cast(input, compute_type(input.dtype))
    counted = indices.reshape(-1) != skipped
    places = np.full((len(begin), input.shape[1]), -1)
    for i, (first, last) in enumerate(zip(begin, end, strict=True)):
        members = np.arange(first, last)[counted[first:last]]
        if members.size:
            places[i] = members[values[members].argmax(0)]
    return places


@primitive(forms="", under="internal")
def bag_pick(input: Array, places: Array, /) -> Array:
    """input[places[i, j], j], zero where the place is -1."""
    out = (
        np.take_along_axis(input, np.maximum(places, 0), 0)
        if input.size
        else np.zeros(places.shape, input.dtype)
    )
    out[places < 0] = 0
    return out


@primitive(forms="", under="internal")
def bag_place(input: Array, places: Array, /, rows: int) -> Array:
    """Zeros (rows, d) with input[i, j] put at places[i, j], j: the adjoint of bag_pick (no place occurs
    twice).
    """
    out = np.zeros((rows, input.shape[1]), input.dtype)
    at = places >= 0
    out[places[at], np.nonzero(at)[1]] = input[at]
    return out


bag_pick.vjp(input=lambda g, places, input_shape: bag_place(g, places, input_shape[0]))
bag_place.vjp(input=lambda g, places: bag_pick(g, places))
