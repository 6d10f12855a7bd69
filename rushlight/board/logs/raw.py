"""All points of a scalar as the files hold them, read again from the start, piece by piece."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from ..events.decoding import decode
from ..events.scanning import OTHER, Rows, Scanner, one_float
from .file import LogFile
from .points import Points, one_point


def raw_points(paths: Sequence[Path], tag: str) -> Iterator[Points]:
    """The points of `tag` in these event files, in the order they were written, in parts. Raises OSError.

    Also those that a restart of the run has made void: they are what was written.
    """
    scanner = Scanner()
    for path in paths:
        file = LogFile(path)
        file.grown()
        while file.unread():
            for rows, data, _ in file.read(scanner):
                found = _of_tag(rows, data, scanner, tag)
                if found.count:
                    yield found


def _of_tag(rows: Rows, data: np.ndarray, scanner: Scanner, tag: str) -> Points:
    numbers = [k for k, name in enumerate(scanner.tags) if name == tag]  # several, if not all are UTF-8
    scalars = np.flatnonzero(np.isin(rows.tag, numbers))
    points = Points(rows.step[scalars], rows.wall[scalars], rows.value[scalars])
    others = [
        (k, point)
        for k in np.flatnonzero(rows.tag == OTHER).tolist()
        for point in _decoded(rows, data, k, tag)
    ]
    if not others:
        return points
    joined = points.joined(
        Points(*(np.concatenate(columns) for columns in zip(*(p for _, p in others), strict=True)))
    )
    order = np.argsort(np.concatenate([scalars, [k for k, _ in others]]), kind="stable")
    return joined.chosen(order)


def _decoded(rows: Rows, data: np.ndarray, k: int, tag: str) -> Iterator[Points]:
    """The scalars of an event that holds other things too."""
    begin = int(rows.start[k])
    try:
        event = decode(data[begin : begin + int(rows.length[k])].tobytes())
        for value in event.values:
            x = one_float(value) if value.tag == tag else None
            if x is not None:
                yield one_point(event.step, event.wall, x)
    except ValueError:
        return
