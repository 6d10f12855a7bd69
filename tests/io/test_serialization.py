"""Checkpoints: round trips, shared and trimmed storage, files and paths."""

import collections
import io
import os
import pickle
import stat
import subprocess
import sys
import tracemalloc
import zipfile
from pathlib import Path

import ml_dtypes
import numpy as np
import pytest

from rushlight import dtypes
from rushlight.device import device
from rushlight.io import (
    add_safe_globals,
    clear_safe_globals,
    get_safe_globals,
    load,
    safe_globals,
    save,
    zipwriter,
)
from rushlight.io.adapter import use
from rushlight.io.names import DTYPE_NAMES
from rushlight.io.storages import owner

sys.path.insert(0, str(Path(__file__).parent))
from stand_in import LAYOUTS, Meta, Param, Plain, Size, StandIn, raw, sample, through  # noqa: E402


@pytest.fixture(autouse=True)
def stand_in():
    with use(StandIn()):
        yield


# -- round trips -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", DTYPE_NAMES)
def test_every_dtype_and_layout_comes_back(name):
    base = sample(name)
    obj = {key: Plain(np.asarray(view(base))) for key, view in LAYOUTS.items()}
    obj |= {f"alone {key}": Plain(np.asarray(view(sample(name)))) for key, view in LAYOUTS.items()}
    back = through(obj)
    for key, tensor in obj.items():
        assert back[key].a.dtype == tensor.a.dtype
        assert back[key].a.shape == tensor.a.shape
        assert raw(back[key].a) == raw(tensor.a)
        assert back[key].a.flags.writeable


def test_containers_come_back_with_their_types():
    obj = {
        "plain": [
            1,
            -2,
            2**40,
            2**70,
            -(2**70),
            2.5,
            float("inf"),
            None,
            True,
            False,
            "text ü \ud800",
            (),
            (1,),
            (1, 2),
        ],
        "bytes": (b"", b"abc\xff", bytearray(b"x\xff"), bytearray()),
        "numbers": (1 + 2j, (1, 2, 3, 4)),
        1: {2.5: {True: None}},
        (1, "a"): "tuple key",
        "set": {1, "a"},
        "frozen": frozenset([1, 2]),
        "ordered": collections.OrderedDict([("b", 1), ("a", 2)]),
        "counter": collections.Counter("abca"),
        "default": collections.defaultdict(list, {"k": [1]}),
        "dtype": dtypes.bfloat16,
        "device": device("cuda", 1),
        "size": Size((2, 3)),
    }
    back = through(obj)
    assert back == obj
    for key, value in obj.items():
        assert type(back[key]) is type(value)
    assert back["default"].default_factory is list
    assert back["dtype"] is dtypes.bfloat16
    assert list(back["ordered"]) == ["b", "a"]


def test_cycles_and_identity():
    a = [1]
    a.append(a)
    tensor = Plain(np.ones(2))
    back = through({"loop": a, "one": tensor, "two": tensor})
    assert back["loop"][1] is back["loop"]
    assert back["one"] is back["two"]


def test_numpy_arrays_and_scalars():
    obj = {
        "f4": np.arange(6, dtype=np.float32).reshape(2, 3),
        "fortran": np.asfortranarray(np.arange(6).reshape(2, 3)),
        "scalar": np.float64(2.5),
        "int scalar": np.int16(3),
        "text": np.array(["a", "bcd"]),
        "bytes": np.array([b"a", b"bcd"]),
        "big endian": np.arange(3, dtype=">i4"),
        "dtype": np.dtype("<f8"),
        "bool": np.array([True, False]),
        "empty": np.zeros((0, 2)),
    }
    back = through(obj)
    for key, value in obj.items():
        assert type(back[key]) is type(value)
        if isinstance(value, np.ndarray):
            assert back[key].dtype == pickle.loads(pickle.dumps(value)).dtype  # native byte order
        assert np.array_equal(back[key], value)


def test_parameters_attributes_and_meta():
    parameter = Param(np.ones(2, np.float32))
    tagged = Param(np.ones(2, np.float32), requires_grad=False)
    tagged.tag = {"why": [1]}
    tensor = Plain(np.ones(2), requires_grad=True)
    tensor.note = "x"
    back = through([parameter, tagged, tensor, Meta(np.ones((2, 3), np.int8)), parameter])
    assert [type(t) for t in back] == [Param, Param, Plain, Meta, Param]
    assert [t.requires_grad for t in back] == [True, False, True, False, True]
    assert back[1].tag == {"why": [1]}
    assert back[2].note == "x"
    assert back[3].a.shape == (2, 3)
    assert back[3].a.dtype == np.int8
    assert back[4] is back[0]


def test_state_dict_metadata_comes_back():
    state = collections.OrderedDict(weight=Plain(np.ones(2)))
    state._metadata = collections.OrderedDict([("", {"version": 1})])
    back = through(state)
    assert back._metadata == state._metadata


# -- shared storage and trimming -------------------------------------------------------------------------


