"""Maximum pooling, sliding and adaptive, and its partial inverse.

The primitives pool the last axes and leave any others alone; batches and channels are the same to them. A
maximum keeps its input only: where it lay is found again in the backward pass, which is cheap, and leaves
the output free to be changed in place.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from typing import Any

import numpy as np

from ..arrays import pooling
from ..arrays.bins import Bins, adaptive_bins
from ..dtypes import OF_NUMPY
from ..errors import shape_text
from .declare import Op, composite, primitive
from .pool_windows import Windows, bins_of, pooled_shape, windows_of
from .spatial import Sizes, adaptive_size, is_batched, over_lead, per_axis

Array = Any


def _adaptive(shape: Sizes, counts: Sizes) -> list[Bins]:
    return [adaptive_bins(size, n) for size, n in zip(shape[-len(counts) :], counts, strict=True)]


@primitive(forms="", under="internal")
def max_pool(input: Array, /, windows: Windows, ceil_mode: bool) -> Array:
    """The largest number of each window over the last axes."""
    return pooling.max_pool(input, bins_of(input.shape, windows, ceil_mode))


@max_pool.shape
def _(input: Any, windows: Windows, ceil_mode: bool) -> Any:
    return pooled_shape(input, windows, ceil_mode), input.dtype


@primitive(forms="", under="internal", differentiable=False)
def max_pool_indices(input: Array, /, windows: Windows, ceil_mode: bool) -> Array:
    """Where the maxima of `max_pool` lie, in the flattened last axes."""
    return pooling.max_pool_indices(input, bins_of(input.shape, windows, ceil_mode))


max_pool.vjp(input=lambda g, input, windows, ceil_mode: max_pool_transpose(g, input, windows, ceil_mode))


@primitive(forms="", under="internal")
def max_pool_transpose(grad: Array, input: Array, /, windows: Windows, ceil_mode: bool) -> Array:
    """The transpose of `max_pool` at `input`: each number goes to where its maximum lies."""
    return pooling.spread_maxima(grad, input, bins_of(input.shape, windows, ceil_mode))


max_pool_transpose.vjp(
    grad=lambda g, input, windows, ceil_mode: gather_flat(
        g, max_pool_indices(input, windows, ceil_mode), len(windows)
    ),
    input=lambda g: None,  # where the maxima lie does not change with small steps
)


@primitive(forms="", under="internal")
def adaptive_max_pool(input: Array, /, output_size: Sizes) -> Array:
    """The largest number of each of `output_size` bins over the last axes."""
    return pooling.max_pool(input, _adaptive(input.shape, output_size))


@primitive(forms="", under="internal", differentiable=False)
def adaptive_max_pool_indices(input: Array, /, output_size: Sizes) -> Array:
    """Where the maxima of `adaptive_max_pool` lie, in the flattened last axes."""
    return pooling.max_pool_indices(input, _adaptive(input.shape, output_size))


adaptive_max_pool.vjp(
    input=lambda g, input, output_size: scatter_flat(
        g, adaptive_max_pool_indices(input, output_size), tuple(input.shape[-len(output_size) :])
    )
)


@primitive(forms="", under="internal")
def gather_flat(input: Array, indices: Array, /, axes: int) -> Array:
    """`input` at flat indices into its last `axes` axes."""
    return pooling.gather(input, indices, axes)


@primitive(forms="", under="internal")
def scatter_flat(input: Array, indices: Array, /, sizes: Sizes) -> Array:
    """The transpose of gather_flat: `input` added at flat indices into zeros with last axes `sizes`."""
    return pooling.scatter(input, indices, sizes)


gather_flat.vjp(
    input=lambda g, indices, input_shape, axes: scatter_flat(g, indices, tuple(input_shape[-axes:]))
)
scatter_flat.vjp(input=lambda g, indices, sizes: gather_flat(g, indices, len(sizes)))


@primitive(forms="", under="internal")
def max_unpool(input: Array, indices: Array, /, sizes: Sizes) -> Array:
    """Zeros with last axes `sizes`, and `input` put at flat indices into them."""
    if indices.dtype != np.int64:
        raise RuntimeError(
            f"max_unpool: elements in indices should be type int64 but got: {OF_NUMPY[indices.dtype]}"
        )
    if indices.shape != input.shape:
        raise RuntimeError(
            "max_unpool: Expected shape of indices to be same as that of the input tensor "
            f"({list(input.shape)}) "
            f"but got indices tensor with shape: {list(indices.shape)}"
        )
    if indices.size and not 0 <= int(indices.min()) <= int(indices.max()) < prod(sizes):
        wrong = indices[(indices < 0) | (indices >= prod(sizes))].flat[0]
        shown = "x".join(map(str, sizes))
        raise RuntimeError(
            f"max_unpool: Found an invalid max index: {wrong} (output volumes are of size {shown})"
        )
    return pooling.max_unpool(input, indices, sizes)


max_unpool.vjp(input=lambda g, indices, sizes: gather_flat(g, indices, len(sizes)))


for _op in (
    max_pool,
    max_pool_indices,
    max_pool_transpose,
    adaptive_max_pool,
    adaptive_max_pool_indices,
    gather_flat,
    scatter_flat,
    max_unpool,
):
    _op.batch(over_lead)


# -- the public names -------------------------------------------------------------------------------


def _declare_max_pool(axes: int) -> Op:
    """max_pool1d, max_pool2d or max_pool3d."""
    name = f"max_pool{axes}d"

    def pool(
        input: Array,
        /,
        kernel_size: Any,
        stride: Any = None,
        padding: Any = 0,
        dilation: Any = 1,
        ceil_mode: bool = False,
        return_indices: bool = False,
    ) -> Any:
        windows = windows_of(name, axes, input, kernel_size, stride, padding, dilation, ceil_mode)
        values = max_pool(input, windows, ceil_mode)
        return (values, max_pool_indices(input, windows, ceil_mode)) if return_indices else values

    pool.__doc__ = f"The largest number of each window over the last {axes} axes; return_indices: also where."
    return composite(pool, name=name, forms="", under="nn.functional", aliases=(name,))


def _declare_max_pool_with_indices(axes: int) -> Op:
    """max_pool1d_with_indices and its kin: as max_pool1d with return_indices."""
    name = f"max_pool{axes}d_with_indices"

    def pool(
        input: Array,
        /,
        kernel_size: Any,
        stride: Any = None,
        padding: Any = 0,
        dilation: Any = 1,
        ceil_mode: bool = False,
        return_indices: bool = True,
    ) -> Any:
        windows = windows_of(name, axes, input, kernel_size, stride, padding, dilation, ceil_mode)
        return max_pool(input, windows, ceil_mode), max_pool_indices(input, windows, ceil_mode)

    pool.__doc__ = f"The largest number of each window over the last {axes} axes, and where it lies."
    return composite(pool, name=name, forms="", under="nn.functional")


def _declare_adaptive_max_pool(axes: int) -> Op:
    """adaptive_max_pool1d, adaptive_max_pool2d or adaptive_max_pool3d."""
    name = f"adaptive_max_pool{axes}d"

    def pool(input: Array, /, output_size: Any, return_indices: bool = False) -> Any:
        counts = adaptive_size(name, axes, input, output_size)
        values = adaptive_max_pool(input, counts)
        return (values, adaptive_max_pool_indices(input, counts)) if return_indices else values

    pool.__doc__ = f"The largest number of each of `output_size` bins over the last {axes} axes."
    return composite(pool, name=name, forms="", under="nn.functional", aliases=(name,) if axes == 1 else ())


def _declare_max_unpool(axes: int) -> Op:
    """max_unpool1d, max_unpool2d or max_unpool3d."""
    name = f"max_unpool{axes}d"

    def unpool(
        input: Array,
        indices: Array,
        /,
        kernel_size: Any,
        stride: Any = None,
        padding: Any = 0,
        output_size: Sequence[int] | None = None,
    ) -> Array:
        is_batched(name, input, axes)
        kernel = per_axis(name, "kernel_size", kernel_size, axes)
        stride = kernel if stride is None else per_axis(name, "stride", stride, axes)
        padding = per_axis(name, "padding", padding, axes)
        natural = tuple(
            (n - 1) * s + k - 2 * p
            for n, k, s, p in zip(input.shape[-axes:], kernel, stride, padding, strict=True)
        )
        return max_unpool(input, indices, _unpooled_size(name, natural, stride, output_size))

    unpool.__doc__ = (
        f"Zeros, and each number of `input` at its index: the partial inverse of max_pool{axes}d."
    )
    return composite(unpool, name=name, forms="", under="nn.functional")


def _unpooled_size(name: str, natural: Sizes, stride: Sizes, asked: Sequence[int] | None) -> Sizes:
    """The output size: the natural one, or one within a stride of it. Raises ValueError."""
    if asked is None:
        return natural
    sizes = tuple(asked)[2:] if len(asked) == len(natural) + 2 else tuple(asked)
    if len(sizes) != len(natural):
        raise ValueError(
            f"{name}: output_size should be a sequence containing {len(natural)} or {len(natural) + 2} "
            "elements, "
            f"but it has a length of '{len(asked)}'"
        )
    for axis, (size, n, s) in enumerate(zip(sizes, natural, stride, strict=True)):
        if not n - s < size < n + s:
            raise ValueError(
                f'{name}: invalid output_size "{shape_text(sizes)}" '
                f"(dim {axis} must be between {n - s} and {n + s})"
            )
    return sizes


max_pool1d, max_pool2d, max_pool3d = map(_declare_max_pool, (1, 2, 3))
max_pool1d_with_indices, max_pool2d_with_indices, max_pool3d_with_indices = map(
    _declare_max_pool_with_indices, (1, 2, 3)
)
adaptive_max_pool1d, adaptive_max_pool2d, adaptive_max_pool3d = map(_declare_adaptive_max_pool, (1, 2, 3))
max_unpool1d, max_unpool2d, max_unpool3d = map(_declare_max_unpool, (1, 2, 3))
