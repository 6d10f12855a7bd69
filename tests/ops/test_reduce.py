"""Sums, means, products, counts, variances: the forms they are called in, and what they refuse."""

import warnings

import numpy as np
import pytest

import rushlight as rl

X = np.arange(6.0).reshape(2, 3)


def x(**kwargs):
    return rl.tensor(X, **kwargs)


# -- forms --------------------------------------------------------------------------------------------


def test_sum_takes_dimensions_in_every_form():
    for call in (
        lambda t: t.sum(0),
        lambda t: t.sum((0,)),
        lambda t: rl.sum(t, dim=0),
        lambda t: rl.sum(t, [0]),
    ):
        assert call(x()).tolist() == [3, 5, 7]
    assert x().sum((0, 1), keepdim=True).tolist() == [[15]]
    assert x().sum(()).item() == 15
    assert rl.tensor(3.0).sum(0).item() == 3


def test_sum_of_integers_is_int64_and_of_halves_is_kept_in_float32():
    assert x().to(rl.uint8).sum().dtype is rl.int64
    assert rl.tensor([True, True]).sum().item() == 2
    assert rl.ones(4096, dtype=rl.bfloat16).sum().item() == 4096
    assert rl.ones(3000, dtype=rl.float16).cumsum(0)[-1].item() == 3000
    assert rl.full((3,), 40000.0, dtype=rl.float16).mean().item() == 40000


@pytest.mark.parametrize(
    ("call", "expected"),
    [
        (lambda t: t.var(False), 35 / 12),
        (lambda t: t.var(unbiased=False), 35 / 12),
        (lambda t: t.var(correction=0), 35 / 12),
        (lambda t: t.var(0), [4.5] * 3),
        (lambda t: t.var(0, False), [2.25] * 3),
        (lambda t: t.var(0, False, True), [[2.25] * 3]),
        (lambda t: t.var([0], unbiased=True, keepdim=True), [[4.5] * 3]),
        (lambda t: t.std((0, 1), correction=0), (35 / 12) ** 0.5),
        (lambda t: rl.std_mean(t, 1)[1], [1, 4]),
        (lambda t: rl.var_mean(t, 1, False)[0], [2 / 3, 2 / 3]),
    ],
)
def test_variance_in_its_old_and_new_forms(call, expected):
    np.testing.assert_allclose(call(x(dtype=rl.float64)).tolist(), expected)


def test_variance_takes_one_way_of_correcting():
    with pytest.raises(TypeError, match="unbiased"):
        x().var(0, True, correction=1)


# -- edges --------------------------------------------------------------------------------------------


def test_variance_of_one_element_is_nan_and_warns():
    with pytest.warns(UserWarning, match="degrees of freedom is <= 0"):
        assert np.isnan(rl.std(rl.ones(1)).item())
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert rl.std(rl.ones(1), correction=0).item() == 0


def test_a_spread_of_zero_has_the_gradient_zero():
    t = rl.ones(3, requires_grad=True)
    t.std().backward()
    assert t.grad.tolist() == [0, 0, 0]


def test_empty_reductions():
    empty = rl.empty(0)
    assert empty.sum().item() == 0 and empty.prod().item() == 1
    assert np.isnan(empty.mean().item())
    assert not empty.any().item() and empty.all().item()
    assert rl.empty(2, 0).sum(1).tolist() == [0, 0]


def test_any_and_all():
    t = rl.tensor([[0, 2], [3, 4]])
    assert t.any().dtype is rl.bool and t.to(rl.uint8).any(0).dtype is rl.uint8
    assert t.all(dim=()).tolist() == [[False, True], [True, True]]
    assert rl.tensor([float("nan")]).all().item()
    assert t.all(0).tolist() == [False, True] and t.count_nonzero().item() == 3


def test_product_gradients_through_zeros():
    t = rl.tensor([2.0, 0.0, 3.0], requires_grad=True)
    (g,) = rl.autograd.grad(t.prod(), t, create_graph=True)
    assert g.tolist() == [0, 6, 0]
    (h,) = rl.autograd.grad(g[1], t)
    assert h.tolist() == [3, 0, 2]
    zeros = rl.zeros(3, requires_grad=True)
    zeros.prod().backward()
    assert zeros.grad.tolist() == [0, 0, 0]


# -- refusals -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("call", "error", "said"),
    [
        (lambda: x().sum(2), IndexError, "Dimension out of range"),
        (lambda: x().sum((0, 0)), RuntimeError, "appears multiple times"),
        (lambda: rl.arange(3).mean(), RuntimeError, "could not infer output dtype"),
        (lambda: x().mean(dtype=rl.int64), RuntimeError, "Optional dtype"),
        (lambda: rl.arange(3).var(), RuntimeError, "only support floating point"),
        (lambda: x().prod((0, 1)), TypeError, "must be int"),
        (lambda: rl.nansum(rl.tensor([1j])), RuntimeError, "complex"),
        (lambda: rl.nanmean(rl.arange(3)), RuntimeError, "floating point"),
        (lambda: rl.trace(rl.ones(2)), RuntimeError, "expected a matrix"),
        (lambda: rl.cov(rl.ones(2, 2, 2)), RuntimeError, "two or fewer"),
        (lambda: rl.cov(x(), fweights=rl.ones(3)), RuntimeError, "integral"),
        (lambda: rl.cov(x(), fweights=rl.tensor([1, 2])), RuntimeError, "numel"),
        (lambda: rl.cov(x(), aweights=rl.tensor([-1.0, 1, 1])), RuntimeError, "negative"),
    ],
)
def test_refusals(call, error, said):
    with pytest.raises(error, match=said):
        call()


def test_numpys_names_for_dimensions():
    assert x().sum(axis=1, keepdims=True).tolist() == [[3], [12]]
    assert rl.max(x(), axis=1).indices.tolist() == [2, 2] and x().topk(1, axis=0).values.tolist() == [
        [3, 4, 5]
    ]
    assert rl.cat([x(), x()], axis=1).shape == (2, 6)
    assert rl.softmax(rl.zeros(2), axis=0).tolist() == [0.5, 0.5]
    with pytest.raises(TypeError, match="missing 1 required argument: 'dim'"):
        x().cumsum()
