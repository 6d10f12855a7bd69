"""Dense arrays converted to another type of number, rounded to nearest even, as NumPy and PyTorch convert."""

from __future__ import annotations

from functools import cache

from .ir import Module
from .launch import Kernel, entry
from .targets import Target
from .types import Type, bf16, f16, f32, f64, i1, i32, i64, u8, u16, u32
from .values import Value

#: by the name NumPy gives a type; truth values lie in bytes
TYPES: dict[str, Type] = {
    "float32": f32, "float64": f64, "float16": f16, "bfloat16": bf16,
    "int64": i64, "int32": i32, "uint8": u8, "bool": i1,
}  # fmt: skip
HALVES = (f16, bf16)


def is_known(source: str, target: str, machine: Target) -> bool:
    """Whether there is a kernel: not to bytes, and not where rounding twice would differ."""
    if "float16" in (source, target) and machine.bits == 128 and machine.triple.startswith("x86"):
        return False  # the oldest processors leave half floats to a library
    if target == "uint8" or (source, target) == ("float64", "float16"):
        return False
    return source in TYPES and target in TYPES


def _stored(type: Type) -> Type:
    """The type of the memory: integers for what is converted by hand."""
    return u8 if type == i1 else u16 if type == bf16 else type


def _make(source: Type, kind: Type, target: Target) -> Module:
    m = Module()
    f, lo, hi, _, (x, y) = entry(m, x=_stored(source).pointer, y=_stored(kind).pointer)
    wide = 2 * target.lanes(f32)
    middle = lo + ((hi - lo) & -wide)
    for i in f.range(lo, middle, wide):
        y.store(convert(x.load(i, wide), source, kind), i)
    for i in f.range(middle, hi):
        y[i] = convert(x[i], source, kind)
    f.ret()
    return m


def convert(x: Value, source: Type, kind: Type) -> Value:
    """`x`, as it is stored for `source`, as it is stored for `kind`."""
    if source in HALVES:
        return convert(_widened(x, source), f32, kind)
    if kind == i1:
        return (x != 0).to(u8)
    if kind == bf16:
        return rounded_to_bfloat(x.to(f32))
    if kind == f16:
        return x.to(f32).to(f16)
    if x.type.is_float and not kind.is_float:
        want = kind.x(x.lanes)  # out of range: the processor's own answer, as in C
        return x.f.emit(f"fptosi {x} to {want}", want)
    return x.to(kind)


def _widened(x: Value, source: Type) -> Value:
    """A half float as float32."""
    return (x.to(u32) << 16).bits(f32) if source == bf16 else x.to(f32)


def rounded_to_bfloat(x: Value) -> Value:
    """The upper half of a float32, rounded to even; NaN becomes a quiet NaN of its sign."""
    bits = x.bits(u32)
    rounded = (bits + ((bits >> 16) & 1) + 0x7FFF) >> 16
    nan = ((bits >> 16) & 0x8000) | 0x7FC0
    return (x == x).select(rounded, nan).to(u16)


@cache
def conversion(source: str, target: str) -> Kernel:
    """y[i] = x[i] for dense x of type `source` and y of type `target`."""
    x, y = TYPES[source], TYPES[target]
    return Kernel(("convert", x, y), lambda machine: _make(x, y, machine))
