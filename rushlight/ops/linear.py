"""Affine maps: nn.functional.linear and bilinear."""

from __future__ import annotations

from math import prod
from typing import Any, NoReturn

import numpy as np

from ..arrays.numpy import cast
from ..arrays.products import BLAS, affine, sum_rows, takes
from ..arrays.products import dot as array_dot
from ..dtypes import OF_NUMPY, compute_type
from ..errors import shape_text
from .declare import composite, primitive
from .matmul import check_types, conj, dtype_of, matmul, mT, unbroadcast
from .pointwise import add, mul
from .reduce import sum
from .views import reshape, transpose, unsqueeze

Array = Any
ndarray = np.ndarray


@primitive(forms="o", under="nn.functional")
def linear(input: Array, weight: Array, bias: Array | None = None, /) -> Array:
    """input · weightᵀ + bias: (…, k) and (m, k) give (…, m); a vector as weight, (k,), gives (…)."""
    if input.ndim == weight.ndim == 2 and input.dtype is weight.dtype and input.dtype.char in BLAS:
        try:
            if bias is not None and bias.dtype is input.dtype:
                found = affine(bias, input, weight.T, 1.0, 1.0)
                if found is not None:
                    return found
            out = array_dot(input, weight.T)
            if bias is not None and bias.dtype is input.dtype:
                out += bias
                return out
        except ValueError:
            _refuse(input, weight, bias)
        return out if bias is None else _add_bias(out, bias, input, weight)
    return _linear(input, weight, bias)


@linear.shape
def _(input: Any, weight: Any, bias: Any = None) -> Any:
    x, w = tuple(input.shape), tuple(weight.shape)
    is_plain = (
        x and len(w) == 2 and x[-1] == w[-1] and input.dtype == weight.dtype and input.dtype.kind == "f"
    )
    has_its_bias = bias is None or (bias.dtype == input.dtype and tuple(bias.shape) == w[:1])
    return (x[:-1] + w[:1], input.dtype) if is_plain and has_its_bias else None


def _linear(x: Array, w: Array, bias: Array | None) -> Array:
    """The map for any ranks and dtypes: the leading dimensions of `x` folded into rows, one product."""
    if not x.ndim or w.ndim not in (1, 2) or x.shape[-1] != w.shape[-1]:
        _refuse(x, w, bias)
    check_types("linear", x, w)
    out = x.shape[:-1] + w.shape[:-1]
    rows = x if x.ndim < 3 else x.reshape(_rows_of(x), x.shape[-1])
    if bias is None:
        return np.asarray(array_dot(rows, w.T)).reshape(out)
    work = x.dtype if takes(x.dtype) else compute_type(x.dtype)
    rows, columns = cast(rows, work), cast(w, work).T
    if bias.dtype == x.dtype:
        try:
            found = affine(cast(bias, work), rows, columns, 1.0, 1.0)
        except ValueError:
            _refuse(x, w, bias)
        if found is not None:
            return cast(found.reshape(out), x.dtype)
    product = np.asarray(array_dot(rows, columns)).reshape(out)
    return _add_bias(product, bias, x, w)


def _rows_of(x: Any) -> int:
    return prod(x.shape[:-1])


def _add_bias(product: Array, bias: Array, x: Array, w: Array) -> Array:
    """The bias added in place, in the product's (possibly wider) type, and the sum rounded to the input's."""
    if bias.dtype != x.dtype:
        names = f"{OF_NUMPY[bias.dtype].name} and {OF_NUMPY[x.dtype].name}"
        raise RuntimeError(
            f"linear: the bias and the input differ: self and mat2 must have the same dtype, but got {names}"
        )
    try:
        product += cast(bias, product.dtype)
    except ValueError:
        _refuse(x, w, bias)
    return cast(product, x.dtype)


