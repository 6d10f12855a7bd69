"""What the tests of ops over spatial axes share: one call compared with torch, to the second derivative."""

import numpy as np
import pytest

import rushlight
from rushlight.ops.declare import find
from rushlight.tensor import function_of


def function(name):
    """The Tensor-level function of a public name."""
    return function_of(find(f"nn.functional.{name}"))


def of_numpy(array, tracked=False):
    """A Tensor with the array's numbers."""
    return rushlight.from_numpy(np.array(array)).requires_grad_(tracked)


def agree(name, arrays, *args, derivatives=2, rtol=1e-7, atol=1e-9, **kwargs):
    """Values, dtype, gradients and double gradients of nn.functional.<name> as torch has them."""
    torch = pytest.importorskip("torch")
    theirs = [None if a is None else torch.from_numpy(np.array(a)) for a in arrays]
    ours = [None if a is None else of_numpy(a) for a in arrays]
    smooth = [i for i, a in enumerate(arrays) if a is not None and a.dtype.kind == "f" and derivatives]
    for i in smooth:
        theirs[i], ours[i] = torch.from_numpy(np.array(arrays[i])).requires_grad_(), of_numpy(arrays[i], True)
    y = function(name)(*ours, *args, **kwargs)
    z = getattr(torch.nn.functional, name)(*theirs, *args, **kwargs)
    pairs = list(zip(y, z)) if isinstance(z, tuple) else [(y, z)]
    for a, b in pairs:
        same(a, b, rtol, atol)
    if derivatives:
        _compare_derivatives(torch, pairs[0], ours, theirs, smooth, derivatives, rtol, atol)


def same(ours, theirs, rtol=1e-7, atol=1e-9):
    """Equal shape, dtype and numbers."""
    assert tuple(ours.shape) == tuple(theirs.shape)
    assert str(ours.dtype) == str(theirs.dtype)
    np.testing.assert_allclose(ours.detach().numpy(), theirs.detach().numpy(), rtol, atol)


def _compare_derivatives(torch, results, ours, theirs, smooth, derivatives, rtol, atol):
    rng = np.random.default_rng(7)
    g = rng.standard_normal(tuple(results[1].shape))
    mine, other = of_numpy(g, True), torch.from_numpy(g).requires_grad_()
    again = derivatives > 1
    first = rushlight.autograd.grad(results[0], [ours[i] for i in smooth], mine, create_graph=again)
    expected = torch.autograd.grad(results[1], [theirs[i] for i in smooth], other, create_graph=again)
    for a, b in zip(first, expected):
        same(a, b, rtol, atol)
    if again:
        total = sum((a * of_numpy(np.cos(b.detach().numpy()))).sum() for a, b in zip(first, expected))
        check = sum((b * torch.cos(b.detach())).sum() for b in expected)
        inputs, others = [mine, *(ours[i] for i in smooth)], [other, *(theirs[i] for i in smooth)]
        second = rushlight.autograd.grad(total, inputs, allow_unused=True)
        for a, b in zip(second, torch.autograd.grad(check, others, allow_unused=True)):
            if a is None or b is None:
                assert all(x is None or not x.detach().numpy().any() for x in (a, b))
            else:
                same(a, b, rtol, atol)
