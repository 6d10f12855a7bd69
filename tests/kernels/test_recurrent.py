"""Recurrent kernels against NumPy's loop over steps in float64: cells, sizes, packed rows, directions."""

import os
import subprocess
import sys

import numpy as np
import pytest

import rushlight as torch
from rushlight.arrays import recurrent, recurrent_native
from rushlight.arrays.recurrent import Weights, time_steps
from rushlight.kernels import native
from rushlight.kernels import recurrent as forward_kernels
from rushlight.kernels.recurrent_block import tiles

pytestmark = pytest.mark.skipif(not native.on(), reason="machine code is off")
GATES = {"lstm": 4, "gru": 3, "tanh": 1, "relu": 1}
PACKED = [[3, 3, 1, 1], [20, 19, 19, 7, 6, 3, 2, 1], [1]]


def problem(cell, batch_sizes, inputs=5, hidden=17, biases=(True, True), seed=0):
    """x, states, weights and cotangents, in float64 and small enough that no state explodes."""
    rng = np.random.default_rng(seed)

    def numbers(*shape):
        return rng.uniform(-1, 1, shape) / max(1, shape[-1]) ** 0.5

    most, rows, wide = max(batch_sizes), sum(batch_sizes), GATES[cell] * hidden
    given = [numbers(wide) if there else None for there in biases]
    weights = Weights(numbers(wide, inputs), numbers(wide, hidden), *given)
    states = [numbers(most, hidden) for _ in range(1 + (cell == "lstm"))]
    return numbers(rows, inputs), states, weights, numbers(rows, hidden), [numbers(*s.shape) for s in states]


def run(cell, x, states, weights, g, gs, steps):
    """Outputs, last states, and all gradients."""
    if cell == "lstm":
        y, h, c, trace = recurrent.lstm(x, *states, weights, steps)
        return [y, h, c, *recurrent.lstm_backward(g, *gs, x, weights, steps, trace)]
    if cell == "gru":
        y, h, trace = recurrent.gru(x, *states, weights, steps)
        return [y, h, *recurrent.gru_backward(g, *gs, x, weights, steps, trace)]
    y, h, trace = recurrent.rnn(x, *states, weights, steps, cell == "relu")
    return [y, h, *recurrent.rnn_backward(g, *gs, x, weights, steps, trace, cell == "relu")]


def flat(results):
    return [a for a in (*results[:-1], *results[-1]) if a is not None]


def cast(made, kind):
    x, states, weights, g, gs = made
    narrow = Weights(*(None if w is None else w.astype(kind) for w in weights))
    return (
        x.astype(kind),
        [s.astype(kind) for s in states],
        narrow,
        g.astype(kind),
        [s.astype(kind) for s in gs],
    )


def check(cell, batch_sizes, kind=np.float32, reverse=False, **sizes):
    """The kernels' results against NumPy's in float64."""
    made, steps = problem(cell, batch_sizes, **sizes), time_steps(batch_sizes, reverse)
    x, states, weights, g, gs = cast(made, kind)
    assert recurrent_native.fits(cell, x, weights, steps, states, [])
    assert recurrent_native.fits(cell, x, weights, steps, gs, [g])
    found = flat(run(cell, x, states, weights, g, gs, steps))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(recurrent_native, "fits", lambda *_: False)
        wanted = flat(run(cell, *made, steps))
    assert len(found) == len(wanted)
    limit = 3e-6 if kind is np.float32 else 1e-13
    for have, want in zip(found, wanted):
        assert have.shape == want.shape and have.dtype == kind and have.flags.c_contiguous
        assert np.abs(have - want).max() <= limit * max(1.0, np.abs(want).max())


def check_all():
    for cell in GATES:
        for batch_sizes in ([7, 7, 7], [3, 3, 1, 1]):
            for hidden in (1, 17, 64):
                check(cell, batch_sizes, hidden=hidden, reverse=hidden == 17)
                check(cell, batch_sizes, np.float64, hidden=hidden)


