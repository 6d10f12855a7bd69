"""Samples from a Generator as NumPy arrays, equal to torch's on the CPU: same words, same order, same rounding.

Every function here is `f(generator, shape, dtype, ...) -> ndarray`, C-contiguous and filled in row-major order. To fill
an array that is not contiguous as torch does, sample with the shape of `fill_order(array)` and assign to that view.
An empty shape draws nothing. torch's kernels are compiled with fused multiply-adds, hence `_fma64` and friends.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable, Sequence

import ml_dtypes
import numpy as np

from rushlight.arrays.box_muller import box_muller
from rushlight.arrays.generator import Generator

Shape = Sequence[int]

_BFLOAT16 = np.dtype(ml_dtypes.bfloat16)
_DIGITS = {np.dtype("f2"): 11, _BFLOAT16: 8, np.dtype("f4"): 24, np.dtype("f8"): 53}  # bits of the significand
_FLOAT16S = (np.dtype("f2"), _BFLOAT16)
_INT64_MAX = 2**63 - 1


def fill_order(array: np.ndarray) -> np.ndarray:
    """Return a view of `array` whose row-major order is the order torch fills it in: by falling stride."""
    strides = [(-stride if size > 1 else 0) for size, stride in zip(array.shape, array.strides, strict=True)]
    axes = [axis for axis in range(array.ndim) if array.shape[axis] > 1]
    axes.sort(key=lambda axis: strides[axis])
    return array.transpose([axis for axis in range(array.ndim) if array.shape[axis] <= 1] + axes)


# Uniform


def uniform(generator: Generator, shape: Shape, dtype: np.dtype, low: float = 0.0, high: float = 1.0) -> np.ndarray:
    """Samples uniform on [low, high); errors when low > high or a bound does not fit the dtype."""
    dtype = np.dtype(dtype)
    if dtype.kind == "c":
        return uniform(generator, (*shape, 2), _real(dtype), low, high).view(dtype)[..., 0]
    _check_uniform(dtype, low, high)
    n = math.prod(shape)
    if dtype == np.float64:
        values = _scale64(_unit64(generator, n), low, high)
    else:
        values = _scale32(_unit32(generator, n), low, high).astype(dtype, copy=False)
    if n and (low, high) != (0.0, 1.0) or dtype in _FLOAT16S:
        low_value, high_value = np.asarray([low, high]).astype(dtype)
        values[values == high_value] = low_value  # a sample rounded up to the open end
    return values.reshape(shape)


def _check_uniform(dtype: np.dtype, low: float, high: float) -> None:
    _need_float("uniform_", dtype)
    largest = _largest(dtype)
    for name, value in (("from", low), ("to", high)):
        if not -largest <= value <= largest:
            raise RuntimeError(f"uniform_: {name}={value} is out of bounds for {dtype}")
    if not low <= high:
        raise RuntimeError(f"uniform_ expects to return a [from, to) range, but found from={low} > to={high}")
    if not high - low <= largest:
        raise RuntimeError(f"uniform_ expects to-from to fit {dtype}, but found to={high} and from={low}")


def _unit32(generator: Generator, n: int) -> np.ndarray:
    """n float32 in [0, 1): the low 24 bits of one word each."""
    values = (generator.random32(n) & np.uint32(0xFFFFFF)).view(np.int32).astype(np.float32)
    values *= np.float32(2.0**-24)
    return values


def _unit64(generator: Generator, n: int) -> np.ndarray:
    """n float64 in [0, 1): the low 53 bits of two words each."""
    values = (generator.random64(n) & np.uint64(2**53 - 1)).view(np.int64).astype(np.float64)
    values *= 2.0**-53
    return values


def _scale32(unit: np.ndarray, low: float, high: float) -> np.ndarray:
    start, width = np.float32(low), np.float32(high) - np.float32(low)
    if start == 0:
        return unit if width == 1 else unit * width
    # a float32 product is exact in float64, so this rounds once, like the fused multiply-add
    return (unit.astype(np.float64) * np.float64(width) + np.float64(start)).astype(np.float32)


def _scale64(unit: np.ndarray, low: float, high: float) -> np.ndarray:
    return unit if (low, high) == (0.0, 1.0) else _fma64(unit, high - low, low)


def _fma64(x: np.ndarray, y: float, z: float) -> np.ndarray:
    """x * y + z rounded once: the exact error of the product (Dekker) and of the sum (Knuth) are put back."""
    product = x * y
    total = product + z
    if y == 0 or math.frexp(y)[0] in (0.5, -0.5) or z == 0:
        return total  # y is a power of two: the product is exact
    x_high, y_high = _split(x), _split(np.float64(y))
    x_low, y_low = x - x_high, y - y_high
    lost = ((x_high * y_high - product) + x_high * y_low + x_low * y_high) + x_low * y_low
    part = total - product
    lost += (product - (total - part)) + (z - part)
    return np.where(np.isfinite(lost), total + lost, total)


def _split(x: np.ndarray) -> np.ndarray:
    """The upper 26 bits of each significand (Veltkamp)."""
    with np.errstate(over="ignore", invalid="ignore"):
        scaled = x * 134217729.0
        return scaled - (scaled - x)


# Normal


def normal(
    generator: Generator,
    shape: Shape,
    dtype: np.dtype,
    mean: float = 0.0,
    std: float = 1.0,
    contiguous: bool = True,
) -> np.ndarray:
    """Samples of mean + std N(0, 1).

    From 16 elements on a contiguous array is filled in blocks of 16; otherwise (`contiguous=False` says the target is
    not) element by element, in float64, where the second of each Box-Muller pair is kept for the next call.
    """
    dtype = np.dtype(dtype)
    if not std >= 0:
        raise RuntimeError(f"normal expects std >= 0.0, but found std {std}")
    if dtype.kind == "c":
        parts = normal(generator, (*shape, 2), _real(dtype), mean, std / math.sqrt(2), contiguous)
        return parts.view(dtype)[..., 0]
    _need_float("normal_", dtype)
    n = math.prod(shape)
    if n < 16 or not contiguous:
        values = _narrow(_fma64(_normals64(generator, n), std, mean), dtype)
    elif dtype in _FLOAT16S:
        values = _normal_blocks16(generator, n, mean, std).astype(dtype)
    else:
        values = _normal_blocks(generator, n, dtype, mean, std)
    return values.reshape(shape)


def _normal_blocks(generator: Generator, n: int, dtype: np.dtype, mean: float, std: float) -> np.ndarray:
    unit = _unit64 if dtype == np.float64 else _unit32
    values = unit(generator, n)
    whole = n - n % 16
    values[:whole] = box_muller(values[:whole].reshape(-1, 16), mean, std).ravel()
    if n % 16:  # the last 16 are drawn anew, over the end of the last whole block
        values[-16:] = box_muller(unit(generator, 16).reshape(1, 16), mean, std).ravel()
    return values


def _normal_blocks16(generator: Generator, n: int, mean: float, std: float) -> np.ndarray:
    """float32 normals for the 16-bit types: the incomplete block is never drawn, only the 16 that end the array."""
    whole = n - n % 16
    drawn = whole + (16 if n % 16 else 0)
    blocks = box_muller(_unit32(generator, drawn).reshape(-1, 16), mean, std).ravel()
    if not n % 16:
        return blocks
    return np.concatenate([blocks[: n - 16], blocks[-16:]])


def _normals64(generator: Generator, n: int) -> np.ndarray:
    """n float64 of N(0, 1), the first from the generator's cache if it holds one, an unused last kept there."""
    values = np.empty(n)
    held = generator.next_normal
    first = 0 if held is None or n == 0 else 1
    if first:
        values[0], generator.next_normal = held, None
    pairs = (n - first + 1) // 2
    both = _normal_pairs(_unit64(generator, 2 * pairs))
    values[first:] = both[: n - first]
    if (n - first) % 2:
        generator.next_normal = float(both[-1])
    return values


