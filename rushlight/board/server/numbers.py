"""Numbers on their way to the page: as JSON (which knows no NaN), or many at once as bytes."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from starlette.responses import Response


def listed(array: np.ndarray) -> list[Any]:
    """The numbers as JSON takes them: null for NaN, "Infinity" and "-Infinity" as text."""
    values = array.tolist()
    if array.dtype.kind != "f" or np.isfinite(array).all():
        return values
    return [
        x if math.isfinite(x) else None if math.isnan(x) else "Infinity" if x > 0 else "-Infinity"
        for x in values
    ]


def answer(content: Any) -> Response:
    """JSON in ASCII: what a page asked may hold lone surrogates, which UTF-8 can't carry back."""
    return Response(json.dumps(content, allow_nan=False), media_type="application/json")


def packed(head: dict[str, Any], columns: Sequence[np.ndarray]) -> Response:
    """A JSON head and columns of float64 behind it.

    u32 length of the head, the head with spaces up to a multiple of 8, then the columns, little-endian.
    """
    text = json.dumps(head, allow_nan=False).encode()
    text += b" " * (-(len(text) + 4) % 8)
    body = b"".join([len(text).to_bytes(4, "little"), text, *(c.astype("<f8").tobytes() for c in columns)])
    return Response(body, media_type="application/octet-stream")
