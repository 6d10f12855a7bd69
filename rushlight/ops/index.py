"""Indexing: what `x[...]` and `x[...] = y` are made of.

`slice` takes integers, slices, None and an ellipsis, and gives a view; `index` takes index tensors, one per
dimension (None: the whole dimension), and copies. rushlight/indexing.py splits what users write into the two.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from ..arrays import gathering, memory
from ..arrays.accumulate import add_rows
from ..arrays.numpy import cast, ndarray
from ..arrays.positions import flat as flat_positions
from ..arrays.tracing import WATCHED
from ..dtypes import OF_NUMPY, of_numpy
from .convert import to_dtype
from .declare import primitive
from .declare import view as viewing
from .fill import assigned
from .views import sum_to_size

Array = Any


# -- basic: integers, slices, None ----------------------------------------------------------------------


@viewing(forms="", under="internal")
def slice_(input: Array, /, index: tuple[Any, ...]) -> Array:
    """input[index] for a tuple of integers, slices, None and at most one ellipsis, as one view."""
    return input[index if Ellipsis in index else (*index, ...)]


slice_.vjp(input=lambda g, input_shape, index: slice_into_zeros(g, input_shape, index))


@primitive(forms="", under="internal")
def slice_into_zeros(input: Array, /, size: Sequence[int], index: tuple[Any, ...]) -> Array:
    """Zeros of `size` holding `input` at `index`: the adjoint of slice."""
    out = memory.zeros(size, input.dtype)
    memory.copy_into(out[index if Ellipsis in index else (*index, ...)], input)
    return out


slice_into_zeros.vjp(input=lambda g, index: slice_(g, index))


# -- advanced: index tensors ----------------------------------------------------------------------------


def key_of(name: str, shape: tuple[int, ...], indices: Sequence[Any]) -> tuple[Any, ...]:
    """The index tensors as NumPy takes them. Raises IndexError for a type, number or shape that cannot be."""
    key, at = [], 0
    for i in indices:
        if i is None:
            key.append(slice(None))
            at += 1
            continue
        kind = i.dtype.char
        if kind == "B":
            i = i.astype(np.bool_)
        elif kind not in "?ilq":
            raise IndexError(
                f"{name}: tensors used as indices must be long, int, byte or bool tensors, not "
                f"{OF_NUMPY[i.dtype].name}"
            )
        if i.dtype.char == "?":
            _check_mask(name, i.shape, shape, at)
            at += i.ndim
        else:
            at += 1
        key.append(i)
    if at > len(shape):
        raise IndexError(f"{name}: too many indices for tensor of dimension {len(shape)}")
    return tuple(key)


def _check_mask(name: str, mask: tuple[int, ...], shape: tuple[int, ...], at: int) -> None:
    """A mask covers the dimensions from `at` on, whose sizes must be its own."""
    if shape[at : at + len(mask)] == mask:
        return
    if at + len(mask) > len(shape):
        raise IndexError(f"{name}: too many indices for tensor of dimension {len(shape)}")
    wrong = next(d for d, n in enumerate(mask) if shape[at + d] != n) + at
    raise IndexError(
        f"{name}: The shape of the mask {list(mask)} at index {wrong} does not match the shape of the "
        f"indexed tensor {list(shape)} at index {wrong}"
    )


def index_error(name: str, shape: tuple[int, ...], key: tuple[Any, ...], told: Exception) -> IndexError:
    """What is wrong with a key NumPy refused: a position outside its dimension, or shapes that do not
    broadcast.
    """
    at = 0
    for i in key:
        if isinstance(i, ndarray) and i.dtype.kind != "b" and i.size:
            size = shape[at]
            outside = i[(i < -size) | (i >= size)]
            if outside.size:
                return IndexError(
                    f"{name}: index {outside.flat[0]} is out of bounds for dimension {at} with size {size}"
                )
        at += i.ndim if isinstance(i, ndarray) and i.dtype.kind == "b" else 1
    shapes = ", ".join(str(list(_positions_shape(i))) for i in key if isinstance(i, ndarray))
    if "broadcast" in str(told):
        return IndexError(
            f"{name}: shape mismatch: indexing tensors could not be broadcast together with shapes {shapes}"
        )
    return IndexError(f"{name}: {told}")


def _positions_shape(i: ndarray) -> tuple[int, ...]:
    return (int(np.count_nonzero(i)),) if i.dtype.kind == "b" else i.shape


@primitive(forms="", under="internal")
def index(input: Array, indices: Sequence[Array], /) -> Array:
    """input[indices]: index tensors broadcast together; their dimensions come where they stood, or in front.

    In front where they were not adjacent. Boolean masks stand for the positions where they hold.
    """
    key = key_of("index", input.shape, indices)
    try:
        return pick(input, key)
    except IndexError as e:
        raise index_error("index", input.shape, key, e) from None


def _is_mask(i: Any) -> bool:
    return getattr(i, "dtype", None) in (np.bool_, np.uint8)


def pick(a: ndarray, key: tuple[Any, ...]) -> ndarray:
    """a[key], by the fastest of NumPy's ways: one index along one dimension, one mask over everything, the
    rest.
    """
    if WATCHED and not _has_mask(key):
        return Places("index", a.shape, key).taken(a)
    if a.flags.c_contiguous:
        last = key[-1]
        if len(key) == 1 or all(i.__class__ is slice for i in key[:-1]):
            if last.dtype.char != "?":
                return gathering.take_wrapped(a, last, len(key) - 1)
            if last.ndim == a.ndim:
                return a.reshape(-1).take(np.flatnonzero(last))
    return a[(*key, ...)]


index.sized_by_numbers(lambda input, indices: any(_is_mask(i) for i in indices))
index.vjp(input=lambda g, input_shape, indices: index_into_zeros(g, indices, input_shape))


@primitive(forms="", under="internal")
def index_into_zeros(input: Array, indices: Sequence[Array], /, size: Sequence[int]) -> Array:
    """Zeros of `size` with `input` added at the index tensors: the adjoint of index."""
    key = key_of("index", tuple(size), indices)
    mask = key[0]
    if len(key) == 1 and mask.dtype.char == "?":  # a mask names no place twice
        out = np.zeros(size, input.dtype)
        put(out, key, input)
        return out
    where = Places("index", tuple(size), key)
    turned = memory.zeros(where.turned_shape, input.dtype)
    add_rows(turned.reshape(where.count, where.width), where.flat, where.rows(input), inside=True)
    return turned.transpose(where.back)


index_into_zeros.vjp(input=lambda g, indices: index(g, indices))


class Places:
    """Where index tensors point in an array of `shape`, seen with the indexed dimensions in front.

    `flat` are row numbers of that array reshaped to (count, -1); `order` and `back` turn it there and back.
    """

    def __init__(self, name: str, shape: tuple[int, ...], key: tuple[Any, ...]) -> None:
        numbered = _by_dimension(key)
        at = tuple(numbered)
        rest = tuple(d for d in range(len(shape)) if d not in numbered)
        self.order = (*at, *rest)
        self.back = tuple(np.argsort(self.order).tolist())
        self.turned_shape = tuple(shape[d] for d in self.order)
        sizes = self.turned_shape[: len(at)]
        self.count, self.width = math.prod(sizes), math.prod(self.turned_shape[len(at) :])
        try:
            parts = np.broadcast_arrays(*numbered.values())
            self.flat = _flat(parts, sizes)
        except ValueError as e:
            raise index_error(name, shape, key, e) from None
        self.ndim = parts[0].ndim
        adjacent = at[-1] - at[0] == len(at) - 1
        self.front = at[0] if adjacent else 0
        self.kept = kept = tuple(shape[d] for d in rest)
        self.result_shape = (*kept[: self.front], *parts[0].shape, *kept[self.front :])

    def rows(self, values: ndarray) -> ndarray:
        """Values of the result's shape (or broadcasting to it) as rows, one for each place."""
        if values.shape != self.result_shape:
            values = broadcast_value(values, self.result_shape)
        if self.front:
            values = np.moveaxis(values, range(self.front, self.front + self.ndim), range(self.ndim))
        return memory.reshaped(values, (self.flat.size, self.width))

    def table(self, a: ndarray) -> ndarray:
        """The array as rows of dense memory; a copy where no view shows them."""
        return memory.contiguous(a.transpose(self.order)).reshape(self.count, self.width)

    def taken(self, a: ndarray) -> ndarray:
        """The elements of `a` at the places."""
        lines = self.lines(a)
        if lines is not None:
            return gathering.take(lines, self.flat, 1, inside=True).reshape(self.result_shape)
        shape = (*self.result_shape[self.front : self.front + self.ndim], *self.kept)
        found = gathering.take(self.table(a), self.flat, inside=True).reshape(shape)
        at = range(self.front, self.front + self.ndim)
        return memory.contiguous(np.moveaxis(found, range(self.ndim), at))

    def write(self, out: ndarray, values: ndarray) -> bool:
        """Set the elements of `out` at the places, of several values for one the last; whether that was
        done.
        """
        lines = self.lines(out)
        if lines is not None:
            values = broadcast_value(values, self.result_shape)
            shape = (len(lines), self.flat.size, lines.shape[-1])
            return gathering.put(lines, self.flat, 1, memory.reshaped(values, shape), inside=True)
        table = self.table(out)
        done = gathering.put(table, self.flat, 0, self.rows(values), inside=True)
        if not np.may_share_memory(table, out):
            memory.copy_into(out.transpose(self.order), table.reshape(self.turned_shape))
        return done

    def lines(self, a: ndarray) -> ndarray | None:
        """Dense memory whose indexed dimensions are adjacent as (those before, those, those behind)."""
        at = self.order[: len(self.order) - len(self.kept)]
        if not a.flags.c_contiguous or at != tuple(range(at[0], at[0] + len(at))):
            return None
        return a.reshape(math.prod(a.shape[: at[0]]), self.count, math.prod(a.shape[at[-1] + 1 :]))