def _normal_pairs(unit: np.ndarray) -> np.ndarray:
    radius = np.sqrt(-2.0 * _libm(math.log1p, np.log1p, -unit[1::2]))
    angle = 2.0 * math.pi * unit[0::2]
    normals = np.empty(len(unit))
    normals[0::2] = radius * _libm(math.cos, np.cos, angle)
    normals[1::2] = radius * _libm(math.sin, np.sin, angle)
    return normals


def _libm(exact: Callable[[float], float], fast: np.ufunc, x: np.ndarray) -> np.ndarray:
    # NumPy's vector functions may differ from the C library's, which torch calls, in the last bit of float64.
    return np.array([exact(v) for v in x.tolist()], np.float64) if x.size <= 1024 else fast(x)


def normal_like(generator: Generator, mean: np.ndarray | float, std: np.ndarray | float) -> np.ndarray:
    """`torch.normal` with an array as mean, std or both: shapes broadcast, dtype of the mean (of std, if mean is
    a number)."""
    if isinstance(std, np.ndarray) and std.size and not std.min() >= 0:
        raise RuntimeError("normal expects all elements of std >= 0.0")
    dtype = mean.dtype if isinstance(mean, np.ndarray) else np.asarray(std).dtype
    shape = np.broadcast_shapes(np.shape(mean), np.shape(std))
    if not isinstance(std, np.ndarray):
        return _add(normal(generator, shape, dtype, 0.0, std), mean, dtype)
    samples = normal(generator, shape, dtype)
    return _add((samples * std).astype(dtype), mean, dtype)


