"""The safetensors format: a JSON header, then the tensors' bytes. It cannot hold code.

Layout: 8 bytes little-endian header length; the header, a JSON object from names to {dtype, shape,
data_offsets}; the data, without gaps. Specification: https://github.com/huggingface/safetensors. Everything
the header says is checked before memory is taken.
"""

from __future__ import annotations

import collections
import io
import json
import math
import os
import sys
from collections.abc import Iterable, Mapping
from typing import Any, BinaryIO, NamedTuple

import numpy as np

from rushlight.io.adapter import bridge
from rushlight.io.atomic import PathLike, replacing
from rushlight.io.names import numpy_dtype

MAX_HEADER = 100_000_000  # bytes; the limit of the reference implementation

#: the format's names of dtypes
DTYPES = {
    "BOOL": "bool",
    "U8": "uint8",
    "I8": "int8",
    "F8_E5M2": "float8_e5m2",
    "F8_E4M3": "float8_e4m3fn",
    "F8_E8M0": "float8_e8m0fnu",
    "F8_E5M2FNUZ": "float8_e5m2fnuz",
    "F8_E4M3FNUZ": "float8_e4m3fnuz",
    "I16": "int16",
    "U16": "uint16",
    "F16": "float16",
    "BF16": "bfloat16",
    "I32": "int32",
    "U32": "uint32",
    "F32": "float32",
    "C64": "complex64",
    "F64": "float64",
    "I64": "int64",
    "U64": "uint64",
}
CODES = {name: code for code, name in DTYPES.items()}


class SafetensorsError(ValueError):
    """The file, or what should be written, breaks a rule of the format."""


class Entry(NamedTuple):
    """One tensor of the header: offsets count from the first byte after it."""

    name: str
    dtype: np.dtype
    shape: tuple[int, ...]
    begin: int
    end: int


# -- write -----------------------------------------------------------------------------------------------


def save_file(
    tensors: Mapping[str, Any], filename: PathLike, metadata: Mapping[str, str] | None = None
) -> None:
    """Write a dict of tensors to a file, which is replaced only when everything is written.

    `metadata` is a dict of strings. Raises SafetensorsError for tensors that share memory: the format cannot
    say so, and would silently untie them.
    """
    arrays = contiguous(tensors)
    head = header(arrays, metadata)
    with replacing(filename) as file:
        file.write(head)
        for array in arrays.values():
            file.write(array.reshape(-1).view(np.uint8).data)


def save_bytes(tensors: Mapping[str, Any], metadata: Mapping[str, str] | None = None) -> bytes:
    """Return the file's bytes instead of writing them."""
    arrays = contiguous(tensors)
    return header(arrays, metadata) + b"".join(array.tobytes() for array in arrays.values())


def contiguous(tensors: Mapping[str, Any]) -> dict[str, np.ndarray]:
    """Return contiguous little-endian arrays, widest elements first (so all are aligned), then by name."""
    refuse_sharing(tensors)
    arrays = {name: plain_array(name, tensor) for name, tensor in tensors.items()}
    order = sorted(arrays, key=lambda name: (-arrays[name].itemsize, name))
    return {name: arrays[name] for name in order}


def array_of(tensor: Any) -> np.ndarray | None:
    """Return the array of a tensor or an array; None for all else."""
    if isinstance(tensor, np.ndarray):
        return tensor
    parts = bridge().parts(tensor)
    return None if parts is None or parts.is_meta else parts.array


def plain_array(name: Any, tensor: Any) -> np.ndarray:
    """Return the tensor's elements as they are written."""
    array = array_of(tensor)
    if type(name) is not str or name == "__metadata__" or array is None:
        raise SafetensorsError(
            f"save_file: expected names and tensors with data, got {name!r}: {type(tensor).__name__}"
        )
    if array.dtype.name not in CODES:
        raise SafetensorsError(f"save_file: safetensors has no dtype for {array.dtype} ({name!r})")
    little = array.astype(array.dtype.newbyteorder("<"), copy=False) if sys.byteorder == "big" else array
    native = (
        little
        if little.dtype.isnative or sys.byteorder == "big"
        else little.astype(little.dtype.newbyteorder("="))
    )
    return np.ascontiguousarray(native).reshape(array.shape)


def refuse_sharing(tensors: Mapping[str, Any]) -> None:
    """Raise SafetensorsError where two tensors overlap in memory."""
    arrays = [
        (name, array)
        for name, tensor in tensors.items()
        if (array := array_of(tensor)) is not None and array.size
    ]
    spans = sorted((*np.lib.array_utils.byte_bounds(array), str(name)) for name, array in arrays)
    end, last = 0, ""
    for low, high, name in spans:
        if low < end:
            raise SafetensorsError(
                f"save_file: {last!r} and {name!r} share memory, which safetensors cannot express; "
                "leave one out, or save a clone of it"
            )
        end, last = high, name


def header(arrays: Mapping[str, np.ndarray], metadata: Mapping[str, str] | None) -> bytes:
    """Return the length and the JSON header, padded with spaces to a multiple of 8 bytes."""
    content: dict[str, Any] = {"__metadata__": checked_metadata(metadata)} if metadata else {}
    begin = 0
    for name, array in arrays.items():
        end = begin + array.nbytes
        content[name] = {
            "dtype": CODES[array.dtype.name],
            "shape": list(array.shape),
            "data_offsets": [begin, end],
        }
        begin = end
    text = json.dumps(content, separators=(",", ":"), ensure_ascii=False).encode()
    text += b" " * (-len(text) % 8)
    return len(text).to_bytes(8, "little") + text