def _flat(parts: Sequence[ndarray], sizes: tuple[int, ...]) -> ndarray:
    """Row-major positions of index arrays of one shape. Raises ValueError for those out of range."""
    if WATCHED:
        return flat_positions(parts, sizes).reshape(-1)
    wrapped = [np.where(p < 0, p + n, p) for p, n in zip(parts, sizes, strict=True)]
    return np.ravel_multi_index(wrapped, sizes).reshape(-1) if parts[0].size else np.empty(0, np.int64)


def _has_mask(key: tuple[Any, ...]) -> bool:
    return any(i.__class__ is not slice and i.dtype.char == "?" for i in key)


def _by_dimension(key: tuple[Any, ...]) -> dict[int, ndarray]:
    """Dimension -> integer index; a mask becomes an index for each of its dimensions."""
    found: dict[int, ndarray] = {}
    at = 0
    for i in key:
        if i.__class__ is slice:
            at += 1
            continue
        for positions in i.nonzero() if i.dtype.char == "?" else (i,):
            found[at] = positions
            at += 1
    return found


def broadcast_value(values: ndarray, shape: tuple[int, ...]) -> ndarray:
    """`values` stretched to the indexing result's shape. Raises RuntimeError where it does not."""
    while values.ndim > len(shape) and values.shape[0] == 1:
        values = values[0]
    try:
        return np.broadcast_to(values, shape)
    except ValueError:
        raise RuntimeError(
            f"index_put: shape mismatch: value tensor of shape {list(values.shape)} cannot be broadcast to "
            f"indexing result of shape {list(shape)}"
        ) from None


