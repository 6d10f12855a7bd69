"""The readers of IDX and CIFAR files: files written here by hand, whole and damaged."""

import gzip
import struct

import numpy as np
import pytest

from rushlight.data.readers import IDX_DTYPES, read_cifar, read_cifar100, read_idx


def idx_bytes(array: np.ndarray) -> bytes:
    """An IDX file, written as its description says."""
    code = {np.dtype(text).newbyteorder("="): code for code, text in IDX_DTYPES.items()}[array.dtype]
    header = struct.pack(f">BBBB{array.ndim}I", 0, 0, code, array.ndim, *array.shape)
    return header + array.astype(array.dtype.newbyteorder(">")).tobytes()


@pytest.mark.parametrize("dtype", ["uint8", "int8", "int16", "int32", "float32", "float64"])
@pytest.mark.parametrize("shape", [(3,), (4, 5, 6), (0, 28, 28), (2, 1, 1, 2), ()])
@pytest.mark.parametrize("pack", [bytes, gzip.compress])
def test_idx_round_trip(tmp_path, dtype, shape, pack):
    array = np.random.default_rng(0).normal(0, 50, shape).astype(dtype)
    path = tmp_path / "file"
    path.write_bytes(pack(idx_bytes(array)))
    read = read_idx(path)
    assert read.dtype == array.dtype and read.dtype.isnative and read.flags.writeable
    np.testing.assert_array_equal(read, array, strict=True)


def test_idx_takes_a_path_as_text(tmp_path):
    (tmp_path / "labels").write_bytes(bytes([0, 0, 8, 1, 0, 0, 0, 2, 7, 9]))
    assert read_idx(str(tmp_path / "labels")).tolist() == [7, 9]


WHOLE = idx_bytes(np.arange(12, dtype=np.uint8).reshape(3, 4))
DAMAGED_IDX = {
    "empty": (b"", "not an IDX file"),
    "another format": (b"\x89PNG\r\n\x1a\n", r"not an IDX file: it starts with 89 50 4e 47"),
    "unknown type": (b"\0\0\x0a\x01" + WHOLE[4:], "not an IDX file"),
    "cut in the header": (WHOLE[:9], "cut off in its header: 9 of 12 bytes"),
    "cut in the data": (WHOLE[:-1], r"should have 24 bytes for shape \(3, 4\) of uint8, and has 23"),
    "too long": (WHOLE + b"\0", "and has 25"),
    "cut in the gzip data": (gzip.compress(WHOLE)[:-9], "gzip data is damaged or cut off"),
    "damaged gzip data": (b"\x1f\x8b" + bytes(40), "gzip data is damaged or cut off"),
}


@pytest.mark.parametrize("data, message", DAMAGED_IDX.values(), ids=DAMAGED_IDX.keys())
def test_damaged_idx_is_refused(tmp_path, data, message):
    path = tmp_path / "train-images"
    path.write_bytes(data)
    with pytest.raises(ValueError, match=message) as error:
        read_idx(path)
    assert str(path) in str(error.value)


@pytest.mark.parametrize("pack", [bytes, gzip.compress])
def test_cifar_round_trip(tmp_path, pack):
    rng = np.random.default_rng(1)
    images = rng.integers(0, 256, (5, 3, 32, 32), np.uint8)
    labels = np.array([0, 9, 3, 3, 1], np.uint8)
    path = tmp_path / "data_batch_1.bin"
    path.write_bytes(pack(b"".join(bytes([y]) + x.tobytes() for x, y in zip(images, labels))))
    read = read_cifar(path)
    np.testing.assert_array_equal(read[0], images, strict=True)
    np.testing.assert_array_equal(read[1], labels, strict=True)


def test_cifar100_round_trip(tmp_path):
    images = np.random.default_rng(2).integers(0, 256, (3, 3, 32, 32), np.uint8)
    coarse, fine = [19, 0, 4], [99, 1, 40]
    path = tmp_path / "train.bin"
    path.write_bytes(b"".join(bytes([c, f]) + x.tobytes() for x, c, f in zip(images, coarse, fine)))
    read = read_cifar100(path)
    np.testing.assert_array_equal(read[0], images, strict=True)
    assert read[1].tolist() == fine and read[2].tolist() == coarse


DAMAGED_CIFAR = {
    "empty": (b"", "has 0 bytes"),
    "cut off": (bytes(3073 * 2 - 1), "has 6145 bytes, which is no whole number of records of 3073"),
    "the other CIFAR": (bytes([11]) + bytes(3072), r"labels up to \[11\], and there are \[10\] classes"),
}


@pytest.mark.parametrize("data, message", DAMAGED_CIFAR.values(), ids=DAMAGED_CIFAR.keys())
def test_damaged_cifar_is_refused(tmp_path, data, message):
    path = tmp_path / "test_batch.bin"
    path.write_bytes(data)
    with pytest.raises(ValueError, match=message):
        read_cifar(path)
