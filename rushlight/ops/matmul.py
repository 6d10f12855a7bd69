"""Products of matrices and vectors: matmul, mm, bmm, mv, dot, and what follows from them."""

from __future__ import annotations

from math import prod
from typing import Any, NoReturn

import numpy as np

from ..arrays.products import BLAS, FLOATS, stacked
from ..arrays.products import dot as array_dot
from ..dtypes import BOOL, OF_NUMPY
from ..dtypes import dtype as Dtype
from ..errors import shape_text
from .along import is_complex, late
from .declare import primitive
from .views import permute, reshape, select, sum_to_size, transpose, unsqueeze

Array = Any
Shape = Any  # a tuple of sizes
ndarray = np.ndarray
conj_physical = late("conj_physical")

# -- what every product asks first ----------------------------------------------------------------------


def check_types(name: str, x: Array, y: Array) -> None:
    """Raise RuntimeError unless the operands have one dtype, NotImplementedError where it has no products."""
    if x.dtype is not y.dtype and x.dtype != y.dtype:
        have, want = OF_NUMPY[x.dtype].name, OF_NUMPY[y.dtype].name
        raise RuntimeError(
            f"{name}: expected m1 and m2 to have the same dtype, but got: {have} != {want}; "
            f"convert one of them, e.g. with .to(torch.{have})"
        )
    if OF_NUMPY[x.dtype].category == BOOL and x.size and y.size:
        raise NotImplementedError(
            f"{name}: \"{name}\" not implemented for 'Bool'; convert first, e.g. with .float()"
        )


def mismatch(name: str, x: Shape, y: Shape) -> NoReturn:
    """Raise the RuntimeError for shapes that do not multiply, told both and PyTorch's phrase."""
    inner = x[-1], y[-2] if len(y) > 1 else y[0]
    shapes = f"{name}: {shape_text(x)} @ {shape_text(y)}"
    if inner[0] != inner[1]:
        told = f"{shapes}: the inner sizes {inner[0]} and {inner[1]} differ"
    else:
        told = (
            f"{shapes}: the leading dimensions {shape_text(x[:-2])} and {shape_text(y[:-2])} do not broadcast"
        )
    raise RuntimeError(f"{told} ({_phrase(x, y)})")


def _phrase(x: Shape, y: Shape) -> str:
    """What PyTorch says of the same mismatch."""
    if len(x) == len(y) == 1:
        return (
            f"inconsistent tensor size, expected tensor [{x[0]}] and src [{y[0]}] to have the same number of "
            "elements, "
            f"but got {x[0]} and {y[0]} elements respectively"
        )
    if len(y) == 1:
        return f"size mismatch, got input ({x[-2]}), mat ({x[-2]}x{x[-1]}), vec ({y[0]})"
    if len(x) > 2 and len(y) > 2:
        want, got = [x[-3], x[-1]], [y[-3], y[-2]]
        return f"Expected size for first two dimensions of batch2 tensor to be: {want} but got: {got}."
    return f"mat1 and mat2 shapes cannot be multiplied ({prod(x[:-1])}x{x[-1]} and {y[-2]}x{y[-1]})"


def require_ranks(name: str, phrase: str, *wanted: tuple[Array, int]) -> None:
    """Raise RuntimeError unless each array has its number of dimensions."""
    if any(x.ndim != rank for x, rank in wanted):
        shapes = ", ".join(shape_text(x.shape) for x, _ in wanted)
        ranks = ", ".join(f"{rank}-D" for _, rank in wanted)
        raise RuntimeError(f"{name}: {phrase}; expected {ranks} tensors, got shapes {shapes}")


# -- transposes and conjugates, on arrays and Tensors ------------------------------------------------------


def conj(x: Any) -> Any:
    """x̄: `x` itself when it is real."""
    return conj_physical(x) if is_complex(x) else x


def mT(x: Any) -> Any:
    """The last two dimensions exchanged."""
    return x.swapaxes(-2, -1) if x.__class__ is ndarray else transpose(x, -2, -1)


def mH(x: Any) -> Any:
    """The conjugate transpose of matrices."""
    return mT(conj(x))


