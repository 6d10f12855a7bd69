"""Any part of a graph runs by the names of its nodes, and nothing outside of it changes."""

from __future__ import annotations

import numpy as np
import pytest

import rushlight as torch
import rushlight.compiler.running as running
from rushlight.compiler.compiled import compile

from .programs import functions


@pytest.fixture
def layers():
    """Two layers as a graph, with their weights."""
    torch.manual_seed(0)
    w, v = torch.randn(3, 4), torch.randn(4, 2)

    def f(x):
        h = torch.relu(x @ w)
        return (h @ v).sum(1), h.amax(1)

    compiled = compile(f)
    compiled(torch.ones(5, 3))
    return compiled.graph, w, v


def close(found, expected):
    np.testing.assert_allclose(found.numpy(), expected.numpy(), rtol=1e-5, atol=1e-6)


def test_a_node_is_fetched(layers):
    graph, w, _ = layers
    x = torch.randn(5, 3)
    close(graph.run({"x": x}, "matmul_1"), x @ w)
    hidden, product = graph.run({"x": x}, ["relu_1", "matmul_1"])
    close(hidden, torch.relu(product))


def test_a_node_is_fed(layers):
    graph, _, v = layers
    hidden = torch.randn(5, 4)
    close(graph.run({"relu_1": hidden}, "sum_1"), (hidden @ v).sum(1))
    close(graph.run({"relu_1": hidden.numpy()}, "amax_1"), hidden.amax(1))


def test_parameters_are_fed(layers):
    graph, w, _ = layers
    x = torch.randn(5, 3)
    close(graph.run({"x": x, "w": w * 2}, "matmul_1"), x @ w * 2)


def test_only_what_is_needed_runs(layers, monkeypatch):
    graph, _, v = layers
    ran = []
    execute = running.execute
    monkeypatch.setattr(running, "execute", lambda node, *rest: (ran.append(node.name), execute(node, *rest)))
    graph.run({"relu_1": torch.ones(5, 4)}, "matmul_2")
    assert ran == ["matmul_2"]


def test_inputs_are_fetched_as_they_are_at_the_end():
    step, (x, y) = functions()["sgd"]
    compiled = compile(step)
    for _ in range(2):
        compiled(x, y)
    graph = compiled.graph
    before = graph.values()
    names = ["entropy_of_indices_1", "leave_weight", "leave_weight_momentum_buffer"]
    (loss, *_), weight, momentum = graph.run({"x": x, "y": y}, names)
    for name, value in graph.values().items():
        close(value, before[name])
    close(compiled(x, y), loss)
    after = graph.values()
    close(weight, after["leave_weight"])
    close(momentum, after["leave_weight_momentum_buffer"])
    assert not np.array_equal(weight.numpy(), before["leave_weight"].numpy())


def test_several_outputs_are_a_tuple():
    compiled = compile(lambda x: x.topk(2, dim=1))
    compiled(torch.randn(3, 4))
    x = torch.randn(3, 4)
    found = compiled.graph.run({"x": x}, "topk_1")
    for a, b in zip(found, x.topk(2, dim=1), strict=True):
        close(a, b)


def test_every_node_of_a_training_step_runs():
    step, (x, y) = functions()["adam"]
    compiled = compile(step)
    for _ in range(2):
        compiled(x, y)
    traced = compiled.graph.traced
    found = traced.run({"x": x, "y": y}, [n.name for n in traced.nodes])
    arrays = [t for v in found if v is not None for t in (v if isinstance(v, tuple) else (v,))]
    assert not any(np.isnan(t.numpy()).any() for t in arrays), "memory was read that nothing was written to"


@pytest.mark.parametrize(
    "feeds, fetches, error, words",
    [
        ({}, "matmul_1", ValueError, "x is not known before a call"),
        ({"x": torch.ones(2, 3)}, "matmul_1", ValueError, r"x has the shape \(5, 3\)"),
        ({"relu_1": torch.ones(5)}, "sum_1", ValueError, "relu_1 has the shape"),
        ({"relu_1": (torch.ones(5, 4),) * 2}, "sum_1", ValueError, "has 1 outputs, and is fed 2"),
        ({}, "matmul_7", KeyError, "the nearest is 'matmul_"),
        ({"weight": torch.ones(1)}, "matmul_1", KeyError, "no node or input 'weight'"),
    ],
)
def test_what_is_wrong_is_said(layers, feeds, fetches, error, words):
    with pytest.raises(error, match=words):
        layers[0].run(feeds, fetches)
