"""Operations: numbered, replayed from the log, resumed from any number; the log itself."""

import json
import logging
import os

import pytest

from rushlight.board.panes import calls, environment
from rushlight.board.panes.edits import apply
from rushlight.board.panes.environment import Environment
from rushlight.board.panes.environments import Environments, file_name
from rushlight.board.panes.journal import Journal
from rushlight.board.panes.window import Refused


def line(win, y, append=False):
    data = [{"type": "scatter", "x": list(range(len(y))), "y": y, "name": "a"}]
    return {"win": win, "eid": "e", "data": data, "append": append, "name": "a"}


def ys(env, win="w"):
    return env.jsons[win]["content"]["data"][0]["y"]


@pytest.fixture
def envs(tmp_path):
    yield opened(tmp_path / "panels")
    while OPEN:
        OPEN.pop().close()


OPEN = []


def opened(folder):
    OPEN.append(Environments(folder))
    return OPEN[-1]


def fill(envs, count=5):
    calls.call(envs, "events", line("w", [0]))
    for k in range(1, count):
        calls.call(envs, "update", line("w", [k], append=True))
    envs.write()
    return envs.find("e")


def again(envs):
    """Another board over the same folder, after this one has ended."""
    envs.close()
    return opened(envs.folder)


def test_all_is_read_again(envs):
    before = fill(envs)
    after = again(envs).find("e")
    assert after.jsons == before.jsons and ys(after) == [0, 1, 2, 3, 4] and after.life == before.life


def test_who_resumes_gets_what_it_lacks_also_over_a_restart(envs):
    env = fill(envs)
    number, seen = env.number, json.loads(json.dumps(env.jsons))
    calls.call(envs, "update", line("w", [5], append=True))
    envs.write()
    other = again(envs)
    calls.call(other, "update", line("w", [6], append=True))
    env = other.find("e")
    for op in map(json.loads, [op.text for op in env.after(env.life, number)]):
        if op["do"] == "edit":
            apply(seen[op["win"]], op["edits"])
    assert seen == env.jsons and ys(env) == list(range(7))
    assert env.after(env.life, env.number) == []
    other.close()


@pytest.mark.parametrize("life, number", [("other", 3), (None, 10**9), (None, -1), (None, 0)])
def test_who_knows_nothing_that_is_known_reads_all(envs, life, number):
    env = fill(envs)
    assert env.after(life or env.life, number) is None


def test_numbers_never_mean_two_things_after_a_crash(envs):
    """The machine loses what a page has seen: its number must not be taken for a later one."""
    env = fill(envs)
    seen, path = env.number, env.journal.path
    kept = path.read_bytes().splitlines(keepends=True)[:-1]
    envs.close()
    path.write_bytes(b"".join(kept))
    other = opened(envs.folder)
    for k in range(5):
        calls.call(other, "update", line("w", [10 + k], append=True))
    env = other.find("e")
    assert env.number > seen + environment.STRIDE // 2 and env.after(env.life, seen) is None
    other.close()


def test_operations_that_are_too_old_are_forgotten(envs, monkeypatch):
    monkeypatch.setattr(environment, "TAIL", 10)
    env = fill(envs, 50)
    assert env.after(env.life, env.number - 20) is None
    assert len(env.after(env.life, env.number - 5)) == 5


@pytest.mark.parametrize("cut", [1, 7, 30])
def test_a_torn_line_is_cut_off(envs, cut):
    env = fill(envs)
    path = env.journal.path
    envs.close()
    os.truncate(path, path.stat().st_size - cut)
    other = opened(envs.folder)
    assert ys(other.find("e")) == [0, 1, 2, 3]
    calls.call(other, "update", line("w", [9], append=True))
    other.close()
    assert ys(opened(envs.folder).find("e")) == [0, 1, 2, 3, 9]


JUNK = [
    b"\0\xff junk\n",
    b"[]\n",
    b'{"n": "x", "do": "window"}\n',
    b'{"do": "boom"}\n',
    b'{"n": 9, "do": "edit", "win": "no", "edits": []}\n',
    b"[" * 9000 + b"\n",
]


@pytest.mark.parametrize("junk", JUNK, ids=range(len(JUNK)))
def test_junk_in_a_log_is_survived(envs, junk):
    path = fill(envs).journal.path
    envs.close()
    with path.open("ab") as file:
        file.write(junk)
    other = opened(envs.folder)
    assert ys(other.find("e")) == [0, 1, 2, 3, 4]
    other.close()