def test_views_of_one_storage_stay_views_of_one_storage():
    base = np.arange(12.0)
    back = through([Plain(base[2:8].reshape(2, 3)), Plain(base[4:10]), Plain(base[11:])])
    assert owner(back[0].a) is owner(back[1].a) is owner(back[2].a)
    back[0].a[1, 0] = 99
    assert back[1].a[1] == 99
    assert [raw(t.a) for t in back[1:]] == [raw(np.r_[4.0, 99, 6:10]), raw(base[11:])]


def test_mixed_dtypes_over_one_storage():
    base = np.arange(6, dtype=np.float32)
    back = through([Plain(base), Plain(base.view(np.int32)[2:4]), Plain(base.view(np.uint8)[3:7])])
    assert [t.a.dtype for t in back] == [np.float32, np.int32, np.uint8]
    back[0].a[2] = -1
    assert back[1].a[0] == np.float32(-1).view(np.int32)
    assert raw(back[2].a) == base.tobytes()[3:7]


def test_narrow_view_before_a_wide_one():
    base = np.arange(16, dtype=np.uint8)
    back = through([Plain(base[6:12].view(np.uint8)), Plain(base[8:16].view(np.float32))])
    assert raw(back[0].a) == bytes(range(6, 12))
    assert raw(back[1].a) == bytes(range(8, 16))


def size_of(obj):
    buffer = io.BytesIO()
    save(obj, buffer)
    return len(buffer.getvalue())


def test_a_saved_slice_holds_only_what_it_reaches():
    secret = np.full(1_000_000, 7.0)
    assert size_of(Plain(secret[10:20])) < 3000
    assert size_of([Plain(secret[10:20]), Plain(secret[100:200])]) < 5000
    assert size_of(Plain(np.broadcast_to(secret[:1], (10**9,)))) < 3000


def test_gaps_between_the_elements_are_zero():
    secret = np.full((50, 50), 7.0)
    secret[:, 3] = 1
    buffer = io.BytesIO()
    save(Plain(secret[:, 3]), buffer)
    assert np.float64(7).tobytes() not in buffer.getvalue()
    buffer.seek(0)
    back = load(buffer).a
    assert back.strides == (400,)
    assert raw(back) == raw(np.ones(50))


def test_contiguous_storage_is_written_without_a_copy():
    big = Plain(np.zeros((1000, 1000)).T)
    with open(os.devnull, "wb") as null:
        tracemalloc.start()
        save(big, null)
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
    assert peak < 1_000_000


def test_foreign_layouts_are_copied():
    base = np.arange(12.0)
    record = np.zeros(3, [("a", "u1"), ("b", "<f8")])
    record["b"] = 5
    back = through([Plain(base[::-1]), Plain(base.astype(">f8")), Plain(record["b"])])
    assert [raw(t.a) for t in back] == [raw(base[::-1]), raw(base), raw(np.full(3, 5.0))]


def test_unsupported_dtype_is_refused():
    with pytest.raises(TypeError, match="torch has no dtype for float128|longdouble"):
        save(Plain(np.ones(2, np.longdouble)), io.BytesIO())


# -- paths, files, mmap, map_location --------------------------------------------------------------------


def test_paths_and_file_objects(tmp_path):
    path = tmp_path / "a.pt"
    for target in (path, str(path)):
        save(Plain(np.ones(3)), target)
        assert raw(load(target).a) == raw(np.ones(3))
    assert zipfile.ZipFile(path).namelist()[0] == "a/data.pkl"
    with open(path, "wb") as file:
        save([1], file)
    with open(path, "rb") as file:
        assert load(file) == [1]
    assert os.listdir(tmp_path) == ["a.pt"]


class OnlyReads:
    """A file object without readinto, that gives a few bytes at a time."""

    def __init__(self, data):
        self.inner = io.BytesIO(data)
        self.seek, self.tell = self.inner.seek, self.inner.tell

    def read(self, count=-1):
        return self.inner.read(min(count, 1000) if count > 4096 else count)


def test_file_objects_that_only_read():
    buffer = io.BytesIO()
    save(Plain(np.arange(5000.0)), buffer)
    assert raw(load(OnlyReads(buffer.getvalue())).a) == raw(np.arange(5000.0))


class Explodes:
    """Fails while it is pickled."""

    def __reduce__(self):
        raise OSError("disk full")


class FailingWriter(zipwriter.ZipWriter):
    def close(self):
        raise OSError("disk full")


def test_a_write_that_is_cut_off_never_replaces_a_good_file(tmp_path, monkeypatch):
    path = tmp_path / "a.pt"
    save("good", path)
    before = path.read_bytes()
    with pytest.raises(OSError, match="disk full"):
        save([Plain(np.ones(5)), Explodes()], path)
    monkeypatch.setattr("rushlight.io.serialization.ZipWriter", FailingWriter)
    with pytest.raises(OSError, match="disk full"):
        save(Plain(np.ones(1000)), path)
    assert path.read_bytes() == before
    assert os.listdir(tmp_path) == ["a.pt"]


