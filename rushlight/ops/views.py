"""Views: other shapes and orders of the same memory. Nothing is copied; writes show on both sides."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from ..arrays import memory
from ..arrays.copying import row_major
from ..arrays.numpy import ndarray, normalize_dim, sum_to
from ..dtypes import OF_NUMPY
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
        raise RuntimeError(
            f"{name}: invalid shape dimension in {list(sizes)}: only one dimension can be inferred (-1)"
        )
    known = math.prod(n for n in sizes if n != -1)
    if -1 in sizes and known == 0 and count == 0:
        raise RuntimeError(
            f"{name}: cannot reshape tensor of 0 elements into shape {list(sizes)} because the unspecified "
            "dimension size -1 can be any value and is ambiguous"
        )
    if (known != count) if -1 not in sizes else (known == 0 or count % known):
        raise RuntimeError(
            f"{name}: shape '{list(sizes)}' is invalid for input of size {count}: the tensor has shape "
            f"{shape_text(old)}"
        )
    return tuple(count // known if n == -1 else n for n in sizes)


@viewing(forms="mF")
def view(input: Array, /, size: Varargs, *, dtype: Any = None) -> Array:
    """The same elements under another shape, without a copy; one size may be -1.

    With a dtype (alone, or as `dtype=`), the same bytes as elements of that type.
    """
    if dtype is not None:
        return _reinterpret(input, dtype.np)
    try:
        if input.flags.c_contiguous:
            return input.reshape(size)  # always a view here, at a third of the price of copy=False
        return input.reshape(size, copy=False)
    except (ValueError, TypeError):
        if hasattr(size, "category"):
            return _reinterpret(input, size.np)
        sizes = infer_size("view", size, input.size, input.shape)
        raise RuntimeError(
            f"view: view size is not compatible with input tensor's size {shape_text(input.shape)} and "
            f"stride {tuple(s // input.itemsize for s in input.strides)} for the new shape "
            f"{shape_text(sizes)} (at least one dimension spans across two contiguous subspaces). Use "
            ".reshape(...) instead, or .contiguous().view(...)"
        ) from None


def _reinterpret(a: ndarray, storage: np.dtype) -> ndarray:
    """The bytes of `a` as elements of another type; the last dimension grows or shrinks with the size of an
    element.
    """
    if a.itemsize == storage.itemsize:
        return a.view(storage)
    told = f"to view {OF_NUMPY[a.dtype].name} as {OF_NUMPY[storage].name} (different element sizes), but got"
    if not a.ndim:
        raise RuntimeError(f"view: self.dim() cannot be 0 {told} 0")
    if a.strides[-1] != a.itemsize and a.shape[-1] != 1:
        raise RuntimeError(f"view: self.stride(-1) must be 1 {told} {a.strides[-1] // a.itemsize}")
    ratio = storage.itemsize // a.itemsize
    if ratio and a.shape[-1] % ratio:
        raise RuntimeError(f"view: self.size(-1) must be divisible by {ratio} {told} {a.shape[-1]}")
    if ratio and any(n % storage.itemsize for n in a.strides[:-1]):
        raise RuntimeError(f"view: self.stride() must be divisible by {ratio} {told} {a.strides}")
    return a.view(storage)


view.vjp(input=lambda g, input_shape: reshape(g, input_shape))


@composite(forms="m")
def reshape(input: Array, /, shape: Varargs) -> Array:
    """The same elements under another shape: a view where that can be, else a copy."""
    try:
        return view(input, shape)
    except RuntimeError:
        return reshape_copy(input, infer_size("reshape", shape, math.prod(input.shape), tuple(input.shape)))


@primitive(forms="", under="internal")
def reshape_copy(input: Array, /, shape: Sequence[int]) -> Array:
    """The elements in row-major order under another shape, copied."""
    return row_major(input).reshape(shape)


reshape_copy.vjp(input=lambda g, input_shape: reshape(g, input_shape))


@composite(forms="m")
def flatten(input: Array, /, start_dim: int = 0, end_dim: int = -1) -> Array:
    """Dimensions start_dim..end_dim merged into one."""
    shape = tuple(input.shape)
    if not shape:
        return reshape(input, (1,))
    n = len(shape)
    first = start_dim if 0 <= start_dim < n else normalize_dim("flatten", start_dim, n)
    last = n - 1 if end_dim == -1 else normalize_dim("flatten", end_dim, n)
    if first > last:
        raise RuntimeError(
            f"flatten: flatten() has invalid args: start_dim cannot come after end_dim ({start_dim}, "
            f"{end_dim})"
        )
    return (
        input
        if first == last
        else reshape(input, (*shape[:first], math.prod(shape[first : last + 1]), *shape[last + 1 :]))
    )


@composite(forms="m")
def unflatten(input: Array, /, dim: int, sizes: Sequence[int]) -> Array:
    """Dimension `dim` split into several of the given sizes (one may be -1)."""
    shape = tuple(input.shape)
    at = normalize_dim("unflatten", dim, len(shape))
    known = math.prod(n for n in sizes if n != -1)
    if not len(sizes):
        raise RuntimeError("unflatten: sizes must be non-empty")
    if (known != shape[at]) if -1 not in tuple(sizes) else (not known or shape[at] % known):
        raise RuntimeError(
            f"unflatten: Provided sizes {list(sizes)} don't multiply up to the size of dim {dim} "
            f"({shape[at]}) in the input tensor of shape {shape_text(shape)}"
        )
    return view(
        input, (*shape[:at], *infer_size("unflatten", tuple(sizes), shape[at], shape), *shape[at + 1 :])
    )


@composite(forms="mF")
def view_as(input: Array, other: Array, /) -> Array:
    """`input` viewed under the shape of `other`."""
    return view(input, tuple(other.shape))


@composite(forms="mF")
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
        raise RuntimeError(
            f"t: t() expects a tensor with <= 2 dimensions, but self is {input.ndim}D; use .mT or transpose"
        )
    return input.T


t.vjp(input=lambda g: t(g))


@viewing
def permute(input: Array, /, dims: Varargs) -> Array:
    """Dimensions in the order `dims`."""
    if len(dims) != input.ndim:
        raise RuntimeError(
            "permute: number of dimensions in the tensor input does not match the length of the desired "
            f"ordering of dimensions i.e. input.dim() = {input.ndim} is not equal to len(dims) = {len(dims)}"
        )
    order = tuple([normalize_dim("permute", d, input.ndim) for d in dims])
    if len(set(order)) != len(order):
        raise RuntimeError(f"permute(): duplicate dims are not allowed: {tuple(dims)}")
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
    source = (source,) if isinstance(source, int) else source
    destination = (destination,) if isinstance(destination, int) else destination
    if len(source) != len(destination):
        raise RuntimeError(
            f"movedim: Invalid source or destination dims: source ({list(source)} dims) should contain the "
            f"same number of dims as destination ({list(destination)} dims)"
        )
    src, dst = _distinct("source", source, n), _distinct("destination", destination, n)
    rest = iter([d for d in range(n) if d not in src])
    return permute(input, tuple([src[dst.index(i)] if i in dst else next(rest) for i in range(n)]))


def _distinct(what: str, dims: Any, n: int) -> tuple[int, ...]:
    found = tuple([normalize_dim("movedim", d, n) for d in dims])
    if len(set(found)) != len(found):
        raise RuntimeError(f"movedim: repeated dim in `{what}` ({list(dims)})")
    return found


@composite(forms="p", under="Tensor")
def T(input: Array, /) -> Array:
    """All dimensions reversed."""
    return permute(input, tuple(range(len(input.shape)))[::-1])


@composite(forms="p", under="Tensor")
def mT(input: Array, /) -> Array:
    """The last two dimensions exchanged."""
    if len(input.shape) == 1:
        raise RuntimeError("tensor.mT is only supported on matrices or batches of matrices. Got 1-D tensor.")
    return transpose(input, -2, -1) if len(input.shape) else input


# -- dimensions of size one ---------------------------------------------------------------------------


@viewing(forms="mi")
def unsqueeze(input: Array, /, dim: int) -> Array:
    """A dimension of size 1 put in at `dim`."""
    at = normalize_dim("unsqueeze", dim, input.ndim + 1)
    return input[(slice(None),) * at + (None,)] if at else input[None]


unsqueeze.vjp(input=lambda g, input_shape: reshape(g, input_shape))


@viewing(forms="mi")
def squeeze(input: Array, /, dim: Any = None) -> Array:
    """Dimensions of size 1 left out: all of them, or those in `dim`."""
    if not input.ndim:
        normalize_dim("squeeze", dim if isinstance(dim, int) else 0, 0)
        return input.view()
    if dim is None:
        return input.squeeze()
    dims = (dim,) if isinstance(dim, int) else dim
    axes = [normalize_dim("squeeze", d, input.ndim) for d in dims]
    return input.squeeze(tuple([i for i in axes if input.shape[i] == 1]))


squeeze.vjp(input=lambda g, input_shape: reshape(g, input_shape))


@viewing(aliases=("broadcast_to",))
def expand(input: Array, /, size: Varargs, *, implicit: bool = False) -> Array:
    """Dimensions of size 1 stretched to `size` without copying; -1 keeps a size."""
    size = (size,) if isinstance(size, int) else size
    shape, strides = input.shape, input.strides
    if size == shape:
        return input.view()
    extra = len(size) - len(shape)
    sizes, steps = list(size), [0] * len(size)
    for d in range(max(extra, 0), len(size)):
        n, have = size[d], shape[d - extra]
        if n == have or n == -1:
            sizes[d], steps[d] = have, strides[d - extra]
        elif have != 1 or n < 0:
            raise _does_not_stretch(shape, size)
    if extra < 0 or (extra and min(size[:extra]) < 0):
        raise _does_not_stretch(shape, size)
    found = strided_view(input, tuple(sizes), tuple(steps))
    if found.size > input.size:
        found.flags.writeable = False  # one element of memory stands for several
    return found


def _does_not_stretch(shape: tuple[int, ...], size: Sequence[int]) -> RuntimeError:
    """Why a tensor of `shape` does not expand to `size`."""
    extra = len(size) - len(shape)
    if extra < 0:
        return RuntimeError(
            f"expand: the number of sizes provided ({len(size)}) must be greater or equal to the number of "
            f"dimensions in the tensor ({len(shape)}): {tuple(size)} for shape {shape_text(shape)}"
        )
    for d, n in enumerate(size[:extra]):
        if n < 0:
            return RuntimeError(
                f"expand: The expanded size of the tensor ({n}) isn't allowed in a leading, non-existing "
                f"dimension {d}"
            )
    d = next(d for d, n in enumerate(size[extra:]) if n < -1 or (n not in (-1, shape[d]) and shape[d] != 1))
    return RuntimeError(
        f"expand: The expanded size of the tensor ({size[extra + d]}) must match the existing size "
        f"({shape[d]}) at non-singleton dimension {d + extra}.  Target sizes: {list(size)}.  Tensor sizes: "
        f"{list(shape)}; only sizes of 1 stretch"
    )


def strided_view(a: ndarray, shape: tuple[int, ...], strides: tuple[int, ...]) -> ndarray:
    """`a` under another shape and strides (in bytes); NumPy's as_strided takes ten times as long."""
    if a.flags.c_contiguous and a.size and 0 not in shape:
        return ndarray(shape, a.dtype, a, 0, strides)
    return np.lib.stride_tricks.as_strided(a, shape, strides)


