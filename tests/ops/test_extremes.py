"""Largest and smallest: the three ways of calling, ties, nan, and what is refused."""

import math

import numpy as np
import pytest

import rushlight as rl

NAN = math.nan


def tied(**kwargs):
    return rl.tensor([[1.0, 3.0, 3.0], [2.0, 2.0, 2.0]], **kwargs)


def test_max_in_its_three_ways():
    t = tied()
    assert t.max().item() == 3 and rl.min(t).item() == 1
    values, indices = t.max(1)
    assert values.tolist() == [3, 2] and indices.tolist() == [1, 0]
    assert t.min(dim=0, keepdim=True).values.shape == (1, 3)
    assert rl.max(t, 2 * rl.ones(3)).tolist() == [[2, 3, 3], [2, 2, 2]]
    assert rl.min(t, other=rl.zeros(1)).tolist() == [[0] * 3] * 2


def test_results_are_named():
    found = tied().max(1)
    assert type(found).__name__ == "max" and repr(found).startswith("torch.return_types.max(\nvalues=")
    assert found.values is found[0] and found.indices.dtype is rl.int64
    assert type(tied(requires_grad=True).median(1)).__name__ == "median"


def test_ties_share_evenly_in_amax_and_max_but_not_along_a_dimension():
    for call, expected in (
        (lambda t: t.amax(1).sum(), [[0, 0.5, 0.5], [1 / 3] * 3]),
        (lambda t: t.max(), [[0, 0.5, 0.5], [0] * 3]),
        (lambda t: t.max(1).values.sum(), [[0, 1, 0], [1, 0, 0]]),
        (lambda t: t.aminmax(dim=1).max.sum(), [[0, 0.5, 0.5], [1 / 3] * 3]),
        (lambda t: t.median(), [[0] * 3, [1 / 3] * 3]),
    ):
        t = tied(requires_grad=True)
        call(t).backward()
        np.testing.assert_allclose(t.grad.numpy(), expected, rtol=1e-6)


def test_nan_is_extreme():
    t = rl.tensor([1.0, NAN, 3.0, NAN])
    assert math.isnan(t.max().item()) and math.isnan(t.amin().item()) and math.isnan(t.aminmax().min.item())
    assert t.argmax().item() == 1 and t.argmin(0).item() == 1 and t.max(0).indices.item() == 1
    assert t.half().max(0).indices.item() == 1


def test_out_of_a_pair():
    values, indices = rl.empty(0), rl.empty(0, dtype=rl.int64)
    rl.max(tied(), 1, out=(values, indices))
    assert values.tolist() == [3, 2] and indices.tolist() == [1, 0]


@pytest.mark.parametrize(
    ("call", "error", "said"),
    [
        (lambda: rl.empty(0).max(), RuntimeError, "Specify the reduction dim"),
        (lambda: rl.empty(0, 3).max(0), IndexError, "Expected reduction dim 0 to have non-zero size"),
        (lambda: rl.empty(0, 3).amax(0), IndexError, "non-zero size"),
        (lambda: rl.empty(0).amax(), RuntimeError, "Specify the reduction dim"),
        (lambda: rl.empty(0).argmax(), IndexError, "Expected reduction dim"),
        (lambda: rl.empty(0, 3).argmin(0), IndexError, "non-zero size"),
        (lambda: rl.empty(0).aminmax(), RuntimeError, "no identity"),
        (lambda: rl.tensor([True]).argmax(), RuntimeError, "bool"),
        (lambda: rl.tensor([1j]).max(), NotImplementedError, "complex"),
        (lambda: rl.tensor([1j]).max(0), RuntimeError, "complex"),
        (lambda: tied().max((0, 1)), TypeError, "amax"),
    ],
)
def test_refusals(call, error, said):
    with pytest.raises(error, match=said):
        call()


def test_an_empty_result_is_no_error():
    assert rl.empty(0, 3).max(1).values.shape == (0,) and rl.empty(0, 3).argmax(1).shape == (0,)
