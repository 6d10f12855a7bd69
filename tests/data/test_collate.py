"""Collating: the same batches, types and errors as torch's."""

import collections
import dataclasses
import types

import numpy as np
import pytest

import rushlight
from rushlight.data import collate, default_collate, default_convert

Point = collections.namedtuple("Point", ["x", "y"])


class Frozen(collections.abc.Mapping):
    """A mapping that cannot be made from a dict."""

    def __getitem__(self, key):
        return {"a": 1, "b": np.float32(2)}[key]

    def __iter__(self):
        return iter("ab")

    def __len__(self):
        return 2


class Row(list):
    label = "kept"


@dataclasses.dataclass
class Item:
    x: int


def story(value):
    """A batch as plain values and types, the same for both libraries."""
    if type(value).__name__ == "Tensor":
        return ["tensor", str(value.dtype), tuple(value.shape), value.tolist()]
    if isinstance(value, collections.abc.Mapping):
        return [type(value).__name__, {key: story(item) for key, item in value.items()}]
    if isinstance(value, np.ndarray):
        return ["array", value.tolist()]
    if isinstance(value, collections.abc.Sequence) and not isinstance(value, (str, bytes)):
        return [type(value).__name__, [story(item) for item in value]]
    return [type(value).__name__, value]


def batches(lib):
    tensor = lib.tensor
    return {
        "tensors": [tensor([1, 2]), tensor([3, 4])],
        "scalars": [tensor(1.5), tensor(2.5)],
        "bool": [tensor([True]), tensor([False])],
        "arrays": [np.ones((2, 2), np.float32), np.zeros((2, 2), np.float32)],
        "int arrays": [np.arange(3), np.arange(3)],
        "numpy scalars": [np.float64(1), np.float64(2)],
        "numpy float32": [np.float32(1), np.float32(2)],
        "numpy bools": [np.True_, np.False_],
        "floats": [1.5, 2.5],
        "ints": [1, 2],
        "bools": [True, False],
        "mixed numbers": [1, 2.5],
        "floats first": [2.5, 1],
        "strings": ["a", "b"],
        "bytes": [b"a", b"b"],
        "numpy strings": [np.str_("a"), np.str_("b")],
        "dicts": [{"a": 1, "b": [1.0, "x"]}, {"a": 2, "b": [2.0, "y"]}],
        "ordered": [collections.OrderedDict(a=1)] * 2,
        "defaults": [collections.defaultdict(int, a=1)] * 2,
        "proxies": [types.MappingProxyType({"a": 1})] * 2,
        "frozen": [Frozen()] * 2,
        "tuples": [(tensor([1.0]), 2), (tensor([3.0]), 4)],
        "lists": [[1, "a"], [2, "b"]],
        "rows": [Row([1, 2]), Row([3, 4])],
        "points": [Point(1, 2.0), Point(3, 4.0)],
        "nested": [{"p": Point((1, 2), {"q": np.ones(1)})}] * 3,
        "ranges": [range(2), range(2)],
        "deques": [collections.deque([1, 2])] * 2,
        "empty tuples": [(), ()],
        "none": [None, None],
        "sets": [{1}, {2}],
        "string arrays": [np.array(["a"]), np.array(["b"])],
        "object arrays": [np.array([None]), np.array([None])],
        "dataclasses": [Item(1), Item(2)],
        "unequal": [[1, 2], [3]],
        "unequal tensors": [tensor([1]), tensor([1, 2])],
        "empty": [],
        "missing key": [{"a": 1}, {}],
    }


NAMES = list(batches(rushlight))


def attempt(function, value):
    try:
        return story(function(value))
    except Exception as error:
        return type(error).__name__


@pytest.mark.parametrize("name", NAMES)
def test_collate_as_torch(name):
    torch = pytest.importorskip("torch")
    theirs = attempt(torch.utils.data.default_collate, batches(torch)[name])
    assert attempt(default_collate, batches(rushlight)[name]) == theirs


@pytest.mark.parametrize("name", NAMES)
def test_convert_as_torch(name):
    torch = pytest.importorskip("torch")
    theirs = attempt(torch.utils.data.default_convert, batches(torch)[name])
    assert attempt(default_convert, batches(rushlight)[name]) == theirs


def test_values():
    batch = default_collate([{"x": np.full(2, i, np.float32), "label": i, "name": str(i)} for i in range(3)])
    assert batch["x"].tolist() == [[0, 0], [1, 1], [2, 2]] and batch["x"].dtype is rushlight.float32
    assert batch["label"].tolist() == [0, 1, 2] and batch["label"].dtype is rushlight.int64
    assert batch["name"] == ["0", "1", "2"]
    assert default_collate([0.5, 1.5]).dtype is rushlight.float64


def test_subclasses_keep_their_attributes():
    assert default_collate([Row([1]), Row([2])]).label == "kept"
    assert default_collate([collections.defaultdict(int, a=1)] * 2)["nothing"] == 0


def test_gradients_flow_through_a_batch():
    x = rushlight.ones(2, requires_grad=True)
    default_collate([x, x * 2]).sum().backward()
    assert x.grad.tolist() == [3.0, 3.0]


def test_a_table_of_your_own():
    table = {
        Item: lambda batch, *, collate_fn_map: [item.x for item in batch],
        (int, str): lambda b, **_: len(b),
    }
    assert collate([{"i": Item(1), "n": 5}, {"i": Item(2), "n": 6}], collate_fn_map=table) == {
        "i": [1, 2],
        "n": 2,
    }


def test_messages():
    with pytest.raises(
        TypeError, match="must contain tensors, numpy arrays, numbers, dicts or lists; found.*Item"
    ):
        default_collate([Item(1)])
    with pytest.raises(RuntimeError, match="each element in list of batch should be of equal size"):
        default_collate([[1], [1, 2]])
