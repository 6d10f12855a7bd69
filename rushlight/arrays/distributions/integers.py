"""Integer samples and permutations."""

from __future__ import annotations

import math
import warnings
from collections.abc import Sequence

import ml_dtypes
import numpy as np

from rushlight.arrays.distributions.words import BFLOAT16, BOOL, DIGITS, FLOAT16S, INTEGERS, need
from rushlight.arrays.generator import Generator

_LEAST = -(2**63)
_UNSIGNED = tuple(np.dtype(name) for name in ("u2", "u4", "u8"))


def randint(generator: Generator, shape: Sequence[int], dtype: np.dtype, low: int, high: int) -> np.ndarray:
    """Return samples uniform on low, ..., high - 1; an integer, bool or float dtype that can hold them."""
    dtype = np.dtype(dtype)
    if not low < high:
        raise RuntimeError(f"random_ expects 'from' to be less than 'to', but got from={low} >= to={high}")
    if dtype in DIGITS:
        low, high = _round_from(low, dtype), _round_to(high, dtype)
        if not low < high:
            raise RuntimeError(
                f"random_ expects 'from' casted to {dtype} to be less than 'to' casted to {dtype}, "
                f"but got from={low} >= to={high}"
            )
    _check_range(dtype, low, high - 1)
    return _remainders(generator, shape, dtype, low, high - low)


def random(
    generator: Generator,
    shape: Sequence[int],
    dtype: np.dtype,
    low: int | None = None,
    high: int | None = None,
) -> np.ndarray:
    """Return samples as `Tensor.random_(low, high)`.

    No `low` means 0, no `high` the dtype's largest value, itself included (2**digits for a float).
    """
    dtype = np.dtype(dtype)
    if high is not None:
        return randint(generator, shape, dtype, low or 0, high)
    if low is not None and low > _LEAST:
        return _from_low(generator, shape, dtype, low)
    if math.prod(shape) == 0:
        return np.empty(shape, dtype)
    return _any(generator, shape, dtype) if low is None else _any_int64(generator, shape, dtype)


def _from_low(generator: Generator, shape: Sequence[int], dtype: np.dtype, low: int) -> np.ndarray:
    if dtype in DIGITS:
        low, last = _round_from(low, dtype), 2 ** DIGITS[dtype]
    else:
        last = _integer_limits(dtype)[1]
    if dtype == np.uint64:
        raise RuntimeError("random_: the largest uint64 is out of bounds; give 'to', of at most 2**63 - 1")
    _check_range(dtype, low, last)
    return _remainders(generator, shape, dtype, low, last - low + 1)


def _any(generator: Generator, shape: Sequence[int], dtype: np.dtype) -> np.ndarray:
    need("random_ without bounds", dtype, (BOOL, *INTEGERS, *DIGITS))
    count = 2 ** DIGITS[dtype] if dtype in DIGITS else _integer_limits(dtype)[1]
    wide = dtype.itemsize == 8
    words = generator.random64(math.prod(shape)) if wide else generator.random32(math.prod(shape))
    return _cast((words % words.dtype.type(count + 1)).view(f"i{words.itemsize}"), dtype).reshape(shape)


def _any_int64(generator: Generator, shape: Sequence[int], dtype: np.dtype) -> np.ndarray:
    need("random_ over all of int64", dtype, (np.dtype("i8"), np.dtype("f8"), np.dtype("f4"), BFLOAT16))
    return _cast(generator.random64(math.prod(shape)).view(np.int64), dtype).reshape(shape)


def _remainders(
    generator: Generator, shape: Sequence[int], dtype: np.dtype, low: int, count: int
) -> np.ndarray:
    n = math.prod(shape)
    # torch takes two words from 2**28 values on, to keep the bias of the remainder small
    words = generator.random64(n) if count >= 2**28 else generator.random32(n)
    rest = (words % words.dtype.type(count)).astype(np.int64)
    rest += np.int64(low)
    return _cast(rest, dtype).reshape(shape)


def _cast(values: np.ndarray, dtype: np.dtype) -> np.ndarray:
    return (values.astype(np.float32) if dtype in FLOAT16S else values).astype(dtype, copy=False)


