"""A product of matrices added to something: β·input + α·(product), as one op each."""

from __future__ import annotations

from typing import Any

import numpy as np

import rushlight.dtypes as dtypes

from ..arrays.numpy import cast, number
from ..arrays.products import affine, stacked
from ..arrays.products import dot as array_dot
from ..dtypes import BOOL, COMPLEX, FLOAT, OF_NUMPY
from ..errors import shape_text
from .declare import composite, primitive
from .matmul import check_types, conj, dtype_of, matmul, mH, mismatch, require_ranks, unbroadcast
from .pointwise import add, mul
from .views import unsqueeze

Array = Any


def _check(name: str, input: Array, x: Array, y: Array) -> None:
    check_types(name, x, y)
    if input.dtype != x.dtype:
        have, want = OF_NUMPY[input.dtype].name, OF_NUMPY[x.dtype].name
        raise RuntimeError(
            f"{name}: input dtypes must be the same: self and mat2 must have the same dtype, but got {have} "
            f"and {want}"
        )


def _weight(name: str, what: str, value: Any, storage: np.dtype) -> Any:
    """alpha or beta in the product's type: integers drop the fraction, real types take no complex numbers."""
    category = OF_NUMPY[storage].category
    if category < FLOAT:
        if storage.kind == "u" and isinstance(value, float) and value <= -1:
            raise RuntimeError(
                f"{name}: value cannot be converted to type {storage.name}_t without overflow: {what}={value}"
            )
        return int(value)
    if isinstance(value, complex) and category < COMPLEX:
        raise RuntimeError(
            f"{name}: value cannot be converted to type {OF_NUMPY[storage].name} without overflow: "
            f"{what}={value}"
        )
    return value


def combined(name: str, input: Array, x: Array, y: Array, product: Any, beta: Any, alpha: Any) -> Array:
    """β·input + α·product(x, y), rounded once; with β = 0 `input` is not looked at (its nan stays out)."""
    storage = x.dtype
    beta, alpha = _weight(name, "beta", beta, storage), _weight(name, "alpha", alpha, storage)
    if product is not _summed_product:
        try:
            found = affine(input, x, y, beta, alpha)
        except ValueError:
            _refuse(name, input.shape, x.shape[:-1] + y.shape[-1:])
        if found is not None and (beta != 0 or _fits(input.shape, found.shape)):
            return found
    work = dtypes.compute_type(storage)
    out = np.asarray(product(cast(x, work), cast(y, work)))
    if alpha != 1:
        out = np.multiply(out, number(alpha, work))
    if beta != 0:
        scaled = cast(input, work) if beta == 1 else np.multiply(cast(input, work), number(beta, work))
        _add_into(name, out, scaled)
    elif not _fits(input.shape, out.shape):
        _refuse(name, input.shape, out.shape)
    return cast(out, storage)


def _add_into(name: str, out: Array, addend: Array) -> None:
    try:
        np.add(out, addend, out)
    except ValueError:
        _refuse(name, addend.shape, out.shape)


def _fits(shape: tuple[int, ...], target: tuple[int, ...]) -> bool:
    return len(shape) <= len(target) and all(n in (1, m) for n, m in zip(shape[::-1], target[::-1]))


def _refuse(name: str, shape: tuple[int, ...], target: tuple[int, ...]) -> None:
    at = next(
        (i for i in range(-1, -len(shape) - 1, -1) if -i > len(target) or shape[i] not in (1, target[i])), -1
    )
    want = target[at] if -at <= len(target) else 0
    raise RuntimeError(
        f"{name}: input of shape {shape_text(shape)} does not broadcast to the product's shape "
        f"{shape_text(target)}: The "
        f"expanded size of the tensor ({want}) must match the existing size ({shape[at]}) at non-singleton "
        "dimension "
        f"{len(target) + at}.  Target sizes: {list(target)}.  Tensor sizes: {list(shape)}"
    )


def scaled(g: Any, factor: Any) -> Any:
    """The cotangent of what was multiplied by the number `factor`."""
    return g if factor == 1 else g * (factor.conjugate() if isinstance(factor, complex) else factor)


def _input_cotangent(g: Any, input_shape: tuple[int, ...], beta: Any) -> Any:
    return unbroadcast(scaled(g, beta), input_shape)


@primitive(forms="mio")
def addmm(input: Array, mat1: Array, mat2: Array, /, *, beta: Any = 1, alpha: Any = 1) -> Array:
    """β·input + α·(mat1 @ mat2); `input` broadcasts to the product's shape."""
    require_ranks("addmm", "mat1 and mat2 must be matrices", (mat1, 2), (mat2, 2))
    _check("addmm", input, mat1, mat2)
    if mat1.shape[1] != mat2.shape[0]:
        mismatch("addmm", mat1.shape, mat2.shape)
    return combined("addmm", input, mat1, mat2, array_dot, beta, alpha)


