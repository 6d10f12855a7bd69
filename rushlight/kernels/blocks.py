"""The machine code of the allocator: blocks of memory that are kept when they are freed, and given again.

A block is `[size | offset / 16][next free block] data ...`. `size` is a multiple of 64; `offset` is what lies
between the system's address and the data, which start at a multiple of 64 bytes, as vectors like it; the
second word counts only while the block is free. Free blocks stand in one list for each of 16 sizes to a
doubling (up to 2 KiB these are the multiples of 64), so that 1/16 is wasted at most.

NumPy calls all of this with the interpreter's lock held, as its own cache demands ("as the cache is managed
in global variables verify the GIL is held", numpy/_core/src/multiarray/alloc.c), and an interpreter without
that lock has no native code here (layout.works): so there is no other lock.
"""

from __future__ import annotations

from typing import Any

from . import llvm
from .ir import Function, Module
from .types import i1, i32, i64, ptr, u64, void
from .values import Value, Var

STEPS = 16  # sizes to a doubling
LARGEST = 1 << 30  # larger blocks go back to the system
CLASSES = STEPS * (LARGEST.bit_length() - 12) + 2 * STEPS + 1
HUGE_PAGES = 4 << 20  # from this size on the system is asked for large pages, as NumPy does
MADV_HUGEPAGE = 14  # linux/mman.h
HEAD = 16  # bytes in front of the data
MOST = 1 << 48  # what no machine has

#: the numbers that the allocator keeps, in order
WORDS = (
    *("limit", "allocated", "peak", "cached", "reserved_peak", "given", "hits", "misses", "frees"),
    *("retries", "failures", "hand"),
)

block = i64.pointer  # the type of a block's data: its two words are at -2 and -1


class Counters:
    """WORDS by name, in a function being written."""

    def __init__(self, f: Function) -> None:
        self.memory = f.module.memory(f, "counters", i64, len(WORDS))

    def __getitem__(self, name: str) -> Value:
        return self.memory[WORDS.index(name)]

    def __setitem__(self, name: str, value: Any) -> None:
        self.memory[WORDS.index(name)] = value

    def raise_to(self, name: str, value: Any) -> None:
        """Make it at least this."""
        old = self[name]
        self[name] = (value > old).select(value, old)


def heads(f: Function) -> Value:
    """For each class, its first free block; class 0, of sizes too large, has none ever."""
    return f.module.memory(f, "heads", block, CLASSES)


def marks(f: Function) -> Value:
    """For each class, whether a block of it was used again since the clock's hand last passed."""
    return f.module.memory(f, "marks", i64, CLASSES)


def size_of(p: Any) -> Value:
    """The bytes a block has."""
    return p[-2] & -64


def next_free(p: Any) -> Value:
    """The block behind this one in its list."""
    return p.of(block).load(-1)


def size_class(f: Function, n: Any) -> tuple[Value, Value]:
    """The class of a number of bytes, and the bytes its blocks have. Zero bytes count as one."""
    last = ((n == 0).select(1, n) - 1) >> 6  # the 64 bytes in which the last one lies
    top = f.call("llvm.ctlz.i64", u64, last | (2 * STEPS - 1), f.const(i1, 1))
    shift = 64 - (2 * STEPS - 1).bit_length() - top
    steps = (last >> shift) + 1
    known = n <= LARGEST
    index = known.select(shift * STEPS + steps, 0)
    return index, known.select(steps << (shift + 6), (n | 63) + 1)


def make() -> Module:
    """The five functions of a handler, and what empties the cache."""
    m = Module()
    _release(m)
    _empty(m)
    for zeroed in (False, True):
        _fresh(m, zeroed)
    _make_room(m)
    _overflow(m)
    _allocate(m)
    _allocate_zeroed(m)
    _free(m)
    _reallocate(m)
    f = m.function("counters_address", ptr)
    f.ret(Counters(f).memory)
    return m


def _allocate(m: Module) -> None:
    f = m.function("allocate", block, context=ptr, bytes=u64)
    f.ret(_obtain(f, f.args[1], zeroed=False))


def _allocate_zeroed(m: Module) -> None:
    f = m.function("allocate_zeroed", block, context=ptr, count=u64, size=u64)
    _, count, size = f.args
    n = f.var(count * size)
    with f.when((count | size) >= 1 << 32):
        most = f.const(u64, MOST) / (size == 0).select(1, size)
        n.set((count > most).select(MOST + 1, n))
    f.ret(_obtain(f, n.now, zeroed=True))


def _obtain(f: Function, n: Value, zeroed: bool) -> Var:
    """A block of at least `n` bytes: the first of its list, or one from the system."""
    state = Counters(f)
    index, size = size_class(f, n)
    p = f.var(heads(f)[index])
    with f.when(p != 0):
        heads(f)[index] = next_free(p)
        marks(f)[index] = 1
        state["hits"] += 1
        state["cached"] -= size
        if zeroed:
            f.call("memset", ptr, p, f.const(i32, 0), n)
    with f.otherwise():
        p.set(f.call("fresh_zeros" if zeroed else "fresh", block, size))
        with f.when(p == 0):
            f.ret(p)
    state["given"] += size
    state["allocated"] += size
    state.raise_to("peak", state["allocated"])
    return p


