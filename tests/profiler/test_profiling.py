"""The profiler: what it sees of eager code and of plans, how it adds up, and what it writes."""

from __future__ import annotations

import contextlib
import gzip
import json
import sys
import threading

import numpy as np
import pytest

import rushlight as torch
from rushlight.arrays import tracing
from rushlight.autograd.profiler import RECORDERS
from rushlight.compiler.compiled import compile
from rushlight.compiler.plan import OBSERVERS
from rushlight.profiler import profile, record_function, schedule, tensorboard_trace_handler
from rushlight.profiler.averages import Averages
from rushlight.profiler.events import Event, self_times

nn, F = torch.nn, torch.nn.functional
HERE = "test_profiling.py:"


class Net(nn.Module):
    """Two layers."""

    def __init__(self):
        super().__init__()
        self.enter, self.act, self.leave = nn.Linear(4, 8), nn.Tanh(), nn.Linear(8, 3)

    def forward(self, x):
        return self.leave(self.act(self.enter(x)))


@pytest.fixture
def training():
    """A training step and its arguments, the same numbers every time."""
    torch.manual_seed(0)
    net = Net()
    optimizer = torch.optim.SGD(net.parameters(), lr=0.1, momentum=0.9)

    def step(x, y):
        optimizer.zero_grad()
        loss = F.cross_entropy(net(x), y)
        loss.backward()
        optimizer.step()
        return loss

    return step, net, (torch.randn(5, 4), torch.tensor([0, 1, 2, 0, 1]))


def rows(averages):
    return {r.key: r for r in averages}


# -- eager code ----------------------------------------------------------------------------------------


def test_eager_ops(training):
    step, net, (x, y) = training
    with profile() as p:
        step(x, y)
    found = rows(p.key_averages())
    assert found["linear"].count == 2 and found["tanh"].count == 1 and found["SGD.step"].count == 1
    assert found["LinearBackward0"].count == 2
    (tanh,) = [e for e in p.events() if e.name == "tanh"]
    assert tanh.bytes == 2 * 5 * 8 * 4 and tanh.shapes == ([5, 8],)
    assert tanh.module == "Net.act" and tanh.where.startswith(HERE) and tanh.duration > 0
    assert rows(p.key_averages(by="module")).keys() == {"Net.enter", "Net.act", "Net.leave"}
    assert all(key.startswith(HERE) for key in rows(p.key_averages(by="line")))


def test_eager_numbers_are_the_same(training):
    step, net, (x, y) = training
    before = [p.detach().clone() for p in net.parameters()]
    plain = [float(step(x, y)) for _ in range(3)]
    after = [p.detach().clone() for p in net.parameters()]
    with torch.no_grad():
        for p, old in zip(net.parameters(), before, strict=True):
            p.copy_(old)
    optimizer = torch.optim.SGD(net.parameters(), lr=0.1, momentum=0.9)
    with profile():
        for loss in plain:
            optimizer.zero_grad()
            found = F.cross_entropy(net(x), y)
            found.backward()
            optimizer.step()
            np.testing.assert_allclose(float(found), loss, rtol=1e-6)
    for p, new in zip(net.parameters(), after, strict=True):
        np.testing.assert_allclose(p.detach().numpy(), new.numpy(), rtol=1e-5, atol=1e-7)


def test_random_numbers_in_place_writes_and_views():
    torch.manual_seed(0)
    x = torch.zeros(3, 4)
    expected = torch.rand(3, 4) + 1
    torch.manual_seed(0)
    with profile() as p:
        x[:, 1:] = 7
        x.t()[0].add_(2)
        x += torch.rand(3, 4) - x + 1
    np.testing.assert_allclose(x.numpy(), expected.numpy(), rtol=1e-6)
    assert {"add", "sub"} <= {r.key for r in p.key_averages()}


def test_parameters_that_step_apart_do_so_once():
    """One parameter has no state yet, and one no gradient: they cannot all step in one call."""
    found = []
    for watched in (False, True):
        ws = [nn.Parameter(torch.ones(3)) for _ in range(3)]
        optimizer = torch.optim.Adam(ws, lr=0.1)
        for k in range(3):
            ws[0].grad, ws[1].grad = torch.ones(3), torch.ones(3) if k else None
            with profile() if watched else contextlib.nullcontext():
                optimizer.step()
        found.append([w.detach().numpy() for w in ws])
    np.testing.assert_allclose(found[1], found[0], rtol=1e-6)


