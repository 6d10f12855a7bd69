"""Recurrent ops as torch has them: layers, directions, packed rows, first and second derivatives, cells."""

import numpy as np
import pytest

import rushlight
from rushlight.ops.recurrent import lstm_layer

GATES = {"lstm": 4, "gru": 3, "rnn_tanh": 1, "rnn_relu": 1}
BATCH_SIZES = [3, 3, 2, 1]


def problem(kind, layers, bidirectional, bias, projection=0, inputs=3, hidden=4, batch=3):
    """Weights in torch's order, and initial states."""
    rng, rows = np.random.default_rng(0), GATES[kind] * hidden
    directions, outputs = 1 + bidirectional, projection or hidden
    params = []
    for layer in range(layers):
        for _ in range(directions):
            width = outputs * directions if layer else inputs
            params += [rng.standard_normal((rows, width)), rng.standard_normal((rows, outputs))]
            params += [rng.standard_normal(rows), rng.standard_normal(rows)] if bias else []
            params += [rng.standard_normal((projection, hidden))] if projection else []
    states = [rng.standard_normal((layers * directions, batch, outputs))]
    if kind == "lstm":
        states.append(rng.standard_normal((layers * directions, batch, hidden)))
    return params, states


def run(library, kind, arrays, packed, *settings):
    """Outputs, last states, gradients and gradients of gradients, in one list of arrays."""
    x, states, params = ([library.from_numpy(a.copy()).requires_grad_() for a in part] for part in arrays)
    hx = tuple(states) if kind == "lstm" else states[0]
    front = (library.tensor(BATCH_SIZES),) if packed else ()
    out = getattr(library, kind)(x[0], *front, hx, params, *settings)
    inputs = [*x, *states, *params]
    first = library.autograd.grad(sum((o * o).sum() for o in out), inputs, create_graph=True)
    second = library.autograd.grad(sum((g * g).sum() for g in first), inputs)
    return [t.detach().numpy() for t in (*out, *first, *second)]


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize(
    ("layers", "bidirectional", "bias", "batch_first", "projection"),
    [
        (1, False, True, False, 0),
        (2, True, True, True, 0),
        (2, False, False, False, 0),
        (2, True, True, False, 2),
    ],
)
@pytest.mark.parametrize("kind", GATES)
def test_agrees_with_torch_to_the_second_derivative(
    kind, layers, bidirectional, bias, batch_first, projection, packed
):
    torch = pytest.importorskip("torch")
    projection = projection if kind == "lstm" else 0
    params, states = problem(kind, layers, bidirectional, bias, projection)
    shape = (3, 5, 3) if batch_first else (5, 3, 3)
    x = np.random.default_rng(1).standard_normal((sum(BATCH_SIZES), 3) if packed else shape)
    settings = (bias, layers, 0.0, False, bidirectional) + (() if packed else (batch_first,))
    arrays = ([x], states, params)
    ours, theirs = (
        run(rushlight, kind, arrays, packed, *settings),
        run(torch, kind, arrays, packed, *settings),
    )
    assert len(ours) == len(theirs)
    for a, b in zip(ours, theirs):
        assert a.shape == b.shape
        np.testing.assert_allclose(a, b, rtol=1e-6, atol=1e-8)


@pytest.mark.parametrize("kind", GATES)
@pytest.mark.parametrize("bias", [False, True])
def test_cells(kind, bias):
    torch = pytest.importorskip("torch")
    params, states = problem(kind, 1, False, bias)
    x, last = np.random.default_rng(1).standard_normal((3, 3)), [s[0] for s in states]
    found = []
    for library in (rushlight, torch):
        tensors = [library.from_numpy(a.copy()).requires_grad_() for a in (x, *last, *params)]
        hx = tuple(tensors[1:3]) if kind == "lstm" else tensors[1]
        out = getattr(library, f"{kind}_cell")(tensors[0], hx, *tensors[1 + len(last) :])
        out = out if isinstance(out, tuple) else (out,)
        grads = library.autograd.grad(sum((o * o).sum() for o in out), tensors)
        found.append([t.detach().numpy() for t in (*out, *grads)])
    for a, b in zip(*found, strict=True):
        np.testing.assert_allclose(a, b, atol=1e-12)


def test_dropout_stands_between_layers_only():
    params, states = problem("gru", 2, False, True)
    tensors = [rushlight.from_numpy(p) for p in params]
    x, h = rushlight.ones(5, 3, 3).double(), rushlight.from_numpy(states[0])
    quiet, _ = rushlight.gru(x, h, tensors, True, 2, 0.5, False, False, False)
    plain, _ = rushlight.gru(x, h, tensors, True, 2, 0.0, True, False, False)
    np.testing.assert_array_equal(quiet.numpy(), plain.numpy())


def test_half_types_keep_their_type():
    params, states = problem("lstm", 1, False, True)
    tensors = [rushlight.from_numpy(p).half() for p in params]
    h, c = (rushlight.from_numpy(s).half() for s in states)
    x = rushlight.ones(5, 3, 3).half().requires_grad_()
    output, last_h, last_c = rushlight.lstm(x, (h, c), tensors, True, 1, 0.0, False, False, False)
    assert output.dtype == last_h.dtype == last_c.dtype == rushlight.float16
    output.sum().backward()
    assert x.grad.dtype == rushlight.float16


def test_layer_on_plain_arrays():
    params, states = problem("lstm", 1, False, True)
    output, h, c, *_ = lstm_layer(np.ones((6, 3)), states[0][0], states[1][0], *params, None, (3, 3))
    assert output.shape == (6, 4)
    np.testing.assert_array_equal(output[3:], h)
    assert c.shape == (3, 4)
