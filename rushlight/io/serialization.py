"""`save` and `load`: torch's own checkpoint format, readable by torch, and reading what torch wrote.

The file is a zip archive of stored records: `data.pkl` (the object, tensors as references to storages),
`data/0`, `data/1` ... (the storages), and a few marks (`version`, `byteorder`, `.format_version`, ...).
"""

from __future__ import annotations

import io
import os
import pickle
import sys
import zlib
from collections.abc import Callable
from typing import Any

import numpy as np

import rushlight.io.safetensors as safetensors
from rushlight.io.allowed import ALLOWED
from rushlight.io.atomic import PathLike, is_path, replacing
from rushlight.io.names import numpy_dtype
from rushlight.io.pickler import Pickler
from rushlight.io.rebuild import Storage, StorageClass, is_count, wrong
from rushlight.io.storages import StorageTable
from rushlight.io.unpickler import Unpickler
from rushlight.io.zipreader import ZipReader, corrupt, looks_like_zip
from rushlight.io.zipwriter import ALIGNMENT, ZipWriter

MAX_PICKLE = 1 << 28  # bytes of data.pkl; raise it for a checkpoint with very many Python numbers
MAX_MARK = 1 << 10

# Files older than torch 1.6 begin with a pickled magic number, or are tar archives.
LEGACY_MAGIC = b"\x8a\nl\xfc\x9cF\xf9 j\xa8P\x19."
TAR_MAGIC_AT, TAR_MAGIC = 257, b"ustar"

MapLocation = Callable[..., Any] | dict[str, str] | str | None | Any


# -- save ------------------------------------------------------------------------------------------------


def save(
    obj: Any,
    f: PathLike | Any,
    pickle_module: Any = None,
    pickle_protocol: int = 2,
    _use_new_zipfile_serialization: bool = True,
) -> None:
    """Write `obj` (tensors in any nesting of containers) to the path or binary file object `f`.

    Tensors that share storage share it again after `load`. Only the part of a storage that the saved tensors
    reach is written. A path is replaced only when everything is written. Raises RuntimeError where the
    directory does not exist, TypeError or pickle.PicklingError for what cannot be saved.
    """
    if pickle_protocol != 2 or pickle_module not in (None, pickle) or not _use_new_zipfile_serialization:
        raise ValueError(
            "save: Rushlight writes the zip format, with pickle protocol 2: what torch loads safely"
        )
    if not is_path(f) and not hasattr(f, "write"):
        raise TypeError(f"save: expected a path or a file object with write(), got {type(f).__name__}")
    table, data = dump(obj)
    if not is_path(f):
        write_archive(ZipWriter(f), table, data)
        return
    with replacing(f) as file:
        write_archive(ZipWriter(file, archive_name(f)), table, data)


def dump(obj: Any) -> tuple[StorageTable, bytes]:
    """Pickle twice: first to learn what the tensors reach of each storage, then with the offsets."""
    table = StorageTable()
    Pickler(io.BytesIO(), table, placing=False).dump(obj)
    buffer = io.BytesIO()
    Pickler(buffer, table, placing=True).dump(obj)
    return table, buffer.getvalue()


def archive_name(path: PathLike) -> str:
    """Return the name of the archive's folder: the file's stem, as torch has it."""
    stem = os.path.splitext(os.path.basename(os.fspath(path)))[0]
    return stem if stem.isascii() and stem.strip(".") and "\\" not in stem else "archive"


def write_archive(archive: ZipWriter, table: StorageTable, data: bytes) -> None:
    """Write all records, in torch's order."""
    archive.add("data.pkl", data)
    archive.add(".format_version", b"1")
    archive.add(".storage_alignment", str(ALIGNMENT).encode())
    archive.add("byteorder", sys.byteorder.encode())
    for storage in table.storages():
        archive.add(f"data/{storage.key}", storage.data())
    archive.add("version", b"3\n")
    archive.add(".data/serialization_id", serialization_id(archive))
    archive.close()


