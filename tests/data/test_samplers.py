"""Samplers: the same draws as torch's for the same seed."""

import importlib

import pytest

import rushlight
from rushlight import data
from rushlight.arrays.generator import Generator, default_generator


def libraries(seed):
    """(data package, new generator, seed the default one) of Rushlight and of torch."""
    torch = pytest.importorskip("torch")
    theirs = importlib.import_module("torch.utils.data")
    default_generator.manual_seed(seed)
    torch.manual_seed(seed)
    yield data, lambda: Generator().manual_seed(seed)
    yield theirs, lambda: torch.Generator().manual_seed(seed)


MAKERS = {
    "sequential": lambda d, g: d.SequentialSampler(range(5)),
    "random": lambda d, g: d.RandomSampler(range(100), generator=g),
    "random_few": lambda d, g: d.RandomSampler(range(10), num_samples=7, generator=g),
    "random_more": lambda d, g: d.RandomSampler(range(10), num_samples=25, generator=g),
    "replacement": lambda d, g: d.RandomSampler(range(10), replacement=True, num_samples=70, generator=g),
    "replacement_64": lambda d, g: d.RandomSampler(range(7), replacement=True, num_samples=64, generator=g),
    "subset": lambda d, g: d.SubsetRandomSampler([3, 1, 4, 1, 5], generator=g),
    "weighted": lambda d, g: d.WeightedRandomSampler([0.1, 5, 3, 0.0], 20, generator=g),
    "weighted_once": lambda d, g: d.WeightedRandomSampler([0.1, 5, 3, 1.0], 4, False, generator=g),
    "batches": lambda d, g: d.BatchSampler(d.RandomSampler(range(10), generator=g), 3, False),
    "batches_dropped": lambda d, g: d.BatchSampler(d.RandomSampler(range(10), generator=g), 3, True),
}


@pytest.mark.parametrize("name", MAKERS)
@pytest.mark.parametrize("own", [True, False], ids=["own generator", "default generator"])
def test_three_passes_as_torch(name, own):
    stories = []
    for package, generator in libraries(3):
        sampler = MAKERS[name](package, generator() if own else None)
        stories.append([len(sampler)] + [list(sampler) for _ in range(3)])
    assert stories[0] == stories[1]


@pytest.mark.parametrize("n", [1, 5, 10, 11])
@pytest.mark.parametrize("replicas", [1, 2, 3, 7])
@pytest.mark.parametrize("drop_last", [True, False])
def test_distributed_shares_as_torch(n, replicas, drop_last):
    stories = []
    for package, _ in libraries(0):
        story = []
        for rank in range(replicas):
            for shuffle in (True, False):
                sampler = package.DistributedSampler(range(n), replicas, rank, shuffle, 5, drop_last)
                sampler.set_epoch(3)
                story.append((len(sampler), list(sampler)))
        stories.append(story)
    assert stories[0] == stories[1]


def test_random_order_of_a_known_seed():
    sampler = data.RandomSampler(range(5), generator=Generator().manual_seed(0))
    assert list(sampler) == [4, 0, 1, 3, 2]
    default_generator.manual_seed(0)
    assert sorted(data.RandomSampler(range(5))) == [0, 1, 2, 3, 4]


def test_batches():
    assert list(data.BatchSampler(range(5), 2, False)) == [[0, 1], [2, 3], [4]]
    assert list(data.BatchSampler(range(5), 2, True)) == [[0, 1], [2, 3]]
    assert len(data.BatchSampler(range(5), 2, False)) == 3 and len(data.BatchSampler(range(5), 2, True)) == 2
    assert list(data.BatchSampler([], 2, False)) == []


def test_a_growing_data_set():
    source = [1, 2]
    sampler = data.RandomSampler(source)
    source.append(3)
    assert sampler.num_samples == 3 and sorted(sampler) == [0, 1, 2]


@pytest.mark.parametrize(
    ("make", "kind", "words"),
    [
        (lambda: data.RandomSampler([]), ValueError, "num_samples should be a positive integer"),
        (lambda: data.RandomSampler([1], num_samples=-1), ValueError, "got num_samples=-1"),
        (lambda: data.RandomSampler([1], replacement=1), TypeError, "replacement should be a boolean"),
        (lambda: data.WeightedRandomSampler([1.0], 0), ValueError, "num_samples should be a positive"),
        (lambda: data.WeightedRandomSampler([1.0], True), ValueError, "num_samples should be a positive"),
        (lambda: data.WeightedRandomSampler([1.0], 1, 1), ValueError, "replacement should be a boolean"),
        (lambda: data.WeightedRandomSampler([[1.0]], 1), ValueError, r"have shape \(1, 1\)"),
        (lambda: data.BatchSampler([1], 0, False), ValueError, "batch_size should be a positive"),
        (lambda: data.BatchSampler([1], 2.0, False), ValueError, "batch_size should be a positive"),
        (lambda: data.BatchSampler([1], 1, 0), ValueError, "drop_last should be a boolean"),
        (lambda: data.DistributedSampler([1], 2, 2), ValueError, "Invalid rank 2"),
        (lambda: data.DistributedSampler([1]), RuntimeError, "give num_replicas and rank"),
        (lambda: list(data.Sampler()), NotImplementedError, "__iter__"),
    ],
)
def test_errors(make, kind, words):
    with pytest.raises(kind, match=words):
        make()


def test_weights_may_be_a_tensor():
    sampler = data.WeightedRandomSampler(rushlight.tensor([0.0, 1.0]), 3)
    assert list(sampler) == [1, 1, 1] and sampler.weights.dtype is rushlight.float64
