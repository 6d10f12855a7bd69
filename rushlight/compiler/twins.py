"""Twins of an op's arguments: arrays of the same layout with other numbers, on which the op can be tried."""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Iterator

import numpy as np

import rushlight.dtypes as dtypes

from .structure import address, owner_of_memory

ndarray = np.ndarray
_PIECE = 1 << 20  # bytes that are looked at, or made other, at a time: arguments may be most of the memory


def checksum(a: ndarray) -> int:
    """A number that tells an array's bytes, in the order of its elements, from others."""
    found = 0
    for piece in _pieces(a.reshape(-1) if a.flags.c_contiguous else np.squeeze(a)):
        found = zlib.crc32(piece.tobytes(), found)
    return found


def _pieces(a: ndarray) -> Iterator[ndarray]:
    """Parts of an array along its first dimension."""
    rows = max(1, _PIECE * len(a) // max(a.nbytes, 1))
    return (a[k : k + rows] for k in range(0, len(a), rows))


def memory_of(arrays: Iterable[ndarray]) -> dict[int, ndarray]:
    """The arrays that own the memory of these, by their ids."""
    return {id(owner): owner for owner in map(owner_of_memory, arrays)}


def checksums(owners: dict[int, ndarray]) -> dict[int, int]:
    """A checksum of each piece of memory."""
    return {key: checksum(a) for key, a in owners.items()}


def differing(owners: dict[int, ndarray], before: dict[int, int]) -> set[int]:
    """Those that hold other bytes than they did."""
    return {key for key, now in checksums(owners).items() if now != before[key]}


class Twins:
    """Arrays at the same places as `leaves`, in memory with other numbers; `turn` says with which.

    What an argument's numbers became is found from it again by `restore`, so that there is one copy of it
    only; `keep` is for memory that the op writes to.
    """

    def __init__(self, leaves: list[ndarray], turn: int = 0) -> None:
        self.turn = turn
        self.owners = memory_of(leaves)
        self.memory = {key: np.empty(max(a.nbytes, 1), np.uint8) for key, a in self.owners.items()}
        for key in self.memory:
            self._fill(key)
        self.before = checksums(self.memory)
        self.kept: dict[int, ndarray] = {}
        self.arrays = [self._like(a) for a in leaves]

    def _like(self, a: ndarray) -> ndarray:
        """The array at the place of `a` in the twin of its memory."""
        owner = owner_of_memory(a)
        return np.ndarray(
            a.shape, a.dtype, self.memory[id(owner)].data, address(a) - address(owner), a.strides
        )

    def _fill(self, key: int) -> None:
        """Write the numbers: they stand in another order than the argument's, and are not the same ones."""
        owner = self.owners[key]
        if not owner.size:
            return
        flat = np.lib.stride_tricks.as_strided(owner, (owner.size,), (owner.itemsize,), writeable=False)
        made = np.ndarray(flat.shape, flat.dtype, self.memory[key].data)
        if self.turn:
            made[0], made[1:] = flat[-1], flat[:-1]
        else:
            made[...] = flat[::-1]
        _make_other(made, self.turn)

    def keep(self, keys: Iterable[int]) -> None:
        """Be able to restore memory whose argument is written to, and no longer says what was there."""
        self.kept = {key: self.memory[key].copy() for key in keys}

    def written(self) -> set[int]:
        """The memory that does not hold its numbers any more, by the ids of the arguments' owners."""
        return differing(self.memory, self.before)

    def restore(self) -> None:
        """Have all numbers as they were at first."""
        for key in self.written():
            if key in self.kept:
                self.memory[key][...] = self.kept[key]
            else:
                self._fill(key)


def _make_other(v: ndarray, turn: int) -> None:
    """Floats elsewhere; whole numbers within their range where they can be, as they may be positions, but
    with another greatest (or least) one, another sum and another count of zeros.
    """
    if v.dtype.kind == "b":
        v[...] = ~v if turn else v
        v[:1] ^= not turn
        return
    is_float = dtypes.of_numpy(v.dtype).category >= dtypes.FLOAT
    low, high = (0, 0) if is_float else (v.min(), v.max())
    one = v.dtype.type
    for p in _pieces(v):
        if is_float:
            p[...] = p * one(-0.5) if turn else p * one(0.75) + one(0.0625)
        elif low < high:
            p[...] = np.where(p == low, high, p) if turn else np.where(p == high, low, p)
        else:
            p[...] = p - np.sign(p) if low else p + one(1)
