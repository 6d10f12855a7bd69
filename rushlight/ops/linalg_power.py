"""Powers and exponentials of matrices."""

from __future__ import annotations

from typing import Any

from ..arrays import matrix_exponential
from ..arrays.numpy import cast
from ..dtypes import FLOAT, OF_NUMPY, compute_type
from ..errors import shape_text
from .along import late
from .declare import composite, primitive
from .linalg_checks import identity_like
from .linalg_solve import inverse
from .matmul import matmul, mH
from .views import narrow

Array = Any
cat = late("cat")


def _check_square_of_any_type(name: str, A: Any) -> None:
    if len(A.shape) < 2:
        raise RuntimeError(
            f"{name}: The input tensor A must have at least 2 dimensions; it has shape {shape_text(A.shape)}."
        )
    if A.shape[-1] != A.shape[-2]:
        raise RuntimeError(
            f"{name}: A must be batches of square matrices, but they are {A.shape[-2]} by {A.shape[-1]} "
            "matrices"
        )


@composite(forms="mo", aliases=("linalg.matrix_power",))
def matrix_power(input: Array, /, n: int) -> Array:
    """inputⁿ of square matrices, by squaring; a negative n takes the inverse first."""
    if not isinstance(n, int):
        raise TypeError(f"matrix_power: argument 'n' (position 2) must be int, not {type(n).__name__}")
    _check_square_of_any_type("linalg.matrix_power", input)
    if n == 0:
        return identity_like(input)
    base = inverse(input) if n < 0 else input
    n, result = abs(n), None
    while n:
        if n & 1:
            result = base if result is None else matmul(result, base)
        n >>= 1
        base = matmul(base, base) if n else base
    return late("clone")(result) if result is input else result


@primitive(forms="m", aliases=("linalg.matrix_exp",))
def matrix_exp(A: Array, /) -> Array:
    """eᴬ of square matrices."""
    _check_square_of_any_type("linalg.matrix_exp", A)
    if OF_NUMPY[A.dtype].category < FLOAT:
        raise RuntimeError(
            "linalg.matrix_exp: Expected a floating point or complex tensor as input. Got "
            f"{OF_NUMPY[A.dtype].name}"
        )
    return cast(matrix_exponential.matrix_exp(cast(A, compute_type(A.dtype))), A.dtype)


@matrix_exp.backward
def _(g: Any, A: Any) -> Any:
    """The upper right block of exp [[Aᴴ, g], [0, Aᴴ]] (R. Mathias, 1996)."""
    n = A.shape[-1]
    H = mH(A)
    above, below = cat([H, g], -1), cat([H * 0, H], -1)
    return narrow(narrow(matrix_exp(cat([above, below], -2)), -2, 0, n), -1, n, n)