@pytest.mark.parametrize("cell", GATES)
@pytest.mark.parametrize("hidden", [1, 3, 16, 17, 64, 100])
def test_hidden_sizes(cell, hidden):
    check(cell, [4, 4, 4, 4], hidden=hidden)
    check(cell, [4, 4, 4, 4], np.float64, hidden=hidden)


@pytest.mark.parametrize("batch", range(1, 36))
def test_batches(batch):
    check("lstm", [batch] * 3, hidden=33)
    check("gru", [batch] * 3, hidden=20, inputs=1)


@pytest.mark.parametrize("cell", GATES)
@pytest.mark.parametrize("reverse", [False, True])
@pytest.mark.parametrize("batch_sizes", PACKED)
def test_packed_rows(cell, reverse, batch_sizes):
    check(cell, batch_sizes, reverse=reverse)


@pytest.mark.parametrize("cell", GATES)
@pytest.mark.parametrize("biases", [(False, False), (True, False), (False, True)])
def test_missing_biases(cell, biases):
    check(cell, [3, 3, 2], biases=biases)


@pytest.mark.parametrize("cell", GATES)
def test_larger_ones(cell):
    check(cell, [32] * 12, hidden=128, inputs=64)


@pytest.mark.parametrize("cpu", ["avx2", "baseline"])
def test_as_other_machines_compile_them(cpu):
    work = "from tests.kernels.test_recurrent import check_all; check_all()"
    subprocess.run([sys.executable, "-c", work], env={**os.environ, "RUSHLIGHT_CPU": cpu}, check=True)


@pytest.mark.parametrize("rows", range(1, 36))
def test_tiles_do_no_row_twice_and_leave_few(rows):
    for height in range(1, 15):
        tall, short = tiles(rows, height)
        done = tall * height + short * (height - 1)
        assert tall >= 0 and short >= 0 and done <= rows < done + height


