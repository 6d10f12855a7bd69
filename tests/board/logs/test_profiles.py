"""What traces add up to."""

import pytest

from rushlight.board.logs.profiles import flame, table
from rushlight.board.logs.traces import Trace

from .test_traces import x


@pytest.fixture
def trace():
    conv, fc = (
        {"module": "Net.conv", "line": "net.py:5", "bytes": 1000},
        {"module": "Net.fc", "line": "net.py:6"},
    )
    return Trace(
        [
            x("ProfilerStep#0", 0, 50),
            x("step", 0, 50),
            x("conv", 1, 10, args=conv),
            x("mm", 2, 4, args=conv),
            x("linear", 20, 5, args=fc),
            x("ProfilerStep#1", 50, 50),
            x("step", 50, 40),
            x("conv", 51, 20, args=conv),
        ]
    )


def rows(found):
    return {row["key"]: row for row in found}


def test_tables(trace):
    ops = table(trace, "op")
    assert [row["key"] for row in ops] == ["step", "conv", "linear", "mm"]
    assert rows(ops)["conv"] == {"key": "conv", "calls": 2, "own": 26, "total": 30, "bytes": 2000}
    assert rows(ops)["step"]["own"] == 90 - 35
    lines = rows(table(trace, "line"))
    assert (
        lines["net.py:5"]["own"] == 30
        and lines["net.py:5"]["total"] == 30
        and lines.keys() == {"net.py:5", "net.py:6"}
    )
    modules = rows(table(trace, "module"))
    assert modules["Net"]["total"] == 35 and modules["Net"]["own"] == 0 and modules["Net.fc"]["total"] == 5
    assert table(trace, "node") == []


def test_a_span_counts_what_begins_in_it(trace):
    (_, start, end) = trace.steps[1]
    assert {row["key"]: row["own"] for row in table(trace, "op", (start, end))} == {"step": 20, "conv": 20}


def test_flame_graphs(trace):
    name, total, own, calls, parts = flame(trace)
    assert (name, total, own) == ("all", 90, 0) and [part[:4] for part in parts] == [["step", 90, 55, 2]]
    conv, linear = parts[0][4]
    assert conv[:4] == ["conv", 30, 26, 2] and conv[4] == [["mm", 4, 4, 1, []]] and linear[1] == 5
    modules = {part[0]: part for part in flame(trace, "module")[4]}
    assert modules["Net"][1] == 35 and modules["(elsewhere)"][1] == 55
    assert modules["Net"][4][0][0] == "conv" and modules["Net"][4][0][4][0][0] == "net.py:5"
    assert flame(trace, "line")[4][1][:2] == ["net.py", 35]


def test_a_flame_graph_is_bounded():
    trace = Trace([x(f"op{k}", k, 1) for k in range(20_000)])
    assert len(flame(trace)[4]) == 0  # each is less than a four-thousandth
    trace = Trace([x(f"op{k}", k, 1) for k in range(3000)])
    assert len(flame(trace)[4]) == 3000