def _add(samples: np.ndarray, mean: np.ndarray | float, dtype: np.dtype) -> np.ndarray:
    wide = np.float64 if dtype == np.float64 else np.complex128 if dtype.kind == "c" else np.float32
    return (samples.astype(wide) + np.asarray(mean).astype(wide)).astype(dtype)


def log_normal(generator: Generator, shape: Shape, dtype: np.dtype, mean: float = 1.0, std: float = 2.0) -> np.ndarray:
    """Samples of exp(mean + std N(0, 1))."""
    _need_float("log_normal_", np.dtype(dtype))
    if not std > 0:
        raise RuntimeError(f"log_normal_ expects std > 0.0, but found std={std}")
    exponents = _fma64(_normals64(generator, math.prod(shape)), std, mean)
    return _narrow(_libm(_exp, np.exp, exponents), np.dtype(dtype)).reshape(shape)


def _exp(x: float) -> float:
    return math.exp(x) if x < 709.0 else math.inf


# Integers


def randint(generator: Generator, shape: Shape, dtype: np.dtype, low: int, high: int) -> np.ndarray:
    """Samples uniform on the integers low, ..., high - 1, as any integer, float or bool dtype that can hold them."""
    dtype = np.dtype(dtype)
    if not low < high:
        raise RuntimeError(f"random_ expects 'from' to be less than 'to', but got from={low} >= to={high}")
    if dtype in _DIGITS:
        low, high = _round_from(low, dtype), _round_to(high, dtype)
        if not low < high:
            raise RuntimeError(
                f"random_ expects 'from' casted to dtype to be less than 'to' casted to dtype, "
                f"but got from={low} >= to={high}"
            )
    _check_integers(dtype, low, high - 1)
    return _integers(generator, shape, dtype, low, high - low)


def random(
    generator: Generator, shape: Shape, dtype: np.dtype, low: int | None = None, high: int | None = None
) -> np.ndarray:
    """`Tensor.random_()`: without bounds from 0 to the dtype's largest (2**digits for floats); (None, high) from 0;
    (low, None) to the dtype's largest."""
    dtype = np.dtype(dtype)
    if high is not None:
        return randint(generator, shape, dtype, low or 0, high)
    if low is None:
        return _all_integers(generator, shape, dtype)
    return _from_low(generator, shape, dtype, low)


def _from_low(generator: Generator, shape: Shape, dtype: np.dtype, low: int) -> np.ndarray:
    if low == -(2**63):
        return _cast_integers(generator.random64(math.prod(shape)).view(np.int64), dtype).reshape(shape)
    last = 2 ** _DIGITS[dtype] if dtype in _DIGITS else 1 if dtype.kind == "b" else int(np.iinfo(dtype).max)
    if dtype in _DIGITS:
        low = _round_from(low, dtype)
    last = min(last, _INT64_MAX)
    _check_integers(dtype, low, last)
    return _integers(generator, shape, dtype, low, last - low + 1)


def _all_integers(generator: Generator, shape: Shape, dtype: np.dtype) -> np.ndarray:
    if dtype.kind == "u" and dtype.itemsize > 1:
        raise NotImplementedError(f"random_ is not implemented for {dtype} without bounds; give from and to")
    n = math.prod(shape)
    count = 2 if dtype.kind == "b" else 2 ** _DIGITS[dtype] + 1 if dtype in _DIGITS else int(np.iinfo(dtype).max) + 1
    wide = dtype in (np.dtype("i8"), np.dtype("f8"))
    words = generator.random64(n) if wide else generator.random32(n)
    return _cast_integers((words % words.dtype.type(count)).astype(np.int64), dtype).reshape(shape)


def _integers(generator: Generator, shape: Shape, dtype: np.dtype, low: int, count: int) -> np.ndarray:
    n = math.prod(shape)
    # torch draws two words from 2**28 values on, to keep the bias of the remainder small
    words = generator.random64(n) if count >= 2**28 else generator.random32(n)
    rest = words % words.dtype.type(count) if count < 2**64 else words
    return _cast_integers(rest.astype(np.int64) + np.int64(low), dtype).reshape(shape)


