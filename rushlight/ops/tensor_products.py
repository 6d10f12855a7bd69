"""Products that are matmul in other words: outer, inner, kron, tensordot, vecdot, and chains of matrices."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from math import prod
from typing import Any

from ..arrays.numpy import normalize_dims
from ..dtypes import FLOAT
from ..errors import shape_text
from .declare import Varargs, composite
from .matmul import conj, dtype_of, matmul, mT
from .pointwise import mul
from .reduce import sum
from .views import permute, reshape, unsqueeze

Array = Any


@composite(forms="mo", aliases=("ger",))
def outer(input: Array, vec2: Array, /) -> Array:
    """input ⊗ vec2: the products of every element of one vector with every element of another."""
    for name, x in (("self", input), ("vec2", vec2)):
        if len(x.shape) != 1:
            raise RuntimeError(
                f"outer: Expected 1-D argument {name}, but got {len(x.shape)}-D, shape {shape_text(x.shape)}"
            )
    return mul(unsqueeze(input, -1), vec2)


@composite(forms="mo")
def inner(input: Array, other: Array, /) -> Array:
    """Σ over the last dimensions of both: (…, k) and (*, k) give (…, *); a 0-dim operand multiplies."""
    _same_types("inner", input, other)
    a, b = tuple(input.shape), tuple(other.shape)
    if not a or not b:
        return mul(input, other)
    if a[-1] != b[-1]:
        raise RuntimeError(
            f"inner: inner() the last dimension must match on both input tensors but got shapes {list(a)} "
            f"and {list(b)}"
        )
    if len(a) == 1 or len(b) <= 2:
        return matmul(input, mT(other)) if len(b) > 1 else matmul(input, other)
    return tensordot(input, other, ((len(a) - 1,), (len(b) - 1,)))


def _same_types(name: str, x: Any, y: Any) -> None:
    if x.dtype != y.dtype:
        raise RuntimeError(f"{name}: both inputs should have same dtype, but got {x.dtype} and {y.dtype}")


@composite(forms="mo")
def kron(input: Array, other: Array, /) -> Array:
    """The Kronecker product: each element of `input` replaced by its product with the whole of `other`."""
    a, b = tuple(input.shape), tuple(other.shape)
    n = max(len(a), len(b))
    a, b = (1,) * (n - len(a)) + a, (1,) * (n - len(b)) + b
    spread = [(size, 1) for size in a], [(1, size) for size in b]
    left, right = (tuple(size for pair in pairs for size in pair) for pairs in spread)
    return reshape(
        mul(reshape(input, left), reshape(other, right)), tuple(x * y for x, y in zip(a, b, strict=True))
    )


# -- tensordot ----------------------------------------------------------------------------------------


@composite(forms="o")
def tensordot(a: Array, b: Array, /, dims: Any = 2) -> Array:
    """Σ over paired dimensions: the last n of `a` with the first n of `b` for an integer, else (dims of a,
    dims of b).
    """
    _same_types("tensordot", a, b)
    first, second = _contracted(dims, tuple(a.shape), tuple(b.shape))
    a, b = _stretched(a, b, first, second)
    kept_a = [i for i in range(len(a.shape)) if i not in first]
    kept_b = [i for i in range(len(b.shape)) if i not in second]
    rows, cols = [a.shape[i] for i in kept_a], [b.shape[i] for i in kept_b]
    inner_size = prod(a.shape[i] for i in first)
    left = reshape(permute(a, (*kept_a, *first)), (prod(rows), inner_size))
    right = reshape(permute(b, (*second, *kept_b)), (inner_size, prod(cols)))
    return reshape(matmul(left, right), (*rows, *cols))


def _contracted(dims: Any, a: tuple[int, ...], b: tuple[int, ...]) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """The dimensions of each operand that are summed, checked against each other."""
    if hasattr(dims, "tolist"):
        dims = dims.tolist()
    if isinstance(dims, int):
        return _counted(dims, a, b)
    given = [
        tuple(d.tolist()) if hasattr(d, "tolist") else (d,) if isinstance(d, int) else tuple(d) for d in dims
    ]
    first, second = given
    if len(first) != len(second):
        raise RuntimeError(
            f"tensordot: both dimension lists should have same length, got {list(first)} and {list(second)}"
        )
    first = normalize_dims("tensordot", first, len(a)) if first else ()
    second = normalize_dims("tensordot", second, len(b)) if second else ()
    for i, j in zip(first, second, strict=True):
        if a[i] != b[j] and 1 not in (a[i], b[j]):
            raise RuntimeError(
                f"tensordot: {shape_text(a)} and {shape_text(b)}: contracted dimensions need to match, but "
                "first has size "
                f"{a[i]} in dim {i} and second has size {b[j]} in dim {j}"
            )
    return first, second


def _counted(n: int, a: tuple[int, ...], b: tuple[int, ...]) -> tuple[tuple[int, ...], tuple[int, ...]]:
    if n < 0:
        raise RuntimeError(f"tensordot: tensordot expects dims >= 0, but got dims={n}")
    if n > min(len(a), len(b)):
        raise RuntimeError(
            f"tensordot: tensordot expects dims < ndim_a or ndim_b, but got dims={n} for shapes "
            f"{shape_text(a)} and {shape_text(b)}"
        )
    return _contracted((tuple(range(len(a) - n, len(a))), tuple(range(n))), a, b)


def _stretched(a: Any, b: Any, first: Sequence[int], second: Sequence[int]) -> tuple[Any, Any]:
    """Where one of two paired sizes is 1, the other's dimension is summed beforehand."""
    alone_a = tuple(i for i, j in zip(first, second, strict=True) if b.shape[j] == 1 != a.shape[i])
    alone_b = tuple(j for i, j in zip(first, second, strict=True) if a.shape[i] == 1 != b.shape[j])
    kind = dtype_of(a)
    return sum(a, alone_a, True, dtype=kind) if alone_a else a, sum(
        b, alone_b, True, dtype=kind
    ) if alone_b else b


