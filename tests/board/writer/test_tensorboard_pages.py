"""TensorBoard's own server gives its page the same JSON for our run as for PyTorch's."""

import numpy as np
import pytest

from rushlight.board import Writer

from .calls import CALLS
from .peers import Page, picture, same
from .table import written

pytest.importorskip("tensorboard")
pytest.importorskip("matplotlib")
peer = pytest.importorskip("torch.utils.tensorboard")
LEFT = {"add_video", "add_image_with_boxes"}  # see test_peers
LEFT |= {f"add_custom_scalars_{x}chart" for x in ("margin", "multiline")}  # a run has one layout


@pytest.fixture(scope="module")
def page(tmp_path_factory):
    root = tmp_path_factory.mktemp("runs")
    for call in CALLS:
        if call.method not in LEFT:
            written(root / "ours", Writer, call)
            written(root / "theirs", peer.SummaryWriter, call)
    return Page(root)


def tags(page, plugin, run):
    """{a sub-run's name: its tags} of ours or theirs."""
    found = page.get(f"plugin/{plugin}/tags")
    return {name.partition("/")[2]: set(of) for name, of in found.items() if name.partition("/")[0] == run}


def timeless(answer):
    """Without wall times and addresses, which differ."""
    if isinstance(answer, dict):
        return {
            k: timeless(x) for k, x in answer.items() if k not in ("wall_time", "query", "blob_key", "cont")
        }
    return [timeless(x) for x in answer] if isinstance(answer, list) else answer


SERIES = {"scalars": "scalars", "histograms": "histograms", "distributions": "distributions"}
SERIES |= {"text": "text", "pr_curves": "pr_curves", "images": "images", "audio": "audio", "mesh": "meshes"}


@pytest.mark.parametrize("plugin", SERIES)
def test_series(page, plugin):
    found = tags(page, plugin, "ours")
    assert found and found == tags(page, plugin, "theirs")
    for below, names in found.items():
        for tag in names:
            answers = []
            for run in ("ours", "theirs"):
                name = f"{run}/{below}" if below else run
                answer = page.get(f"plugin/{plugin}/{SERIES[plugin]}", run=name, tag=tag, sample=0)
                if plugin in ("scalars", "histograms"):  # lists that begin with the wall time
                    answer = [row[1:] for row in answer]
                if plugin == "pr_curves":
                    answer = answer[name]
                answers.append(timeless(answer))
            assert answers[0] and same(*answers), tag


def test_pictures(page):
    for tag in tags(page, "images", "ours")[""]:
        shown = []
        for run in ("ours", "theirs"):
            (one,) = page.get("plugin/images/images", run=run, tag=tag, sample=0)[-1:]
            shown.append(picture(page.get(f"plugin/images/individualImage?{one['query']}")))
        assert same(*shown), tag


def test_sound(page):
    for tag in tags(page, "audio", "ours")[""]:
        shown = []
        for run in ("ours", "theirs"):
            (one,) = page.get("plugin/audio/audio", run=run, tag=tag, sample=0)
            shown.append(page.get(f"plugin/audio/individualAudio?{one['query']}"))
        assert shown[0][:4] == b"RIFF" and shown[0] == shown[1]


def test_meshes(page):
    for kind in ("VERTEX", "FACE", "COLOR"):
        shown = [
            page.get("plugin/mesh/data", run=run, tag="full", content_type=kind, sample=0, step=1)
            for run in ("ours", "theirs")
        ]
        assert len(shown[0]) >= 12 and shown[0] == shown[1]


def test_custom_scalars(page):
    layout = page.get("plugin/custom_scalars/layout")
    assert [c["title"] for c in layout["category"]] and "nasdaq" in str(layout)


def test_hyperparameters(page):
    page.post("plugin/hparams/experiment", {})
    answer = page.post(
        "plugin/hparams/session_groups",
        {"startIndex": 0, "sliceSize": 100, "allowedStatuses": ["STATUS_SUCCESS"], "colParams": []},
    )
    groups = {
        run: sorted(
            str(sorted(g["hparams"].items())) for g in answer["sessionGroups"] if g["name"].startswith(run)
        )
        for run in ("ours", "theirs")
    }
    assert len(groups["ours"]) == 2 and groups["ours"] == groups["theirs"]


def test_embeddings(page):
    assert {"ours", "theirs"} <= set(page.get("plugin/projector/runs"))
    for name in ("default:00000", "a/b%c:00003"):
        shown = [
            np.frombuffer(page.get("plugin/projector/tensor", run=run, name=name), np.float32)
            for run in ("ours", "theirs")
        ]
        assert len(shown[0]) == 50 and same(*shown)
        shown = [page.get("plugin/projector/metadata", run=run, name=name) for run in ("ours", "theirs")]
        assert shown[0] == shown[1]
    shown = [
        page.get("plugin/projector/sprite_image", run=run, name="a/b%c:00003") for run in ("ours", "theirs")
    ]
    assert same(*map(picture, shown))