def test_a_long_log_is_compacted(envs, monkeypatch):
    monkeypatch.setattr(environment, "COMPACT", 10_000)
    for k in range(200):
        calls.call(
            envs, "events", {"win": "w", "eid": "e", "data": [{"type": "text", "content": f"{k}" * 100}]}
        )
        envs.write()
    env = envs.find("e")
    assert env.journal.path.stat().st_size < 20_000
    number = env.number
    assert again(envs).find("e").jsons["w"]["content"] == "199" * 100
    assert number


def test_a_disk_that_takes_nothing(envs, caplog):
    """Windows live on in memory, and are all written when the disk takes them again."""
    env = fill(envs)
    path = env.journal.path
    env.journal.path = path.parent / "absent" / "e.jsonl"
    with caplog.at_level(logging.WARNING, "rushlight.board"):
        for k in range(5, 8):
            calls.call(envs, "update", line("w", [k], append=True))
            envs.write()
    assert len(caplog.records) == 1 and "in memory" in caplog.text and ys(env) == list(range(8))
    env.journal.path = path
    calls.call(envs, "update", line("w", [8], append=True))
    envs.write()
    assert ys(again(envs).find("e")) == list(range(9))


def test_a_full_disk(tmp_path):
    if not os.path.exists("/dev/full"):
        pytest.skip("no /dev/full here")
    journal = Journal(tmp_path / "log")
    (tmp_path / "log").symlink_to("/dev/full")
    env = Environment("e", journal)
    env.replace({}, {})
    env.write()
    assert env.journal.broken


def test_a_second_board_does_not_write(envs):
    fill(envs)
    other = opened(envs.folder)
    assert ys(other.find("e")) == [0, 1, 2, 3, 4]
    with pytest.raises(Refused, match="another board"):
        calls.call(other, "update", line("w", [5], append=True))


def test_a_message_sent_again_is_done_once(envs):
    calls.call(envs, "events", line("w", [0]), ("panel", 1))
    for _ in range(3):
        calls.call(envs, "update", line("w", [1], append=True), ("panel", 2))
    envs.write()
    other = again(envs)
    calls.call(other, "update", line("w", [1], append=True), ("panel", 2))
    calls.call(other, "update", line("w", [2], append=True), ("panel", 3))
    assert ys(other.find("e")) == [0, 1, 2]
    other.close()


@pytest.mark.parametrize(
    "name", ["../../x", "..", ".", "/etc/passwd", "a/b", "con\0trol", "\n", "ü", "%2e%2e", ".lock"]
)
def test_no_name_leaves_the_folder(envs, tmp_path, name):
    calls.call(envs, "events", {"win": "w", "eid": name, "data": [{"type": "text", "content": "x"}]})
    calls.call(envs, "save", {"data": [name]})
    envs.write()
    files = {path for path in tmp_path.rglob("*") if path.is_file()}
    assert {path.parent for path in files} == {tmp_path / "panels"} and len(files) == 3
    assert name.replace("/", "_") in json.loads(calls.call(again(envs), "env_state", {}))


@pytest.mark.parametrize("name", ["", "x" * 300, "\ud800", 3, ["x"], {}])
def test_what_is_no_name(envs, name):
    with pytest.raises(Refused):
        calls.call(envs, "env", {"eid": name})


def test_names_stay_apart():
    names = ["a/b", "a_b", "a%2Fb", "A", "a", ".a", "%2Ea", "a b", "a%20b"]
    assert len({file_name(name) for name in names}) == len(names)


def test_visdoms_saved_environments_are_read(envs):
    pane = {"command": "window", "id": "w", "type": "text", "content": "old", "title": "", "i": 0}
    envs.folder.mkdir()
    (envs.folder / "saved by visdom.json").write_text(json.dumps({"jsons": {"w": pane}, "reload": {}}))
    (envs.folder / "broken.json").write_text('{"jsons": 3')
    assert calls.call(envs, "win_exists", {"win": "w", "eid": "saved by visdom"}) == "true"
    assert envs.find("broken").jsons == {}
    assert {"saved by visdom", "broken", "main"} <= set(envs.names())


def test_memory_is_bounded(tmp_path):
    envs = Environments(None, memory=10_000)
    calls.call(envs, "events", {"win": "w", "data": [{"type": "text", "content": "x" * 9000}]})
    with pytest.raises(Refused, match="close some"):
        envs.make_room(2000)
    calls.call(envs, "close", {"win": "w"})
    envs.make_room(2000)
