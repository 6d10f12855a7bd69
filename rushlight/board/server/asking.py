"""What a page asks, taken apart; a question that makes no sense gets 400 and a reason."""

from __future__ import annotations

import json
from typing import Any

from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request

MOST_BYTES = 1 << 20


async def body_of(request: Request) -> bytes:
    """What a request carries. Raises HTTPException if it is too much, or the asker hung up."""
    parts, size = [], 0
    try:
        async for part in request.stream():
            size += len(part)
            if size > MOST_BYTES:
                raise HTTPException(413, f"a question may be at most {MOST_BYTES} bytes long")
            parts.append(part)
    except ClientDisconnect as error:
        raise HTTPException(400, "the question did not come to its end") from error
    return b"".join(parts)


async def asked(request: Request) -> dict[str, Any]:
    """The JSON object a request carries."""
    body = await body_of(request)
    try:
        found = json.loads(body)
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, dict):
        raise HTTPException(400, "the question must be a JSON object")
    return Asked(found)


class Asked(dict[str, Any]):
    """A question whose missing parts are the asker's fault."""

    def __missing__(self, name: str) -> Any:
        raise HTTPException(400, f"the question lacks {name!r}")


def name_list(question: dict[str, Any], name: str, most: int = 10_000) -> list[str]:
    """A list of strings."""
    found = question[name]
    if not isinstance(found, list) or len(found) > most or not all(isinstance(item, str) for item in found):
        raise HTTPException(400, f"{name!r} must be a list of at most {most} names")
    return found


def number(question: dict[str, Any], name: str, default: int, low: int, high: int) -> int:
    """A whole number within bounds."""
    found = question.get(name, default)
    if isinstance(found, bool) or not isinstance(found, int | float) or not low <= found <= high:
        raise HTTPException(400, f"{name!r} must be a number from {low} to {high}")
    return int(found)
