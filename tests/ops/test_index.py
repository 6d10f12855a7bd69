"""Errors and special behaviour of gather, scatter, slices by position, masks, take and put, against torch."""

from __future__ import annotations

import numpy as np
import pytest

import rushlight as rl

torch = pytest.importorskip("torch")

#: calls that torch refuses, with words that both messages hold
REFUSED = """
t.gather(m, 1, L([[0, 5]])) | index 5 is out of bounds for dimension 1 with size 3
t.gather(m, 1, L([[0, -1]])) | index -1 is out of bounds for dimension 1 with size 3
t.gather(m, 1, L([0])) | Index tensor must have the same number of dimensions as input tensor
t.gather(m, 1, L([[0.0]])) | Expected dtype int32/int64 for index
t.gather(m, 1, L([[0], [0], [0]])) | to be no larger than self [2, 3] apart from dimension 1
t.gather(m, 2, L([[0]])) | Dimension out of range
t.scatter(m, 1, L([[0, 5]]), m) | index 5 is out of bounds for dimension 1 with size 3
t.scatter(m, 1, L([[0, 1]]), m.double()) | Expected self.dtype to be equal to src.dtype
t.scatter(m, 1, L([[0, 1]]), L([[1.0]])) | to be no larger size than src [1, 1]
t.scatter(m, 1, L([0, 1]), 2.5) | Index tensor must have the same number of dimensions
t.scatter(m, 1, L([[0, 1]]), m, reduce="amax") | reduce argument must be either add or multiply
t.scatter(m, 1, L([[0]])) |
m.scatter(1, L([[0]]), m, value=3) |
t.scatter(m, 1, L([[0]]), 3j) | without overflow
t.scatter_add(m, 1, L([[0, 9], [1, 1]]), m) | index 9 is out of bounds for dimension 1 with size 3
t.scatter_add(m, 1, L([[0, 0], [1, 1]]), m.double()) | Expected self.dtype to be equal to src.dtype
t.scatter_reduce(m, 1, L([[0, 0], [1, 1]]), m, "foo") | must be either sum, prod, mean, amax or amin, got foo
t.index_select(m, 0, L([0, 5])) | index out of range in self
t.index_select(m, 0, L([[0, 1]])) | Index is supposed to be a vector
t.index_select(m, 1, L([0.0])) | Expected dtype
t.index_select(L(3.0), 0, L([0, 0])) | Index to scalar can have only 1 value, got 2 value(s)
t.index_add(m, 0, L([0]), m) | Number of indices (1) should be equal to source.size(dim): (2), for dim: 0
t.index_add(m, 0, L([0, 7]), m) | index 7 is out of bounds for dimension 0 with size 2
t.index_add(m, 0, L([0, 1]), m.double()) | must have the same scalar type
t.index_add(m, 0, L([0, 1]), m[:, :2]) | source tensor shape must match self tensor shape
t.index_copy(m, 0, L([0, -1]), m) | index -1 is out of bounds for dimension 0 with size 2
t.index_copy(m, 0, L([0]), m) | Number of indices (1) should be equal to source.size(dim) (2)
t.index_copy(m, 0, L([0, 1]), m.double()) | self and source expected to have the same dtype
t.index_copy(m, 0, L([0, 1], dtype=t.int32), m) | Expected a long tensor for index
t.index_copy(m, 0, L([0, 1]), m[:, :2]) | must have same slice shapes
t.index_fill(m, 0, L([7]), 5) | index 7 is out of bounds for dimension 0 with size 2
t.index_fill(m, 0, L([0]), L([5.0])) | only supports a 0-dimensional value tensor
t.index_reduce(m, 0, L([0, 0]), m, "sum") | Expected reduce to be one of prod, mean, amax or amin but got sum
t.index_reduce(m, 0, L([0, 9]), m, "amin") |
t.take(m, L([[0, 6]])) | out of range: tried to access index 6 on a tensor of 6 elements
t.take(m, L([0.0])) | Expected a long tensor for index
t.take(t.zeros(0), L([0])) | tried to take from an empty tensor
t.take_along_dim(m, L([0, 2]), 1) | should have the same number of dimensions
t.put(m, L([0, 1]), L([5.0])) | Expected source and index to have the same number of elements
t.masked_fill(m, L([1, 0, 0]), 5) | only supports boolean masks
t.masked_fill(m, L([True, False]), 5) | must match the size of tensor
t.masked_fill(m, m > 2, L([5.0])) | only supports a 0-dimensional value tensor
t.masked_fill(m.half(), m > 2, -1e9) | without overflow
m[0].masked_fill_(m > 1, 5.5) | output with shape [3] doesn't match the broadcast shape [2, 3]
t.masked_select(m, L([1, 0, 1])) | expected BoolTensor for mask
t.masked_scatter(m, m > 2, L([9.0, 8])) | Number of elements of source < number of ones in mask
t.masked_scatter(m, m > 2, L([9, 8, 7])) | expected self and source to have same dtypes
t.index_put(m, (L([0, 9]),), L(1.0)) | index 9 is out of bounds for dimension 0 with size 2
t.index_put(m, (L([0, 0]),), L(1), accumulate=True) | the source and destination dtypes match
t.index_put(m, [L([0, 0])], L([1.0, 2.0])) | shape mismatch: value tensor of shape [2] cannot be broadcast
t.nn.functional.one_hot(L([0, 2]), 2) | Class values must be smaller than num_classes.
t.nn.functional.one_hot(L([0, -2]), 2) | Class values must be non-negative.
t.nn.functional.one_hot(L([0.0]), 2) | one_hot is only applicable to index tensor of type LongTensor
t.unravel_index(L([1.0]), (2, 3)) | expected 'indices' to be integer dtype
m.fill_(L([3.0])) | fill_ only supports 0-dimension value tensor
m.copy_(L([1, 2])) |
m.copy_(L([[[1, 2, 3]]])) | doesn't match the broadcast shape [1, 2, 3]
t.tril(m[0]) | must have at least 2 dimensions
t.repeat_interleave(m, L([1, 2])) | repeats must have the same size as input along dim
t.repeat_interleave(m, -1) | Repeats must be non-negative
m.repeat(2) | can not be smaller than number of dimensions of tensor
m.repeat(-1, 1) | Trying to create tensor with negative dimension
t.roll(m, (1, 2), (0,)) | shifts and dimensions must align. shifts: 2, dims:1
t.rot90(m, 1, [0, 0]) | expected rotation dims to be different
t.flip(m, [0, 0]) | appears multiple times in the list of dims
t.fliplr(m[0]) | Input must be >= 2-d.
t.diag(m[None]) | Supports 1D or 2D tensors. Got 3D
t.diag_embed(m, 0, 0, 0) | diagonal dimensions cannot be identical 0, 0
t.meshgrid(m[0], L([1]), indexing="ij") | meshgrid expects all tensors to have the same dtype
t.meshgrid(m[0], indexing="no") | indexing must be one of "xy" or "ij"
t.cartesian_prod(m) | Expect a 1D vector, but got shape [2, 3]
t.combinations(m) | Expect a 1D vector, but got shape [2, 3]
t.block_diag(m[None]) | Input tensors must have 2 or fewer dimensions
t.broadcast_tensors(m, m[:, :2]) | must match the size of tensor
"""


