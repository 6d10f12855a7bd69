"""Sparse linear maps along one axis: what padding, resizing and adaptive averaging are made of.

A map is a list of terms.  A term adds `weight * x[source]` to `y[target]`; within one term no target occurs
twice, so that a term is one NumPy statement.  The transposed map, which is the gradient, only exchanges
targets and sources.
"""

from __future__ import annotations

from math import prod
from typing import NamedTuple

import numpy as np

from . import memory
from .tracing import WATCHED

_CHUNK = 1 << 13  # elements that are worth waking a thread for

Places = slice | np.ndarray


class Term(NamedTuple):
    """y[target] += weight * x[source]; `weight` None stands for one."""

    target: Places
    source: Places
    weight: np.ndarray | None


class AxisMap:
    """y[i] = sum of weight[e] * x[source[e]] over the entries e with target[e] = i."""

    def __init__(
        self,
        targets: np.ndarray,
        sources: np.ndarray,
        weights: np.ndarray | None,
        size_out: int,
        size_in: int,
    ) -> None:
        self.size_out, self.size_in = size_out, size_in
        self._entries = targets, sources, weights
        self._terms: list[Term] | None = None
        self._tables: tuple[np.ndarray, ...] | None = None
        self._transposed: AxisMap | None = None

    @property
    def transposed(self) -> AxisMap:
        """The map with inputs and outputs exchanged."""
        if self._transposed is None:
            targets, sources, weights = self._entries
            self._transposed = AxisMap(sources, targets, weights, self.size_in, self.size_out)
            self._transposed._transposed = self
        return self._transposed

    @property
    def terms(self) -> list[Term]:
        """The entries grouped so that each term meets a target at most once."""
        if self._terms is None:
            self._terms = _terms(*self._entries)
        return self._terms

    @property
    def tables(self) -> tuple[np.ndarray, ...]:
        """Where the entries of each target start, their sources, and the bits of their weights."""
        if self._tables is None:
            targets, sources, weights = self._entries
            order = np.argsort(targets, kind="stable")
            starts = np.searchsorted(targets[order], np.arange(self.size_out + 1))
            of = np.ones(len(targets)) if weights is None else weights[order].astype(np.float64)
            self._tables = starts.astype(np.int64), sources[order].astype(np.int64), of.view(np.int64)
        return self._tables

    def __call__(self, x: np.ndarray, axis: int) -> np.ndarray:
        """Apply the map along one axis of `x`; sums are kept in the type of `x`."""
        if WATCHED and x.dtype.char in "fd" and x.size:
            return self._by_kernel(memory.contiguous(x), axis % x.ndim)
        before, after = (slice(None),) * (axis % x.ndim), x.ndim - 1 - axis % x.ndim
        terms = self.terms
        if terms and _covers(terms[0].target, self.size_out):
            # The first term meets every output: it is the sum's start, and zeros need not be written.
            y, terms = np.ascontiguousarray(_weighted(x, terms[0], before, after)), terms[1:]
        else:
            y = np.zeros((*x.shape[: len(before)], self.size_out, *x.shape[len(before) + 1 :]), x.dtype)
        for term in terms:
            y[(*before, term.target)] += _weighted(x, term, before, after)
        return y

    def _by_kernel(self, x: np.ndarray, at: int) -> np.ndarray:
        """The same, of an array in row-major order."""
        from ..kernels.axis_map import weighted_sums

        outer, inner = prod(x.shape[:at]), prod(x.shape[at + 1 :])
        y = np.empty((*x.shape[:at], self.size_out, *x.shape[at + 1 :]), x.dtype)
        sizes = self.size_out, self.size_in, inner
        grain = max(1, _CHUNK // inner)
        kernel = weighted_sums(x.dtype.name, inner == 1)
        kernel.run(outer * self.size_out, grain, y, x, *self.tables, *sizes)
        return y


def _covers(target: Places, size: int) -> bool:
    return isinstance(target, slice) and target == slice(0, size, 1)


def _weighted(x: np.ndarray, term: Term, before: tuple[slice, ...], after: int) -> np.ndarray:
    source = term.source
    part: np.ndarray = (
        x[(*before, source)] if isinstance(source, slice) else x.take(source, len(before), mode="clip")
    )
    if term.weight is None:
        return part
    return part * term.weight.astype(x.dtype).reshape(-1, *(1 for _ in range(after)))


def _terms(targets: np.ndarray, sources: np.ndarray, weights: np.ndarray | None) -> list[Term]:
    """Entries sorted by target; the n-th entry of each target goes to term n."""
    order = np.argsort(targets, kind="stable")
    targets, sources = targets[order], sources[order]
    _, first, count = np.unique(targets, return_index=True, return_counts=True)
    rank = np.arange(len(targets)) - np.repeat(first, count)
    terms = []
    for n in range(int(count.max(initial=0))):
        chosen = rank == n
        weight = None if weights is None else weights[order][chosen]
        terms.append(Term(places(targets[chosen]), places(sources[chosen]), weight))
    return terms


def places(indices: np.ndarray) -> Places:
    """The indices as a slice where they rise evenly, for a slice is a view and needs no copy."""
    if len(indices) == 0:
        return slice(0, 0, 1)
    step = int(indices[1] - indices[0]) if len(indices) > 1 else 1
    if step < 1 or not np.array_equal(np.diff(indices), np.full(len(indices) - 1, step)):
        return indices
    return slice(int(indices[0]), int(indices[-1]) + 1, step)