def checked_metadata(metadata: Any) -> dict[str, str]:
    """Return the metadata, refused unless it is a dict of strings."""
    if not isinstance(metadata, Mapping) or not all(
        type(k) is str and type(v) is str for k, v in metadata.items()
    ):
        raise SafetensorsError("safetensors metadata must map str to str")
    return dict(metadata)


# -- read ------------------------------------------------------------------------------------------------


def load_file(filename: PathLike, names: Iterable[str] | None = None) -> dict[str, Any]:
    """Return the file's tensors by name, or only those in `names` (the others are not read).

    Raises SafetensorsError for a header that breaks the format's rules, KeyError for an unknown name.
    """
    with open(filename, "rb") as file:
        entries, _, start = read_header(file)
        wanted = entries if names is None else {name: entries[name] for name in names}
        return {name: read_tensor(file, entry, start) for name, entry in wanted.items()}


def load_bytes(data: bytes) -> dict[str, Any]:
    """Return the tensors of a file's bytes."""
    file = io.BytesIO(data)
    entries, _, start = read_header(file)
    return {name: read_tensor(file, entry, start) for name, entry in entries.items()}


def load_metadata(filename: PathLike) -> dict[str, str]:
    """Return the file's metadata, without reading any tensor."""
    with open(filename, "rb") as file:
        return read_header(file)[1]


def read_tensor(file: Any, entry: Entry, start: int) -> Any:
    """Return one tensor; each has memory of its own."""
    file.seek(start + entry.begin)
    data = bytearray(file.read(entry.end - entry.begin))
    array = np.frombuffer(data, entry.dtype.newbyteorder("<")) if data else np.empty(0, entry.dtype)
    if entry.dtype.kind == "b" and array.view(np.uint8).max(initial=0) > 1:
        raise SafetensorsError(f"the tensor {entry.name!r} has dtype BOOL and bytes other than 0 and 1")
    return bridge().tensor(array.astype(entry.dtype, copy=False).reshape(entry.shape), False)


def read_header(file: BinaryIO | Any) -> tuple[dict[str, Entry], dict[str, str], int]:
    """Return the checked entries, the metadata, and where the data start."""
    file.seek(0, os.SEEK_END)
    size = file.tell()
    file.seek(0)
    length = int.from_bytes(file.read(8), "little")
    if size < 8 or length > MAX_HEADER or length > size - 8:
        raise SafetensorsError(
            f"the header claims {length} bytes; the file has {size} (at most {MAX_HEADER} are allowed)"
        )
    content = parse(file.read(length))
    metadata = checked_metadata(content.pop("__metadata__", {}))
    entries = {name: entry(name, value) for name, value in content.items()}
    check_layout(entries.values(), size - 8 - length)
    return entries, metadata, 8 + length


def parse(text: bytes) -> dict[str, Any]:
    """Return the header's JSON object; a key that occurs twice is an error, not the last one's."""
    if not text.startswith(b"{"):
        raise SafetensorsError("the header does not begin with '{'")
    try:
        content = json.loads(text.decode("utf-8"), object_pairs_hook=unique, parse_constant=refuse_constant)
    except SafetensorsError:
        raise
    except (ValueError, RecursionError) as error:
        raise SafetensorsError(f"the header is no valid JSON: {error}") from error
    return content


def unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Make a dict, refusing a key that occurs twice."""
    found = dict(pairs)
    if len(found) != len(pairs):
        twice = collections.Counter(name for name, _ in pairs).most_common(1)[0][0]
        raise SafetensorsError(f"the header has the key {twice!r:.80} twice")
    return found


def refuse_constant(name: str) -> None:
    """Refuse NaN and Infinity, which JSON does not have."""
    raise SafetensorsError(f"the header contains {name}")


def entry(name: str, value: Any) -> Entry:
    """Return one checked entry of the header."""
    if not isinstance(value, dict) or set(value) != {"dtype", "shape", "data_offsets"}:
        raise SafetensorsError(
            f"the entry of {name!r:.80} does not have exactly dtype, shape and data_offsets"
        )
    code, shape, offsets = value["dtype"], value["shape"], value["data_offsets"]
    if not isinstance(code, str) or code not in DTYPES:
        raise SafetensorsError(f"the tensor {name!r:.80} has the unknown dtype {code!r:.40}")
    if not naturals(shape) or not naturals(offsets) or len(offsets) != 2 or len(shape) > 64:
        raise SafetensorsError(f"the tensor {name!r:.80} has an impossible shape or offsets")
    dtype, (begin, end) = numpy_dtype(DTYPES[code]), offsets
    needed = math.prod(shape) * dtype.itemsize
    if math.prod(max(n, 1) for n in shape) >= 1 << 60 or end - begin != needed:
        raise SafetensorsError(
            f"the tensor {name!r:.80} of shape {shape} needs {needed} bytes; its offsets give {end - begin}"
        )
    return Entry(name, dtype, tuple(shape), begin, end)


def naturals(values: Any) -> bool:
    """Whether `values` is a list of integers that are not negative."""
    return isinstance(values, list) and all(type(v) is int and 0 <= v < 1 << 63 for v in values)


def check_layout(entries: Iterable[Entry], size: int) -> None:
    """Refuse gaps and overlaps: the tensors must fill the data exactly, so nothing can hide in the file."""
    at = 0
    for item in sorted(entries, key=lambda e: (e.begin, e.end)):
        if item.begin != at:
            what = "overlaps the one before" if item.begin < at else "leaves a gap before it"
            raise SafetensorsError(
                f"the tensor {item.name!r:.80} begins at byte {item.begin} and {what} (at {at})"
            )
        at = item.end
    if at != size:
        raise SafetensorsError(f"the tensors need {at} bytes of data, the file has {size}")
