"""Storages: which arrays share memory, and the bytes that their tensors reach.

torch saves whole storages, so a saved slice of a large tensor fills a large file, with data nobody meant to
give away. Here a storage is cut to the span its saved tensors reach, and bytes in the gaps between them are
zero.
"""

from __future__ import annotations

import dataclasses
from typing import Any, NamedTuple

import numpy as np
from numpy.lib.array_utils import byte_bounds


class Placement(NamedTuple):
    """Where a tensor lies: its storage's key and size in bytes, its own offset and strides in elements."""

    key: str
    nbytes: int
    offset: int
    strides: tuple[int, ...]
    mixed: bool  # the storage is seen through more than one dtype


@dataclasses.dataclass
class Storage:
    """The arrays that share one piece of memory, and the address range [low, high) they reach."""

    key: str
    arrays: list[np.ndarray] = dataclasses.field(default_factory=list)
    low: int = 0
    high: int = 0

    def add(self, array: np.ndarray) -> None:
        """Widen the range to what `array` reaches."""
        if array.size:
            low, high = byte_bounds(array)
            self.low = min(self.low, low) if self.high else low
            self.high = max(self.high, high)
        self.arrays.append(array)

    def start(self) -> int:
        """Return the address of the storage's first byte, at which every element lies at a whole offset.

        That is `low`, or a few bytes before (written as zeros) where a wide element begins behind narrow
        ones.
        """
        widest = max((a for a in self.arrays if a.size), key=lambda a: a.itemsize, default=None)
        return self.low if widest is None else self.low - (self.low - address(widest)) % widest.itemsize

    def nbytes(self) -> int:
        """Return the size in bytes."""
        return self.high - self.start()

    def mixed(self) -> bool:
        """Whether tensors of different dtypes share it."""
        return len({a.dtype for a in self.arrays}) > 1

    def data(self) -> memoryview:
        """Return the bytes to write; without a copy when one array covers them all."""
        start, size = self.start(), self.nbytes()
        for array in self.arrays:
            if covers(array, start, size):
                return flat_bytes(array).data
        return self._gathered(start, size).data

    def _gathered(self, start: int, size: int) -> np.ndarray:
        """Copy each array to its place in zeros."""
        buffer = np.zeros(size, np.uint8)
        for array in self.arrays:
            if array.size:
                once = array[tuple(slice(None, None if stride else 1) for stride in array.strides)]
                at = address(array) - start
                np.ndarray(once.shape, once.dtype, buffer, at, once.strides)[...] = once
        return buffer


def view_key(array: np.ndarray) -> tuple[Any, ...]:
    """Return what tells two views apart: a tensor may hand out its array as a new object each time."""
    return address(array), array.dtype, array.shape, array.strides


def address(array: np.ndarray) -> int:
    """Return the address of the first element."""
    return array.__array_interface__["data"][0]


def covers(array: np.ndarray, start: int, size: int) -> bool:
    """Whether the elements of `array` fill exactly `size` bytes from `start`, each byte once."""
    return array.nbytes == size and size > 0 and address(array) == start and is_permuted(array)


def is_permuted(array: np.ndarray) -> bool:
    """Whether `array` is a contiguous array with its dimensions in another order."""
    expected = array.itemsize
    for stride, size in sorted(zip(array.strides, array.shape, strict=True)):
        if size != 1 and stride != expected:
            return False
        expected *= size
    return True


def flat_bytes(array: np.ndarray) -> np.ndarray:
    """Return the memory of an array for which `is_permuted` holds, as uint8, without a copy."""
    order = sorted(range(array.ndim), key=lambda d: (-array.strides[d], array.shape[d] == 1))
    return array.transpose(order).reshape(-1).view(np.uint8)


def owner(array: np.ndarray) -> Any:
    """Return the object that owns the memory of `array`: views of one storage have the same."""
    current: Any = array
    while True:
        below = current.obj if isinstance(current, memoryview) else getattr(current, "base", None)
        if below is None:
            return current
        current = below


def savable(array: np.ndarray) -> np.ndarray:
    """Return `array`, or a copy where torch has no such layout: foreign byte order, odd strides."""
    if not array.dtype.isnative:
        array = array.astype(array.dtype.newbyteorder("="))
    odd = any(s < 0 or s % array.itemsize for s, n in zip(array.strides, array.shape, strict=True) if n > 1)
    return np.ascontiguousarray(array).reshape(array.shape) if odd else array


def contiguous_strides(shape: tuple[int, ...]) -> tuple[int, ...]:
    """Return the strides, in elements, of a contiguous tensor (sizes of 0 count as 1, as in torch)."""
    strides, step = [], 1
    for size in reversed(shape):
        strides.append(step)
        step *= max(size, 1)
    return tuple(reversed(strides))


def element_strides(array: np.ndarray) -> tuple[int, ...]:
    """Return strides in elements; those of empty arrays and of dimensions of size 1 as if contiguous."""
    own = [stride // array.itemsize for stride in array.strides]
    free = [array.size == 0 or size == 1 for size in array.shape]
    return tuple(p if f else o for p, o, f in zip(contiguous_strides(array.shape), own, free, strict=True))


class StorageTable:
    """All storages of one file. First `see` every array, so that spans are known; then `place` each."""

    def __init__(self) -> None:
        self.by_owner: dict[int, Storage] = {}
        self._kept: dict[Any, np.ndarray] = {}
        self._owners: list[Any] = []  # kept alive, so that no id is used twice

    def see(self, array: np.ndarray) -> None:
        """Take note of an array that will be saved."""
        if view_key(array) in self._kept:
            return
        plain = savable(array)
        holder = owner(plain)
        self._kept[view_key(array)] = plain
        self._owners += [array, holder]
        storage = self.by_owner.setdefault(id(holder), Storage(str(len(self.by_owner))))
        storage.add(plain)

    def place(self, array: np.ndarray) -> Placement:
        """Return where an array that was seen lies."""
        plain = self._kept[view_key(array)]
        storage = self.by_owner[id(owner(plain))]
        offset, rest = divmod(address(plain) - storage.start() if plain.size else 0, plain.itemsize)
        if rest:
            raise RuntimeError(
                f"save: two tensors share memory {rest} bytes apart, no whole number of {plain.dtype} "
                "elements, so no storage can hold both; save a clone of one"
            )
        return Placement(storage.key, storage.nbytes(), offset, element_strides(plain), storage.mixed())

    def storages(self) -> list[Storage]:
        """Return the storages in the order of their keys."""
        return list(self.by_owner.values())
