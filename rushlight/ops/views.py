"""Views: other shapes and orders of the same memory. Nothing is copied; writes show on both sides."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from ..arrays.numpy import ndarray, normalize_dim, normalize_dims, sum_to
from ..errors import shape_text
from .declare import Varargs, composite, primitive
from .declare import view as viewing

Array = Any


def storage_bytes(a: ndarray) -> tuple[ndarray, int]:
    """The memory that `a` is a view of, as bytes, and where in it `a`'s first element lies."""
    base: Any = a
    while isinstance(base.base, ndarray):
        base = base.base
    if not base.flags.c_contiguous:
        base = base.T if base.T.flags.c_contiguous else base
    start = a.__array_interface__["data"][0] - base.__array_interface__["data"][0]
    return base.reshape(-1, copy=False).view(np.uint8), start


# -- shapes -------------------------------------------------------------------------------------------


def infer_size(name: str, shape: Any, count: int, old: tuple[int, ...]) -> tuple[int, ...]:
    """`shape` with its one -1 resolved for `count` elements. Raises RuntimeError where that cannot be."""
    sizes = tuple(int(n) for n in ((shape,) if isinstance(shape, int) else shape))
    if any(n < -1 for n in sizes) or sizes.count(-1) > 1:
        raise RuntimeError(f"{name}: invalid shape dimension in {list(sizes)}: only one dimension can be inferred (-1)")
    known = math.prod(n for n in sizes if n != -1)
    if -1 in sizes and known == 0 and count == 0:
        raise RuntimeError(
            f"{name}: cannot reshape tensor of 0 elements into shape {list(sizes)} because the unspecified dimension "
            f"size -1 can be any value and is ambiguous"
        )
    if (known != count) if -1 not in sizes else (known == 0 or count % known):
        raise RuntimeError(
            f"{name}: shape '{list(sizes)}' is invalid for input of size {count}: the tensor has shape {shape_text(old)}"
        )
    return tuple(count // known if n == -1 else n for n in sizes)


@viewing
def view(input: Array, /, shape: Varargs) -> Array:
    """The same elements under another shape, without a copy; one size may be -1. With a dtype, its bytes under that type."""
    try:
        found = input.reshape(shape)  # a third of the price of copy=False
        if found.base is input or (found.base is not None and found.base is input.base):
            return found
        return input.reshape(shape, copy=False)
    except (ValueError, TypeError):
        if hasattr(shape, "category"):
            return _reinterpret(input, shape.np)
        sizes = infer_size("view", shape, input.size, input.shape)
        raise RuntimeError(
            f"view: view size is not compatible with input tensor's size {shape_text(input.shape)} and stride "
            f"{tuple(s // input.itemsize for s in input.strides)} for the new shape {shape_text(sizes)} (at least one "
            f"dimension spans across two contiguous subspaces). Use .reshape(...) instead, or .contiguous().view(...)"
        ) from None


def _reinterpret(a: ndarray, storage: np.dtype) -> ndarray:
    try:
        return a.view(storage)
    except ValueError:
        raise RuntimeError(
            f"view: cannot reinterpret {a.dtype} elements of shape {shape_text(a.shape)} as {storage}: the last dimension "
            f"must be contiguous and divide evenly"
        ) from None


view.vjp(input=lambda g, input_shape: reshape(g, input_shape))


@composite(forms="m")
def reshape(input: Array, /, shape: Varargs) -> Array:
    """The same elements under another shape: a view where that can be, else a copy."""
    sizes = infer_size("reshape", shape, math.prod(input.shape), tuple(input.shape))
    try:
        return view(input, sizes)
    except RuntimeError:
        return view(clone(input, memory_format="torch.contiguous_format"), sizes)


@composite(forms="m")
def flatten(input: Array, /, start_dim: int = 0, end_dim: int = -1) -> Array:
    """Dimensions start_dim..end_dim merged into one."""
    shape = tuple(input.shape)
    first, last = normalize_dim("flatten", start_dim, len(shape)), normalize_dim("flatten", end_dim, len(shape))
    if first > last:
        raise RuntimeError(f"flatten: flatten() has invalid args: start_dim cannot come after end_dim ({start_dim}, {end_dim})")
    if not shape:
        return reshape(input, (1,))
    if first == last:
        return input
    return reshape(input, (*shape[:first], math.prod(shape[first : last + 1]), *shape[last + 1 :]))


@composite(forms="m")
def unflatten(input: Array, /, dim: int, sizes: Sequence[int]) -> Array:
    """Dimension `dim` split into several of the given sizes (one may be -1)."""
    shape = tuple(input.shape)
    at = normalize_dim("unflatten", dim, len(shape))
    return view(input, (*shape[:at], *infer_size("unflatten", tuple(sizes), shape[at], (shape[at],)), *shape[at + 1 :]))


@composite(forms="m")
def view_as(input: Array, other: Array, /) -> Array:
    """`input` viewed under the shape of `other`."""
    return view(input, tuple(other.shape))


@composite(forms="m")
def reshape_as(input: Array, other: Array, /) -> Array:
    """`input` reshaped to the shape of `other`."""
    return reshape(input, tuple(other.shape))


# -- orders -------------------------------------------------------------------------------------------


@viewing(forms="mi", aliases=("swapaxes", "swapdims"))
def transpose(input: Array, /, dim0: int, dim1: int) -> Array:
    """Dimensions `dim0` and `dim1` exchanged."""
    i, j = normalize_dim("transpose", dim0, input.ndim), normalize_dim("transpose", dim1, input.ndim)
    return input.swapaxes(i, j) if input.ndim else input.view()


transpose.vjp(input=lambda g, dim0, dim1: transpose(g, dim0, dim1))


@viewing(forms="mi")
def t(input: Array, /) -> Array:
    """The transpose of a matrix; tensors of fewer dimensions as they are."""
    if input.ndim > 2:
        raise RuntimeError(f"t: t() expects a tensor with <= 2 dimensions, but self is {input.ndim}D; use .mT or transpose")
    return input.T


t.vjp(input=lambda g: t(g))


@viewing
def permute(input: Array, /, dims: Varargs) -> Array:
    """Dimensions in the order `dims`."""
    order = tuple(normalize_dim("permute", d, input.ndim) for d in dims)
    if len(order) != input.ndim or len(set(order)) != len(order):
        raise RuntimeError(
            f"permute: permute(sparse_coo): number of dimensions in the tensor input does not match the length of the "
            f"desired ordering of dimensions, or one repeats: input.dim() = {input.ndim}, dims = {tuple(dims)}"
        )
    return input.transpose(order)


permute.vjp(input=lambda g, dims: permute(g, inverse_order(dims)))


def inverse_order(dims: Sequence[int]) -> tuple[int, ...]:
    """The permutation that undoes `dims`."""
    n = len(dims)
    order = [d % n for d in dims]
    return tuple(order.index(i) for i in range(n))


@composite(forms="m", aliases=("moveaxis",))
def movedim(input: Array, /, source: Any, destination: Any) -> Array:
    """Dimensions `source` moved to `destination`; the others keep their order."""
    n = len(input.shape)
    source, destination = (source,) if isinstance(source, int) else source, (destination,) if isinstance(destination, int) else destination
    if len(source) != len(destination):
        raise RuntimeError(f"movedim: source {tuple(source)} and destination {tuple(destination)} must have the same number of dims")
    src, dst = normalize_dims("movedim", source, n), normalize_dims("movedim", destination, n)
    rest = iter(d for d in range(n) if d not in src)
    return permute(input, tuple(src[dst.index(i)] if i in dst else next(rest) for i in range(n)))


@composite(forms="p", under="Tensor")
def T(input: Array, /) -> Array:
    """All dimensions reversed."""
    return permute(input, tuple(range(len(input.shape)))[::-1])


@composite(forms="p", under="Tensor")
def mT(input: Array, /) -> Array:
    """The last two dimensions exchanged."""
    if len(input.shape) < 2:
        raise RuntimeError(f"mT: tensor.mT is only supported on matrices or batches of matrices. Got {len(input.shape)}-D tensor.")
    return transpose(input, -2, -1)


# -- dimensions of size one ---------------------------------------------------------------------------


@viewing(forms="mi")
def unsqueeze(input: Array, /, dim: int) -> Array:
    """A dimension of size 1 put in at `dim`."""
    at = normalize_dim("unsqueeze", dim, input.ndim + 1)
    return np.expand_dims(input, at)


unsqueeze.vjp(input=lambda g, input_shape: reshape(g, input_shape))


@viewing(forms="mi")
def squeeze(input: Array, /, dim: Any = None) -> Array:
    """Dimensions of size 1 left out: all of them, or those in `dim`."""
    axes = normalize_dims("squeeze", dim, input.ndim) if dim is not None else range(input.ndim)
    return input.squeeze(tuple(i for i in axes if input.shape[i] == 1)) if input.ndim else input.view()


squeeze.vjp(input=lambda g, input_shape: reshape(g, input_shape))


@viewing(aliases=("broadcast_to",))
def expand(input: Array, /, size: Varargs, *, implicit: bool = False) -> Array:
    """Dimensions of size 1 stretched to `size` without copying; -1 keeps a size."""
    extra = len(size) - input.ndim
    if extra < 0:
        raise RuntimeError(
            f"expand: the number of sizes provided ({len(size)}) must be greater or equal to the number of dimensions in the "
            f"tensor ({input.ndim}): {tuple(size)} for shape {shape_text(input.shape)}"
        )
    sizes = tuple(input.shape[i - extra] if n == -1 and i >= extra else n for i, n in enumerate(size))
    for n, have in zip(sizes[extra:], input.shape, strict=True):
        if n != have and have != 1:
            raise RuntimeError(
                f"expand: the expanded size of the tensor ({n}) must match the existing size ({have}): {tuple(size)} for "
                f"shape {shape_text(input.shape)}; only sizes of 1 stretch"
            )
    strides = (*(0,) * extra, *(s if n == have else 0 for n, have, s in zip(sizes[extra:], input.shape, input.strides, strict=True)))
    found = np.lib.stride_tricks.as_strided(input, sizes, strides)
    if sizes != input.shape:
        found.flags.writeable = False
    return found


expand.vjp(input=lambda g, input_shape: sum_to_size(g, input_shape))


@composite(forms="m")
def expand_as(input: Array, other: Array, /) -> Array:
    """`input` expanded to the shape of `other`."""
    return expand(input, tuple(other.shape))


@primitive(forms="m")
def sum_to_size(input: Array, /, size: Varargs) -> Array:
    """`input` summed over the dimensions that broadcasting from `size` stretched."""
    return sum_to(input, tuple(size))


sum_to_size.vjp(input=lambda g, input_shape: expand(g, input_shape))


# -- parts --------------------------------------------------------------------------------------------


@viewing
def select(input: Array, /, dim: int, index: int) -> Array:
    """The slice at `index` along `dim`, which goes."""
    if not input.ndim:
        raise IndexError("select: select() cannot be applied to a 0-dim tensor.")
    at = normalize_dim("select", dim, input.ndim)
    if not -input.shape[at] <= int(index) < input.shape[at]:
        raise IndexError(f"select: index {index} out of range for dimension {dim} with size {input.shape[at]}, shape {shape_text(input.shape)}")
    return input[(slice(None),) * at + (int(index), ...)]


select.vjp(input=lambda g, input_shape, dim, index: select_scatter_zeros(g, input_shape, dim, index))


@viewing
def narrow(input: Array, /, dim: int, start: Any, length: int) -> Array:
    """`length` entries from `start` along `dim`."""
    at = normalize_dim("narrow", dim, input.ndim)
    size, start = input.shape[at], int(start)
    if length < 0 or not -size <= start <= size or (start % size if start < 0 else start) + length > size:
        raise RuntimeError(f"narrow: start ({start}) + length ({length}) exceeds dimension size ({size}) of dimension {dim}")
    start = start + size if start < 0 else start
    return input[(slice(None),) * at + (slice(start, start + length),)]


narrow.vjp(input=lambda g, input_shape, dim, start: slice_zeros(g, input_shape, dim, int(start)))


@primitive(forms="", under="internal")
def slice_zeros(input: Array, /, size: Sequence[int], dim: int, start: int) -> Array:
    """Zeros of `size` holding `input` from `start` along `dim`: the adjoint of narrow."""
    start = start + size[dim] if start < 0 else start
    out = np.zeros(size, input.dtype)
    out[(slice(None),) * (dim % len(size)) + (slice(start, start + input.shape[dim]),)] = input
    return out


slice_zeros.vjp(input=lambda g, input_shape, dim, start: narrow(g, dim, start, input_shape[dim]))


@primitive(forms="", under="internal")
def select_scatter_zeros(input: Array, /, size: Sequence[int], dim: int, index: int) -> Array:
    """Zeros of `size` holding `input` at `index` along `dim`: the adjoint of select."""
    out = np.zeros(size, input.dtype)
    out[(slice(None),) * (dim % len(size)) + (int(index),)] = input
    return out


select_scatter_zeros.vjp(input=lambda g, dim, index: select(g, dim, index))


@composite(forms="m")
def unbind(input: Array, /, dim: int = 0) -> tuple[Array, ...]:
    """The slices along `dim`, as a tuple of views."""
    at = normalize_dim("unbind", dim, len(input.shape))
    return tuple(select(input, at, i) for i in range(input.shape[at]))


@composite(forms="m")
def split(input: Array, /, split_size_or_sections: Any, dim: int = 0) -> tuple[Array, ...]:
    """Views of consecutive parts along `dim`: of one size (the last may be smaller), or of the given sizes."""
    size = input.shape[normalize_dim("split", dim, len(input.shape))]
    parts = split_size_or_sections
    if isinstance(parts, int):
        if parts < 0 or (parts == 0 and size):
            raise RuntimeError(f"split: split expects split_size be non-negative (and positive here), but got split_size={parts}")
        parts = [min(parts, size - i) for i in range(0, size, parts)] if size else [0]
    if sum(parts) != size:
        raise RuntimeError(
            f"split: split_with_sizes expects split_sizes to sum exactly to {size} (input tensor's size at dimension {dim}), "
            f"but got split_sizes={list(parts)}"
        )
    starts = [sum(parts[:i]) for i in range(len(parts))]
    return tuple(narrow(input, dim, start, n) for start, n in zip(starts, parts, strict=True))


@composite(forms="m")
def split_with_sizes(input: Array, /, split_sizes: Sequence[int], dim: int = 0) -> tuple[Array, ...]:
    """Views of consecutive parts of the given sizes along `dim`."""
    return split(input, list(split_sizes), dim)


@composite(forms="m")
def chunk(input: Array, /, chunks: int, dim: int = 0) -> tuple[Array, ...]:
    """At most `chunks` equal parts along `dim` (the last may be smaller), as views."""
    if chunks <= 0:
        raise RuntimeError(f"chunk: chunk expects `chunks` to be greater than 0, got: {chunks}")
    size = input.shape[normalize_dim("chunk", dim, len(input.shape))]
    if size == 0:
        return split(input, [0] * chunks, dim)
    return split(input, -(-size // chunks), dim)


@viewing
def diagonal(input: Array, /, offset: int = 0, dim1: int = 0, dim2: int = 1) -> Array:
    """The diagonals of the planes (dim1, dim2), as a last dimension."""
    i, j = normalize_dim("diagonal", dim1, input.ndim), normalize_dim("diagonal", dim2, input.ndim)
    if i == j:
        raise RuntimeError(f"diagonal: diagonal dimensions cannot be identical {dim1}, {dim2}")
    found = np.diagonal(input, offset, i, j)
    if input.flags.writeable:
        found.flags.writeable = True
    return found


diagonal.vjp(
    input=lambda g, input_shape, offset, dim1, dim2: diagonal_zeros(g, input_shape, offset, dim1, dim2)
)


@primitive(forms="", under="internal")
def diagonal_zeros(input: Array, /, size: Sequence[int], offset: int, dim1: int, dim2: int) -> Array:
    """Zeros of `size` holding `input` on a diagonal: the adjoint of diagonal."""
    out = np.zeros(size, input.dtype)
    place = np.diagonal(out, offset, dim1, dim2)
    place.flags.writeable = True
    place[...] = input
    return out


diagonal_zeros.vjp(input=lambda g, offset, dim1, dim2: diagonal(g, offset, dim1, dim2))


@viewing(forms="mi")
def as_strided(input: Array, /, size: Sequence[int], stride: Sequence[int], storage_offset: int | None = None) -> Array:
    """A view of the storage with any sizes and strides (in elements). Raises RuntimeError where it would leave the storage."""
    n = input.itemsize
    if storage_offset is None:
        storage_offset = storage_start(input)
    flat, _ = storage_bytes(input) if input.size else (np.empty(0, np.uint8), 0)
    last = storage_offset + sum((s - 1) * d for s, d in zip(size, stride, strict=True))
    if 0 not in tuple(size) and (last + 1) * n > flat.nbytes:
        raise RuntimeError(
            f"as_strided: setStorage: sizes {list(size)}, strides {list(stride)}, storage offset {storage_offset}, and itemsize {n} "
            f"requiring a storage size of {(last + 1) * n} are out of bounds for storage of size {flat.nbytes}"
        )
    return ndarray(tuple(size), input.dtype, flat, storage_offset * n, tuple(s * n for s in stride))


def storage_start(a: ndarray) -> int:
    """Elements between the start of `a`'s storage and its first element."""
    return storage_bytes(a)[1] // a.itemsize if a.size else 0


as_strided.vjp(
    input=lambda g, input, size, stride, storage_offset: strided_sum(g, input, size, stride, storage_offset)
)


@primitive(forms="", under="internal")
def strided_sum(input: Array, like: Array, /, size: Sequence[int], stride: Sequence[int], storage_offset: int | None) -> Array:
    """What lands on each element of `like` when `input` is added through an as_strided view: its adjoint."""
    flat, begin = storage_bytes(like)
    n = like.itemsize
    memory = np.zeros(flat.nbytes // n, input.dtype)
    start = begin // n if storage_offset is None else storage_offset
    grids = np.ix_(*(np.arange(s) * d for s, d in zip(size, stride, strict=True))) if len(size) else (np.zeros((), np.int64),)
    places = np.zeros(tuple(size), np.int64) + start
    for grid in grids:
        places = places + grid
    np.add.at(memory, places.reshape(-1), input.reshape(-1))
    return ndarray(like.shape, memory.dtype, memory, begin, tuple(like.strides)).copy()


strided_sum.vjp(input=lambda g, size, stride, storage_offset: as_strided(reshape(g, g.shape), size, stride, storage_offset))


@viewing
def unfold(input: Array, /, dimension: int, size: int, step: int) -> Array:
    """Windows of `size` every `step` along `dimension`, as a new last dimension."""
    at = normalize_dim("unfold", dimension, input.ndim)
    have = input.shape[at] if input.ndim else 1
    if size > have or size < 0:
        raise RuntimeError(f"unfold: maximum size for tensor at dimension {dimension} is {have} but size is {size}")
    if step <= 0:
        raise RuntimeError(f"unfold: step is {step} but must be > 0")
    count = (have - size) // step + 1
    stride = input.strides[at] if input.ndim else input.itemsize
    if not input.ndim:
        return np.lib.stride_tricks.as_strided(input, (size,), (stride,))
    shape = (*input.shape[:at], count, *input.shape[at + 1 :], size)
    strides = (*input.strides[:at], stride * step, *input.strides[at + 1 :], stride)
    return np.lib.stride_tricks.as_strided(input, shape, strides)


unfold.vjp(input=lambda g, input_shape, dimension, size, step: unfold_backward(g, input_shape, dimension, size, step))


@primitive(forms="", under="internal")
def unfold_backward(input: Array, /, input_sizes: Sequence[int], dim: int, size: int, step: int) -> Array:
    """Windows added back where they came from: the adjoint of unfold."""
    out = np.zeros(input_sizes, input.dtype)
    if not out.ndim:
        return input.sum().reshape(()) if input.size else out
    ahead = (slice(None),) * (dim % out.ndim)
    count = input.shape[dim % out.ndim]
    for k in range(size):
        out[(*ahead, slice(k, k + (count - 1) * step + 1, step))] += input[..., k]
    return out


unfold_backward.vjp(input=lambda g, dim, size, step: unfold(g, dim, size, step))


@composite(forms="m")
def ravel(input: Array, /) -> Array:
    """All elements in one dimension; a view where that can be."""
    return reshape(input, (-1,))


# -- copies -------------------------------------------------------------------------------------------


@primitive
def clone(input: Array, /, *, memory_format: Any = None) -> Array:
    """A copy; the gradient passes through."""
    if memory_format is not None and "contiguous" in str(memory_format):
        return np.array(input, order="C")
    if str(memory_format) == "torch.channels_last":
        return np.ascontiguousarray(input.transpose(0, 2, 3, 1)).transpose(0, 3, 1, 2)
    if 0 in input.strides and input.size > 1:
        return np.array(input, order="C")
    return input.copy(order="K")


clone.vjp(input=lambda g: g)


@composite(forms="m")
def contiguous(input: Array, /, memory_format: Any = None) -> Array:
    """The tensor itself if its elements lie in row-major order, else a copy that does."""
    if is_contiguous(input, memory_format):
        return input
    return clone(input, memory_format=memory_format or "torch.contiguous_format")


def is_contiguous(x: Any, memory_format: Any = None) -> bool:
    """Whether an array or Tensor is laid out in row-major order (or in `memory_format`)."""
    if hasattr(x, "is_contiguous"):
        return x.is_contiguous(memory_format) if memory_format is not None else x.is_contiguous()
    if str(memory_format) == "torch.channels_last":
        return x.transpose(0, 2, 3, 1).flags.c_contiguous
    return x.flags.c_contiguous