# -- writing at index tensors -----------------------------------------------------------------------------


@primitive(forms="mi")
def index_put(input: Array, indices: Sequence[Array], values: Array, /, accumulate: bool = False) -> Array:
    """`input` with `values` at the index tensors, or (accumulate) with `values` added there, repeats
    included.
    """
    return write_at(memory.copied(input), indices, values, accumulate)


@index_put.writes
def write_at(out: ndarray, indices: Sequence[Any], values: Any, accumulate: bool = False) -> ndarray:
    """out[indices] = values, or += values."""
    if getattr(values, "shape", None) is None:
        values = assigned(values, out.dtype)
    key = key_of("index_put", out.shape, indices)
    if values.dtype != out.dtype:
        if accumulate or values.size != 1 or not _is_one_mask(key):
            raise RuntimeError(
                "index_put: Index put requires the source and destination dtypes match, got "
                f"{OF_NUMPY[out.dtype].name} for the destination and {OF_NUMPY[values.dtype].name} for the "
                "source; convert the values with .to()"
            )
        values = cast(values, out.dtype)
    return _add(out, key, values) if accumulate else put(out, key, values)


def _is_one_mask(key: tuple[Any, ...]) -> bool:
    """Whether a key is a mask and nothing else (PyTorch then fills, converting the one value)."""
    found = [i for i in key if i.__class__ is not slice]
    return len(found) == 1 and found[0].dtype.char == "?"