expand.vjp(input=lambda g, input_shape: sum_to_size(g, input_shape))


@composite(forms="mF")
def expand_as(input: Array, other: Array, /) -> Array:
    """`input` expanded to the shape of `other`."""
    return expand(input, tuple(other.shape))


@primitive(forms="mF")
def sum_to_size(input: Array, /, size: Varargs) -> Array:
    """`input` summed over the dimensions that broadcasting from `size` stretched; integers sum to int64."""
    if input.shape != tuple(size) and input.dtype.kind in "biu":
        input = input.astype(np.int64)
    return sum_to(input, tuple(size))


sum_to_size.vjp(input=lambda g, input_shape: expand(g, input_shape))


# -- parts --------------------------------------------------------------------------------------------


@viewing
def select(input: Array, /, dim: int, index: int) -> Array:
    """The slice at `index` along `dim`, which goes."""
    if not input.ndim:
        raise IndexError("select() cannot be applied to a 0-dim tensor.")
    at = normalize_dim("select", dim, input.ndim)
    try:
        return input[(slice(None),) * at + (index, ...)] if at else input[index, ...]
    except IndexError:
        if hasattr(index, "__index__") and not isinstance(index, int):
            return select.body(input, at, index.__index__())
        raise IndexError(
            f"select(): index {index} out of range for tensor of size {list(input.shape)} at dimension {at}"
        ) from None


