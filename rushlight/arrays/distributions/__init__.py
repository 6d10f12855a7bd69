"""Samples from a Generator as NumPy arrays, equal to torch's on the CPU: same words, order and rounding.

Each sampler is `f(generator, shape, dtype, ...) -> ndarray`, C-contiguous and filled in row-major order; an
empty shape draws nothing. To fill an array that is not contiguous as torch does, sample with the shape of
`fill_order(array)` and assign to that view. Called by `rushlight.ops`; knows only NumPy and the Generator.
"""

from rushlight.arrays.distributions.bernoulli import (
    alpha_dropout_noise,
    bernoulli,
    dropout_noise,
    feature_shape,
)
from rushlight.arrays.distributions.continuous import cauchy, exponential, geometric, log_normal
from rushlight.arrays.distributions.integers import randint, random, randperm
from rushlight.arrays.distributions.multinomial import multinomial
from rushlight.arrays.distributions.normal import normal, normal_like
from rushlight.arrays.distributions.order import fill_axes, fill_order
from rushlight.arrays.distributions.poisson import poisson
from rushlight.arrays.distributions.uniform import uniform

__all__ = [
    "alpha_dropout_noise",
    "bernoulli",
    "cauchy",
    "dropout_noise",
    "exponential",
    "feature_shape",
    "fill_axes",
    "fill_order",
    "geometric",
    "log_normal",
    "multinomial",
    "normal",
    "normal_like",
    "poisson",
    "randint",
    "random",
    "randperm",
    "uniform",
]
