"""Views against torch: errors, spellings, in-place turns, writes through them, strides and offsets."""

from __future__ import annotations

import numpy as np
import pytest

import rushlight as rl

torch = pytest.importorskip("torch")

#: calls that torch refuses, with words that both messages hold
REFUSED = """
m.view(4) | shape '[4]' is invalid for input of size 6
m.view(-1, -1) | only one dimension can be inferred
m.view(-1, 4) | shape '[-1, 4]' is invalid for input of size 6
m.t().view(6) | at least one dimension spans across two contiguous subspaces
m.reshape(4) | shape '[4]' is invalid for input of size 6
m.view(t.float64) | self.size(-1) must be divisible by 2 to view
m.t().view(t.int16) | self.stride(-1) must be 1 to view
t.tensor(1.0).view(t.int16) | self.dim() cannot be 0 to view
t.zeros(2, 3).view(2, 3, 2) | is invalid for input of size 6
m.expand(2) | must be greater or equal to the number of dimensions in the tensor (2)
m.expand(3, 3) | The expanded size of the tensor (3) must match the existing size (2) at non-singleton
m.expand(-1, 2, 3) | isn't allowed in a leading, non-existing dimension 0
m.expand(-2, 3) | The expanded size of the tensor (-2) must match
m.unflatten(1, (2, -1)) | don't multiply up to the size of dim 1 (3)
m.unflatten(1, ()) | unflatten: sizes must be non-empty
m.flatten(1, 0) | start_dim cannot come after end_dim
m.permute(0) | is not equal to len(dims) = 1
m.permute(0, 0) | duplicate dims are not allowed
m.transpose(0, 2) | Dimension out of range
t.zeros(2, 3, 4).t() | expects a tensor with <= 2 dimensions
m.movedim((0, 1), (0,)) | Invalid source or destination dims
m.movedim((0, 0), (0, 1)) | repeated dim in `source` ([0, 0])
m.unsqueeze(3) | Dimension out of range
m.squeeze(2) | Dimension out of range
t.select(m, 0, 5) | select(): index 5 out of range for tensor of size [2, 3] at dimension 0
t.select(t.tensor(1.0), 0, 0) | select() cannot be applied to a 0-dim tensor.
m.narrow(1, 2, 2) | start (2) + length (2) exceeds dimension size (3)
m.narrow(1, -5, 2) | start out of range (expected to be in range of [-3, 3], but got -5)
m.narrow(1, 0, -1) | narrow(): length must be non-negative
t.tensor(1.0).narrow(0, 0, 0) | narrow() cannot be applied to a 0-dim tensor.
m.split(-1) | split expects split_size be non-negative
m.split(0) |
m.split([1, 2]) | split_with_sizes expects split_sizes to sum exactly to 2
t.tensor(1.0).split(1) | split expects at least a 1-dimensional tensor
m.chunk(0) | chunk expects `chunks` to be greater than 0, got: 0
t.tensor(1.0).chunk(1) | chunk expects at least a 1-dimensional tensor
t.tensor(1.0).unbind() | but tensor has no dimensions
m[0].diagonal() | Dimension out of range
m.diagonal(0, 0, 0) | diagonal dimensions cannot be identical 0, 0
m.unfold(1, 4, 1) | maximum size for tensor at dimension 1 is 3 but size is 4
m.unfold(1, 2, 0) | step is 0 but must be > 0
m.unfold(1, -1, 1) | size is -1 but must be >= 0
m.as_strided((2,), (9,)) | out of bounds for storage of size 24
m.as_strided((2,), (-1,)) | Negative strides are not supported at the moment
m.as_strided((2,), (1, 1)) | mismatch in length of strides and shape
m[0].mT | only supported on matrices or batches of matrices. Got 1-D tensor.
m[None].H | only supported on matrices (2-D tensors). Got 3-D tensor.
m.hsplit(2) | attempted to split along dimension 1, but the size of the dimension 3 is not divisible by
m[0].vsplit(2) | requires a tensor with at least 2 dimension
m.dsplit(2) | requires a tensor with at least 3 dimension
m.tensor_split(0) | number of sections must be larger than 0, got 0
t.select_scatter(m, m[0, :2], 0, 1) | expected src to have a size equal to the slice of self
t.cat([]) | expected a non-empty list of Tensors
t.cat([m, m[0]]) | Tensors must have same number of dimensions: got 2 and 1
t.cat([m, m[:, :2]]) | Expected size 3 but got size 2 for tensor number 1 in the list
t.cat([t.tensor(1.0)]) | zero-dimensional tensor (at position 0) cannot be concatenated
t.cat([m, m], 2) | Dimension out of range
t.cat([m, 3]) | expected Tensor as element 1 in argument 0, but got int
t.cat(m) | must be tuple of Tensors, not Tensor
t.stack([m, m[:1]]) | each tensor to be equal size, but got [2, 3] at entry 0 and [1, 3] at entry 1
t.stack([]) | stack expects a non-empty TensorList
"""
CASES = [(line + " ").split(" | ") for line in REFUSED.strip().splitlines()]


