"""Properties that the user edits, networks, and points that stand for things."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from .arrays import array, plain
from .layout import Opts, layout, options
from .post import Poster


class Diagrams(Poster):
    """Calls whose windows answer."""

    register_event_handler: Callable[..., None]

    def properties(
        self,
        data: Sequence[dict[str, Any]],
        win: str | None = None,
        env: str | None = None,
        opts: Opts | None = None,
    ) -> str:
        """Values that can be edited in the page: [{"type", "name", "value", ...}, ...].

        Types: text, number, button, checkbox, select ("values": the choices, "value": the number of one), and
        slider ("min", "max", "step", or "log": True). A handler for the window gets events of event_type
        "PropertyUpdate" with the item's number, `propertyId`, and its `value`: a text for text and number, a
        number for select and slider.
        """
        return self._typed("properties", plain(list(data)), win, env, options(opts))

    def graph(
        self,
        edges: Sequence[tuple[int, int]],
        edgeLabels: Sequence[str] | None = None,
        nodeLabels: Sequence[str] | None = None,
        opts: Opts | None = None,
        env: str | None = None,
        win: str | None = None,
    ) -> str:
        """A network: edges between nodes that are numbered from 0.

        opts: directed, showVertexLabels, showEdgeLabels, scheme ("same" or "different" colours).
        """
        pairs = [(int(a), int(b)) for a, b in edges]
        nodes = sorted({node for pair in pairs for node in pair})
        if nodes != list(range(len(nodes))):
            raise ValueError(f"graph: nodes are numbered 0 to n - 1 without gaps, not {nodes[:20]}")
        for what, labels, count in (("edge", edgeLabels, len(pairs)), ("node", nodeLabels, len(nodes))):
            if labels is not None and len(labels) != count:
                raise ValueError(f"graph: {len(labels)} {what} labels for {count} {what}s")
        chosen = options(
            opts, directed=False, showVertexLabels=True, showEdgeLabels=False, height=500, width=500
        )
        many = chosen.get("scheme") == "different"
        content = {
            "nodes": [
                {"name": k, "label": str(nodeLabels[k] if nodeLabels else k)} | ({"club": k} if many else {})
                for k in nodes
            ],
            "edges": [
                {"source": a, "target": b, "label": str(edgeLabels[k]) if edgeLabels else f"{a}-{b}"}
                for k, (a, b) in enumerate(pairs)
            ],
        }
        return self._typed("network", content, win, env, chosen)

    def embeddings(
        self,
        features: Any,
        labels: Sequence[Any],
        data_getter: Callable[[int], str] | None = None,
        data_type: str | None = None,
        win: str | None = None,
        env: str | None = None,
        opts: Opts | None = None,
    ) -> str:
        """Rows of features as points in the plane, by their two principal components; a lasso looks closer.

        data_getter(i) gives HTML that is shown when point i is clicked.
        """
        rows = array(features).astype(float)
        if rows.ndim != 2 or len(rows) != len(labels):
            raise ValueError(
                f"embeddings takes N x D features and N labels, not {rows.shape} and {len(labels)}"
            )
        names = [str(label) for label in labels]
        content = {"data": _points(rows, names, np.arange(len(rows)))}
        win = self._typed("embeddings", content, win, env, options(opts))
        eid = env or self.env

        def answer(event: dict[str, Any]) -> None:
            if event["event_type"] == "EntitySelected":
                shown = data_getter(int(event["idx"])) if data_getter else names[int(event["idx"])]
                data = {
                    "update_type": "EntitySelected",
                    "selected": {"html": shown, "entityId": event.get("entityId")},
                }
                self._post("update", win, eid, None, data=data)
            elif event["event_type"] == "RegionSelected":
                chosen = np.array([int(k) for k in event["selectedIdxs"]])
                points = _points(rows[chosen], [names[k] for k in chosen], chosen)
                self._post("update", win, eid, None, data={"update_type": "RegionSelected", "points": points})

        self.register_event_handler(answer, win)
        return win

    def update_window_opts(self, win: str, opts: Opts, env: str | None = None) -> str:
        """Change a plot's title, size, legend and axes, not its data."""
        chosen = options(opts)
        change = layout(chosen)
        if not any(name.startswith("margin") for name in chosen):
            del change["margin"]  # the plot keeps what was not named
        if not {"showlegend", "legend"} & chosen.keys():
            del change["showlegend"]
        return self._post("update", win, env, chosen, layout=plain(change))


def _points(rows: np.ndarray, names: list[str], which: np.ndarray) -> list[dict[str, Any]]:
    """The points of an embeddings window: principal components, scaled to -1 ... 1."""
    centred = rows - rows.mean(0)
    flat = centred @ np.linalg.svd(centred, full_matrices=False)[2][:2].T
    flat = np.pad(flat, ((0, 0), (0, 2 - flat.shape[1])))
    flat = flat / (np.abs(flat).max() or 1.0)
    groups = {name: k for k, name in enumerate(dict.fromkeys(names))}
    return [
        {"group": groups[name], "name": f"Entity {k}", "label": name, "position": xy, "idx": k}
        for k, name, xy in zip(which.tolist(), names, flat.tolist())
    ]
