"""A window made of what a client posts: {"data": traces or one typed pane, "layout", "opts"}.

The keys are Visdom's, so that its saved environments and its client's `get_window_data` fit.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

Pane = dict[str, Any]
MOST_TRACES = 10_000
SHOWN = ("title", "inflate", "width", "height")  # opts that are the window's, not the plot's
EXTRA = {
    "image_history": {"show_slider": True},
    "network": {"directed": False, "showEdgeLabels": "hover", "showVertexLabels": "hover"},
}


class Refused(ValueError):
    """A post that can't be done; its text says why."""


def pane_of(post: Mapping[str, Any], win: str) -> Pane:
    """The window of a post to /events."""
    traces = traces_of(post)
    kind, opts = traces[0].get("type"), part(post, "opts")
    pane: Pane = {
        "command": "window",
        "id": win,
        "title": str(opts.get("title") or ""),
        "inflate": bool(opts.get("inflate", True)),
        "width": length(opts.get("width")),
        "height": length(opts.get("height")),
    }
    return pane | (TYPED[kind](traces[0], opts) if kind in TYPED else _plot(traces, post))


def traces_of(post: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The traces, or the one typed pane, of a post."""
    found = post.get("data")
    if not isinstance(found, list) or not 0 < len(found) <= MOST_TRACES:
        raise Refused(f"`data` must be a list of 1 to {MOST_TRACES} traces, or of one pane")
    if not all(isinstance(trace, dict) and isinstance(trace.get("type", ""), str) for trace in found):
        raise Refused("each item of `data` must be an object with a `type`")
    return found


def part(post: Mapping[str, Any], name: str) -> dict[str, Any]:
    """An object within a post; an absent one is empty."""
    found = post.get(name)
    if found is not None and not isinstance(found, dict):
        raise Refused(f"`{name}` must be an object")
    return found or {}


def length(value: Any) -> float | None:
    """A width or height in pixels, kept within reason."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return min(max(float(value), 40.0), 8000.0)


def _plot(traces: list[dict[str, Any]], post: Mapping[str, Any]) -> Pane:
    return {"type": "plot", "content": {"data": traces, "layout": part(post, "layout")}}


def _content(item: dict[str, Any], kind: type) -> Any:
    found = item.get("content")
    if not isinstance(found, kind):
        wanted = {str: "a text", dict: "an object", list: "a list"}[kind]
        raise Refused(f"the `content` of a window of type {item['type']} must be {wanted}")
    return found


def _text(item: dict[str, Any], opts: dict[str, Any]) -> Pane:
    content = item.get("content")
    return {"type": "text", "content": content if isinstance(content, str) else str(content)}


def _image(item: dict[str, Any], opts: dict[str, Any]) -> Pane:
    return {"type": "image", "content": _content(item, dict)}


def _history(item: dict[str, Any], opts: dict[str, Any]) -> Pane:
    shown = {name: opts.get(name, usual) for name, usual in EXTRA["image_history"].items()}
    return {"type": "image_history", "content": [_content(item, dict)], "selected": 0} | shown


def _properties(item: dict[str, Any], opts: dict[str, Any]) -> Pane:
    found = _content(item, list)
    if len(found) > 1000 or not all(isinstance(each, dict) for each in found):
        raise Refused("properties are a list of at most 1000 objects")
    return {"type": "properties", "content": found}


def _network(item: dict[str, Any], opts: dict[str, Any]) -> Pane:
    shown = {name: opts.get(name, usual) for name, usual in EXTRA["network"].items()}
    return {"type": "network", "content": _content(item, dict)} | shown


def _embeddings(item: dict[str, Any], opts: dict[str, Any]) -> Pane:
    content = _content(item, dict) | {"has_previous": False}
    return {"type": "embeddings", "content": content, "old_content": []}


TYPED = {
    "text": _text,
    "image": _image,
    "image_history": _history,
    "properties": _properties,
    "network": _network,
    "embeddings": _embeddings,
}
