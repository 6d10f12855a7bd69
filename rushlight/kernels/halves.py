"""bfloat16 in registers: pairs multiplied and added to float32 (VDPBF16PS), widened and rounded."""

from __future__ import annotations

from .targets import Target
from .types import bf16, f32, u16, u32
from .values import Value


def multiplies(target: Target) -> bool:
    """Whether a processor multiplies bfloat16."""
    return target.bits == 512 and "+avx512bf16" in target.features


def add_products(x: Value, y: Value, total: Value) -> Value:
    """total + x₀·y₀ + x₁·y₁ in every lane of float32, which has two bfloat16s of x and y."""
    return total.f.call("llvm.x86.avx512bf16.dpbf16ps.512", total.type, total, x.bits(bf16), y.bits(bf16))


def load(p: Value, index: Value, lanes: int, mask: Value | None = None) -> Value:
    """bfloat16s from memory as float32s."""
    return (p.of(u16).load(index, lanes, mask).to(u32) << 16).bits(f32)


def store(p: Value, value: Value, index: Value, mask: Value | None = None) -> None:
    """float32s to memory, rounded to bfloat16."""
    p.of(u16).store(value.to(bf16).bits(u16), index, mask)
