"""Dropout: elements, or whole channels, set to zero at random while training, the rest scaled up.

The numbers come from the default generator, in torch's order. The kept mask is an array like any other: an
output is the input times it (and, for alpha dropout, plus another), so gradients of every order use the mask
that was drawn.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import numpy as np

from ..arrays import distributions
from ..arrays.generator import default_generator
from ..dtypes import FLOAT, OF_NUMPY
from ..errors import shape_text
from .declare import composite, primitive
from .pointwise import add, mul
from .views import reshape

Array = Any

# -- the masks ----------------------------------------------------------------------------------------


def _drawn(input: np.ndarray, draw: Callable[[tuple[int, ...]], Any]) -> Any:
    """`draw(shape)` for the shape of `input`, in the order of its memory, as torch fills an array of its
    layout.
    """
    if input.flags.c_contiguous:
        return draw(input.shape)
    axes = distributions.fill_axes(input)
    back = np.argsort(axes)
    found = draw(tuple(input.shape[i] for i in axes))
    return tuple(a.transpose(back) for a in found) if isinstance(found, tuple) else found.transpose(back)


def _need_floating(name: str, input: np.ndarray) -> None:
    kind = OF_NUMPY[input.dtype]
    if kind.category < FLOAT:
        raise RuntimeError(
            f"{name}: result type Float can't be cast to the desired output type {kind}; convert the input "
            "with .float()"
        )


@primitive(forms="", under="internal", differentiable=False)
def dropout_mask(input: Array, /, p: float, features: bool = False) -> Array:
    """0 with probability p, else 1 / (1 - p), for each element of `input` or (`features`) each channel."""
    _need_floating("dropout", input)
    if features:
        return distributions.dropout_noise(
            default_generator, distributions.feature_shape(input.shape), input.dtype, p
        )
    return _drawn(input, lambda shape: distributions.dropout_noise(default_generator, shape, input.dtype, p))


@primitive(forms="", under="internal", differentiable=False, outputs=("scale", "shift"))
def alpha_dropout_masks(input: Array, /, p: float, features: bool = False) -> tuple[Array, Array]:
    """The a and b of alpha dropout, x → a·x + b: they keep mean and variance under selu (Klambauer et al.
    2017).
    """
    _need_floating("alpha_dropout", input)
    if features:
        shape = distributions.feature_shape(input.shape)
        return distributions.alpha_dropout_noise(default_generator, shape, input.dtype, p)
    return _drawn(
        input, lambda shape: distributions.alpha_dropout_noise(default_generator, shape, input.dtype, p)
    )


# -- applying them ------------------------------------------------------------------------------------


def _check(p: float, kind: type[Exception] = ValueError) -> None:
    if not 0 <= p <= 1:
        raise kind(f"dropout probability has to be between 0 and 1, but got {p}")


def _is_identity(input: Array, p: float, training: bool) -> bool:
    return p == 0 or not training or 0 in tuple(input.shape)


def _times(input: Array, factor: Any, inplace: bool) -> Array:
    if inplace:
        input *= factor
        return input
    return mul(input, factor)


def _drop(input: Array, p: float, training: bool, inplace: bool, features: bool = False) -> Array:
    if _is_identity(input, p, training):
        return input
    if p == 1:
        return _times(input, False, inplace)  # torch's zero has the input's type
    return _times(input, dropout_mask(input, p, features), inplace)


def _drop_alpha(input: Array, p: float, training: bool, inplace: bool, features: bool = False) -> Array:
    if _is_identity(input, p, training):
        return input
    if p == 1:
        return _times(input, False, inplace)  # torch's zero has the input's type
    scale, shift = alpha_dropout_masks(input, p, features)
    if inplace:
        input *= scale
        input += shift
        return input
    return add(mul(input, scale), shift)


# -- torch.nn.functional ------------------------------------------------------------------------------


@composite(forms="", under="nn.functional")
def dropout(input: Array, /, p: float = 0.5, training: bool = True, inplace: bool = False) -> Array:
    """Each element 0 with probability p, else scaled by 1 / (1 - p); in evaluation the input itself."""
    _check(p)
    return _drop(input, p, training, inplace)


@composite(forms="", under="nn.functional")
def dropout1d(input: Array, /, p: float = 0.5, training: bool = True, inplace: bool = False) -> Array:
    """Dropout of whole channels of (N, C, L), or of (C, L)."""
    _check(p)
    if len(input.shape) not in (2, 3):
        raise RuntimeError(
            f"dropout1d: Expected 2D or 3D input, (C, L) or (N, C, L), but received a {len(input.shape)}D "
            f"input of shape {shape_text(input.shape)}; use dropout for other shapes"
        )
    return _drop_channels(input, 3, p, training, inplace)


@composite(forms="", under="nn.functional")
def dropout2d(input: Array, /, p: float = 0.5, training: bool = True, inplace: bool = False) -> Array:
    """Dropout of whole channels of (N, C, H, W)."""
    _check(p)
    _warn_of_shape("dropout2d", len(input.shape), 4)
    if len(input.shape) == 3:
        warnings.warn(
            "dropout2d: Received a 3D input to dropout2d and assuming that channel-wise 1D dropout "
            "behavior is desired: it is read as (N, C, L). Use dropout1d for that, or give a 4D input (N, "
            "C, H, W).",
            stacklevel=3,
        )
    return _drop(input, p, training, inplace, True)


@composite(forms="", under="nn.functional")
def dropout3d(input: Array, /, p: float = 0.5, training: bool = True, inplace: bool = False) -> Array:
    """Dropout of whole channels of (N, C, D, H, W), or of (C, D, H, W)."""
    _check(p)
    _warn_of_shape("dropout3d", len(input.shape), 5)
    return _drop_channels(input, 5, p, training, inplace)


def _warn_of_shape(name: str, ndim: int, batched: int) -> None:
    if ndim not in (batched - 1, batched):
        warnings.warn(
            f"{name}: Received a {ndim}-D input to {name}, which is deprecated and will result in an error "
            f"in a future release. It drops whole channels of {batched - 1}D or {batched}D inputs; use "
            "dropout for other shapes.",
            stacklevel=4,
        )


def _drop_channels(input: Array, batched: int, p: float, training: bool, inplace: bool) -> Array:
    """Channel dropout; anything but `batched` dimensions is one example without its batch dimension."""
    if len(input.shape) == batched:
        return _drop(input, p, training, inplace, True)
    shape = tuple(input.shape)
    dropped = _drop(reshape(input, (1, *shape)), p, training, inplace, True)
    return input if inplace else reshape(dropped, shape)


@composite(forms="", under="nn.functional")
def alpha_dropout(input: Array, /, p: float = 0.5, training: bool = False, inplace: bool = False) -> Array:
    """Dropout that keeps mean 0 and variance 1 of selu's outputs: dropped elements take selu's negative
    limit.
    """
    _check(p)
    return _drop_alpha(input, p, training, inplace)


@composite(forms="", under="nn.functional")
def feature_alpha_dropout(
    input: Array, /, p: float = 0.5, training: bool = False, inplace: bool = False
) -> Array:
    """alpha_dropout of whole channels of (N, C, ...)."""
    _check(p)
    return _drop_alpha(input, p, training, inplace, True)


# -- torch: the same, the parameters without defaults --------------------------------------------------


def _plain(name: str, run: Callable[..., Array], features: bool) -> None:
    def body(input: Array, /, p: float, train: bool) -> Array:
        _check(p, RuntimeError)
        return run(input, p, train, False, features)

    body.__doc__ = f"{name} of nn.functional with every parameter given; applied only where `train`."
    composite(body, name=f"plain_{name}", forms="", under="internal", aliases=(name,))


_plain("dropout", _drop, False)
_plain("feature_dropout", _drop, True)
_plain("alpha_dropout", _drop_alpha, False)
_plain("feature_alpha_dropout", _drop_alpha, True)