def test_a_killed_process_leaves_the_good_file(tmp_path):
    path = tmp_path / "a.pt"
    save("good", path)
    code = (
        f"import os, sys; sys.path[:0] = {[str(Path(__file__).parents[2]), str(Path(__file__).parent)]!r}\n"
        "from rushlight.io import adapter, save, zipwriter; from stand_in import StandIn\n"
        "zipwriter.ZipWriter.close = lambda self: (self.file.flush(), os._exit(9))\n"
        f"with adapter.use(StandIn()): save('bad', {str(path)!r})"
    )
    assert subprocess.run([sys.executable, "-c", code]).returncode == 9
    assert len(os.listdir(tmp_path)) == 2  # what was written until then
    assert load(path) == "good"


def test_links_and_permissions_are_kept(tmp_path):
    path, link = tmp_path / "a.pt", tmp_path / "latest.pt"
    save(1, path)
    path.chmod(0o640)
    link.symlink_to(path)
    save(2, link)
    assert link.is_symlink()
    assert load(path) == 2
    assert stat.S_IMODE(path.stat().st_mode) == 0o640


def test_missing_directory():
    with pytest.raises(RuntimeError, match="parent directory .* does not exist"):
        save(1, "/nowhere/at/all.pt")


def test_wrong_targets():
    with pytest.raises(TypeError, match="path or a file object"):
        save(1, 3)
    with pytest.raises(AttributeError, match="BytesIO"):
        load(3)
    with pytest.raises(FileNotFoundError):
        load("/nowhere/at/all.pt")
    with pytest.raises(ValueError, match="protocol"):
        save(1, io.BytesIO(), pickle_protocol=4)
    with pytest.raises(ValueError, match="zip format"):
        save(1, io.BytesIO(), _use_new_zipfile_serialization=False)
    with pytest.raises(RuntimeError, match="pickle_module"):
        load(io.BytesIO(), pickle_module=io)


def test_mmap(tmp_path):
    path = tmp_path / "a.pt"
    obj = {
        "a": Plain(np.arange(10000.0)),
        "b": Plain(np.ones(3, ml_dtypes.bfloat16)),
        "e": Plain(np.empty(0)),
    }
    save(obj, path)
    before = path.read_bytes()
    back = load(path, mmap=True)
    assert all(raw(back[k].a) == raw(obj[k].a) for k in obj)
    back["a"].a[0] = 5  # copy on write
    assert path.read_bytes() == before
    save(back, tmp_path / "b.pt")
    assert raw(load(tmp_path / "b.pt")["a"].a) == raw(back["a"].a)
    with pytest.raises(ValueError, match="file path"):
        load(io.BytesIO(before), mmap=True)


def test_map_location():
    buffer = io.BytesIO()
    save(Plain(np.ones(2)), buffer)
    seen = []
    for where in ("cpu", device("cpu"), {"cpu": "cpu"}, lambda storage, location: seen.append(location)):
        buffer.seek(0)
        assert raw(load(buffer, map_location=where).a) == raw(np.ones(2))
    assert seen == ["cpu"]
    buffer.seek(0)
    with pytest.raises(RuntimeError, match="'cuda:0'.*map_location='cpu'"):
        load(buffer, map_location="cuda:0")


# -- zip64: the fields for large files, exercised on small ones ------------------------------------------


def test_zip64_fields(monkeypatch):
    monkeypatch.setattr(zipwriter, "LIMIT32", 500)
    buffer = io.BytesIO()
    save([Plain(np.arange(1000.0)), Plain(np.ones(3))], buffer)
    monkeypatch.undo()
    buffer.seek(0)
    assert raw(load(buffer)[0].a) == raw(np.arange(1000.0))
    torch = pytest.importorskip("torch")
    buffer.seek(0)
    assert torch.equal(torch.load(buffer)[0], torch.arange(1000, dtype=torch.float64))


def test_many_records():
    tensors = [Plain(np.full(1, float(i))) for i in range(300)]
    assert [t.a[0] for t in through(tensors)] == list(range(300))


# -- the user's own classes ------------------------------------------------------------------------------


class Config:
    """A class a user might save."""

    def __init__(self, width):
        self.width = width

    def __eq__(self, other):
        return vars(self) == vars(other)

    __hash__ = None


class Slotted:
    __slots__ = ("width",)


def test_safe_globals():
    slotted = Slotted()
    slotted.width = 4
    with pytest.raises(pickle.UnpicklingError, match=r"Config`.*add_safe_globals"):
        through(Config(3))
    with safe_globals([Config, Slotted]):
        assert through(Config(3)) == Config(3)
        assert through(slotted).width == 4
        assert get_safe_globals() == [Config, Slotted]
    assert get_safe_globals() == []
    add_safe_globals([(Config, "elsewhere.Other")])
    try:
        with pytest.raises(pickle.UnpicklingError, match="Config"):
            through(Config(3))
    finally:
        clear_safe_globals()


def test_malformed_safe_globals():
    for item, error in (((Config,), ValueError), ((Config, 3), TypeError)):
        with safe_globals([item]), pytest.raises(error):
            through(1)


def test_weights_only_false_makes_any_object():
    back = through({"config": Config(3), "w": Param(np.ones(2)), "f": len}, weights_only=False)
    assert back["config"] == Config(3)
    assert type(back["w"]) is Param
    assert back["f"] is len
