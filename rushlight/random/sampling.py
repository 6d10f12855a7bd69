"""Samples whose parameters are tensors: normal, bernoulli, multinomial, poisson."""

from __future__ import annotations

from typing import Any

import numpy as np

import rushlight.creation as creation

from ..arrays import distributions
from ..autograd.inplace import write_out
from ..tensor import Tensor, wrap
from .filling import untied
from .generators import Generator, stream
from .tensors import finished, sized


def normal(
    mean: Any = 0.0,
    std: Any = 1.0,
    size: Any = None,
    *,
    generator: Generator | None = None,
    out: Tensor | None = None,
    dtype: Any = None,
    layout: Any = None,
    device: Any = None,
    requires_grad: bool = False,
    pin_memory: bool = False,
) -> Tensor:
    """Samples of mean + std N(0, 1): both numbers (with a `size`), or tensors, whose shapes broadcast."""
    g = stream(generator)
    if not isinstance(mean, Tensor) and not isinstance(std, Tensor):
        if size is None:
            raise TypeError(
                "normal() received an invalid combination of arguments: two numbers need a size, "
                "as in normal(0, 1, (2, 3))"
            )
        draw = lambda shape, kind, whole: distributions.normal(g, shape, kind, mean, std, whole)  # noqa: E731
        return sized("normal", creation._sizes((size,)), draw, dtype, device, requires_grad, out)
    first = mean if isinstance(mean, Tensor) else std
    if first.is_meta:
        return creation.empty_like(first)
    where, spread = (v._a if isinstance(v, Tensor) else v for v in (mean, std))
    samples = distributions.normal_like(g, where, spread)
    return finished("normal", samples, out, mean, std)


def bernoulli(
    input: Tensor, p: Any = None, *, generator: Generator | None = None, out: Tensor | None = None
) -> Tensor:
    """1 with the probability each element of `input` states (or `p`, if given), else 0; in input's dtype."""
    g, a = stream(generator), input._a
    if input.is_meta:
        return creation.empty_like(input)
    chances: Any = a if p is None else p._a if isinstance(p, Tensor) else float(p)
    if isinstance(chances, np.ndarray):
        chances = np.broadcast_to(chances, a.shape)
    return finished("bernoulli", distributions.bernoulli(g, a.shape, a.dtype, chances), out, input)


def multinomial(
    input: Tensor,
    num_samples: int,
    replacement: bool = False,
    *,
    generator: Generator | None = None,
    out: Tensor | None = None,
) -> Tensor:
    """Indices (int64) drawn by weight from each row of `input`: (k,) gives (n,), (rows, k) gives (rows, n).

    Weights are >= 0 with a positive sum. Raises RuntimeError where `num_samples` n is more than k, without
    replacement.
    """
    drawn = distributions.multinomial(stream(generator), input._a, int(num_samples), replacement)
    return wrap(drawn) if out is None else write_out("multinomial", out, drawn, ())


def poisson(input: Tensor, generator: Generator | None = None) -> Tensor:
    """A Poisson count for each rate of `input`, in its dtype."""
    return untied(wrap(distributions.poisson(stream(generator), input._a)), input)
