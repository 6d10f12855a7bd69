"""Atomic instructions: each against what it means on one thread, and additions from several at once."""

import ctypes
import threading

import numpy as np
import pytest

from rushlight.kernels import atomic, llvm, native
from rushlight.kernels.ir import Module
from rushlight.kernels.targets import NAMED, Target
from rushlight.kernels.types import i32, i64

pytestmark = pytest.mark.skipif(not native.on(), reason="machine code is off")


def make(target: Target = NAMED["baseline"]) -> Module:
    m = Module()
    f = m.function("each", i64, p=i64.pointer)
    (p,) = f.args
    atomic.store(p, atomic.load(p) + 1)
    before = atomic.add(p, 10)
    yes, no = atomic.replace(p, 16, 20), atomic.replace(p, 16, 30)
    atomic.pause(f, target)
    f.ret(before * 4 + yes.to(i64) * 2 + no.to(i64))
    f = m.function("count", p=i32.pointer, n=i64)
    for _ in f.range(0, f.args[1]):
        atomic.add(f.args[0], 1, "monotonic")
    f.ret()
    return m


def test_each():
    each = ctypes.CFUNCTYPE(ctypes.c_int64, ctypes.c_void_p)(llvm.build("atomics", make)["each"])
    word = np.array([5], np.int64)
    assert each(word.ctypes.data) == 6 * 4 + 2 and word[0] == 20


def test_additions_of_several_threads():
    count = ctypes.CFUNCTYPE(None, ctypes.c_void_p, ctypes.c_int64)(llvm.build("atomics", make)["count"])
    word = np.zeros(1, np.int32)
    crowd = [threading.Thread(target=count, args=(word.ctypes.data, 100_000)) for _ in range(4)]
    for thread in crowd:
        thread.start()
    for thread in crowd:
        thread.join()
    assert word[0] == 400_000


@pytest.mark.parametrize("target", NAMED.values(), ids=NAMED)
def test_every_target_assembles_them(target):
    assert llvm.assemble(llvm.text_of(make(target), target), target)
