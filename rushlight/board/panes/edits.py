"""Changes of a window, small enough to log and to send: the page makes the same ones (page/panes/edits.js).

An edit is [how, path, value]: "set" what is at the path, "extend" the list or text there, "remove" it.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

Edit = list[Any]
Path = list[str | int]


def put(path: Path, value: Any) -> Edit:
    """What is at the path becomes the value."""
    return ["set", path, value]


def extend(path: Path, value: Any) -> Edit:
    """The list or text at the path gets more at its end."""
    return ["extend", path, value]


def remove(path: Path) -> Edit:
    """What is at the path goes."""
    return ["remove", path, None]


def apply(pane: dict[str, Any], edits: Iterable[Edit]) -> None:
    """Change a window."""
    for how, path, value in edits:
        place: Any = pane
        for step in path[:-1]:
            place = place[step]
        last = path[-1]
        if how == "set":
            place[last] = value
        elif how == "remove":
            del place[last]
        elif isinstance(place[last], list):
            place[last].extend(value)
        else:
            place[last] += value
