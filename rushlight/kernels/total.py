"""The sum of all elements of a contiguous array: float32 within blocks, float64 across them.

The blocks do not depend on the number of threads, and so neither does the sum.
"""

from __future__ import annotations

from typing import Any

from . import layout, llvm, objects
from .ir import Function, Module
from .launch import entry, register, run
from .targets import Target, host
from .types import Type, f32, f64, i64, ptr
from .values import Value

BLOCK = 16384  # elements


def address() -> int:
    """ptr total(ptr unused, ptr arrays, i64 count): a new array of no dimensions, or None."""
    if "rushlight_total" not in llvm.symbols:
        register()
        llvm.symbols.update(llvm.build("total", lambda: _module(host())))
    return llvm.symbols["rushlight_total"]


def builtin() -> Any:
    """The builtin total(array)."""
    address()
    return layout.builtin("total", llvm.symbols["rushlight_total_builtin"])


def _module(target: Target) -> Module:
    m = Module()
    for t in (f32, f64):
        block(m, t, target)
        _partials(m, t)
        _total(m, t)
    f = m.function("rushlight_total", ptr, head=ptr, arrays=ptr.pointer, count=i64)
    _, arrays, _ = f.args
    f.ret(_by_dtype(f, arrays[0]))
    f = m.function("rushlight_total_builtin", ptr, owner=ptr, args=ptr.pointer, count=i64)
    _, args, count = f.args
    with f.when(count != 1):
        f.ret(objects.none(f))
    f.ret(_by_dtype(f, args[0]))
    return m


def _by_dtype(f: Function, a: Value) -> Value:
    """The total of an array of either type; None for anything else."""
    with f.when(objects.is_a(a, "ndarray")):
        with f.when(objects.has_flags(a, layout.C_CONTIGUOUS | layout.ALIGNED)):
            for name in ("float32", "float64"):
                with f.when(objects.is_array(a, name)):
                    f.ret(f.call(f"total_{name}", ptr, a))
    return objects.none(f)


def _name(t: Type) -> str:
    return {f32: "float32", f64: "float64"}.get(t, t.name)


def block(m: Module, t: Type, target: Target) -> str:
    """Σ of n numbers, in four vectors of partial sums: the function's name.

    The two halves are read side by side: two runs of memory come in a little faster than one.
    """
    f = m.function(f"block_{_name(t)}", t, internal=True, x=t.pointer, n=i64)
    x, n = f.args
    lanes = target.lanes(t)
    wide = 2 * lanes
    first, second = f.var(f.const(t.x(wide), 0)), f.var(f.const(t.x(wide), 0))
    whole = n & -(2 * wide)
    half = whole >> 1
    for i in f.range(0, half, wide):
        first += x.load(i, wide)
        second += x.load(i + half, wide)
    quarter = _folded(first + second, lanes)
    if target.masks:
        rest = f.var(quarter)
        for i in f.range(whole, n, lanes):
            rest += x.load(i, lanes, f.below(n - i, lanes))
        f.ret(_folded(rest.now, 1))
    else:
        single = f.var(_folded(quarter, 1))
        for i in f.range(whole, n):
            single += x[i]
        f.ret(single)
    return f.name


def _folded(v: Value, lanes: int) -> Value:
    """A vector added up into fewer lanes, halves onto halves."""
    while v.lanes > lanes and v.lanes > 2:
        half = v.lanes // 2
        v = v.shuffle(range(half)) + v.shuffle(range(half, 2 * half))
    return v.lane(0) + v.lane(1) if lanes == 1 and v.lanes == 2 else v


def _partials(m: Module, t: Type) -> None:
    """A kernel whose items are blocks: the sum of each, as float64."""
    f, lo, hi, _, (x, sums, n) = entry(m, f"partials_{_name(t)}", True, x=t.pointer, sums=f64.pointer, n=i64)
    for k in f.range(lo, hi):
        left = n - k * BLOCK
        length = (left < BLOCK).select(left, BLOCK)
        sums[k] = f.call(f"block_{_name(t)}", t, x.at(k * BLOCK), length).to(f64)
    f.ret()


def _total(m: Module, t: Type) -> None:
    """The total as a new array of no dimensions; null where memory is out."""
    f = m.function(f"total_{_name(t)}", ptr, internal=True, a=ptr)
    (a,) = f.args
    n, sizes = f.var(1), objects.dims(a)
    for d in f.range(0, objects.ndim(a)):
        n *= sizes[d]
    x, null = objects.data(a, t), f.const(ptr, 0).of(i64)
    out = objects.new_array(f, _name(t), 0, null)
    with f.when(out == 0):
        f.ret(out)
    with f.when(n <= BLOCK):
        objects.data(out, t).store(f.call(f"block_{_name(t)}", t, x, n))
        f.ret(out)
    blocks = (n + (BLOCK - 1)) // BLOCK
    size, slots = f.stack(i64, 1), f.stack(i64, 3)
    size[0] = blocks
    scratch = objects.new_array(f, "float64", 1, size)
    with f.when(scratch == 0):
        f.call("Py_DecRef", objects.void, out)
        f.ret(scratch)
    sums = objects.data(scratch, f64)
    for k, value in enumerate((x.to(i64), sums.to(i64), n.now)):
        slots[k] = value
    run(f, f.address(f"partials_{_name(t)}"), slots, blocks, 4)
    total = f.var(f.const(f64, 0))
    for k in f.range(0, blocks):
        total += sums[k]
    objects.data(out, t).store(total.now.to(t))
    f.call("Py_DecRef", objects.void, scratch)
    f.ret(out)