def _refuse(x: Array, w: Array, bias: Array | None) -> NoReturn:
    """Raise the RuntimeError that says which shapes do not fit."""
    shown = f"linear: input {shape_text(x.shape)}, weight {shape_text(w.shape)}"
    if not x.ndim or not w.ndim:
        raise RuntimeError(
            f"{shown}: both arguments to linear need to be at least 1D, but they are {x.ndim}D and {w.ndim}D"
        )
    if w.ndim > 2:
        raise RuntimeError(
            f"{shown}: the weight is (out features, in features): t() expects a tensor with <= 2 dimensions"
        )
    if x.shape[-1] != w.shape[-1]:
        rows = f"{_rows_of(x)}x{x.shape[-1]} and {'x'.join(map(str, w.shape[::-1]))}"
        raise RuntimeError(
            f"{shown}: the input's last size {x.shape[-1]} and the weight's in_features {w.shape[-1]} differ "
            f"(mat1 and mat2 shapes cannot be multiplied ({rows}))"
        )
    assert bias is not None
    raise RuntimeError(
        f"{shown}, bias {shape_text(bias.shape)}: the bias must have the weight's {w.shape[0]} out features: "
        "The expanded "
        f"size of the tensor ({w.shape[0]}) must match the existing size ({bias.shape[-1]}) at non-singleton "
        "dimension "
        f"{x.ndim - 1}"
    )


# -- the three cotangents -------------------------------------------------------------------------------


def _fast(g: Any, x: Any) -> bool:
    """Whether these are matrices of a type that BLAS multiplies as it is."""
    return g.__class__ is x.__class__ is ndarray and g.ndim == x.ndim == 2 and g.dtype.char in BLAS


def _input_cotangent(g: Any, weight: Any) -> Any:
    if _fast(g, weight):
        return array_dot(g, weight)
    if len(weight.shape) == 1:
        return mul(unsqueeze(g, -1), conj(weight))
    return matmul(g, conj(weight))


def _weight_cotangent(g: Any, input: Any, weight_shape: tuple[int, ...]) -> Any:
    if _fast(g, input):
        return array_dot(g.T, input)
    n = _rows_of(input)
    rows = reshape(conj(input), (n, input.shape[-1]))
    if len(weight_shape) == 1:
        return matmul(reshape(g, (n,)), rows)
    return matmul(mT(reshape(g, (n, weight_shape[0]))), rows)


def _bias_cotangent(g: Any, bias_shape: tuple[int, ...]) -> Any:
    if _fast(g, g) and bias_shape == g.shape[1:]:
        return sum_rows(g)
    return unbroadcast(g, bias_shape)


linear.vjp(input=_input_cotangent, weight=_weight_cotangent, bias=_bias_cotangent)


# -- bilinear -------------------------------------------------------------------------------------------


@composite(forms="", under="nn.functional", aliases=("bilinear",))
def bilinear(input1: Array, input2: Array, weight: Array, bias: Array | None = None, /) -> Array:
    """outₖ = input1ᵀ weightₖ input2 + biasₖ: (…, a), (…, b), (m, a, b) give (…, m)."""
    _check_bilinear(input1, input2, weight, bias)
    m, a, b = tuple(weight.shape)
    lead = tuple(input1.shape)[:-1]
    n = _rows_of(input1)
    left = matmul(reshape(input1, (n, a)), reshape(transpose(weight, 0, 1), (a, m * b)))
    out = sum(mul(reshape(left, (n, m, b)), reshape(input2, (n, 1, b))), -1, dtype=dtype_of(left))
    out = reshape(out, (*lead, m))
    return out if bias is None else add(out, bias)


def _check_bilinear(x: Any, y: Any, w: Any, bias: Any) -> None:
    shown = (
        f"bilinear: input1 {shape_text(x.shape)}, input2 {shape_text(y.shape)}, weight {shape_text(w.shape)}"
    )
    if len(x.shape) != len(y.shape):
        raise RuntimeError(
            f"{shown}: bilinear(): input dimensions do not match: got {len(x.shape)} and {len(y.shape)}"
        )
    if tuple(x.shape)[:-1] != tuple(y.shape)[:-1]:
        raise RuntimeError(
            f"{shown}: bilinear(): input batch dimensions do not match: all but the last must agree"
        )
    if len(w.shape) != 3 or x.shape[-1] != w.shape[1] or y.shape[-1] != w.shape[2]:
        raise RuntimeError(
            f"{shown}: bilinear(): input sizes do not match weight size: the weight is (out, in1, in2) with "
            "the last sizes "
            f"of the two inputs"
        )
    if bias is not None and (len(bias.shape) != 1 or bias.shape[0] != w.shape[0]):
        raise RuntimeError(
            f"{shown}: bilinear(): bias size does not match weight size: bias {shape_text(bias.shape)}"
        )