def dtype_of(x: Any) -> Dtype:
    """The dtype of an array or Tensor."""
    return x.dtype if isinstance(x.dtype, Dtype) else OF_NUMPY[x.dtype]


def unbroadcast(g: Any, shape: tuple[int, ...]) -> Any:
    """`g` summed to `shape`; itself when it has that shape."""
    return g if tuple(g.shape) == tuple(shape) else sum_to_size(g, shape)


# -- matmul ---------------------------------------------------------------------------------------------


@primitive(forms="mo", aliases=("linalg.matmul",))
def matmul(input: Array, other: Array, /) -> Array:
    """The product of matrices (…, n, k) @ (…, k, m), leading dimensions broadcast; vectors stand for a row, a
    column.
    """
    if input.ndim == 2 and input.dtype is other.dtype and input.dtype.char in BLAS and 0 < other.ndim < 3:
        try:
            return array_dot(input, other)
        except ValueError:
            mismatch("matmul", input.shape, other.shape)
    return multiply("matmul", input, other)


@matmul.shape
def product_shape(input: Array, other: Array) -> Any:
    """What a product of matrices and vectors is; None for those that do not fit."""
    x, y = tuple(input.shape), tuple(other.shape)
    if not x or not y or input.dtype != other.dtype or input.dtype.kind == "b" or x[-1] != y[-2:][0]:
        return None
    try:
        lead = np.broadcast_shapes(x[:-2], y[:-2])
    except ValueError:
        return None
    return (*lead, *(x[-2:-1]), *(y[-1:] if len(y) > 1 else ())), input.dtype


def multiply(name: str, x: Array, y: Array) -> Array:
    """x @ y for any ranks from one up, checked."""
    if not x.ndim or not y.ndim:
        raise RuntimeError(
            f"{name}: both arguments to {name} need to be at least 1D, but they are {x.ndim}D and {y.ndim}D"
        )
    check_types(name, x, y)
    try:
        if y.ndim > 2:
            return stacked(x, y)
        if x.ndim <= 2:
            return array_dot(x, y)
        return _folded(x, y)
    except ValueError:
        mismatch(name, x.shape, y.shape)


def _folded(x: Array, y: Array) -> Array:
    """A stack times one matrix or vector, as a single product."""
    if x.shape[-1] != y.shape[0]:
        mismatch("matmul", x.shape, y.shape)
    rows = x.reshape(prod(x.shape[:-1]), x.shape[-1])
    return array_dot(rows, y).reshape(x.shape[:-1] + y.shape[1:])


def _matmul_input(g: Any, other: Any, input_shape: tuple[int, ...]) -> Any:
    """g otherᴴ, for every pairing of ranks."""
    rank, n = len(input_shape), len(other.shape)
    if n == 1:
        return unsqueeze(g, -1) * conj(other)  # an outer product; of vectors g is 0-dim
    if rank == 1:
        return unbroadcast(select(matmul(conj(other), unsqueeze(g, -1)), -1, 0), input_shape)
    if rank == 2 and n > 2:
        return matmul(_wide(g), _rows(mH(other), 1))
    return unbroadcast(matmul(g, mH(other)), input_shape)


def _matmul_other(g: Any, input: Any, other_shape: tuple[int, ...]) -> Any:
    """inputᴴ g, for every pairing of ranks."""
    rank, n = len(other_shape), len(input.shape)
    if n == 1:
        return g * conj(input) if rank == 1 else unsqueeze(conj(input), -1) * unsqueeze(g, -2)
    if rank == 1:
        return matmul(_rows(g, 0), _rows(conj(input), 1))
    if rank == 2 and n > 2:
        return matmul(mT(_rows(conj(input), 1)), _rows(g, 1))
    return unbroadcast(matmul(mH(input), g), other_shape)


def _rows(x: Any, kept: int) -> Any:
    """All dimensions but the last `kept` merged into one."""
    shape = tuple(x.shape)
    lead = shape[: len(shape) - kept]
    return x if len(lead) == 1 else reshape(x, (prod(lead), *shape[len(lead) :]))


