"""What the ops of torch.linalg share: names, checks of their inputs, identities and masks over matrices."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ..dtypes import FLOAT, OF_NUMPY, compute_type
from ..errors import LinAlgError, shape_text
from .along import late
from .declare import primitive
from .matmul import mH

Array = Any
masked_fill, tril, triu, diag_embed = late("masked_fill"), late("tril"), late("triu"), late("diag_embed")


def in_linalg(name: str, forms: str = "o", outputs: Sequence[str] = (), **more: Any) -> dict[str, Any]:
    """Settings of an op that is public as torch.linalg.<name> and registered as linalg_<name> (torch.<name>
    differs).
    """
    return {
        "name": f"linalg_{name}",
        "under": "internal",
        "aliases": (f"linalg.{name}",),
        "forms": forms,
        "outputs": outputs,
    } | more


# -- checks -----------------------------------------------------------------------------------------------

_TORCH_NAMES = {
    "int64": "Long",
    "int32": "Int",
    "bool": "Bool",
    "float16": "Half",
    "bfloat16": "BFloat16",
    "uint8": "Byte",
}


def check_floating(name: str, A: Array) -> None:
    """Raise RuntimeError unless `A` holds real or complex numbers of at least 32 bits."""
    kind = OF_NUMPY[A.dtype]
    shown = _TORCH_NAMES.get(kind.name, kind.name)
    if kind.category < FLOAT:
        raise RuntimeError(
            f"{name}: Expected a floating point or complex tensor as input. Got {shown}; use .float()"
        )
    if compute_type(A.dtype) != A.dtype:
        raise NotImplementedError(
            f"{name}: Low precision dtypes not supported. Got {shown}: not implemented for '{shown}'"
        )


def check_matrices(name: str, A: Array, what: str = "A") -> None:
    """Raise RuntimeError unless `A` is a matrix or a stack of them, of floating type."""
    if A.ndim < 2:
        raise RuntimeError(
            f"{name}: The input tensor {what} must have at least 2 dimensions; it has shape "
            f"{shape_text(A.shape)}."
        )
    check_floating(name, A)


def check_square(name: str, A: Array, what: str = "A") -> None:
    """Raise RuntimeError unless `A` is a square matrix or a stack of them, of floating type."""
    check_matrices(name, A, what)
    rows, columns = A.shape[-2:]
    if rows != columns:
        raise RuntimeError(
            f"{name}: {what} must be batches of square matrices, but they are {rows} by {columns} matrices; "
            f"the shape is {shape_text(A.shape)}"
        )


def check_same_type(name: str, A: Array, B: Array) -> None:
    """Raise RuntimeError unless both operands have one dtype."""
    if A.dtype != B.dtype:
        raise RuntimeError(
            f"{name}: Expected A and B to have the same dtype, but found A of type {OF_NUMPY[A.dtype].name} "
            "and B of type "
            f"{OF_NUMPY[B.dtype].name} instead"
        )


def batch_prefix(index: int, batched: bool) -> str:
    """PyTorch's words for one of many: "(Batch element 3): "."""
    return f"(Batch element {index}): " if batched else ""


def raise_first(name: str, infos: Array, message: str) -> None:
    """Raise LinAlgError for the first nonzero info, `message` formatted with it."""
    wrong = np.flatnonzero(infos)
    if wrong.size:
        at = int(wrong[0])
        raise LinAlgError(
            f"{name}: {batch_prefix(at, infos.ndim > 0)}{message.format(int(infos.reshape(-1)[at]))}"
        )


# -- constants and masks that work on arrays and Tensors ----------------------------------------------------


@primitive(forms="", under="internal", differentiable=False)
def identity_like(input: Array, /) -> Array:
    """The identity for each square matrix of a stack, in its dtype."""
    return np.broadcast_to(np.eye(input.shape[-1], dtype=input.dtype), input.shape).copy()


@primitive(forms="", under="internal", differentiable=False)
def on_diagonal(input: Array, /) -> Array:
    """True on the diagonal of matrices like `input`'s."""
    return np.eye(*input.shape[-2:], dtype=np.bool_)


def divide_off_diagonal(x: Any, differences: Any) -> Any:
    """x / differences off the diagonal, 0 on it."""
    mask = on_diagonal(differences)
    return masked_fill(x, mask, 0) / masked_fill(differences, mask, 1)


def half_diagonal(x: Any) -> Any:
    """`x` with its diagonal halved."""
    return x * (1 - 0.5 * identity_like(x))


def hermitian(x: Any) -> Any:
    """(x + xᴴ) / 2."""
    return (x + mH(x)) * 0.5


def absent(g: Any) -> bool:
    """Whether a cotangent is a constant zero: an output that nobody used."""
    if getattr(g, "requires_grad", False):
        return False
    return not anywhere(g != 0)


def anywhere(x: Any) -> bool:
    """Whether any element is true, of an array, a Tensor, or a batch under vmap (of any of its examples)."""
    x = getattr(x, "_a", x)
    while hasattr(x, "levels"):
        x = x.value
    return bool(x.any())


def over_matrices(op: Any, size: int, values: list[Any], flags: list[bool], options: dict[str, Any]) -> Any:
    """The batching rule of ops on one tensor of stacked matrices: the batch is one more leading dimension."""
    return op(*values, **options)
