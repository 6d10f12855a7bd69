"""The three transforms that all of torch.fft is made of: complex to complex, real to half, half to real.

`scale` is what the sum is divided by: "none", "sqrt" (of the number of points) or "full" (their number).
Dimensions count from the front. All of it is linear, so each derivative is the adjoint transform: the same
sum with the sign of its exponent changed. Where half a spectrum stands for the whole, its inner entries
count twice.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ..dtypes import of_numpy
from .complex import real
from .declare import primitive
from .pointwise import mul

Array = Any

#: NumPy's name for a scale, by direction
_FORWARD = {"none": "backward", "sqrt": "ortho", "full": "forward"}
_INVERSE = {"none": "forward", "sqrt": "ortho", "full": "backward"}


@primitive(forms="", under="internal")
def fft_complex(input: Array, /, dims: tuple[int, ...], inverse: bool, scale: str) -> Array:
    """Σ input[j] · exp(±2πi jk/n) along `dims`, plus where `inverse`; real input is taken as it is."""
    if inverse:
        return np.fft.ifftn(input, axes=dims, norm=_INVERSE[scale])  # pyright: ignore[reportArgumentType]
    return np.fft.fftn(input, axes=dims, norm=_FORWARD[scale])  # pyright: ignore[reportArgumentType]


@primitive(forms="", under="internal")
def fft_half(input: Array, /, dim: int, scale: str) -> Array:
    """The first n//2 + 1 entries of the forward transform of n real numbers along `dim`."""
    return np.fft.rfft(input, axis=dim, norm=_FORWARD[scale])  # pyright: ignore[reportArgumentType]


@primitive(forms="", under="internal")
def fft_real(input: Array, /, dim: int, count: int, scale: str) -> Array:
    """The `count` real numbers that are the inverse transform of this half of a spectrum along `dim`."""
    return np.fft.irfft(input, count, dim, _INVERSE[scale])  # pyright: ignore[reportArgumentType]


@primitive(forms="", under="internal")
def inner_times(input: Array, /, dim: int, count: int, factor: float) -> Array:
    """Half a spectrum of `count` points, what has a mirror image (all but 0 and count/2) times `factor`."""
    out = np.array(input)
    out[(slice(None),) * dim + (slice(1, (count + 1) // 2),)] *= factor
    return out


# -- derivatives ---------------------------------------------------------------------------------------


def _as_given(g: Array, kind: Any) -> Array:
    """A complex cotangent for an input of this type: of real numbers, the real part."""
    return g if of_numpy(kind).is_complex else mul(real(g), 1)


fft_complex.vjp(
    input=lambda g, dims, inverse, scale, input_dtype: _as_given(
        fft_complex(g, dims, not inverse, scale), input_dtype
    )
)
fft_half.vjp(
    input=lambda g, dim, scale, input_shape: fft_real(
        inner_times(g, dim, input_shape[dim], 0.5), dim, input_shape[dim], scale
    )
)
fft_real.vjp(input=lambda g, dim, count, scale: inner_times(fft_half(g, dim, scale), dim, count, 2.0))
inner_times.vjp(input=lambda g, dim, count, factor: inner_times(g, dim, count, factor))


# -- shapes, and batches -------------------------------------------------------------------------------


@fft_complex.shape
def _(input: Array, dims: tuple[int, ...], inverse: bool, scale: str) -> tuple[tuple[int, ...], Any]:
    return tuple(input.shape), of_numpy(input.dtype).to_complex().np


@fft_half.shape
def _(input: Array, dim: int, scale: str) -> tuple[tuple[int, ...], Any]:
    shape = tuple(input.shape)
    half = (*shape[:dim], shape[dim] // 2 + 1, *shape[dim + 1 :])
    return half, of_numpy(input.dtype).to_complex().np


@fft_real.shape
def _(input: Array, dim: int, count: int, scale: str) -> tuple[tuple[int, ...], Any]:
    shape = tuple(input.shape)
    return (*shape[:dim], count, *shape[dim + 1 :]), of_numpy(input.dtype).to_real().np


def _over_next(op: Any, size: int, values: list[Any], flags: list[bool], options: dict[str, Any]) -> Any:
    """vmap: the same over dimensions that stand one further back."""
    named = dict(zip((p.name for p in op.options), values[1:], strict=False)) | options
    if "dims" in named:
        named["dims"] = tuple(d + 1 for d in named["dims"])
    else:
        named["dim"] += 1
    return op(values[0], **named)


for _op in (fft_complex, fft_half, fft_real, inner_times):
    _op.batch(_over_next)
