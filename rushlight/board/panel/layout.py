"""`opts`, by which Visdom's calls are told how a plot looks, as Plotly's layout, colours and dashes."""

from __future__ import annotations

from typing import Any

import numpy as np

from .arrays import array, without_none

Opts = dict[str, Any]


def options(opts: Opts | None, **usual: Any) -> Opts:
    """A copy, with defaults. Raises ValueError for a value out of range."""
    found = {name: value for name, value in {**usual, **(opts or {})}.items() if value is not None}
    if "title" in found:
        found["title"] = str(found["title"])
    for name, low, high in LIMITS:
        if name in found and not low <= found[name] <= high:
            raise ValueError(f"opts[{name!r}] must be a number from {low} to {high}, not {found[name]!r}")
    return found


LIMITS = (
    ("opacity", 0, 1),
    ("jpgquality", 1, 100),
    ("markersize", 1e-3, 1e4),
    ("markerborderwidth", 0, 1e3),
    ("fps", 1e-3, 1e3),
    ("width", 1, 1e5),
    ("height", 1, 1e5),
)


def layout(opts: Opts, is3d: bool = False) -> dict[str, Any]:
    """Plotly's layout: title, legend, margins, axes; opts["layoutopts"]["plotly"] is added as it is."""
    margin = {"l": 0, "r": 60, "t": 20, "b": 0} if is3d else {"l": 60, "r": 60, "t": 60, "b": 60}
    names = {"l": "marginleft", "r": "marginright", "t": "margintop", "b": "marginbottom"}
    found: dict[str, Any] = {
        "showlegend": bool(opts.get("showlegend", "legend" in opts)),
        "title": opts.get("title"),
        "margin": {side: opts.get(name, margin[side]) for side, name in names.items()},
    }
    axes = {f"{which}axis": axis(which, opts) for which in ("xyz" if is3d else "xy")}
    found |= {"scene": axes} if is3d else axes
    if "stacked" in opts:
        found["barmode"] = "stack" if opts["stacked"] else "group"
    return without_none(found | opts.get("layoutopts", {}).get("plotly", {}))


def axis(which: str, opts: Opts) -> dict[str, Any] | None:
    """One axis from opts like xlabel, xtype, xtickmin, xtickmax, xtickvals, xticklabels, xtickstep."""
    low, high = opts.get(f"{which}tickmin"), opts.get(f"{which}tickmax")
    found = {
        "type": opts.get(f"{which}type"),
        "title": opts.get(f"{which}label"),
        "range": None if low is None or high is None else [low, high],
        "tickvals": opts.get(f"{which}tickvals"),
        "ticktext": opts.get(f"{which}ticklabels"),
        "dtick": opts.get(f"{which}tickstep"),
        "showticklabels": opts.get(f"{which}tick"),
        "tickfont": opts.get(f"{which}tickfont"),
    }
    return without_none(found) or None


def legend_of(opts: Opts, count: int) -> list[str] | None:
    """The names of so many columns. Raises ValueError if there are fewer."""
    names = opts.get("legend")
    if names is None:
        return None
    if len(names) < count:
        raise ValueError(f"opts['legend'] has {len(names)} names for {count} lines")
    return [str(name) for name in names]


def hexes(colours: Any, count: int, what: str) -> list[str]:
    """Rows of red, green and blue (0 to 255) as #rrggbb. Raises ValueError."""
    found = array(colours)
    whole = found.ndim == 2 and found.shape == (count, 3) and (found == np.floor(found)).all()
    if not whole or found.min() < 0 or found.max() > 255:
        raise ValueError(f"{what} must be {count} rows of whole numbers 0 to 255, red, green and blue")
    return [f"#{r:02x}{g:02x}{b:02x}" for r, g, b in found.astype(int).tolist()]


def marker_colours(colours: Any, labels: np.ndarray, count: int) -> list[str]:
    """The colour of each point: from one a point or one a label; an intensity (0 to 255), or RGB."""
    found = array(colours)
    if found.ndim == 1:
        if not ((found >= 0) & (found <= 255)).all():
            raise ValueError("opts['markercolor'] must lie within 0 to 255")
        made = [f"rgba(0, 0, 255, {x / 255:.6g})" for x in found.tolist()]
    else:
        made = hexes(found, len(found), "opts['markercolor']")
    if len(made) == len(labels):
        return made
    if len(made) < count:
        raise ValueError(
            f"opts['markercolor'] has {len(made)} colours; there are {len(labels)} points, {count} labels"
        )
    return [made[label - 1] for label in labels.tolist()]
