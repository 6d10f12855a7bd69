"""Questions about a tensor whose answer is a Python bool."""

from __future__ import annotations

from typing import Any, NoReturn

from .declare import composite

Array = Any


@composite(forms="m")
def is_conj(input: Array, /) -> bool:
    """Whether a conjugate is left to be computed: never, conjugates are computed at once."""
    return False


@composite(forms="m")
def is_neg(input: Array, /) -> bool:
    """Whether a negative is left to be computed: never, negatives are computed at once."""
    return False


@composite(forms="m")
def is_distributed(input: Array, /) -> bool:
    """Whether the elements are spread over several machines: never."""
    return False


@composite(forms="mF", under="Tensor")
def is_coalesced(input: Array, /) -> NoReturn:
    """Raises RuntimeError: only sparse tensors are coalesced or not, and there are none."""
    raise RuntimeError("is_coalesced expected sparse coordinate tensor layout but got Strided")


@composite(forms="mF", under="Tensor")
def is_same_size(input: Array, other: Array, /) -> bool:
    """Whether two tensors have the same shape."""
    return tuple(input.shape) == tuple(other.shape)


@composite(forms="mF", under="Tensor")
def is_nonzero(input: Array, /) -> bool:
    """Whether the only element is not zero. Raises RuntimeError unless there is exactly one."""
    return bool(input)
