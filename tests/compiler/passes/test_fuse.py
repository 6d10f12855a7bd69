"""Pointwise fusion: what joins, what must stay apart, and that results stay."""

import numpy as np
import pytest

import rushlight as rl
from rushlight.compiler import passes
from rushlight.compiler.compiled import compile
from rushlight.compiler.graph import Elements, Graph, Node, Place, Storage
from rushlight.compiler.lower import overlap, supported
from rushlight.compiler.passes.fuse import MOST_STEPS, fused
from tests.compiler.passes.programs import check, ops, traced

BATCH = 25


@pytest.mark.parametrize("first", range(0, 200, BATCH))
def test_random_programs_give_what_eager_gives(first, monkeypatch):
    monkeypatch.setattr(passes, "PASSES", (fused,))
    for seed in range(first, first + BATCH):
        check(seed)


@pytest.mark.parametrize("first", range(1000, 1200, BATCH))
def test_random_programs_through_all_passes(first):
    for seed in range(first, first + BATCH):
        check(seed)


def after(f, *args):
    return fused(traced(f, *args))


def test_a_chain_is_one_node_that_writes_only_its_end():
    (node,) = after(lambda x: ((x * 2).relu() + 1).tanh(), rl.randn(8, 9)).nodes
    assert node.op == "mul+relu+add+tanh" and len(node.outputs) == 1
    assert [m.op for m in node.members] == ["mul", "relu", "add", "tanh"]


def test_equal_steps_are_taken_once():
    (node,) = after(lambda x: (x * 2).exp() + (x * 2).exp(), rl.randn(8)).nodes
    assert len(node.body.steps) == 3


def test_readers_of_one_array_join():
    graph = after(lambda x: (x + 1, x * 2, x - 3), rl.randn(50))
    assert ops(graph) == ["add+mul+sub"] and len(graph.nodes[0].outputs) == 3


def test_an_update_in_place_joins_what_reads_before_and_after_it():
    def f(x):
        before = x * 2
        x.add_(1)
        return before, x * 3

    (node,) = after(f, rl.randn(40)).nodes
    assert node.op == "mul+add+copy_" and len(node.outputs) == 3


def test_sums_join_what_makes_their_terms():
    assert ops(after(lambda x: (x * x).sum(), rl.randn(20, 30))) == ["mul+sum"]


def test_what_reads_a_sum_stays_behind_it():
    assert ops(after(lambda x: x * 2 + (x * 2).sum(), rl.randn(20, 30))) == ["mul+sum", "add"]


def test_other_shapes_stay_apart():
    assert ops(after(lambda x: (x + 1)[0] * 2, rl.randn(5, 6))) == ["add", "mul"]


def test_what_lies_between_keeps_two_apart():
    """x @ x must run after the first and before the last."""

    def f(x):
        y = x + 1
        return y * (y @ y)

    assert ops(after(f, rl.randn(16, 16))) == ["add", "matmul", "mul"]


def test_other_elements_of_one_storage_stay_apart():
    def f(x):
        x[1:].copy_(x[1:] * 2)
        return x[:-1] + 1

    a = rl.randn(9)
    assert ops(after(f, a.clone())) == ["mul+copy_", "add"]
    assert (compile(f)(a.clone()) == f(a.clone())).all()


@pytest.mark.parametrize("shift", [1, 3])
def test_a_copy_onto_itself_elsewhere(shift):
    """Memory that is read and written at once as other elements needs a copy in between, as NumPy makes."""

    def f(x):
        x[shift:].copy_(x[:-shift])

    compiled = compile(f)
    for _ in range(2):
        a = rl.randn(1000)
        b = a.clone()
        compiled(a)
        f(b)
        assert (a == b).all()


def test_programs_do_not_grow_without_end():
    def f(x):
        for k in range(3 * MOST_STEPS):
            x = (x + k).sin()
        return x

    nodes = after(f, rl.randn(4)).nodes
    assert len(nodes) > 3 and all(len(n.body.steps) <= MOST_STEPS for n in nodes)


def test_seven_dimensions_have_no_kernel_and_still_run():
    def f(x):
        return (x + 1) * x

    x = rl.randn(1, 2, 1, 3, 2, 2, 2)
    graph = after(f, x)
    assert ops(graph) == ["add", "mul"] and not supported(graph.nodes[0].body)
    compiled = compile(f)
    assert all((compiled(y) == f(y)).all() for y in (x, x * 2))


def test_empty_arrays_join():
    f = compile(lambda x: ((x + 1) * 2, (x + 1).sum()))
    for _ in range(2):
        y, total = f(rl.zeros(0, 3))
        assert y.shape == (0, 3) and total.item() == 0


def test_many_nodes_take_little_time():
    """Joining touches the neighbours of a group, not all groups."""
    import time

    def f(x, w):
        for _ in range(100):
            x = (x @ w).relu() * 0.5 + x
            w.add_(0.1)
        return x

    graph = traced(f, rl.randn(8, 8), rl.randn(8, 8))
    start = time.perf_counter()
    after = fused(graph)
    assert time.perf_counter() - start < 1 and len(graph.nodes) == 600 and len(after.nodes) <= 400


def test_overlap():
    s = Storage(1, 400, "temporary")

    def place(offset, shape, strides):
        return Place(s, offset, shape, strides, np.dtype(np.float32))

    assert overlap(place(0, (10,), (4,)), place(36, (10,), (4,)))
    assert not overlap(place(0, (10,), (4,)), place(40, (10,), (4,)))
    assert not overlap(place(0, (5, 5), (40, 4)), place(20, (5, 5), (40, 4)))  # columns of one matrix
    assert not overlap(place(0, (0,), (4,)), place(0, (10,), (4,)))


def test_a_graph_of_one_node_is_left_alone():
    x = Place(Storage(1, 16, "argument"), 0, (4,), (4,), np.dtype(np.float32))
    y = Place(Storage(2, 16, "temporary"), 0, (4,), (4,), np.dtype(np.float32))
    node = Node("copy_", (x,), {}, (y,), Elements((), {"x": x}, {y: "x"}, (4,)))
    assert fused(Graph([node], {y.storage})).nodes == [node]
