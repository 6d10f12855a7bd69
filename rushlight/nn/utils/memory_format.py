"""Memory formats of convolution weights: there is one here, so these only check."""

from __future__ import annotations

from typing import Any


def convert_conv2d_weight_memory_format(module: Any, memory_format: Any) -> Any:
    """`module` itself: weights stay contiguous, which is what the kernels here read."""
    return module


def convert_conv3d_weight_memory_format(module: Any, memory_format: Any) -> Any:
    """`module` itself: weights stay contiguous, which is what the kernels here read."""
    return module
