"""Dual numbers against torch's."""

import pytest

from tests.autograd.stories import agree, told


def tangents(lib):
    fw = lib.autograd.forward_ad
    x, t = lib.tensor([0.5, 1.0, -2.0], dtype=lib.float64), lib.tensor([1.0, 2.0, 0.5], dtype=lib.float64)
    with fw.dual_level():
        d = fw.make_dual(x, t)
        results = [
            fw.unpack_dual(y)
            for y in (d, d.sin() * d, d.sum(), d.exp().view(3, 1), d * 2 + x, x * 2, d.softmax(0))
        ]
        found = [(p, tangent) for p, tangent in results]
    return found, fw.unpack_dual(d).tangent


def two_duals(lib):
    fw = lib.autograd.forward_ad
    with fw.dual_level():
        a = fw.make_dual(lib.full((2,), 3.0), lib.ones(2))
        b = fw.make_dual(lib.full((2,), 5.0), lib.full((2,), 2.0))
        return fw.unpack_dual(a * b).tangent, fw.unpack_dual(b**2).tangent


def backward_over_forward(lib):
    fw = lib.autograd.forward_ad
    x = lib.tensor([0.5, 1.0], requires_grad=True)
    with fw.dual_level():
        y = fw.unpack_dual(fw.make_dual(x, lib.ones(2)) ** 3)
        y.tangent.sum().backward()
    return y.primal, y.tangent, x.grad


def no_level(lib):
    lib.autograd.forward_ad.make_dual(lib.ones(2), lib.ones(2))


def exit_without_a_level(lib):
    lib.autograd.forward_ad.exit_dual_level()


def nested_levels(lib):
    fw = lib.autograd.forward_ad
    with fw.dual_level(), fw.dual_level():
        pass


def a_tangent_of_another_shape(lib):
    fw = lib.autograd.forward_ad
    with fw.dual_level():
        fw.make_dual(lib.ones(2), lib.ones(3))


def a_dual_of_integers(lib):
    fw = lib.autograd.forward_ad
    with fw.dual_level():
        fw.make_dual(lib.ones(2, dtype=lib.int64), lib.ones(2))


@pytest.mark.filterwarnings("ignore")
@told(
    *(tangents, two_duals, backward_over_forward, no_level, exit_without_a_level, nested_levels),
    *(a_tangent_of_another_shape, a_dual_of_integers),
)
def test_as_torch(story):
    agree(story)
