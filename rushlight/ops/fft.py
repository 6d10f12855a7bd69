"""torch.fft: discrete Fourier transforms in one, two and any number of dimensions.

The forward transform is X[k] = Σ x[j] exp(-2πi jk/n). `n` or `s` cuts the input off or fills it up with
zeros first. `norm` says where the 1/n stands: "backward" in the inverse, "forward" in the forward
transform, "ortho" as 1/√n in both. Sums are NumPy's (pocketfft).
"""

from __future__ import annotations

from typing import Any

from .arrange import roll
from .complex import conj_physical
from .declare import composite
from .fft_checks import Sizes, as_complex, dims_and_sizes, floating, one_dim, points, resized, scale
from .fft_parts import fft_complex, fft_half, fft_real

Array = Any


# -- one implementation for each kind of transform -----------------------------------------------------


def _complex(name: str, input: Array, s: Sizes, dim: Sizes, norm: str | None, forward: bool) -> Array:
    """From complex or real numbers to complex ones."""
    input = floating(name, input)
    dims, sizes = dims_and_sizes(name, input, s, dim)
    by = scale(name, norm, forward)
    if not dims:
        return as_complex(input)
    return fft_complex(resized(name, input, dims, sizes), dims, not forward, by)


def _half(name: str, input: Array, s: Sizes, dim: Sizes, norm: str | None, forward: bool) -> Array:
    """From real numbers to the half of the spectrum along the last dimension that the other half mirrors."""
    input = floating(name, input, real=True)
    dims, sizes = _at_least_one(name, dims_and_sizes(name, input, s, dim))
    by = scale(name, norm, forward)
    half = fft_half(resized(name, input, dims, sizes), dims[-1], by)
    half = half if forward else conj_physical(half)
    return fft_complex(half, dims[:-1], not forward, by) if dims[:-1] else half


