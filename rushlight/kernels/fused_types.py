"""Values of a fused program: how they lie in memory, what registers hold of them, how one becomes another.

Registers hold truth values as i1, and half floats as the float32 that equals them; all others as they are.
"""

from __future__ import annotations

from .conversions import rounded_to_bfloat
from .targets import Target
from .tile import opaque
from .types import Type, bf16, f16, f32, f64, i1, i8, i16, i32, i64, u8, u16, u32
from .values import Value

#: what arrays may consist of, and what steps compute in
TYPES = (f32, f64, f16, bf16, i64, i32, i16, i8, u8, i1)
HALVES = (f16, bf16)


def is_known(type: Type, target: Target) -> bool:
    """Whether arrays may consist of it: the oldest x86 processors leave float16 to a library."""
    return type in TYPES and not (type == f16 and target.bits == 128 and target.triple.startswith("x86"))


def stored(type: Type) -> Type:
    """The type that lies in memory: a byte for a truth value, an integer for a half float."""
    return u8 if type == i1 else u16 if type in HALVES else type


def in_register(type: Type) -> Type:
    """The type of a register that holds it."""
    return f32 if type in HALVES else type


def loaded(v: Value, type: Type) -> Value:
    """What memory holds, for a register."""
    if type == i1:
        return v != 0
    if type == bf16:
        return (v.to(u32) << 16).bits(f32)
    return v.bits(f16).to(f32) if type == f16 else v


def kept(v: Value, type: Type) -> Value:
    """What a register holds, for memory."""
    if type == i1:
        return v.to(u8)
    if type == bf16:
        return rounded_to_bfloat(v)
    return _half(v).bits(u16) if type == f16 else v


def _half(v: Value) -> Value:
    """A float32 as float16.

    LLVM would see through a single number to the float64 it was and ask for a library's conversion of that.
    """
    return (opaque(v.bits(i32)).bits(f32) if v.lanes == 1 else v).to(f16)


def cast(v: Value, type: Type) -> Value:
    """A register's value as one of another type, as NumPy converts arrays; half floats are rounded to."""
    if type == i1:
        return v if v.type.name == "i1" else v != 0
    if type in HALVES:
        return loaded(kept(v.to(f32), type), type)
    if v.type.is_float and not type.is_float:
        return _cut_off(v, type)
    return v.to(type)


def _cut_off(v: Value, type: Type) -> Value:
    """A float without its fraction; out of range it is the processor's own answer, as in C.

    Types shorter than an int are the low bits of one. `freeze` keeps LLVM from using that it may assume
    anything there: it takes the way back to floats for a mere truncation else.
    """
    middle = (i64 if type.bits == 64 else i32).x(v.lanes)
    whole = v.f.emit(f"fptosi {v} to {middle}", middle)
    return v.f.emit(f"freeze {whole}", middle).to(type)
