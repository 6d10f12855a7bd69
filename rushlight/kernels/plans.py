"""A plan's kernels run one after the other by one native loop, on arrays whose addresses are filled in first.

`bind(arrays)` looks whether arrays have the types, sizes and strides a plan was made for, and writes their
addresses into the slots and tables that name them; `run(lo, hi)` makes the launches lo..hi.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from . import layout, llvm, objects
from .ir import Function, Module
from .launch import register
from .types import i64, ptr, void
from .values import Value

MOST_DIMS = 64  # NumPy's
#: the words of a plan: launches, inputs and how many inputs there are
LAUNCHES, INPUTS, COUNT = range(3)
#: the words of a launch
KERNEL, SLOTS, TOTAL, GRAIN = range(4)
#: the words of an input: what its array must be, where it is now, and the cells that hold its address
DTYPE, NDIM, DIMS = 0, 1, 2
STRIDES = DIMS + MOST_DIMS
ADDRESS = STRIDES + MOST_DIMS
CELLS, CELL_COUNT = ADDRESS + 1, ADDRESS + 2
_INPUT = CELL_COUNT + 1


class Input:
    """An array that a plan is given: its layout, and (address of a cell, offset in bytes) of each use."""

    def __init__(self, like: np.ndarray, cells: Sequence[tuple[int, int]]) -> None:
        self.like, self.cells = like, np.array(cells or np.empty((0, 2)), np.int64)

    @property
    def words(self) -> list[int]:
        """As `bind` reads them."""
        a = self.like
        rest = [0] * (MOST_DIMS - a.ndim)
        words = [id(a.dtype), a.ndim, *a.shape, *rest, *a.strides, *rest]
        return [*words, 0, self.cells.ctypes.data, len(self.cells)]


class Runner:
    """The builtins `bind` and `run` of one plan; `launches` are rows of its four words."""

    def __init__(self, launches: np.ndarray, inputs: Sequence[Input]) -> None:
        if "rushlight_plan_run" not in llvm.symbols:
            register()
            llvm.symbols.update(llvm.build("plans", _module))
        self.launches, self.inputs = launches, list(inputs)
        self._words = np.array([i.words for i in inputs] or np.empty((0, _INPUT)), np.int64)
        head = [launches.ctypes.data, self._words.ctypes.data, len(inputs)]
        self._head = np.array(head, np.int64)
        owner = layout.capsule(self._head.ctypes.data)
        self.bind: Any = layout.builtin("bind", llvm.symbols["rushlight_plan_bind"], owner)
        self.run: Any = layout.builtin("run", llvm.symbols["rushlight_plan_run"], owner)


def _module() -> Module:
    m = Module()
    _fits(m)
    _bind(m)
    _run(m)
    return m


def _no(f: Function, condition: Value) -> None:
    with f.when(condition):
        f.ret(0)


def _fits(m: Module) -> None:
    """1 where an object is an array of the layout that the words of an input name."""
    f = m.function("fits", i64, internal=True, words=i64.pointer, a=ptr)
    words, a = f.args
    _no(f, ~objects.is_a(a, "ndarray"))
    _no(f, objects.field(a, layout.DTYPE, i64) != words[DTYPE])
    n = objects.ndim(a)
    _no(f, (n != words[NDIM]) | ~objects.has_flags(a, layout.ALIGNED))
    dims, strides = objects.dims(a), objects.strides(a)
    size = f.var(1)
    for d in f.range(0, n):
        _no(f, dims[d] != words[d + DIMS])
        size.set(size.now * dims[d])
    for d in f.range(0, n):  # strides count where there is a second element
        _no(f, (strides[d] != words[d + STRIDES]) & (dims[d] != 1) & (size.now != 0))
    f.ret(1)


def _bind(m: Module) -> None:
    """ptr bind(tuple of arrays): None, or the position of the first that does not fit."""
    f = m.function("rushlight_plan_bind", ptr, owner=ptr, args=ptr.pointer, count=i64)
    owner, args, _ = f.args
    plan = objects.field(owner, layout.POINTER, i64.pointer)
    inputs = plan[INPUTS].to(i64.pointer)
    given = args[0]
    items = given.of(objects.i8).at(layout.TUPLE_ITEMS).of(ptr)
    for k in f.range(0, plan[COUNT]):
        with f.when(f.call("fits", i64, inputs.at(k * _INPUT), items[k]) == 0):
            f.ret(f.call("PyLong_FromLongLong", ptr, k))
    for k in f.range(0, plan[COUNT]):
        words = inputs.at(k * _INPUT)
        at = objects.field(items[k], layout.DATA, i64)
        with f.when(at != words[ADDRESS]):
            words[ADDRESS] = at
            cells = words[CELLS].to(i64.pointer)
            for c in f.range(0, words[CELL_COUNT]):
                cell = cells.at(c * 2)
                cell[0].to(i64.pointer).store(at + cell[1])
    f.ret(objects.none(f))


def _run(m: Module) -> None:
    """ptr run(lo, hi): the launches of that range, with the interpreter released."""
    f = m.function("rushlight_plan_run", ptr, owner=ptr, args=ptr.pointer, count=i64)
    owner, args, _ = f.args
    plan = objects.field(owner, layout.POINTER, i64.pointer)
    launches = plan[LAUNCHES].to(i64.pointer)
    lo, hi = (f.call("PyLong_AsLongLong", i64, args[k]) for k in range(2))
    state = f.call("PyEval_SaveThread", ptr)
    for k in f.range(lo, hi):
        words = launches.at(k * 4)
        kernel, slots = words[KERNEL].to(ptr), words[SLOTS].to(ptr)
        total, grain = words[TOTAL], words[GRAIN]
        with f.when(total > grain):
            f.call("rushlight_parallel", void, kernel, slots, total, grain)
        with f.otherwise():
            with f.when(total > 0):
                f.call_pointer(kernel, void, slots, 0, total, 0)
    f.call("PyEval_RestoreThread", void, state)
    f.ret(objects.none(f))
