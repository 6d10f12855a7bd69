"""Adding values into places that may repeat, in time linear in the number of values.

NumPy's `add.at` is fast only for one index into a flat array (3 ns an element; 8 ns over rows; NumPy 2.4).
So rows are added in rounds: in each, every place takes its next row, and none repeats within a round. A place
that repeats very often takes the sum of its rows instead.
"""

from __future__ import annotations

import numpy as np

from ..dtypes import compute_type
from . import gathering

ndarray = np.ndarray

_NARROW = 8  # rows of fewer elements go one element at a time
_SMALL = 4096  # elements; fewer go one at a time too
_OFTEN = 64  # rows; a place with more takes their sum


def add_at(flat: ndarray, places: ndarray, values: ndarray, inside: bool = False) -> None:
    """flat[places[i]] += values[i] for all i; `flat` is one-dimensional, places are not negative.

    `inside`: they are in range for certain, also while launches are noted.
    """
    if flat.dtype.kind == "b":
        flat[places[values]] = True
        return
    if gathering.add(flat, places, 0, values, inside):
        return
    work = compute_type(flat.dtype)
    if work != flat.dtype:
        wide = flat.astype(work)
        np.add.at(wide, places, values.astype(work))
        flat[...] = wide.astype(flat.dtype)
        return
    np.add.at(flat, places, values)


def add_rows(table: ndarray, places: ndarray, rows: ndarray, inside: bool = False) -> None:
    """table[places[i]] += rows[i]; `table` (v, d) in row-major order, `places` (n,), not negative, `rows` (n,
    d). `inside`: places are in range for certain, also while launches are noted.
    """
    width = table.shape[1]
    if not rows.size or gathering.add(table, places, 0, rows, inside):
        return
    if places.size == 1:
        table[places[0]] += rows[0]
    elif (
        width < _NARROW
        or rows.size < _SMALL
        or table.dtype.kind == "b"
        or compute_type(table.dtype) != table.dtype
    ):
        add_at(table.reshape(-1), spread_rows(places, width), rows.reshape(-1))
    elif (places[1:] > places[:-1]).all():
        table[places] += rows
    else:
        _add_in_rounds(table, places, rows)


def spread_rows(places: ndarray, width: int) -> ndarray:
    """Flat positions of the elements of the rows `places` of a table of `width` columns, row after row."""
    return (places[:, None] * width + np.arange(width)).reshape(-1) if width != 1 else places


def _add_in_rounds(table: ndarray, places: ndarray, rows: ndarray) -> None:
    """Round k adds the k-th row meant for each place; rows for the same place are added in their order."""
    order = np.argsort(places, kind="stable")
    ordered = places[order]
    first = np.flatnonzero(np.concatenate(([True], ordered[1:] != ordered[:-1])))
    count = np.diff(first, append=len(places))
    often = count > _OFTEN
    for f, c in zip(first[often].tolist(), count[often].tolist(), strict=True):
        table[ordered[f]] += np.add.reduce(rows[order[f : f + c]], 0)
    first, count = first[~often], count[~often]
    k = 0
    while first.size:
        table[ordered[first]] += rows[order[first + k]]
        k += 1
        more = count > k
        first, count = first[more], count[more]
