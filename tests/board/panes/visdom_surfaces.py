"""The demo's heatmaps, contours and surfaces: see visdom_demo."""

import numpy as np

from tests.board.panes.visdom_demo import DEMO, demo, traces

__all__ = ["DEMO"]

COLUMNS, ROWS = list("abcdefghij"), ["y1", "y2", "y3", "y4", "y5"]


def heatmap(viz, named):
    opts = dict(columnnames=COLUMNS, rownames=ROWS) if named else {}
    return viz.heatmap(X=np.outer(np.arange(1, 6), np.arange(1, 11)), opts=opts)


def appended(viz, wins, named):
    win = heatmap(viz, named)

    def more(x, how, axis, names, **opts):
        opts |= {axis: names} if named else {}
        viz.heatmap(X=x, win=win, update=how, opts=opts)

    more(np.outer(np.arange(6, 9), np.arange(1, 11)), "appendRow", "rownames", ["y6", "y7", "y8"])
    more(
        np.outer(np.arange(1, 9), np.arange(11, 14)),
        "appendColumn",
        "columnnames",
        ["c1", "c2", "c3"],
        colormap="Rainbow",
    )
    more(np.outer(np.arange(-1, 1), np.arange(1, 14)), "prependRow", "rownames", ["y-", "y0"])
    more(
        np.outer(np.arange(-1, 9), np.arange(-5, 1)),
        "prependColumn",
        "columnnames",
        ["c4", "c5", "c6", "c7", "c8", "c9"],
        colormap="Electric",
    )
    trace = traces(wins()[win])[0]
    np.testing.assert_array_equal(trace["z"], np.outer(np.arange(-1, 9), np.arange(-5, 14)))
    assert trace["colorscale"] == "Electric"
    if named:
        assert trace["x"] == ["c4", "c5", "c6", "c7", "c8", "c9", *COLUMNS, "c1", "c2", "c3"]
        assert trace["y"] == ["y-", "y0", *ROWS, "y6", "y7", "y8"]
    return win


@demo
def plot_surface_basic(viz, wins):
    win = heatmap(viz, False)
    assert traces(wins()[win])[0]["type"] == "heatmap"


@demo
def plot_surface_basic_withnames(viz, wins):
    win = heatmap(viz, True)
    assert traces(wins()[win])[0]["y"] == ROWS


@demo
def plot_surface_append(viz, wins):
    appended(viz, wins, False)


@demo
def plot_surface_append_withnames(viz, wins):
    appended(viz, wins, True)


@demo
def plot_surface_remove(viz, wins):
    win = appended(viz, wins, False)
    viz.heatmap(X=None, win=win, update="remove")
    assert traces(wins()[win]) == []


@demo
def plot_surface_remove_withnames(viz, wins):
    win = appended(viz, wins, True)
    viz.heatmap(X=None, win=win, update="remove")
    assert traces(wins()[win]) == []


def replaced(viz, wins, named):
    win = appended(viz, wins, named)
    x = 10 * np.outer(np.arange(1, 20), np.arange(1, 25))
    viz.heatmap(X=x, win=win, update="replace")
    np.testing.assert_array_equal(traces(wins()[win])[0]["z"], x)


@demo
def plot_surface_replace(viz, wins):
    replaced(viz, wins, False)


@demo
def plot_surface_replace_withnames(viz, wins):
    replaced(viz, wins, True)


def hill():
    x = np.tile(np.arange(1, 101), (100, 1))
    return np.exp((((x - 50) ** 2) + ((x.T - 50) ** 2)) / -(20.0**2))


@demo
def plot_surface_contour(viz, wins):
    win = viz.contour(X=hill(), opts=dict(colormap="Viridis"))
    assert traces(wins()[win])[0]["type"] == "contour"


@demo
def plot_surface_3d(viz, wins):
    win = viz.surf(X=hill(), opts=dict(colormap="Hot"))
    assert traces(wins()[win])[0]["type"] == "surface"
