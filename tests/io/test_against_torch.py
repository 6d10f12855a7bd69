"""Checkpoints in both directions: torch reads ours, we read torch's."""

import collections
import io
import itertools
import pickle
import sys
from pathlib import Path

import numpy as np
import pytest

from rushlight import dtypes
from rushlight.device import device
from rushlight.io import (
    load,
    save,
)
from rushlight.io.adapter import use
from rushlight.io.names import DTYPE_NAMES
from rushlight.io.storages import owner

sys.path.insert(0, str(Path(__file__).parent))
from stand_in import LAYOUTS, Meta, Param, Plain, Size, StandIn, raw, same, sample, to_torch  # noqa: E402


@pytest.fixture(autouse=True)
def stand_in():
    with use(StandIn()):
        yield


# -- torch -----------------------------------------------------------------------------------------------


def torch_reads(torch, obj):
    buffer = io.BytesIO()
    save(obj, buffer)
    buffer.seek(0)
    return torch.load(buffer, weights_only=True)


def we_read(torch, obj, **options):
    buffer = io.BytesIO()
    torch.save(obj, buffer, **options)
    buffer.seek(0)
    return load(buffer)


@pytest.mark.filterwarnings("ignore:ComplexHalf")
@pytest.mark.parametrize("name", DTYPE_NAMES)
def test_torch_reads_ours(name):
    torch = pytest.importorskip("torch")
    base = sample(name)
    ours = {key: Plain(np.asarray(view(base))) for key, view in LAYOUTS.items()}
    ours |= {f"alone {key}": Plain(np.asarray(view(sample(name)))) for key, view in LAYOUTS.items()}
    for key, theirs in torch_reads(torch, ours).items():
        same(ours[key], theirs)


@pytest.mark.filterwarnings("ignore:ComplexHalf")
@pytest.mark.parametrize("name", DTYPE_NAMES)
def test_we_read_torchs(name):
    torch = pytest.importorskip("torch")
    base = to_torch(torch, sample(name))
    theirs = {
        "contiguous": base,
        "transposed": base.t(),
        "slice": base[1:, ::2],
        "scalar": base[1, 2],
        "expanded": base[:1].expand(5, 4),
        "empty": base[:, :0],
        "clone": base.clone(),
        "unsqueezed": base[:, None, 1:],
    }
    ours = we_read(torch, theirs)
    for key, tensor in theirs.items():
        same(ours[key], tensor)
    shared = [owner(ours[key].a) for key in ("contiguous", "transposed", "slice", "scalar")]
    assert all(one is shared[0] for one in shared)


def test_sharing_survives_in_torch():
    torch = pytest.importorskip("torch")
    base = np.arange(12.0)
    tied = Param(base[2:4])
    a, b, c, d, e = torch_reads(
        torch, [Plain(base[1:5]), Plain(base[3:]), Plain(base.view(np.int64)[4:6]), tied, tied]
    )
    a[2] = -1
    assert b[0] == -1
    assert a.storage_offset() == 0
    assert b.storage_offset() == 2
    b[1] = 1.0
    assert c.tolist() == [np.float64(1).view(np.int64), np.float64(5).view(np.int64)]
    assert d is e
    assert d[1] == -1


def test_containers_in_both_directions():
    torch = pytest.importorskip("torch")
    values = {
        "list": [1, -2, 2**40, 2**70, 2.5, None, True, "ü", (1,), b"ab\xff", bytearray(b"x"), 1 + 2j, {1, 2}],
        "ordered": collections.OrderedDict(b=1, a=2),
        "counter": collections.Counter("aab"),
        ("k", 1): {2: {}},
    }
    assert torch_reads(torch, values) == values
    assert we_read(torch, values) == values
    mine = torch_reads(torch, [Size((2, 3)), dtypes.float8_e5m2, device("cpu"), dtypes.int64])
    assert mine == [torch.Size((2, 3)), torch.float8_e5m2, torch.device("cpu"), torch.int64]
    theirs = we_read(torch, [torch.Size((2, 3)), torch.float8_e5m2, torch.device("cpu"), torch.int64])
    assert theirs == [Size((2, 3)), dtypes.float8_e5m2, device("cpu"), dtypes.int64]
    assert type(theirs[0]) is Size


@pytest.mark.parametrize("protocol", [2, 3, 4, 5])
def test_we_read_every_pickle_protocol(protocol):
    torch = pytest.importorskip("torch")
    values = [{"a": (1, b"x" * 300, "y" * 300, {3}, frozenset([4]), 2.5, bytearray(b"z"), 10**400)}]
    back = we_read(torch, [torch.ones(2), values], pickle_protocol=protocol)
    assert raw(back[0].a) == raw(np.ones(2, np.float32))
    assert back[1] == values


