"""What a post to /update changes in a window, as edits; Visdom's rules (its server's UpdateHandler)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from .edits import Edit, Path, extend, put, remove
from .heatmaps import heatmap_edits
from .window import SHOWN, Pane, Refused, length, part, traces_of

UPDATED = ("scatter", "scattergl", "scatter3d", "custom", "heatmap")
COLUMNS = ("x", "y", "z", "text")  # of a trace: what an append lengthens
DATA: Path = ["content", "data"]
NOT_UPDATED = "win is not scatter, heatmap, custom, image_history, embeddings, or text; was "


def edits_of(pane: Pane, post: Mapping[str, Any]) -> list[Edit]:
    """The edits that an update means. Raises Refused where it means none."""
    kind = pane["type"]
    if kind in _TYPED:
        return _TYPED[kind](pane, post)
    if kind != "plot":
        raise Refused(NOT_UPDATED + kind)
    return _plot(pane, post)


def _text(pane: Pane, post: Mapping[str, Any]) -> list[Edit]:
    return [extend(["content"], "<br>" + str(traces_of(post)[0].get("content")))]


def _history(pane: Pane, post: Mapping[str, Any]) -> list[Edit]:
    item = traces_of(post)[0]
    if item.get("type") == "image_update_selected":
        chosen = min(max(0, int(item.get("selected", 0))), len(pane["content"]) - 1)
        return [put(["selected"], chosen)]
    if not isinstance(item.get("content"), dict):
        raise Refused("the `content` of an image must be an object")
    return [extend(["content"], [item["content"]]), put(["selected"], len(pane["content"]))]


def _embeddings(pane: Pane, post: Mapping[str, Any]) -> list[Edit]:
    data = part(post, "data")
    if data.get("update_type") == "EntitySelected":
        return [put(["content", "selected"], data.get("selected"))]
    if data.get("update_type") != "RegionSelected" or not isinstance(data.get("points"), list):
        raise Refused("embeddings are updated by EntitySelected or by RegionSelected with `points`")
    return [
        put(["content", "selected"], None),
        extend(["old_content"], [pane["content"].get("data", [])]),
        put(["content", "has_previous"], True),
        put(["content", "data"], data["points"]),
    ]


def popped(pane: Pane) -> list[Edit]:
    """Embeddings go back to the points they had before a region was chosen."""
    if pane["type"] != "embeddings" or not pane["old_content"]:
        raise Refused("these embeddings have no earlier points")
    last = len(pane["old_content"]) - 1
    return [
        put(["content", "selected"], None),
        put(["content", "data"], pane["old_content"][last]),
        put(["content", "has_previous"], last > 0),
        remove(["old_content", last]),
    ]


_TYPED: dict[str, Callable[[Pane, Mapping[str, Any]], list[Edit]]] = {
    "text": _text,
    "image_history": _history,
    "embeddings": _embeddings,
}


def _plot(pane: Pane, post: Mapping[str, Any]) -> list[Edit]:
    traces = pane["content"]["data"]
    kind = traces[0].get("type", "scatter") if traces else "scatter"
    if kind not in UPDATED:
        raise Refused(NOT_UPDATED + kind)
    edits = _shown(pane, post)
    name = post.get("name")
    if post.get("delete"):
        gone = [k for k, trace in enumerate(traces) if name is None or trace.get("name") == name]
        return edits + [remove([*DATA, k]) for k in reversed(gone)]
    if post.get("data") is None and name is None:
        return edits
    fresh = traces_of(post)
    if kind == "heatmap" and traces:
        return edits + heatmap_edits(traces, fresh, post)
    return edits + _traces(traces, fresh, name, bool(post.get("append")))


def _shown(pane: Pane, post: Mapping[str, Any]) -> list[Edit]:
    """Changes of the layout and of the window's own options."""
    layout = [
        put(["content", "layout", name], value)
        for name, value in part(post, "layout").items()
        if value is not None
    ]
    opts = part(post, "opts")
    sizes = [
        put([name], length(value) if name in ("width", "height") else value)
        for name in SHOWN
        if (value := opts.get(name)) is not None
    ]
    legend = opts.get("legend")
    names = list(legend) if isinstance(legend, list) else []
    renamed = [
        put([*DATA, k, "name"], name) for k, (_, name) in enumerate(zip(pane["content"]["data"], names))
    ]
    return layout + sizes + renamed


def _traces(traces: list[Any], fresh: list[Any], name: Any, append: bool) -> list[Edit]:
    """Points for the traces of a name, or for all in their order; traces that are new are added."""
    which = [k for k, trace in enumerate(traces) if name is None or trace.get("name") == name]
    edits = [
        edit
        for k, more in zip(which, fresh)
        if not _is_nothing(more)
        for edit in _points(traces, k, more, append)
    ]
    new = fresh[len(which) :]
    if new and name is not None:
        new = [trace | {"name": name} for trace in new]
    return edits + ([extend(DATA, new)] if new else [])


def _is_nothing(trace: dict[str, Any]) -> bool:
    """Whether all of x is NaN, by which a client masks a line of an update."""
    x = trace.get("x")
    return isinstance(x, list) and all(value is None for value in x)


def _points(traces: list[Any], k: int, more: dict[str, Any], append: bool) -> list[Edit]:
    old, at, edits = traces[k], [*DATA, k], []
    for column in COLUMNS:
        if column in more:
            edits.append(_column([*at, column], old.get(column), more[column], append, column))
    colour = part(more, "marker").get("color")
    if isinstance(colour, list):
        marker = old.get("marker")
        if not isinstance(marker, dict):
            edits.append(put([*at, "marker"], {"color": colour}))
        else:
            edits.append(_column([*at, "marker", "color"], marker.get("color"), colour, append, "color"))
    return edits


def _column(path: list[Any], old: Any, more: Any, append: bool, name: str) -> Edit:
    if not append or old is None or name == "color" and not isinstance(old, list):
        return put(path, more)
    if not isinstance(old, list) or not isinstance(more, list):
        raise Refused(f"`{name}` of a trace must be a list to be appended to")
    return extend(path, more)
