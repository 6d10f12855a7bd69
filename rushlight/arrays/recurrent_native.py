"""How the arrays of recurrent layers meet the kernels: the table of steps, scratch memory, large products.

Weights are those of `recurrent.Weights`; what comes out has the order of its functions and traces.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from ..kernels import native, pool, targets
from ..kernels import recurrent as kernels
from ..kernels import recurrent_backward as backward_kernels
from ..kernels import recurrent_gradients as gradient_kernels
from ..kernels.recurrent_block import GATES, STEP, Form, most_rows, tiles
from ..kernels.types import f32, f64
from . import memory
from .by_rows import add_into
from .copying import joined
from .products import dot

Array = Any
TYPES = {np.dtype(np.float32): f32, np.dtype(np.float64): f64}
APART = 72  # rows modulo 128: 14 panels' blocks of 72 rows have their own of the 1024 sets of an L2 cache
MANY = 64  # rows for which it pays to lay weights out as panels
SHARED = 4e5  # multiplications and additions of a step that are worth a second thread


def fits(
    cell: str,
    x: Array,
    weights: Any,
    steps: Sequence[slice],
    states: Sequence[Array],
    outputs: Sequence[Array],
) -> bool:
    """Whether the kernels do this: known types, something to do, no projection, and sizes that fit.

    `outputs` have a row for each of x. What does not fit is left to NumPy, and its errors.
    """
    if x.dtype not in TYPES or weights.hr is not None or not (x.size and weights.hh.size) or not native.on():
        return False
    hidden = weights.hh.shape[-1]
    wide, sizes = GATES[cell] * hidden, [s.stop - s.start for s in steps]
    wanted = [(weights.ih, (wide, x.shape[1])), (weights.hh, (wide, hidden))]
    wanted += [(b, (wide,)) for b in (weights.bias_ih, weights.bias_hh) if b is not None]
    wanted += [(a, (len(states[0]), hidden)) for a in states] + [(a, (len(x), hidden)) for a in outputs]
    if sum(sizes) != len(x) or not 0 < max(sizes) <= len(states[0]):
        return False
    return all(a.shape == shape and a.dtype == x.dtype for a, shape in wanted)


def lstm(x: Array, h: Array, c: Array, weights: Any, steps: Sequence[slice]) -> tuple[Array, ...]:
    """Outputs, last h, last c; gates, cells before, tanh of cells after, states before."""
    call = _call("lstm", x, weights, steps)
    gates = call.gates(x, weights.ih)
    before, cells, outputs, squashed = call.rows(4)
    h, c = call.first(h, before), call.first(c, cells)
    call.forward(weights.hh, gates, before, outputs, h, call.bias(weights), cells, squashed, c)
    return outputs, h, c, gates, cells, squashed, before


def lstm_backward(
    g: Array, gh: Array, gc: Array, x: Array, weights: Any, steps: Sequence[slice], trace: Any
) -> tuple[Array, ...]:
    """Cotangents of x, h, c, and of the weights."""
    call = _call("lstm", x, weights, steps, backward=True)
    d, sums, dc = call.cotangents(), call.sums(), memory.copied(gc)
    dh = call.backward(weights.hh, g, gh, d, sums, trace.gates, trace.cells, trace.squashed, dc)
    found = call.of_weights(x, d), call.of_weights(trace.before, d), *_biases(weights, sums, sums)
    return call.of_inputs(weights.ih, d), dh, dc, *found


def gru(x: Array, h: Array, weights: Any, steps: Sequence[slice]) -> tuple[Array, ...]:
    """Outputs, last states; gates, the state's shares of n, states before."""
    call = _call("gru", x, weights, steps)
    gates = call.gates(x, weights.ih)
    before, outputs, shares = call.rows(3)
    h = call.first(h, before)
    call.forward(weights.hh, gates, before, outputs, h, call.bias(weights), shares)
    return outputs, h, gates, shares, before


def gru_backward(
    g: Array, gh: Array, x: Array, weights: Any, steps: Sequence[slice], trace: Any
) -> tuple[Array, ...]:
    """Cotangents of x, h, and of the weights."""
    call = _call("gru", x, weights, steps, backward=True)
    size, sums, d = call.hidden, call.sums(), call.cotangents()
    dh = call.backward(weights.hh, g, gh, d, sums, trace.gates, trace.shares, trace.before)
    of_inputs = joined([sums[size : 3 * size], sums[:size]], 0)
    found = call.of_weights(x, d, 2), call.of_weights(trace.before, d[1:])
    biases = _biases(weights, of_inputs, memory.copied(sums[size:]))
    return call.of_inputs(weights.ih, d, 2), dh, *found, *biases


def rnn(x: Array, h: Array, weights: Any, steps: Sequence[slice], relu: bool) -> tuple[Array, ...]:
    """Outputs, last states; states before."""
    call = _call("relu" if relu else "tanh", x, weights, steps)
    before, outputs = call.rows(2)
    h = call.first(h, before)
    call.forward(weights.hh, call.gates(x, weights.ih), before, outputs, h, call.bias(weights))
    return outputs, h, before


