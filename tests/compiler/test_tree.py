"""Structures opened and closed again."""

from __future__ import annotations

from collections import OrderedDict
from typing import Any, NamedTuple

import pytest

import rushlight as rl
from rushlight.compiler.tree import arguments, builder, flattened, rebuilt


class Pair(NamedTuple):
    a: Any
    b: Any


STRUCTURES = [
    1,
    (),
    (1,),
    [1, 2],
    (1, [2, (3,)], ()),
    {"a": 1},
    (Pair(1, [2]), 3),
    OrderedDict(b=1, a=(2,)),
    [[]],
]


@pytest.mark.parametrize("x", STRUCTURES)
def test_what_was_opened_is_built_again(x: Any) -> None:
    leaves, structure = flattened(x)
    for again in (rebuilt(structure, leaves), builder(structure)(leaves)):
        assert again == x and type(again) is type(x)


@pytest.mark.parametrize(
    "args", [(), (rl.ones(2),), (rl.ones(2), rl.ones(3)), (rl.ones(2), 3.0), ([rl.ones(1)],)]
)
def test_arguments_in_a_row_are_found_sooner(args: Any) -> None:
    for kwargs in ({}, {"k": rl.zeros(1)}):
        (found, structure), (leaves, wanted) = arguments(args, kwargs), flattened((args, kwargs))
        assert structure == wanted and len(found) == len(leaves)
        assert all(a is b for a, b in zip(found, leaves, strict=True))
