"""Samples of the relaxed categorical distribution: softmax with Gumbel noise."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np

import rushlight.dtypes as dtypes

from ..arrays import distributions
from ..arrays.generator import default_generator
from .declare import composite, primitive
from .softmax import softmax

Array = Any


@primitive(forms="", under="internal", differentiable=False)
def gumbel_noise(input: Array, /) -> Array:
    """-log(E) with E drawn from the exponential distribution of rate 1, for each element of `input`."""
    kind = dtypes.of_numpy(input.dtype)
    if kind.category != dtypes.FLOAT:
        raise RuntimeError(
            "gumbel_softmax: Exponential distribution is a continuous probability distribution. dtype must "
            f"be a floating point but you specified {kind}; convert the logits with .float()"
        )
    drawn = distributions.exponential(default_generator, input.shape, input.dtype)
    return (-np.log(drawn)).astype(input.dtype, copy=False)


@primitive(forms="", under="internal", differentiable=False)
def one_hot_of_largest(input: Array, /, dim: int) -> Array:
    """1 at the largest element along `dim`, 0 elsewhere."""
    out = np.zeros_like(input)
    if input.ndim:
        np.put_along_axis(out, np.argmax(input, dim, keepdims=True), 1, dim)
    else:
        out[...] = 1
    return out


@composite(forms="", under="nn.functional")
def gumbel_softmax(
    logits: Array, /, tau: float = 1, hard: bool = False, eps: float = 1e-10, dim: int = -1
) -> Array:
    """softmax((logits + noise) / tau) along `dim` with Gumbel noise: a differentiable draw of a class.

    With `hard` the values are one-hot, the derivative that of the soft ones. From Jang et al. 2017,
    "Categorical reparameterization with Gumbel-softmax". `eps` has no effect.
    """
    if eps != 1e-10:
        warnings.warn("gumbel_softmax: the `eps` parameter is deprecated and has no effect.", stacklevel=2)
    soft = softmax((logits + gumbel_noise(logits)) / tau, dim)
    if not hard:
        return soft
    kept = soft.detach() if hasattr(soft, "detach") else soft
    return one_hot_of_largest(kept, dim) - kept + soft