def _cast_integers(values: np.ndarray, dtype: np.dtype) -> np.ndarray:
    return (values.astype(np.float32) if dtype in _FLOAT16S else values).astype(dtype)


def _check_integers(dtype: np.dtype, low: int, last: int) -> None:
    least, largest = _integer_range(dtype)
    for name, value in (("from", low), ("to - 1", last)):
        if not least <= value <= largest:
            raise RuntimeError(f"random_: {name}={value} is out of bounds for {dtype}, which holds {least} to {largest}")
        if dtype in _DIGITS and abs(value) > 2 ** _DIGITS[dtype]:
            warnings.warn(
                f"{name} is out of bounds [-(2^{_DIGITS[dtype]}), 2^{_DIGITS[dtype]}]. Due to precision limitations "
                f"{dtype} can support discrete uniform distribution only within this range.",
                stacklevel=4,
            )


def _integer_range(dtype: np.dtype) -> tuple[float, float]:
    if dtype in _DIGITS:
        return -_largest(dtype), _largest(dtype)
    if dtype.kind == "b":
        return 0, 1
    if dtype.kind not in "iu":
        raise RuntimeError(f"random_ handles only integral, floating-point and boolean types, but got {dtype}")
    return int(np.iinfo(dtype).min), min(int(np.iinfo(dtype).max), _INT64_MAX)


def _as_dtype(value: int, dtype: np.dtype) -> float:
    return float(np.float64(value) if dtype == np.float64 else np.float32(value).astype(dtype))


def _round_from(low: int, dtype: np.dtype) -> int:
    """The least representable integer that no sample >= low rounds below."""
    above = _as_dtype(low + 1, dtype)
    if math.isinf(above) or int(above) >= low:
        return low
    return int(above) + (1 << max(abs(low + 1).bit_length() - _DIGITS[dtype], 0))


def _round_to(high: int, dtype: np.dtype) -> int:
    """The greatest representable bound that no sample < high rounds up to."""
    below = _as_dtype(high - 1, dtype)
    if math.isinf(below) or int(below) < high:
        return high
    return int(below) - (1 << max(abs(high - 1).bit_length() - _DIGITS[dtype], 0))


def randperm(generator: Generator, n: int, dtype: np.dtype) -> np.ndarray:
    """A random permutation of 0, ..., n - 1, by Fisher-Yates."""
    dtype = np.dtype(dtype)
    if n < 0:
        raise RuntimeError(f"n must be non-negative, got {n}")
    if dtype.kind not in "iu" and n > 2 ** _DIGITS.get(dtype, 0):
        raise RuntimeError(f"randperm: n={n} is too large for {dtype}")
    if dtype.kind in "iu" and n - 1 > int(np.iinfo(dtype).max):
        raise RuntimeError(f"n is too large for result tensor type: n={n} for {dtype}")
    order = _shuffle_forward(generator, n) if n < (2**32 - 1) // 20 else _shuffle_inside_out(generator, n)
    return _cast_integers(np.array(order, np.int64), dtype)


def _shuffle_forward(generator: Generator, n: int) -> list[int]:
    """Swap each place i with one of i, ..., n - 1."""
    places = np.arange(max(n - 1, 0))
    targets = generator.random32(max(n - 1, 0)) % (n - places).astype(np.uint32) + places
    order = list(range(n))
    for place, target in enumerate(targets.tolist()):
        order[place], order[target] = order[target], order[place]
    return order


def _shuffle_inside_out(generator: Generator, n: int) -> list[int]:
    """Put i at one of the places 0, ..., i, and what was there at i; two words a draw, for large n."""
    targets = generator.random64(n) % np.arange(1, n + 1, dtype=np.uint64)
    order = list(range(n))
    for place, target in enumerate(targets.tolist()):
        order[place] = order[target]
        order[target] = place
    return order


# Bernoulli and dropout


def bernoulli(generator: Generator, shape: Shape, dtype: np.dtype, p: float | np.ndarray = 0.5) -> np.ndarray:
    """Samples that are 1 with probability p, else 0. A number or float64 array p takes two words a sample, an array
    of a narrower float dtype one."""
    if isinstance(p, np.ndarray):
        return _bernoulli_array(generator, shape, np.dtype(dtype), p)
    if not 0 <= p <= 1:
        raise RuntimeError(f"bernoulli_ expects p to be in [0, 1], but got p={p}")
    return (_unit64(generator, math.prod(shape)) < p).astype(dtype).reshape(shape)


