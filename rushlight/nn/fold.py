"""Windows of an image as columns, and back."""

from __future__ import annotations

from collections.abc import Sequence

import rushlight.nn.functional as F

from ..tensor import Tensor
from .module import Module

Sizes = int | Sequence[int]


class Unfold(Module):
    """Every window of (N, C, *) as a column: (N, C · size of a window, windows)."""

    def __init__(
        self, kernel_size: Sizes, dilation: Sizes = 1, padding: Sizes = 0, stride: Sizes = 1
    ) -> None:
        super().__init__()
        self.kernel_size = kernel_size
        self.dilation = dilation
        self.padding = padding
        self.stride = stride

    def forward(self, input: Tensor) -> Tensor:
        return F.unfold(input, self.kernel_size, self.dilation, self.padding, self.stride)

    def extra_repr(self) -> str:
        return (
            f"kernel_size={self.kernel_size}, dilation={self.dilation}, padding={self.padding}, "
            f"stride={self.stride}"
        )


class Fold(Unfold):
    """Columns added up where their windows lie: (N, C · window, windows) gives (N, C, *output_size)."""

    def __init__(
        self,
        output_size: Sizes,
        kernel_size: Sizes,
        dilation: Sizes = 1,
        padding: Sizes = 0,
        stride: Sizes = 1,
    ) -> None:
        super().__init__(kernel_size, dilation, padding, stride)
        self.output_size = output_size

    def forward(self, input: Tensor) -> Tensor:
        window = self.kernel_size, self.dilation, self.padding, self.stride
        return F.fold(input, self.output_size, *window)

    def extra_repr(self) -> str:
        return f"output_size={self.output_size}, {super().extra_repr()}"
