"""Rows and columns for a heatmap that is shown already."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .edits import Edit, extend, put
from .window import Refused

ROWS, COLUMNS = ("appendRow", "prependRow"), ("appendColumn", "prependColumn")


def heatmap_edits(traces: list[Any], fresh: list[Any], post: Mapping[str, Any]) -> list[Edit]:
    """The edits of update="replace", "appendRow", "appendColumn", "prependRow", "prependColumn".

    The last trace is the heatmap (before it may stand one that colours what is NaN). Raises Refused where
    sizes do not fit or names of rows and columns are missing or repeated.
    """
    at, old, new = ["content", "data", len(traces) - 1], traces[-1], fresh[-1]
    how = post.get("updateDir") or "replace"
    if how not in ("replace", *ROWS, *COLUMNS):
        raise Refused(f"a heatmap has no update {how!r}: there are replace, {', '.join(ROWS + COLUMNS)}")
    z = matrix(new.get("z"))
    edits = [put([*at, key], value) for key, value in new.items() if value is not None and key not in "xyz"]
    if how == "replace":
        return edits + [put([*at, key], new.get(key)) for key in "xyz"]
    have = matrix(old.get("z"))
    axis = "y" if how in ROWS else "x"
    fits = len(have[0]) == len(z[0]) if how in ROWS else len(have) == len(z)
    if not fits:
        raise Refused(
            f"{how}: the heatmap is {len(have)} x {len(have[0])}, what comes is {len(z)} x {len(z[0])}"
        )
    return edits + _labels(at, axis, old.get(axis), new.get(axis), how) + _values([*at, "z"], have, z, how)


def _values(path: list[Any], have: list[Any], z: list[Any], how: str) -> list[Edit]:
    if how == "appendRow":
        return [extend(path, z)]
    if how == "prependRow":
        return [put(path, z + have)]
    if how == "appendColumn":
        return [extend([*path, k], row) for k, row in enumerate(z)]
    return [put([*path, k], row + have[k]) for k, row in enumerate(z)]


def _labels(at: list[Any], axis: str, old: Any, new: Any, how: str) -> list[Edit]:
    if old is None and new is None:
        return []
    if not isinstance(old, list) or not isinstance(new, list):
        raise Refused(
            f"{how}: the heatmap {'has' if old else 'has no'} names on {axis}, what comes must agree"
        )
    if set(map(str, old)) & set(map(str, new)):
        raise Refused(f"{how}: a name on {axis} is there already")
    return [extend([*at, axis], new) if how.startswith("append") else put([*at, axis], new + old)]


def matrix(z: Any) -> list[list[Any]]:
    """Rows of equal length. Raises Refused."""
    rows = isinstance(z, list) and bool(z) and all(isinstance(row, list) and row for row in z)
    if not rows or len({len(row) for row in z}) != 1:
        raise Refused("`z` of a heatmap must be rows of equal length")
    return z