def _bernoulli_array(generator: Generator, shape: Shape, dtype: np.dtype, p: np.ndarray) -> np.ndarray:
    _need_float("bernoulli", p.dtype)
    if p.size and not (p.min() >= 0 and p.max() <= 1):
        raise RuntimeError(f"Expected p_in >= 0 && p_in <= 1, but p ranges from {p.min()} to {p.max()}")
    n = math.prod(shape)
    if p.dtype == np.float64:
        unit, wide = _unit64(generator, n), p
    else:
        unit, wide = _unit32(generator, n), p.astype(np.float32)
    return (unit.reshape(shape) < wide).astype(dtype)


def dropout_noise(generator: Generator, shape: Shape, dtype: np.dtype, p: float) -> np.ndarray:
    """What dropout multiplies its input by: 0 with probability p, else 1 / (1 - p). Draws nothing for p = 0 or 1."""
    _check_dropout(p)
    if p in (0, 1):
        return np.full(shape, 1 - p).astype(dtype)
    wide = np.float64 if np.dtype(dtype) == np.float64 else np.float32
    return (bernoulli(generator, shape, wide, 1 - p) / wide(1 - p)).astype(dtype)


def alpha_dropout_noise(
    generator: Generator, shape: Shape, dtype: np.dtype, p: float
) -> tuple[np.ndarray, np.ndarray]:
    """The a and b of alpha dropout, x -> a x + b (Klambauer et al., 2017), each 0-or-1 mask scaled in `dtype`."""
    _check_dropout(p)
    alpha = 1.7580993408473766
    scale = 1.0 / math.sqrt((alpha * alpha * p + 1) * (1 - p)) if p < 1 else 0.0
    keep = bernoulli(generator, shape, dtype, 1 - p) if 0 < p < 1 else np.full(shape, 1 - p).astype(dtype)
    wide = np.float64 if np.dtype(dtype) == np.float64 else np.float32
    shift = ((keep.astype(wide) - wide(1)) * wide(alpha * scale)).astype(dtype)
    shift = (shift.astype(wide) + wide(alpha * scale * p)).astype(dtype)
    return (keep.astype(wide) * wide(scale)).astype(dtype), shift


def feature_shape(shape: Shape) -> tuple[int, ...]:
    """The shape of the noise of feature dropout: whole channels, (N, C, 1, ..., 1)."""
    if len(shape) < 2:
        raise RuntimeError(f"Feature dropout requires at least 2 dimensions in the input, but got {len(shape)}")
    return (*shape[:2], *(1 for _ in shape[2:]))


def _check_dropout(p: float) -> None:
    if not 0 <= p <= 1:
        raise RuntimeError(f"dropout probability has to be between 0 and 1, but got {p}")


# Exponential, geometric, Cauchy


def exponential(generator: Generator, shape: Shape, dtype: np.dtype, rate: float = 1.0) -> np.ndarray:
    """Samples of the density rate exp(-rate x)."""
    _need_float("exponential_", np.dtype(dtype))
    if not rate > 0:
        raise RuntimeError(f"exponential_ expects lambda > 0.0, but found lambda={rate}")
    unit = _unit64(generator, math.prod(shape))
    return _narrow(-1.0 / rate * _libm(math.log1p, np.log1p, -unit), np.dtype(dtype)).reshape(shape)


def geometric(generator: Generator, shape: Shape, dtype: np.dtype, p: float) -> np.ndarray:
    """Samples of the number of trials up to the first success, of probability 0 < p < 1."""
    if not 0 < p < 1:
        raise RuntimeError(f"geometric_ expects p to be in (0, 1), but got p={p}")
    unit = _unit64(generator, math.prod(shape))
    trials = np.ceil(_libm(_log, np.log, unit) / math.log1p(-p))
    return _narrow(trials, np.dtype(dtype)).reshape(shape)


def _log(x: float) -> float:
    return math.log(x) if x > 0 else -math.inf


def cauchy(
    generator: Generator, shape: Shape, dtype: np.dtype, median: float = 0.0, sigma: float = 1.0
) -> np.ndarray:
    """Samples of median + sigma tan(pi (u - 1/2)), u uniform."""
    _need_float("cauchy_", np.dtype(dtype))
    if not sigma > 0:
        raise RuntimeError(f"cauchy_ expects sigma > 0.0, but found sigma={sigma}")
    angles = math.pi * (_unit64(generator, math.prod(shape)) - 0.5)
    return _narrow(_fma64(_libm(math.tan, np.tan, angles), sigma, median), np.dtype(dtype)).reshape(shape)


