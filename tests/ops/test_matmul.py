"""Products: messages that name both shapes, integers that wrap around, nodes, memory."""

from __future__ import annotations

import numpy as np
import pytest

import rushlight as rl
from rushlight.nn import functional as F

torch = pytest.importorskip("torch")


def ones(*shape: int, dtype: str = "float32") -> rl.Tensor:
    return rl.from_numpy(np.ones(shape, dtype))


REFUSALS = [
    (
        lambda: rl.matmul(ones(64, 1000), ones(100, 10)),
        r"matmul: \(64, 1000\) @ \(100, 10\): the inner sizes 1000 and 100 differ",
    ),
    (
        lambda: rl.matmul(ones(64, 1000), ones(100, 10)),
        r"mat1 and mat2 shapes cannot be multiplied \(64x1000 and 100x10\)",
    ),
    (lambda: ones(2, 3) @ ones(2, 3), r"\(2x3 and 2x3\)"),
    (
        lambda: rl.matmul(ones(2, 2, 3), ones(2, 2, 3)),
        r"Expected size for first two dimensions of batch2 tensor to be: \[2, 3\]",
    ),
    (
        lambda: rl.matmul(ones(2, 2, 3), ones(3, 3, 2)),
        r"leading dimensions \(2,\) and \(3,\) do not broadcast",
    ),
    (lambda: rl.matmul(ones(2, 3), ones(2)), r"size mismatch, got input \(2\), mat \(2x3\), vec \(2\)"),
    (lambda: rl.matmul(ones(3), ones(2)), "inconsistent tensor size"),
    (
        lambda: rl.matmul(ones(), ones(2)),
        "both arguments to matmul need to be at least 1D, but they are 0D and 1D",
    ),
    (lambda: rl.mm(ones(2, 3), ones(3)), "mat2 must be a matrix"),
    (lambda: rl.bmm(ones(2, 3), ones(2, 3)), "batch1 must be a 3D tensor"),
    (lambda: rl.mv(ones(2, 3), ones(2, 3)), r"vector \+ matrix @ vector expected"),
    (lambda: rl.dot(ones(2, 3), ones(2, 3)), "1D tensors expected, but got 2D and 2D tensors"),
    (lambda: rl.mm(ones(2, 3), ones(3, 2, dtype="float64")), "same dtype, but got: float32 != float64"),
    (
        lambda: rl.addmm(ones(5), ones(2, 3), ones(3, 2)),
        r"must match the existing size \(5\) at non-singleton dimension 1",
    ),
    (
        lambda: rl.addmm(ones(2, dtype="float64"), ones(2, 3), ones(3, 2)),
        "self and mat2 must have the same dtype",
    ),
    (lambda: rl.outer(ones(2, 3), ones(3)), "Expected 1-D argument self, but got 2-D"),
    (lambda: rl.inner(ones(2, 3), ones(2, 2)), "the last dimension must match"),
    (lambda: rl.tensordot(ones(2, 3), ones(2, 3), dims=1), "contracted dimensions need to match"),
    (lambda: rl.tensordot(ones(2, 3), ones(2, 3), dims=3), "tensordot expects dims < ndim_a or ndim_b"),
    (
        lambda: rl.tensordot(ones(2, 3), ones(2, 3), dims=([0], [0, 1])),
        "both dimension lists should have same length",
    ),
    (lambda: rl.linalg.multi_dot([ones(2, 3)]), "expected at least 2 tensors but got 1"),
    (lambda: rl.linalg.multi_dot([ones(2, 3), ones(2, 3)]), "tensors 0 and 1 with shapes"),
    (
        lambda: F.linear(ones(2, 3), ones(3, 2)),
        r"linear: input \(2, 3\), weight \(3, 2\): the input's last size 3 and the weight's in_features 2",
    ),
    (
        lambda: F.linear(ones(2, 3), ones(2, 3), ones(3)),
        r"bias \(3,\): the bias must have the weight's 2 out features",
    ),
    (
        lambda: F.linear(ones(2, 3), ones(2, 3), ones(2, dtype="float64")),
        "self and mat2 must have the same dtype",
    ),
    (lambda: F.linear(ones(), ones(2, 3)), "need to be at least 1D"),
    (lambda: F.bilinear(ones(2, 3), ones(2, 2), ones(4, 3, 3)), "input sizes do not match weight size"),
]


