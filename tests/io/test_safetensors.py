"""safetensors: round trips, the rules of the header, and both directions against the reference package."""

import itertools
import json
import os
import sys
from pathlib import Path

import numpy as np
import pytest

from rushlight.io import load
from rushlight.io import safetensors as st
from rushlight.io.adapter import use
from rushlight.io.names import numpy_dtype

sys.path.insert(0, str(Path(__file__).parent))
from stand_in import Plain, StandIn, raw, sample  # noqa: E402


@pytest.fixture(autouse=True)
def stand_in():
    with use(StandIn()):
        yield


def everything():
    """Return one tensor of every dtype, and some shapes."""
    tensors = {f"of {name}": Plain(sample(name)) for name in st.DTYPES.values()}
    shapes = {"scalar": (), "empty": (0,), "empty 2": (3, 0, 2), "one": (1, 1, 1)}
    tensors |= {key: Plain(np.zeros(shape, np.float32)) for key, shape in shapes.items()}
    tensors["transposed ü"] = Plain(np.arange(6.0).reshape(2, 3).T)
    return tensors


def agree(found, wanted):
    assert set(found) == set(wanted)
    for key, tensor in wanted.items():
        assert found[key].a.dtype == tensor.a.dtype
        assert found[key].a.shape == tensor.a.shape
        assert raw(found[key].a) == raw(tensor.a)


def test_round_trip(tmp_path):
    path = tmp_path / "a.safetensors"
    st.save_file(everything(), path, {"format": "pt", "note": "ü"})
    agree(st.load_file(path), everything())
    agree(load(path), everything())
    agree(st.load_bytes(path.read_bytes()), everything())
    assert path.read_bytes() == st.save_bytes(everything(), {"format": "pt", "note": "ü"})
    assert st.load_metadata(path) == {"format": "pt", "note": "ü"}
    assert all(tensor.a.flags.writeable for tensor in st.load_file(path).values())
    assert os.listdir(tmp_path) == ["a.safetensors"]


def test_plain_arrays_names_and_nothing(tmp_path):
    path = tmp_path / "a.safetensors"
    st.save_file({"a": np.arange(3), "b": np.ones(2)}, path)
    assert list(st.load_file(path, ["b"])) == ["b"]
    with pytest.raises(KeyError):
        st.load_file(path, ["c"])
    assert st.load_metadata(path) == {}
    st.save_file({}, path)
    assert st.load_file(path) == {}


def test_data_are_aligned():
    data = st.save_bytes({"a": np.ones(3, np.uint8), "b": np.ones(3), "c": np.ones(1, np.float32)})
    length = int.from_bytes(data[:8], "little")
    assert length % 8 == 0
    for entry in json.loads(data[8 : 8 + length]).values():
        assert entry["data_offsets"][0] % st.numpy_dtype(st.DTYPES[entry["dtype"]]).itemsize == 0


def test_what_cannot_be_written():
    base = np.arange(6.0)
    for tensors, message in (
        ({"a": base, "b": base[2:]}, "share memory"),
        ({"a": np.ones(2, np.complex128)}, "no dtype"),
        ({"a": [1, 2]}, "list"),
        ({3: base}, "3"),
        ({"__metadata__": base}, "__metadata__"),
    ):
        with pytest.raises(st.SafetensorsError, match=message):
            st.save_bytes(tensors)
    with pytest.raises(st.SafetensorsError, match="str to str"):
        st.save_bytes({"a": base}, {"n": 1})  # type: ignore[dict-item]
    assert st.load_bytes(st.save_bytes({"a": base[:2], "b": base[2:]}))["b"].a[0] == 2


def test_a_failed_write_leaves_the_old_file(tmp_path):
    path = tmp_path / "a.safetensors"
    st.save_file({"a": np.ones(2)}, path)
    before = path.read_bytes()
    with pytest.raises(st.SafetensorsError):
        st.save_file({"a": "no tensor"}, path)
    assert path.read_bytes() == before


