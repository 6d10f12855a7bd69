"""Recurrent layers: LSTM, GRU and the plain RNN over whole sequences, one node per layer and direction.

Rows of all steps lie behind each other, as in a packed sequence, and `batch_sizes` says how many belong to
each step. The public functions stack layers and directions, and take padded or packed sequences.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ..arrays import recurrent as kernels
from ..arrays.halves import wide
from ..arrays.recurrent import GruTrace, LstmTrace, RnnTrace, Weights, time_steps
from ..dtypes import OF_NUMPY
from .activations import relu
from .declare import Op, composite, primitive, registry
from .join import cat, stack
from .linear import linear
from .pointwise import add
from .recurrent_twice import GruCell, LstmCell, RnnCell, cotangents
from .spatial import Sizes
from .transcendental import tanh
from .views import reshape, select, transpose

Array = Any


def _floating(*arrays: Any, refused: str = "iub") -> list[Any]:
    """The arrays, all of one floating type (or None), with half types widened. Raises RuntimeError."""
    kinds = {a.dtype for a in arrays if a is not None}
    if len(kinds) != 1 or next(iter(kinds)).kind in refused:
        found = " and ".join(sorted(str(OF_NUMPY[kind]) for kind in kinds))
        raise RuntimeError(
            f"lstm, gru, rnn: input, states and weights must be of one floating-point type, but got {found}"
        )
    return _widened(*arrays)


def _widened(*arrays: Any) -> list[Any]:
    return [a if a is None else wide(a) for a in arrays]


def _like(arrays: Sequence[Any], dtype: np.dtype) -> tuple[Any, ...]:
    return tuple(a if a is None else a.astype(dtype, copy=False) for a in arrays)


# -- one layer, one direction -----------------------------------------------------------------------


@primitive(forms="", under="internal", outputs=("output", "last_h", "before"), constants=("before",))
def rnn_layer(
    input: Array,
    h: Array,
    w_ih: Array,
    w_hh: Array,
    b_ih: Array = None,
    b_hh: Array = None,
    /,
    batch_sizes: Sizes = (),
    reverse: bool = False,
    rectified: bool = False,
) -> tuple[Array, ...]:
    """h' = tanh(W_ih x + b_ih + W_hh h + b_hh), or relu: outputs, last state, and what backward keeps."""
    x, state, *weights = _floating(input, h, w_ih, w_hh, b_ih, b_hh, refused="b" if rectified else "iub")
    output, last, trace = kernels.rnn(
        x, state, Weights(*weights), time_steps(batch_sizes, reverse), rectified
    )
    return (*_like((output, last), input.dtype), trace.before)


@rnn_layer.backward
def _(
    g: Any,
    input: Any,
    h: Any,
    w_ih: Any,
    w_hh: Any,
    b_ih: Any,
    b_hh: Any,
    batch_sizes: Sizes,
    reverse: bool,
    rectified: bool,
    output: Any,
    before: Any,
) -> Any:
    steps, weights = time_steps(batch_sizes, reverse), Weights(w_ih, w_hh, b_ih, b_hh)
    if not isinstance(input, np.ndarray):
        return cotangents(RnnCell(rectified), g[0], [g[1]], input, [h], weights, steps)[:6]
    trace = RnnTrace(before, wide(output))
    gy, gh, x, *parts = _widened(g[0], g[1], input, *weights)
    dx, dh, grads = kernels.rnn_backward(gy, gh, x, Weights(*parts), steps, trace, rectified)
    return _like((dx, dh, *grads[:4]), input.dtype)


@primitive(
    forms="",
    under="internal",
    outputs=("output", "last_h", "gates", "shares", "before"),
    constants=("gates", "shares", "before"),
)
def gru_layer(
    input: Array,
    h: Array,
    w_ih: Array,
    w_hh: Array,
    b_ih: Array = None,
    b_hh: Array = None,
    /,
    batch_sizes: Sizes = (),
    reverse: bool = False,
) -> tuple[Array, ...]:
    """h' = (1 - z) n + z h with gates r, z, n: outputs, last state, and what backward keeps."""
    x, state, *weights = _floating(input, h, w_ih, w_hh, b_ih, b_hh)
    output, last, trace = kernels.gru(x, state, Weights(*weights), time_steps(batch_sizes, reverse))
    return (*_like((output, last), input.dtype), *trace)


