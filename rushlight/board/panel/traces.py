"""Points and their labels as Plotly's traces."""

from __future__ import annotations

from typing import Any

import numpy as np

from .arrays import array, listed, plain, without_none
from .layout import Opts, hexes, legend_of, marker_colours, options


def check(fits: bool, call: str, wanted: str, got: np.ndarray) -> None:
    """Raise ValueError unless an array fits."""
    if not fits:
        raise ValueError(f"{call} takes {wanted}, not an array of shape {got.shape}")


def names_of(opts: Opts, key: str, count: int) -> list[str] | None:
    """The names that an option gives to so many things. Raises ValueError."""
    names = opts.get(key)
    if names is not None and len(names) != count:
        raise ValueError(f"opts[{key!r}] has {len(names)} names for {count}")
    return None if names is None else [str(name) for name in names]


def x_for(y: np.ndarray, X: Any, update: str | None) -> np.ndarray:
    """The x of each y. Raises ValueError."""
    check(y.ndim in (1, 2) and y.size > 0, "line", "Y of N or N x M values", y)
    if X is None:
        if update is not None:
            raise ValueError("line: an update needs X, the places of the new values")
        x = np.linspace(0, 1, y.shape[0])
    else:
        x = np.atleast_1d(array(X))
    if x.ndim == 1 and y.ndim == 2:
        x = np.repeat(x[:, None], y.shape[1], 1)
    if x.shape != y.shape:
        raise ValueError(f"line: X of shape {x.shape} does not fit Y of shape {y.shape}")
    return x


def points_of(X: Any, Y: Any) -> tuple[np.ndarray, np.ndarray]:
    """Points, N x 2 or 3, and their labels from 1 on."""
    points = array(X)
    if points.ndim == 1 and Y is not None:
        heights = np.atleast_1d(array(Y))
        if heights.shape != points.shape:
            raise ValueError(f"scatter: {len(points)} X and {len(heights)} Y")
        points, Y = np.column_stack((points, heights)), None
    check(points.ndim == 2 and points.shape[1] in (2, 3), "scatter", "X of N x 2 or N x 3 values", points)
    labels = np.ones(len(points), int) if Y is None else array(Y).ravel()
    whole = len(labels) == len(points) and (labels == np.floor(labels)).all()
    if not whole or (len(labels) and labels.min() < 1):
        raise ValueError(f"scatter: Y must be {len(points)} labels, whole numbers from 1 on")
    return points, labels.astype(int)


def traces_of(
    points: np.ndarray, labels: np.ndarray, opts: Opts | None, name: str | None
) -> tuple[list[Any], Opts]:
    """A trace for each label, and the options with their defaults."""
    texts = (opts or {}).get("textlabels")
    chosen = options(
        opts,
        mode="markers" if texts is None else "markers+text",
        markersymbol="dot",
        markersize=10,
        markerborderwidth=0.5,
    )
    which = np.unique(labels)
    if name is not None and len(which) > 1:
        raise ValueError("a name stands for one line; these points have several labels")
    if texts is not None and len(texts) != len(points):
        raise ValueError(f"opts['textlabels'] has {len(texts)} texts for {len(points)} points")
    count = int(labels.max(initial=1))
    names = legend_of(chosen, count)
    colours = chosen.get("markercolor")
    each = None if colours is None else np.array(marker_colours(colours, labels, count), object)
    lines = hexes(chosen["linecolor"], count, "opts['linecolor']") if "linecolor" in chosen else None
    traces = []
    for k in which.tolist():
        inside = labels == k
        shown = names[k - 1] if names and name is None else name if name is not None else str(k)
        trace = _trace(points[inside], chosen, shown)
        trace["line"] = {"dash": _dash(chosen, k, count), "color": lines and lines[k - 1]}
        trace["text"] = None if texts is None else np.array(texts, object)[inside].tolist()
        trace["marker"]["color"] = None if each is None else each[inside].tolist()
        more = chosen.get("traceopts", {}).get("plotly", {}).get(shown, {})
        traces.append(without_none(trace) | plain(more))
    return traces, chosen


def _dash(opts: Opts, k: int, count: int) -> str | None:
    dashes = opts.get("dash")
    if dashes is None:
        return None
    if len(dashes) < count:
        raise ValueError(f"opts['dash'] has {len(dashes)} kinds for {count} lines")
    return str(dashes[k - 1])


def _trace(points: np.ndarray, opts: Opts, name: str) -> dict[str, Any]:
    """The part of a trace that is the same for all labels but for the points."""
    is3d = points.shape[1] == 3
    border = {"color": "#000000", "width": opts["markerborderwidth"]}
    return {
        "type": "scatter3d" if is3d else "scattergl" if opts.get("webgl") else "scatter",
        "x": listed(points[:, 0]),
        "y": listed(points[:, 1]),
        "z": listed(points[:, 2]) if is3d else None,
        "name": name,
        "mode": opts["mode"],
        "fill": "tonexty" if opts.get("fillarea") else None,
        "marker": {"size": opts["markersize"], "symbol": opts["markersymbol"], "line": border},
    }


def arrows(x: np.ndarray, y: np.ndarray, u: np.ndarray, v: np.ndarray, heads: bool) -> tuple[Any, Any]:
    """Shafts from (x, y) to (x + u, y + v), with two barbs each; NaN between the strokes."""
    gap = np.full(u.shape, np.nan)
    tip_x, tip_y = x + u, y + v
    strokes = [(x, y), (tip_x, tip_y), (gap, gap)]
    if heads:
        back = 0.33  # of the arrow's length, and so wide
        left = tip_x - back * (u + back * v), tip_y - back * (v - back * u)
        right = tip_x - back * (u - back * v), tip_y - back * (v + back * u)
        strokes += [left, (tip_x, tip_y), right, (gap, gap)]
    xs, ys = zip(*strokes)
    return np.stack(xs, -1).ravel(), np.stack(ys, -1).ravel()
