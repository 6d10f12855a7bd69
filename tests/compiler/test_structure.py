"""Arrays inside of structures."""

from collections import OrderedDict
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from rushlight.arrays.generator import default_generator
from rushlight.compiler.structure import arrays_in, mapped
from rushlight.compiler.tree import flattened, rebuilt


class Pair(NamedTuple):
    first: object
    second: object


def test_mapped_keeps_the_structure_and_finds_all_arrays():
    a, b = np.zeros(2), np.ones(3)
    x = [a, (1, {"k": b}), Pair(None, a)]
    assert [v is w for v, w in zip(arrays_in(x), (a, b, a), strict=True)] == [True] * 3
    doubled = mapped(x, lambda v: v * 2 if isinstance(v, np.ndarray) else v)
    assert doubled[1][1]["k"].tolist() == [2, 2, 2] and isinstance(doubled[2], Pair)
    assert x[1][1]["k"] is b


def test_other_objects_are_left_alone():
    f = lambda: None  # noqa: E731
    assert mapped([f, default_generator, "x", 1.5], lambda v: v) == [f, default_generator, "x", 1.5]


def test_trees_are_opened_and_closed():
    x = (1, [2, {"a": 3, "b": (4,)}], Pair(5, None))
    leaves, structure = flattened(x)
    assert leaves == [1, 2, 3, 4, 5, None]
    assert rebuilt(structure, leaves) == x and flattened(x)[1] == structure
    assert flattened((1, [2]))[1] != flattened((1, (2,)))[1]


@dataclass(frozen=True)
class Batch:
    x: object
    y: object = None


def test_dataclasses_and_ordered_dictionaries_are_opened():
    x = {"b": Batch(1, [2]), "o": OrderedDict(k=3)}
    leaves, structure = flattened(x)
    assert leaves == [1, 2, 3] and rebuilt(structure, leaves) == x