def test_models_and_optimizers_of_torch():
    torch = pytest.importorskip("torch")
    torch.manual_seed(0)
    model = torch.nn.Sequential(torch.nn.Conv2d(1, 2, 3), torch.nn.BatchNorm2d(2), torch.nn.LSTM(2, 2))
    optimizer = torch.optim.Adam(model.parameters(), amsgrad=True)
    sum(p.sum() for p in model.parameters()).backward()
    optimizer.step()
    theirs = {
        "model": model.state_dict(),
        "optimizer": optimizer.state_dict(),
        "list": list(model.parameters()),
    }
    ours = we_read(torch, theirs)
    assert list(ours["model"]) == list(theirs["model"])
    assert ours["model"]._metadata == theirs["model"]._metadata
    for key, tensor in theirs["model"].items():
        same(ours["model"][key], tensor)
    for parameter, wanted in zip(ours["list"], theirs["list"], strict=True):
        assert type(parameter) is Param
        same(parameter, wanted)
    for index, state in theirs["optimizer"]["state"].items():
        for key, tensor in state.items():
            same(ours["optimizer"]["state"][index][key], tensor)
    assert ours["optimizer"]["param_groups"] == theirs["optimizer"]["param_groups"]
    again = torch_reads(torch, ours)
    model.load_state_dict(again["model"])
    optimizer.load_state_dict(again["optimizer"])


def test_lazy_bits_attributes_and_meta_of_torch():
    torch = pytest.importorskip("torch")
    z = torch.tensor([1 + 2j, 3 - 4j])
    tagged = torch.nn.Parameter(torch.ones(2))
    tagged.tag = "x"
    noted = torch.ones(2)
    noted.note = 1
    ours = we_read(
        torch,
        [z.conj(), z.clone().conj().imag, tagged, noted, torch.empty(2, 3, device="meta", dtype=torch.int8)],
    )
    assert raw(ours[0].a) == raw(np.array([1 - 2j, 3 + 4j], np.complex64))
    assert raw(ours[1].a) == raw(np.array([-2, 4], np.float32))
    assert (type(ours[2]), ours[2].tag, ours[3].note) == (Param, "x", 1)
    assert (type(ours[4]), ours[4].a.shape, ours[4].a.dtype) == (Meta, (2, 3), np.dtype(np.int8))
    mine = [Param(np.ones(2, np.float32)), Plain(np.ones(2)), Meta(np.ones((2, 3), np.int8))]
    mine[0].tag, mine[1].note = "x", 1
    theirs = torch_reads(torch, mine)
    assert (theirs[0].tag, theirs[1].note) == ("x", 1)
    assert theirs[2].is_meta


def test_what_we_do_not_have_yet_is_named():
    torch = pytest.importorskip("torch")
    with pytest.raises(pickle.UnpicklingError, match="no sparse"):
        we_read(torch, torch.eye(2).to_sparse())


def test_legacy_files_of_torch_are_recognised():
    torch = pytest.importorskip("torch")
    with pytest.raises(RuntimeError, match=r"before torch 1\.6"):
        we_read(torch, torch.ones(2), _use_new_zipfile_serialization=False)


def test_torch_maps_and_computes_offsets_of_ours(tmp_path):
    torch = pytest.importorskip("torch")
    path = tmp_path / "ours.pt"
    obj = [Plain(np.arange(n, dtype=np.float32)) for n in (5, 0, 100, 17, 1)]
    save(obj, path)
    for mine, theirs in zip(obj, torch.load(path, mmap=True), strict=True):
        same(mine, theirs)
    data = path.read_bytes()
    for mine, theirs in zip(obj, torch.load(path, map_location="meta"), strict=True):
        at = theirs.untyped_storage()._checkpoint_offset
        assert data[at : at + mine.a.nbytes] == raw(mine.a)


def test_we_read_files_that_torch_wrote_to_a_path(tmp_path):
    torch = pytest.importorskip("torch")
    path = tmp_path / "theirs.v1.pt"
    torch.save({"w": torch.arange(1000.0)}, path)
    for mmap in (False, True):
        assert raw(load(path, mmap=mmap)["w"].a) == raw(np.arange(1000, dtype=np.float32))


def test_random_views_in_both_directions():
    torch = pytest.importorskip("torch")
    rng = np.random.default_rng(0)
    for _ in range(60):
        base = rng.integers(0, 100, tuple(rng.integers(1, 5, 3))).astype(rng.choice(["f4", "i8", "u1", "f2"]))
        cuts = [
            tuple(slice(int(rng.integers(0, n + 1)), None, int(rng.integers(1, 3))) for n in base.shape)
            for _ in range(3)
        ]
        orders = [rng.permutation(3) for _ in range(3)]
        ours = [Plain(base[cut].transpose(order)) for cut, order in zip(cuts, orders, strict=True)]
        for mine, theirs in zip(ours, torch_reads(torch, ours), strict=True):
            same(mine, theirs)
        theirs = [
            torch.from_numpy(base)[cut].permute(*map(int, order))
            for cut, order in zip(cuts, orders, strict=True)
        ]
        for mine, wanted in zip(we_read(torch, theirs), theirs, strict=True):
            same(mine, wanted)


def test_options_product_of_parameters():
    torch = pytest.importorskip("torch")
    for grad, parameter in itertools.product([False, True], repeat=2):
        mine = (Param if parameter else Plain)(np.ones(2, np.float32), grad)
        theirs = torch_reads(torch, mine)
        assert isinstance(theirs, torch.nn.Parameter) == parameter
        assert theirs.requires_grad == grad
        back = we_read(torch, theirs)
        assert (type(back), back.requires_grad) == (type(mine), grad)
