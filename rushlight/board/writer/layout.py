"""Custom scalars: which tags share a chart. Field numbers: tensorboard/plugins/custom_scalar/layout.proto."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from ...io import protobuf
from ..events import messages
from .values import Values

TAG = "custom_scalars__config__"


def custom_scalars(layout: Mapping[str, Mapping[str, Sequence[Any]]]) -> Values:
    """{category: {title: chart}}: ["Multiline", [tags or regular expressions]] or ["Margin", [3 tags]].

    Raises ValueError for a chart that is neither.
    """
    categories = [
        protobuf.text(1, category) + b"".join(protobuf.data(2, _chart(*item)) for item in charts.items())
        for category, charts in layout.items()
    ]
    content = np.array(b"".join(protobuf.data(2, one) for one in categories), object)
    return Values(lambda: [messages.tensor_value(TAG, content, messages.metadata("custom_scalars"))])


def _chart(title: str, given: Sequence[Any]) -> bytes:
    if len(given) != 2 or given[0] not in ("Multiline", "Margin") or isinstance(given[1], str):
        raise ValueError(f'chart {title!r} is ["Multiline", [tags]] or ["Margin", [value, lower, upper]]')
    kind, tags = given
    if kind == "Multiline":
        return protobuf.text(1, title) + protobuf.data(2, b"".join(protobuf.text(1, tag) for tag in tags))
    if len(tags) != 3:
        raise ValueError(
            f"a margin chart has three tags (value, lower, upper), but {title!r} has {len(tags)}"
        )
    series = b"".join(protobuf.text(k, tag) for k, tag in enumerate(tags, 1))
    return protobuf.text(1, title) + protobuf.data(3, protobuf.data(1, series))
