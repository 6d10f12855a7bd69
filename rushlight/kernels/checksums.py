"""The masked crc32c by which records of event files are checked, by machine code.

Castagnoli's cyclic redundancy check, turned and added to as TFRecord files store it.
"""

from __future__ import annotations

from functools import cache, reduce

import numpy as np

from .ir import Module
from .launch import Kernel, entry
from .targets import Target
from .types import i64, u8, u16, u32, u64
from .values import Value

_MASK = 0xA282EAD8
_POLYNOMIAL = 0x82F63B78  # Castagnoli's, reflected


@cache
def table() -> np.ndarray:
    """The 8 tables of 256 words by which a crc32c takes 8 bytes a step ("slicing by 8", Kounavis & Berry)."""
    words = np.arange(256, dtype=np.uint32)
    for _ in range(8):
        words = np.where(words & 1, (words >> 1) ^ np.uint32(_POLYNOMIAL), words >> 1).astype(np.uint32)
    tables: list[np.ndarray] = [words]
    for _ in range(7):
        tables.append(words[tables[-1] & 0xFF] ^ (tables[-1] >> 8))
    return np.ascontiguousarray(np.stack(tables))


@cache
def checksums() -> Kernel:
    """out[k] = the masked crc32c of the bytes bounds[k] .. bounds[k+1] of `data`."""

    def make(target: Target) -> Module:
        m = Module()
        crc(m, target)
        types = {"out": u32.pointer, "data": u8.pointer, "bounds": i64.pointer, "crcs": u32.pointer}
        f, lo, hi, _tid, (out, data, bounds, crcs) = entry(m, "kernel", False, **types)
        for k in f.range(lo, hi):
            begin = bounds[k]
            out[k] = f.call("crc", u32, crcs, data.at(begin), bounds[k + 1] - begin)
        f.ret()
        return m

    return Kernel("checksums", make)


def stored(at: Value) -> Value:
    """The checksum that a file holds at an address."""
    return at.of(u32).load(0, align=1)


def crc(m: Module, target: Target) -> None:
    """Write crc(tables, p, n): the masked crc32c of n bytes; by instructions, or 8 bytes a step by tables."""
    f = m.function("crc", u32, internal=True, tables=u32.pointer, p=u8.pointer, n=i64)
    tables, p, n = f.args
    crc, at = f.var(f.const(u32, 0xFFFFFFFF)), f.var(0)
    for _ in f.forever():
        f.leave(at + 8 > n)
        crc.set(_with_word(tables, crc.now, p.at(at).of(u64).load(0, align=1), target))
        at += 8
    if _by_instruction(target):
        for part in (u32, u16, u8):
            with f.when((n & part.size) != 0):
                crc.set(_instruction(crc.now, p.at(at).of(part).load(0, align=1), target))
                at += part.size
    else:
        for k in f.range(at, n):
            crc.set((crc >> 8) ^ tables[(crc.now ^ p[k].to(u32)).to(i64) & 0xFF])
    f.ret(_masked(crc.now))


def crc_of_length(tables: Value, p: Value, target: Target) -> Value:
    """The masked crc32c of 8 bytes, without a call."""
    word = p.of(u64).load(0, align=1)
    return _masked(_with_word(tables, p.f.const(u32, 0xFFFFFFFF), word, target))


def _masked(crc: Value) -> Value:
    last = crc ^ 0xFFFFFFFF
    return ((last >> 15) | (last << 17)) + _MASK


def _with_word(tables: Value, crc: Value, word: Value, target: Target) -> Value:
    """The crc with 8 bytes more."""
    if _by_instruction(target):
        return _instruction(crc, word, target)
    word = word ^ crc.to(u64)
    parts = [tables[((word >> 8 * k) & 0xFF).to(i64) + 256 * (7 - k)] for k in range(8)]
    return reduce(lambda x, y: x ^ y, parts)


def _by_instruction(target: Target) -> bool:
    """Whether SSE4.2 is sure to be there, or aarch64's crc32c (its own feature; of all from ARMv8.1 on)."""
    if target.triple.startswith("aarch64"):
        return "+crc" in target.features.split(",")
    return target.triple.startswith("x86_64") and target.bits >= 256


def _instruction(crc: Value, part: Value, target: Target) -> Value:
    """The crc with a number's bytes: u8 .. u64."""
    bits = part.type.bits
    if target.triple.startswith("aarch64"):
        letter = {8: "b", 16: "h", 32: "w", 64: "x"}[bits]
        return crc.f.call(f"llvm.aarch64.crc32c{letter}", u32, crc, part if bits == 64 else part.to(u32))
    crc = crc.to(u64) if bits == 64 else crc
    return crc.f.call(f"llvm.x86.sse42.crc32.{crc.type.bits}.{bits}", crc.type, crc, part).to(u32)
