"""Images, audio and video: what is there at a step, and the bytes, with a type that is none of a page's."""

from __future__ import annotations

from typing import Any

from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from ..events.media import Item, items
from ..logs.entries import Entry
from .entries import Cache, Unreadable, answers, asked_for, decoded
from .shared import Shared

ROOM = 64 << 20  # bytes of media that are kept
KINDS = ("images", "audio", "video")
SUFFIXES = {"jpeg": "jpg", "mpeg": "mp3"}


def routes(shared: Shared) -> list[Route]:
    """{kind, run, tag, mark} gives the items of a step; GET with the same, and `item`, one item's bytes."""
    cache: Cache[list[Item]] = Cache(ROOM)

    def read(entry: Entry, tag: str) -> list[Item]:
        return cache.get((entry, tag), lambda: decoded(entry, tag, items), _weight)

    def describe(question: dict[str, Any]) -> dict[str, Any]:
        tag = str(question["tag"])
        found = read(asked_for(shared, question, _kind(question["kind"])), tag)
        return {"items": [_described(item) for item in found]}

    async def media(request: Request) -> Response:
        question = dict(request.query_params)
        missing = {"kind", "run", "tag", "mark"} - question.keys()
        if missing or not question.get("item", "0").isdecimal():
            raise HTTPException(400, "a medium is named by kind, run, tag, mark and the number of the item")
        entry = await _found(asked_for, shared, question, _kind(question["kind"]))
        found: list[Item] = await _found(read, entry, question["tag"])
        k = int(question.get("item", "0")[:9])
        if k >= len(found):
            raise HTTPException(404, f"this step has {len(found)} items")
        return served(found[k])

    return [answers("/api/describe", describe), Route("/api/media", media)]


async def _found(work: Any, *arguments: Any) -> Any:
    """work(*arguments) in a thread; what is unreadable isn't found."""
    try:
        return await run_in_threadpool(work, *arguments)
    except Unreadable as error:
        raise HTTPException(404, str(error)) from error


def served(item: Item) -> Response:
    """The bytes, as what they are if that is harmless, else as a file to save. They never change."""
    kind = item.type or "application/octet-stream"
    suffix = kind.split("/")[1] if item.type else "bin"
    how = "inline" if item.type else "attachment"
    headers = {
        "content-disposition": f'{how}; filename="item.{SUFFIXES.get(suffix, suffix)}"',
        "cache-control": "private, max-age=86400, immutable",
        "content-security-policy": "default-src 'none'; img-src 'self'; media-src 'self'; sandbox",
    }
    return Response(item.data, media_type=kind, headers=headers)


def _kind(kind: Any) -> str:
    if kind not in KINDS:
        raise HTTPException(400, f"`kind` must be one of {', '.join(KINDS)}")
    return kind


def _weight(found: list[Item]) -> int:
    return sum(len(item.data) for item in found) + 1000


def _described(item: Item) -> dict[str, Any]:
    return {
        "type": item.type,
        "bytes": len(item.data),
        "width": item.width,
        "height": item.height,
        "label": item.label[:200],
    }
