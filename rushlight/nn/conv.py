"""Convolutions and transposed convolutions over one, two and three axes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from ..tensor import Tensor
from .functional import conv1d, conv2d, conv3d, conv_transpose1d, conv_transpose2d, conv_transpose3d, pad
from .making import parameter, per_axis, reset_affine
from .module import Module

_PADDING_MODES = {"zeros", "reflect", "replicate", "circular"}


class _ConvNd(Module):
    """What all convolutions have: sizes, weight and bias. Sizes are tuples here, one number per axis."""

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: tuple[int, ...],
        stride: tuple[int, ...],
        padding: str | tuple[int, ...],
        dilation: tuple[int, ...],
        transposed: bool,
        output_padding: tuple[int, ...],
        groups: int,
        bias: bool,
        padding_mode: str,
        device: Any = None,
        dtype: Any = None,
    ) -> None:
        super().__init__()
        _check_groups(in_channels, out_channels, groups)
        _check_padding(padding, stride, padding_mode)
        self.in_channels = in_channels
        self.out_channels = out_channels
        self.kernel_size = kernel_size
        self.stride = stride
        self.padding = padding
        self.dilation = dilation
        self.transposed = transposed
        self.output_padding = output_padding
        self.groups = groups
        self.padding_mode = padding_mode
        self._reversed_padding_repeated_twice = _pad_sizes(padding, dilation, kernel_size)
        first, second = (in_channels, out_channels) if transposed else (out_channels, in_channels)
        self.weight = parameter(first, second // groups, *kernel_size, device=device, dtype=dtype)
        self.register_parameter("bias", parameter(out_channels, device=device, dtype=dtype) if bias else None)
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draw weight and bias anew, uniform on ±1/√fan_in."""
        reset_affine(self.weight, self.bias)

    def extra_repr(self) -> str:
        none = (0,) * len(self.kernel_size)
        settings = [f"{self.in_channels}", f"{self.out_channels}"]
        settings += [f"kernel_size={self.kernel_size}", f"stride={self.stride}"]
        settings += [f"padding={self.padding}"] if self.padding != none else []
        settings += [f"dilation={self.dilation}"] if self.dilation != (1,) * len(none) else []
        settings += [f"output_padding={self.output_padding}"] if self.output_padding != none else []
        settings += [f"groups={self.groups}"] if self.groups != 1 else []
        settings += ["bias=False"] if self.bias is None else []
        settings += [f"padding_mode={self.padding_mode}"] if self.padding_mode != "zeros" else []
        return ", ".join(settings)


def _check_groups(in_channels: int, out_channels: int, groups: int) -> None:
    if groups <= 0:
        raise ValueError(f"groups must be a positive integer, not {groups}")
    if in_channels % groups != 0:
        raise ValueError(f"in_channels must be divisible by groups: {in_channels} by {groups}")
    if out_channels % groups != 0:
        raise ValueError(f"out_channels must be divisible by groups: {out_channels} by {groups}")


def _check_padding(padding: Any, stride: tuple[int, ...], mode: str) -> None:
    if isinstance(padding, str):
        if padding not in ("same", "valid"):
            raise ValueError(f"Invalid padding string {padding!r}, should be one of 'same', 'valid'")
        if padding == "same" and any(s != 1 for s in stride):
            raise ValueError(f"padding='same' is not supported for strided convolutions: stride is {stride}")
    if mode not in _PADDING_MODES:
        raise ValueError(f"padding_mode must be one of {_PADDING_MODES}, but got padding_mode='{mode}'")


