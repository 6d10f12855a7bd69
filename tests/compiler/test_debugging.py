"""debug=True: right plans pass, and of wrong ones the first node that is wrong is named."""

from __future__ import annotations

import numpy as np
import pytest

import rushlight as torch
import rushlight.compiler.planning as planning
import rushlight.compiler.split as split
import rushlight.scalar as scalar
from rushlight.compiler.compiled import compile
from rushlight.compiler.debugging import PlanError, Written, compare
from rushlight.compiler.graph import Elements, Kernels, Node, Place, Storage
from rushlight.compiler.lower import lowered

from .programs import functions


@pytest.mark.parametrize("name", functions())
def test_right_plans_pass(name):
    f, args = functions()[name]
    checked = compile(f, debug=True)
    for _ in range(3):
        found = checked(*[a.clone() for a in args])
    assert found is not None and checked.plans


def test_backward_is_checked():
    w = torch.randn(3, 2, requires_grad=True)
    compiled = compile(lambda x: (x @ w).tanh().sum(1), debug=True)
    for _ in range(3):
        compiled(torch.randn(4, 3)).sum().backward()


def test_numbers_that_vary_are_read():
    compiled = compile(lambda x, k: (x * k + 1).tanh(), debug=True)
    for k in (1.0, 2.0, 3.0, 4.0):
        compiled(torch.randn(4, 3), k)
    assert len(compiled.plans) < 4


def test_random_numbers_are_the_plans():
    compiled = compile(lambda x: torch.nn.functional.dropout(x, 0.5) * torch.rand(4) + x, debug=True)
    for _ in range(4):
        compiled(torch.randn(4))


def test_pieces_of_split_functions_are_checked(monkeypatch):
    def f(x):
        y = (x * 3).tanh()
        return y + 1 if y.sum() > 0 else y

    right = compile(f, debug=True)
    for _ in range(3):
        right(torch.ones(3))
    monkeypatch.setattr(split, "lowered", off_by_one)
    with pytest.raises(PlanError, match="(mul|tanh)_1"):
        wrong = compile(f, debug=True)
        for _ in range(3):
            wrong(torch.ones(3))


def off_by_one(node):
    """Lower a node whose program has a tanh as if it had tanh + 1."""
    body = node.body
    if isinstance(body, Elements) and "tanh" in node.op:
        first = body.steps[0]
        steps = (first._replace(expr=scalar.add(first.expr, scalar.lift(1))), *body.steps[1:])
        node = Node("tanh", (), {}, node.outputs, body._replace(steps=steps))
    return lowered(node)


def test_the_first_wrong_node_is_named(monkeypatch):
    monkeypatch.setattr(planning, "lowered", off_by_one)
    w = torch.randn(3, 2)
    compiled = compile(lambda x: ((x @ w).tanh() * 2).exp(), debug=True)
    x = torch.randn(4, 3)
    compiled(x)
    with pytest.raises(PlanError) as raised:
        compiled(x)
    text = str(raised.value)
    assert "exp_1 (test_debugging.py:" in text and "op exp, fused into fused_1 (tanh+mul+exp)" in text
    assert "8 of 8 numbers of float32[4, 2]" in text


def test_a_kernel_that_reads_what_it_should_not_is_found(monkeypatch):
    """A matmul of one row less than there are, as a wrong size in its slots would make it."""

    def shorter(node):
        if node.op == "matmul":
            launches = [launch._replace(total=0) for launch in node.body.launches]
            node = Node("matmul", node.args, {}, node.outputs, Kernels(launches))
        return lowered(node)

    monkeypatch.setattr(planning, "lowered", shorter)
    compiled = compile(lambda x: x @ x + 1, debug=True)
    compiled(torch.ones(3, 3))
    with pytest.raises(PlanError, match="first node that differs is matmul_1"):
        compiled(torch.ones(3, 3) * 2)


def written(value):
    node = Node("op", (), {}, (), None)
    place = Place(Storage(1, value.nbytes, "temporary"), 0, value.shape, value.strides, value.dtype)
    return Written(node, node, 0, place, value)


@pytest.mark.parametrize("special", [np.nan, np.inf, -np.inf, 0.0])
def test_special_numbers_are_equal_to_themselves(special):
    a = np.array([special, 1.0], np.float32)
    compare(written(a), a.copy())
    with pytest.raises(PlanError, match=r"1 of 2 numbers of float32\[2\]. Most at \[0\]"):
        compare(written(a), np.array([3.0, 1.0], np.float32))


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64, np.complex64, np.int64, np.bool_])
def test_dtypes_are_compared(dtype):
    a = np.array([[1, 0], [1, 1]]).astype(dtype)
    compare(written(a), a.copy())
    with pytest.raises(PlanError, match=r"Most at \[1, 0\]"):
        compare(written(a), np.array([[1, 0], [0, 1]]).astype(dtype))


def test_empty_arrays_are_equal():
    a = np.empty((0, 3), np.float32)
    compare(written(a), a)


def test_errors_of_pythons_parts_name_the_node():
    compiled = compile(lambda a: torch.linalg.cholesky(a + 0) * 2)
    compiled(torch.eye(3))
    with pytest.raises(RuntimeError) as raised:
        compiled(-torch.eye(3))
    (note,) = raised.value.__notes__
    assert note.startswith("in a compiled function, at linalg_cholesky_1 (test_debugging.py:")
