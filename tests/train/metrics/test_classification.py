"""Metrics of classification, against naive definitions in float64 and, where it is there, scikit-learn."""

import math

import numpy as np
import pytest

import rushlight as torch
from rushlight.train import metrics


def scores(rows=60, classes=4, seed=0, ties=False):
    """Outputs and targets that are right more often than not; with ties, outputs have few values."""
    generator = np.random.default_rng(seed)
    y = generator.integers(0, classes, rows)
    x = generator.normal(size=(rows, classes)) + 1.2 * np.eye(classes)[y]
    return (np.round(x) if ties else x).astype(np.float32), y


def binary(rows=60, seed=0, ties=False):
    x, y = scores(rows, 2, seed, ties)
    return x[:, 1] - x[:, 0], y


def in_batches(metric, x, y, sizes=(13, 1, 0, 46)):
    """What a metric gives when it sees the rows in batches, the state saved and loaded between two."""
    start = 0
    for size in sizes:
        metric.update(torch.tensor(x[start : start + size]), torch.tensor(y[start : start + size]))
        start += size
        state = metric.state_dict()
        metric.reset()
        metric.load_state_dict(state)
    assert start == len(x)
    found = metric.compute()
    assert np.allclose(metric.compute(), found, equal_nan=True)  # computing changes nothing
    return found


# -- accuracy -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("k", [1, 2, 3, 9])
def test_accuracy(k):
    x, y = scores()
    right = [label in sorted(range(4), key=lambda c: -row[c])[:k] for row, label in zip(x, y, strict=True)]
    assert in_batches(metrics.Accuracy(top_k=k), x, y) == pytest.approx(sum(right) / 60)


def test_accuracy_of_images_and_of_targets_to_ignore():
    x = torch.randn(5, 3, 4, 4)
    y = torch.randint(0, 3, (5, 4, 4))
    y[:, 0] = -100
    expected = (x.argmax(1) == y)[:, 1:].double().mean().item()
    metric = metrics.Accuracy(ignore=-100)
    assert metric(x, y) == pytest.approx(expected) and math.isnan(metric.compute())


def test_binary_and_multilabel_accuracy():
    x, y = binary()
    assert in_batches(metrics.Accuracy("binary"), x, y) == np.mean((x > 0) == y)
    assert in_batches(metrics.Accuracy("binary"), x[:, None], y) == np.mean((x > 0) == y)
    assert in_batches(metrics.Accuracy("binary", threshold=0.5), x, y) == np.mean((x > 0.5) == y)
    rows, labels = x.reshape(20, 3), y.reshape(20, 3)
    right = (rows > 0) == labels
    both = (rows, labels, (7, 13))
    assert in_batches(metrics.Accuracy("multilabel"), *both) == pytest.approx(right.all(1).mean())
    assert in_batches(metrics.Accuracy("multilabel", exact=False), *both) == pytest.approx(right.mean())


# -- precision, recall, F1, confusion ------------------------------------------------------------------------


def naive(x, y, classes):
    """Precision, recall, F1 and support of each class, counted one by one."""
    predicted = [max(range(classes), key=lambda c: row[c]) for row in x]
    rows = []
    for c in range(classes):
        hits = sum(p == c and t == c for p, t in zip(predicted, y, strict=True))
        alarms, misses = sum(p == c for p in predicted) - hits, sum(t == c for t in y) - hits
        p = hits / (hits + alarms) if hits + alarms else 0.0
        r = hits / (hits + misses) if hits + misses else 0.0
        rows.append((p, r, 2 * p * r / (p + r) if p + r else 0.0, hits + misses, hits + alarms))
    return np.array(rows).T


KINDS = [metrics.Precision, metrics.Recall, metrics.F1]


@pytest.mark.parametrize("k", range(3))
def test_by_class_macro_and_weighted(k):
    x, y = scores()
    each = naive(x, y, 4)
    kind = KINDS[k]
    assert np.allclose(in_batches(kind("none"), x, y), each[k])
    assert in_batches(kind(), x, y) == pytest.approx(each[k].mean())
    assert in_batches(kind("weighted"), x, y) == pytest.approx((each[k] * each[3]).sum() / 60)
    assert in_batches(kind("micro"), x, y) == pytest.approx(in_batches(metrics.Accuracy(), x, y))
    x, y = binary()
    assert in_batches(kind(task="binary"), x, y) == pytest.approx(naive(np.stack([-x, x], 1), y, 2)[k][1])