def rnn_backward(
    g: Array, gh: Array, x: Array, weights: Any, steps: Sequence[slice], trace: Any, relu: bool
) -> tuple[Array, ...]:
    """Cotangents of x, h, and of the weights."""
    call = _call("relu" if relu else "tanh", x, weights, steps, backward=True)
    d, sums = call.cotangents(), call.sums()
    dh = call.backward(weights.hh, g, gh, d, sums, trace.outputs)
    found = call.of_weights(x, d), call.of_weights(trace.before, d), *_biases(weights, sums, sums)
    return call.of_inputs(weights.ih, d), dh, *found


def _biases(weights: Any, of_inputs: Array, of_states: Array) -> tuple[Array | None, Array | None]:
    """The gradients of the biases that there are, in memory of their own."""
    second = memory.copied(of_states) if of_states is of_inputs else of_states
    return None if weights.bias_ih is None else of_inputs, None if weights.bias_hh is None else second


# -- what a launch needs ----------------------------------------------------------------------------------


class Table(NamedTuple):
    """The steps as the kernels want them."""

    steps: Array  # a row for each, of `recurrent_block.STEP`
    entering: tuple[tuple[slice, slice], ...]  # rows of `before`, and the first states that stand there
    most: int  # rows of a step


@functools.lru_cache(maxsize=64)
def _table(spans: tuple[tuple[int, int], ...], height: int, backward: bool) -> Table:
    """Backward begins with a row that has no step before, and ends with one that has none behind."""
    sizes = [end - start for start, end in spans]
    known = [0, *sizes]
    entering = tuple(
        (slice(start + old, start + n), slice(old, n))
        for (start, _), n, old in zip(spans, sizes, known)
        if n > old
    )
    rows = [(start, n, *tiles(n, height)) for (start, _), n in zip(spans, sizes)]
    rows = [(0, 0, 0, 0), *rows[::-1]] if backward else rows
    steps = np.zeros((len(rows), len(STEP)), np.int64)
    steps[:, :4] = rows
    steps[:-1, 4:] = steps[1:, :2]
    return Table(steps, entering, max(sizes))


