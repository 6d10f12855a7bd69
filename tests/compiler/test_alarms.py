"""Indices out of range in a compiled function: an error that names the op and the line, never a wild read."""

import pytest

import rushlight as torch
import rushlight.nn.functional as F

LABELS = torch.tensor([0, 1, 2])
CASES = {
    "embedding": (lambda i, x: F.embedding(i, x), LABELS, 10),
    "index": (lambda i, x: x[i], LABELS, -11),
    "gather": (lambda i, x: x.gather(0, i[:, None]), LABELS, 10),
    "index_add": (lambda i, x: x.clone().index_add_(0, i, torch.ones(3, 4)), LABELS, 10**12),
    "entropy": (lambda i, x: F.cross_entropy(x[:3], i), LABELS, 4),
    "nll": (lambda i, x: F.nll_loss(x[:3].log_softmax(1), i), LABELS, -1),
}


@pytest.mark.parametrize("name", CASES)
def test_out_of_range(name):
    f, good, bad = CASES[name]
    c, x = torch.compile(f), torch.randn(10, 4)
    c(good, x)
    torch.testing.assert_close(c(good, x), f(good, x))
    wrong = good.clone()
    wrong[1] = bad
    with pytest.raises(IndexError, match=rf"index {bad} is out of bounds .*test_alarms.py:\d+"):
        c(wrong, x)
    torch.testing.assert_close(c(good, x), f(good, x))
    with pytest.raises((IndexError, RuntimeError)):  # the captured call is an eager one
        torch.compile(f)(wrong, x)


def test_labels_to_ignore_are_none():
    c = torch.compile(lambda i, x: F.cross_entropy(x, i))
    x, i = torch.randn(3, 4), torch.tensor([0, -100, 2])
    for _ in range(3):
        torch.testing.assert_close(c(i, x), F.cross_entropy(x, i))
