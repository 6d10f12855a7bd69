"""Checkpoints of real tensors: what `rushlight.save` and `rushlight.load` do for a user."""

import io
import sys

import numpy as np
import pytest

import rushlight as rl
from rushlight.io import safetensors
from rushlight.tensor import Parameter


def through(obj, **options):
    buffer = io.BytesIO()
    rl.save(obj, buffer)
    buffer.seek(0)
    return rl.load(buffer, **options)


def test_tensors_parameters_sizes_dtypes(tmp_path):
    x = rl.arange(12.0).reshape(3, 4)
    weight = Parameter(rl.ones(2, 3, dtype=rl.bfloat16))
    weight.tag = "kept"
    x.note = [1]
    obj = {"x": x, "xt": x.t(), "w": weight, "again": weight, "grad": rl.ones(2, requires_grad=True)}
    obj |= {"size": x.shape, "dtype": rl.float16, "device": x.device}
    path = tmp_path / "a.pt"
    rl.save(obj, path)
    back = rl.load(path)
    assert back["x"].tolist() == x.tolist()
    assert back["xt"].stride() == (1, 4)
    assert back["x"].untyped_storage() == back["xt"].untyped_storage()
    assert type(back["w"]) is Parameter
    assert back["w"] is back["again"]
    assert (back["w"].dtype, back["w"].requires_grad) == (rl.bfloat16, True)
    assert (back["w"].tag, back["x"].note) == ("kept", [1])
    assert back["grad"].requires_grad and back["grad"].is_leaf
    assert type(back["size"]) is rl.Size
    assert (back["size"], back["dtype"], back["device"]) == (x.shape, rl.float16, x.device)


def test_meta_tensors():
    pytest.importorskip("rushlight.arrays.meta")
    back = through(rl.empty(2, 3, device="meta", dtype=rl.int8))
    assert back.is_meta
    assert (back.shape, back.dtype) == ((2, 3), rl.int8)


def test_gradients_and_their_bookkeeping_are_not_saved():
    x = rl.ones(3, requires_grad=True)
    y = x * 2
    y.retain_grad()
    y.sum().backward()
    back = through([x, y.detach(), y])
    assert [t.requires_grad for t in back] == [True, False, True]
    assert all(t.is_leaf and t.grad is None for t in back)
    (back[0] * 3).sum().backward()
    assert back[0].grad.tolist() == [3.0, 3.0, 3.0]


def test_a_loaded_tensor_is_written_in_place_through_its_views():
    base = rl.zeros(6)
    a, b = through([base.narrow(0, 0, 4), base.narrow(0, 2, 4)])
    a.narrow(0, 3, 1).add_(7.0)
    assert b.tolist() == [0.0, 7.0, 0.0, 0.0]


def test_whether_a_tensor_is_a_parameter_is_a_quick_question(monkeypatch):
    # The search for the nearest name must not be asked. (rl.tensor is a function: the module by its name.)
    monkeypatch.setattr(sys.modules["rushlight.tensor"], "missing", None)
    tensor = rl.ones(2)
    assert not isinstance(tensor, Parameter)
    tensor._is_param = True
    assert isinstance(tensor, Parameter)


def test_unpickled_names_are_ours():
    with pytest.raises(rl.io.serialization.pickle.UnpicklingError, match="add_safe_globals"):
        through(np.random.default_rng(0))


def test_safetensors(tmp_path):
    path = tmp_path / "a.safetensors"
    state = {"w": rl.arange(6.0).reshape(2, 3).t(), "b": rl.ones(3, dtype=rl.bfloat16), "n": rl.tensor(3)}
    safetensors.save_file(state, path)
    back = rl.load(path)
    assert {k: v.dtype for k, v in back.items()} == {k: v.dtype for k, v in state.items()}
    assert {k: v.tolist() for k, v in back.items()} == {k: v.tolist() for k, v in state.items()}


def test_torch_reads_ours_and_we_read_torchs():
    torch = pytest.importorskip("torch")
    x = rl.arange(6.0).reshape(2, 3)
    buffer = io.BytesIO()
    rl.save({"x": x.narrow(1, 1, 2), "p": Parameter(x), "i": rl.tensor([1, 2])}, buffer)
    buffer.seek(0)
    theirs = torch.load(buffer, weights_only=True)
    assert theirs["x"].tolist() == x.narrow(1, 1, 2).tolist()
    assert isinstance(theirs["p"], torch.nn.Parameter)
    buffer = io.BytesIO()
    torch.save(theirs, buffer)
    buffer.seek(0)
    back = rl.load(buffer)
    assert type(back["p"]) is Parameter
    assert {k: v.tolist() for k, v in back.items()} == {k: v.tolist() for k, v in theirs.items()}
