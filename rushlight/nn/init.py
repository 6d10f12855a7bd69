"""torch.nn.init: the first values of parameters, written into a tensor without being recorded.

Every function draws the numbers that PyTorch draws, in the same order, and returns the tensor.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np

from ..arrays.generator import Generator
from ..autograd.mode import no_grad
from ..creation import eye as _identity
from ..ops.declare import registry
from ..tensor import Tensor, function_of

# -- one distribution ----------------------------------------------------------------------------------


def uniform_(tensor: Tensor, a: float = 0.0, b: float = 1.0, generator: Generator | None = None) -> Tensor:
    """Fill with samples uniform on [a, b)."""
    with no_grad():
        return tensor.uniform_(a, b, generator=generator)


def normal_(
    tensor: Tensor, mean: float = 0.0, std: float = 1.0, generator: Generator | None = None
) -> Tensor:
    """Fill with samples of mean + std · N(0, 1)."""
    with no_grad():
        return tensor.normal_(mean, std, generator=generator)


def constant_(tensor: Tensor, val: float) -> Tensor:
    """Fill with `val`."""
    with no_grad():
        return tensor.fill_(val)


def ones_(tensor: Tensor) -> Tensor:
    """Fill with ones."""
    return constant_(tensor, 1.0)


def zeros_(tensor: Tensor) -> Tensor:
    """Fill with zeros."""
    with no_grad():
        return tensor.zero_()


def eye_(tensor: Tensor) -> Tensor:
    """Ones on the diagonal, zeros elsewhere: a Linear layer that passes its input on. 2-D, or ValueError."""
    if tensor.ndim != 2:
        raise ValueError(f"Only tensors with 2 dimensions are supported; eye_ got {tensor.ndim}")
    with no_grad():
        return tensor.copy_(_identity(*tensor.shape))


def dirac_(tensor: Tensor, groups: int = 1) -> Tensor:
    """A convolution's weight (out, in/groups, *kernel) that passes on as many channels as it can."""
    if tensor.ndim not in (3, 4, 5):
        raise ValueError(f"Only tensors with 3, 4, or 5 dimensions are supported; dirac_ got {tensor.ndim}")
    out, channels, *kernel = tensor.shape
    if out % groups != 0:
        raise ValueError(f"dim 0 must be divisible by groups: {out} by {groups}")
    values = np.zeros(tensor.shape, np.float32)
    passed = np.arange(min(out // groups, channels))
    for group in range(groups):
        values[(group * (out // groups) + passed, passed, *(k // 2 for k in kernel))] = 1
    return _write(tensor, values)


def _write(tensor: Tensor, values: np.ndarray) -> Tensor:
    if tensor.is_meta:
        return tensor
    from ..tensor import from_numpy

    with no_grad():
        return tensor.copy_(from_numpy(values))


# -- scaled by the fans --------------------------------------------------------------------------------


def _calculate_fan_in_and_fan_out(tensor: Tensor) -> tuple[int, int]:
    """How many inputs each output has, and how many outputs each input, for a weight (out, in, *kernel)."""
    if tensor.ndim < 2:
        raise ValueError(
            "Fan in and fan out can not be computed for tensor with fewer than 2 dimensions; this one has "
            f"shape {tuple(tensor.shape)}"
        )
    out, channels, *kernel = tensor.shape
    field = math.prod(kernel)
    return channels * field, out * field


def _calculate_correct_fan(tensor: Tensor, mode: str) -> int:
    if mode.lower() not in ("fan_in", "fan_out"):
        raise ValueError(f"Mode {mode.lower()} not supported, please use one of ['fan_in', 'fan_out']")
    return _calculate_fan_in_and_fan_out(tensor)[mode.lower() == "fan_out"]


_GAINS: dict[str, float] = {
    **dict.fromkeys(("linear", "conv1d", "conv2d", "conv3d", "sigmoid"), 1),
    **dict.fromkeys(("conv_transpose1d", "conv_transpose2d", "conv_transpose3d"), 1),
    **{"tanh": 5.0 / 3, "relu": math.sqrt(2.0), "selu": 3.0 / 4},
}


def calculate_gain(nonlinearity: str, param: float | None = None) -> float:
    """What a layer's weights are multiplied by so that `nonlinearity` behind it keeps the variance.

    `param` is leaky_relu's negative slope (0.01 unless given). Raises ValueError for a name it does not know.
    """
    if nonlinearity in _GAINS:
        return _GAINS[nonlinearity]
    if nonlinearity != "leaky_relu":
        raise ValueError(
            f"Unsupported nonlinearity {nonlinearity}; there are {', '.join((*_GAINS, 'leaky_relu'))}"
        )
    if isinstance(param, bool) or not isinstance(param, (int, float, type(None))):
        raise ValueError(f"negative_slope {param} not a valid number")
    slope = 0.01 if param is None else param
    return math.sqrt(2.0 / (1 + slope**2))


def xavier_uniform_(tensor: Tensor, gain: float = 1.0, generator: Generator | None = None) -> Tensor:
    """Uniform on ±gain · √(6 / (fan_in + fan_out)) (Glorot and Bengio 2010)."""
    fan_in, fan_out = _calculate_fan_in_and_fan_out(tensor)
    bound = math.sqrt(3.0) * (gain * math.sqrt(2.0 / float(fan_in + fan_out)))
    return uniform_(tensor, -bound, bound, generator)


def xavier_normal_(tensor: Tensor, gain: float = 1.0, generator: Generator | None = None) -> Tensor:
    """Normal with standard deviation gain · √(2 / (fan_in + fan_out)) (Glorot and Bengio 2010)."""
    fan_in, fan_out = _calculate_fan_in_and_fan_out(tensor)
    return normal_(tensor, 0.0, gain * math.sqrt(2.0 / float(fan_in + fan_out)), generator)


def kaiming_uniform_(
    tensor: Tensor,
    a: float = 0,
    mode: str = "fan_in",
    nonlinearity: str = "leaky_relu",
    generator: Generator | None = None,
) -> Tensor:
    """Uniform on ±gain · √(3 / fan) (He et al. 2015); `a` is leaky_relu's slope, `mode` fan_in or fan_out."""
    if _is_empty(tensor):
        return tensor
    bound = math.sqrt(3.0) * _kaiming_std(tensor, a, mode, nonlinearity)
    return uniform_(tensor, -bound, bound, generator)


def kaiming_normal_(
    tensor: Tensor,
    a: float = 0,
    mode: str = "fan_in",
    nonlinearity: str = "leaky_relu",
    generator: Generator | None = None,
) -> Tensor:
    """Normal with standard deviation gain / √fan (He et al. 2015); `a` and `mode` as in kaiming_uniform_."""
    if _is_empty(tensor):
        return tensor
    return normal_(tensor, 0, _kaiming_std(tensor, a, mode, nonlinearity), generator)


def _kaiming_std(tensor: Tensor, a: float, mode: str, nonlinearity: str) -> float:
    fan = _calculate_correct_fan(tensor, mode)
    return calculate_gain(nonlinearity, a) / math.sqrt(fan)


def _is_empty(tensor: Tensor) -> bool:
    if 0 in tensor.shape:
        warnings.warn("Initializing zero-element tensors is a no-op", stacklevel=3)
        return True
    return False


# -- with a property -----------------------------------------------------------------------------------


def trunc_normal_(
    tensor: Tensor,
    mean: float = 0.0,
    std: float = 1.0,
    a: float = -2.0,
    b: float = 2.0,
    generator: Generator | None = None,
) -> Tensor:
    """Fill with samples of mean + std · N(0, 1) that lie in [a, b], by drawing again those that do not."""
    if tensor.is_meta:
        return tensor
    if mean < a - 2 * std or mean > b + 2 * std:
        warnings.warn(
            "mean is more than 2 std from [a, b] in nn.init.trunc_normal_. "
            "The distribution of values may be incorrect.",
            stacklevel=2,
        )
    with no_grad():
        if _normal_cdf((b - mean) / std) - _normal_cdf((a - mean) / std) > 0.3:
            return _redraw_outside(tensor, mean, std, a, b, generator)
        return _reject_from_uniform(tensor, mean, std, a, b, generator)


def _normal_cdf(x: float) -> float:
    return (1.0 + math.erf(x / math.sqrt(2.0))) / 2.0


def _redraw_outside(tensor: Tensor, mean: float, std: float, a: float, b: float, generator: Any) -> Tensor:
    low, high = tensor.new_tensor(a).item(), tensor.new_tensor(b).item()
    where = function_of(registry["where"])
    result = tensor.normal_(mean, std, generator=generator)
    while (outside := (result < low) | (result > high)).any():
        drawn = tensor.new_empty(tensor.shape).normal_(mean, std, generator=generator)
        result = where(outside, drawn, result)
    return tensor if result is tensor else tensor.copy_(result)


def _reject_from_uniform(
    tensor: Tensor, mean: float, std: float, a: float, b: float, generator: Any
) -> Tensor:
    """Rejection sampling for a tail or a narrow window: x stays with chance density(x) / density(mode)."""
    where = function_of(registry["where"])
    log_peak = -0.5 * ((max(a, min(mean, b)) - mean) / std) ** 2
    chance = tensor.new_empty(tensor.shape)

    def refused(candidates: Tensor) -> Tensor:
        log_density = candidates.sub(mean).div_(std).pow_(2).mul_(-0.5).sub_(log_peak)
        return chance.uniform_(generator=generator).log_().gt(log_density)

    result = tensor.uniform_(a, b, generator=generator)
    pending = refused(result)
    while pending.any():
        candidates = tensor.new_empty(tensor.shape).uniform_(a, b, generator=generator)
        result = where(pending, candidates, result)
        pending = where(pending, refused(candidates), pending)
    return tensor if result is tensor else tensor.copy_(result)


def orthogonal_(tensor: Tensor, gain: float = 1, generator: Generator | None = None) -> Tensor:
    """Fill with a (semi-)orthogonal matrix (rows, the rest) times `gain` (Saxe et al. 2013).

    It is the Q of a normal sample's QR whose R has a positive diagonal: uniform among the orthogonal ones.
    """
    if tensor.ndim < 2:
        raise ValueError(
            f"Only tensors with 2 or more dimensions are supported; orthogonal_ got {tensor.ndim}"
        )
    if tensor.numel() == 0 or tensor.is_meta:
        return tensor
    rows, cols = tensor.shape[0], tensor.numel() // tensor.shape[0]
    sample = tensor.detach().new_empty((rows, cols)).normal_(0, 1, generator=generator).numpy()
    q, r = np.linalg.qr(sample.T if rows < cols else sample)
    q = q * np.sign(np.diagonal(r))
    q = q.T if rows < cols else q
    _write(tensor, np.ascontiguousarray(q).reshape(tensor.shape))
    with no_grad():
        return tensor.mul_(gain)


def sparse_(tensor: Tensor, sparsity: float, std: float = 0.01, generator: Generator | None = None) -> Tensor:
    """Samples of N(0, std²), with the fraction `sparsity` of every column set to zero (Martens 2010)."""
    if tensor.ndim != 2:
        raise ValueError(f"Only tensors with 2 dimensions are supported; sparse_ got {tensor.ndim}")
    if tensor.is_meta:
        return tensor
    from ..random import randperm

    rows, cols = tensor.shape
    with no_grad():
        tensor.normal_(0, std, generator=generator)
        for column in range(cols):
            tensor[randperm(rows)[: math.ceil(sparsity * rows)], column] = 0
    return tensor


# -- the names of PyTorch 0.3 --------------------------------------------------------------------------


def _former(function: Callable[..., Tensor]) -> Callable[..., Tensor]:
    """The old name of an init function, without the underscore; warns."""
    new = function.__name__
    old = new.removesuffix("_")

    def deprecated(*args: Any, **kwargs: Any) -> Tensor:
        warnings.warn(
            f"`nn.init.{old}` is now deprecated in favor of `nn.init.{new}`.", FutureWarning, stacklevel=2
        )
        return function(*args, **kwargs)

    deprecated.__name__ = deprecated.__qualname__ = old
    deprecated.__doc__ = f"The old name of {new}."
    return deprecated


uniform, normal, constant = _former(uniform_), _former(normal_), _former(constant_)
eye, dirac, sparse = _former(eye_), _former(dirac_), _former(sparse_)
xavier_uniform, xavier_normal = _former(xavier_uniform_), _former(xavier_normal_)
kaiming_uniform, kaiming_normal = _former(kaiming_uniform_), _former(kaiming_normal_)
orthogonal = _former(orthogonal_)
