"""Which node must run before which."""

import numpy as np

from rushlight.compiler.graph import Host, Node, Place, Storage
from rushlight.compiler.passes.order import dependencies

A, B, C = (Storage(k, 4, "temporary") for k in range(3))


def node(reads, writes, body=None):
    """A node that touches storages."""
    made = Node("op", (), {}, (), body)
    made.reads, made.writes = set(reads), set(writes)
    return made


def test_a_reader_waits_for_the_writer():
    assert dependencies([node([], [A]), node([A], [B])]) == [set(), {0}]


def test_a_writer_waits_for_readers_of_the_old():
    assert dependencies([node([], [A]), node([A], [B]), node([A], [C]), node([], [A])])[3] == {0, 1, 2}


def test_readers_do_not_wait_for_each_other():
    assert dependencies([node([], [A]), node([A], [B]), node([A], [C])])[2] == {0}


def test_an_update_in_place_waits_for_the_one_before():
    assert dependencies([node([A], [A]), node([A], [A])]) == [set(), {0}]


def test_python_code_keeps_its_order():
    place = Place(A, 0, (1,), (4,), np.dtype(np.float32))
    draws = [node([], [s], Host(None, (), (place,))) for s in (A, B, C)]
    assert dependencies(draws) == [set(), {0}, {1}]
