"""Traces: whoever wrote them, however torn; how events lie within each other."""

import gzip
import json
import random
from typing import Any

import numpy as np
import pytest

import rushlight as torch
from rushlight import profiler
from rushlight.board.logs.traces import Trace, read_trace


def x(name: Any, ts: Any, dur: Any, tid: Any = 1, **more: Any) -> dict[str, Any]:
    """A complete event."""
    args = more.pop("args", {})
    return {
        "ph": "X",
        "cat": "cpu_op",
        "name": name,
        "ts": ts,
        "dur": dur,
        "pid": 1,
        "tid": tid,
        "args": args,
        **more,
    }


def texts(trace, column):
    return [trace.names.texts[k] for k in trace.column[column]]


def test_events_nest_by_lane():
    trace = Trace([x("b", 12, 3), x("a", 10, 10), x("c", 15, 5), x("other", 11, 100, tid=2), x("d", 20, 1)])
    assert texts(trace, "name") == ["a", "b", "c", "d", "other"]
    assert trace.start.tolist() == [0, 2, 5, 10, 1] and trace.depth.tolist() == [0, 1, 1, 0, 0]
    assert trace.parent.tolist() == [-1, 0, 0, -1, -1] and trace.own.tolist() == [2, 3, 5, 1, 100]


def test_times_since_1970_are_rounded_and_still_follow_each_other():
    start = 1_700_000_000_000_000
    trace = Trace([x(str(k), start + 0.3 * k, 0.3) for k in range(50)])
    assert set(trace.depth.tolist()) == {0}


def test_begin_and_end_events_names_of_lanes_and_steps():
    trace = Trace(
        [
            {"ph": "M", "name": "process_name", "pid": 1, "args": {"name": "train"}},
            {"ph": "M", "name": "thread_name", "pid": 1, "tid": 7, "args": {"name": "stream 7"}},
            {"ph": "B", "name": "outer", "ts": 0, "pid": 1, "tid": 7},
            {"ph": "B", "name": "inner", "ts": 1, "pid": 1, "tid": 7},
            {"ph": "E", "ts": 3, "pid": 1, "tid": 7},
            {"ph": "E", "ts": 9, "pid": 1, "tid": 7},
            {"ph": "E", "ts": 9, "pid": 1, "tid": 7},
            x("ProfilerStep#3", 0, 9, tid=7),
        ]
    )
    assert trace.lanes == ["train · stream 7"] and trace.steps == [("3", 0.0, 9.0)]
    assert dict(zip(texts(trace, "name"), trace.duration.tolist(), strict=True))["inner"] == 2


def test_lines_and_modules_of_pytorchs_traces():
    function = {"cat": "python_function"}
    trace = Trace(
        [
            x("train.py(12): step", 0, 100, **function),
            x("nn.Module: Net_0", 1, 90, **function),
            x("nn.Module: Conv2d_1", 2, 80, **function),
            x("torch/nn/modules/conv.py(460): forward", 3, 70, **function),
            x("aten::conv2d", 4, 60),
            x("aten::add", 200, 1, args={"Call stack": "torch/x.py(3): f;/home/me/loss.py(7): loss"}),
        ]
    )
    found = dict(
        zip(texts(trace, "name"), zip(texts(trace, "line"), texts(trace, "module"), strict=True), strict=True)
    )
    assert found["aten::conv2d"] == ("train.py:12", "Net_0.Conv2d_1")
    assert found["aten::add"] == ("loss.py:7", "")


def test_our_profilers_traces(tmp_path):
    net = torch.nn.Sequential(torch.nn.Linear(3, 3), torch.nn.Tanh())
    with profiler.profile() as p:
        net(torch.ones(2, 3)).sum().backward()
    p.export_chrome_trace(tmp_path / "a.trace.json.gz")
    trace = read_trace(tmp_path / "a.trace.json.gz")
    k = texts(trace, "name").index("tanh")
    assert texts(trace, "module")[k] == "Sequential.1" and texts(trace, "line")[k].startswith(
        "test_traces.py:"
    )
    assert texts(trace, "shapes")[k] == "[[2, 3]]" and trace.bytes[k] == 48 and trace.note == ""


@pytest.mark.parametrize(
    "event",
    [
        3,
        None,
        {},
        {"ph": "X"},
        x("a", None, 1),
        x("a", "1", 1),
        x("a", 1, -1),
        x("a", 1, float("nan")),
        x("a", float("inf"), 1),
        x("a", True, 1),
        x("a", 1e300, 1),
        {"ph": "E", "ts": 3},
        {"ph": "M", "name": "thread_name", "args": 3},
        {"ph": "M", "name": "thread_name", "args": {"name": 3}},
        {"ph": "B", "ts": "x"},
        {"ph": ["X"]},
    ],
)
def test_malformed_events_are_left_out(event):
    trace = Trace([event, x("good", 5, 1), event])
    assert texts(trace, "name") == ["good"]


