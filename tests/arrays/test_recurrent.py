"""Recurrent kernels against their definition, central differences, and torch's modules (also packed)."""

import numpy as np
import pytest

from rushlight.arrays.recurrent import (
    Weights,
    gru,
    gru_backward,
    lstm,
    lstm_backward,
    rnn,
    rnn_backward,
    time_steps,
)

KINDS = ["rnn", "relu", "lstm", "lstm projected", "lstm without bias", "gru", "gru without bias"]
GATES = {"rnn": 1, "relu": 1, "lstm": 4, "gru": 3}


def problem(kind, batch_sizes, inputs=3, hidden=4, dtype: type = np.float64):
    """Random x, states and weights."""
    rng, gates = np.random.default_rng(0), GATES[kind.split()[0]]
    outputs = 2 if kind == "lstm projected" else hidden

    def numbers(*shape):
        return rng.standard_normal(shape).astype(dtype)

    biases = [None, None] if "without" in kind else [numbers(gates * hidden), numbers(gates * hidden)]
    hr = numbers(outputs, hidden) if outputs != hidden else None
    ih, hh = numbers(gates * hidden, inputs), numbers(gates * hidden, outputs)
    weights = Weights(ih, hh, biases[0], biases[1], hr)
    states = [numbers(max(batch_sizes), outputs)] + [numbers(max(batch_sizes), hidden)] * kind.startswith(
        "lstm"
    )
    return numbers(sum(batch_sizes), inputs), states, weights


def forward(kind, x, states, weights, steps):
    """outputs, last states, and the function from their cotangents to those of (x, *states, weights)."""
    if kind.startswith("lstm"):
        y, h, c, trace = lstm(x, states[0], states[1], weights, steps)
        return y, [h, c], lambda g, gs: lstm_backward(g, gs[0], gs[1], x, weights, steps, trace)
    if kind.startswith("gru"):
        y, h, trace = gru(x, states[0], weights, steps)
        return y, [h], lambda g, gs: gru_backward(g, gs[0], x, weights, steps, trace)
    relu = kind == "relu"
    y, h, trace = rnn(x, states[0], weights, steps, relu)
    return y, [h], lambda g, gs: rnn_backward(g, gs[0], x, weights, steps, trace, relu)


@pytest.mark.parametrize("reverse", [False, True])
@pytest.mark.parametrize("batch_sizes", [[2, 2, 2], [3, 3, 1, 1], [1]])
@pytest.mark.parametrize("kind", KINDS)
def test_backward_agrees_with_central_differences(kind, batch_sizes, reverse):
    x, states, weights = problem(kind, batch_sizes)
    steps, rng = time_steps(batch_sizes, reverse), np.random.default_rng(1)
    y, last, backward = forward(kind, x, states, weights, steps)
    g, gs = rng.standard_normal(y.shape), [rng.standard_normal(s.shape) for s in last]
    grads = backward(g, gs)
    inputs = [x, *states, *(w for w in weights if w is not None)]
    found = [*grads[:-1], *(w for w in grads[-1] if w is not None)]
    assert [a.shape for a in found] == [a.shape for a in inputs]
    for value, gradient in zip(inputs, found):
        direction, kept = rng.standard_normal(value.shape), value.copy()

        def objective(step, value=value, direction=direction, kept=kept):
            value[...] = kept + step * direction
            out, ends, _ = forward(kind, x, states, weights, steps)
            return np.sum(out * g) + sum(np.sum(a * b) for a, b in zip(ends, gs))

        slope = (objective(1e-6) - objective(-1e-6)) / 2e-6
        value[...] = kept
        assert np.sum(gradient * direction) == pytest.approx(slope, rel=1e-6, abs=1e-7)