select.vjp(input=lambda g, input_shape, dim, index: select_scatter_zeros(g, input_shape, dim, index))


@viewing
def narrow(input: Array, /, dim: int, start: Any, length: int) -> Array:
    """`length` entries from `start` along `dim`."""
    if not input.ndim:
        raise RuntimeError("narrow() cannot be applied to a 0-dim tensor.")
    at = normalize_dim("narrow", dim, input.ndim)
    size, start = input.shape[at], int(start)
    if length < 0:
        raise RuntimeError(f"narrow(): length must be non-negative, got {length}.")
    if not -size <= start <= size:
        raise IndexError(
            f"narrow: start out of range (expected to be in range of [{-size}, {size}], but got {start})"
        )
    start = start + size if start < 0 else start
    if start + length > size:
        raise RuntimeError(
            f"narrow: start ({start}) + length ({length}) exceeds dimension size ({size}) of dim {dim}."
        )
    return input[(slice(None),) * at + (slice(start, start + length),)]


narrow.vjp(input=lambda g, input_shape, dim, start: slice_zeros(g, input_shape, dim, int(start)))


@primitive(forms="", under="internal")
def slice_zeros(input: Array, /, size: Sequence[int], dim: int, start: int) -> Array:
    """Zeros of `size` holding `input` from `start` along `dim`: the adjoint of narrow."""
    start = start + size[dim] if start < 0 else start
    out = memory.zeros(size, input.dtype)
    place = (slice(None),) * (dim % len(size)) + (slice(start, start + input.shape[dim]),)
    memory.copy_into(out[place], input)
    return out


