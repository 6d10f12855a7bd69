"""Convolutions. The three primitives are the derivatives of one trilinear form, so each vjp stays among them.

See `arrays/convolution.py` for the form. `transposed` exchanges the roles of input and output.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ..arrays import convolution as kernels
from ..arrays.convolution import Geometry
from ..dtypes import OF_NUMPY
from .conv_batch import by_groups, by_images_or_groups, with_bias
from .declare import Op, composite, primitive
from .pad import constant_pad_nd
from .reduce import sum as sum_op
from .spatial import Sizes, is_batched, per_axis, x_text
from .views import squeeze, unsqueeze

Array = Any


@primitive(forms="")
def convolution(
    input: Array,
    weight: Array,
    bias: Array = None,
    /,
    stride: Any = 1,
    padding: Any = 0,
    dilation: Any = 1,
    transposed: bool = False,
    output_padding: Any = 0,
    groups: int = 1,
) -> Array:
    """y[n, o, p] = bias[o] + Σ weight[o, c, k] input[n, c, p·stride + k·dilation - padding], per group.

    input (N, C, *sizes), weight (O, C / groups, *kernel), or (C, O / groups, *kernel) when `transposed`.
    """
    geometry = _geometry(input, weight, stride, padding, dilation, groups)
    sizes = _checked_sizes(input, weight, bias, geometry, transposed, output_padding)
    if transposed:
        return kernels.input_gradient(input, weight, geometry, sizes, bias)
    return kernels.convolution(input, weight, geometry, None, bias)


@convolution.shape
def _(
    input: Any,
    weight: Any,
    bias: Any = None,
    stride: Any = 1,
    padding: Any = 0,
    dilation: Any = 1,
    transposed: bool = False,
    output_padding: Any = 0,
    groups: int = 1,
) -> Any:
    if input.dtype.kind != "f" or not all(input.shape):
        return None
    geometry = _geometry(input, weight, stride, padding, dilation, groups)
    sizes = _checked_sizes(input, weight, bias, geometry, transposed, output_padding)
    channels = weight.shape[1] * groups if transposed else weight.shape[0]
    return (input.shape[0], channels, *sizes), input.dtype


def _checked_sizes(
    input: Any, weight: Any, bias: Any, geometry: Geometry, transposed: bool, output_padding: Any
) -> Sizes:
    """The sizes of the output. Raises RuntimeError for arguments that do not fit."""
    _check_types(input, weight, bias)
    extra = per_axis("convolution", "output_padding", output_padding, len(geometry.stride))
    _check_weight(input, weight, bias, geometry.groups, transposed)
    if transposed:
        return _transposed_sizes(input, weight, geometry, extra)
    _check_kernel(input, weight, geometry)
    return tuple(geometry.output_sizes(input.shape[2:], weight.shape[2:]))


def _input_cotangent(
    g: Any,
    weight: Any,
    input_shape: Sizes,
    stride: Any,
    padding: Any,
    dilation: Any,
    transposed: bool,
    groups: int,
) -> Any:
    back = convolution_output if transposed else convolution_input
    return back(g, weight, tuple(input_shape[2:]), stride, padding, dilation, groups)


def _weight_cotangent(
    g: Any,
    input: Any,
    weight_shape: Sizes,
    stride: Any,
    padding: Any,
    dilation: Any,
    transposed: bool,
    groups: int,
) -> Any:
    x, y = (g, input) if transposed else (input, g)
    return convolution_weight(x, y, tuple(weight_shape[2:]), stride, padding, dilation, groups)


convolution.vjp(
    input=_input_cotangent,
    weight=_weight_cotangent,
    bias=lambda g: sum_op(g, (0, *range(2, len(g.shape)))),
)


# -- the trilinear form's derivatives: `size` is the result's, the other options are a Geometry
# -----------------


@primitive(forms="", under="internal")
def convolution_output(
    input: Array, weight: Array, /, size: Sizes, stride: Any, padding: Any, dilation: Any, groups: int
) -> Array:
    """The derivative by the output cotangent, which is the convolution, for `size` outputs on each axis."""
    return kernels.convolution(
        input, weight, _geometry(input, weight, stride, padding, dilation, groups), size
    )


@primitive(forms="", under="internal")
def convolution_input(
    grad: Array, weight: Array, /, size: Sizes, stride: Any, padding: Any, dilation: Any, groups: int
) -> Array:
    """The derivative by the input, of spatial `size`; grad (N, O, *counts)."""
    return kernels.input_gradient(
        grad, weight, _geometry(grad, weight, stride, padding, dilation, groups), size
    )


@primitive(forms="", under="internal")
def convolution_weight(
    input: Array, grad: Array, /, size: Sizes, stride: Any, padding: Any, dilation: Any, groups: int
) -> Array:
    """The derivative by the weight, of kernel `size`; input (N, C, *sizes), grad (N, O, *counts)."""
    return kernels.weight_gradient(
        input, grad, _geometry(input, grad, stride, padding, dilation, groups), size
    )


convolution_output.vjp(
    input=lambda g, weight, input_shape, stride, padding, dilation, groups: convolution_input(
        g, weight, tuple(input_shape[2:]), stride, padding, dilation, groups
    ),
    weight=lambda g, input, weight_shape, stride, padding, dilation, groups: convolution_weight(
        input, g, tuple(weight_shape[2:]), stride, padding, dilation, groups
    ),
)
convolution_input.vjp(
    grad=lambda g, weight, grad_shape, stride, padding, dilation, groups: convolution_output(
        g, weight, tuple(grad_shape[2:]), stride, padding, dilation, groups
    ),
    weight=lambda g, grad, weight_shape, stride, padding, dilation, groups: convolution_weight(
        g, grad, tuple(weight_shape[2:]), stride, padding, dilation, groups
    ),
)
convolution_weight.vjp(
    input=lambda g, grad, input_shape, stride, padding, dilation, groups: convolution_input(
        grad, g, tuple(input_shape[2:]), stride, padding, dilation, groups
    ),
    grad=lambda g, input, grad_shape, stride, padding, dilation, groups: convolution_output(
        input, g, tuple(grad_shape[2:]), stride, padding, dilation, groups
    ),
)


convolution.batch(with_bias)
convolution_output.batch(by_images_or_groups)
convolution_input.batch(by_images_or_groups)
convolution_weight.batch(by_groups)


# -- the public names -------------------------------------------------------------------------------


def _declare_conv(axes: int) -> Op:
    """conv1d, conv2d or conv3d."""
    name = f"conv{axes}d"

    def conv(
        input: Array,
        weight: Array,
        bias: Array = None,
        /,
        stride: Any = 1,
        padding: Any = 0,
        dilation: Any = 1,
        groups: int = 1,
    ) -> Array:
        return _conv(name, axes, input, weight, bias, stride, padding, dilation, groups)

    conv.__doc__ = (
        f"The cross-correlation of input (N, C, {_SIZES[axes]}) with weight (O, C / groups, *kernel), plus "
        "bias (O).\n\n"
        "padding: a number for each axis, or 'valid' (none), or 'same' (output as large as input, at stride "
        "1)."
    )
    return composite(conv, name=name, forms="", under="nn.functional", aliases=(name,))


def _declare_conv_transpose(axes: int) -> Op:
    """conv_transpose1d, conv_transpose2d or conv_transpose3d."""
    name = f"conv_transpose{axes}d"

    def conv_transpose(
        input: Array,
        weight: Array,
        bias: Array = None,
        /,
        stride: Any = 1,
        padding: Any = 0,
        output_padding: Any = 0,
        groups: int = 1,
        dilation: Any = 1,
    ) -> Array:
        return _conv(name, axes, input, weight, bias, stride, padding, dilation, groups, output_padding)

    sizes = f"input (N, C, {_SIZES[axes]}), weight (C, O / groups, *kernel), bias (O)"
    conv_transpose.__doc__ = f"The transpose of conv{axes}d: {sizes}."
    return composite(conv_transpose, name=name, forms="", under="nn.functional", aliases=(name,))


_SIZES = {1: "L", 2: "H, W", 3: "D, H, W"}

conv1d, conv2d, conv3d = map(_declare_conv, (1, 2, 3))
conv_transpose1d, conv_transpose2d, conv_transpose3d = map(_declare_conv_transpose, (1, 2, 3))


def _conv(
    name: str,
    axes: int,
    input: Any,
    weight: Any,
    bias: Any,
    stride: Any,
    padding: Any,
    dilation: Any,
    groups: int,
    output_padding: Any = None,
) -> Any:
    """What the public names share: a batch where there is none, and padding given by name."""
    batched, transposed = is_batched(name, input, axes), output_padding is not None
    x = input if batched else unsqueeze(input, 0)
    if isinstance(padding, str):
        if transposed:
            raise TypeError(f"{name}: argument 'padding' must be tuple of ints, not str")
        x, padding = _named_padding(name, x, weight, padding, stride, dilation)
    y = convolution(x, weight, bias, stride, padding, dilation, transposed, output_padding or 0, groups)
    return y if batched else squeeze(y, 0)


def _named_padding(
    name: str, x: Any, weight: Any, padding: str, stride: Any, dilation: Any
) -> tuple[Any, Sizes]:
    """The padding that 'valid' (none) and 'same' (output as large as input) stand for.

    Where 'same' needs an odd number of places, the last one is put behind the input first.
    """
    kernel = tuple(weight.shape[2:])
    if padding == "valid":
        return x, (0,) * len(kernel)
    if padding != "same":
        raise RuntimeError(f"{name}: Invalid padding string: '{padding}'; there are 'valid' and 'same'")
    if any(s != 1 for s in per_axis(name, "stride", stride, len(kernel))):
        raise RuntimeError(f"{name}: padding='same' is not supported for strided convolutions")
    steps = per_axis(name, "dilation", dilation, len(kernel))
    totals = [d * (k - 1) for k, d in zip(kernel, steps, strict=True)]
    if any(total % 2 for total in totals):
        x = constant_pad_nd(x, tuple(n for total in reversed(totals) for n in (0, total % 2)))
    return x, tuple(total // 2 for total in totals)


# -- checks -----------------------------------------------------------------------------------------


def _geometry(input: Any, weight: Any, stride: Any, padding: Any, dilation: Any, groups: int) -> Geometry:
    axes = len(input.shape) - 2
    if len(weight.shape) != axes + 2:
        raise RuntimeError(
            f"conv{axes}d: expected a weight of {axes + 2} dimensions for input of size {list(input.shape)}, "
            f"but got weight of size {list(weight.shape)}"
        )
    found = Geometry(
        _numbers("stride", stride, axes),
        _numbers("padding", padding, axes),
        _numbers("dilation", dilation, axes),
        groups,
    )
    if min(found.stride) <= 0:
        raise RuntimeError(f"conv{axes}d: non-positive stride is not supported, but got {list(found.stride)}")
    if min(found.padding) < 0:
        raise RuntimeError(f"conv{axes}d: negative padding is not supported, but got {list(found.padding)}")
    if min(found.dilation) <= 0:
        raise RuntimeError(
            f"conv{axes}d: dilation should be greater than zero, but got {list(found.dilation)}"
        )
    if groups <= 0:
        raise RuntimeError(f"conv{axes}d: non-positive groups is not supported, but got {groups}")
    return found


def _numbers(what: str, value: Any, axes: int) -> Sizes:
    if not isinstance(value, int) and len(value) not in (1, axes):
        raise RuntimeError(
            f"conv{axes}d: expected {what} to be a single integer value or a list of {axes} values to match "
            "the "
            f"convolution dimensions, but got {what}={list(value)}"
        )
    return per_axis(f"conv{axes}d", what, value, axes)


def _check_types(input: np.ndarray, weight: np.ndarray, bias: np.ndarray | None) -> None:
    if input.dtype == np.bool_ and input.size:
        raise NotImplementedError(f"conv{input.ndim - 2}d: not implemented for 'Bool'; convert with .float()")
    for what, other in (("weight", weight), ("bias", bias)):
        if other is not None and other.dtype != input.dtype:
            raise RuntimeError(
                f"conv{input.ndim - 2}d: Input type ({OF_NUMPY[input.dtype]}) and {what} type "
                f"({OF_NUMPY[other.dtype]}) should be the same; convert one with .to(dtype)"
            )


def _check_weight(
    input: np.ndarray, weight: np.ndarray, bias: np.ndarray | None, groups: int, transposed: bool
) -> None:
    given = f"Given transposed={int(transposed)}" if transposed else f"Given groups={groups}"
    name = f"conv_transpose{input.ndim - 2}d" if transposed else f"conv{input.ndim - 2}d"
    shape = list(weight.shape)
    if weight.shape[0] < groups or weight.shape[0] % groups:
        raise RuntimeError(
            f"{name}: {given}, expected weight to be divisible by {groups} and at least {groups} at "
            "dimension 0, "
            f"but got weight of size {shape} instead"
        )
    channels = weight.shape[0] if transposed else weight.shape[1] * groups
    if input.shape[1] != channels:
        raise RuntimeError(
            f"{name}: {given}, weight of size {shape}, expected input{list(input.shape)} to have {channels} "
            f"channels, but got {input.shape[1]} channels instead"
        )
    outputs = weight.shape[1] * groups if transposed else weight.shape[0]
    if bias is not None and bias.shape != (outputs,):
        raise RuntimeError(
            f"{name}: {given}, weight of size {shape}, expected bias to be 1-dimensional with {outputs} "
            "elements, "
            f"but got bias of size {list(bias.shape)} instead"
        )


def _check_kernel(input: np.ndarray, weight: np.ndarray, geometry: Geometry) -> None:
    if min(geometry.output_sizes(input.shape[2:], weight.shape[2:])) < 1:
        padded = [n + 2 * p for n, p in zip(input.shape[2:], geometry.padding, strict=True)]
        raise RuntimeError(
            f"conv{input.ndim - 2}d: Calculated padded input size per channel: {x_text(padded)}. "
            f"Kernel size: {x_text(weight.shape[2:])}. Kernel size can't be greater than actual input size"
        )


def _transposed_sizes(input: np.ndarray, weight: np.ndarray, geometry: Geometry, extra: Sizes) -> Sizes:
    name = f"conv_transpose{input.ndim - 2}d"
    limits = zip(extra, geometry.stride, geometry.dilation, strict=True)
    if any(e < 0 or e >= max(s, d) for e, s, d in limits):
        raise RuntimeError(
            f"{name}: output padding must be smaller than either stride or dilation, but got output_padding "
            f"{list(extra)}, stride {list(geometry.stride)}, dilation {list(geometry.dilation)}"
        )
    sizes = geometry.transposed_sizes(input.shape[2:], weight.shape[2:], extra)
    if min(sizes) < 1:
        raise RuntimeError(
            f"{name}: Given input size per channel: {x_text(input.shape[2:])}. "
            f"Calculated output size per channel: {x_text(sizes)}. Output size is too small"
        )
    return sizes
