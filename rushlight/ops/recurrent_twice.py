"""The backward pass of recurrent layers written with ops, for when it is to be differentiated itself.

The forward pass is done again step by step, so that autograd knows its values, and then the pass back, by
the same formulas as the kernels in `arrays/recurrent.py`. A cell's `step` gives the states after, and what
`back` needs; `back` gives the cotangents of the gates as the input sees them, of the gates as the state sees
them, and of the states before (apart from what reaches them through W_hh).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

from ..arrays.recurrent import Weights
from .activations import relu
from .join import cat
from .linear import linear
from .matmul import matmul
from .reduce import sum as sum_op
from .rounding import sign
from .transcendental import sigmoid, tanh
from .views import chunk, narrow, transpose

Tensors = list[Any]


class Cell(Protocol):
    """One time step, forwards and backwards."""

    def step(self, gates: Any, states: Tensors, weights: Weights) -> tuple[Tensors, Tensors]: ...

    def back(
        self, d: Tensors, states: Tensors, kept: Tensors, weights: Weights
    ) -> tuple[Any, Any, Tensors]: ...


class RnnCell:
    """h' = tanh(gates), or relu."""

    def __init__(self, rectified: bool) -> None:
        self.rectified = rectified

    def step(self, gates: Any, states: Tensors, weights: Weights) -> tuple[Tensors, Tensors]:
        total = gates + linear(states[0], weights.hh, weights.bias_hh)
        after = relu(total) if self.rectified else tanh(total)
        return [after], [after]

    def back(self, d: Tensors, states: Tensors, kept: Tensors, weights: Weights) -> tuple[Any, Any, Tensors]:
        (after,) = kept
        gates = d[0] * (sign(after) if self.rectified else 1 - after * after)
        return gates, gates, [None]


class GruCell:
    """h' = n + z (h - n) with gates r, z, n."""

    def step(self, gates: Any, states: Tensors, weights: Weights) -> tuple[Tensors, Tensors]:
        shares = chunk(linear(states[0], weights.hh, weights.bias_hh), 3, 1)
        r, z, n = chunk(gates, 3, 1)
        r, z = sigmoid(r + shares[0]), sigmoid(z + shares[1])
        n = tanh(n + r * shares[2])
        return [n + z * (states[0] - n)], [r, z, n, shares[2]]

    def back(self, d: Tensors, states: Tensors, kept: Tensors, weights: Weights) -> tuple[Any, Any, Tensors]:
        r, z, n, share = kept
        dn = d[0] * (1 - z) * (1 - n * n)
        dz = d[0] * (states[0] - n) * z * (1 - z)
        dr = dn * share * r * (1 - r)
        return cat([dr, dz, dn], 1), cat([dr, dz, dn * r], 1), [d[0] * z]


class LstmCell:
    """c' = f c + i g, h' = o tanh(c'), with gates i, f, g, o; a projected state is W_hr h'."""

    def step(self, gates: Any, states: Tensors, weights: Weights) -> tuple[Tensors, Tensors]:
        i, f, g, o = chunk(gates + linear(states[0], weights.hh, weights.bias_hh), 4, 1)
        i, f, g, o = sigmoid(i), sigmoid(f), tanh(g), sigmoid(o)
        cell = f * states[1] + i * g
        hidden = o * tanh(cell)
        after = hidden if weights.hr is None else linear(hidden, weights.hr)
        return [after, cell], [i, f, g, o, tanh(cell), hidden]

    def back(self, d: Tensors, states: Tensors, kept: Tensors, weights: Weights) -> tuple[Any, Any, Tensors]:
        i, f, g, o, squashed, _ = kept
        dy = d[0] if weights.hr is None else matmul(d[0], weights.hr)
        dc = d[1] + dy * o * (1 - squashed * squashed)
        parts = [
            dc * g * i * (1 - i),
            dc * states[1] * f * (1 - f),
            dc * i * (1 - g * g),
            dy * squashed * o * (1 - o),
        ]
        gates = cat(parts, 1)
        return gates, gates, [None, dc * f]


def cotangents(
    cell: Cell, g: Any, last: Tensors, x: Any, states: Tensors, weights: Weights, steps: Sequence[slice]
) -> tuple[Any, ...]:
    """The cotangents of (x, *states, *weights), from those of the outputs and of the last states."""
    share, trace = linear(x, weights.ih, weights.bias_ih), []
    for step in steps:
        before = [_rows(s, step) for s in states]
        after, kept = cell.step(_at(share, step), before, weights)
        states = [_with_rows(s, new) for s, new in zip(states, after, strict=True)]
        trace.append((step, before, kept))
    to_inputs, to_states, befores, outputs, hidden = {}, {}, {}, {}, {}
    d = list(last)
    for step, before, kept in reversed(trace):
        now = [_rows(s, step) for s in d]
        now[0] = now[0] + _at(g, step)
        gates, shares, direct = cell.back(now, before, kept, weights)
        through = matmul(shares, weights.hh)
        direct[0] = through if direct[0] is None else direct[0] + through
        d = [_with_rows(s, new) for s, new in zip(d, direct, strict=True)]
        at = step.start
        to_inputs[at], to_states[at], befores[at], outputs[at], hidden[at] = (
            gates,
            shares,
            before[0],
            now[0],
            kept[-1],
        )
    by_input, by_state = _joined(to_inputs), _joined(to_states)
    grads = (
        matmul(transpose(by_input, 0, 1), x),
        matmul(transpose(by_state, 0, 1), _joined(befores)),
        None if weights.bias_ih is None else sum_op(by_input, 0),
        None if weights.bias_hh is None else sum_op(by_state, 0),
        None if weights.hr is None else matmul(transpose(_joined(outputs), 0, 1), _joined(hidden)),
    )
    return (matmul(by_input, weights.ih), *d, *grads)


def _at(rows: Any, step: slice) -> Any:
    return narrow(rows, 0, step.start, step.stop - step.start)


def _rows(state: Any, step: slice) -> Any:
    """The rows of a state that a step updates: its first ones."""
    return narrow(state, 0, 0, step.stop - step.start)


def _with_rows(state: Any, new: Any) -> Any:
    """A state whose first rows are `new`."""
    n, size = int(new.shape[0]), int(state.shape[0])
    return new if n == size else cat([new, narrow(state, 0, n, size - n)], 0)


def _joined(parts: dict[int, Any]) -> Any:
    """What the steps gave, in order of their rows."""
    return cat([parts[start] for start in sorted(parts)], 0)