@pytest.mark.parametrize("cell", GATES)
def test_any_layout_of_what_comes_in(cell):
    batch_sizes = [6, 6, 5]
    x, states, weights, g, gs = cast(problem(cell, batch_sizes), np.float32)
    steps = time_steps(batch_sizes)
    g[...] = g[0, 0]
    wanted = flat(run(cell, x, states, weights, g, gs, steps))
    spread = np.broadcast_to(g[0, 0], g.shape)
    turned = Weights(*(w if w is None or w.ndim == 1 else np.asfortranarray(w) for w in weights))
    wide = [np.repeat(s, 2, axis=1)[:, ::2] for s in states]
    found = flat(
        run(cell, np.asfortranarray(x), wide, turned, spread, [s[::-1].copy()[::-1] for s in gs], steps)
    )
    for have, want in zip(found, wanted):
        np.testing.assert_allclose(have, want, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("cell", GATES)
def test_inputs_stay_as_they_are(cell):
    batch_sizes = [5, 5, 2]
    x, states, weights, g, gs = cast(problem(cell, batch_sizes), np.float32)
    arrays = [x, *states, *(w for w in weights if w is not None), g, *gs]
    before = [a.copy() for a in arrays]
    results = flat(run(cell, x, states, weights, g, gs, time_steps(batch_sizes)))
    for a, b in zip(arrays, before):
        np.testing.assert_array_equal(a, b)
    assert not any(np.shares_memory(a, b) for a in results for b in arrays)
    assert not any(np.shares_memory(a, b) for i, a in enumerate(results) for b in results[:i])


@pytest.mark.parametrize("cell", GATES)
@pytest.mark.parametrize("hidden", [16, 19])
def test_nothing_is_written_outside_arrays(monkeypatch, cell, hidden):
    held, guard = [], 7.25

    def guarded(shape, dtype):
        count = int(np.prod(shape))
        held.append((np.full(count + 64, guard, dtype), count))
        return held[-1][0][32 : 32 + count].reshape(shape)

    batch_sizes = [9, 9, 4, 1]
    x, states, weights, g, gs = cast(problem(cell, batch_sizes, hidden=hidden), np.float32)
    steps = time_steps(batch_sizes)
    run(cell, x, states, weights, g, gs, steps)
    monkeypatch.setattr(recurrent_native.np, "empty", guarded)
    run(cell, x, states, weights, g, gs, steps)
    monkeypatch.undo()
    assert held
    for memory, count in held:
        assert (memory[:32] == guard).all() and (memory[32 + count :] == guard).all()


@pytest.mark.parametrize("cell", GATES)
@pytest.mark.parametrize("hidden", [100, 256])
def test_the_number_of_threads_changes_no_bit(cell, hidden):
    made = cast(problem(cell, [32] * 6, hidden=hidden, inputs=48), np.float32)
    found = []
    for n in (1, 2, 3):
        torch.set_num_threads(n)
        found.append([a.tobytes() for a in flat(run(cell, *made, time_steps([32] * 6)))])
    torch.set_num_threads(2)
    assert found[0] == found[1] == found[2]


def test_nan_spreads_to_its_own_row_only():
    x, states, weights, g, gs = cast(problem("lstm", [4, 4, 4]), np.float32)
    x[5] = np.nan
    y, *_ = recurrent.lstm(x, *states, weights, time_steps([4, 4, 4]))
    assert (np.isnan(y).all(1) == np.isin(np.arange(12), [5, 9])).all()


def test_what_the_kernels_leave_to_numpy():
    x, states, weights, g, _ = cast(problem("lstm", [2, 2]), np.float32)
    steps = time_steps([2, 2])

    def fits(x=x, weights=weights, steps=steps, states=states, outputs=(g,)):
        return recurrent_native.fits("lstm", x, weights, steps, states, outputs)

    assert fits()
    assert not fits(weights=weights._replace(hr=np.ones((2, 17), np.float32)))
    assert not fits(steps=[]) and not fits(steps=time_steps([2, 1]))
    assert not fits(x.astype(np.float64)) and not fits(x.astype(np.complex64))
    assert not fits(x[:, :-1]) and not fits(x[:-1])
    assert not fits(states=[s[:1] for s in states]) and not fits(states=[states[0], states[1][:, :-1]])
    assert not fits(weights=weights._replace(bias_ih=weights.bias_ih[:-1]))
    assert not fits(weights=weights._replace(hh=weights.hh[:-1]))
    assert not fits(outputs=[g[:-1]]) and not fits(outputs=[g.astype(np.float64)])


def test_each_cell_says_how_its_gates_are_summed():
    for cell, count in GATES.items():
        many, vectors = forward_kernels.parts(cell)
        assert many * vectors == count or count == 1


@pytest.mark.parametrize("name", ["LSTM", "GRU", "RNN"])
def test_layers_agree_with_torch(name):
    theirs = pytest.importorskip("torch")
    ours = getattr(torch.nn, name)(10, 33, num_layers=2, bidirectional=True)
    twin = getattr(theirs.nn, name)(10, 33, num_layers=2, bidirectional=True)
    twin.load_state_dict({k: theirs.from_numpy(v.numpy().copy()) for k, v in ours.state_dict().items()})
    x = np.random.default_rng(0).standard_normal((7, 12, 10)).astype(np.float32)
    a, b = torch.from_numpy(x).requires_grad_(), theirs.from_numpy(x).requires_grad_()
    y, z = ours(a)[0], twin(b)[0]
    np.testing.assert_allclose(y.detach().numpy(), z.detach().numpy(), atol=2e-6)
    y.square().sum().backward()
    z.square().sum().backward()
    np.testing.assert_allclose(a.grad.numpy(), b.grad.numpy(), atol=2e-5)
    for p, q in zip(ours.parameters(), twin.parameters()):
        np.testing.assert_allclose(p.grad.numpy(), q.grad.numpy(), atol=1e-4)
