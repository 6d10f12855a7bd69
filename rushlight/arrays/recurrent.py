"""Whole-sequence recurrent layers, one direction of one layer: LSTM, GRU, and the plain RNN, with gradients.

Rows of all time steps lie behind each other, as in a packed sequence: `x` is (rows, inputs), and `steps`
lists the slice of rows of each step in the order of processing.  Step t updates the first len(step) rows of
the state, so sequences of unequal length, sorted longest first, need no masks, in either direction.

All steps share one matrix product for the inputs and one for each gradient of a weight; a step itself costs
one product with the state, in machine code (`recurrent_native`) or, as written here, in NumPy's. Gates are
stacked in torch's order, and biases of input and state are apart.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from . import recurrent_native as machine


class Weights(NamedTuple):
    """`ih` (gates * hidden, inputs), `hh` (gates * hidden, outputs), biases (gates * hidden,) or None.

    `hr` (outputs, hidden) projects the hidden state of an LSTM; without it outputs = hidden.
    """

    ih: np.ndarray
    hh: np.ndarray
    bias_ih: np.ndarray | None = None
    bias_hh: np.ndarray | None = None
    hr: np.ndarray | None = None


def time_steps(batch_sizes: Sequence[int], reverse: bool = False) -> list[slice]:
    """The rows of each step for these batch sizes (never growing), last step first where `reverse`."""
    ends = np.cumsum(np.asarray(batch_sizes, dtype=int)).tolist()
    steps = [slice(end - n, end) for end, n in zip(ends, batch_sizes, strict=True)]
    return steps[::-1] if reverse else steps


class RnnTrace(NamedTuple):
    """What the plain RNN's backward needs: the state before each step, the outputs."""

    before: np.ndarray
    outputs: np.ndarray


def rnn(
    x: np.ndarray, h: np.ndarray, weights: Weights, steps: Sequence[slice], relu: bool = False
) -> tuple[np.ndarray, np.ndarray, RnnTrace]:
    """The states h' = tanh(W_ih x + b_ih + W_hh h + b_hh), or relu.

    Returns outputs (rows, hidden), last states, trace.
    """
    if machine.fits("tanh", x, weights, steps, [h], []):
        outputs, h, before = machine.rnn(x, h, weights, steps, relu)
        return outputs, h, RnnTrace(before, outputs)
    outputs, to_state = _inputs(x, weights), _turned(weights.hh)
    h, before = h.copy(), np.empty_like(outputs)
    for step in steps:
        n, now = step.stop - step.start, outputs[step]
        before[step] = h[:n]
        now += h[:n] @ to_state
        np.maximum(now, 0, out=now) if relu else np.tanh(now, out=now)
        h[:n] = now
    return outputs, h, RnnTrace(before, outputs)


def rnn_backward(
    g: np.ndarray,
    gh: np.ndarray,
    x: np.ndarray,
    weights: Weights,
    steps: Sequence[slice],
    trace: RnnTrace,
    relu: bool,
) -> tuple[np.ndarray, np.ndarray, Weights]:
    """Cotangents of (x, h, weights) from those of the outputs and the last states."""
    if machine.fits("tanh", x, weights, steps, [gh], [g, trace.outputs]):
        dx, dh, *grads = machine.rnn_backward(g, gh, x, weights, steps, trace, relu)
        return dx, dh, Weights(*grads)
    dh, y = gh.copy(), trace.outputs
    slopes = (y > 0).astype(y.dtype) if relu else 1 - y * y
    for step in reversed(steps):
        n, now = step.stop - step.start, slopes[step]
        now *= dh[:n] + g[step]
        dh[:n] = now @ weights.hh
    return slopes @ weights.ih, dh, _weight_gradients(slopes, slopes, x, trace.before, weights)


class LstmTrace(NamedTuple):
    """What the LSTM's backward needs: gates, cells before, tanh of cells after, states before."""

    gates: np.ndarray
    cells: np.ndarray
    squashed: np.ndarray
    before: np.ndarray