def put(out: ndarray, key: tuple[Any, ...], values: ndarray) -> ndarray:
    """out[key] = values, by the fastest of NumPy's ways."""
    try:
        if key[0].__class__ is not slice and len(key) == 1 and key[0].dtype.char == "?":
            return _put_under(out, key[0], values)
        by_kernel = WATCHED and out.size and not _has_mask(key)
        if not (by_kernel and Places("index_put", out.shape, key).write(out, values)):
            out[key] = values
    except IndexError as e:
        raise index_error("index_put", out.shape, key, e) from None
    except ValueError:
        broadcast_value(values, _result_shape(out.shape, key))
        raise
    return out


def _put_under(out: ndarray, mask: ndarray, values: ndarray) -> ndarray:
    """out[mask] = values."""
    if values.size == 1 and not (mask.ndim == out.ndim and out.size > 1024 and out.flags.c_contiguous):
        np.copyto(out, values.reshape(()), where=mask.reshape(mask.shape + (1,) * (out.ndim - mask.ndim)))
        return out
    while values.ndim > 1 + out.ndim - mask.ndim and values.shape[0] == 1:
        values = values[0]
    if mask.ndim == out.ndim and out.flags.c_contiguous:
        out.reshape(-1)[np.flatnonzero(mask)] = values.reshape(()) if values.size == 1 else values
    else:
        out[mask] = values
    return out


def _result_shape(shape: tuple[int, ...], key: tuple[Any, ...]) -> tuple[int, ...]:
    return Places("index_put", shape, key).result_shape


def _add(out: ndarray, key: tuple[Any, ...], values: ndarray) -> ndarray:
    """out[key] += values, where places may repeat."""
    where = Places("index_put", out.shape, key)
    turned = out.transpose(where.order)
    table = where.table(out)
    add_rows(table, where.flat, where.rows(values), inside=True)
    if not np.may_share_memory(table, out):
        memory.copy_into(turned, table.reshape(turned.shape))
    return out


index_put.vjp(
    input=lambda g, indices, accumulate: g if accumulate else index_erase(g, indices),
    values=lambda g, indices, values_shape, values_dtype: _written(
        g, indices, values_shape, of_numpy(values_dtype)
    ),
)


def _written(g: Array, indices: Sequence[Array], shape: tuple[int, ...], kind: Any) -> Array:
    """The cotangent of the values written at the index tensors."""
    found = sum_to_size(index(g, indices), shape)
    return found if found.dtype in (kind, kind.np) else to_dtype(found, kind)


@primitive(forms="", under="internal")
def index_erase(input: Array, indices: Sequence[Array], /) -> Array:
    """`input` with zeros at the index tensors."""
    key = key_of("index_put", input.shape, indices)
    return put(memory.copied(input), key, memory.zeros((), input.dtype))


index_erase.vjp(input=lambda g, indices: index_erase(g, indices))
