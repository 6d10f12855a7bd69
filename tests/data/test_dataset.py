"""Data sets and random_split: each scenario below runs in Rushlight and in torch, and must tell
the same story.
"""

import importlib

import pytest

import rushlight
from rushlight import data
from rushlight.arrays.generator import Generator


def raised(action):
    """The type of what `action` raises."""
    try:
        action()
    except Exception as error:
        return type(error).__name__
    return None


def library(lib):
    """(the library, its data package)."""
    return lib, data if lib is rushlight else importlib.import_module("torch.utils.data")


def tensor_datasets(lib):
    lib, d = library(lib)
    ds = d.TensorDataset(lib.arange(6).reshape(3, 2), lib.arange(3))
    out = [len(ds), [tuple(t.tolist() for t in ds[i]) for i in range(3)], [t.tolist() for t in ds[1:]]]
    return [*out, raised(lambda: d.TensorDataset(lib.ones(2), lib.ones(3)))]


def combining(lib):
    lib, d = library(lib)
    both = d.ConcatDataset([[1, 2, 3], [4], [], [5, 6]])
    mine = d.TensorDataset(lib.arange(2)) + d.TensorDataset(lib.arange(3))
    out = [len(both), [both[i] for i in range(-6, 6)], both.cumulative_sizes, type(mine).__name__, len(mine)]
    out += [raised(lambda: both[-7]), raised(lambda: both[6]), raised(lambda: d.ConcatDataset([]))]
    pair = d.StackDataset([1, 2, 3], d.Subset([10, 20, 30], [2, 1, 0]))
    named = d.StackDataset(a=[1, 2, 3], b=d.Subset([10, 20, 30], [2, 1, 0]))
    out += [len(pair), pair[0], pair[-1], pair.__getitems__([0, 2]), named[1], named.__getitems__([2, 0])]
    out += [raised(lambda: d.StackDataset([1], [1, 2])), raised(lambda: d.StackDataset())]
    out += [raised(lambda: d.StackDataset([1], a=[1])), raised(lambda: d.StackDataset(a=[1], b=[]))]
    return out


def subsets(lib):
    lib, d = library(lib)
    part = d.Subset(list(range(100, 110)), [3, 1, 4])
    rows = d.Subset(d.TensorDataset(lib.arange(10)), [3, 1, 4])
    deeper = d.Subset(part, [2, 0])

    class Changed(d.Subset):
        def __getitem__(self, i):
            return 0

    out = [len(part), [part[i] for i in range(3)], part.__getitems__([2, 2]), deeper.__getitems__([0, 1])]
    return [*out, rows[[0, 2]][0].tolist(), raised(lambda: Changed([1], [0]))]


def streams(lib):
    lib, d = library(lib)

    class Count(d.IterableDataset):
        def __init__(self, n):
            self.n = n

        def __iter__(self):
            return iter(range(self.n))

        def __len__(self):
            return self.n

    chain = Count(2) + Count(3)
    out = [list(chain), list(chain), len(chain), type(chain).__name__]
    out += [
        raised(lambda: list(d.ChainDataset([Count(1), [1]]))),
        raised(lambda: d.ConcatDataset([Count(1)])),
    ]
    return [
        *out,
        raised(lambda: d.Dataset()[0]),
        raised(lambda: iter(Count(1))),
        raised(lambda: len(d.Dataset())),
    ]


SCENARIOS = [tensor_datasets, combining, subsets, streams]


@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda scenario: scenario.__name__)
def test_as_in_torch(scenario):
    torch = pytest.importorskip("torch")
    assert scenario(rushlight) == scenario(torch)


@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda scenario: scenario.__name__)
def test_runs_without_torch(scenario):
    assert scenario(rushlight)


LENGTHS = [[3, 7], [10, 0], [0.5, 0.5], [0.3, 0.3, 0.4], [0.15, 0.85], [1.0], [2, 3, 5]]


@pytest.mark.parametrize("lengths", LENGTHS, ids=str)
@pytest.mark.parametrize("seed", [0, 42])
def test_random_split_draws_as_torch(lengths, seed):
    torch = pytest.importorskip("torch")
    ours = data.random_split(range(10), lengths, Generator().manual_seed(seed))
    theirs = torch.utils.data.random_split(range(10), lengths, torch.Generator().manual_seed(seed))
    assert [list(part.indices) for part in ours] == [list(part.indices) for part in theirs]


def test_random_split_of_known_seed():
    parts = data.random_split(range(10), [3, 7], Generator().manual_seed(42))
    assert [list(part) for part in parts] == [[2, 6, 1], [8, 4, 5, 0, 9, 3, 7]]


def test_random_split_uses_the_default_generator():
    from rushlight.arrays.generator import default_generator

    default_generator.manual_seed(42)
    first, second = data.random_split(range(10), [3, 7])
    assert list(first) == [2, 6, 1]


def test_random_split_errors():
    with pytest.raises(ValueError, match="does not equal the length.*sum to 5, the dataset has 10"):
        data.random_split(range(10), [2, 3])
    with pytest.raises(ValueError, match="Fraction at index 0 is not between 0 and 1"):
        data.random_split(range(10), [1.5, -0.5])
    with pytest.warns(UserWarning, match="Length of split at index 1 is 0"):
        data.random_split(range(1), [0.5, 0.5])


def test_size_mismatch_names_the_sizes():
    with pytest.raises(AssertionError, match=r"first sizes \[2, 3\]"):
        data.TensorDataset(rushlight.ones(2), rushlight.ones(3))
