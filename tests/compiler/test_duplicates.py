"""Copies under a tracer: programs, and kernels of their own where memory is turned."""

import numpy as np
import pytest

import rushlight as rl
from rushlight.compiler.compiled import compile
from rushlight.compiler.graph import Elements
from rushlight.compiler.passes.fuse import fused
from tests.compiler.passes.programs import ops, traced

X = rl.randn(3, 4, 5)
COPIES = {
    "clone": lambda x: x.clone(),
    "rows": lambda x: x[..., 1:4].contiguous(),
    "turned": lambda x: x.permute(2, 0, 1).contiguous(),
    "flat": lambda x: x.permute(2, 0, 1).reshape(-1),
    "stretched": lambda x: x[:1].expand(3, 4, 5).contiguous(),
    "reversed": lambda x: x.flip(0).clone(),
    "double": lambda x: x.double(),
    "turned halves": lambda x: x.permute(2, 1, 0).contiguous().half(),
    "whole": lambda x: (x * 100).int(),
    "truth": lambda x: (x * x).bool(),
    "empty": lambda x: x[:0].clone(),
    "scalar": lambda x: x[0, 0, 0].clone(),
}


@pytest.mark.parametrize("name", COPIES)
def test_copies_have_the_numbers_and_layout_of_eager_ones(name):
    f = COPIES[name]
    compiled = compile(f, fullgraph=True)
    for x in (X, X * 2, X - 1):
        found, wanted = compiled(x), f(x)
        assert found.dtype == wanted.dtype and found.stride() == wanted.stride()
        assert np.array_equal(found.numpy(), wanted.numpy())


def test_into_other_types_and_shapes():
    def f(x):
        out = rl.zeros(3, 4, 5, dtype=rl.float64)
        out.copy_(x[0])
        return out

    compiled = compile(f, fullgraph=True)
    assert all((compiled(x) == f(x)).all() for x in (X, X * 2))


def test_a_turned_copy_keeps_its_kernel_while_it_is_alone():
    (node,) = traced(COPIES["turned"], X).nodes
    assert isinstance(node.body, Elements) and node.body.alone is not None


def test_a_turned_copy_joins_what_reads_it():
    graph = fused(traced(lambda x: x.permute(2, 0, 1).contiguous() * 2, X))
    assert ops(graph) == ["clone+mul"] and graph.nodes[0].body.alone is None
