"""Dead code."""

import rushlight as rl
from rushlight.compiler.passes.dead import without_dead_nodes
from tests.compiler.passes.programs import ops, traced

X = rl.randn(4, 4)


def after(f, *args):
    """The ops that are left."""
    return ops(without_dead_nodes(traced(f, *args)))


def test_what_nobody_reads_goes():
    def f(x):
        y = x + 1
        (y * 2).exp()
        return y - 3

    assert after(f, X) == ["add", "sub"]


def test_what_writes_to_memory_from_outside_stays():
    held = rl.zeros(4, 4)

    def f(x):
        held.add_(x)
        x.mul_(2)

    assert after(f, X) == ["add", "copy_", "mul", "copy_"]


def test_a_write_through_a_view_is_a_write():
    def f(x):
        y = x + 1
        y[0].mul_(2)
        return y

    assert after(f, X) == ["add", "mul", "copy_"]
