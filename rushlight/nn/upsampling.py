"""Resizing layers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import rushlight.nn.functional as F

from ..tensor import Tensor
from .module import Module

Sizes = int | Sequence[int]
Factors = float | Sequence[float]


class Upsample(Module):
    """(N, C, *) resized to `size`, or by `scale_factor`, in one of interpolate's modes."""

    def __init__(
        self,
        size: Sizes | None = None,
        scale_factor: Factors | None = None,
        mode: str = "nearest",
        align_corners: bool | None = None,
        recompute_scale_factor: bool | None = None,
    ) -> None:
        super().__init__()
        self.name = type(self).__name__
        self.size = size
        self.scale_factor: Any = _floats(scale_factor)
        self.mode = mode
        self.align_corners = align_corners
        self.recompute_scale_factor = recompute_scale_factor

    def forward(self, input: Tensor) -> Tensor:
        settings = self.size, self.scale_factor, self.mode, self.align_corners
        return F.interpolate(input, *settings, recompute_scale_factor=self.recompute_scale_factor)

    def __setstate__(self, state: dict[str, Any]) -> None:
        super().__setstate__({"recompute_scale_factor": True, **state})

    def extra_repr(self) -> str:
        by = f"size={self.size!r}" if self.scale_factor is None else f"scale_factor={self.scale_factor!r}"
        return f"{by}, mode={self.mode!r}"


def _floats(factor: Any) -> Any:
    if isinstance(factor, tuple):
        return tuple(map(float, factor))
    return float(factor) if factor else None


class UpsamplingNearest2d(Upsample):
    """(N, C, H, W) resized, every pixel the nearest one of the input."""

    def __init__(self, size: Sizes | None = None, scale_factor: Factors | None = None) -> None:
        super().__init__(size, scale_factor, mode="nearest")


class UpsamplingBilinear2d(Upsample):
    """(N, C, H, W) resized linearly in both directions, corners onto corners."""

    def __init__(self, size: Sizes | None = None, scale_factor: Factors | None = None) -> None:
        super().__init__(size, scale_factor, mode="bilinear", align_corners=True)