def test_a_class_that_does_not_occur_does_not_count():
    x, y = np.array([[3.0, 1, 0], [3, 1, 0], [0, 3, 1]], np.float32), np.array([0, 1, 1])
    assert in_batches(metrics.Recall(), x, y, (3,)) == pytest.approx((1 + 0.5) / 2)
    assert in_batches(metrics.Precision(), x, y, (3,)) == pytest.approx((0.5 + 1) / 2)


@pytest.mark.parametrize("average", ["macro", "micro", "weighted", "none"])
@pytest.mark.parametrize("k", range(3))
def test_as_scikit_learn_has_it(k, average):
    sklearn = pytest.importorskip("sklearn.metrics")
    function = [sklearn.precision_score, sklearn.recall_score, sklearn.f1_score][k]
    options = {"average": None if average == "none" else average, "zero_division": 0.0}
    x, y = scores(classes=6, seed=3)
    y[y == 2] = 1  # a class that is predicted only
    found = in_batches(KINDS[k](average), x, y)
    assert np.allclose(found, function(y, x.argmax(1), **options))
    rows, labels = x > 0, scores(60, 6, 9)[0] > 0.5
    found = in_batches(KINDS[k](average, "multilabel"), x, labels)
    assert np.allclose(found, function(labels, rows, **options))


def test_confusion_matrix():
    x, y = scores()
    expected = np.zeros((4, 4), int)
    for row, label in zip(x, y, strict=True):
        expected[label, row.argmax()] += 1
    found = in_batches(metrics.ConfusionMatrix(), x, y)
    assert found.dtype == torch.int64 and found.tolist() == expected.tolist()
    by_row = in_batches(metrics.ConfusionMatrix(normalize="true"), x, y)
    assert np.allclose(by_row, expected / expected.sum(1, keepdims=True))
    by_column = in_batches(metrics.ConfusionMatrix(normalize="pred"), x, y)
    assert np.allclose(by_column, expected / expected.sum(0))
    assert np.allclose(in_batches(metrics.ConfusionMatrix(normalize="all"), x, y), expected / 60)
    x, y = binary()
    found = in_batches(metrics.ConfusionMatrix("binary"), x, y)
    assert found.tolist() == [[int(((x > 0) == p)[y == t].sum()) for p in (0, 1)] for t in (0, 1)]


# -- ranking -------------------------------------------------------------------------------------------------


def naive_auroc(x, y):
    """The share of pairs in the right order."""
    pairs = [(p > n) + 0.5 * (p == n) for p in x[y == 1] for n in x[y == 0]]
    return float(np.mean(pairs)) if pairs else math.nan


def naive_average_precision(x, y):
    """Over the thresholds from the greatest: the precision, by how much the recall grows."""
    total, before = 0.0, 0.0
    for threshold in sorted(set(x.tolist()), reverse=True):
        at = x >= threshold
        recall = (at & (y == 1)).sum() / (y == 1).sum()
        total += (recall - before) * (at & (y == 1)).sum() / at.sum()
        before = recall
    return total


@pytest.mark.parametrize("ties", [False, True])
@pytest.mark.parametrize(
    "kind, definition",
    [(metrics.AUROC, naive_auroc), (metrics.AveragePrecision, naive_average_precision)],
)
def test_ranking(kind, definition, ties):
    x, y = binary(ties=ties)
    assert in_batches(kind(), x, y) == pytest.approx(definition(x, y))
    x, y = scores(ties=ties)
    each = np.array([definition(x[:, c], (y == c).astype(int)) for c in range(4)])
    counts = np.bincount(y, minlength=4)
    assert np.allclose(in_batches(kind("multiclass", "none"), x, y), each)
    assert in_batches(kind("multiclass"), x, y) == pytest.approx(each.mean())
    assert in_batches(kind("multiclass", "weighted"), x, y) == pytest.approx((each * counts).sum() / 60)
    labels = (scores(seed=5)[0] > 0.5).astype(np.int64)
    each = [definition(x[:, c], labels[:, c]) for c in range(4)]
    assert in_batches(kind("multilabel"), x, labels) == pytest.approx(np.mean(each))