def _check_range(dtype: np.dtype, low: int, last: int) -> None:
    least, largest = _limits(dtype)
    for name, value in (("from", low), ("to - 1", last)):
        if not least <= value <= largest:
            raise RuntimeError(
                f"random_: {name}={value} is out of bounds for {dtype}, of {least} to {largest}"
            )
        if dtype in DIGITS and abs(value) > 2 ** DIGITS[dtype]:
            warnings.warn(
                f"{name} is out of bounds [-(2^{DIGITS[dtype]}), 2^{DIGITS[dtype]}]. "
                f"Due to precision limitations {dtype} can support discrete uniform distribution only "
                "within this range.",
                stacklevel=4,
            )


def _limits(dtype: np.dtype) -> tuple[float, float]:
    if dtype not in DIGITS:
        return _integer_limits(dtype)
    largest = float(ml_dtypes.finfo(dtype).max)
    return -largest, largest


def _integer_limits(dtype: np.dtype) -> tuple[int, int]:
    if dtype == BOOL:
        return 0, 1
    if dtype not in (*INTEGERS, *_UNSIGNED):
        raise RuntimeError(
            f"random_ handles only integral, floating-point and boolean types, but got {dtype}"
        )
    return int(np.iinfo(dtype).min), min(int(np.iinfo(dtype).max), 2**63 - 1)


def _through(value: int, dtype: np.dtype) -> int:
    """int64 -> dtype -> int64; beyond int64, what the x86 conversion gives."""
    rounded = float(_cast(np.array(value, np.int64), dtype))
    return int(rounded) if _LEAST <= rounded < 2**63 else _LEAST


def _round_from(low: int, dtype: np.dtype) -> int:
    """The least bound that no sample rounds below, when low + 1 itself rounds down."""
    above = _through(low + 1, dtype)
    return low if above >= low else above + (1 << max(abs(low + 1).bit_length() - DIGITS[dtype], 0))


def _round_to(high: int, dtype: np.dtype) -> int:
    """The greatest bound that no sample rounds up to, when high - 1 itself rounds up."""
    below = _through(high - 1, dtype)
    return high if below < high else below - (1 << max(abs(high - 1).bit_length() - DIGITS[dtype], 0))


def randperm(generator: Generator, n: int, dtype: np.dtype) -> np.ndarray:
    """Return a random permutation of 0, ..., n - 1, shape (n,), by Fisher-Yates."""
    dtype = np.dtype(dtype)
    need("randperm", dtype, (*INTEGERS, *DIGITS))
    if n < 0:
        raise RuntimeError(f"n must be non-negative, got {n}")
    if n > _longest(dtype):
        most = _longest(dtype)
        raise RuntimeError(
            f"n is too large for result tensor type: randperm got n={n}, {dtype} allows {most}"
        )
    order = _shuffle(generator, n) if n < (2**32 - 1) // 20 else _shuffle_inside_out(generator, n)
    return _cast(np.array(order, np.int64), dtype)


def _longest(dtype: np.dtype) -> float:
    if dtype == BFLOAT16:
        return math.inf  # torch does not check this one; the numbers are then rounded
    return 2 ** DIGITS[dtype] + 1 if dtype in DIGITS else int(np.iinfo(dtype).max) + 1


def _shuffle(generator: Generator, n: int) -> list[int]:
    """Swap each place with one of itself, ..., n - 1. In a list: an ndarray is slower element by element."""
    places = np.arange(max(n - 1, 0), dtype=np.uint32)
    targets = generator.random32(len(places)) % (np.uint32(n) - places) + places
    order = list(range(n))
    for place, target in enumerate(targets.tolist()):
        order[place], order[target] = order[target], order[place]
    return order


def _shuffle_inside_out(generator: Generator, n: int) -> list[int]:
    """For large n: each number goes to one of the places up to its own, and what was there to its own.

    Two words a draw. Checked against torch at n = 214,748,364, the first it is used for.
    """
    targets = generator.random64(n) % np.arange(1, n + 1, dtype=np.uint64)
    order = list(range(n))
    for place, target in enumerate(targets.tolist()):
        order[place] = order[target]
        order[target] = place
    return order