@gru_layer.backward
def _(
    g: Any,
    input: Any,
    h: Any,
    w_ih: Any,
    w_hh: Any,
    b_ih: Any,
    b_hh: Any,
    batch_sizes: Sizes,
    reverse: bool,
    gates: Any,
    shares: Any,
    before: Any,
) -> Any:
    steps, weights = time_steps(batch_sizes, reverse), Weights(w_ih, w_hh, b_ih, b_hh)
    if not isinstance(input, np.ndarray):
        return cotangents(GruCell(), g[0], [g[1]], input, [h], weights, steps)[:6]
    gy, gh, x, *parts = _widened(g[0], g[1], input, *weights)
    dx, dh, grads = kernels.gru_backward(gy, gh, x, Weights(*parts), steps, GruTrace(gates, shares, before))
    return _like((dx, dh, *grads[:4]), input.dtype)


@primitive(
    forms="",
    under="internal",
    outputs=("output", "last_h", "last_c", "gates", "cells", "squashed", "before"),
    constants=("gates", "cells", "squashed", "before"),
)
def lstm_layer(
    input: Array,
    h: Array,
    c: Array,
    w_ih: Array,
    w_hh: Array,
    b_ih: Array = None,
    b_hh: Array = None,
    w_hr: Array = None,
    /,
    batch_sizes: Sizes = (),
    reverse: bool = False,
) -> tuple[Array, ...]:
    """c' = f c + i g, h' = o tanh(c'): outputs, last h and c, and what backward keeps.

    With w_hr the state is projected: h' = W_hr (o tanh(c')).
    """
    x, state, cell, *weights = _floating(input, h, c, w_ih, w_hh, b_ih, b_hh, w_hr)
    *results, trace = kernels.lstm(x, state, cell, Weights(*weights), time_steps(batch_sizes, reverse))
    return (*_like(results, input.dtype), *trace)


@lstm_layer.backward
def _(
    g: Any,
    input: Any,
    h: Any,
    c: Any,
    w_ih: Any,
    w_hh: Any,
    b_ih: Any,
    b_hh: Any,
    w_hr: Any,
    batch_sizes: Sizes,
    reverse: bool,
    gates: Any,
    cells: Any,
    squashed: Any,
    before: Any,
) -> Any:
    steps, weights = time_steps(batch_sizes, reverse), Weights(w_ih, w_hh, b_ih, b_hh, w_hr)
    if not isinstance(input, np.ndarray):
        return cotangents(LstmCell(), g[0], [g[1], g[2]], input, [h, c], weights, steps)
    trace = LstmTrace(gates, cells, squashed, before)
    gy, gh, gc, x, *parts = _widened(g[0], g[1], g[2], input, *weights)
    dx, dh, dc, grads = kernels.lstm_backward(gy, gh, gc, x, Weights(*parts), steps, trace)
    return _like((dx, dh, dc, *grads), input.dtype)


# -- layers and directions --------------------------------------------------------------------------


def network(
    kind: str,
    input: Any,
    batch_sizes: Sizes,
    states: Sequence[Any],
    params: Sequence[Any],
    has_biases: bool,
    num_layers: int,
    dropout: float,
    train: bool,
    bidirectional: bool,
) -> tuple[Any, list[Any]]:
    """Stacked layers over packed rows (rows, inputs): outputs, and the last states, each (layers·directions,
    B, H).

    kind: lstm (states h and c), gru, rnn_tanh or rnn_relu. params: the weights of each layer and direction
    in torch's order. Dropout stands between layers.
    """
    directions = 2 if bidirectional else 1
    each = len(params) // (num_layers * directions)
    last: list[list[Any]] = [[] for _ in states]
    for layer in range(num_layers):
        outputs = []
        for direction in range(directions):
            k = layer * directions + direction
            weights = _in_order(params[k * each : (k + 1) * each], has_biases)
            initial = [select(s, 0, k) for s in states]
            output, *ends = _layer(kind, input, initial, weights, batch_sizes, bool(direction))
            outputs.append(output)
            for kept, end in zip(last, ends, strict=True):
                kept.append(end)
        input = cat(outputs, -1) if bidirectional else outputs[0]
        if dropout and train and layer + 1 < num_layers:
            input = registry["dropout"](input, dropout, True)
    return input, [stack(kept, 0) for kept in last]


def _in_order(params: Sequence[Any], has_biases: bool) -> list[Any]:
    """w_ih, w_hh, b_ih, b_hh, w_hr, None for what is not there."""
    given = list(params)
    biases = given[2:4] if has_biases else [None, None]
    rest = given[4:] if has_biases else given[2:]
    return [*given[:2], *biases, *(rest or [None])]


