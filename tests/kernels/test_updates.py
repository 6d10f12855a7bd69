"""Steps over many arrays in one call: bit for bit the arithmetic of NumPy, and nothing written if refused."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import rushlight
import rushlight.scalar as s
from rushlight.kernels import native
from rushlight.kernels.updates import Update, squares

pytestmark = pytest.mark.skipif(not native.on(), reason="no machine code here")

p, g, rate = map(s.var, ("p", "g", "rate"))
DESCENT = Update({"p": p - rate * (g / s.sqrt(g * g + 1)), "g": g * 2}, ("p", "g"), ("rate",))
SHAPES = [(), (1,), (0, 3), (7, 5), (33,), (16,), (130, 257), (3, 1, 2)]


def lists(kind: Any, shapes: Any = SHAPES) -> list[tuple[np.ndarray, ...]]:
    r = np.random.default_rng(0)
    return [tuple(np.asarray(r.standard_normal(n), kind) for n in shapes) for _ in range(2)]


@pytest.mark.parametrize("kind", [np.float32, np.float64])
@pytest.mark.parametrize("threads", [1, 2, 3])
def test_every_element_once(kind: Any, threads: int) -> None:
    before, (x, y) = lists(kind), lists(kind)
    used = rushlight.get_num_threads()
    rushlight.set_num_threads(threads)
    try:
        assert DESCENT((x, y), (0.1,))
    finally:
        rushlight.set_num_threads(used)
    for a, b, c, d in zip(x, y, *before, strict=True):
        np.testing.assert_array_equal(a, c - kind(0.1) * (d / np.sqrt(d * d + kind(1))))
        np.testing.assert_array_equal(b, d * kind(2))


def test_nothing_beside_the_arrays_is_written() -> None:
    room = np.zeros(100, np.float32)
    x, y = room[10:47], room[50:87]
    assert DESCENT(((x,), (y,)), (0.1,))
    y[:] = 1
    assert DESCENT(((x,), (y,)), (0.1,))
    assert not room[:10].any() and not room[47:50].any() and not room[87:].any() and x.all()


def test_columns_first_and_counts() -> None:
    x, y = (np.asfortranarray(a) for a in np.ones((2, 3, 4)))
    count = np.zeros((), np.float32)
    assert DESCENT(((x,), (y,)), (0.1,), (count,), 1.0) and count == 1
    assert not DESCENT(((x,), (y,)), (0.1,), (count,), 1.0)
    np.testing.assert_array_equal(y, 2)


def refused() -> list[tuple[Any, Any]]:
    a, fixed = np.ones((4, 6)), np.ones(3)
    fixed.flags.writeable = False
    flat = np.ones(9)
    return [
        (a, np.ones((6, 4))),
        (a, np.ones((4, 6), np.float32)),
        (a, np.asfortranarray(np.ones((4, 6)))),
        (a[:, ::2], np.ones((4, 3))),
        (fixed, np.ones(3)),
        (flat[:8], flat[1:]),
        (a, None),
        (None, a),
        (np.ones(3, int), np.ones(3, int)),
    ]


@pytest.mark.parametrize("which", range(9))
def test_refused_before_anything_is_written(which: int) -> None:
    x, y = refused()[which]
    first = np.ones(5), np.ones(5)
    assert not DESCENT(((first[0], x), (first[1], y)), (0.1,))
    assert all((v == 1).all() for v in (*first, x, y) if v is not None)


def test_parameters_that_share_memory_are_refused() -> None:
    x = np.ones(5)
    assert not DESCENT(((x, x), (np.ones(5), np.ones(5))), (0.1,))


@pytest.mark.parametrize("kind", [np.float32, np.float64])
def test_squares(kind: Any) -> None:
    x, _ = lists(kind)
    found = squares(x)
    assert found == pytest.approx(sum(float((a.astype(float) ** 2).sum()) for a in x), rel=1e-13)
    assert squares((np.array([np.nan, 1], kind),)) != found and squares((np.ones(3, int),)) is None
    used = rushlight.get_num_threads()
    rushlight.set_num_threads(3)
    try:
        assert squares(x) == found
    finally:
        rushlight.set_num_threads(used)


OPTIMIZERS: list[Any] = [
    (rushlight.optim.SGD, {"momentum": 0.9, "dampening": 0.1, "weight_decay": 0.1}),
    (rushlight.optim.SGD, {"momentum": 0.9, "nesterov": True, "maximize": True}),
    (rushlight.optim.Adam, {"weight_decay": 0.1, "amsgrad": True, "betas": (0.4, 0.9)}),
    (rushlight.optim.AdamW, {"maximize": True}),
    (rushlight.optim.RMSprop, {"momentum": 0.9, "centered": True, "weight_decay": 0.1}),
    (rushlight.optim.Adagrad, {"lr_decay": 0.1, "weight_decay": 0.1}),
]


@pytest.mark.parametrize(("make", "settings"), OPTIMIZERS)
def test_optimizers_step_as_their_update_says(make: Any, settings: dict[str, Any]) -> None:
    class Alone(make):
        def update(self, *args: Any) -> None:
            super().update(*args)

    results = []
    for kind in (make, Alone):
        params = [rushlight.tensor(a, requires_grad=True) for a in lists(np.float32, SHAPES[3:])[0]]
        optimizer = kind(params, lr=0.01, **settings)
        for step in range(4):
            for k, q in enumerate(params):
                q.grad = None if (step, k) == (1, 2) else (q.detach() * (step + 1)).cos()
            optimizer.step()
        results.append((params, optimizer.state_dict()["state"]))
    (ours, state), (others, expected) = results
    for a, b in zip(ours, others, strict=True):
        np.testing.assert_array_equal(a.detach().numpy(), b.detach().numpy())
        assert a._version > 0
    for k in expected:
        for name, value in expected[k].items():
            np.testing.assert_array_equal(state[k][name].numpy(), value.numpy())


def test_a_step_invalidates_what_backward_keeps() -> None:
    q = rushlight.ones(3, requires_grad=True)
    optimizer = rushlight.optim.SGD([q], lr=0.1)
    loss = (q * q).sum()
    q.grad = rushlight.ones(3)
    optimizer.step()
    with pytest.raises(RuntimeError, match=r"SGD.step at .*test_updates"):
        loss.backward()
