"""Lines, points, bars, boxes, pies."""

from __future__ import annotations

from typing import Any

import numpy as np

from .arrays import array, listed, plain, without_none
from .layout import Opts, legend_of, options
from .post import Poster
from .traces import arrows, check, names_of, points_of, traces_of, x_for

UPDATES = "update is 'append', 'replace', 'insert' (a new line of that name), 'new' or 'remove'"
HIDDEN = ("markercolor", "linecolor", "dash", "textlabels", "traceopts")  # are in the traces


class Charts(Poster):
    """Calls that draw one-dimensional data; `update="append"` adds to what a window shows."""

    def line(
        self,
        Y: Any,
        X: Any = None,
        win: str | None = None,
        env: str | None = None,
        opts: Opts | None = None,
        update: str | None = None,
        name: str | None = None,
    ) -> str:
        """Lines through (X, Y): Y is N values or N x M for M lines; X likewise, or shared, or 0 to 1.

        opts: legend, title, xlabel, ylabel, markers, fillarea, dash, linecolor, webgl, xtype="log", ...
        Returns the window's name, for win= of later calls.
        """
        if update == "remove":
            return self._remove(win, env, name)
        y = np.atleast_1d(array(Y))
        x = x_for(y, X, update)
        chosen = options(opts)
        chosen["mode"] = chosen.get("mode") or ("lines+markers" if chosen.get("markers") else "lines")
        count = y.shape[1] if y.ndim == 2 else 1
        points = np.column_stack((x.ravel(order="F"), y.ravel(order="F")))
        labels = np.repeat(np.arange(1, count + 1), y.shape[0]) if y.ndim == 2 else None
        return self.scatter(points, labels, win, env, chosen, update, name)

    def scatter(
        self,
        X: Any,
        Y: Any = None,
        win: str | None = None,
        env: str | None = None,
        opts: Opts | None = None,
        update: str | None = None,
        name: str | None = None,
    ) -> str:
        """Points, the rows of X (N x 2 or N x 3), each with a label in Y (1, 2, ...) that gives its colour.

        With a name and one-dimensional X, Y are the heights. opts: legend, markersize, markersymbol,
        markercolor, markerborderwidth, textlabels, webgl, traceopts, ...
        """
        if update == "remove":
            return self._remove(win, env, name)
        if update not in (None, "append", "replace", "insert", "new"):
            raise ValueError(f"{UPDATES}, not {update!r}")
        points, labels = points_of(X, Y)
        traces, chosen = traces_of(points, labels, opts, name)
        is3d = points.shape[1] == 3
        shown = {key: value for key, value in chosen.items() if key not in HIDDEN}
        if update is None:
            return self._plot(traces, shown, win, env, is3d)
        return self._update(traces, shown, win, env, name=name, append=update == "append")

    def _remove(self, win: str | None, env: str | None, name: str | None) -> str:
        if win is None or name is None:
            raise ValueError("update='remove' needs the window and the name of the line: win= and name=")
        return self._post("update", win, env, None, data=[], name=name, delete=True)

    def bar(
        self, X: Any, Y: Any = None, win: str | None = None, env: str | None = None, opts: Opts | None = None
    ) -> str:
        """Bars: X are N heights, or N x M for M bars at each of N places; Y are the places.

        opts: stacked, legend, rownames.
        """
        heights = np.squeeze(array(X))
        chosen = options(opts, stacked=False)
        if heights.ndim < 2:
            heights = np.atleast_1d(heights)
            heights = heights[None, :] if "legend" in chosen else heights[:, None]
        check(heights.ndim == 2, "bar", "N or N x M heights", heights)
        places = np.arange(1, len(heights) + 1) if Y is None else np.squeeze(array(Y))
        if places.shape != (len(heights),):
            raise ValueError(f"bar: {len(heights)} bars need as many places in Y, not {places.shape}")
        x = names_of(chosen, "rownames", len(heights)) or listed(places)
        names = legend_of(chosen, heights.shape[1])
        traces = [
            without_none({"type": "bar", "x": x, "y": listed(column), "name": names and names[k]})
            for k, column in enumerate(heights.T)
        ]
        return self._plot(traces, chosen, win, env)

    def histogram(
        self, X: Any, win: str | None = None, env: str | None = None, opts: Opts | None = None
    ) -> str:
        """How many of X fall into each of opts["numbins"] (30) equal bins from the least to the greatest."""
        values = array(X).ravel()
        values = values[np.isfinite(values)] if values.dtype.kind == "f" else values
        if not len(values):
            raise ValueError("a histogram needs at least one finite number")
        chosen = options(opts, numbins=min(30, len(values)))
        counts, edges = np.histogram(values, bins=int(chosen["numbins"]))
        chosen.setdefault("layoutopts", {"plotly": {"bargap": 0.04}})
        return self.bar(np.atleast_1d(counts), (edges[1:] + edges[:-1]) / 2, win, env, chosen)

    def boxplot(
        self, X: Any, win: str | None = None, env: str | None = None, opts: Opts | None = None
    ) -> str:
        """A box for each column of X: median, quartiles, whiskers. opts: legend."""
        columns = np.squeeze(array(X))
        columns = columns[:, None] if columns.ndim == 1 else columns
        check(columns.ndim == 2, "boxplot", "N or N x M values", columns)
        chosen = options(opts)
        names = legend_of(chosen, columns.shape[1]) or [f"column {k}" for k in range(columns.shape[1])]
        traces = [{"type": "box", "y": listed(y), "name": name} for y, name in zip(columns.T, names)]
        return self._plot(traces, chosen, win, env)

    def pie(self, X: Any, win: str | None = None, env: str | None = None, opts: Opts | None = None) -> str:
        """Shares of a whole. opts: legend."""
        parts = array(X).ravel()
        if not (parts >= 0).all():
            raise ValueError("the parts of a pie can't be negative")
        chosen = options(opts)
        trace = {"type": "pie", "values": listed(parts), "labels": legend_of(chosen, len(parts))}
        return self._plot([without_none(trace)], chosen, win, env)

    def stem(
        self, X: Any, Y: Any = None, win: str | None = None, env: str | None = None, opts: Opts | None = None
    ) -> str:
        """A line from zero up to each of X, N or N x M; Y are the places, 1 to N by default."""
        heights = np.squeeze(array(X)).astype(float)
        heights = heights[:, None] if heights.ndim == 1 else heights
        places = np.arange(1, len(heights) + 1) if Y is None else array(Y)
        places = np.broadcast_to(places[:, None] if places.ndim == 1 else places, heights.shape).astype(float)
        zero, gap = np.zeros_like(heights), np.full_like(heights, np.nan)
        y = np.stack((zero, heights, gap), 1).reshape(-1, heights.shape[1])
        x = np.stack((places, places, gap), 1).reshape(-1, heights.shape[1])
        return self.line(y, x, win, env, options(opts) | {"mode": "lines"})

    def quiver(
        self,
        X: Any,
        Y: Any,
        gridX: Any = None,
        gridY: Any = None,
        win: str | None = None,
        env: str | None = None,
        opts: Opts | None = None,
    ) -> str:
        """Arrows (X, Y), both N x M, that start at (gridX, gridY). opts: normalize (the longest)."""
        u, v = array(X).astype(float), array(Y).astype(float)
        check(u.ndim == 2 and u.shape == v.shape, "quiver", "X and Y, both N x M", u)
        chosen = options(opts, arrowheads=True, mode="lines")
        if chosen.get("normalize"):
            longest = np.hypot(u, v).max() or 1.0
            u, v = u * chosen["normalize"] / longest, v * chosen["normalize"] / longest
        rows, columns = np.indices(u.shape)
        x0 = (rows if gridX is None else array(gridX)).astype(float)
        y0 = (columns if gridY is None else array(gridY)).astype(float)
        x, y = arrows(x0, y0, u, v, bool(chosen["arrowheads"]))
        return self.line(y, x, win, env, chosen)

    def dual_axis_lines(
        self,
        X: Any,
        Y1: Any,
        Y2: Any,
        opts: Opts | None = None,
        win: str | None = None,
        env: str | None = None,
    ) -> str:
        """Two lines over X with an axis each, left and right. opts: name_y1, name_y2, title, ..."""
        x, y1, y2 = (array(each).ravel() for each in (X, Y1, Y2))
        if not len(x) == len(y1) == len(y2):
            raise ValueError(f"dual_axis_lines: X, Y1 and Y2 have {len(x)}, {len(y1)} and {len(y2)} values")
        chosen = options(opts, height=300, width=500)
        names = [str(chosen.get("name_y1", "Y1 axis")), str(chosen.get("name_y2", "Y2 axis"))]
        common = {"type": "scatter", "mode": "lines", "x": listed(x)}
        traces = [
            common | {"y": listed(y1), "name": names[0]},
            common | {"y": listed(y2), "name": names[1], "yaxis": "y2"},
        ]
        axes = {
            "showlegend": chosen.get("showlegend", True),
            "yaxis": {"title": names[0]},
            "yaxis2": {"title": names[1], "overlaying": "y", "side": chosen.get("side", "right")},
        }
        chosen["layoutopts"] = {"plotly": axes | chosen.get("layoutopts", {}).get("plotly", {})}
        return self._plot(traces, chosen, win, env)

    def sunburst(
        self,
        labels: Any,
        parents: Any,
        values: Any = None,
        win: str | None = None,
        env: str | None = None,
        opts: Opts | None = None,
    ) -> str:
        """Parts of parts as rings: labels[i] lies within parents[i] ("" is the centre)."""
        names, within = [str(x) for x in plain(labels)], [str(x) for x in plain(parents)]
        if len(names) != len(within):
            raise ValueError(f"sunburst: {len(names)} labels and {len(within)} parents")
        chosen = options(opts)
        trace = {
            "type": "sunburst",
            "labels": names,
            "parents": within,
            "values": None if values is None else listed(array(values).ravel()),
            "outsidetextfont": {"size": chosen.get("size"), "color": chosen.get("font_color")},
            "leaf": {"opacity": chosen.get("opacity")},
            "marker": {"line": {"width": chosen.get("marker_width")}},
        }
        return self._plot([without_none(trace)], chosen, win, env)
