"""Layouts of custom scalars: which tags share a chart (TensorBoard's custom_scalar/layout.proto)."""

from __future__ import annotations

from typing import Any

from ...io import protobuf
from .decoding import Value, decode_tensor

MOST_CHARTS = 500


def decode_layout(value: Value) -> list[dict[str, Any]]:
    """The categories of a layout: {title, closed, charts: [{title, tags} or {title, margins}]}.

    A margin is (value, lower, upper), each the tag of a scalar. Raises ValueError for what is no layout.
    """
    if not isinstance(value.data, bytes):
        raise ValueError("a layout is a message, not a number")
    strings = decode_tensor(value.data).reshape(-1)
    if not len(strings) or not isinstance(strings[0], bytes):
        raise ValueError("a layout of custom scalars is a string")
    found = [_category(part) for number, part in _messages(strings[0]) if number == 2]
    if sum(len(category["charts"]) for category in found) > MOST_CHARTS:
        raise ValueError(f"a layout may have at most {MOST_CHARTS} charts")
    return found


def _messages(message: bytes) -> list[tuple[int, bytes]]:
    """The fields that are strings or messages."""
    return [(number, value) for number, value in protobuf.fields(message) if isinstance(value, bytes)]


def _texts(message: bytes, wanted: int) -> list[str]:
    return [value.decode(errors="replace") for number, value in _messages(message) if number == wanted]


def _category(message: bytes) -> dict[str, Any]:
    """Category {title 1, chart 2, closed 3}."""
    closed = any(number == 3 and value == 1 for number, value in protobuf.fields(message))
    charts = [_chart(part) for number, part in _messages(message) if number == 2]
    return {"title": "".join(_texts(message, 1)[-1:]), "closed": closed, "charts": charts}


def _chart(message: bytes) -> dict[str, Any]:
    """Chart {title 1, multiline 2 {tag 1}, margin 3 {series 1 {value 1, lower 2, upper 3}}}."""
    chart: dict[str, Any] = {"title": "".join(_texts(message, 1)[-1:])}
    for number, part in _messages(message):
        if number == 2:
            chart["tags"] = _texts(part, 1)
        elif number == 3:
            series = [one for n, one in _messages(part) if n == 1]
            chart["margins"] = [["".join(_texts(one, k)[-1:]) for k in (1, 2, 3)] for one in series]
    return chart