def _real(name: str, input: Array, s: Sizes, dim: Sizes, norm: str | None, forward: bool) -> Array:
    """From half a spectrum along the last dimension to real numbers."""
    input = as_complex(floating(name, input))
    dims, sizes = _at_least_one(name, dims_and_sizes(name, input, s, dim))
    by = scale(name, norm, forward)
    last, n = dims[-1], sizes[-1]
    n = points(name, 2 * (input.shape[last] - 1) if n is None else n)
    input = resized(name, input, dims, [*sizes[:-1], n // 2 + 1])
    if dims[:-1]:
        input = fft_complex(input, dims[:-1], not forward, by)
    return fft_real(conj_physical(input) if forward else input, last, n, by)


def _at_least_one(name: str, found: tuple[tuple[int, ...], list[int | None]]) -> Any:
    if not found[0]:
        raise RuntimeError(f"{name} must transform at least one axis")
    return found


# -- one dimension -------------------------------------------------------------------------------------


@composite(forms="o", under="fft")
def fft(input: Array, /, n: int | None = None, dim: int = -1, norm: str | None = None) -> Array:
    """The Fourier transform of `input` along `dim`."""
    return _complex("fft", input, n, one_dim("fft", input, dim, n), norm, True)


@composite(forms="o", under="fft")
def ifft(input: Array, /, n: int | None = None, dim: int = -1, norm: str | None = None) -> Array:
    """The inverse Fourier transform of `input` along `dim`."""
    return _complex("ifft", input, n, one_dim("ifft", input, dim, n), norm, False)


@composite(forms="o", under="fft")
def rfft(input: Array, /, n: int | None = None, dim: int = -1, norm: str | None = None) -> Array:
    """The Fourier transform of real numbers along `dim`: the n//2 + 1 entries that the rest mirrors."""
    return _half("rfft", input, n, one_dim("rfft", input, dim, n), norm, True)


@composite(forms="o", under="fft")
def irfft(input: Array, /, n: int | None = None, dim: int = -1, norm: str | None = None) -> Array:
    """The real numbers whose rfft along `dim` is `input`; `n` is by default even."""
    return _real("irfft", input, n, one_dim("irfft", input, dim, n), norm, False)


@composite(forms="o", under="fft")
def hfft(input: Array, /, n: int | None = None, dim: int = -1, norm: str | None = None) -> Array:
    """The transform, which is real, of a signal along `dim` of which one half is given."""
    return _real("hfft", input, n, one_dim("hfft", input, dim, n), norm, True)


@composite(forms="o", under="fft")
def ihfft(input: Array, /, n: int | None = None, dim: int = -1, norm: str | None = None) -> Array:
    """The half of a signal along `dim` whose transform is the real `input`: the inverse of hfft."""
    return _half("ihfft", input, n, one_dim("ihfft", input, dim, n), norm, False)


# -- two dimensions ------------------------------------------------------------------------------------


@composite(forms="o", under="fft")
def fft2(input: Array, /, s: Sizes = None, dim: Sizes = (-2, -1), norm: str | None = None) -> Array:
    """The Fourier transform of `input` along two dimensions."""
    return _complex("fft2", input, s, dim, norm, True)


@composite(forms="o", under="fft")
def ifft2(input: Array, /, s: Sizes = None, dim: Sizes = (-2, -1), norm: str | None = None) -> Array:
    """The inverse Fourier transform of `input` along two dimensions."""
    return _complex("ifft2", input, s, dim, norm, False)


@composite(forms="o", under="fft")
def rfft2(input: Array, /, s: Sizes = None, dim: Sizes = (-2, -1), norm: str | None = None) -> Array:
    """The Fourier transform of real numbers along two dimensions: half along the last."""
    return _half("rfft2", input, s, dim, norm, True)


@composite(forms="o", under="fft")
def irfft2(input: Array, /, s: Sizes = None, dim: Sizes = (-2, -1), norm: str | None = None) -> Array:
    """The real numbers whose rfft along two dimensions is `input`; the last size is by default even."""
    return _real("irfft2", input, s, dim, norm, False)


@composite(forms="o", under="fft")
def hfft2(input: Array, /, s: Sizes = None, dim: Sizes = (-2, -1), norm: str | None = None) -> Array:
    """The transform, which is real, of a signal along two dimensions of which one half is given."""
    return _real("hfft2", input, s, dim, norm, True)


@composite(forms="o", under="fft")
def ihfft2(input: Array, /, s: Sizes = None, dim: Sizes = (-2, -1), norm: str | None = None) -> Array:
    """The half of a signal in two dimensions whose transform is the real `input`: the inverse of hfft2."""
    return _half("ihfft2", input, s, dim, norm, False)


# -- any number of dimensions --------------------------------------------------------------------------


@composite(forms="o", under="fft")
def fftn(input: Array, /, s: Sizes = None, dim: Sizes = None, norm: str | None = None) -> Array:
    """The Fourier transform of `input` along `dim`, or all dimensions."""
    return _complex("fftn", input, s, dim, norm, True)


@composite(forms="o", under="fft")
def ifftn(input: Array, /, s: Sizes = None, dim: Sizes = None, norm: str | None = None) -> Array:
    """The inverse Fourier transform of `input` along `dim`, or all dimensions."""
    return _complex("ifftn", input, s, dim, norm, False)


@composite(forms="o", under="fft")
def rfftn(input: Array, /, s: Sizes = None, dim: Sizes = None, norm: str | None = None) -> Array:
    """The Fourier transform of real numbers along `dim`, or all dimensions: half along the last."""
    return _half("rfftn", input, s, dim, norm, True)


@composite(forms="o", under="fft")
def irfftn(input: Array, /, s: Sizes = None, dim: Sizes = None, norm: str | None = None) -> Array:
    """The real numbers whose rfft along `dim` (or all) is `input`; the last size is by default even."""
    return _real("irfftn", input, s, dim, norm, False)


@composite(forms="o", under="fft")
def hfftn(input: Array, /, s: Sizes = None, dim: Sizes = None, norm: str | None = None) -> Array:
    """The transform, which is real, of a signal along `dim` (or all) of which one half is given."""
    return _real("hfftn", input, s, dim, norm, True)


@composite(forms="o", under="fft")
def ihfftn(input: Array, /, s: Sizes = None, dim: Sizes = None, norm: str | None = None) -> Array:
    """The half of a signal along `dim` (or all) whose transform is the real `input`: the inverse of hfftn."""
    return _half("ihfftn", input, s, dim, norm, False)


# -- the order of frequencies --------------------------------------------------------------------------


def _rolled(input: Array, dim: Sizes, shift: Any) -> Array:
    """`input` rolled along `dim` (None: all) by `shift` of each size."""
    dims = tuple(range(len(input.shape))) if dim is None else (dim,) if isinstance(dim, int) else tuple(dim)
    if not dims:
        raise RuntimeError("fftshift: `shifts` required: the tensor has no dimensions, or `dim` names none")
    dims = tuple(one_dim("fftshift", input, d) for d in dims)
    return roll(input, tuple(shift(input.shape[d]) for d in dims), dims)


@composite(forms="", under="fft")
def fftshift(input: Array, /, dim: Sizes = None) -> Array:
    """Frequencies reordered so that zero stands in the middle, along `dim` or all dimensions."""
    return _rolled(input, dim, lambda n: n // 2)


@composite(forms="", under="fft")
def ifftshift(input: Array, /, dim: Sizes = None) -> Array:
    """What undoes fftshift."""
    return _rolled(input, dim, lambda n: (n + 1) // 2)