def torch_module(torch, kind, weights, reverse):
    """torch's own layer with our weights; in reverse they stand for its second direction."""
    hidden = weights.hr.shape[1] if weights.hr is not None else weights.hh.shape[1]
    options = {"bias": weights.bias_ih is not None, "bidirectional": reverse, "dtype": torch.float64}
    if weights.hr is not None:
        options["proj_size"] = weights.hr.shape[0]
    name = {"rnn": "RNN", "relu": "RNN", "lstm": "LSTM", "gru": "GRU"}[kind.split()[0]]
    if name == "RNN":
        options["nonlinearity"] = "relu" if kind == "relu" else "tanh"
    module = getattr(torch.nn, name)(weights.ih.shape[1], hidden, **options)
    suffix = "_l0_reverse" if reverse else "_l0"
    with torch.no_grad():
        for part, value in zip(["weight_ih", "weight_hh", "bias_ih", "bias_hh", "weight_hr"], weights):
            if value is not None:
                getattr(module, part + suffix).copy_(torch.from_numpy(value))
    return module


@pytest.mark.parametrize("reverse", [False, True])
@pytest.mark.parametrize("batch_sizes", [[2, 2, 2, 2], [3, 3, 1, 1]])
@pytest.mark.parametrize("kind", KINDS)
def test_agrees_with_torch(kind, batch_sizes, reverse):
    torch = pytest.importorskip("torch")
    x, states, weights = problem(kind, batch_sizes)
    module = torch_module(torch, kind, weights, reverse)
    stacked = [torch.from_numpy(np.stack([s] * (1 + reverse))) for s in states]
    packed = torch.nn.utils.rnn.PackedSequence(torch.from_numpy(x), torch.tensor(batch_sizes))
    expected, ends = module(packed, tuple(stacked) if len(stacked) > 1 else stacked[0])
    y, last, _ = forward(kind, x, states, weights, time_steps(batch_sizes, reverse))
    np.testing.assert_allclose(y, expected.data.detach().numpy()[:, -y.shape[1] :], atol=1e-12)
    for ours, theirs in zip(last, ends if len(last) > 1 else [ends]):
        np.testing.assert_allclose(ours, theirs.detach().numpy()[-1], atol=1e-12)


def test_lstm_by_definition():
    x, (h, c), weights = problem("lstm", [1, 1])
    for row in x:
        gates = weights.ih @ row + weights.bias_ih + weights.hh @ h[0] + weights.bias_hh
        i, f, g, o = np.split(gates, 4)
        i, f, o = (1 / (1 + np.exp(-gate)) for gate in (i, f, o))
        c = f * c + i * np.tanh(g)
        h = o * np.tanh(c)
    x, states, weights = problem("lstm", [1, 1])
    y, (last_h, last_c), _ = forward("lstm", x, states, weights, time_steps([1, 1]))
    np.testing.assert_allclose(last_h, h)
    np.testing.assert_allclose(last_c, c)
    np.testing.assert_allclose(y[-1:], h)


@pytest.mark.parametrize("kind", KINDS)
def test_float32_stays_float32_and_near_float64(kind):
    sizes = [5] * 20
    wide = forward(kind, *problem(kind, sizes), time_steps(sizes))
    narrow = forward(kind, *problem(kind, sizes, dtype=np.float32), time_steps(sizes))
    assert narrow[0].dtype == np.float32
    scale = 1e-3 if kind == "relu" else 1e-4
    np.testing.assert_allclose(narrow[0], wide[0], rtol=scale, atol=1e-5)
    grads = narrow[2](narrow[0], narrow[1])
    assert all(a.dtype == np.float32 for a in (*grads[:-1], *grads[-1]) if a is not None)


def test_saturated_gates_do_not_overflow():
    x, states, weights = problem("lstm", [2, 2], dtype=np.float32)
    with np.errstate(all="raise", under="ignore"):
        y, _, _ = forward("lstm", x * np.float32(1e6), states, weights, time_steps([2, 2]))
    assert np.isfinite(y).all()


def test_no_steps_and_no_rows():
    x, states, weights = problem("gru", [2])
    y, (last,), backward = forward("gru", x[:0], states, weights, [])
    assert y.shape == (0, 4)
    np.testing.assert_array_equal(last, states[0])
    grads = backward(y, [last])
    assert grads[0].shape == (0, 3) and not any(part.any() for part in grads[-1] if part is not None)
    np.testing.assert_array_equal(grads[1], last)


def test_time_steps():
    assert time_steps([3, 2, 2]) == [slice(0, 3), slice(3, 5), slice(5, 7)]
    assert time_steps([3, 1], reverse=True) == [slice(3, 4), slice(0, 3)]
