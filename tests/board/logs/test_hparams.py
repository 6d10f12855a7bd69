"""Hyperparameters as others write them."""

import math

import pytest

from rushlight.board.logs.hparams import END, EXPERIMENT, START, read_experiment, read_session
from rushlight.board.logs.store import Store
from tests.board.hparams import end, experiment, start


def contents(folder):
    """The contents of the entries of each run that has any."""
    store = Store(folder)
    for _ in range(3):
        store.poll()
    runs = {name: run.entries.get("hparams", {}) for name, run in store.runs.items()}
    return {name: {t: e.content for t, e in entries.items()} for name, entries in runs.items() if entries}


def test_our_own_bytes():
    values = {"lr": 0.1, "opt": "adam <b>", "flag": True, "none": None}
    session = read_session({START: start(values, group="g", when=5.0), END: end(2)})
    assert (session.values, session.group, session.started, session.status) == (values, "g", 5.0, "failure")
    found = read_experiment({EXPERIMENT: experiment([("lr", 3)], [("acc", "valid")])})
    assert (found.parameters[0].name, found.parameters[0].type) == ("lr", "number")
    assert (found.metrics[0].tag, found.metrics[0].group) == ("acc", "valid")
    assert read_session({}) is None and read_experiment({}).metrics == []


@pytest.mark.parametrize(
    "content", [b"\x1a", b"\x18\x01", b"\x1a\x02\x08\x01", b"\xff" * 12, b"\x1a\x03\x0a\x01\x0a"]
)
def test_damage_is_an_error_of_value(content):
    with pytest.raises(ValueError):
        read_session({START: content})


@pytest.mark.parametrize("module", ["torch.utils.tensorboard", "tensorboardX"])
def test_add_hparams(tmp_path, module):
    writing = pytest.importorskip(module)
    with writing.SummaryWriter(str(tmp_path / "run")) as writer:
        writer.add_hparams({"lr": 0.1, "n": 3, "opt": "adam", "flag": True, "inf": math.inf}, {"acc": 0.5})
    ((name, entries),) = contents(tmp_path).items()
    assert name.startswith("run/")
    session = read_session(entries)
    assert (
        session.values["lr"] == 0.1 and session.values["opt"] == "adam" and session.values["inf"] == math.inf
    )
    assert session.values["n"] == 3 and session.values["flag"] in (1.0, True) and session.status == "success"
    assert [metric.tag for metric in read_experiment(entries).metrics] == ["acc"]


def test_tensorflows_api(tmp_path):
    """What `tensorboard.plugins.hparams` makes for Keras, as its own Summary messages."""
    api = pytest.importorskip("tensorboard.plugins.hparams.summary_v2")
    from rushlight.board.events import messages, records

    metric = api.Metric("accuracy", group="validation", display_name="Accuracy")
    config = api.hparams_config_pb([api.HParam("lr", api.RealInterval(0.0, 1.0))], [metric])
    summaries = [config, api.hparams_pb({"lr": 0.25, "name": "x", "on": False})]
    (tmp_path / "run").mkdir()
    body = [messages.file_version(1.0)]
    body += [messages.event(1.0, 0, *(v.SerializeToString() for v in s.value)) for s in summaries]
    (tmp_path / "run" / "events.out.tfevents.1.h").write_bytes(records.frame(body))
    entries = contents(tmp_path)["run"]
    assert read_session(entries).values == {"lr": 0.25, "name": "x", "on": False}
    found = read_experiment(entries)
    assert found.parameters[0].type == "number"
    assert [(m.tag, m.group, m.title) for m in found.metrics] == [("accuracy", "validation", "Accuracy")]
