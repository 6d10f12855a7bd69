"""Rows of a table by number: nn.functional.embedding."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..arrays import memory
from ..arrays.accumulate import add_rows
from ..arrays.gathering import take
from ..arrays.numpy import cast
from ..dtypes import OF_NUMPY, compute_type
from ..errors import shape_text
from .declare import primitive

Array = Any

# -- embedding ------------------------------------------------------------------------------------------


@primitive(forms="", under="nn.functional")
def embedding(
    input: Array,
    weight: Array,
    /,
    padding_idx: int | None = None,
    max_norm: float | None = None,
    norm_type: float = 2.0,
    scale_grad_by_freq: bool = False,
    sparse: bool = False,
) -> Array:
    """Row input[i] of `weight` for every i: (*) and (v, d) give (*, d).

    `padding_idx` names a row without gradient; rows longer than `max_norm` (in the p-norm `norm_type`) are
    first
    scaled down in `weight` itself; `scale_grad_by_freq` divides gradients by how often a row was asked for.
    `sparse` asks for a sparse gradient; it is dense here.
    """
    _check_table("embedding", weight)
    check_indices("embedding", input, weight.shape[0])
    row_of_padding(padding_idx, weight.shape[0])
    if max_norm is not None:
        shorten_rows(weight, input, max_norm, norm_type)
    return take(weight, input)


def _check_table(name: str, weight: Array) -> None:
    if weight.ndim != 2:
        raise RuntimeError(
            f"{name}: 'weight' must be 2-D, (rows, columns); got shape {shape_text(weight.shape)}"
        )


_UNSIGNED = {np.dtype(np.int64): np.uint64, np.dtype(np.int32): np.uint32}


def check_indices(name: str, input: Array, rows: int) -> None:
    """Raise RuntimeError unless `input` holds int64 or int32, IndexError where it leaves [0, rows)."""
    unsigned = _UNSIGNED.get(input.dtype)
    if unsigned is None:
        raise RuntimeError(
            f"{name}: Expected tensor for argument #1 'indices' to have one of the following scalar types: "
            "Long, Int; but "
            f"got torch.{OF_NUMPY[input.dtype].name} instead (while checking arguments for {name}); convert "
            "with .long()"
        )
    if input.size and input.view(unsigned).max() >= rows:  # seen as unsigned, a negative number is a huge one
        wrong = next(int(i) for i in input.reshape(-1) if not 0 <= i < rows)
        raise IndexError(
            f"{name}: index out of range in self: index {wrong}, but the table has rows 0 to {rows - 1}"
        )


def row_of_padding(padding_idx: int | None, rows: int) -> int:
    """The padding row counted from the front; -1 for none. Raises AssertionError when it is out of range."""
    if padding_idx is None:
        return -1
    if not -rows <= padding_idx < rows:
        raise AssertionError(f"Padding_idx must be within num_embeddings: {padding_idx}, for {rows} rows")
    return padding_idx % rows


def shorten_rows(weight: Array, input: Array, max_norm: float, norm_type: float) -> None:
    """Scale the rows of `weight` that `input` names down to length `max_norm` where they are longer, in
    place.
    """
    places = np.unique(input)
    rows = weight[places].astype(compute_type(weight.dtype), copy=False)
    lengths = np.linalg.norm(rows, norm_type, 1)
    long = lengths > max_norm
    weight[places[long]] = (rows[long] * (max_norm / (lengths[long] + 1e-7))[:, None]).astype(weight.dtype)


@primitive(forms="", under="internal")
def embedding_gradient(
    input: Array, indices: Array, /, rows: int, padding_idx: int | None, scale_grad_by_freq: bool
) -> Array:
    """The rows of `input` (*, d) added up at their `indices` in a table of `rows` rows: the adjoint of
    embedding.
    """
    width = input.shape[-1]
    work = compute_type(input.dtype)
    table = memory.zeros((rows, width), work)
    places = indices.reshape(-1)
    values = cast(input.reshape(places.size, width), work)
    if scale_grad_by_freq:
        values = values / _frequencies(places, rows)[:, None].astype(work)
    add_rows(table, places, values)
    if padding_idx is not None:
        memory.filled(table[padding_idx], 0)
    return cast(table, input.dtype)


def _frequencies(places: Array, rows: int) -> Array:
    """How often each of `places` occurs among them."""
    return np.bincount(places, minlength=rows)[places]


@primitive(forms="", under="internal")
def embedding_twice(
    input: Array, indices: Array, /, padding_idx: int | None, scale_grad_by_freq: bool
) -> Array:
    """The adjoint of embedding_gradient: rows of the table `input`, zero for padding, divided by
    frequency.
    """
    rows = input.shape[0]
    out = take(input, indices)
    if scale_grad_by_freq:
        counts = _frequencies(indices.reshape(-1), rows).reshape(*indices.shape, 1)
        out = out / counts.astype(compute_type(input.dtype))
    if padding_idx is not None:
        out[indices == row_of_padding(padding_idx, rows)] = 0
    return cast(out, input.dtype)


embedding.vjp(
    weight=lambda g, input, weight_shape, padding_idx, scale_grad_by_freq: embedding_gradient(
        g, input, weight_shape[0], padding_idx, scale_grad_by_freq
    )
)
embedding_gradient.vjp(
    input=lambda g, indices, padding_idx, scale_grad_by_freq: embedding_twice(
        g, indices, padding_idx, scale_grad_by_freq
    )
)
embedding_twice.vjp(
    input=lambda g, indices, input_shape, padding_idx, scale_grad_by_freq: embedding_gradient(
        g, indices, input_shape[0], padding_idx, scale_grad_by_freq
    )
)
