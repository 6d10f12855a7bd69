"""Complex numbers: their parts as views, conjugates, angles, and making them from parts."""

from __future__ import annotations

from typing import Any

import numpy as np

import rushlight.dtypes as dtypes
import rushlight.scalar as s

from ..arrays.numpy import broadcast_shapes
from .convert import to_dtype
from .declare import composite, primitive, view
from .elementwise import pointwise
from .views import contiguous, sum_to_size

Array = Any


def is_complex(x: Any) -> bool:
    """Whether an array or Tensor holds complex numbers."""
    kind = x.dtype if isinstance(x.dtype, dtypes.dtype) else dtypes.of_numpy(x.dtype)
    return kind.category == dtypes.COMPLEX


def _pairs(input: Array) -> Array:
    """Complex numbers as a view of pairs of real ones, in a last dimension of size 2."""
    real = dtypes.of_numpy(input.dtype).to_real().np
    if real == np.float16:
        input = input.view(np.uint32)  # NumPy's stride tricks do not know complex32
    shape, strides = (*input.shape, 2), (*input.strides, real.itemsize)
    whole = np.lib.stride_tricks.as_strided(input, (*input.shape, 1), (*input.strides, input.itemsize))
    return np.lib.stride_tricks.as_strided(whole.view(real), shape, strides)


# -- parts ---------------------------------------------------------------------------------------------


@view(forms="p")
def real(input: Array, /) -> Array:
    """The real parts: a view of complex numbers, real numbers as they are."""
    return _pairs(input)[..., 0] if is_complex(input) else input


@view(forms="p")
def imag(input: Array, /) -> Array:
    """The imaginary parts, as a view. Raises RuntimeError for real numbers."""
    if not is_complex(input):
        raise RuntimeError(f"imag is not implemented for tensors with non-complex dtypes, got {input.dtype}")
    return _pairs(input)[..., 1]


real.vjp(input=lambda g, input_dtype: to_dtype(g, dtypes.of_numpy(input_dtype)))
imag.vjp(input=lambda g, input_dtype: to_dtype(g * 1j, dtypes.of_numpy(input_dtype)))


@view(forms="")
def view_as_real(input: Array, /) -> Array:
    """Complex numbers as pairs (real, imaginary) in a last dimension of size 2; a view."""
    if not is_complex(input):
        raise RuntimeError("view_as_real is only supported for complex tensors")
    return _pairs(input)


@view(forms="")
def view_as_complex(input: Array, /) -> Array:
    """Pairs in a last dimension of size 2, whose stride is 1, as complex numbers; a view."""
    kind = dtypes.of_numpy(input.dtype)
    if kind not in (dtypes.float16, dtypes.float32, dtypes.float64):
        raise RuntimeError(
            f"view_as_complex is only supported for half, float and double tensors, but got {kind}"
        )
    if not input.ndim or input.shape[-1] != 2:
        raise RuntimeError(
            f"view_as_complex: Tensor must have a last dimension of size 2, got shape {input.shape}"
        )
    if not input.size:
        return np.empty(input.shape[:-1], kind.to_complex().np)
    if input.strides[-1] != input.itemsize or any(n % (2 * input.itemsize) for n in input.strides[:-1]):
        raise RuntimeError(
            "view_as_complex: Tensor must have a last dimension with stride 1, and strides divisible by 2 "
            "before it; "
            "call .contiguous() first"
        )
    return input.view(kind.to_complex().np)[..., 0]


view_as_real.vjp(input=lambda g: view_as_complex(contiguous(g)))


@view_as_complex.shape
def _(input: Array) -> tuple[tuple[int, ...], Any]:
    return input.shape[:-1], np.result_type(input.dtype, np.complex64)


view_as_complex.vjp(input=lambda g: view_as_real(g))


def real_part(x: Any) -> Any:
    """The real part of an array or a Tensor."""
    return real(x)


# -- conjugates and angles -----------------------------------------------------------------------------


@pointwise(accepts="bifc")
def conj_physical(input: Array, /) -> Array:
    """The conjugate, computed: real - i · imag."""
    return s.conjugate(input)


@composite(forms="m")
def conj(input: Array, /) -> Array:
    """The complex conjugate; real numbers as they are."""
    return conj_physical(input) if is_complex(input) else input


@composite(forms="m")
def resolve_conj(input: Array, /) -> Array:
    """`input`: conjugates are always computed here, never left to be resolved."""
    return input


@composite(forms="m")
def resolve_neg(input: Array, /) -> Array:
    """`input`: negatives are always computed here, never left to be resolved."""
    return input


@pointwise(forms="mo")
def angle(input: Array, /) -> Array:
    """The argument of a complex number in (-π, π]; 0 or π for real ones, NaN for NaN."""
    return s.angle(input)


angle.vjp(input=lambda g, input: _angle_backward(g, input))


def _angle_backward(g: Any, z: Any) -> Any:
    if not is_complex(z):
        return g * 0
    square = real(z) * real(z) + imag(z) * imag(z)
    return 1j * z * (g / (square + (square == 0)))


@primitive(forms="m", differentiable=False)
def isreal(input: Array, /) -> Array:
    """Whether the imaginary part is zero."""
    return _pairs(input)[..., 1] == 0 if is_complex(input) else np.ones(input.shape, np.bool_)


# -- from parts ----------------------------------------------------------------------------------------


@primitive(forms="o")
def complex(real: Array, imag: Array, /) -> Array:
    """real + i · imag."""
    if real.dtype != imag.dtype:
        have, want = dtypes.of_numpy(real.dtype), dtypes.of_numpy(imag.dtype)
        raise RuntimeError(
            f"complex: Expected object of the same dtype for real and imag, got {have} and {want}"
        )
    kind = dtypes.of_numpy(real.dtype)
    if kind not in (dtypes.float16, dtypes.float32, dtypes.float64):
        raise RuntimeError(
            f"complex: Expected both inputs to be Half, Float or Double tensors but got {kind}"
        )
    out = np.empty(broadcast_shapes("complex", real.shape, imag.shape), kind.to_complex().np)
    pairs = _pairs(out)
    pairs[..., 0], pairs[..., 1] = real, imag
    return out


complex.vjp(
    real=lambda g, real_shape: sum_to_size(real_part(g), real_shape),
    imag=lambda g, imag_shape: sum_to_size(imag_part(g), imag_shape),
)


def imag_part(x: Any) -> Any:
    """The imaginary part of an array or a Tensor."""
    return imag(x)