def test_every_truncation_is_an_error():
    data = st.save_bytes({"a": np.arange(5.0), "b": np.ones(3, np.int16)})
    for end in range(len(data)):
        with pytest.raises(st.SafetensorsError):
            st.load_bytes(data[:end])
    with pytest.raises(st.SafetensorsError, match="file has"):
        st.load_bytes(data + b"x")


def test_bool_bytes():
    data = bytearray(st.save_bytes({"a": np.ones(3, bool)}))
    data[-1] = 2
    with pytest.raises(st.SafetensorsError, match="BOOL"):
        st.load_bytes(bytes(data))


# -- the reference package -----------------------------------------------------------------------------------


def same_bits(found, wanted):
    """Compare one of our tensors with a torch tensor."""
    import torch

    assert str(wanted.dtype) == f"torch.{found.a.dtype.name}"
    assert tuple(wanted.shape) == found.a.shape
    assert wanted.contiguous().flatten().view(torch.uint8).numpy().tobytes() == raw(found.a)


def test_reference_reads_ours(tmp_path):
    reference = pytest.importorskip("safetensors.torch")
    safetensors = pytest.importorskip("safetensors")
    pytest.importorskip("torch")
    path = tmp_path / "a.safetensors"
    known = everything()
    st.save_file(known, path, {"format": "pt"})
    theirs = reference.load_file(path)
    assert set(theirs) == set(known)
    for key, tensor in known.items():
        same_bits(tensor, theirs[key])
    with safetensors.safe_open(path, "np") as opened:
        assert opened.metadata() == {"format": "pt"}


def test_we_read_the_references(tmp_path):
    reference = pytest.importorskip("safetensors.torch")
    torch = pytest.importorskip("torch")
    path = tmp_path / "a.safetensors"
    theirs = {
        f"{name} {shape}": torch.arange(int(np.prod(shape))).reshape(shape).to(getattr(torch, name))
        for name, shape in itertools.product(st.DTYPES.values(), [(), (5,), (2, 3), (0, 2)])
        if name != "float8_e8m0fnu"
    }
    reference.save_file(theirs, path, {"a": "ü"})
    ours = st.load_file(path)
    assert set(ours) == set(theirs)
    for key, tensor in theirs.items():
        same_bits(ours[key], tensor)
    assert st.load_metadata(path) == {"a": "ü"}


def test_both_refuse_the_same_headers(tmp_path):
    """Header by header: where the reference refuses, so do we (we may be stricter, never laxer)."""
    reference = pytest.importorskip("safetensors.numpy")
    good = {"dtype": "F32", "shape": [2], "data_offsets": [0, 8]}
    changes = [
        {},
        {"dtype": "F33"},
        {"dtype": "F64"},
        {"shape": [3]},
        {"shape": [-2]},
        {"shape": [2.0]},
        {"shape": [2**62, 2**62, 4]},
        {"shape": 2},
        {"data_offsets": [0, 7]},
        {"data_offsets": [4, 12]},
        {"data_offsets": [8, 0]},
        {"data_offsets": [0, 8, 8]},
        {"data_offsets": [-8, 0]},
        {"data_offsets": [0, 2**64]},
        {"extra": 1},
    ]
    refused = 0
    for change in changes:
        text = json.dumps({"a": good | change}).encode()
        data = len(text).to_bytes(8, "little") + text + bytes(8)
        try:
            reference.load(data)
        except Exception:
            refused += 1
            with pytest.raises(st.SafetensorsError):
                st.load_bytes(data)
    assert refused >= len(changes) - 3


def test_names_of_dtypes_are_the_references():
    pytest.importorskip("safetensors")
    table = pytest.importorskip("safetensors.torch")._TYPES
    for code, dtype in table.items():
        if code in st.DTYPES:
            assert str(dtype) == f"torch.{st.DTYPES[code]}"
            assert numpy_dtype(st.DTYPES[code]).itemsize == dtype.itemsize
    assert set(table) - set(st.DTYPES) <= {"F4", "F6_E2M3", "F6_E3M2", "C128"}