@pytest.mark.parametrize(("call", "message"), REFUSALS)
def test_refusals_say_what_and_why(call, message) -> None:
    with pytest.raises(RuntimeError, match=message):
        call()


def test_booleans_are_refused_numbers_are_no_tensors() -> None:
    b = ones(2, 2) > 0
    with pytest.raises(NotImplementedError, match="Bool"):
        rl.mm(b, b)
    with pytest.raises(TypeError):
        rl.matmul(ones(2, 2), "x")


@pytest.mark.parametrize("dtype", ["int8", "uint8", "int16", "int32", "int64"])
@pytest.mark.parametrize("size", [3, 40])
def test_integers_wrap_around(dtype: str, size: int) -> None:
    info = np.iinfo(dtype)
    rng = np.random.default_rng(0)
    a, b = (rng.integers(info.min, info.max, (size, size), dtype=dtype, endpoint=True) for _ in range(2))
    for x, y in ((a, b), (a // 64, b // 64), (a[0], b), (a[0], b[0])):
        expected = torch.matmul(torch.from_numpy(x), torch.from_numpy(y)).numpy()
        np.testing.assert_array_equal(rl.matmul(rl.from_numpy(x), rl.from_numpy(y)).numpy(), expected)


def test_halves_are_multiplied_in_float32() -> None:
    a = rl.full((1, 4096), 0.1, dtype=rl.bfloat16)
    assert abs((a @ a.T).item() - 4096 * 0.10009765625**2) < 0.2


def test_nothing_inside_gives_zeros() -> None:
    assert rl.mm(ones(2, 0), ones(0, 3)).tolist() == [[0.0] * 3] * 2
    assert rl.bmm(ones(1, 2, 0), ones(1, 0, 1)).tolist() == [[[0.0], [0.0]]]
    assert rl.dot(ones(0), ones(0)).item() == 0
    assert F.linear(ones(2, 0), ones(3, 0), ones(3)).tolist() == [[1.0] * 3] * 2


def test_beta_zero_does_not_look_at_the_input() -> None:
    nan = rl.full((2, 2), float("nan"))
    assert rl.addmm(nan, ones(2, 2), ones(2, 2), beta=0).tolist() == [[2.0, 2.0]] * 2
    assert rl.baddbmm(nan, ones(1, 2, 2), ones(1, 2, 2), beta=0).tolist() == [[[2.0, 2.0]] * 2]


def test_linear_is_one_node() -> None:
    x, w, b = (ones(*s).requires_grad_() for s in ((2, 3), (4, 3), (4,)))
    y = F.linear(x, w, b)
    assert y.grad_fn.name() == "AddmmBackward0"
    assert [type(f[0]).__name__ for f in y.grad_fn.next_functions] == ["AccumulateGrad"] * 3 or len(
        y.grad_fn.next_functions
    ) == 3
    y.sum().backward()
    assert (
        x.grad.tolist() == [[4.0] * 3] * 2
        and w.grad.tolist() == [[2.0] * 3] * 4
        and b.grad.tolist() == [2.0] * 4
    )


def test_only_what_is_asked_for_is_kept() -> None:
    w = ones(4, 3).requires_grad_()
    x = ones(2, 3)
    y = F.linear(x, w)
    x.mul_(2.0)  # the weight's gradient needs x as it was
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        y.sum().backward()
    x, w = ones(2, 3).requires_grad_(), ones(4, 3)
    y = F.linear(x, w)
    y.sum().backward()
    assert x.grad.tolist() == [[4.0] * 3] * 2


def test_cheapest_order_of_a_chain() -> None:
    from rushlight.ops.tensor_products import cheapest_splits

    splits = cheapest_splits(
        (30, 35, 15, 5, 10, 20, 25)
    )  # Cormen et al., Introduction to Algorithms, figure 15.5
    assert splits[0, 5] == 2 and splits[0, 2] == 0 and splits[3, 5] == 4


def test_out_and_in_place() -> None:
    out = rl.empty(2, 2)
    assert rl.mm(ones(2, 3), ones(3, 2), out=out) is out and out.tolist() == [[3.0, 3.0]] * 2
    assert out.addmm_(ones(2, 3), ones(3, 2), beta=2).tolist() == [[9.0, 9.0]] * 2