def _pad_sizes(padding: Any, dilation: tuple[int, ...], kernel_size: tuple[int, ...]) -> list[int]:
    """Padding as `F.pad` takes it: both ends, the last axis first. The odd one of "same" goes behind."""
    if padding == "valid":
        return [0] * (2 * len(kernel_size))
    ends = []
    for axis in reversed(range(len(kernel_size))):
        total = dilation[axis] * (kernel_size[axis] - 1) if padding == "same" else 2 * padding[axis]
        ends += [total // 2, total - total // 2]
    return ends


class _Conv(_ConvNd):
    """A convolution over `axes` axes: its constructor and its forward."""

    axes: int
    convolve: Callable[..., Tensor]

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: int | Sequence[int],
        stride: int | Sequence[int] = 1,
        padding: str | int | Sequence[int] = 0,
        dilation: int | Sequence[int] = 1,
        groups: int = 1,
        bias: bool = True,
        padding_mode: str = "zeros",
        device: Any = None,
        dtype: Any = None,
    ) -> None:
        n = self.axes
        super().__init__(
            in_channels,
            out_channels,
            per_axis(kernel_size, n),
            per_axis(stride, n),
            padding if isinstance(padding, str) else per_axis(padding, n),
            per_axis(dilation, n),
            False,
            (0,) * n,
            groups,
            bias,
            padding_mode,
            device,
            dtype,
        )

    def _conv_forward(self, input: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
        padding = self.padding
        if self.padding_mode != "zeros":
            input = pad(input, self._reversed_padding_repeated_twice, mode=self.padding_mode)
            padding = 0
        return self.convolve(input, weight, bias, self.stride, padding, self.dilation, self.groups)

    def forward(self, input: Tensor) -> Tensor:
        return self._conv_forward(input, self.weight, self.bias)


class Conv1d(_Conv):
    """Cross-correlation with a learnt kernel: (N, in_channels, L) gives (N, out_channels, L')."""

    axes = 1
    convolve = staticmethod(conv1d)


class Conv2d(_Conv):
    """Cross-correlation with a learnt kernel: (N, in_channels, H, W) gives (N, out_channels, H', W')."""

    axes = 2
    convolve = staticmethod(conv2d)


class Conv3d(_Conv):
    """Cross-correlation with a learnt kernel: (N, in_channels, D, H, W) gives (N, out_channels, D', …)."""

    axes = 3
    convolve = staticmethod(conv3d)


class _ConvTransposeNd(_ConvNd):
    """A transposed convolution over `axes` axes: its constructor and its forward."""

    axes: int
    convolve: Callable[..., Tensor]

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: int | Sequence[int],
        stride: int | Sequence[int] = 1,
        padding: int | Sequence[int] = 0,
        output_padding: int | Sequence[int] = 0,
        groups: int = 1,
        bias: bool = True,
        dilation: int | Sequence[int] = 1,
        padding_mode: str = "zeros",
        device: Any = None,
        dtype: Any = None,
    ) -> None:
        n = self.axes
        if padding_mode != "zeros":
            raise ValueError(
                f'Only "zeros" padding mode is supported for {type(self).__name__}, not {padding_mode!r}'
            )
        super().__init__(
            in_channels,
            out_channels,
            per_axis(kernel_size, n),
            per_axis(stride, n),
            per_axis(padding, n),
            per_axis(dilation, n),
            True,
            per_axis(output_padding, n),
            groups,
            bias,
            padding_mode,
            device,
            dtype,
        )

    def forward(self, input: Tensor, output_size: Sequence[int] | None = None) -> Tensor:
        extra = self.output_padding if output_size is None else self._output_padding(input, list(output_size))
        return self.convolve(
            input, self.weight, self.bias, self.stride, self.padding, extra, self.groups, self.dilation
        )

    def _output_padding(self, input: Tensor, output_size: list[int]) -> list[int]:
        """What is to be added behind each axis so that the output has `output_size`."""
        n = self.axes
        outer = 2 if input.ndim == n + 2 else 1
        sizes = output_size[outer:] if len(output_size) == outer + n else output_size
        if len(sizes) != n:
            raise ValueError(
                f"ConvTranspose{n}D: for {input.ndim}D input, output_size must have {n} or {outer + n} "
                f"elements (got {len(sizes)})"
            )
        geometry = zip(input.shape[outer:], self.stride, self.padding, self.dilation, self.kernel_size)
        least = [(size - 1) * s - 2 * p + d * (k - 1) + 1 for size, s, p, d, k in geometry]
        most = [size + s - 1 for size, s in zip(least, self.stride)]
        if any(not low <= size <= high for low, size, high in zip(least, sizes, most)):
            raise ValueError(
                f"requested an output size of {sizes}, but valid sizes range from {least} to {most} "
                f"(for an input of {input.size()[2:]})"
            )
        return [size - low for size, low in zip(sizes, least)]


class ConvTranspose1d(_ConvTransposeNd):
    """The adjoint of Conv1d in its input: (N, in_channels, L) gives (N, out_channels, L')."""

    axes = 1
    convolve = staticmethod(conv_transpose1d)


class ConvTranspose2d(_ConvTransposeNd):
    """The adjoint of Conv2d in its input: (N, in_channels, H, W) gives (N, out_channels, H', W')."""

    axes = 2
    convolve = staticmethod(conv_transpose2d)


class ConvTranspose3d(_ConvTransposeNd):
    """The adjoint of Conv3d in its input: (N, in_channels, D, H, W) gives (N, out_channels, D', H', W')."""

    axes = 3
    convolve = staticmethod(conv_transpose3d)
