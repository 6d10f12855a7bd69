"""Kernels as Python calls them: `kernel(total, grain, *arrays and numbers)`.

Every kernel is `void kernel(ptr slots, i64 lo, i64 hi, i64 tid)`: it does the items lo..hi of a range that is
cut into chunks of a fixed grain, so that results do not depend on how many threads share them. A slot is 8
bytes: an array's address, an integer, or a double.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any
from weakref import WeakSet

from . import allocator, layout, llvm, native, objects, pool
from .ir import Function, Module
from .targets import Target, host
from .types import Type, f64, i64, ptr, void
from .values import Value

MOST_SLOTS = 40


def entry(
    module: Module, name: str = "kernel", internal: bool = False, /, **types: Type
) -> tuple[Function, Value, Value, Value, list[Value]]:
    """A function with the kernel's ABI, and the values of its slots in order: numbers are i64 or f64."""
    f = module.function(name, internal=internal, slots=ptr, lo=i64, hi=i64, tid=i64)
    slots, lo, hi, tid = f.args
    return f, lo, hi, tid, [slots.of(t).of(i64).at(k).of(t).load() for k, t in enumerate(types.values())]


class Kernel:
    """Machine code with the kernel's ABI, compiled (or loaded from the disk cache) when it is first called.

    `key` says what the code depends on, `make(target)` writes it. The call checks nothing: whoever calls
    guards types, sizes and layouts. `launch` is the builtin itself, once there is one, and `address` where
    the code is; `run` is `launch`, or goes through whoever watches.
    """

    __slots__ = ("key", "make", "run", "launch", "address", "__weakref__")
    run: Callable[..., None]
    launch: Callable[..., None]

    def __init__(self, key: object, make: Callable[[Target], Module]) -> None:
        self.key, self.make, self.launch, self.address = key, make, self._first, 0
        self.run = self._first if _watcher is None else partial(_watcher, self)
        _kernels.add(self)

    def __call__(self, total: int, grain: int, *slots: Any) -> None:
        """Do the items 0..total in chunks of `grain`; of 0: all at once, while other threads run Python."""
        self.run(total, grain, *slots)

    def ready(self) -> Kernel:
        """The kernel, compiled."""
        if not self.address:
            register()
            self.address = llvm.build(self.key, lambda: self.make(host()))["kernel"]
        return self

    def _first(self, *args: Any) -> None:
        self.ready()
        self.launch = launcher(self.key, self.address)
        if _watcher is None:
            self.run = self.launch
        self.launch(*args)


_kernels: WeakSet[Kernel] = WeakSet()
_watcher: Callable[..., None] | None = None


def watch(watcher: Callable[..., None] | None) -> None:
    """Have all launches go to watcher(kernel, total, grain, *slots), which must launch; None ends it."""
    global _watcher
    _watcher = watcher
    for kernel in list(_kernels):
        kernel.run = kernel.launch if watcher is None else partial(watcher, kernel)


def register() -> None:
    """Give generated code the function that shares chunks among threads, and arrays memory that is kept."""
    assert native.on()
    pool.ensure()
    allocator.install()


_launch: list[int] = []


def launcher(name: object, kernel: int) -> Any:
    """The builtin that runs the kernel at an address."""
    if not _launch:
        register()
        _launch.append(llvm.build("launch", _module)["launch"])
    return layout.builtin(str(name), _launch[0], layout.capsule(kernel))


def _module() -> Module:
    """ptr launch(capsule of the kernel, args, count)."""
    m = Module()
    f = m.function("launch", ptr, owner=ptr, args=ptr.pointer, count=i64)
    owner, args, count = f.args
    slots = f.stack(i64, MOST_SLOTS)
    bad = f.var(0)
    with f.when((count < 2) | (count > MOST_SLOTS + 2)):
        f.ret(objects.raise_error(f, "TypeError", "a kernel takes total, grain and at most 40 slots"))
    total, grain = _integer(args[0]), _integer(args[1])
    for i in f.range(2, count):
        _fill(slots.at(i - 2), args[i], bad)
    with f.when(bad != 0):
        f.ret(objects.raise_error(f, "TypeError", "a kernel takes arrays, floats, ints and None"))
    with f.when(f.call("PyErr_Occurred", ptr) != 0):
        f.ret(f.const(ptr, 0))
    kernel = objects.field(owner, layout.POINTER, ptr)
    with f.when(grain == 0):
        state = f.call("PyEval_SaveThread", ptr)
        f.call_pointer(kernel, void, slots, 0, total, 0)
        f.call("PyEval_RestoreThread", void, state)
    with f.otherwise():
        run(f, kernel, slots, total, grain)
    f.ret(objects.none(f))
    return m


def _integer(o: Value) -> Value:
    return o.f.call("PyLong_AsLongLong", i64, o)


def _fill(slot: Value, o: Value, bad: Any) -> None:
    """Write one argument into its slot."""
    f = o.f
    with f.when(objects.is_a(o, "ndarray")):
        slot.of(ptr).store(objects.field(o, layout.DATA, ptr))
    with f.otherwise():
        with f.when(objects.is_a(o, "int")):
            slot.store(_integer(o))
        with f.otherwise():
            with f.when(objects.is_a(o, "float")):
                slot.of(f64).store(objects.float_value(o))
            with f.otherwise():
                slot.store(0)
                bad.set(bad | (o != objects.symbol(f, "py_None")).to(i64))


def run(f: Function, kernel: Value, slots: Value, total: Value, grain: Any) -> None:
    """Call a kernel here, or on all threads, with the interpreter released, if there is more than one
    chunk.
    """
    with f.when(total > grain):
        state = f.call("PyEval_SaveThread", ptr)
        f.call("rushlight_parallel", void, kernel, slots, total, grain)
        f.call("PyEval_RestoreThread", void, state)
    with f.otherwise():
        with f.when(total > 0):
            f.call_pointer(kernel, void, slots, 0, total, 0)
