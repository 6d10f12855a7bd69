"""Scalars sorted by tag: by machine code and by NumPy."""

import numpy as np
import pytest

from rushlight.board.events import grouping


def some(rng, count, known):
    """Tags below `known`, and columns."""
    tags = rng.integers(0, known, count).astype(np.int32)
    return tags, np.arange(count), rng.random(count), rng.random(count).astype(np.float32)


@pytest.mark.parametrize("count, known", [(0, 1), (1, 1), (500, 1), (1000, 7), (100, 5000), (3000, 3000)])
def test_each_tag_has_its_points_in_order(count, known):
    rng = np.random.default_rng(count)
    sorter = grouping.Grouping()
    for _ in range(3):  # its memory is used again
        tags, *columns = some(rng, count, known)
        found, same = sorter.sort(known, tags, *columns), grouping._sorted(tags, *columns)
        assert found.numbers == list(dict.fromkeys(tags.tolist())) == same.numbers
        assert found.ends == same.ends
        first = 0
        for number, end in zip(found.numbers, found.ends, strict=True):
            np.testing.assert_array_equal(found.step[first:end], np.flatnonzero(tags == number))
            first = end
        for mine, numpys, given in zip(found[2:], same[2:], columns, strict=True):
            np.testing.assert_array_equal(mine, numpys)
            np.testing.assert_array_equal(mine, given[found.step])


def test_part_of_a_scan_can_be_sorted():
    rng = np.random.default_rng(0)
    tags, *columns = some(rng, 100, 5)
    part = slice(20, 60)
    found = grouping.Grouping().sort(5, tags[part], *(column[part] for column in columns))
    assert sorted(found.step.tolist()) == list(range(20, 60))
