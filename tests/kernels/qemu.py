"""Kernels for aarch64 in an emulator: each becomes a static program, which reads its arguments and runs once.

`install` lets every `Kernel` of this process be planned and written for aarch64, and run so; the builtins
around them stay this machine's. Arrays travel whole, with canaries on both sides.
"""

import functools
import shutil
import struct
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from rushlight.kernels import launch, llvm, pool, targets
from rushlight.kernels.ir import Module

TARGET = targets.NAMED["aarch64"]
_EMULATORS = ("qemu-aarch64-static", "qemu-aarch64")
_COMPILERS = ("aarch64-linux-gnu-gcc", "clang")
_OURS = ("llvm", "pool", "park", "forkjoin", "allocator", "blocks")  # what is always for this machine

HARNESS = r"""
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
typedef int64_t i64;
extern void kernel(void *slots, i64 lo, i64 hi, i64 tid);
void rushlight_parallel(void (*f)(void *, i64, i64, i64), void *slots, i64 total, i64 grain) {
    for (i64 lo = 0; lo < total; lo += grain) f(slots, lo, lo + grain < total ? lo + grain : total, 0);
}
void *PyEval_SaveThread(void) { return 0; }
void PyEval_RestoreThread(void *state) { (void)state; }
int PyGILState_Check(void) { return 1; }
enum { ROOM = 256, CANARY = 0xA5 };
static i64 word(void) { i64 x; if (fread(&x, 8, 1, stdin) != 1) exit(2); return x; }
int main(void) {
    static char *buffers[64]; static i64 sizes[64]; static i64 slots[64];
    i64 count = word();
    for (i64 k = 0; k < count; k++) {
        sizes[k] = word();
        char *room = aligned_alloc(64, (sizes[k] + 2 * ROOM + 63) / 64 * 64);
        memset(room, CANARY, sizes[k] + 2 * ROOM);
        buffers[k] = room + ROOM;
        if (sizes[k] && fread(buffers[k], sizes[k], 1, stdin) != 1) exit(2);
    }
    i64 used = word();
    for (i64 k = 0; k < used; k++) {
        i64 buffer = word(), value = word();
        slots[k] = buffer < 0 ? value : (i64)(buffers[buffer] + value);
    }
    i64 total = word(), grain = word();
    rushlight_parallel(kernel, slots, total, grain);
    for (i64 k = 0; k < count; k++) {
        unsigned char *below = (void *)(buffers[k] - ROOM), *above = (void *)(buffers[k] + sizes[k]);
        for (i64 j = 0; j < ROOM; j++) if (below[j] != CANARY || above[j] != CANARY) exit(3);
        fwrite(buffers[k], 1, sizes[k], stdout);
    }
    return 0;
}
"""


def missing() -> str:
    """What is not installed of what this takes; empty: nothing."""
    if not any(map(shutil.which, _EMULATORS)):
        return "no qemu-aarch64 (Debian: qemu-user-static)"
    return "" if shutil.which(_COMPILERS[0]) else "no linker for aarch64 (Debian: gcc-aarch64-linux-gnu)"


@functools.cache
def _folder() -> Path:
    """Where programs are made; the harness lies there, compiled."""
    folder = Path(tempfile.mkdtemp(prefix="rushlight-aarch64-"))
    (folder / "harness.c").write_text(HARNESS)
    subprocess.run([_COMPILERS[0], "-O1", "-c", "harness.c"], cwd=folder, check=True)
    return folder


def program(make: Callable[[targets.Target], Module], target: targets.Target = TARGET) -> Path:
    """An executable of a module's function `kernel`."""
    with targets.writing(target):
        module = make(target)
    folder = _folder()
    name = f"kernel{len(list(folder.glob('*.o')))}"
    (folder / f"{name}.o").write_bytes(llvm.assemble(llvm.text_of(module, target), target))
    command = [_COMPILERS[0], "-static", "-o", name, "harness.o", f"{name}.o", "-lm"]
    subprocess.run(command, cwd=folder, check=True)
    return folder / name


def call(path: Path, total: int, grain: int, *slots: Any) -> None:
    """Run a kernel's program on these slots; arrays get what it wrote."""
    roots: dict[int, np.ndarray] = {}
    words: list[bytes] = []
    for s in slots:
        if isinstance(s, np.ndarray):
            root = _root(s)
            number = list(roots).index(id(root)) if id(root) in roots else len(roots)
            roots[id(root)] = root
            words.append(struct.pack("<qq", number, _address(s) - _address(root)))
        else:
            words.append(struct.pack("<qd" if isinstance(s, float) else "<qq", -1, 0 if s is None else s))
    parts = [struct.pack("<q", len(roots))]
    for root in roots.values():
        parts += [struct.pack("<q", root.nbytes), _bytes(root).tobytes()]
    parts += [struct.pack("<q", len(slots)), *words, struct.pack("<qq", total, grain)]
    emulator = next(filter(None, map(shutil.which, _EMULATORS)))
    done = subprocess.run([emulator, str(path)], input=b"".join(parts), capture_output=True)
    assert done.returncode == 0, f"the kernel ended with {done.returncode} (3: canary) {done.stderr!r}"
    place = 0
    for root in roots.values():
        _bytes(root)[:] = np.frombuffer(done.stdout, np.uint8, root.nbytes, place)
        place += root.nbytes


def _root(a: np.ndarray) -> np.ndarray:
    """The array that owns an array's memory."""
    while isinstance(a.base, np.ndarray):
        a = a.base
    return a


def _address(a: np.ndarray) -> int:
    return a.__array_interface__["data"][0]


def _bytes(root: np.ndarray) -> np.ndarray:
    """All memory of an array that owns it, writable."""
    import ctypes

    return (
        np.frombuffer((ctypes.c_uint8 * root.nbytes).from_address(_address(root)), np.uint8)
        if root.nbytes
        else np.zeros(0, np.uint8)
    )


def install() -> None:
    """Have kernels planned for aarch64 and run in the emulator. Only with RUSHLIGHT_CACHE empty: keys lie."""
    launch.register()
    here, host = targets.host, lambda: TARGET
    for name, module in list(sys.modules.items()):
        if (
            name.startswith("rushlight.")
            and name.rpartition(".")[2] not in _OURS
            and getattr(module, "host", 0) is here
        ):
            module.host = host  # pyright: ignore[reportAttributeAccessIssue]
    assert pool and targets.host is host
    launch.Kernel._first = _first
    from rushlight.kernels import gemm_calls

    gemm_calls.remember = lambda *_: None  # it would call the kernel by its address


launched: dict[str, int] = {}  # the first words of kernels' keys, and how often they ran


def _first(self: launch.Kernel, *args: Any) -> None:
    """In place of `Kernel._first`."""
    path = program(self.make)
    kind = str(self.key).strip("('\"").partition("'")[0]

    def run(total: int, grain: int, *slots: Any) -> None:
        launched[kind] = launched.get(kind, 0) + 1
        if total > 0:
            call(path, total, grain, *slots)

    self.run = run
    run(*args)
