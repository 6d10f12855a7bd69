"""What grid_sample and affine_grid ask of their arguments."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import rushlight.dtypes as dtypes

Array = Any

_MODES = ("bilinear", "nearest", "bicubic")
_PADDINGS = ("zeros", "border", "reflection")


def kind_of(x: Array) -> dtypes.dtype:
    """The dtype of an array or a Tensor."""
    return x.dtype if isinstance(x.dtype, dtypes.dtype) else dtypes.of_numpy(x.dtype)


def compute_kind(x: Array) -> dtypes.dtype:
    """The dtype to compute in: float32 for half types."""
    return dtypes.of_numpy(dtypes.compute_type(kind_of(x).np))


def check_sample(input: Array, grid: Array, mode: str, padding_mode: str) -> None:
    """Raise for modes that there are not, and for images and grids that do not belong together."""
    name = "nn.functional.grid_sample()"
    if mode not in _MODES:
        raise ValueError(f"{name}: expected mode to be 'bilinear', 'nearest' or 'bicubic', but got: '{mode}'")
    if padding_mode not in _PADDINGS:
        raise ValueError(
            f"{name}: expected padding_mode to be 'zeros', 'border', or 'reflection', got: '{padding_mode}'"
        )
    if kind_of(input) is not kind_of(grid):
        raise RuntimeError(
            f"grid_sample: expected scalar type {kind_of(input)} but found {kind_of(grid)}: the grid"
        )
    if kind_of(input).category != dtypes.FLOAT:
        raise NotImplementedError(f"grid_sample is not implemented for {kind_of(input)}; use .float()")
    _check_shapes(tuple(input.shape), tuple(grid.shape), mode)


def _check_shapes(image: tuple[int, ...], grid: tuple[int, ...], mode: str) -> None:
    told = f"got input with sizes {list(image)} and grid with sizes {list(grid)}"
    if not image or not grid or image[0] != grid[0]:
        raise RuntimeError(f"grid_sampler(): expected grid and input to have same batch size, but {told}")
    if grid[-1] != len(image) - 2:
        raise RuntimeError(
            f"grid_sampler(): expected grid to have size {len(image) - 2} in last dimension, but {told}"
        )
    if len(image) not in (4, 5) or len(grid) != len(image):
        raise RuntimeError(
            f"grid_sampler(): expected 4D or 5D input and grid with same number of dimensions, but {told}"
        )
    if 0 in image[2:]:
        raise RuntimeError(f"grid_sampler(): expected input to have non-empty spatial dimensions, but {told}")
    if mode == "bicubic" and len(image) != 4:
        raise RuntimeError("grid_sampler(): bicubic interpolation only supports 4D input")


def check_affine(theta: Array, size: Sequence[int]) -> tuple[int, ...]:
    """The sizes of the image or volume. Raises where the maps do not belong to it."""
    if kind_of(theta).category != dtypes.FLOAT:
        raise ValueError(f"affine_grid: Expected theta to have floating point type, but got {kind_of(theta)}")
    if len(size) not in (4, 5):
        raise NotImplementedError(
            "affine_grid only supports 4D and 5D sizes, for 2D and 3D affine transforms, respectively. "
            f"Got size {tuple(size)}."
        )
    rank = len(size) - 2
    if tuple(theta.shape)[1:] != (rank, rank + 1):
        raise ValueError(
            f"affine_grid: Expected a batch of {rank}D affine matrices of shape Nx{rank}x{rank + 1} for size "
            f"{tuple(size)}. Got {tuple(theta.shape)}."
        )
    if min(size) <= 0:
        raise ValueError(f"affine_grid: Expected non-zero, positive output size. Got {tuple(size)}")
    if theta.shape[0] != size[0]:
        raise RuntimeError(
            f"affine_grid: Expected size for first dimension of theta to be {size[0]}, for size "
            f"{tuple(size)}, but got {theta.shape[0]}"
        )
    return tuple(size[2:])