def lstm(
    x: np.ndarray, h: np.ndarray, c: np.ndarray, weights: Weights, steps: Sequence[slice]
) -> tuple[np.ndarray, np.ndarray, np.ndarray, LstmTrace]:
    """The states c' = f c + i g and h' = o tanh(c'), with gates i, f, g, o.

    Returns outputs (rows, hidden), last h, last c, trace.  Hochreiter and Schmidhuber 1997, with the
    forget gate of Gers et al. 2000.
    """
    if machine.fits("lstm", x, weights, steps, [h, c], []):
        outputs, h, c, *kept = machine.lstm(x, h, c, weights, steps)
        return outputs, h, c, LstmTrace(*kept)
    gates, to_state, size = _inputs(x, weights), _turned(weights.hh), c.shape[1]
    h, c = h.copy(), c.copy()
    outputs, before = (np.empty((len(x), h.shape[1]), gates.dtype) for _ in range(2))
    cells, squashed = (np.empty((len(x), size), gates.dtype) for _ in range(2))
    for step in steps:
        n, now = step.stop - step.start, gates[step]
        before[step], cells[step] = h[:n], c[:n]
        now += h[:n] @ to_state
        i, f, g, o = _lstm_gates(now, size)
        c[:n] = f * c[:n] + i * g
        hidden = o * np.tanh(c[:n], out=squashed[step])
        h[:n] = hidden if weights.hr is None else hidden @ weights.hr.T
        outputs[step] = h[:n]
    return outputs, h, c, LstmTrace(gates, cells, squashed, before)


def lstm_backward(
    g: np.ndarray,
    gh: np.ndarray,
    gc: np.ndarray,
    x: np.ndarray,
    weights: Weights,
    steps: Sequence[slice],
    trace: LstmTrace,
) -> tuple[np.ndarray, np.ndarray, np.ndarray, Weights]:
    """Cotangents of (x, h, c, weights) from those of the outputs and of the last h and c."""
    if machine.fits("lstm", x, weights, steps, [gh, gc], [g, trace.before]):
        dx, dh, dc, *grads = machine.lstm_backward(g, gh, gc, x, weights, steps, trace)
        return dx, dh, dc, Weights(*grads)
    dh, dc, size = gh.copy(), gc.copy(), gc.shape[1]
    d = np.empty_like(trace.gates)
    projected = np.empty((len(x), dh.shape[1]), d.dtype) if weights.hr is not None else None
    for step in reversed(steps):
        n = step.stop - step.start
        dy = dh[:n] + g[step]
        if projected is not None:
            projected[step] = dy
            dy = dy @ weights.hr
        dc[:n] = _lstm_step_backward(dy, dc[:n], d[step], step, trace, size)
        dh[:n] = d[step] @ weights.hh
    grads = _weight_gradients(d, d, x, trace.before, weights)
    if projected is not None:
        grads = grads._replace(hr=projected.T @ (trace.gates[:, 3 * size :] * trace.squashed))
    return d @ weights.ih, dh, dc, grads


def _lstm_step_backward(
    dy: np.ndarray, dc: np.ndarray, d: np.ndarray, step: slice, trace: LstmTrace, size: int
) -> np.ndarray:
    """Writes the cotangent of a step's gates, before their nonlinearity, to `d`; returns its cell's."""
    i, f, g, o = _split(trace.gates[step], size)
    di, df, dg, do = _split(d, size)
    squashed = trace.squashed[step]
    np.multiply(dy, squashed, out=do)
    dc = dc + dy * o * (1 - squashed * squashed)
    np.multiply(dc, g, out=di)
    np.multiply(dc, trace.cells[step], out=df)
    np.multiply(dc, i, out=dg)
    di *= i * (1 - i)
    df *= f * (1 - f)
    dg *= 1 - g * g
    do *= o * (1 - o)
    return dc * f


class GruTrace(NamedTuple):
    """What the GRU's backward needs: gates r, z, n, the state's share of n, states before."""

    gates: np.ndarray
    shares: np.ndarray
    before: np.ndarray


