"""The table of hyperparameters: rows, columns, and what stands in them."""

import json

import pytest

pytest.importorskip("uvicorn")

from rushlight.board.logs.hparams import START
from rushlight.board.logs.store import Store
from rushlight.board.server import hparams
from tests.board.hparams import write


def table(folder):
    store = Store(folder)
    for _ in range(3):
        store.poll()
    found = hparams.table({name: hparams.seen(run) for name, run in store.runs.items()})
    json.dumps(found, allow_nan=False)
    return found


def names(columns):
    return [column["name"] for column in columns]


def test_columns_have_the_types_of_their_values(tmp_path):
    write(tmp_path / "a", {"lr": 0.1, "opt": "adam", "flag": True, "odd": 1.0})
    write(tmp_path / "b", {"lr": float("nan"), "flag": False, "odd": "x", "late": None})
    found = table(tmp_path)
    assert [(c["name"], c["type"]) for c in found["hparams"]] == [
        ("flag", "bool"),
        ("late", "string"),
        ("lr", "number"),
        ("odd", "string"),
        ("opt", "string"),
    ]
    assert [row["hparams"] for row in found["rows"]] == [
        [True, None, 0.1, "1", "adam"],
        [False, None, "NaN", "x", None],
    ]


def test_a_session_of_add_hparams_is_one_row_with_its_run(tmp_path):
    write(tmp_path / "run", scalars={"loss": 3.0, "acc": 0.1})
    write(tmp_path / "run" / "1795952744.99", {"lr": 0.1}, ["acc"], {"acc": 0.5})
    write(tmp_path / "plain", scalars={"loss": 9.0})
    found = table(tmp_path)
    assert names(found["metrics"]) == ["acc", "loss"]
    assert [(row["name"], row["metrics"]) for row in found["rows"]] == [
        ("run", [0.5, 3.0]),
        ("plain", [None, 9.0]),
    ]
    assert found["rows"][0]["runs"] == ["run/1795952744.99", "run"]


def test_several_sessions_of_a_writer_are_rows_of_their_own(tmp_path):
    write(tmp_path, scalars={"loss": 3.0})
    for k in range(2):
        write(tmp_path / f"179595274{k}.5", {"lr": 0.1 * k}, ["acc"], {"acc": float(k)})
    found = table(tmp_path)
    assert [row["name"] for row in found["rows"]] == ["1795952740.5", "1795952741.5", "."]
    assert [row["metrics"] for row in found["rows"]] == [[0.0, None], [1.0, None], [None, 3.0]]


def test_metrics_of_a_group_come_from_its_sub_run(tmp_path):
    write(tmp_path / "run", {"lr": 0.1}, [("acc", "validation"), ("acc", "train")])
    write(tmp_path / "run" / "validation", scalars={"acc": 0.25})
    found = table(tmp_path)
    assert names(found["metrics"]) == ["validation/acc", "train/acc"]
    assert [(row["name"], row["metrics"]) for row in found["rows"]] == [("run", [0.25, None])]


def test_damaged_sessions_are_named(tmp_path):
    write(tmp_path / "bad", raw={START: b"\x1a\xff"}, scalars={"loss": 1.0})
    write(tmp_path / "good", {"lr": 0.1}, status=2)
    found = table(tmp_path)
    assert found["bad"] == ["bad"]
    assert [(row["name"], row["status"]) for row in found["rows"]] == [("good", "failure"), ("bad", "")]


def test_metrics_beyond_the_most_are_counted(tmp_path, monkeypatch):
    monkeypatch.setattr(hparams, "METRICS", 3)
    write(tmp_path / "run", {"lr": 0.1}, ["z"], dict.fromkeys("abcdz", 1.0))
    found = table(tmp_path)
    assert names(found["metrics"]) == ["z", "a", "b"] and found["left_out"] == 2


def test_an_empty_folder(tmp_path):
    found = table(tmp_path)
    assert found["rows"] == found["hparams"] == found["metrics"] == []