def _layer(
    kind: str, input: Any, states: list[Any], weights: list[Any], batch_sizes: Sizes, reverse: bool
) -> tuple[Any, ...]:
    if kind == "lstm":
        return tuple(lstm_layer(input, *states, *weights, batch_sizes, reverse)[:3])
    if kind == "gru":
        return tuple(gru_layer(input, *states, *weights[:4], batch_sizes, reverse)[:2])
    return tuple(rnn_layer(input, *states, *weights[:4], batch_sizes, reverse, kind == "rnn_relu")[:2])


# -- the public names -------------------------------------------------------------------------------


def _declare(name: str) -> Op:
    """torch.lstm, torch.gru, torch.rnn_tanh or torch.rnn_relu."""

    def layers(
        input: Array,
        hx: Any,
        params: Any,
        /,
        has_biases: Any,
        num_layers: Any,
        dropout: Any,
        train: Any,
        bidirectional: Any,
        batch_first: Any,
    ) -> Any:
        if isinstance(has_biases, bool):
            states = hx if name == "lstm" else [hx]
            settings = (params, has_biases, num_layers, dropout, train, bidirectional)
            output, last = _padded(name, input, states, settings, batch_first)
        else:
            # Packed: the arguments are data, batch_sizes, hx, params, has_biases, ... bidirectional.
            sizes, states, params = tuple(map(int, hx)), params if name == "lstm" else [params], has_biases
            settings = (params, num_layers, dropout, train, bidirectional, batch_first)
            output, last = network(name, input, sizes, states, *settings)
        return (output, *last)

    layers.__doc__ = (
        f"Layers of {name} over input (T, B, inputs), or (B, T, inputs) when batch_first: outputs and last "
        "states.\n\n"
        f"Packed: {name}(data, batch_sizes, hx, params, has_biases, num_layers, dropout, train, "
        "bidirectional)."
    )
    return composite(layers, name=name, forms="")


def _padded(
    kind: str, input: Any, states: Sequence[Any], settings: tuple[Any, ...], batch_first: bool
) -> tuple[Any, list[Any]]:
    """`network` over sequences of one length."""
    x = transpose(input, 0, 1) if batch_first else input
    steps, batch = int(x.shape[0]), int(x.shape[1])
    rows = reshape(x, (steps * batch, int(x.shape[2])))
    output, last = network(kind, rows, (batch,) * steps, states, *settings)
    output = reshape(output, (steps, batch, int(output.shape[1])))
    return (transpose(output, 0, 1) if batch_first else output), last


lstm, gru, rnn_tanh, rnn_relu = map(_declare, ("lstm", "gru", "rnn_tanh", "rnn_relu"))


@composite(forms="")
def lstm_cell(
    input: Array, hx: Any, w_ih: Array, w_hh: Array, b_ih: Array = None, b_hh: Array = None, /
) -> tuple[Array, Array]:
    """One step of an LSTM: h' and c' from input (B, inputs) and hx = (h, c)."""
    _, h, c, *_ = lstm_layer(input, hx[0], hx[1], w_ih, w_hh, b_ih, b_hh, None, (int(input.shape[0]),))
    return h, c


@composite(forms="")
def gru_cell(
    input: Array, hx: Array, w_ih: Array, w_hh: Array, b_ih: Array = None, b_hh: Array = None, /
) -> Array:
    """One step of a GRU: h' from input (B, inputs) and hx (B, hidden)."""
    return gru_layer(input, hx, w_ih, w_hh, b_ih, b_hh, (int(input.shape[0]),))[1]


@composite(forms="")
def rnn_tanh_cell(
    input: Array, hx: Array, w_ih: Array, w_hh: Array, b_ih: Array = None, b_hh: Array = None, /
) -> Array:
    """tanh(W_ih x + b_ih + W_hh h + b_hh) for input (B, inputs) and hx (B, hidden)."""
    return tanh(add(linear(input, w_ih, b_ih), linear(hx, w_hh, b_hh)))


@composite(forms="")
def rnn_relu_cell(
    input: Array, hx: Array, w_ih: Array, w_hh: Array, b_ih: Array = None, b_hh: Array = None, /
) -> Array:
    """relu(W_ih x + b_ih + W_hh h + b_hh) for input (B, inputs) and hx (B, hidden)."""
    return relu(add(linear(input, w_ih, b_ih), linear(hx, w_hh, b_hh)))