def run(text, library):
    return eval(text, {"t": library, "m": library.arange(6.0).view(2, 3)})


@pytest.mark.parametrize(
    ("text", "words"), [(c[0].removesuffix("| "), c[1].strip() if len(c) > 1 else "") for c in CASES]
)
def test_refused_as_torch_refuses(text, words):
    with pytest.raises(Exception) as theirs:  # noqa: PT011, B017 (its type is what is asked)
        run(text, torch)
    with pytest.raises(theirs.type) as mine:
        run(text, rl)
    assert words in str(theirs.value)
    assert words in str(mine.value)


#: sizes and dims as several arguments, and by keyword
SPELLINGS = """
m.view(3, 2) | m.view((3, 2)) | m.view([3, 2]) | m.view(-1) | m.reshape(6) | m.reshape(3, -1)
m.reshape((1, 6)) | m.permute(1, 0) | m.permute((1, 0)) | m.permute(dims=(1, 0)) | m[:1].expand(4, 3)
m.view(size=(6,)) | m[:1].expand((4, 3)) | m[:1].expand(-1, -1) | m.repeat(2, 2) | m.repeat((2, 2))
m.flip(0) | m.flip(0, 1) | m.flip([0, 1]) | m.tile(2) | m.tile(2, 1) | m.tile((2, 1))
m.sum_to_size(1, 3) | m.swapaxes(0, 1) | m.swapdims(0, 1) | m.moveaxis(0, 1)
m.transpose(dim0=0, dim1=1) | m.squeeze(dim=0) | m.unsqueeze(dim=-1) | m.T | m.mT | m.H | m.mH
m.adjoint() | m.view(dtype=t.int16).long() | m.narrow(1, t.tensor(1), 2) | t.broadcast_to(m, (2, 2, 3))
m.view_as(t.zeros(6)) | m.expand_as(t.zeros(2, 2, 3)) | m.unflatten(1, (3, 1)) | m.ravel()
m.t().ravel() | m.t().reshape(-1) | m.t().contiguous() | t.zeros(2, 0).view(0, 5)
t.zeros(0).expand(3, 0) | m[:, 1:].as_strided((2,), (3,)) | m.as_strided((2, 2), (1, 2), 1)
m[1].as_strided((2,), (1,)) | m[1].as_strided((2,), (1,), 1) | m[:, ::2].unfold(0, 2, 1)
m.t()[1:].select(1, 0) | m[:, 1].view(2, 1) | m[:, ::2].view(2, 1, 2) | m.expand(2, 2, 3).reshape(4, 3)
m.unsqueeze(0).transpose(0, 2).squeeze()
"""


@pytest.mark.parametrize(
    "text", [e.strip() for line in SPELLINGS.strip().splitlines() for e in line.split(" | ")]
)
def test_spellings(text):
    mine, other = run(text, rl), run(text, torch)
    assert tuple(mine.shape) == tuple(other.shape) and str(mine.dtype) == str(other.dtype)
    assert mine.tolist() == other.tolist()
    assert mine._is_view() == other._is_view()
    if mine.numel() and mine._is_view():
        longer = [i for i, n in enumerate(mine.shape) if n > 1]
        assert [mine.stride(i) for i in longer] == [other.stride(i) for i in longer]
        assert mine.storage_offset() == other.storage_offset()


TURNS = (
    "t_()",
    "transpose_(0, 1)",
    "swapaxes_(0, -1)",
    "unsqueeze_(1)",
    "squeeze_()",
    "as_strided_((2, 2), (1, 2))",
)


