"""Resizing images and sequences: `interpolate`, and its older names."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ..arrays import resize as kernels
from ..arrays.axis_map import AxisMap
from .avg_pool import adaptive_avg_pool
from .declare import composite, primitive
from .spatial import Sizes, over_lead, x_text

Array = Any
Scales = tuple[float | None, ...]

#: What a mode is along one axis, and for how many dimensions of input it serves.
MODES = {
    **{
        "nearest": ("nearest", (3, 4, 5)),
        "nearest-exact": ("nearest-exact", (3, 4, 5)),
        "area": ("area", (3, 4, 5)),
    },
    **{"linear": ("linear", (3,)), "bilinear": ("linear", (4,)), "trilinear": ("linear", (5,))},
    **{"bicubic": ("cubic", (4,))},
}
SMOOTH = ("linear", "bilinear", "bicubic", "trilinear")


@primitive(forms="", under="internal")
def resample(
    input: Array,
    /,
    size: Sizes,
    kind: str,
    scales: Scales,
    align_corners: bool = False,
    antialias: bool = False,
) -> Array:
    """The last axes resized to `size`; kind: nearest, nearest-exact, linear or cubic along each axis."""
    maps = _maps(input.dtype, input.shape[-len(size) :], size, kind, scales, align_corners, antialias)
    if input.dtype == np.uint8 and kind in ("linear", "cubic"):
        return _resample_bytes(input, maps)
    return kernels.resize(input, maps)


def _resample_bytes(x: np.ndarray, maps: list[AxisMap]) -> np.ndarray:
    """Bytes are rounded after each axis, the last one first (as PIL does it, and torch after it)."""
    for axis in range(-1, -len(maps) - 1, -1):
        smooth = maps[axis](x.astype(np.float32), axis)
        x = np.clip(np.floor(smooth + np.float32(0.5)), 0, 255).astype(np.uint8)
    return x


@primitive(forms="", under="internal")
def resample_transpose(
    grad: Array,
    /,
    size: Sizes,
    kind: str,
    scales: Scales,
    align_corners: bool = False,
    antialias: bool = False,
) -> Array:
    """The transpose of `resample` for an input with last axes `size`."""
    counts = grad.shape[-len(size) :]
    return kernels.resize_gradient(
        grad, _maps(grad.dtype, size, counts, kind, scales, align_corners, antialias)
    )


resample.vjp(
    input=lambda g, input_shape, size, kind, scales, align_corners, antialias: resample_transpose(
        g, tuple(input_shape[-len(size) :]), kind, scales, align_corners, antialias
    )
)
resample_transpose.vjp(
    grad=lambda g, grad_shape, size, kind, scales, align_corners, antialias: resample(
        g, tuple(grad_shape[-len(size) :]), kind, scales, align_corners, antialias
    )
)


def _maps(
    dtype: np.dtype, sizes: Sizes, counts: Sizes, kind: str, scales: Scales, corners: bool, antialias: bool
) -> list[AxisMap]:
    axes = zip(sizes, counts, scales, strict=True)
    precise = dtype == np.float64
    return [
        kernels.resize_map(kind, n, count, scale, corners, antialias, precise) for n, count, scale in axes
    ]


for _op in (resample, resample_transpose):
    _op.batch(over_lead)


@composite(forms="", under="nn.functional")
def interpolate(
    input: Array,
    /,
    size: Any = None,
    scale_factor: Any = None,
    mode: str = "nearest",
    align_corners: bool | None = None,
    recompute_scale_factor: bool | None = None,
    antialias: bool = False,
) -> Array:
    """`input` (N, C, *sizes) resized to `size`, or by `scale_factor`.

    mode: nearest, nearest-exact, area, linear (3-D input), bilinear or bicubic (4-D), trilinear (5-D).
    Positions follow the given scale factor, or the ratio of the sizes where recompute_scale_factor;
    align_corners lays ends on ends; antialias widens the filter when shrinking.
    """
    shape = tuple(input.shape)
    _check_mode(mode, len(shape), align_corners, antialias)
    counts, scales = _target(shape[2:], size, scale_factor, bool(recompute_scale_factor))
    if min(counts, default=1) < 1 or 0 in shape[1:]:
        raise RuntimeError(
            "interpolate: Input and output sizes should be greater than 0, but got input "
            f"{x_text(shape[2:])} "
            f"and output {x_text(counts)}"
        )
    if mode == "area":
        return adaptive_avg_pool(input, counts)
    if mode == "nearest" and len(shape) == 4:
        # torch's 2d kernel leaves an axis alone that keeps its size, whatever its scale factor.
        scales = tuple(
            None if n == count else s for n, count, s in zip(shape[2:], counts, scales, strict=True)
        )
    return resample(input, counts, MODES[mode][0], scales, bool(align_corners), antialias)


def _check_mode(mode: str, ndim: int, align_corners: bool | None, antialias: bool) -> None:
    if mode not in MODES or ndim not in (3, 4, 5):
        raise NotImplementedError(
            f"interpolate: Input Error: Only 3D, 4D and 5D input Tensors supported (got {ndim}D) for the "
            "modes: "
            f"{' | '.join(MODES)} (got {mode})"
        )
    if mode not in SMOOTH and align_corners is not None:
        raise ValueError(
            "interpolate: align_corners option can only be set with the interpolating modes: "
            f"{' | '.join(SMOOTH)}; "
            f"the mode is {mode}"
        )
    if ndim not in MODES[mode][1]:
        raise NotImplementedError(
            f"interpolate: Got {ndim}D input, but {mode} mode needs {MODES[mode][1][0]}D input"
        )
    if antialias and mode not in ("bilinear", "bicubic"):
        raise ValueError(
            "interpolate: Anti-alias option is restricted to bilinear and bicubic modes and requires a 4-D "
            "tensor as "
            f"input; the mode is {mode}"
        )


def _target(sizes: Sizes, size: Any, scale_factor: Any, recompute: bool) -> tuple[Sizes, Scales]:
    """The output sizes, and the scale factors that positions follow (None: the ratio of the sizes)."""
    if (size is None) == (scale_factor is None):
        raise ValueError(
            "interpolate: either size or scale_factor should be defined"
            if size is None
            else "interpolate: only one of size or scale_factor should be defined"
        )
    unscaled: Scales = (None,) * len(sizes)
    if size is not None:
        if recompute:
            raise ValueError("interpolate: recompute_scale_factor is not meaningful with an explicit size.")
        return tuple(map(int, _one_per_axis("output size", size, sizes))), unscaled
    scales = tuple(map(float, _one_per_axis("scale_factor", scale_factor, sizes)))
    return kernels.output_sizes(sizes, scales), unscaled if recompute else scales


def _one_per_axis(what: str, value: Any, sizes: Sizes) -> Sequence[Any]:
    if not isinstance(value, (list, tuple)):
        return (value,) * len(sizes)
    if len(value) != len(sizes):
        raise ValueError(
            f"interpolate: Input and {what} must have the same number of spatial dimensions, but got input "
            "with spatial "
            f"dimensions of {list(sizes)} and {what} of {tuple(value)}"
        )
    return value


@composite(forms="", under="nn.functional")
def upsample(
    input: Array,
    /,
    size: Any = None,
    scale_factor: Any = None,
    mode: str = "nearest",
    align_corners: bool | None = None,
) -> Array:
    """The older name of `interpolate`."""
    return interpolate(input, size, scale_factor, mode, align_corners)


@composite(forms="", under="nn.functional")
def upsample_nearest(input: Array, /, size: Any = None, scale_factor: Any = None) -> Array:
    """`interpolate` in mode nearest."""
    return interpolate(input, size, scale_factor, "nearest")


@composite(forms="", under="nn.functional")
def upsample_bilinear(input: Array, /, size: Any = None, scale_factor: Any = None) -> Array:
    """`interpolate` in mode bilinear with align_corners."""
    return interpolate(input, size, scale_factor, "bilinear", True)