@pytest.mark.parametrize(
    "event",
    [
        {"ph": "X", "ts": 0},
        x(3, 0, 1),
        x(["a"], 0, 1),
        x("a" * 10_000, 0, 1),
        x("a", 0, 1, args=[1]),
        x("a", 0, 1, args={"line": 3, "bytes": "many", "module": {}, "Call stack": 7}),
        x("a", 0, 1, tid={"a": 1}, pid=None),
        x("a", 0, 1, cat=None),
    ],
)
def test_odd_events_are_taken(event):
    assert len(Trace([event])) == 1


def write(path, data):
    path.write_bytes(gzip.compress(data) if path.suffix == ".gz" else data)
    return path


def whole(count=100):
    return json.dumps({"traceEvents": [x(f"op{k % 3}", k, 0.5) for k in range(count)]}).encode()


@pytest.mark.parametrize("name", ["a.trace.json", "a.trace.json.gz"])
def test_a_torn_file_gives_what_it_has(tmp_path, name):
    path = write(tmp_path / name, whole())
    assert len(read_trace(path)) == 100
    path.write_bytes(path.read_bytes()[: len(path.read_bytes()) // 2])
    trace = read_trace(path)
    assert 20 < len(trace) < 100 and "not complete" in trace.note or "read" in trace.note


def test_damage_is_stepped_over(tmp_path):
    data = whole().replace(b'"name": "op1", "ts": 40', b'"name": N/A, "ts": 40')
    trace = read_trace(write(tmp_path / "a.trace.json", data))
    assert len(trace) == 99 and "damaged" in trace.note


def test_a_bare_list_and_a_list_without_end(tmp_path):
    events = json.dumps([x("a", 0, 1), x("b", 1, 1)]).encode()
    for data in (events, events[:-1], events[:-1] + b",\n"):
        assert len(read_trace(write(tmp_path / "a.trace.json", data))) == 2


def test_a_file_too_long_is_read_to_a_bound(tmp_path):
    trace = read_trace(write(tmp_path / "a.trace.json.gz", whole(5000)), most=50_000)
    assert 100 < len(trace) < 1000 and "only the first" in trace.note


def test_a_packed_bomb_is_not_unpacked(tmp_path):
    path = write(tmp_path / "a.trace.json.gz", b"[" + b" " * (64 << 20))
    with pytest.raises(ValueError, match="no events"):
        read_trace(path, most=1 << 20)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"{}",
        b"[]",
        b"\xff\xfe",
        b"[" * 100_000,
        b'{"traceEvents": 3}',
        b'{"traceEvents": [1, 2]}',
        b"null",
        b"\x1f\x8b",
    ],
)
def test_no_events_is_an_error_with_a_reason(tmp_path, data):
    for name in ("a.trace.json", "a.trace.json.gz"):
        (tmp_path / name).write_bytes(data)
        with pytest.raises(ValueError, match="no events"):
            read_trace(tmp_path / name)


def test_damage_anywhere(tmp_path):
    rng, data = random.Random(0), whole(30)
    for _ in range(300):
        damaged = bytearray(data[: rng.randrange(len(data))])
        for _ in range(rng.randrange(5)):
            if damaged:
                damaged[rng.randrange(len(damaged))] = rng.randrange(256)
        try:
            trace = read_trace(write(tmp_path / "a.trace.json", bytes(damaged)))
        except ValueError:
            continue
        assert np.isfinite(trace.start).all() and len(trace) <= 30


def test_very_deep_nesting_is_bounded():
    trace = Trace([x("a", k, 10_000 - 2 * k) for k in range(2000)])
    assert trace.depth.max() <= 250


@pytest.mark.filterwarnings("ignore")  # of PyTorch's own
def test_what_pytorchs_profiler_writes(tmp_path):
    theirs = pytest.importorskip("torch")
    with theirs.profiler.profile(with_stack=True, record_shapes=True) as p:
        theirs.nn.functional.relu(theirs.ones(3, 4) @ theirs.ones(4, 5))
    p.export_chrome_trace(str(tmp_path / "a.trace.json"))
    trace = read_trace(tmp_path / "a.trace.json")
    k = texts(trace, "name").index("aten::matmul")
    assert texts(trace, "shapes")[k].startswith("[[3, 4], [4, 5]") and trace.duration[k] > 0
    assert texts(trace, "line")[k].startswith("test_traces.py:") and trace.note == ""
