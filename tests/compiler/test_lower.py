"""Lowering: programs become kernels, and what has none runs by NumPy with the same results."""

import numpy as np
import pytest

import rushlight as rl
from rushlight.compiler.graph import Elements, Host, Place, Storage
from rushlight.compiler.lower import lowered, overlap, strides_in, supported
from rushlight.compiler.reference import by_numpy, results
from tests.compiler.passes.programs import traced

F32 = np.dtype(np.float32)


def place(storage, offset, shape, strides):
    return Place(storage, offset, shape, strides, F32)


def test_overlap():
    s = Storage(1, 400, "temporary")
    assert overlap(place(s, 0, (10,), (4,)), place(s, 36, (10,), (4,)))
    assert not overlap(place(s, 0, (10,), (4,)), place(s, 40, (10,), (4,)))
    assert not overlap(place(s, 0, (5, 5), (40, 4)), place(s, 20, (5, 5), (40, 4)))  # columns of one matrix
    assert not overlap(place(s, 0, (0,), (4,)), place(s, 0, (10,), (4,)))


def test_strides_of_a_stretched_place():
    s = Storage(1, 400, "temporary")
    assert strides_in(place(s, 0, (5,), (4,)), (3, 5)) == (0, 1)
    assert strides_in(place(s, 0, (3, 1), (20, 4)), (3, 5)) == (5, 0)


def test_programs_on_memory_that_moves_within_itself_have_no_kernel():
    s = Storage(1, 400, "temporary")
    source, target = place(s, 0, (9,), (4,)), place(s, 4, (9,), (4,))
    assert not supported(Elements((), {"x": source}, {target: "x"}, (9,)))
    assert supported(Elements((), {"x": source}, {source: "x"}, (9,)))
    assert supported(Elements((), {"x": source}, {place(s, 40, (9,), (4,)): "x"}, (9,)))


PROGRAMS = {
    "float": lambda x: (x * 2 + 1).tanh(),
    "compare": lambda x: rl.where(x > 0, x, -x) * (x < 1),
    "halves": lambda x: (x.half() * 1.1).float(),
    "whole": lambda x: (x * 10).int() + 3,
    "sum": lambda x: (x * x).sum(),
    "rows": lambda x: x.amax(-1, keepdim=True),
    "mean": lambda x: x.mean(0),
}


@pytest.mark.parametrize("name", PROGRAMS)
@pytest.mark.parametrize("shape", [(4, 6), (1,), (3, 1, 5)])
def test_numpy_gives_what_eager_gives(name, shape):
    """Every node of a program as Python code: results go from place to place as arrays."""
    f, x = PROGRAMS[name], rl.randn(*shape)
    graph = traced(f, x)
    arrays = {}
    for node in graph.nodes:
        given = [arrays.get(p, x.numpy()) for p in node.body.inputs.values() if p.__class__ is Place]
        host = by_numpy(node.body)
        arrays |= dict(zip(host.gives, host.run(*given), strict=True))
    found, wanted = list(arrays.values())[-1], f(x).numpy()
    assert found.dtype == wanted.dtype
    np.testing.assert_allclose(found, wanted, rtol=1e-6, atol=1e-6)


def test_what_is_written_is_no_view_of_what_is_read():
    s, t = Storage(1, 16, "outside"), Storage(2, 16, "temporary")
    x = np.arange(4, dtype=np.float32)
    body = Elements((), {"x": place(s, 0, (4,), (4,))}, {place(t, 0, (4,), (4,)): "x"}, (4,))
    (found,) = results(body, [x])
    assert not np.shares_memory(found, x) and (found == x).all()


def test_seven_dimensions_run_by_numpy():
    (node,) = traced(lambda x: x + 1, rl.randn(1, 2, 1, 3, 2, 2, 2)).nodes
    assert isinstance(lowered(node), Host)
