"""Damaged, foreign and old checkpoints: each is one clear error."""

import collections
import io
import pickle
import sys
import zipfile
from pathlib import Path

import ml_dtypes
import numpy as np
import pytest

from rushlight.io import (
    load,
    save,
)
from rushlight.io.adapter import use

sys.path.insert(0, str(Path(__file__).parent))
from stand_in import Plain, StandIn, raw  # noqa: E402


@pytest.fixture(autouse=True)
def stand_in():
    with use(StandIn()):
        yield


# -- damage ----------------------------------------------------------------------------------------------


def good_bytes():
    buffer = io.BytesIO()
    save({"w": Plain(np.arange(100.0)), "n": 3}, buffer)
    return buffer.getvalue()


def test_every_truncation_is_an_error():
    data = good_bytes()
    for end in range(0, len(data), 37):
        with pytest.raises((RuntimeError, EOFError, pickle.UnpicklingError)):
            load(io.BytesIO(data[:end]))


def test_every_damaged_byte_is_an_error_or_harmless():
    data, outcomes = good_bytes(), collections.Counter()
    for at in range(0, len(data), 11):
        bad = bytearray(data)
        bad[at] ^= 0xFF
        try:
            back = load(io.BytesIO(bytes(bad)))
        except (RuntimeError, EOFError, ValueError, pickle.UnpicklingError):
            outcomes["error"] += 1
        else:
            assert raw(back["w"].a) == raw(np.arange(100.0))
            outcomes["harmless"] += 1
    assert outcomes["error"] > outcomes["harmless"]


def test_empty_and_foreign_files():
    with pytest.raises(EOFError, match="empty"):
        load(io.BytesIO())
    with pytest.raises(pickle.UnpicklingError, match="no checkpoint"):
        load(io.BytesIO(b"hello, world"))
    with pytest.raises(RuntimeError, match="damaged"):
        load(io.BytesIO(b"PK\3\4hello"))


def test_files_from_before_torch_1_6_are_recognised():
    magic = pickle.dumps(0x1950A86A20F9469CFC6C, protocol=2)
    with pytest.raises(RuntimeError, match=r"before torch 1\.6.*Convert"):
        load(io.BytesIO(magic + pickle.dumps(1001, protocol=2)))
    with pytest.raises(RuntimeError, match=r"before torch 1\.6"):
        load(io.BytesIO(b"storages".ljust(257, b"\0") + b"ustar\0" + bytes(249)))


def rezip(data, change, compression=zipfile.ZIP_STORED):
    """Write the archive again, each record passed through `change(name, bytes)`; None leaves it out."""
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(data)) as old, zipfile.ZipFile(out, "w", compression) as new:
        for name in old.namelist():
            content = change(name, old.read(name))
            if content is not None:
                new.writestr(name, content)
    out.seek(0)
    return out


def test_a_storage_of_the_wrong_size_is_refused():
    for other in (b"", b"\0" * 792, b"\0" * 808):
        with pytest.raises(RuntimeError, match=r"claims 100 elements"):
            load(
                rezip(good_bytes(), lambda name, old, other=other: other if name.endswith("data/0") else old)
            )


def test_a_missing_record_is_named():
    for record in ("data.pkl", "data/0"):
        with pytest.raises(RuntimeError, match=f"no record '{record}'"):
            load(rezip(good_bytes(), lambda name, old, r=record: None if name.endswith(r) else old))


def test_torchscript_is_recognised():
    data = rezip(good_bytes(), lambda name, old: old)
    with zipfile.ZipFile(data, "a") as archive:
        archive.writestr("archive/constants.pkl", b"")
    data.seek(0)
    with pytest.raises(RuntimeError, match="TorchScript"):
        load(data)


def test_other_byte_order_is_swapped():
    big = {"f": np.arange(5.0), "c": np.array([1 + 2j], np.complex64), "b": np.ones(2, ml_dtypes.bfloat16)}
    buffer = io.BytesIO()
    save({key: Plain(value.copy()) for key, value in big.items()}, buffer)
    swaps = {b"f": 8, b"c": 4, b"b": 2}
    widths = dict(zip(("data/0", "data/1", "data/2"), swaps.values()))

    def swap(name, old):
        width = widths.get(name.partition("/")[2])
        if width:
            return np.frombuffer(old, np.uint8).reshape(-1, width)[:, ::-1].tobytes()
        return {"little": b"big"}.get(old.decode("latin1"), old)

    back = load(rezip(buffer.getvalue(), swap))
    assert all(raw(back[key].a) == raw(value) for key, value in big.items())


def test_unknown_and_untyped_byte_order():
    with pytest.raises(ValueError, match="byte order 'middle'"):
        load(rezip(good_bytes(), lambda name, old: b"middle" if name.endswith("byteorder") else old))
    buffer = io.BytesIO()
    save(Plain(np.ones(2, np.uint16)), buffer)
    with pytest.raises(RuntimeError, match="other byte order"):
        load(rezip(buffer.getvalue(), lambda name, old: b"big" if name.endswith("byteorder") else old))
