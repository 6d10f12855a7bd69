"""What an update changes: our rules against the real Visdom server's, and what is refused."""

import copy
import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rushlight.board.panes import calls
from rushlight.board.panes.environments import Environments
from rushlight.board.panes.updates import edits_of
from rushlight.board.panes.window import Refused, pane_of


def trace(name, x, y, **more):
    return {"type": "scatter", "x": x, "y": y, "name": name, **more}


START = {
    "data": [trace("a", [1], [2], marker={"color": ["#000"]}), trace("b", [1], [3])],
    "layout": {"title": "t"},
}
POSTS = [
    {"data": [trace("a", [2], [4]), trace("b", [2], [5])], "append": True},
    {"data": [trace("x", [2], [4])], "name": "b", "append": True},
    {"data": [trace("x", [2], [4])], "name": "b", "append": False},
    {"data": [trace("new", [2], [4])], "name": "new", "append": True},
    {"data": [], "name": "a", "delete": True},
    {"data": [trace("a", [2], [4], marker={"color": ["#fff"]})], "name": "a", "append": True},
    {"layout": {"title": "other", "xaxis": None}, "opts": {"title": "w", "width": 300, "legend": ["A", "B"]}},
]


@pytest.mark.parametrize("post", POSTS, ids=range(len(POSTS)))
def test_as_the_real_server_does(post):
    handlers = pytest.importorskip("visdom.server.handlers.web_handlers")
    theirs = handlers.UpdateHandler.update(pane_of(copy.deepcopy(START), "w"), copy.deepcopy(post))
    envs = Environments(None)
    calls.call(envs, "events", {"win": "w", **copy.deepcopy(START)})
    calls.call(envs, "update", {"win": "w", **copy.deepcopy(post)})
    ours = json.loads(calls.call(envs, "win_data", {"win": "w"}))
    assert ours["content"] == theirs["content"]
    assert [ours[key] for key in ("title", "width")] == [theirs[key] for key in ("title", "width")]


BAD = [
    {"data": 3},
    {"data": []},
    {"data": [3]},
    {"data": [{"type": 3}]},
    {"data": [trace("a", {"dtype": "f8"}, [1])], "append": True},
    {"data": [trace("a", [1], [1])], "opts": []},
    {"data": [trace("a", [1], [1])], "layout": "x"},
]


@pytest.mark.parametrize("post", BAD, ids=range(len(BAD)))
def test_a_refused_update_changes_nothing(post):
    envs = Environments(None)
    calls.call(envs, "events", {"win": "w", **copy.deepcopy(START)})
    before = calls.call(envs, "win_data", {"win": "w"})
    with pytest.raises(Refused):
        calls.call(envs, "update", {"win": "w", **post})
    assert calls.call(envs, "win_data", {"win": "w"}) == before


def test_all_nan_is_ignored():
    pane = pane_of(copy.deepcopy(START), "w")
    assert edits_of(pane, {"data": [trace("a", [None], [None])], "append": True}) == []


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)
KEYS = st.sampled_from(
    ["data", "win", "eid", "opts", "layout", "name", "append", "delete", "updateDir", "prev_eid", "selected"]
)
TRACE_KEYS = st.sampled_from(["type", "content", "x", "y", "z", "marker", "name"])
TYPES = st.sampled_from(["scatter", "heatmap", "text", "image_history", "properties", "embeddings", [[1]]])
VALUES = JSON | st.just("w") | st.lists(st.dictionaries(TRACE_KEYS, JSON | TYPES), max_size=2)


@settings(max_examples=400, deadline=None)
@given(st.lists(st.tuples(st.sampled_from(sorted(calls.CALLS)), st.dictionaries(KEYS, VALUES)), max_size=6))
def test_any_messages_are_done_or_refused(messages):
    envs = Environments(None)
    for name, message in messages:
        try:
            assert isinstance(calls.call(envs, name, message), str)
        except Refused:
            pass
        envs.write()
    json.loads(calls.call(envs, "win_data", {"win": None}), parse_constant=pytest.fail)
