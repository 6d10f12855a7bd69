"""PR curves: precision and recall, and what they are counted from, at every threshold."""

from __future__ import annotations

from typing import Any

import numpy as np
from starlette.exceptions import HTTPException
from starlette.responses import Response
from starlette.routing import Route

from ..events.decoding import Value, decode_tensor
from .entries import Cache, Unreadable, answers, asked_for, decoded
from .numbers import packed
from .shared import Shared

LONGEST, ROOM = 16 << 20, 32 << 20  # bytes of a record, and of what is kept
MOST_THRESHOLDS = 100_000
ROWS = ("tp", "fp", "tn", "fn", "precision", "recall")  # what the tensor holds, in this order


def routes(shared: Shared) -> list[Route]:
    """{tag, curves: [{run, mark}]} gives the rows of each curve, as columns."""
    cache: Cache[np.ndarray] = Cache(ROOM)

    def read(question: dict[str, Any], tag: str) -> np.ndarray:
        entry = asked_for(shared, question, "pr_curves")
        return cache.get(
            (entry, tag), lambda: decoded(entry, tag, decode_curve, LONGEST), lambda a: a.nbytes + 200
        )

    def curves(question: dict[str, Any]) -> Response:
        tag, wanted = str(question["tag"]), question["curves"]
        if not isinstance(wanted, list) or len(wanted) > 1000 or not all(map(_is_named, wanted)):
            raise HTTPException(400, "`curves` must be a list of at most 1000 {run, mark}")
        lines, columns = [], []
        for one in wanted:
            try:
                rows = read(one | {"tag": tag}, tag)
                lines.append({"run": one["run"], "points": rows.shape[1], "error": ""})
                columns += list(rows)
            except Unreadable as error:
                lines.append({"run": one["run"], "points": 0, "error": str(error)})
        return packed({"lines": lines}, columns)

    return [answers("/api/curves", curves)]


def _is_named(one: Any) -> bool:
    return isinstance(one, dict) and all(isinstance(one.get(name), str) for name in ("run", "mark"))


def decode_curve(value: Value) -> np.ndarray:
    """[6, n] float64, rows as in ROWS, from threshold 0 to 1. Raises ValueError for another shape."""
    if not isinstance(value.data, bytes):
        raise ValueError("a PR curve is a tensor, not a number")
    rows = decode_tensor(value.data)
    if rows.dtype.kind not in "fiu" or rows.ndim != 2 or rows.shape[0] != len(ROWS) or not rows.shape[1]:
        raise ValueError(f"a PR curve is a [6, n] tensor of numbers, not {rows.shape} of {rows.dtype}")
    if rows.shape[1] > MOST_THRESHOLDS:
        raise ValueError(f"a PR curve may have at most {MOST_THRESHOLDS} thresholds, not {rows.shape[1]}")
    return rows.astype(np.float64)
