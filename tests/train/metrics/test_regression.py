"""Metrics of numbers, and means."""

import math

import numpy as np
import pytest

import rushlight as torch
import rushlight.nn.functional as F
from rushlight.train import metrics


def numbers(far=0.0):
    generator = np.random.default_rng(0)
    y = generator.normal(size=(30, 4)) + far
    return y + 0.3 * generator.normal(size=y.shape), y


def in_batches(metric, x, y, sizes=(7, 1, 0, 22)):
    start = 0
    for size in sizes:
        metric.update(torch.tensor(x[start : start + size]), torch.tensor(y[start : start + size]))
        start += size
        state = metric.state_dict()
        metric.reset()
        metric.load_state_dict(state)
    return metric.compute()


def cosine(x, y):
    return np.mean([a @ b / np.sqrt((a @ a) * (b @ b)) for a, b in zip(x, y, strict=True)])


@pytest.mark.parametrize(
    "metric, definition",
    [
        (metrics.MeanAbsoluteError(), lambda x, y: np.abs(x - y).mean()),
        (metrics.MeanSquaredError(), lambda x, y: ((x - y) ** 2).mean()),
        (metrics.MeanSquaredError(root=True), lambda x, y: ((x - y) ** 2).mean() ** 0.5),
        (metrics.R2(), lambda x, y: 1 - ((x - y) ** 2).sum() / ((y - y.mean()) ** 2).sum()),
        (metrics.CosineSimilarity(), cosine),
    ],
    ids=lambda v: getattr(v, "name", ""),
)
def test_against_the_definition(metric, definition):
    x, y = numbers()
    assert in_batches(metric, x, y) == pytest.approx(definition(x, y), rel=1e-12)
    metric.reset()
    assert math.isnan(metric.compute())


def test_r2_of_targets_far_from_zero():
    x, y = numbers(far=1e8)
    expected = 1 - ((x - y) ** 2).sum() / ((y - y.mean()) ** 2).sum()
    assert in_batches(metrics.R2(), x, y) == pytest.approx(expected, rel=1e-6)


def test_r2_where_there_is_no_spread():
    ones = torch.ones(3)
    assert metrics.R2()(ones, ones) == 1.0 and metrics.R2()(ones * 2, ones) == 0.0
    assert math.isnan(metrics.R2()(ones[:1], ones[:1]))


def test_cosine_of_a_zero_vector():
    assert metrics.CosineSimilarity()(torch.zeros(2, 3), torch.ones(2, 3)) == 0.0


def test_shapes_must_agree():
    with pytest.raises(ValueError, match=r"MeanSquaredError: .* not \(3, 1\) and \(3,\)"):
        metrics.MeanSquaredError().update(torch.zeros(3, 1), torch.zeros(3))


def test_perplexity():
    x, y = torch.randn(6, 5, 11), torch.randint(0, 11, (6, 5))
    y[0, :3] = -100
    losses = F.cross_entropy(x.double().movedim(-1, 1), y, reduction="none")
    expected = math.exp(losses[y != -100].mean().item())
    assert metrics.Perplexity()(x, y) == pytest.approx(expected)
    assert metrics.Perplexity()(x.movedim(-1, 1), y) == pytest.approx(expected)
    assert metrics.Perplexity()(x.reshape(30, 11), y.reshape(30)) == pytest.approx(expected)
    assert metrics.Perplexity()(torch.tensor([[0.0, 2000.0]]), torch.tensor([0])) == math.inf


def test_means():
    mean = metrics.Mean()
    mean.update(1.0, 3)
    mean.update(torch.tensor([4.0, 6.0]))
    assert mean.compute() == 2.0
    half = metrics.MeanOf(F.mse_loss)
    assert half.name == "mse_loss"
    half.update(torch.zeros(3), torch.ones(3))
    half.update(torch.zeros(1), torch.ones(1) * 3)
    assert half.compute() == 3.0


def test_a_metric_of_ones_own():
    class Largest(metrics.Metric):
        def update(self, output, target):
            self.append("largest", output.max().reshape(1))

        def compute(self):
            return float(self.rows("largest").max())

    metric = Largest()
    metric.update(torch.tensor([1.0, 5.0]), None)
    metric.update(torch.tensor([2.0]), None)
    assert metric.compute() == 5.0 and metric.name == "largest"
    assert metric(torch.tensor([9.0]), None) == 9.0 and metric.compute() == 5.0
    for method in (lambda m: m.update(1, 1), lambda m: m.compute()):
        with pytest.raises(NotImplementedError, match="Metric must define"):
            method(metrics.Metric())


def test_what_is_kept_is_not_what_the_next_batch_overwrites():
    metric = metrics.AUROC()
    x = torch.tensor([0.1, 0.9])
    metric.update(x, torch.tensor([0, 1]))
    x.copy_(torch.tensor([0.9, 0.1]))
    assert metric.compute() == 1.0
    state = metric.state_dict()
    metric.update(x, torch.tensor([0, 1]))
    other = metrics.AUROC()
    other.load_state_dict(state)
    assert other.compute() == 1.0