@pytest.mark.parametrize("ties", [False, True])
def test_ranking_as_scikit_learn_has_it(ties):
    sklearn = pytest.importorskip("sklearn.metrics")
    x, y = scores(ties=ties)
    labels = (scores(seed=5)[0] > 0.5).astype(np.int64)
    kinds = [(metrics.AUROC, "roc_auc_score"), (metrics.AveragePrecision, "average_precision_score")]
    for kind, name in kinds:
        function = getattr(sklearn, name)
        assert in_batches(kind("multilabel"), x, labels) == pytest.approx(function(labels, x))
        assert in_batches(kind("multiclass"), x, y) == pytest.approx(function(np.eye(4)[y], x))


def test_ranking_that_is_not_defined():
    x = np.linspace(0, 1, 6, dtype=np.float32)
    ones = np.ones(6, int)
    assert math.isnan(in_batches(metrics.AUROC(), x, ones, (6,)))
    assert math.isnan(in_batches(metrics.AUROC(), x, ones * 0, (6,)))
    assert in_batches(metrics.AveragePrecision(), x, ones, (6,)) == 1.0
    assert math.isnan(in_batches(metrics.AveragePrecision(), x, ones * 0, (6,)))
    x[2] = math.nan
    assert math.isnan(in_batches(metrics.AUROC(), x, np.arange(6) % 2, (6,)))
    same = np.zeros(6, np.float32)
    assert in_batches(metrics.AUROC(), same, np.arange(6) % 2, (6,)) == 0.5


# -- edges ---------------------------------------------------------------------------------------------------

ALL = [
    *(metrics.Accuracy(), metrics.Precision(), metrics.Recall(), metrics.F1(), metrics.AUROC("multiclass")),
    *(metrics.AveragePrecision("multiclass"), metrics.Perplexity(), metrics.Mean()),
]


@pytest.mark.parametrize("metric", ALL, ids=lambda m: m.name)
def test_nothing_is_nan(metric):
    assert math.isnan(metric.compute())
    if metric.name != "mean":
        metric.update(torch.zeros(0, 3), torch.zeros(0, dtype=torch.int64))
        assert math.isnan(metric.compute())
        metric.reset()


@pytest.mark.parametrize("metric", ALL[:4], ids=lambda m: m.name)
def test_all_right_of_one_class_only(metric):
    assert metric(torch.tensor([[0.0, 1.0, -1.0]] * 3), torch.tensor([1, 1, 1])) == 1.0


@pytest.mark.parametrize(
    "make, output, target, message",
    [
        (lambda: metrics.Accuracy(), (3,), (3,), "task='binary'"),
        (lambda: metrics.Accuracy(), (3, 2), (4,), r"got \(3, 2\) and \(4,\)"),
        (lambda: metrics.Accuracy("binary"), (3, 2), (3,), r"one shape, not \(3, 2\) and \(3,\)"),
        (lambda: metrics.AUROC(), (3, 2), (3,), "AUROC: output and target"),
        (lambda: metrics.ConfusionMatrix("multilabel"), (3, 2), (3, 2), "one for each label"),
    ],
)
def test_shapes_that_do_not_fit(make, output, target, message):
    with pytest.raises(ValueError, match=message):
        make().update(torch.zeros(output), torch.zeros(target, dtype=torch.int64))


def test_targets_out_of_range():
    for target in (-1, 3):
        with pytest.raises(ValueError, match="outside of the 3 classes"):
            metrics.F1().update(torch.zeros(1, 3), torch.tensor([target]))


@pytest.mark.parametrize(
    "make, message",
    [
        (lambda: metrics.Accuracy("many"), "task must be one of"),
        (lambda: metrics.F1("mean"), "average is one of"),
        (lambda: metrics.F1("binary"), "for task='binary', and only it"),
        (lambda: metrics.F1("macro", task="binary"), "for task='binary', and only it"),
        (lambda: metrics.AUROC(average="micro"), "average is"),
        (lambda: metrics.ConfusionMatrix(normalize="row"), "normalize is"),
    ],
)
def test_arguments_that_do_not_fit(make, message):
    with pytest.raises(ValueError, match=message):
        make()