def gru(
    x: np.ndarray, h: np.ndarray, weights: Weights, steps: Sequence[slice]
) -> tuple[np.ndarray, np.ndarray, GruTrace]:
    """The states h' = (1 - z) n + z h, where n = tanh(W_in x + b_in + r (W_hn h + b_hn)).

    Returns outputs (rows, hidden), last states, trace.  Cho et al. 2014, with the reset gate behind the
    product, as torch and cuDNN have it.
    """
    if machine.fits("gru", x, weights, steps, [h], []):
        outputs, h, *kept = machine.gru(x, h, weights, steps)
        return outputs, h, GruTrace(*kept)
    gates, size, to_state = _project(x, weights.ih, weights.bias_ih), h.shape[1], _turned(weights.hh)
    outputs, shares, before = (np.empty((len(x), size), gates.dtype) for _ in range(3))
    h = h.copy()
    for step in steps:
        n, now = step.stop - step.start, gates[step]
        before[step], state = h[:n], h[:n] @ to_state
        if weights.bias_hh is not None:
            state += weights.bias_hh
        rz, new, shares[step] = now[:, : 2 * size], now[:, 2 * size :], state[:, 2 * size :]
        rz += state[:, : 2 * size]
        _sigmoid(rz)
        new += rz[:, :size] * shares[step]
        np.tanh(new, out=new)
        h[:n] = new + rz[:, size:] * (h[:n] - new)
        outputs[step] = h[:n]
    return outputs, h, GruTrace(gates, shares, before)


def gru_backward(
    g: np.ndarray, gh: np.ndarray, x: np.ndarray, weights: Weights, steps: Sequence[slice], trace: GruTrace
) -> tuple[np.ndarray, np.ndarray, Weights]:
    """Cotangents of (x, h, weights) from those of the outputs and the last states."""
    if machine.fits("gru", x, weights, steps, [gh], [g, trace.before]):
        dx, dh, *grads = machine.gru_backward(g, gh, x, weights, steps, trace)
        return dx, dh, Weights(*grads)
    dh, size = gh.copy(), gh.shape[1]
    to_inputs, to_states = np.empty_like(trace.gates), np.empty_like(trace.gates)
    for step in reversed(steps):
        rows = step.stop - step.start
        dy = dh[:rows] + g[step]
        r, z, n = _split(trace.gates[step], size)
        dr, dz, dn = _split(to_inputs[step], size)
        np.multiply(dy * (1 - z), 1 - n * n, out=dn)
        np.multiply(dy * (trace.before[step] - n), z * (1 - z), out=dz)
        np.multiply(dn * trace.shares[step], r * (1 - r), out=dr)
        back = to_states[step]
        back[:] = to_inputs[step]
        back[:, 2 * size :] *= r
        dh[:rows] = dy * z + back @ weights.hh
    return to_inputs @ weights.ih, dh, _weight_gradients(to_inputs, to_states, x, trace.before, weights)


def _project(x: np.ndarray, w: np.ndarray, bias: np.ndarray | None) -> np.ndarray:
    y = x @ w.T
    if bias is not None:
        y += bias
    return y


def _inputs(x: np.ndarray, weights: Weights) -> np.ndarray:
    """The inputs' share of all gates of all steps, both biases included."""
    y = _project(x, weights.ih, weights.bias_ih)
    if weights.bias_hh is not None:
        y += weights.bias_hh
    return y


def _turned(w: np.ndarray) -> np.ndarray:
    """The transpose as a copy: one for all steps, whose thin products are then a third faster (measured)."""
    return np.ascontiguousarray(w.T)


def _split(gates: np.ndarray, size: int) -> list[np.ndarray]:
    return [gates[:, start : start + size] for start in range(0, gates.shape[1], size)]


def _sigmoid(x: np.ndarray) -> None:
    """In place; 1 / (1 + e^-x) = (1 + tanh(x / 2)) / 2 never overflows, and is one fast loop."""
    if x.dtype.kind == "c":
        x[...] = 1 / (1 + np.exp(-x))
        return
    x *= 0.5
    np.tanh(x, out=x)
    x *= 0.5
    x += 0.5


def _lstm_gates(now: np.ndarray, size: int) -> list[np.ndarray]:
    i, f, g, o = _split(now, size)
    _sigmoid(now[:, : 2 * size])
    np.tanh(g, out=g)
    _sigmoid(o)
    return [i, f, g, o]


def _weight_gradients(
    to_inputs: np.ndarray, to_states: np.ndarray, x: np.ndarray, before: np.ndarray, weights: Weights
) -> Weights:
    """Cotangents of the weights from those of each row's gates, on the inputs' and on the states' side."""
    bias_ih = to_inputs.sum(0) if weights.bias_ih is not None else None
    bias_hh = to_states.sum(0) if weights.bias_hh is not None else None
    return Weights(to_inputs.T @ x, to_states.T @ before, bias_ih, bias_hh)