@pytest.mark.parametrize("turn", TURNS)
@pytest.mark.parametrize("made", ["b", "b[1:]", "b.t()", "b * 1"])
def test_turned_in_place(turn, made):
    """The tensor itself changes its shape; what was seen through it before stays, and memory stays shared."""
    results = []
    for library in (rl, torch):
        b = library.arange(12.0).view(3, 4)
        x = eval(made, {"b": b})
        seen = x[0]
        y = eval(f"x.{turn}", {"x": x})
        assert y is x
        y.mul_(2)
        results.append((tuple(x.shape), x.tolist(), seen.tolist(), b.tolist(), x._version))
    assert results[0] == results[1]


@pytest.mark.parametrize("turn", TURNS[:5])
def test_turned_in_place_gradients(turn):
    results = []
    for library in (rl, torch):
        leaf = library.arange(12.0, dtype=library.float64).view(3, 4).requires_grad_()
        x = leaf * 2
        seen = x[1]
        eval(f"x.{turn}", {"x": x})
        x.mul_(3)
        (x * x).sum().backward(retain_graph=True)
        first = leaf.grad.tolist()
        (seen * seen).sum().backward()
        results.append((first, leaf.grad.tolist(), seen.tolist()))
    assert results[0] == results[1]


def test_a_leaf_is_not_turned():
    x = rl.zeros(2, 3, requires_grad=True)
    with pytest.raises(RuntimeError, match="leaf Variable that requires grad"):
        x.t_()
    with rl.no_grad():
        assert tuple(x.t_().shape) == (3, 2) and x.requires_grad


def test_writes_show_on_both_sides():
    for view in (
        "x.t()",
        "x[1:]",
        "x.view(-1)",
        "x.unsqueeze(0)",
        "x.diagonal()",
        "x.unfold(1, 2, 2)",
        "x.permute(1, 0)",
    ):
        x = rl.arange(12.0).view(3, 4)
        y = eval(view, {"x": x})
        y.zero_()
        assert x._version == y._version == 1
        assert x.sum().item() == sum(range(12)) - torch_sum(view)


def torch_sum(view):
    return eval(view, {"x": torch.arange(12.0).view(3, 4)}).sum().item()


def test_gradients_through_overlapping_windows():
    for text in ("x.unfold(0, 3, 1)", "x.as_strided((3, 3), (1, 1), 1)", "x[1:].as_strided((2, 2), (1, 1))"):
        grads = []
        for library in (rl, torch):
            x = library.arange(6.0, dtype=library.float64).requires_grad_()
            w = eval(text, {"x": x})
            (first,) = library.autograd.grad((w**3).sum(), x, create_graph=True)
            (first**2).sum().backward()
            grads.append((first.tolist(), x.grad.tolist()))
        assert np.allclose(*[np.array(g) for g in grads]), text


def test_expanded_memory_is_not_written():
    for call in (
        lambda x: x.zero_(),
        lambda x: x.add_(1),
        lambda x: x.copy_(rl.ones(3)),
        lambda x: x.fill_(2),
    ):
        with pytest.raises(RuntimeError, match="refers to a single memory location"):
            call(rl.zeros(1, 3).expand(2, 3))


def test_an_expansion_that_repeats_nothing_is_written():
    x = rl.zeros(2, 3)
    x.expand(-1, -1)[0, 0] = 1
    x.expand(1, 2, 3)[0, 1] = 2
    assert x.tolist() == [[1, 0, 0], [2, 2, 2]]


def test_cat_and_stack_gradients_with_other_types():
    grads = []
    for library in (rl, torch):
        a = library.ones(2, 2, requires_grad=True)
        b = library.ones(2, 2, dtype=library.float64, requires_grad=True)
        none = library.zeros(0, requires_grad=True)
        (library.cat([a, none, b], 0) * library.arange(8.0).view(4, 2)).sum().backward()
        library.stack([b, a]).sum().backward()
        grads.append([(str(g.grad.dtype), g.grad.tolist()) for g in (a, b, none)])
    assert grads[0] == grads[1]


def test_splits_are_views_of_one_base():
    x = rl.arange(6.0)
    for part in (*x.split(2), *x.chunk(2), *x.unbind(), *x.tensor_split(4)):
        assert part._base is x