# Multinomial


def multinomial(generator: Generator, weights: np.ndarray, samples: int, replacement: bool = False) -> np.ndarray:
    """Indices drawn by weight from each row of `weights`, (k,) or (rows, k), not necessarily summing to one:
    int64 of shape (samples,) or (rows, samples)."""
    _check_multinomial(weights, samples, replacement)
    shape = (*weights.shape[:-1], samples)
    if math.prod(shape) == 0:
        return np.empty(shape, np.int64)
    if replacement:
        return _with_replacement(generator, weights, samples).reshape(shape)
    return _without_replacement(generator, weights, samples)


def _check_multinomial(weights: np.ndarray, samples: int, replacement: bool) -> None:
    if weights.ndim not in (1, 2):
        raise RuntimeError(f"prob_dist must be 1 or 2 dim, but multinomial got shape {weights.shape}")
    if weights.dtype not in _DIGITS:
        raise RuntimeError(f"multinomial only supports floating-point dtypes for input, got: {weights.dtype}")
    if samples <= 0:
        raise RuntimeError(f"cannot sample n_sample <= 0 samples: multinomial got num_samples={samples}")
    if not replacement and samples > weights.shape[-1]:
        raise RuntimeError(
            f"cannot sample n_sample > prob_dist.size(-1) samples without replacement: "
            f"{samples} of {weights.shape[-1]} categories"
        )
    if weights.shape[-1] > 2**24:
        raise RuntimeError(f"number of categories cannot exceed 2^24, but multinomial got {weights.shape[-1]}")


def _with_replacement(generator: Generator, weights: np.ndarray, samples: int) -> np.ndarray:
    wide = np.float64 if weights.dtype == np.float64 else np.float32
    rows = []
    for row in np.atleast_2d(weights):
        edges = _cumulative(row.astype(wide))
        rows.append(np.searchsorted(edges.astype(np.float64), _unit64(generator, samples)))
    return np.array(rows, np.int64)


def _cumulative(row: np.ndarray) -> np.ndarray:
    start = "invalid multinomial distribution"
    if np.any(row < 0):
        raise RuntimeError(f"{start} (encountering probability entry < 0)")
    if not np.all(np.isfinite(row)):
        raise RuntimeError(f"{start} (encountering probability entry = infinity or NaN)")
    edges = np.cumsum(row, dtype=row.dtype)
    if not edges[-1] > 0:
        raise RuntimeError(f"{start} (sum of probabilities <= 0)")
    edges /= edges[-1]
    edges[-1] = 1
    return edges


def _without_replacement(generator: Generator, weights: np.ndarray, samples: int) -> np.ndarray:
    """The first of the races: weight w arrives at an Exponential(1) time divided by w (the Gumbel trick)."""
    wide = weights.astype(np.float64 if weights.dtype == np.float64 else np.float32)
    if not (wide.max() < np.inf and wide.min() >= 0):
        raise RuntimeError("probability tensor contains either `inf`, `nan` or element < 0")
    if np.any(wide.sum(-1) == 0):
        raise RuntimeError("invalid multinomial distribution (sum of probabilities <= 0)")
    times = np.empty_like(wide)
    ordered = fill_order(weights)
    del ordered
    view = fill_order(times)
    view[...] = exponential(generator, view.shape, weights.dtype)
    with np.errstate(divide="ignore", invalid="ignore"):
        keys = (wide / times).astype(weights.dtype)
    return np.argsort(-keys, axis=-1, kind="stable")[..., :samples]


# Shared


def _need_float(name: str, dtype: np.dtype) -> None:
    if dtype not in _DIGITS:
        raise NotImplementedError(f"{name} is not implemented for {dtype}; it fills floating-point tensors")


def _largest(dtype: np.dtype) -> float:
    return float(ml_dtypes.finfo(dtype).max)


def _real(dtype: np.dtype) -> np.dtype:
    return np.dtype("f4") if dtype.itemsize == 8 else np.dtype("f8")


def _narrow(values: np.ndarray, dtype: np.dtype) -> np.ndarray:
    """Round float64 to `dtype`; to a 16-bit float by way of float32, as C++ does."""
    with np.errstate(over="ignore", invalid="ignore"):
        return (values.astype(np.float32) if dtype in _FLOAT16S else values).astype(dtype)
