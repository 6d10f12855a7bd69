"""Readers of classic image files, into NumPy arrays: IDX (MNIST and its kin) and CIFAR's binary records."""

import gzip
import math
from os import PathLike, fspath
from pathlib import Path

import numpy as np

# The third byte of an IDX file: the element type, stored big-endian (http://yann.lecun.com/exdb/mnist/).
IDX_DTYPES = {0x08: "u1", 0x09: "i1", 0x0B: ">i2", 0x0C: ">i4", 0x0D: ">f4", 0x0E: ">f8"}
CIFAR_IMAGE = (3, 32, 32)


def read_idx(path: str | PathLike[str]) -> np.ndarray:
    """The array in an IDX file, plain or gzipped, in the machine's byte order.

    Raises ValueError where the file is not IDX, ends early or goes on too long.
    """
    data = read_bytes(path)
    if len(data) < 4 or data[:2] != b"\0\0" or data[2] not in IDX_DTYPES:
        raise ValueError(
            f"read_idx: {fspath(path)} is not an IDX file: it starts with {data[:4].hex(' ')}, "
            "and an IDX file with 00 00, a type code (08: bytes) and the number of dimensions"
        )
    header = 4 + 4 * data[3]
    if len(data) < header:
        raise ValueError(f"read_idx: {fspath(path)} is cut off in its header: {len(data)} of {header} bytes")
    shape = tuple(np.frombuffer(data, ">u4", data[3], 4).tolist())
    dtype = np.dtype(IDX_DTYPES[data[2]])
    expected = header + math.prod(shape) * dtype.itemsize
    if len(data) != expected:
        raise ValueError(
            f"read_idx: {fspath(path)} should have {expected} bytes for shape {shape} of "
            f"{dtype.newbyteorder('=')}, and has {len(data)}: was the download cut off?"
        )
    return np.frombuffer(data, dtype, offset=header).reshape(shape).astype(dtype.newbyteorder("="))


def read_cifar(path: str | PathLike[str]) -> tuple[np.ndarray, np.ndarray]:
    """Images (N, 3, 32, 32) and labels (N,), both uint8, of a CIFAR-10 binary file (`data_batch_1.bin`)."""
    (labels,), images = _cifar_records(path, [10], "read_cifar")
    return images, labels


def read_cifar100(path: str | PathLike[str]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Images (N, 3, 32, 32), fine and coarse labels (N,), all uint8, of a CIFAR-100 file (`train.bin`)."""
    (coarse, fine), images = _cifar_records(path, [20, 100], "read_cifar100")
    return images, fine, coarse


def _cifar_records(path: str | PathLike[str], classes: list[int], name: str) -> tuple[np.ndarray, np.ndarray]:
    """Label columns (one for each entry of `classes`) and images: a record is its labels, then 3072 bytes."""
    data = read_bytes(path)
    width = len(classes) + math.prod(CIFAR_IMAGE)
    if not data or len(data) % width:
        raise ValueError(
            f"{name}: {fspath(path)} has {len(data)} bytes, which is no whole number of records "
            f"of {width}: is it cut off, or another format than the binary one?"
        )
    records = np.frombuffer(data, np.uint8).reshape(-1, width)
    labels, images = records[:, : len(classes)].T, records[:, len(classes) :]
    if (labels.max(axis=1) >= classes).any():
        raise ValueError(
            f"{name}: {fspath(path)} has labels up to {labels.max(axis=1).tolist()}, "
            f"and there are {classes} classes: is it a file of the other CIFAR?"
        )
    return labels.copy(), images.reshape(-1, *CIFAR_IMAGE).copy()


def read_bytes(path: str | PathLike[str]) -> bytes:
    """A file's bytes, unpacked where it is gzipped. Raises ValueError where that is cut off or damaged."""
    data = Path(path).read_bytes()
    if data[:2] != b"\x1f\x8b":
        return data
    try:
        return gzip.decompress(data)
    except (EOFError, OSError) as error:
        raise ValueError(f"{fspath(path)}: the gzip data is damaged or cut off ({error})") from error
