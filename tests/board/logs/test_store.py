"""The store: what it reads, in which order, how much it keeps."""

import os

import numpy as np
import pytest

from rushlight.board.logs.news import Changes
from rushlight.board.logs.store import Store


def read_all(store, rounds=1000):
    """Poll until all is read; the changes."""
    found = []
    for _ in range(rounds):
        found.append(store.poll())
        if not found[-1].more:
            return found
    raise AssertionError("it reads for ever")


def values(store, run, tag):
    return store.runs[run].series[tag].all().value.tolist()


def test_runs_and_their_points(write, tmp_path):
    write("a/b", {"loss": [1, 2, 3]})
    write("c", {"loss": [4], "lr": [5, 6]})
    store = Store(tmp_path)
    changes = read_all(store)
    assert any(change.runs for change in changes)
    assert set(store.runs) == {"a/b", "c"} and values(store, "a/b", "loss") == [1, 2, 3]
    assert values(store, "c", "lr") == [5, 6]
    assert not store.poll()


def test_what_grows_is_seen_at_the_next_poll(write, tmp_path):
    write("a", {"loss": [1]})
    store = Store(tmp_path)
    read_all(store)
    write("a", {"loss": [2, 3]}, first=1)
    changes = store.poll()
    assert [part.value.tolist() for part in changes.scalars["a"]["loss"]] == [[2, 3]]


def order_of(store):
    """The runs in the order in which they are read."""
    waiting = [(run, file) for run in store.runs.values() if (file := run.next_file())]
    return [run.name for run, _ in sorted(waiting, key=store._urgency)]


def test_what_is_looked_at_comes_first_then_what_is_new(write, tmp_path):
    for k, name in enumerate(["old", "older", "new"]):
        path = write(name, {"loss": [1]})
        os.utime(path, (1000 + [5, 0, 9][k],) * 2)
    store = Store(tmp_path)
    store.discover()
    store._look()
    assert order_of(store) == ["new", "old", "older"]
    store.watched = frozenset({"older"})
    assert order_of(store) == ["older", "new", "old"]


def test_a_file_that_grows_comes_before_one_that_was_never_read(write, tmp_path):
    write("grows", {"loss": [1]})
    store = Store(tmp_path)
    read_all(store)
    path = write("huge", {"loss": [1] * 100})
    os.utime(path, (4e9, 4e9))
    write("grows", {"loss": [2]}, first=1)
    store.discover()
    store._look()
    store._swept = -1e9
    store._look()
    assert order_of(store) == ["grows", "huge"]


def test_memory_is_bounded_by_the_setting(write, tmp_path):
    for k in range(8):
        write(f"run{k}", {f"tag{t}": np.arange(2000.0).tolist() for t in range(10)})
    memory = 1 << 20
    store = Store(tmp_path, memory)
    read_all(store)
    series = [one for run in store.runs.values() for one in run.series.values()]
    assert len(series) == 80 and all(one.count == 2000 for one in series)
    assert sum(len(one) * 20 + 1500 for one in series) <= memory
    assert all(one.all().value.max() == 1999 and one.all().value.min() == 0 for one in series)


def test_tags_without_end_do_not_take_all_memory(write, tmp_path):
    for k in range(20):
        write(f"run{k:02}", {f"tag{t}": [1.0] for t in range(100)})
    store = Store(tmp_path, 1 << 20)
    read_all(store)
    count = sum(len(run.series) for run in store.runs.values())
    assert count < 700 and any(run.hidden for run in store.runs.values())


@pytest.mark.parametrize("kind", ["shorter", "replaced", "longer"])
def test_a_file_that_is_written_anew_is_read_anew(write, tmp_path, kind):
    path = write("a", {"loss": [1, 2, 3, 4]})
    store = Store(tmp_path)
    read_all(store)
    if kind != "shorter":
        path.rename(path.with_name("other"))  # so that the new one is another file
    write("a", {"loss": [7] * (9 if kind == "longer" else 2)}, mode="wb")
    store._swept = -1e9
    read_all(store)
    assert values(store, "a", "loss") == [7] * (9 if kind == "longer" else 2)


def test_a_file_cut_within_what_was_not_read_yet_ends_there(write, tmp_path):
    path = write("a", {"loss": [1.0] * 1000})
    store = Store(tmp_path)
    store.discover()
    store._look()
    os.truncate(path, path.stat().st_size // 2 + 3)
    read_all(store)
    assert 490 < len(values(store, "a", "loss")) < 510


def test_a_run_whose_folder_goes_is_gone(write, tmp_path):
    write("a", {"loss": [1]}).unlink()
    write("b", {"loss": [1]})
    store = Store(tmp_path)
    read_all(store)
    (tmp_path / "b" / "events.out.tfevents.1").unlink()
    assert store.discover() and not store.runs and "b" in store.gone


def test_a_file_that_may_not_be_read_hides_nothing_else(write, tmp_path, monkeypatch):
    write("a", {"loss": [1]})
    write("a", {"loss": [2]}, name="events.out.tfevents.2")
    from rushlight.board.logs import file

    real = file.open_regular

    def opened(path):
        if path.name.endswith("1"):
            raise PermissionError(13, "Permission denied", str(path))
        return real(path)

    monkeypatch.setattr(file, "open_regular", opened)
    store = Store(tmp_path)
    read_all(store)
    assert values(store, "a", "loss") == [2]


def test_annotations_give_a_run_a_new_version(write, tmp_path):
    write("a", {"loss": [1]})
    write("b", {"loss": [1]})
    store = Store(tmp_path)
    read_all(store)
    before = store.version
    store.annotate(["a"], label="first")
    assert [run.name for run in store.runs.values() if run.version > before] == ["a"]
    other = Store(tmp_path)  # a second board over the same folder
    assert other.annotations.runs == {"a": {"label": "first"}}
    other.annotate(["b"], note="mine")
    before = store.version
    store.discover()
    assert [run.name for run in store.runs.values() if run.version > before] == ["b"]


def test_no_change_is_false():
    assert not Changes() and Changes(runs=True)