def _wide(x: Any) -> Any:
    """A stack (…, n, m) as one matrix (n, …·m): its matrices side by side."""
    shape = tuple(x.shape)
    n = len(shape)
    return reshape(permute(x, (n - 2, *range(n - 2), n - 1)), (shape[-2], prod(shape[:-2]) * shape[-1]))


matmul.vjp(input=_matmul_input, other=_matmul_other)


# -- the products of fixed rank -----------------------------------------------------------------------------


@primitive(forms="mo")
def mm(input: Array, mat2: Array, /) -> Array:
    """The matrix product of (n, k) and (k, m)."""
    if input.ndim != 2 or mat2.ndim != 2:
        which = "self" if input.ndim != 2 else "mat2"
        raise RuntimeError(
            f"mm: {which} must be a matrix; got {shape_text(input.shape)} @ {shape_text(mat2.shape)}"
        )
    if input.dtype is not mat2.dtype or input.dtype.char not in BLAS:
        check_types("mm", input, mat2)
    try:
        return array_dot(input, mat2)
    except ValueError:
        mismatch("mm", input.shape, mat2.shape)


@mm.shape
def _(input: Any, mat2: Any) -> Any:
    return product_shape(input, mat2) if len(input.shape) == len(mat2.shape) == 2 else None


def _mm_input(g: Any, mat2: Any) -> Any:
    return mm(g, mat2.T if mat2.__class__ is ndarray and mat2.dtype.char in FLOATS else mH(mat2))


def _mm_mat2(g: Any, input: Any) -> Any:
    return mm(input.T if input.__class__ is ndarray and input.dtype.char in FLOATS else mH(input), g)


mm.vjp(input=_mm_input, mat2=_mm_mat2)


@primitive(forms="mo")
def bmm(input: Array, mat2: Array, /) -> Array:
    """The products of two stacks of matrices, (b, n, k) and (b, k, m)."""
    require_ranks("bmm", f"batch{1 if input.ndim != 3 else 2} must be a 3D tensor", (input, 3), (mat2, 3))
    check_types("bmm", input, mat2)
    if input.shape[0] != mat2.shape[0] or input.shape[2] != mat2.shape[1]:
        mismatch("bmm", input.shape, mat2.shape)
    return stacked(input, mat2)


@bmm.shape
def _(input: Any, mat2: Any) -> Any:
    fits = len(input.shape) == len(mat2.shape) == 3 and input.shape[0] == mat2.shape[0]
    return product_shape(input, mat2) if fits else None


bmm.vjp(input=lambda g, mat2: bmm(g, mH(mat2)), mat2=lambda g, input: bmm(mH(input), g))


@primitive(forms="mo")
def mv(input: Array, vec: Array, /) -> Array:
    """The product of a matrix (n, k) and a vector (k,)."""
    require_ranks("mv", "vector + matrix @ vector expected", (input, 2), (vec, 1))
    check_types("mv", input, vec)
    try:
        return array_dot(input, vec)
    except ValueError:
        mismatch("mv", input.shape, vec.shape)


mv.vjp(input=lambda g, vec: unsqueeze(g, -1) * conj(vec), vec=lambda g, input: mv(mH(input), g))


def _check_vectors(name: str, x: Array, y: Array) -> None:
    require_ranks(name, f"1D tensors expected, but got {x.ndim}D and {y.ndim}D tensors", (x, 1), (y, 1))
    check_types(name, x, y)
    if x.shape != y.shape:
        mismatch(name, x.shape, y.shape)


@primitive(forms="mo")
def dot(input: Array, tensor: Array, /) -> Array:
    """Σ inputᵢ tensorᵢ of two vectors of one length."""
    _check_vectors("dot", input, tensor)
    return array_dot(input, tensor)


dot.vjp(input=lambda g, tensor: g * conj(tensor), tensor=lambda g, input: g * conj(input))


@primitive(forms="mo")
def vdot(input: Array, other: Array, /) -> Array:
    """Σ conj(inputᵢ) otherᵢ of two vectors of one length."""
    _check_vectors("vdot", input, other)
    return array_dot(np.conjugate(input) if input.dtype.kind == "c" else input, other)


vdot.vjp(input=lambda g, other: conj(g) * other, other=lambda g, input: g * input)
