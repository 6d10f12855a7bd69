"""Messages of graph networks: one node for gather, arithmetic and sum, and the same bits."""

import numpy as np
import pytest

import rushlight as rl
from rushlight.compiler.compiled import compile
from rushlight.compiler.passes import optimised
from tests.compiler.passes.programs import ops, traced

NODES, EDGES = 40, 700


def given(*shape):
    rng = np.random.default_rng(len(shape))
    x = rl.from_numpy(rng.standard_normal((NODES, *shape)).astype(np.float32))
    source, target = (
        rl.from_numpy(rng.integers(-NODES, NODES, EDGES)),
        rl.from_numpy(rng.integers(0, NODES, EDGES)),
    )
    weight = rl.from_numpy(rng.standard_normal((EDGES, *[1] * len(shape))).astype(np.float32))
    return x, source, target, weight


def layer(x, source, target, weight):
    return rl.zeros_like(x).index_add(0, target, x[source] * weight)


def check(f, *args, calls=2):
    """Compiled, it gives eager's bits, call after call."""
    compiled = compile(f, fullgraph=True)
    for _ in range(calls):
        for found, wanted in zip(compiled(*args), f(*args), strict=True):
            assert (found == wanted).all()
    return ops(compiled.plans[0].graph)


@pytest.mark.parametrize("shape", [(), (1,), (7,), (16,), (40,), (200,), (3, 5), (2, 1, 4)])
def test_a_layer_is_one_node(shape):
    found = check(lambda *a: [layer(*a)], *given(*shape))
    assert [op for op in found if "index" in op] == ["index+mul+index_add"]


@pytest.mark.parametrize("threads", [1, 2, 3])
@pytest.mark.parametrize("width", [16, 100])
def test_threads_share_rows_out(threads, width, monkeypatch):
    before = rl.get_num_threads()
    try:
        rl.set_num_threads(threads)
        check(lambda *a: [layer(*a)], *given(width))
    finally:
        rl.set_num_threads(before)


def test_forward_and_backward():
    def step(x, source, target, weight):
        leaf = x.detach().requires_grad_()
        out = layer((leaf * 2).tanh(), source, target, weight).exp()
        return [out, *rl.autograd.grad(out.sum(), [leaf])]

    found = check(step, *given(16))
    assert found.count("index+mul+index_add") == 1
    assert found.count("index_select+mul+index_into_zeros") == 1


def test_without_arithmetic_and_without_gathering():
    def sums(x, source, target, weight):
        zeros = rl.zeros_like(x)
        return [zeros.index_add(0, target, x[source]), zeros.index_add(0, target, weight.expand(-1, 7) * 2)]

    found = check(sums, *given(7))
    assert "index+index_add" in found and "mul+index_add" in found


def test_two_gathered_inputs_and_one_row_for_all():
    def f(x, source, target, weight):
        message = (x[source] - x[target]) * weight + x[0]
        return [rl.zeros_like(x).index_add(0, target, message)]

    (found,) = (op for op in check(f, *given(7)) if "index_add" in op)
    assert found.startswith("index+") and "sub" in found and "add" in found


def test_what_somebody_else_reads_is_made():
    def f(x, source, target, weight):
        rows = x[source]
        message = rows * weight
        zeros = rl.zeros_like(x)
        return [rows.relu(), message.relu(), zeros.index_add(0, target, message)]

    assert "index" in check(f, *given(7))


def test_what_is_written_between_is_seen_in_its_order():
    def f(x, source, target, weight):
        x = x * 1.5
        rows = x[source] * weight
        x.add_(1)
        first = rl.zeros_like(x).index_add(0, target, rows)
        x.index_add_(0, target, x[source] * weight)
        return [first, x]

    check(f, *given(7))


def test_a_number_that_varies():
    def f(x, source, target, weight, n):
        return [rl.zeros_like(x).index_add(0, target, x[source] * n)]

    x, source, target, weight = given(7)
    compiled = compile(f, fullgraph=True)
    for n in (0.5, 1.25, -3.0, 2.0):
        (found,), (wanted,) = compiled(x, source, target, weight, n), f(x, source, target, weight, n)
        assert (found == wanted).all()


@pytest.mark.parametrize("dtype", [rl.float64, rl.float16, rl.bfloat16, rl.int32, rl.int64, rl.complex64])
def test_other_dtypes(dtype):
    x, source, target, weight = given(7)
    check(lambda *a: [layer(*a)], (x * 9).to(dtype), source, target, (weight * 9).to(dtype))


def test_int32_indices_and_none_at_all():
    x, source, target, weight = given(7)
    check(lambda *a: [layer(*a)], x, source.int(), target.int(), weight)
    check(lambda *a: [layer(*a)], x, source[:0], target[:0], weight[:0])


def test_an_index_out_of_range_is_named():
    compiled = compile(layer)
    x, source, target, weight = given(7)
    compiled(x, source, target, weight)
    source[3] = NODES
    with pytest.raises(IndexError, match=f"index {NODES} is out of bounds for a dimension of size {NODES}"):
        compiled(x, source, target, weight)


def test_debugging_compares_it_with_its_ops():
    compiled = compile(layer, debug=True)
    args = given(16)
    for _ in range(2):
        assert (compiled(*args) == layer(*args)).all()


def test_the_pass_alone_leaves_other_graphs():
    graph = optimised(traced(lambda x: x.relu().sum(0), rl.randn(4, 5)))
    assert "index" not in "".join(ops(graph))
