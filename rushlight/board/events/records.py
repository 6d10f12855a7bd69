"""Records: how an event file keeps messages apart and tells what is damaged (TFRecord's format)."""

from __future__ import annotations

import struct
from collections.abc import Iterator, Sequence

import numpy as np

from ...kernels import native

FILE_VERSION = "brain.Event:2"  # what the first record of every event file says


def masked_crc(data: bytes) -> int:
    """The crc32c of bytes, masked as records store it (a crc of bytes that hold crcs would be weak)."""
    return int(masked_crcs([data])[0])


def masked_crcs(parts: Sequence[bytes]) -> np.ndarray:
    """The masked crc32c of each of `parts`: uint32."""
    if not native.on():
        return np.array([_slow_masked_crc(part) for part in parts], np.uint32)
    from ...kernels import checksums

    bounds = np.zeros(len(parts) + 1, np.int64)
    np.cumsum([len(part) for part in parts], out=bounds[1:])
    out = np.empty(len(parts), np.uint32)
    whole = np.frombuffer(b"".join(parts) or b"\0", np.uint8)
    checksums.checksums()(len(parts), max(len(parts), 1), out, whole, bounds, checksums.table())
    return out


def frame(payloads: Sequence[bytes]) -> bytes:
    """The records of these messages, one behind the other."""
    lengths = [struct.pack("<Q", len(payload)) for payload in payloads]
    crcs = masked_crcs([*lengths, *payloads]).astype("<u4").tobytes()
    n = len(payloads)
    words = [crcs[4 * k : 4 * k + 4] for k in range(2 * n)]
    parts = [part for k in range(n) for part in (lengths[k], words[k], payloads[k], words[n + k])]
    return b"".join(parts)


def records(data: bytes) -> Iterator[bytes]:
    """The messages of a file's bytes up to the first that is torn. Raises ValueError for a damaged one."""
    at = 0
    while at + 16 <= len(data):
        (length,) = struct.unpack_from("<Q", data, at)
        if struct.unpack_from("<I", data, at + 8)[0] != masked_crc(data[at : at + 8]):
            raise ValueError(f"byte {at}: a record's length does not match its checksum; the file is damaged")
        end = at + 12 + length
        if end + 4 > len(data):
            return
        payload = data[at + 12 : end]
        if struct.unpack_from("<I", data, end)[0] != masked_crc(payload):
            raise ValueError(f"byte {at}: a record of {length} bytes does not match its checksum")
        yield payload
        at = end + 4


def _slow_masked_crc(data: bytes) -> int:
    from ...kernels.checksums import table

    words, crc = table()[0].tolist(), 0xFFFFFFFF
    for byte in data:
        crc = crc >> 8 ^ words[(crc ^ byte) & 0xFF]
    crc ^= 0xFFFFFFFF
    return (crc >> 15 | crc << 17) + 0xA282EAD8 & 0xFFFFFFFF
