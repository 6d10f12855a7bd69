"""The memory plan: nothing overlaps that lives at one time, and the arena is hardly too large."""

from random import Random

import pytest

from rushlight.compiler.memory import ALIGNMENT, arranged, least


def overlapping(lives, offsets):
    """Pairs of pieces that share bytes while both live."""
    items = list(lives.items())
    return [
        (a, b)
        for i, (a, (first, last, n)) in enumerate(items)
        for b, (begin, end, m) in items[:i]
        if first <= end
        and begin <= last
        and offsets[a] < offsets[b] + max(m, 1)
        and offsets[b] < offsets[a] + max(n, 1)
    ]


@pytest.mark.parametrize("seed", range(60))
def test_random_lives(seed):
    random = Random(seed)
    lives = {}
    for k in range(random.randint(1, 80)):
        first = random.randint(0, 60)
        lives[k] = first, first + random.choice((0, 0, 1, 3, 30)), random.choice((0, 4, 64, 100, 4096, 70000))
    offsets, size = arranged(lives)
    assert overlapping(lives, offsets) == []
    assert all(o % ALIGNMENT == 0 and o + lives[k][2] <= size for k, o in offsets.items())
    assert least(lives) <= size <= 1.4 * least(lives) + 4096


def test_nothing():
    assert arranged({}) == ({}, 0)


def test_a_chain_takes_two_pieces():
    offsets, size = arranged({k: (k, k + 1, 1000) for k in range(50)})
    assert size == 2 * 1024 and len(set(offsets.values())) == 2


def test_forward_and_backward_take_no_more_than_what_is_kept():
    """Activations live until their layer's backward; what passes between layers reuses memory."""
    lives = {}
    for k in range(20):
        lives["kept", k] = 2 * k, 80 - 2 * k, 1 << 16
        lives["passing", k] = 2 * k + 1, 2 * k + 2, 1 << 14
        lives["cotangent", k] = 79 - 2 * k, 80 - 2 * k + 1, 1 << 16
    _, size = arranged(lives)
    assert size <= 1.05 * least(lives)