slice_zeros.vjp(input=lambda g, input_shape, dim, start: narrow(g, dim, start, input_shape[dim]))


@primitive(forms="", under="internal")
def select_scatter_zeros(input: Array, /, size: Sequence[int], dim: int, index: int) -> Array:
    """Zeros of `size` holding `input` at `index` along `dim`: the adjoint of select."""
    out = memory.zeros(size, input.dtype)
    memory.copy_into(out[(slice(None),) * (dim % len(size)) + (int(index), ...)], input)
    return out


select_scatter_zeros.vjp(input=lambda g, dim, index: select(g, dim, index))


@composite(forms="m")
def unbind(input: Array, /, dim: int = 0) -> tuple[Array, ...]:
    """The slices along `dim`, as a tuple of views."""
    if not len(input.shape):
        raise IndexError(f"unbind: Dimension specified as {dim} but tensor has no dimensions")
    at = normalize_dim("unbind", dim, len(input.shape))
    return tuple([select(input, at, i) for i in range(input.shape[at])])


@composite(forms="m", aliases=("unsafe_split",))
def split(input: Array, /, split_size_or_sections: Any, dim: int = 0) -> tuple[Array, ...]:
    """Views of consecutive parts along `dim`: of one size (the last may be less), or of the given sizes."""
    if not len(input.shape):
        raise RuntimeError("split expects at least a 1-dimensional tensor")
    size = input.shape[normalize_dim("split", dim, len(input.shape))]
    parts = split_size_or_sections
    if isinstance(parts, int):
        if parts < 0 or (parts == 0 and size):
            raise RuntimeError(
                "split: split expects split_size be non-negative (and positive for a dimension size of "
                f"{size}), but got split_size={parts}"
            )
        parts = [min(parts, size - i) for i in range(0, size, parts)] if size else [0]
    if sum(parts) != size:
        raise RuntimeError(
            f"split: split_with_sizes expects split_sizes to sum exactly to {size} (input tensor's size at "
            f"dimension {dim}), but got split_sizes={list(parts)}"
        )
    starts = itertools.accumulate(parts, initial=0)
    return tuple([narrow(input, dim, start, n) for start, n in zip(starts, parts, strict=False)])


@composite(forms="m")
def split_with_sizes(input: Array, /, split_sizes: Sequence[int], dim: int = 0) -> tuple[Array, ...]:
    """Views of consecutive parts of the given sizes along `dim`."""
    return split(input, list(split_sizes), dim)


@composite(forms="m", aliases=("unsafe_chunk",))
def chunk(input: Array, /, chunks: int, dim: int = 0) -> tuple[Array, ...]:
    """At most `chunks` equal parts along `dim` (the last may be smaller), as views."""
    if chunks <= 0:
        raise RuntimeError(f"chunk: chunk expects `chunks` to be greater than 0, got: {chunks}")
    if not len(input.shape):
        raise RuntimeError("chunk expects at least a 1-dimensional tensor")
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
    out = memory.zeros(size, input.dtype)
    place = np.diagonal(out, offset, dim1, dim2)
    place.flags.writeable = True
    memory.copy_into(place, input)
    return out


diagonal_zeros.vjp(input=lambda g, offset, dim1, dim2: diagonal(g, offset, dim1, dim2))


@composite(forms="m")
def ravel(input: Array, /) -> Array:
    """All elements in one dimension; a view where that can be."""
    return view(contiguous(input), (-1,))


# -- copies -------------------------------------------------------------------------------------------


@primitive
def clone(input: Array, /, *, memory_format: Any = None) -> Array:
    """A copy; the gradient passes through."""
    if memory_format is not None and "contiguous" in str(memory_format):
        return row_major(input)
    if str(memory_format) == "torch.channels_last":
        return row_major(input.transpose(0, 2, 3, 1)).transpose(0, 3, 1, 2)
    if input.flags.c_contiguous or (0 in input.strides and input.size > 1):
        return row_major(input)
    return memory.copied(input, "K")


clone.vjp(input=lambda g: g)


@composite(forms="mF")
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