# -- plans ---------------------------------------------------------------------------------------------


def test_nodes_of_plans(training):
    step, _, (x, y) = training
    compiled = compile(step)
    for _ in range(2):
        compiled(x, y)
    plans = len(compiled.plans)
    with profile() as p:
        compiled(x, y)
    assert len(compiled.plans) == plans, "a profiler is no reason to compile again"
    nodes = [e for e in p.events() if e.kind == "node"]
    assert [e.node for e in nodes] == [n.name for n in compiled.graph.nodes]
    assert {e.module for e in nodes} >= {"Net.enter", "Net.leave"}
    (linear,) = [e for e in nodes if e.node == "linear_1"]
    assert linear.bytes == 4 * (5 * 4 + 8 * 4 + 8 + 5 * 8)
    (plan,) = [e for e in p.events() if e.kind == "plan"]
    assert plan.duration >= sum(e.duration for e in nodes)
    assert "linear_1" in rows(p.key_averages(by="node"))


def test_results_of_plans_are_the_same(training):
    step, _, (x, y) = training
    compiled = compile(lambda x: (x.exp() + 1).sum(1))
    expected = compiled(x)
    with profile():
        np.testing.assert_array_equal(compiled(x).numpy(), expected.numpy())


def test_what_is_compiled_while_recording(training):
    _, _, (x, _) = training
    compiled = compile(lambda x: x * 2 + 1)
    with profile() as p:
        compiled(x), compiled(x)
    assert len(compiled.plans) == 1 and [e.kind for e in p.events()].count("plan") == 1


# -- stretches with names, schedules --------------------------------------------------------------------


def test_named_stretches_nest():
    with profile() as p, record_function("outer"):
        torch.ones(3).exp()
        with record_function("inner"):
            torch.ones(3).exp()
    found = rows(p.key_averages())
    assert found["outer"].cpu_time_total >= found["inner"].cpu_time_total + found["exp"].cpu_time_total / 2
    assert found["outer"].self_cpu_time_total < found["outer"].cpu_time_total
    assert found["exp"].count == 2


def test_a_function_may_have_a_name():
    @record_function("work")
    def work():
        return 1

    with profile() as p:
        work()
        work()
    assert work() == 1 and rows(p.key_averages())["work"].count == 2


def test_schedules(tmp_path):
    seen = []
    plan = schedule(skip_first=1, wait=1, warmup=1, active=2, repeat=2)

    def ready(p):
        seen.append(([e.name for e in p.events()], p.step_num))
        tensorboard_trace_handler(tmp_path)(p)

    with profile(schedule=plan, on_trace_ready=ready) as p:
        for k in range(12):
            with record_function(f"step {k}"):
                pass
            p.step()
    assert seen == [(["step 3", "step 4"], 4), (["step 7", "step 8"], 8)]
    assert len(list(tmp_path.glob("*.pt.trace.json"))) == 2


# -- what is left of it ----------------------------------------------------------------------------------


def test_nothing_is_left_behind():
    with pytest.raises(ZeroDivisionError), profile():
        torch.ones(1) + 1 / 0
    assert tracing.EAGER and tracing.onlooker() is None and not OBSERVERS and not RECORDERS


def test_profilers_nest():
    with profile() as outer:
        with profile() as inner:
            torch.ones(2).exp()
        torch.ones(2).sin()
    assert [e.name for e in inner.events()] == ["exp"]
    assert [e.name for e in outer.events()] == ["sin"]


def test_chrome_trace(tmp_path):
    line = sys._getframe().f_lineno + 2
    with profile() as p:
        torch.ones(2, 3).exp()
    path = tmp_path / "trace.json"
    p.export_chrome_trace(path)
    (event,) = traced(path)
    assert (event["name"], event["cat"]) == ("exp", "cpu_op") and event["dur"] > 0
    stack = f"{__file__}({line})"
    said = {"Input Dims": [[2, 3]], "bytes": 48, "line": f"{HERE}{line}", "Call stack": stack}
    assert event["args"] == said and event["tid"] == threading.get_native_id()


def traced(path):
    """The events of a trace that took time."""
    open_ = gzip.open if path.name.endswith(".gz") else open
    with open_(path, "rt") as file:
        return [e for e in json.load(file)["traceEvents"] if e["ph"] == "X"]


