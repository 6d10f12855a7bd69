"""Average pooling, sliding and adaptive. The primitives pool the last axes and leave any others alone."""

from __future__ import annotations

from collections.abc import Sequence
from math import inf, prod
from typing import Any

import numpy as np

from ..arrays import averaging
from ..arrays.bins import Bins
from ..dtypes import OF_NUMPY
from .activations import relu
from .declare import Op, composite, primitive
from .max_pool import max_pool1d, max_pool2d, max_pool3d
from .pointwise import mul, neg
from .pointwise import pow as power
from .pool_windows import Windows, bins_of, pooled_shape, windows_of
from .rounding import abs as absolute
from .rounding import sign
from .spatial import Sizes, adaptive_size, over_lead, per_axis

Array = Any


def _divisors(
    bins: Sequence[Bins], windows: Windows, count_include_pad: bool, override: int | None
) -> np.ndarray:
    padding = tuple(window[2] for window in windows)
    return averaging.window_divisors(bins, padding, count_include_pad, override)


@primitive(forms="", under="internal")
def avg_pool(
    input: Array, /, windows: Windows, ceil_mode: bool, count_include_pad: bool, divisor_override: int | None
) -> Array:
    """The mean of each window over the last axes."""
    bins = bins_of(input.shape, windows, ceil_mode)
    return averaging.avg_pool(input, bins, _divisors(bins, windows, count_include_pad, divisor_override))


@avg_pool.shape
def _(input: Any, windows: Windows, ceil_mode: bool, *_: Any) -> Any:
    return (pooled_shape(input, windows, ceil_mode), input.dtype) if input.dtype.kind == "f" else None


avg_pool.vjp(
    input=lambda g, input_shape, windows, ceil_mode, count_include_pad, divisor_override: avg_pool_transpose(
        g, tuple(input_shape[-len(windows) :]), windows, ceil_mode, count_include_pad, divisor_override
    )
)


@primitive(forms="", under="internal")
def avg_pool_transpose(
    grad: Array,
    /,
    sizes: Sizes,
    windows: Windows,
    ceil_mode: bool,
    count_include_pad: bool,
    divisor_override: int | None,
) -> Array:
    """The transpose of `avg_pool` for an input with last axes `sizes`."""
    bins = bins_of(sizes, windows, ceil_mode)
    return averaging.avg_pool_gradient(
        grad, bins, _divisors(bins, windows, count_include_pad, divisor_override)
    )


avg_pool_transpose.vjp(
    grad=lambda g, windows, ceil_mode, count_include_pad, divisor_override: avg_pool(
        g, windows, ceil_mode, count_include_pad, divisor_override
    )
)


@primitive(forms="", under="internal")
def adaptive_avg_pool(input: Array, /, output_size: Sizes) -> Array:
    """The mean of each of `output_size` bins over the last axes."""
    if input.dtype.kind in "iub":
        raise RuntimeError(
            "adaptive_avg_pool: mean(): could not infer output dtype. Input dtype must be either a floating "
            "point or "
            f"complex dtype. Got: {OF_NUMPY[input.dtype]}"
        )
    return averaging.adaptive_avg_pool(input, output_size)


@adaptive_avg_pool.shape
def _(input: Any, output_size: Sizes) -> Any:
    if input.dtype.kind != "f":
        return None
    return (*input.shape[: len(input.shape) - len(output_size)], *output_size), input.dtype


@primitive(forms="", under="internal")
def adaptive_avg_pool_transpose(grad: Array, /, sizes: Sizes) -> Array:
    """The transpose of `adaptive_avg_pool` for an input with last axes `sizes`."""
    return averaging.adaptive_avg_pool_gradient(grad, sizes)


adaptive_avg_pool.vjp(
    input=lambda g, input_shape, output_size: adaptive_avg_pool_transpose(
        g, tuple(input_shape[-len(output_size) :])
    )
)
adaptive_avg_pool_transpose.vjp(
    grad=lambda g, grad_shape, sizes: adaptive_avg_pool(g, tuple(grad_shape[-len(sizes) :]))
)


for _op in (avg_pool, avg_pool_transpose, adaptive_avg_pool, adaptive_avg_pool_transpose):
    _op.batch(over_lead)


# -- the public names -------------------------------------------------------------------------------


def _declare_avg_pool(axes: int) -> Op:
    """avg_pool1d, avg_pool2d or avg_pool3d."""
    name = f"avg_pool{axes}d"

    def pool(
        input: Array,
        /,
        kernel_size: Any,
        stride: Any = None,
        padding: Any = 0,
        ceil_mode: bool = False,
        count_include_pad: bool = True,
        divisor_override: int | None = None,
    ) -> Array:
        windows = windows_of(name, axes, input, kernel_size, stride, padding, 1, ceil_mode)
        if divisor_override == 0:
            raise RuntimeError(f"{name}: divisor must be not zero")
        return avg_pool(input, windows, ceil_mode, count_include_pad, divisor_override)

    pool.__doc__ = (
        f"The mean of each window over the last {axes} axes.\n\n"
        f"Zeros of the padding count where count_include_pad; divisor_override divides by another number."
    )
    # torch takes out= for images and volumes, and has only the sequence's pool at the top level.
    forms, aliases = ("", (name,)) if axes == 1 else ("o", ())
    return composite(pool, name=name, forms=forms, under="nn.functional", aliases=aliases)


def _declare_lp_pool(axes: int) -> Op:
    """lp_pool1d, lp_pool2d or lp_pool3d."""
    name = f"lp_pool{axes}d"

    def pool(
        input: Array, /, norm_type: float, kernel_size: Any, stride: Any = None, ceil_mode: bool = False
    ) -> Array:
        largest = max_pools[axes - 1]
        if norm_type == inf:
            return largest(absolute(input), kernel_size, stride, 0, 1, ceil_mode)
        if norm_type == -inf:
            return neg(largest(neg(absolute(input)), kernel_size, stride, 0, 1, ceil_mode))
        mean = avg_pools[axes - 1](power(input, norm_type), kernel_size, stride, 0, ceil_mode)
        size = prod(per_axis(name, "kernel_size", kernel_size, axes))
        # A sum below zero (odd norms) gives zero with gradient zero, as the reference does.
        return power(mul(mul(sign(mean), relu(absolute(mean))), size), 1.0 / norm_type)

    pool.__doc__ = (
        f"(Σ xᵖ)^(1/p) of each window over the last {axes} axes, p = norm_type; infinity: the largest |x|."
    )
    return composite(pool, name=name, forms="", under="nn.functional")


def _declare_adaptive_avg_pool(axes: int) -> Op:
    """adaptive_avg_pool1d, adaptive_avg_pool2d or adaptive_avg_pool3d."""
    name = f"adaptive_avg_pool{axes}d"

    def pool(input: Array, /, output_size: Any) -> Array:
        return adaptive_avg_pool(input, adaptive_size(name, axes, input, output_size))

    pool.__doc__ = f"The mean of each of `output_size` bins over the last {axes} axes."
    return composite(pool, name=name, forms="", under="nn.functional", aliases=(name,) if axes == 1 else ())


avg_pool1d, avg_pool2d, avg_pool3d = avg_pools = tuple(map(_declare_avg_pool, (1, 2, 3)))
max_pools = (max_pool1d, max_pool2d, max_pool3d)
lp_pool1d, lp_pool2d, lp_pool3d = map(_declare_lp_pool, (1, 2, 3))
adaptive_avg_pool1d, adaptive_avg_pool2d, adaptive_avg_pool3d = map(_declare_adaptive_avg_pool, (1, 2, 3))