@functools.lru_cache(maxsize=64)
def _blocks(rows: int, most: int) -> tuple[int, Array]:
    """Even blocks of at most eight tiles: the tiles' height, and (start, rows, tall, short) of each."""
    starts = np.linspace(0, rows, -(-rows // (8 * most)) + 1).astype(int).tolist()
    sizes = [end - start for start, end in zip(starts, starts[1:])]
    height = _even(max(sizes), most)
    return height, np.array([(start, n, *tiles(n, height)) for start, n in zip(starts, sizes)], np.int64)


class _Launch(NamedTuple):
    """A kernel's form for certain sizes, and how its items are shared out."""

    form: Form
    table: Table
    dtype: Any
    total: int  # rows of all steps
    hidden: int
    lanes: int
    items: int
    grain: int

    def rows(self, count: int) -> list[Array]:
        """Arrays with one number for every row and hidden unit."""
        return [np.empty((self.total, self.hidden), self.dtype) for _ in range(count)]

    @property
    def depth(self) -> int:
        """Rows of a panel: so many that the same ones of different panels do not share a set of a cache."""
        return self.total if self.total < 128 else self.total + (APART - self.total) % 128

    def cotangents(self) -> Array:
        """Those of the gates: groups of panels, each of a vector of units and all rows."""
        groups = backward_kernels.GROUPS[self.form.cell]
        return np.empty((groups, self.items, self.depth, self.lanes), self.dtype)

    def sums(self) -> Array:
        """Zeros, to which the rows' cotangents of the gates are added."""
        return memory.zeros(backward_kernels.GROUPS[self.form.cell] * self.hidden, self.dtype)

    def first(self, state: Array, before: Array) -> Array:
        """Write the first states where their rows come in; returns a copy, for the last ones."""
        for rows, states in self.table.entering:
            memory.copy_into(before[rows], state[states])
        return memory.copied(state)

    def forward(self, weights: Array, *arrays: Array) -> None:
        """Run the kernel forward."""
        gates = GATES[self.form.cell]
        many, vectors = kernels.parts(self.form.cell)
        panels = np.empty(self.items * gates * self.hidden * self.lanes, self.dtype)
        self._run(kernels.kernel(self.form), (weights, panels, *arrays), many * vectors, ())

    def backward(self, weights: Array, g: Array, gh: Array, d: Array, *arrays: Array) -> Array:
        """Run the kernel backward; returns the cotangents of the first states."""
        size, (g_row, step) = self.dtype.itemsize, g.strides
        if step != size or g_row % size:
            g = memory.contiguous(g)
        dh = memory.zeros((len(gh), self.items * self.lanes), self.dtype)
        memory.copy_into(dh[:, : self.hidden], gh)
        panels = np.empty(GATES[self.form.cell] * dh.shape[1] ** 2, self.dtype)
        sizes = g.strides[0] // size, dh.shape[1], self.depth, 0
        given = weights, panels, g, dh, d, *map(memory.contiguous, arrays)
        self._run(backward_kernels.kernel(self.form), given, 2, sizes)
        return dh if dh.shape[1] == self.hidden else memory.contiguous(dh[:, : self.hidden])

    def bias(self, weights: Any) -> Array:
        """The sum of each gate's biases; a GRU's n has only the inputs', and the states' as a fourth row."""
        gates = 4 if self.form.cell == "gru" else GATES[self.form.cell]
        rows = memory.zeros((gates, self.hidden), self.dtype)
        for given, place in ((weights.bias_ih, 2), (weights.bias_hh, 3)):
            if given is not None and self.form.cell == "gru":
                add_into(rows[:2], given[: 2 * self.hidden].reshape(2, -1))
                memory.copy_into(rows[place], given[2 * self.hidden :])
            elif given is not None:
                add_into(rows, given.reshape(rows.shape))
        return rows

    def gates(self, x: Array, weights: Array) -> Array:
        """The inputs' share of all gates of all steps, x Wᵀ."""
        rows, columns = weights.shape
        if rows % self.lanes or self.total < MANY:
            return dot(x, weights.T)
        height, blocks = _blocks(self.total, _tallest())
        panels, out = np.empty(weights.size, self.dtype), np.empty((self.total, rows), self.dtype)
        grain = 1 if self._shared(columns) else len(blocks)
        run = gradient_kernels.gates_kernel(Form("", self.form.type, height, False))
        x, weights = memory.contiguous(x), memory.contiguous(weights)
        run(1, 1, weights, panels, x, out, blocks, rows, columns, rows // self.lanes, len(blocks), grain)
        return out

    def of_inputs(self, weights: Array, d: Array, first_gate: int = 0) -> Array:
        """dx = d W, where the panels of `first_gate` are the first of d."""
        columns, gates = weights.shape[1], GATES[self.form.cell]
        items = -(-columns // self.lanes)
        height, blocks = _blocks(self.total, _tallest())
        panels = np.empty(items * self.lanes * gates * self.items * self.lanes, self.dtype)
        out = np.empty((self.total, items * self.lanes), self.dtype)
        grain = 1 if self._shared(columns) else len(blocks)
        sizes = self.total, self.depth, self.hidden, columns, first_gate, items, len(blocks), grain
        run = gradient_kernels.inputs_kernel(self.form._replace(height=height))
        run(1, 1, memory.contiguous(weights), panels, d, out, blocks, *sizes)
        return out if out.shape[1] == columns else memory.contiguous(out[:, :columns])

    def of_weights(self, x: Array, d: Array, first_gate: int = 0) -> Array:
        """dW = dᵀ x."""
        columns, gates = x.shape[1], GATES[self.form.cell]
        height = _even(columns, most_rows(targets.host(), 2))
        out = np.empty((gates * self.hidden, columns), self.dtype)
        space = columns * 2 * self.lanes
        room, strips = np.empty(pool.size() * space, self.dtype), np.empty(x.size, self.dtype)
        grain = 2 if self._shared(columns) else gates * self.items
        sizes = (
            self.total,
            self.depth,
            self.hidden,
            columns,
            first_gate,
            space,
            *tiles(columns, height),
            grain,
        )
        run = gradient_kernels.weights_kernel(self.form._replace(height=height))
        run(1, 1, memory.contiguous(x), strips, d, out, room, *sizes)
        return out

    def _shared(self, columns: int) -> bool:
        """Whether a product with all cotangents is worth a second thread."""
        return pool.size() > 1 and 2.0 * self.total * columns * self.hidden >= SHARED

    def _run(self, kernel: Any, arrays: Sequence[Array], vectors: int, rows: Sequence[int]) -> None:
        weights, *others = arrays
        space = self.table.most * vectors * self.lanes
        room = np.empty(pool.size() * space, self.dtype)
        steps = self.table.steps
        last = (space, steps, len(steps), self.hidden, self.items, self.grain, 0)
        kernel(1, 1, memory.contiguous(weights), *others, room, *rows, *last)


def _call(cell: str, x: Array, weights: Any, steps: Sequence[slice], backward: bool = False) -> _Launch:
    """How to run a cell over these steps."""
    type, target, hidden = TYPES[x.dtype], targets.host(), weights.hh.shape[1]
    lanes, spans = target.lanes(type), tuple((s.start, s.stop) for s in steps)
    most = max(end - start for start, end in spans)
    height = _even(most, most_rows(target, 2 if backward else kernels.parts(cell)[1]))
    items = -(-hidden // lanes)
    form = Form(cell, type, height, hidden % lanes != 0)
    grain = _grain(items, 2.0 * most * weights.hh.size)
    return _Launch(form, _table(spans, height, backward), x.dtype, len(x), hidden, lanes, items, grain)


def _even(n: int, most: int) -> int:
    return -(-n // -(-n // most))


def _tallest() -> int:
    """Rows, at most, of tiles that go through long panels: 14 were a tenth slower (measured)."""
    return min(most_rows(targets.host(), 2), 12)


def _grain(items: int, work: float) -> int:
    """Items of a chunk: as many chunks as threads, where that pays. No result depends on it."""
    threads = pool.size() if work >= SHARED else 1
    return -(-items // threads)
