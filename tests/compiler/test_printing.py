"""A printed graph is a program: it runs, and gives the numbers of the function that was compiled."""

from __future__ import annotations

import numpy as np
import pytest

import rushlight as torch
from rushlight.compiler.compiled import compile
from rushlight.compiler.graph import Place, Storage
from rushlight.compiler.printing import Unspelled, literal
from rushlight.compiler.viewing import spelled

from .programs import Net, functions

nn = torch.nn


def copies(args):
    return tuple(a.clone() for a in args)


def same(found, expected):
    found, expected = ([v] if isinstance(v, torch.Tensor) else v for v in (found, expected))
    assert len(found) == len(expected)
    for a, b in zip(found, expected, strict=True):
        assert a.dtype == b.dtype and a.shape == b.shape
        np.testing.assert_allclose(a.detach().numpy(), b.detach().numpy(), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("form", ["traced", "finished"])
@pytest.mark.parametrize("name", functions())
def test_text_runs(name, form):
    f, args = functions()[name]
    compiled = compile(f)
    for _ in range(2):
        compiled(*copies(args))
    graph = compiled.graph if form == "finished" else compiled.graph.traced
    values, given, expected = graph.values(), copies(args), copies(args)
    named = dict(zip([n for n in graph.inputs if n not in values], given, strict=True))
    found = graph.function()(**named, **values)
    same(found, compiled(*expected))
    same(given, expected)
    same(list(values.values()), list(graph.values().values()))


def test_where_nodes_come_from():
    torch.manual_seed(0)
    net = Net()
    compiled = compile(lambda x: net(x).sum(), fullgraph=True)
    compiled(torch.randn(5, 4))
    nodes = {n.name: n for n in compiled.graph.traced.nodes}
    assert nodes["linear_1"].module == "Net.enter" and nodes["relu_1"].module == "Net.middle.1"
    assert nodes["linear_2"].line[0].endswith("programs.py")
    backward = {n.name: n for n in compiled.graph.backward.traced.nodes}
    assert backward["matmul_1"].module == "Net.leave", "it belongs to what it is the derivative of"
    text = str(compiled.graph)
    assert "linear_1 = torch.nn.functional.linear(x, enter_weight, enter_bias)" in text
    assert "float32[5, 8]  Net.enter" in text and "x,  # float32[5, 4]" in text


def test_names_are_those_of_the_function():
    weights = {"a": torch.ones(2), "b": torch.ones(2)}

    def f(x, *, others):
        return x * weights["a"] + others[1] * weights["b"]

    compiled = compile(f)
    compiled(torch.ones(2), others=[torch.ones(1), torch.ones(2)])
    assert set(compiled.graph.inputs) == {"x", "others_1", "weights_a", "weights_b"}


def test_no_graph_before_the_first_call():
    with pytest.raises(RuntimeError, match="no graph before the first call"):
        compile(lambda x: x).graph  # noqa: B018


def test_pieces_of_a_split_function_run():
    w = torch.randn(3, 3)

    @compile
    def f(x):
        y = (x @ w).exp()
        if y.sum() > 0:
            y = y / 2
        return y.log()

    for _ in range(3):
        f(torch.randn(2, 3))
    second, first = f.graphs
    x = torch.randn(2, 3)
    y, found = first.function()(x0=x, w=w)
    assert found.item() is True
    same(second.function()(exp_1=y), f(x))


def test_modules_have_graphs_too():
    net = torch.compile(nn.Linear(2, 3))
    net(torch.ones(1, 2))
    assert list(net.compiled.graph.inputs) == ["input", "weight", "bias"]


def test_backward_graph_runs():
    w = torch.randn(3, 2, requires_grad=True)
    compiled = compile(lambda x: (x @ w).tanh().sum(1))
    x, g = torch.randn(4, 3), torch.randn(4)
    (expected,) = torch.autograd.grad(compiled(x), w, g)
    backward = compiled.graph.backward
    saved = torch.tanh(x @ w.detach())
    given = {"x": x, "grad": g, "tanh_1": saved, "w": w.detach()}
    same(backward.function()(**{n: given[n] for n in backward.inputs}), expected)


@pytest.mark.parametrize("v", [1, -2.5, True, None, "sum", float("nan"), float("-inf"), np.float32(0.5)])
def test_literals(v):
    np.testing.assert_equal(eval(literal(v)), v)


def test_what_has_no_literal():
    with pytest.raises(Unspelled):
        literal(object())


VIEWS = {
    "itself": lambda a: a,
    "transposed": lambda a: a.T,
    "flat": lambda a: a.reshape(-1),
    "three": lambda a: a.reshape(2, 2, 6).transpose(2, 0, 1),
    "row": lambda a: a[2],
    "column": lambda a: a[:, 3],
    "first": lambda a: a[0],
    "rows": lambda a: a[1:3],
    "columns": lambda a: a[:, :4],
    "steps": lambda a: a[::2, 1::3],
    "added": lambda a: a[:, None, :],
    "repeated": lambda a: np.broadcast_to(a[:, None, :], (4, 5, 6)),
    "in front": lambda a: np.broadcast_to(a, (2, 4, 6)),
    "one": lambda a: a[1, 1, ...],
    "one of one": lambda a: a[1:2, 2:3],
    "diagonal": lambda a: np.diagonal(a),
    "none": lambda a: a[:0],
    "bits": lambda a: a.view(np.int32),
    "bytes": lambda a: a.reshape(-1).view(np.uint8),
    "bytes of a row": lambda a: a[1].view(np.uint8).reshape(6, 4),
}


@pytest.mark.parametrize("name", VIEWS)
@pytest.mark.parametrize("from_view", [False, True])
def test_views_spelled(name, from_view):
    base = np.arange(24, dtype=np.float32).reshape(4, 6)
    storage = Storage(1, base.nbytes, "argument")
    wanted = np.asarray(VIEWS[name](base))

    def place(a):
        start = a.__array_interface__["data"][0] - base.__array_interface__["data"][0]
        return Place(storage, start, a.shape, a.strides, a.dtype)

    given = base[:, ::-1][:, ::-1].T if from_view else base
    text = spelled("v", place(given), place(wanted))
    whole = torch.from_numpy(base)
    found = eval(text, {"torch": torch, "v": whole.t() if from_view else whole})
    np.testing.assert_array_equal(found.numpy(), wanted)