def serialization_id(archive: ZipWriter) -> bytes:
    """Return 40 digits that depend on the records' names and contents, as torch's do."""
    names = zlib.crc32(b"\n".join(entry.name for entry in archive.entries))
    contents = zlib.crc32(b"".join(entry.crc.to_bytes(4, "little") for entry in archive.entries))
    return f"{names:020d}{contents:020d}".encode()


# -- load ------------------------------------------------------------------------------------------------


def load(
    f: PathLike | Any,
    map_location: MapLocation = None,
    pickle_module: Any = None,
    *,
    weights_only: bool | None = None,
    mmap: bool | None = None,
) -> Any:
    """Return the object that `save`, or torch.save, wrote to the path or binary file object `f`.

    `map_location` says where tensors go: a device, a dict from saved to wanted location, or a function of
    storage and location. With `mmap=True` storages are mapped from the path, copy on write, and read when
    touched. With `weights_only=False` (None means True) the file may run any code: only for files you trust.
    Raises pickle.UnpicklingError for what a checkpoint may not contain, RuntimeError for a damaged archive,
    EOFError for an empty file.
    """
    if pickle_module not in (None, pickle):
        raise RuntimeError("load: only Python's own pickle can be the pickle_module; leave it out")
    safe = weights_only is None or bool(weights_only)
    if not is_path(f):
        if mmap:
            raise ValueError("load: f must be a file path in order to use the mmap argument")
        return load_file(check_file(f), None, map_location, safe)
    if os.fspath(f).endswith(".safetensors"):
        return safetensors.load_file(f)
    with open(f, "rb") as file:
        return load_file(file, os.fspath(f) if mmap else None, map_location, safe)


def check_file(f: Any) -> Any:
    """Return `f`, checked to be a file object that can be searched."""
    if not (hasattr(f, "read") and hasattr(f, "seek") and hasattr(f, "tell")):
        raise AttributeError(
            f"load: expected a path, or a file object with read, seek and tell, got {type(f).__name__}; "
            "read a stream into io.BytesIO first"
        )
    return f


def load_file(file: Any, mapped: str | None, map_location: MapLocation, safe: bool) -> Any:
    """Load from an open file; `mapped` is its path when storages are to be mapped; `safe`: allow-listed."""
    if not looks_like_zip(file):
        refuse_format(file)
    archive = ZipReader(file)
    if "constants.pkl" in archive:
        raise RuntimeError(
            "load: this is a TorchScript archive (torch.jit.save); Rushlight loads what torch.save wrote"
        )
    storages = Storages(archive, mapped, map_location)
    data = archive.read("data.pkl", MAX_PICKLE)
    if safe:
        return Unpickler(data, storages.load).load()
    return TrustingUnpickler(data, storages.load).load()


def refuse_format(file: Any) -> None:
    """Raise the error that says what a file is that is no zip archive."""
    position = file.tell()
    head = file.read(TAR_MAGIC_AT + len(TAR_MAGIC))
    file.seek(position)
    if not head:
        raise EOFError("load: the file is empty")
    if LEGACY_MAGIC in head[:32] or head[TAR_MAGIC_AT:] == TAR_MAGIC:
        raise RuntimeError(
            "load: this file has the format from before torch 1.6, which Rushlight does not read. Convert it "
            "once, where torch is installed and if you trust the file: torch.save(torch.load(old), new)"
        )
    raise pickle.UnpicklingError(
        f"load: the file is no checkpoint: it begins with {head[:8]!r}, not as a zip archive"
    )


class TrustingUnpickler(pickle.Unpickler):
    """Python's own unpickler, which runs whatever the file says: for `weights_only=False`."""

    def __init__(self, data: bytes, persistent_load: Callable[[Any], Any]) -> None:
        super().__init__(io.BytesIO(data))
        self.load_storage = persistent_load

    def persistent_load(self, pid: Any) -> Any:
        """Return the storage."""
        return self.load_storage(pid)

    def find_class(self, module: str, name: str) -> Any:
        """Return our own makers for torch's names; import everything else."""
        found = ALLOWED.get(f"{module}.{name}")
        return found if module.startswith("torch") and found is not None else super().find_class(module, name)