def rows(table):
    return [
        tuple(part.strip() for part in line.split(" | "))
        for line in table.strip().replace(" |\n", " | \n").split("\n")
    ]


def run(text, library):
    names = {"t": library, "L": library.tensor, "m": library.arange(6.0).view(2, 3)}
    return eval(text, names)


@pytest.mark.parametrize(
    ("text", "words"), [(r[0].removesuffix(" |"), r[1] if len(r) > 1 else "") for r in rows(REFUSED)]
)
def test_refused_as_torch_refuses(text, words):
    with pytest.raises(Exception) as theirs:  # noqa: PT011, B017 (its type is what is asked)
        run(text, torch)
    with pytest.raises(theirs.type) as mine:
        run(text, rl)
    assert words in str(theirs.value)
    assert words in str(mine.value)


def test_expanded_index_moves_slices():
    """An index expanded over the other dimensions takes whole rows: the same numbers and gradients."""
    rng = np.random.default_rng(0)
    grads = []
    for library in (rl, torch):
        x = library.tensor(rng.normal(size=(50, 8)) * 0 + np.arange(400).reshape(50, 8), requires_grad=True)
        i = library.tensor(np.array([3, 3, 49, 0] * 5)).unsqueeze(1).expand(20, 8)
        y = library.zeros(50, 8, dtype=library.float64).scatter_add(0, i, x.gather(0, i) ** 2)
        y.sum().backward()
        grads.append((y.detach().numpy(), x.grad.numpy()))
    assert np.array_equal(grads[0][0], grads[1][0]) and np.array_equal(grads[0][1], grads[1][1])


