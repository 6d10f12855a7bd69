"""Nodes made over: every place in a body moves with its storage."""

import numpy as np

from rushlight.compiler.graph import (
    Elements,
    Home,
    Host,
    Kernels,
    Launch,
    Node,
    Place,
    Reduced,
    Storage,
    Table,
)
from rushlight.compiler.passes.renaming import renamed

OLD, NEW, OTHER = (Storage(k, 64, "temporary") for k in range(3))
HOMES = {OLD: Home(NEW, 16)}


def place(storage, offset=4):
    return Place(storage, offset, (2,), (4,), np.dtype(np.float32))


def moved(body, outputs=()):
    """A node of this body, moved."""
    node = Node("op", (place(OLD), [place(OTHER)]), {}, outputs, body)
    made = renamed(node, HOMES)
    assert node.args[0] == place(OLD)  # the old one is as it was
    assert made.args == (place(NEW, 20), [place(OTHER)]) and made.reads == {NEW, OTHER}
    return made


def test_programs():
    alone = Kernels([Launch(None, 1, 1, (place(OLD),))])
    reduces = {place(OLD, 8): Reduced("x", "sum", (0,))}
    body = moved(Elements((), {"x": place(OLD), "n": 2.0}, {place(OTHER): "x"}, (2,), reduces, alone)).body
    assert body.inputs == {"x": place(NEW, 20), "n": 2.0} and [*body.writes] == [place(OTHER)]
    assert [*body.reduces] == [place(NEW, 24)] and body.alone.launches[0].slots == (place(NEW, 20),)


def test_launches_and_tables():
    launch = Launch(None, 1, 1, (place(OLD), 3, Table((place(OLD, 0), 7))))
    assert moved(Kernels([launch])).body.launches[0].slots == (place(NEW, 20), 3, Table((place(NEW, 16), 7)))


def test_python_code():
    made = moved(Host(None, (place(OLD),), (place(OTHER),)), (place(OLD),))
    assert made.body.takes == (place(NEW, 20),) and made.writes == {NEW}


def test_what_does_not_move_is_left_alone():
    node = Node("op", (place(OTHER),), {}, (), None)
    assert renamed(node, HOMES) is node