class Storages:
    """The storages of one archive, each read once, when a tensor first asks for it."""

    def __init__(self, archive: ZipReader, mapped: str | None, map_location: MapLocation) -> None:
        self.archive, self.mapped, self.map_location = archive, mapped, map_location
        self.swap = byte_order(archive) != sys.byteorder
        self.loaded: dict[str, tuple[np.ndarray, str]] = {}

    def load(self, pid: Any) -> Storage:
        """Return the storage that the tuple in the pickle names."""
        if type(pid) is not tuple or len(pid) != 5 or pid[0] != "storage" or type(pid[1]) is not StorageClass:
            raise wrong(f"it refers to {pid!r:.80} instead of a storage")
        _, cls, key, location, count = pid
        if type(key) is not str or type(location) is not str or not is_count(count):
            raise wrong(f"it names a storage by {pid[2:]!r:.80}")
        if key not in self.loaded:
            self.loaded[key] = self._read(key, cls.element, location)
        data, where = self.loaded[key]
        check_count(key, data, cls.element, count)
        return Storage(data, cls.element, where)

    def _read(self, key: str, element: str | None, location: str) -> tuple[np.ndarray, str]:
        data = self._map(key) if self.mapped else self.archive.array(f"data/{key}")
        if self.swap:
            data = swapped(data, element)
        return place(data, location, self.map_location)

    def _map(self, key: str) -> np.ndarray:
        record = self.archive.record(f"data/{key}")
        if record.size == 0 or self.mapped is None:
            return np.empty(0, np.uint8)
        return np.memmap(self.mapped, np.uint8, "c", record.start, (record.size,)).view(np.ndarray)


def check_count(key: str, data: np.ndarray, element: str | None, count: int) -> None:
    """Refuse a storage that claims another size than its record has."""
    width = 1 if element is None else numpy_dtype(element).itemsize
    if count != data.nbytes // width:
        raise corrupt(
            f"storage {key!r} claims {count} elements of {width} bytes, but its record has {data.nbytes}"
        )


def byte_order(archive: ZipReader) -> str:
    """Return 'little' or 'big': the archive's mark, or 'little' where it has none."""
    if "byteorder" not in archive:
        return "little"
    order = archive.read("byteorder", MAX_MARK).decode("ascii", "replace")
    if order not in ("little", "big"):
        raise ValueError(f"load: unknown byte order {order!r} in the file (little or big)")
    return order


def swapped(data: np.ndarray, element: str | None) -> np.ndarray:
    """Return the bytes in this machine's order; an untyped storage does not say how wide its elements are."""
    if element is None:
        raise RuntimeError(
            "load: this file was written on a machine of the other byte order, and holds untyped storages"
        )
    dtype = numpy_dtype(element)
    width = dtype.itemsize // (2 if dtype.kind == "c" or element == "complex32" else 1)
    return data[: data.size // width * width].reshape(-1, width)[:, ::-1].reshape(-1).copy()


def place(data: np.ndarray, location: str, map_location: MapLocation) -> tuple[np.ndarray, str]:
    """Return the storage and where it lives, as `map_location` wants it."""
    if callable(map_location):
        found: Any = map_location(data, location)
        data = data if found is None else found
        wanted = location if found is None else "cpu"
    elif isinstance(map_location, dict):
        wanted = str(map_location.get(location, location))
    else:
        wanted = location if map_location is None else str(map_location)
    return data, reachable(wanted, location)


def reachable(wanted: str, saved: str) -> str:
    """Return the location, refused unless this build can compute there."""
    if wanted.split(":")[0] not in ("cpu", "meta"):
        raise RuntimeError(
            f"load: a tensor was saved on {saved!r} and should go to {wanted!r}, but this build has the CPU "
            "only; pass map_location='cpu'"
        )
    return wanted