def test_steps_are_in_the_trace(tmp_path):
    handler = tensorboard_trace_handler(tmp_path, "me", use_gzip=True)
    with profile(schedule=schedule(wait=1, warmup=0, active=2), on_trace_ready=handler) as p:
        for _ in range(6):
            torch.ones(3).exp()
            p.step()
    first, second = sorted(tmp_path.iterdir())
    assert first.name.startswith("me.") and first.name.endswith(".pt.trace.json.gz")
    names = [[e["name"] for e in traced(path)] for path in (first, second)]
    assert names[0] == ["ProfilerStep#1", "exp", "ProfilerStep#2", "exp"]
    assert names[1] == ["ProfilerStep#4", "exp", "ProfilerStep#5", "exp"]


def test_stretches_of_two_threads_do_not_mix(tmp_path):
    barrier = threading.Barrier(2)

    def work(name):
        with record_function(name):
            barrier.wait()
            barrier.wait()

    with profile() as p:
        other = threading.Thread(target=work, args=("there",))
        other.start()
        work("here")
        other.join()
    found = {e.name: e for e in p.events()}
    assert found.keys() == {"here", "there"} and found["here"].thread != found["there"].thread
    assert self_times(p.events()) == [e.duration for e in p.events()]


def test_torch_tb_profiler_reads_the_trace(tmp_path, training):
    data = pytest.importorskip("torch_tb_profiler.profiler.data")
    step, _, (x, y) = training
    compiled = compile(step)
    plan = schedule(wait=0, warmup=0, active=2, repeat=1)
    with profile(schedule=plan, on_trace_ready=tensorboard_trace_handler(tmp_path)) as p:
        for _ in range(2):
            step(x, y), compiled(x, y)
            p.step()
    (path,) = tmp_path.iterdir()
    found = data.RunProfileData.parse("me", "1", str(path), str(tmp_path))
    assert found.steps_names == ["0", "1"]
    assert {"linear", "tanh", "SGD.step"} <= {op.name for op in found.op_list_groupby_name}


def event(name, start, end, **more):
    return Event(name, "op", start, end, **more)


def test_self_times():
    assert self_times([]) == []
    times = {"a": (0, 100), "b": (10, 40), "c": (20, 30), "d": (50, 60), "e": (100, 105)}
    assert self_times([event(name, *ends) for name, ends in times.items()]) == [60, 20, 10, 10, 5]


def test_averages_and_their_table():
    slow, fast = event("slow", 0, 8000, bytes=16_000_000), event("fast", 8000, 9000)
    averages = Averages([slow, fast, event("slow", 9000, 10000)])
    assert [r.key for r in averages] == ["slow", "fast"] and averages[0].cpu_time == 4.5
    assert averages.self_cpu_time_total == 10.0
    lines = str(averages).splitlines()
    assert lines[1].split() == "op self % self ms total ms us per call calls MB GB/s".split()
    assert lines[3].split() == ["slow", "90.0", "0.009", "0.009", "4.5", "2", "16.00", "1777.8"]
    assert "slow" not in averages.table(sort_by="key", row_limit=1)
    assert averages.table(sort_by="count", row_limit=1, header="counts").startswith("counts\n")


@pytest.mark.parametrize(
    "call, words",
    [
        (lambda: Averages([], by="colour"), "by='colour' is none of 'op'"),
        (lambda: Averages([]).table(sort_by="colour"), "no 'colour'"),
    ],
)
def test_unknown_names(call, words):
    with pytest.raises(ValueError, match=words):
        call()


def test_shapes_tell_rows_apart():
    with profile() as p:
        torch.ones(2).exp()
        torch.ones(3).exp()
    assert len(p.key_averages()) == 1 and len(p.key_averages(group_by_input_shape=True)) == 2


def test_steps_backward_have_line_and_module_of_their_op(training):
    step, _, (x, y) = training
    before = torch.ones(3, requires_grad=True).exp()
    with profile() as p:
        step(x, y)
        before.sum().backward()
    found = {(e.name, e.module): e.where for e in p.events()}
    assert found["LinearBackward0", "Net.enter"] == found["linear", "Net.enter"]
    assert found["TanhBackward0", "Net.act"] == found["tanh", "Net.act"]
    assert found["ExpBackward0", ""].startswith(HERE)  # its op was not seen