def _free(m: Module) -> None:
    f = m.function("free_block", context=ptr, data=block, bytes=u64)
    _, p, _ = f.args  # the bytes may be fewer than were asked for: NumPy allocates (2, 0) as (2, 1)
    with f.when(p == 0):
        f.ret()
    state, size = Counters(f), size_of(p).to(u64)
    state["frees"] += 1
    state["allocated"] -= size
    with f.when((size <= LARGEST) & (state["cached"] + size <= state["limit"])):
        _keep(f, p, size)
    with f.otherwise():
        f.call("overflow", void, p, size)
    f.ret()


def _keep(f: Function, p: Value, size: Value) -> None:
    """Put a block in front of its list."""
    index, _ = size_class(f, size)
    p.of(block).store(heads(f)[index], -1)
    heads(f)[index] = p
    Counters(f)["cached"] += size


def _reallocate(m: Module) -> None:
    f = m.function("reallocate", block, context=ptr, data=block, bytes=u64)
    context, p, n = f.args
    with f.when(p == 0):
        f.ret(f.call("allocate", block, context, n))
    old, (_, size) = size_of(p).to(u64), size_class(f, n)
    with f.when(size == old):
        f.ret(p)
    q = f.call("allocate", block, context, n)
    with f.when(q != 0):
        f.call("memcpy", ptr, q, p, (old < n).select(old, n))
        f.call("free_block", void, context, p, n)
    f.ret(q)


# -- what is rarely done -------------------------------------------------------------------------------


def _fresh(m: Module, zeroed: bool) -> None:
    """A block from the system; if it has none, the cache is emptied first. Null where all memory is out."""
    f = m.function("fresh_zeros" if zeroed else "fresh", block, internal=True, size=u64)
    (size,), state = f.args, Counters(f)
    with f.when(size - 1 >= MOST):
        state["failures"] += 1
        f.ret(f.const(block, 0))
    system = f.var(_ask(f, size, zeroed))
    with f.when(system == 0):
        state["retries"] += 1
        f.call("empty", void)
        system.set(_ask(f, size, zeroed))
        with f.when(system == 0):
            state["failures"] += 1
            f.ret(f.const(block, 0))
    first = system.now.to(u64)
    data = (first + (HEAD + 63)) & -64
    p = data.to(block)
    p[-2] = (size | ((data - first) >> 4)).to(i64)
    _prefer_huge_pages(f, first, size)
    state["misses"] += 1
    state.raise_to("reserved_peak", state["allocated"] + state["cached"] + size)
    f.ret(p)


def _ask(f: Function, size: Value, zeroed: bool) -> Value:
    """Memory for a block, its head, and the way to the next multiple of 64 (the system's are of 16)."""
    n = size + (HEAD + 48)
    return f.call("calloc", block, f.const(u64, 1), n) if zeroed else f.call("malloc", block, n)


def _prefer_huge_pages(f: Function, first: Value, size: Value) -> None:
    if "madvise" not in llvm.symbols:
        return
    with f.when(size >= HUGE_PAGES):
        start = (first + 4095) & -4096
        f.call("madvise", i32, start.to(ptr), (first + size - start) & -4096, f.const(i32, MADV_HUGEPAGE))


def _release(m: Module) -> None:
    """Give a block back to the system."""
    f = m.function("release", internal=True, data=block)
    (p,) = f.args
    f.call("free", void, (p.to(i64) - ((p[-2] & 63) << 4)).to(ptr))
    f.ret()


def _drop_first(f: Function, index: Value, p: Value) -> None:
    """Give the first block of a list, `p`, back to the system."""
    state = Counters(f)
    heads(f)[index] = next_free(p)
    state["cached"] -= size_of(p)
    f.call("release", void, p)


def _empty(m: Module) -> None:
    """Give all free blocks back to the system."""
    f = m.function("empty")
    for index in f.range(0, CLASSES):
        for _ in f.forever():
            p = heads(f)[index]
            f.leave(p == 0)
            _drop_first(f, index, p)
    f.ret()


def _overflow(m: Module) -> None:
    """Keep a block for which there is no room by giving others back; one too large goes back itself."""
    f = m.function("overflow", internal=True, data=block, size=u64)
    p, size = f.args
    with f.when((size <= LARGEST) & (size <= Counters(f)["limit"])):
        f.call("make_room", void, size)
        _keep(f, p, size)
    with f.otherwise():
        f.call("release", void, p)
    f.ret()


def _make_room(m: Module) -> None:
    """Give blocks back until `size` more may be kept.

    As a clock, a hand goes round the classes and spares those used since it last passed.
    """
    f = m.function("make_room", size=u64)
    (size,), state = f.args, Counters(f)
    for _ in f.forever():
        f.leave((state["cached"] == 0) | (state["cached"] + size <= state["limit"]))
        hand = state["hand"]
        p = heads(f)[hand]
        with f.when((p != 0) & (marks(f)[hand] == 0)):
            _drop_first(f, hand, p)
        with f.otherwise():
            marks(f)[hand] = 0
            state["hand"] = (hand == CLASSES - 1).select(0, hand + 1)
    f.ret()
