"""Matrices as colours, contours and surfaces; meshes."""

from __future__ import annotations

from typing import Any

import numpy as np

from .arrays import array, listed, without_none
from .layout import Opts, options
from .post import Poster

APPENDS = ("appendRow", "appendColumn", "prependRow", "prependColumn")


class Surfaces(Poster):
    """Calls that draw two-dimensional data."""

    def heatmap(
        self,
        X: Any,
        win: str | None = None,
        env: str | None = None,
        update: str | None = None,
        opts: Opts | None = None,
    ) -> str:
        """The matrix X, N x M, as colours.

        update: "replace", "appendRow", "appendColumn", "prependRow", "prependColumn", "remove". opts:
        colormap, xmin, xmax (of the colours), columnnames, rownames, nancolor.
        """
        if update == "remove":
            if win is None:
                raise ValueError("update='remove' needs the window: win=")
            return self._post("update", win, env, None, data=[], delete=True)
        if update not in (None, "replace", *APPENDS):
            raise ValueError(f"update is 'replace', 'remove' or one of {APPENDS}, not {update!r}")
        z, chosen = array(X), options(opts)
        if z.ndim != 2:
            raise ValueError(f"heatmap takes a matrix, not an array of shape {z.shape}")
        if update is None:
            return self._plot(
                _heat(z, chosen | {"colormap": chosen.get("colormap", "Viridis")}), chosen, win, env
            )
        appends = update in APPENDS
        return self._update(_heat(z, chosen), chosen, win, env, append=appends, updateDir=update)

    def contour(
        self, X: Any, win: str | None = None, env: str | None = None, opts: Opts | None = None
    ) -> str:
        """Lines of equal height of the matrix X. opts: colormap, xmin, xmax."""
        return self._heights("contour", X, win, env, opts)

    def surf(self, X: Any, win: str | None = None, env: str | None = None, opts: Opts | None = None) -> str:
        """The matrix X as heights in space. opts: colormap, xmin, xmax."""
        return self._heights("surface", X, win, env, opts)

    def _heights(self, kind: str, X: Any, win: str | None, env: str | None, opts: Opts | None) -> str:
        z = np.squeeze(array(X))
        if z.ndim != 2:
            raise ValueError(f"{kind} takes a matrix, not an array of shape {z.shape}")
        finite = z[np.isfinite(z)] if z.dtype.kind == "f" else z
        low, high = (float(finite.min()), float(finite.max())) if finite.size else (0.0, 1.0)
        chosen = options(opts, xmin=low, xmax=high, colormap="Viridis")
        names = ("zmin", "zmax") if kind == "contour" else ("cmin", "cmax")
        limits = dict(zip(names, (float(chosen["xmin"]), float(chosen["xmax"]))))
        trace = {"type": kind, "z": listed(z), "colorscale": chosen["colormap"]} | limits
        return self._plot([trace], chosen, win, env, is3d=kind == "surface")

    def mesh(
        self, X: Any, Y: Any = None, win: str | None = None, env: str | None = None, opts: Opts | None = None
    ) -> str:
        """Triangles, the rows of Y (M x 3 numbers of points), between points, the rows of X (N x 3 or N x 2).

        opts: color, opacity.
        """
        points = array(X)
        if points.ndim != 2 or points.shape[1] not in (2, 3):
            raise ValueError(f"mesh takes points, N x 2 or N x 3, not an array of shape {points.shape}")
        chosen = options(opts)
        flat = points.shape[1] == 2
        z = np.zeros(len(points)) if flat else points[:, 2]
        trace: dict[str, Any] = {
            "type": "mesh3d",
            "x": listed(points[:, 0]),
            "y": listed(points[:, 1]),
            "z": listed(z),
            "color": chosen.get("color"),
            "opacity": chosen.get("opacity"),
        }
        if Y is not None:
            faces = array(Y)
            if faces.ndim != 2 or faces.shape[1] != 3 or faces.dtype.kind not in "iu":
                raise ValueError(f"mesh: faces are M x 3 numbers of points, not {faces.dtype} {faces.shape}")
            trace |= dict(zip("ijk", (listed(column) for column in faces.T)))
        return self._plot([without_none(trace)], chosen, win, env, is3d=True)


def _heat(z: np.ndarray, opts: Opts) -> list[dict[str, Any]]:
    """The trace of a heatmap; before it, if wanted, one whose colour shows where there is NaN."""
    for key, count in (("columnnames", z.shape[1]), ("rownames", z.shape[0])):
        if key in opts and len(opts[key]) != count:
            raise ValueError(f"opts[{key!r}] has {len(opts[key])} names for {count}")
    places = {"x": opts.get("columnnames"), "y": opts.get("rownames")}
    trace = {
        "type": "heatmap",
        "z": listed(z),
        **places,
        "zmin": opts.get("xmin"),
        "zmax": opts.get("xmax"),
        "colorscale": opts.get("colormap"),
    }
    if "nancolor" not in opts:
        return [trace]
    scale = [[0, opts["nancolor"]], [1, opts["nancolor"]]]
    below = {
        "type": "heatmap",
        "z": np.zeros(z.shape, int).tolist(),
        **places,
        "showscale": False,
        "colorscale": scale,
    }
    return [below, trace]