def test_in_place_writes_touch_only_their_places():
    x = rl.zeros(4, 3)
    memory = x.numpy()
    x.index_add_(0, rl.tensor([1]), rl.ones(1, 3)).index_fill_(1, rl.tensor([2]), 5)
    x.scatter_(0, rl.tensor([[3]]), 7.0).masked_fill_(rl.tensor([[True], [False], [False], [False]]), -1)
    x.put_(rl.tensor([11]), rl.tensor([9.0])).index_copy_(0, rl.tensor([2]), rl.ones(1, 3) * 2)
    assert x.numpy() is memory and x._version == 6
    assert x.tolist() == [[-1, -1, -1], [1, 1, 5], [2, 2, 2], [7, 0, 9]]


def test_in_place_on_views():
    """Through a view that is not contiguous, the base is written to."""
    for call in (
        lambda v, k: v.scatter_add_(0, k.tensor([[0, 1, 0]]), k.ones(1, 3)),
        lambda v, k: v.put_(k.tensor([5, 0]), k.tensor([8.0, 9.0])),
        lambda v, k: v.index_add_(1, k.tensor([2, 2]), k.ones(4, 2)),
        lambda v, k: v.index_put_((k.tensor([0, 0]),), k.ones(3), accumulate=True),
        lambda v, k: v.scatter_reduce_(0, k.tensor([[0, 1, 0]]), k.ones(1, 3), "amax"),
        lambda v, k: v.masked_scatter_(v >= 0, k.arange(12.0)),
        lambda v, k: v.zero_(),
    ):
        results = []
        for library in (rl, torch):
            base = library.zeros(3, 4)
            call(base.t(), library)
            results.append(base.tolist())
        assert results[0] == results[1]


def test_in_place_gradients_on_views():
    for call in (
        lambda v, w, k: v.index_add_(0, k.tensor([0, 0]), w),
        lambda v, w, k: v.index_copy_(0, k.tensor([1, 0]), w),
        lambda v, w, k: v.copy_(w[0]),
        lambda v, w, k: v.masked_fill_(w[0] > 0, w[0, 0]),
        lambda v, w, k: v.fill_(w[1, 1]),
        lambda v, w, k: v.scatter_add_(1, k.tensor([[0, 0, 1], [1, 1, 2]]), w),
    ):
        grads = []
        for library in (rl, torch):
            x = library.arange(9.0, dtype=library.float64).view(3, 3).requires_grad_()
            w = library.tensor(
                [[1.0, -2.0, 3.0], [0.5, 4.0, -1.0]], dtype=library.float64, requires_grad=True
            )
            y = x * 1
            call(y[1:], w, library)
            (y * y).sum().backward()
            grads.append((x.grad.tolist(), w.grad.tolist()))
        assert grads[0] == grads[1]


def test_a_leaf_is_protected():
    x = rl.zeros(3, requires_grad=True)
    for call in (lambda: x.zero_(), lambda: x.fill_(1), lambda: x.index_fill_(0, rl.tensor([0]), 1)):
        with pytest.raises(RuntimeError, match="leaf Variable that requires grad"):
            call()
    with rl.no_grad():
        assert x.fill_(2).tolist() == [2, 2, 2]


@pytest.mark.parametrize(
    "kind", ["uint8", "int8", "int64", "float16", "bfloat16", "float32", "bool", "complex64"]
)
def test_numbers_that_do_not_fit(kind):
    """fill_, masked_fill, index_fill and scatter refuse the numbers that torch refuses."""
    numbers = (-1, 300, -129, 200, -300, 2**40, 1e39, -1e9, float("inf"), float("nan"), 1.5, 1j)
    for value in numbers:
        answers = []
        for library in (rl, torch):
            x = library.zeros(2, dtype=getattr(library, kind))
            i, mask = library.tensor([0]), library.tensor([True, False])
            for call in (
                lambda x=x, v=value: x.clone().fill_(v),
                lambda x=x, v=value, m=mask: x.masked_fill(m, v),
                lambda x=x, v=value, i=i: x.index_fill(0, i, v),
                lambda x=x, v=value, i=i: x.scatter(0, i, v),
            ):
                try:
                    answers.append(str(call().tolist()))
                except RuntimeError:
                    answers.append("refused")
        assert answers[:4] == answers[4:], (value, answers)


def test_take_along_dim_flat_and_not_contiguous():
    x = rl.arange(12.0).view(3, 4).t()
    assert rl.take_along_dim(x, rl.tensor([1, 11])).tolist() == [4.0, 11.0]


def test_combinations_of_nothing():
    assert tuple(rl.combinations(rl.arange(3), 0).shape) == (0,)
    assert tuple(rl.combinations(rl.arange(3), 5).shape) == (0, 5)


def test_meshgrid_without_indexing_advises():
    with pytest.warns(UserWarning, match="indexing='ij'"):
        rl.meshgrid(rl.arange(2), rl.arange(3))
