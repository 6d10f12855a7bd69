"""TensorBoard reads ours as it reads PyTorch's; we read what PyTorch and tensorboardX write."""

import inspect
from pathlib import Path

import numpy as np
import pytest

from rushlight.board import Writer

from .calls import CALLS, bytes_of
from .peers import as_shown, beside, differences, rushlight_reads, tensorboard_reads
from .table import BY_EYE, HEAD, THEIR_CALLS, rows, written

peer = pytest.importorskip("torch.utils.tensorboard")
pytest.importorskip("PIL")
pytest.importorskip("matplotlib")
torch = pytest.importorskip("torch")


def named(call):
    return call.make.__name__ if call.note else call.method


@pytest.mark.parametrize("call", [c for c in CALLS if c.method not in BY_EYE], ids=named)
def test_tensorboard_reads_ours_as_torchs(call, tmp_path):
    ours = written(tmp_path / "ours", Writer, call)
    theirs = written(tmp_path / "theirs", peer.SummaryWriter, call)
    found = tensorboard_reads(ours)
    assert found or beside(ours)
    assert differences(tensorboard_reads(theirs), found) == []
    assert differences({("", ""): beside(theirs)}, {("", ""): beside(ours)}) == []


@pytest.mark.parametrize("call", CALLS, ids=named)
def test_we_read_ours_as_tensorboard_does(call, tmp_path):
    ours = written(tmp_path / "ours", Writer, call)
    assert differences(as_shown(tensorboard_reads(ours)), as_shown(rushlight_reads(ours))) == []


@pytest.mark.parametrize("call", [c for c in CALLS if c.method != "add_video"], ids=named)
def test_we_read_torchs_as_tensorboard_does(call, tmp_path):
    theirs = written(tmp_path / "theirs", peer.SummaryWriter, call)
    assert differences(as_shown(tensorboard_reads(theirs)), as_shown(rushlight_reads(theirs))) == []


@pytest.mark.parametrize("call", THEIR_CALLS, ids=named)
def test_we_read_tensorboardxs_as_tensorboard_does(call, tmp_path):
    tensorboardx = pytest.importorskip("tensorboardX")
    theirs = written(tmp_path / "theirs", tensorboardx.SummaryWriter, call)
    assert differences(as_shown(tensorboard_reads(theirs)), as_shown(rushlight_reads(theirs))) == []


def test_every_method_of_torchs_is_there_with_its_parameters():
    for name, theirs in inspect.getmembers(peer.SummaryWriter, inspect.isfunction):
        if name.startswith("_") or name == "add_graph":
            continue
        mine = inspect.signature(getattr(Writer, name)).parameters
        for parameter in inspect.signature(theirs).parameters.values():
            got = mine[parameter.name]
            assert (got.kind, got.default) == (parameter.kind, parameter.default), (name, parameter)
        assert list(mine) == list(inspect.signature(theirs).parameters), name


def test_the_calls_are_all_calls():
    public = {name for name in dir(peer.SummaryWriter) if name.startswith("add_")}
    assert public - {call.method for call in CALLS} == {"add_graph", "add_onnx_graph"}


@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
def test_halves_of_torch(dtype, tmp_path):
    values = torch.tensor([1.0, -2.5, 0.0, 3e-3]).to(getattr(torch, dtype))
    for make_writer in (peer.SummaryWriter, Writer):
        folder = tmp_path / make_writer.__name__
        with make_writer(str(folder)) as writer:
            writer.add_tensor("x", values)
        ((_, _, found),) = rushlight_reads(folder)[".", "x"]["tensors"]
        assert found.dtype.name == dtype
        np.testing.assert_array_equal(found.astype(np.float32), values.float().numpy())


def test_boxes_are_where_torch_draws_them(tmp_path):
    (call,) = [c for c in CALLS if c.method == "add_image_with_boxes"]
    ours, theirs = (
        tensorboard_reads(written(tmp_path / make.__name__, make, call))
        for make in (Writer, peer.SummaryWriter)
    )
    assert ours.keys() == theirs.keys()
    for key in ours:
        ((*mine, (a,)),), ((*other, (b,)),) = ours[key]["images"], theirs[key]["images"]
        assert mine == other and a.shape == b.shape
        far = np.abs(a.astype(int) - b.astype(int)).max(2) > 8
        assert far.mean() < 0.02, key


def test_video_is_drawn_as_torch_arranges_it(tmp_path):
    """PyTorch writes GIFs with moviepy; what it would give it, we write."""
    from torch.utils.tensorboard._utils import _prepare_video

    for count in (1, 2, 3, 5):
        video = bytes_of(count, 4, 3, 6, 5) // 128 * 255  # few colours: exact
        with Writer(tmp_path / str(count)) as writer:
            writer.add_video("video", video, fps=10)
        ((_, _, width, height, frames),) = tensorboard_reads(tmp_path / str(count))[".", "video"]["images"]
        expected = (_prepare_video(video) * 255).clip(0, 255).astype(np.uint8)
        np.testing.assert_array_equal(np.stack(frames), expected)
        assert (height, width) == expected.shape[1:3]


def test_the_table_of_the_docs_is_what_comes_out():
    pytest.importorskip("tensorboardX")
    text = (Path(__file__).parents[3] / "docs" / "board_writer.md").read_text(encoding="utf-8")
    found = list(rows())
    assert "FAIL" not in "".join(found) and len(found) == len(CALLS)
    assert "\n".join([HEAD, *found]) in text
