"""Padding, by a constant or by the tensor's own values."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ..arrays import memory
from ..arrays import padding as kernels
from ..arrays.numpy import number
from ..arrays.windows import pad as pad_array
from ..dtypes import OF_NUMPY
from .declare import composite, primitive
from .spatial import Sizes, over_lead

Array = Any


@primitive(forms="")
def constant_pad_nd(input: Array, /, pad: Sequence[int], value: Any = 0) -> Array:
    """`value` around the last dimensions: `pad` lists (low, high), last dimension first; negative crops."""
    pads = _ends(pad)
    if len(pads) > input.ndim:
        raise RuntimeError(
            "pad: Padding length should be less than or equal to two times the input dimension but got "
            "padding "
            f"length {len(pad)} and input of dimension {input.ndim}"
        )
    grown = [n + sum(ends) for n, ends in zip(input.shape[input.ndim - len(pads) :], pads, strict=True)]
    if any(n < 0 for n in grown):
        raise RuntimeError(
            f"pad: padding {tuple(pad)} leaves a negative size of {tuple(grown)} of input {input.shape}"
        )
    _check_value(value, input.dtype)
    out = pad_array(input, pads, number(value, input.dtype).item() if value else 0)
    return memory.copied(out) if out is input else out


def _check_value(value: Any, dtype: np.dtype) -> None:
    if dtype.kind in "iu":
        limits = np.iinfo(dtype)
        if not limits.min <= value <= limits.max:
            raise RuntimeError(
                f"pad: value {value} cannot be converted to type {OF_NUMPY[dtype]} without overflow"
            )


constant_pad_nd.vjp(input=lambda g, pad: constant_pad_nd(g, tuple(-n for n in pad)))


@primitive(forms="", under="internal")
def pad_by(input: Array, /, pads: Any, mode: str) -> Array:
    """The last dimensions widened by their own values; mode reflect, replicate or circular."""
    return kernels.pad_by(input, pads, mode)


pad_by.vjp(input=lambda g, pads, mode: pad_by_transpose(g, pads, mode))


@primitive(forms="", under="internal")
def pad_by_transpose(grad: Array, /, pads: Any, mode: str) -> Array:
    """The transpose of `pad_by`: what was copied is added back where it came from."""
    return kernels.pad_by_gradient(grad, pads, mode)


pad_by_transpose.vjp(grad=lambda g, pads, mode: pad_by(g, pads, mode))


for _op in (constant_pad_nd, pad_by, pad_by_transpose):
    _op.batch(over_lead)


@composite(forms="", under="nn.functional")
def pad(input: Array, /, pad: Sequence[int], mode: str = "constant", value: Any = None) -> Array:
    """`input` padded by (low, high) places of its last dimensions, the last one first in `pad`.

    mode: constant (with `value`, 0 by default; negative amounts crop), reflect, replicate or circular.
    """
    amounts = tuple(int(n) for n in pad)
    if len(amounts) % 2:
        raise RuntimeError(
            f"pad: Padding length must be divisible by 2, but got {len(amounts)} numbers: {amounts}"
        )
    if mode == "constant":
        return constant_pad_nd(input, amounts, 0 if value is None else value)
    if mode not in ("reflect", "replicate", "circular"):
        raise NotImplementedError(
            f"pad: Unrecognised padding mode {mode}; there are constant, reflect, replicate and circular"
        )
    if value is not None and value != 0:
        raise RuntimeError(f'pad: Padding mode "{mode}" doesn\'t take in value argument')
    pads = _ends(amounts)
    _check_own_values(tuple(input.shape), pads, mode)
    return pad_by(input, pads, mode)


def _ends(pad: Sequence[int]) -> list[tuple[int, int]]:
    """(low, high) for each of the last dimensions, first dimension first."""
    return [(pad[i], pad[i + 1]) for i in range(len(pad) - 2, -1, -2)]


def _check_own_values(shape: Sizes, pads: list[tuple[int, int]], mode: str) -> None:
    if len(pads) not in (1, 2, 3) or len(shape) not in (len(pads) + 1, len(pads) + 2):
        raise NotImplementedError(
            f"pad: Padding size {2 * len(pads)} is not supported for {len(shape)}D input tensor in mode "
            f"{mode}: "
            f"it pads the last {len(pads)} of {len(pads) + 1} or {len(pads) + 2} dimensions"
        )
    for axis, (low, high) in zip(range(len(shape) - len(pads), len(shape)), pads, strict=True):
        size = shape[axis]
        if mode == "reflect" and max(low, high) >= size:
            raise RuntimeError(
                f"pad: Padding size should be less than the corresponding input dimension, but got: padding "
                f"({low}, {high}) at dimension {axis} of input {list(shape)}"
            )
        if mode == "circular" and max(low, high) > size:
            raise RuntimeError(
                f"pad: Padding value causes wrapping around more than once: ({low}, {high}) at dimension "
                f"{axis} "
                f"of input {list(shape)}"
            )
        if size == 0 or size + low + high < (0 if mode == "circular" else 1):
            raise RuntimeError(
                f"pad: input {list(shape)} is too small to pad dimension {axis} by ({low}, {high})"
            )