@composite(forms="o", under="linalg")
def vecdot(x: Array, y: Array, /, *, dim: int = -1) -> Array:
    """Σ conj(x) y along `dim`, with broadcasting."""
    if x.dtype != y.dtype:
        raise RuntimeError(
            f"linalg.vecdot: Expected x and y to have the same dtype, but found x of type {x.dtype} and y of "
            f"type {y.dtype} instead"
        )
    if dtype_of(x).category < FLOAT:
        raise RuntimeError(
            f"linalg.vecdot: Expected a floating point or complex tensor as input. Got {dtype_of(x).name}"
        )
    return sum(mul(conj(x), y), dim)


# -- chains of matrices ---------------------------------------------------------------------------------


@composite(forms="o", under="linalg")
def multi_dot(tensors: Sequence[Array], /) -> Array:
    """The product of two or more matrices in the cheapest order; the first and the last may be vectors."""
    matrices = list(tensors)
    _check_chain(matrices)
    as_row, as_column = len(matrices[0].shape) == 1, len(matrices[-1].shape) == 1
    if as_row:
        matrices[0] = unsqueeze(matrices[0], 0)
    if as_column:
        matrices[-1] = unsqueeze(matrices[-1], -1)
    sizes = tuple(m.shape[0] for m in matrices) + (matrices[-1].shape[1],)
    for i, (m, following) in enumerate(zip(matrices, matrices[1:], strict=False)):
        if m.shape[1] != following.shape[0]:
            shapes = f"{list(tensors[i].shape)} and {list(tensors[i + 1].shape)}"
            raise RuntimeError(
                f"linalg.multi_dot: multi_dot(): tensors {i} and {i + 1} with shapes {shapes} cannot be "
                "multiplied"
            )
    whole = _multiply_range(matrices, cheapest_splits(sizes), 0, len(matrices) - 1)
    shape = (() if as_row else (sizes[0],)) + (() if as_column else (sizes[-1],))
    return reshape(whole, shape) if len(shape) < 2 else whole


@composite(forms="o")
def chain_matmul(matrices: Sequence[Array] | Varargs, /) -> Array:
    """The product of one or more matrices in the cheapest order; linalg.multi_dot is the newer form."""
    given: tuple[Any, ...] = tuple(matrices) if isinstance(matrices, (tuple, list)) else (matrices,)
    for i, m in enumerate(given):
        if len(m.shape) != 2:
            raise RuntimeError(
                f"chain_matmul: Tensor dimension is {len(m.shape)}, expected 2 instead (tensor {i})"
            )
    if not given:
        raise RuntimeError("chain_matmul: chain_matmul(): Expected one or more matrices")
    return given[0] if len(given) == 1 else multi_dot(list(given))


def _check_chain(matrices: list[Any]) -> None:
    if len(matrices) < 2:
        raise RuntimeError(
            f"linalg.multi_dot: multi_dot(): expected at least 2 tensors but got {len(matrices)}"
        )
    for i, m in enumerate(matrices):
        ends = i in (0, len(matrices) - 1)
        if len(m.shape) != 2 and not (ends and len(m.shape) == 1):
            which = "the first tensor" if i == 0 else "the last tensor" if ends else f"tensor {i}"
            raise RuntimeError(
                f"linalg.multi_dot: multi_dot(): {which} must be {'1D or 2D' if ends else '2D'} but got "
                f"{len(m.shape)}D"
            )
        if m.dtype != matrices[0].dtype:
            raise RuntimeError(
                f"linalg.multi_dot: multi_dot(): all tensors must have be the same dtype but tensor 0 is "
                f"{matrices[0].dtype} and tensor {i} {m.dtype}"
            )


@lru_cache(maxsize=256)
def cheapest_splits(sizes: tuple[int, ...]) -> dict[tuple[int, int], int]:
    """Where to split each range of a chain for the fewest multiplications; dynamic programming (Cormen et
    al., 15.2).
    """
    n = len(sizes) - 1
    cost = {(i, i): 0 for i in range(n)}
    splits: dict[tuple[int, int], int] = {}
    for length in range(1, n):
        for i in range(n - length):
            j = i + length
            options = (
                (cost[i, k] + cost[k + 1, j] + sizes[i] * sizes[k + 1] * sizes[j + 1], k) for k in range(i, j)
            )
            cost[i, j], splits[i, j] = min(options)
    return splits


def _multiply_range(matrices: list[Any], splits: dict[tuple[int, int], int], i: int, j: int) -> Any:
    if i == j:
        return matrices[i]
    k = splits[i, j]
    return matmul(_multiply_range(matrices, splits, i, k), _multiply_range(matrices, splits, k + 1, j))


@composite(name="__rmatmul__", forms="mF", under="Tensor")
def rmatmul(input: Array, other: Array, /) -> Array:
    """other @ input, for an `other` that does not know how."""
    return matmul(other, input)