addmm.vjp(
    input=_input_cotangent,
    mat1=lambda g, mat2, alpha: matmul(scaled(g, alpha), mH(mat2)),
    mat2=lambda g, mat1, alpha: matmul(mH(mat1), scaled(g, alpha)),
)


@primitive(forms="mio")
def addmv(input: Array, mat: Array, vec: Array, /, *, beta: Any = 1, alpha: Any = 1) -> Array:
    """β·input + α·(mat @ vec)."""
    require_ranks("addmv", "vector + matrix @ vector expected", (mat, 2), (vec, 1))
    _check("addmv", input, mat, vec)
    if mat.shape[1] != vec.shape[0]:
        mismatch("addmv", mat.shape, vec.shape)
    return combined("addmv", input, mat, vec, array_dot, beta, alpha)


addmv.vjp(
    input=_input_cotangent,
    mat=lambda g, vec, alpha: unsqueeze(scaled(g, alpha), -1) * conj(vec),
    vec=lambda g, mat, alpha: matmul(mH(mat), scaled(g, alpha)),
)


@primitive(forms="mio")
def baddbmm(input: Array, batch1: Array, batch2: Array, /, *, beta: Any = 1, alpha: Any = 1) -> Array:
    """β·input + α·(batch1 @ batch2), stacks of matrices (b, n, k) and (b, k, m)."""
    _check_stacks("baddbmm", batch1, batch2)
    _check("baddbmm", input, batch1, batch2)
    return combined("baddbmm", input, batch1, batch2, stacked, beta, alpha)


baddbmm.vjp(
    input=_input_cotangent,
    batch1=lambda g, batch2, alpha: matmul(scaled(g, alpha), mH(batch2)),
    batch2=lambda g, batch1, alpha: matmul(mH(batch1), scaled(g, alpha)),
)


def _check_stacks(name: str, x: Array, y: Array) -> None:
    require_ranks(name, f"batch{1 if x.ndim != 3 else 2} must be a 3D tensor", (x, 3), (y, 3))
    if x.shape[0] != y.shape[0] or x.shape[2] != y.shape[1]:
        mismatch(name, x.shape, y.shape)


@primitive(forms="mio")
def addbmm(input: Array, batch1: Array, batch2: Array, /, *, beta: Any = 1, alpha: Any = 1) -> Array:
    """β·input + α·Σ over b of (batch1[b] @ batch2[b])."""
    _check_stacks("addbmm", batch1, batch2)
    _check("addbmm", input, batch1, batch2)
    return combined("addbmm", input, batch1, batch2, _summed_product, beta, alpha)


def _summed_product(x: Array, y: Array) -> Array:
    """Σ over b of x[b] @ y[b], as one product with the inner sizes laid end to end."""
    b, n, k = x.shape
    return array_dot(x.swapaxes(0, 1).reshape(n, b * k), y.reshape(b * k, y.shape[2]))


addbmm.vjp(
    input=_input_cotangent,
    batch1=lambda g, batch2, alpha: matmul(scaled(g, alpha), mH(batch2)),
    batch2=lambda g, batch1, alpha: matmul(mH(batch1), scaled(g, alpha)),
)


@composite(forms="mio")
def addr(input: Array, vec1: Array, vec2: Array, /, *, beta: Any = 1, alpha: Any = 1) -> Array:
    """β·input + α·(vec1 ⊗ vec2), with type promotion; booleans combine by `or` and `and`."""
    if len(vec1.shape) != 1 or len(vec2.shape) != 1:
        phrase = f"Expected 1-D argument vec{1 if len(vec1.shape) != 1 else 2}"
        raise RuntimeError(
            f"addr: {phrase}, got shapes {shape_text(vec1.shape)} and {shape_text(vec2.shape)}"
        )
    target = (vec1.shape[0], vec2.shape[0])
    if not _fits(tuple(input.shape), target):
        _refuse("addr", tuple(input.shape), target)
    product = mul(unsqueeze(vec1, -1), vec2)
    category = max(dtype_of(x).category for x in (input, vec1, vec2))
    if category < FLOAT and (isinstance(beta, float) or isinstance(alpha, float)):
        which = "beta" if isinstance(beta, float) else "alpha"
        raise RuntimeError(
            f"addr: For integral input tensors, argument {which} must not be a floating point number."
        )
    if category == BOOL:
        alpha, beta = bool(alpha), bool(beta)
    if beta == 0:
        return product if alpha == 1 else mul(product, alpha)
    return add(input if beta == 1 else mul(input, beta), product, alpha=alpha)
