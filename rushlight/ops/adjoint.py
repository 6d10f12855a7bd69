"""Conjugate transposes."""

from __future__ import annotations

from typing import Any

from .complex import conj
from .declare import composite
from .views import transpose

Array = Any


@composite(forms="p", under="Tensor")
def H(input: Array, /) -> Array:  # noqa: N802 (PyTorch's name)
    """The conjugate transpose of a matrix."""
    if len(input.shape) not in (0, 2):
        raise RuntimeError(
            f"tensor.H is only supported on matrices (2-D tensors). Got {len(input.shape)}-D tensor. For "
            "batches of matrices, consider using tensor.mH"
        )
    return _adjoint("H", input)


@composite(forms="p", under="Tensor")
def mH(input: Array, /) -> Array:  # noqa: N802 (PyTorch's name)
    """The conjugate transpose of the last two dimensions."""
    return _adjoint("mH", input)


@composite(forms="m")
def adjoint(input: Array, /) -> Array:
    """The conjugate transpose of the last two dimensions."""
    return _adjoint("adjoint()", input)


def _adjoint(name: str, input: Array) -> Array:
    if len(input.shape) == 1:
        raise RuntimeError(
            f"tensor.{name} is only supported on matrices or batches of matrices. Got 1-D tensor."
        )
    return conj(transpose(input, -2, -1)) if len(input.shape) else input
