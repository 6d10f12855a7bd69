"""Memory for NumPy's arrays that ends, or starts, at a page nobody may touch: a byte too far is a crash.

Installed as NumPy's allocator (NEP 49), it serves all arrays of a process: inputs, outputs, scratch memory.
Fresh memory is full of nan (bytes 0xff), freed memory is gone, and what lies between a block and the far
guard page is a canary, looked at when the block dies.
"""

import ctypes
import mmap
import os
import sys

from rushlight.kernels import layout

SIDES = ("end", "start")
FRESH, CANARY = 0xFF, 0xA5
PAGE = mmap.PAGESIZE
_NONE, _READ_WRITE = 0, mmap.PROT_READ | mmap.PROT_WRITE
_PRIVATE = mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS
_SET_HANDLER = 304  # NumPy's table of functions (numpy/_core/code_generators/numpy_api.py)

_libc = ctypes.CDLL(None, use_errno=True)
_size, _pointer = ctypes.c_size_t, ctypes.c_void_p
_libc.mmap.restype = _pointer
_libc.mmap.argtypes = [_pointer, _size, ctypes.c_int, ctypes.c_int, ctypes.c_int, ctypes.c_long]
_libc.mprotect.argtypes = [_pointer, _size, ctypes.c_int]
_libc.munmap.argtypes = [_pointer, _size]

_blocks: dict[int, tuple[int, int, int]] = {}  # address: (start and size of its mapping, size)
_side = "end"
_kept: list[object] = []  # NumPy calls these until the process ends


def allocate(size: int) -> int:
    """The address of a block between two guard pages; what is behind it is its own to the byte."""
    room = max(-(-size // PAGE), 1) * PAGE
    start = _libc.mmap(None, room + 2 * PAGE, _READ_WRITE, _PRIVATE, -1, 0)
    assert start != ctypes.c_void_p(-1).value, "no memory"
    for page in (start, start + PAGE + room):
        assert _libc.mprotect(page, PAGE, _NONE) == 0
    address = start + PAGE + (room - size if _side == "end" else 0)
    ctypes.memset(start + PAGE, CANARY, room)
    ctypes.memset(address, FRESH, size)
    _blocks[address] = start, room + 2 * PAGE, size
    return address


def free(address: int | None) -> None:
    """Give a block back; the process ends if its canary is dead."""
    if address is None:
        return
    start, total, size = _blocks.pop(address)
    below, above = address - start - PAGE, start + total - PAGE - address - size
    for place, count in ((start + PAGE, below), (address + size, above)):
        if ctypes.string_at(place, count) != bytes([CANARY]) * count:
            os.write(2, f"written beside a block of {size} bytes\n".encode())
            os._exit(3)
    _libc.munmap(start, total)


def _zeroed(_: object, count: int, size: int) -> int:
    address = allocate(count * size)
    ctypes.memset(address, 0, count * size)
    return address


def _resized(_: object, old: int | None, size: int) -> int:
    address = allocate(size)
    if old:
        ctypes.memmove(address, old, min(size, _blocks[old][2]))
        free(old)
    return address


class _Handler(ctypes.Structure):
    """NumPy's PyDataMem_Handler (numpy/_core/include/numpy/ndarraytypes.h)."""

    _fields_ = [
        ("name", ctypes.c_char * 127),
        ("version", ctypes.c_uint8),
        *((name, _pointer) for name in ("context", "malloc", "calloc", "realloc", "free")),
    ]


def install(side: str) -> None:
    """From now on arrays of this thread end (or start) at a guard page. Leave the process by `os._exit`."""
    global _side
    assert side in SIDES
    _side = side
    functions = [
        ctypes.CFUNCTYPE(_pointer, _pointer, _size)(lambda _, size: allocate(size)),
        ctypes.CFUNCTYPE(_pointer, _pointer, _size, _size)(_zeroed),
        ctypes.CFUNCTYPE(_pointer, _pointer, _pointer, _size)(_resized),
        ctypes.CFUNCTYPE(None, _pointer, _pointer, _size)(lambda _, address, size: free(address)),
    ]
    handler = _Handler(b"guarded", 1, None, *(ctypes.cast(f, _pointer).value for f in functions))
    name = ctypes.create_string_buffer(b"mem_handler")
    new = ctypes.PYFUNCTYPE(ctypes.py_object, _pointer, _pointer, _pointer)(
        ("PyCapsule_New", ctypes.pythonapi)
    )
    capsule = new(ctypes.addressof(handler), ctypes.addressof(name), None)
    _kept.extend((functions, handler, name, capsule))
    set_handler = layout._numpy_table()[_SET_HANDLER]
    ctypes.PYFUNCTYPE(ctypes.py_object, ctypes.py_object)(set_handler)(capsule)


def live() -> int:
    """How many blocks there are."""
    return len(_blocks)


if __name__ == "__main__":  # touch a byte beside an array: `guarded.py side offset`
    install(sys.argv[1])
    import numpy as np

    size = 40
    block = np.zeros(size, np.uint8)
    ctypes.memset(block.ctypes.data + int(sys.argv[2]), 1, 1)
    del block
    sys.stdout.flush()
    os._exit(0)
