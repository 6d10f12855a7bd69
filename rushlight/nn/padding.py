"""Padding layers: constants, zeros, mirror images, edge values, the other end."""

from __future__ import annotations

from collections.abc import Sequence

import rushlight.nn.functional as F

from ..tensor import Tensor
from .making import per_axis
from .module import Module

Sizes = int | Sequence[int]


class _PadNd(Module):
    """Numbers before and behind each of the last `axes` axes; `padding` begins with the last axis."""

    axes: int
    mode: str

    def __init__(self, padding: Sizes) -> None:
        super().__init__()
        self.padding = per_axis(padding, 2 * self.axes)

    def forward(self, input: Tensor) -> Tensor:
        return F.pad(input, self.padding, self.mode)

    def extra_repr(self) -> str:
        return f"{self.padding}"


# -- constants -----------------------------------------------------------------------------------------


class _ConstantPadNd(_PadNd):
    def __init__(self, padding: Sizes, value: float) -> None:
        super().__init__(padding)
        self.value = value

    def forward(self, input: Tensor) -> Tensor:
        return F.pad(input, self.padding, "constant", self.value)

    def extra_repr(self) -> str:
        return f"padding={self.padding}, value={self.value}"


class ConstantPad1d(_ConstantPadNd):
    """(left, right) of `value` around the last axis."""

    axes = 1


class ConstantPad2d(_ConstantPadNd):
    """(left, right, top, bottom) of `value` around the last two axes."""

    axes = 2


class ConstantPad3d(_ConstantPadNd):
    """(left, right, top, bottom, front, back) of `value` around the last three axes."""

    axes = 3


class _ZeroPadNd(_ConstantPadNd):
    def __init__(self, padding: Sizes) -> None:
        super().__init__(padding, 0.0)

    def extra_repr(self) -> str:
        return f"{self.padding}"


class ZeroPad1d(_ZeroPadNd, ConstantPad1d):
    """(left, right) zeros around the last axis."""


class ZeroPad2d(_ZeroPadNd, ConstantPad2d):
    """(left, right, top, bottom) zeros around the last two axes."""


class ZeroPad3d(_ZeroPadNd, ConstantPad3d):
    """(left, right, top, bottom, front, back) zeros around the last three axes."""


# -- the input's own values ----------------------------------------------------------------------------


class ReflectionPad1d(_PadNd):
    """(left, right) numbers mirrored at the ends of the last axis."""

    axes, mode = 1, "reflect"


class ReflectionPad2d(_PadNd):
    """(left, right, top, bottom) numbers mirrored at the edges."""

    axes, mode = 2, "reflect"


class ReflectionPad3d(_PadNd):
    """(left, right, top, bottom, front, back) numbers mirrored at the faces."""

    axes, mode = 3, "reflect"


class ReplicationPad1d(_PadNd):
    """(left, right) copies of the numbers at the ends of the last axis."""

    axes, mode = 1, "replicate"


class ReplicationPad2d(_PadNd):
    """(left, right, top, bottom) copies of the numbers at the edges."""

    axes, mode = 2, "replicate"


class ReplicationPad3d(_PadNd):
    """(left, right, top, bottom, front, back) copies of the numbers at the faces."""

    axes, mode = 3, "replicate"


class _CircularPadNd(_PadNd):
    mode = "circular"

    def forward(self, input: Tensor) -> Tensor:
        ranks = self.axes + 1, self.axes + 2
        if input.ndim not in ranks:
            raise ValueError(f"expected {ranks[0]}D or {ranks[1]}D input (got {input.ndim}D input)")
        return F.pad(input, self.padding, "circular")


class CircularPad1d(_CircularPadNd):
    """(left, right) numbers from the other end of the last axis."""

    axes = 1


class CircularPad2d(_CircularPadNd):
    """(left, right, top, bottom) numbers from the other side."""

    axes = 2


class CircularPad3d(_CircularPadNd):
    """(left, right, top, bottom, front, back) numbers from the other side."""

    axes = 3
