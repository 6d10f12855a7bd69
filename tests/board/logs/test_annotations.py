"""Labels, colours and notes: one file, replaced as a whole."""

import json

import pytest

from rushlight.board.logs.annotations import FILE, Annotations


def test_they_are_kept(tmp_path):
    one = Annotations(tmp_path)
    one.set(["a", "b"], label="first", colour="#0077bb", hidden=True)
    one.set(["a"], hidden=False, note="x\n<b>")
    again = Annotations(tmp_path)
    assert again.runs["a"] == {"label": "first", "colour": "#0077bb", "note": "x\n<b>"}
    assert again.runs["b"]["hidden"] is True
    one.set(["a", "b"], label="", colour=None, note="", hidden=False)
    assert Annotations(tmp_path).runs == {}
    assert [path.name for path in tmp_path.iterdir()] == [FILE]  # nothing half written is left


@pytest.mark.parametrize(
    "fields", [{"label": "x" * 201}, {"label": 3}, {"colour": "red"}, {"colour": "#12345g"},
               {"hidden": "yes"}, {"path": "/etc"}],
)  # fmt: skip
def test_what_makes_no_sense_is_refused(tmp_path, fields):
    with pytest.raises(ValueError):
        Annotations(tmp_path).set(["a"], **fields)
    assert not (tmp_path / FILE).exists()


@pytest.mark.parametrize(
    "text", ["", "{", "[]", '{"runs": 3}', '{"runs": {"a": {"colour": "<b>"}}}', "[" * 5000]
)
def test_a_damaged_file_is_kept_aside(tmp_path, text):
    (tmp_path / FILE).write_text(text)
    one = Annotations(tmp_path)
    assert one.runs == {}
    one.set(["a"], label="x")
    assert json.loads((tmp_path / FILE).read_text())["runs"] == {"a": {"label": "x"}}
    assert (tmp_path / (FILE + ".damaged")).read_text() == text


def test_two_boards_do_not_lose_each_others_words(tmp_path):
    first, second = Annotations(tmp_path), Annotations(tmp_path)
    first.set(["a"], label="one")
    second.set(["b"], label="two")
    assert Annotations(tmp_path).runs == {"a": {"label": "one"}, "b": {"label": "two"}}
    assert first.refresh() and first.take_touched() == {"a", "b"}
