"""Pieces that attacks are made of: archives around pickles, and pickles written opcode by opcode."""

import io
import pickle
import pickletools
import struct
import zipfile
from typing import Any

from attacks import CANARY

TOUCH = f"open({CANARY!r}, 'w').close()"


def archive(data: bytes, storages: dict[str, bytes] | None = None) -> bytes:
    """Return a checkpoint whose data.pkl is `data`."""
    records = {"data.pkl": data, "version": b"3\n", "byteorder": b"little"}
    records |= {f"data/{key}": content for key, content in (storages or {}).items()}
    return zipped({f"archive/{name}": content for name, content in records.items()})


def zipped(records: dict[str, bytes], compression: int = zipfile.ZIP_STORED) -> bytes:
    """Return a zip archive."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", compression) as out:
        for name, content in records.items():
            out.writestr(name, content)
    return buffer.getvalue()


def program(*parts: bytes) -> bytes:
    """Return a checkpoint whose pickle is these opcodes, between PROTO and STOP."""
    return archive(pickle.PROTO + b"\x02" + b"".join(parts) + pickle.STOP)


def name(module: str, attribute: str) -> bytes:
    """Return the opcode that pushes `module.attribute`."""
    return pickle.GLOBAL + f"{module}\n{attribute}\n".encode()


def call(func: bytes, *args: bytes) -> bytes:
    """Return the opcodes that call what `func` pushes."""
    return func + pickle.MARK + b"".join(args) + pickle.TUPLE + pickle.REDUCE


def value(obj: Any) -> bytes:
    """Return the opcodes that push a plain object, without memo (so that pieces can be joined)."""
    return pickletools.optimize(pickle.dumps(obj, 2))[2:-1]


def text(string: str) -> bytes:
    """Return the opcode that pushes a string."""
    data = string.encode()
    return pickle.BINUNICODE + struct.pack("<I", len(data)) + data


def storage(count: int, key: str = "0", kind: str = "FloatStorage") -> bytes:
    """Return the opcodes that push a storage."""
    parts = (text("storage"), name("torch", kind), text(key), text("cpu"), value(count))
    return pickle.MARK + b"".join(parts) + pickle.TUPLE + pickle.BINPERSID


def rebuilt(pushed: bytes, *args: Any) -> bytes:
    """Return the opcodes that build a tensor over what `pushed` pushes."""
    return call(name("torch._utils", "_rebuild_tensor_v2"), pushed, *map(value, args))


def tensor(*args: Any, over: bytes | None = None) -> bytes:
    """Return a checkpoint of one float32 tensor of a storage of four (or over what `over` pushes).

    `args` are offset, size, stride, requires_grad, hooks.
    """
    body = rebuilt(storage(4) if over is None else over, *args)
    return archive(pickle.PROTO + b"\x02" + body + pickle.STOP, {"0": bytes(16)})
