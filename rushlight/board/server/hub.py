"""Everybody who watches: a WebSocket each, told what changes in what it looks at.

Messages are JSON. To the page: {"type": "runs"}: ask for the list again; {"type": "scalars", run, tag, step,
wall, value}: new points of a tag it watches; {"type": "stale", run, tag}: so many that asking is cheaper, or
with "count": there are so many, as some came just before it watched;
{"type": "entries", run, kind, tag}: something else is new. From the page: {"type": "watch", "tags": [...]},
with "runs": [...] only for those, with "batch": true as {"type": "batch", "messages": [...]}.
Other views add types of their own, by `send` and `on`.
"""

from __future__ import annotations

import asyncio
import json
import logging
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from typing import Any

from starlette.websockets import WebSocket, WebSocketDisconnect

from ..logs.news import Changes
from ..logs.points import Points
from .numbers import listed

WAITING = 256  # messages that a slow page may be behind; then it is told to ask for everything again
MOST_CLIENTS = 500
LATELY = 5.0  # seconds: an answer to a page that watches only now may lack a point that came so late
Handler = Callable[["Client", dict[str, Any]], Awaitable[None] | None]
log = logging.getLogger("rushlight.board")


class Client:
    """One page: its socket, what it watches, and what waits to be sent to it."""

    def __init__(self, socket: WebSocket) -> None:
        self.socket = socket
        self.tags: set[str] = set()
        self.runs: frozenset[str] | None = None  # those it shows; None: it didn't say
        self.batch = False
        self.topics: dict[str, Any] = {}  # what other views keep of it
        self._queue: asyncio.Queue[str] = asyncio.Queue(WAITING)

    def send(self, message: dict[str, Any] | str) -> None:
        """Send soon. A page that doesn't keep up loses the queue, and reloads all it shows."""
        text = message if isinstance(message, str) else json.dumps(message, allow_nan=False)
        if self._queue.full():
            while not self._queue.empty():
                self._queue.get_nowait()
            text = '{"type": "reload"}'
        self._queue.put_nowait(text)

    def send_all(self, texts: list[str]) -> None:
        """Send several messages; as one to a page that takes them so."""
        if self.batch and len(texts) > 1:
            return self.send('{"type": "batch", "messages": [' + ", ".join(texts) + "]}")
        for text in texts:
            self.send(text)

    def wants(self, run: str, tag: str) -> bool:
        """Whether it shows this scalar."""
        return tag in self.tags and (self.runs is None or run in self.runs)

    async def pump(self) -> None:
        """Send what waits, for as long as the socket is open."""
        while True:
            await self.socket.send_text(await self._queue.get())


class Hub:
    """The clients, and the handlers of what they say."""

    def __init__(self, count_of: Callable[[str, str], int] = lambda run, tag: 0) -> None:
        self.clients: set[Client] = set()
        self.count_of = count_of  # how many points of a scalar there are
        self._handlers: dict[str, Handler] = {"watch": self._watch, "ping": _pong}
        self.watched_runs: frozenset[str] = frozenset()  # by any client; read by another thread
        self.leaving: list[Callable[[Client], None]] = []  # called when a client has gone
        self._lately: OrderedDict[tuple[str, str], float] = OrderedDict()  # when a scalar had news

    def on(self, kind: str, handler: Handler) -> None:
        """Call handler(client, message) for messages of a type."""
        self._handlers[kind] = handler

    def send(self, message: dict[str, Any], wanted: Callable[[Client], bool] = lambda _: True) -> None:
        """Send to every client that wants it. Call it in the server's loop."""
        text = ""
        for client in self.clients:
            if wanted(client):
                text = text or json.dumps(message, allow_nan=False)
                client.send(text)

    async def serve(self, socket: WebSocket) -> None:
        """A client's life."""
        if len(self.clients) >= MOST_CLIENTS:
            return await socket.close(1013, "too many pages are open")
        client = Client(socket)
        self.clients.add(client)  # before the page knows that it is connected, and asks; what comes waits
        try:
            await socket.accept()
            await self._talk(client)
        except (WebSocketDisconnect, RuntimeError, KeyError):  # closed; a binary message has no text
            pass
        finally:
            self.clients.discard(client)
            self._gather()
            for leave in self.leaving:
                leave(client)

    async def _talk(self, client: Client) -> None:
        """Send and receive until the socket is closed."""
        pump = asyncio.create_task(client.pump())
        try:
            while True:
                await self._receive(client, await client.socket.receive_text())
        finally:
            pump.cancel()

    async def _receive(self, client: Client, text: str) -> None:
        """Handle a message; one that is malformed gets an answer, never an end."""
        try:
            message = json.loads(text)
            handler = self._handlers[message["type"]]
            answer = handler(client, message)
            if answer is not None:
                await answer
        except (ValueError, LookupError, TypeError, AttributeError, RecursionError) as error:
            client.send(
                {"type": "error", "message": f"not understood: {type(error).__name__}: {error}"[:500]}
            )

    def publish(self, changes: Changes) -> None:
        """Tell each client what is new in what it watches. Call it in the server's loop."""
        self._remember(changes)
        general: list[dict[str, Any]] = [{"type": "runs"}] if changes.runs else []
        general += [
            {"type": "entries", "run": run, "kind": kind, "tag": tag} for run, kind, tag in changes.others
        ]
        wanted = set().union(*(client.tags for client in self.clients))
        scalars = [
            (run, tag, json.dumps(_news(run, tag, parts), allow_nan=False))
            for run, fresh in changes.scalars.items()
            for tag, parts in fresh.items()
            if tag in wanted
        ]
        texts = [json.dumps(message) for message in general]
        for client in self.clients:
            mine = [text for run, tag, text in scalars if client.wants(run, tag)]
            client.send_all(texts + mine)

    def _remember(self, changes: Changes) -> None:
        """Note which scalars have news."""
        now = time.monotonic()
        for run, fresh in changes.scalars.items():
            for tag in fresh:
                self._lately[run, tag] = now
                self._lately.move_to_end((run, tag))
        self._forget(now - LATELY)

    def _forget(self, before: float) -> None:
        """Forget news that are older."""
        while self._lately and next(iter(self._lately.values())) < before:
            self._lately.popitem(last=False)

    def _watch(self, client: Client, message: dict[str, Any]) -> None:
        runs = message.get("runs")
        tags, chosen = _names(message["tags"], "tags"), None if runs is None else _names(runs, "runs")
        self._forget(time.monotonic() - LATELY)
        known = {which for which in self._lately if client.wants(*which)}
        client.tags, client.runs = tags, None if chosen is None else frozenset(chosen)
        client.batch = message.get("batch") is True
        missed = [which for which in self._lately if client.wants(*which) and which not in known]
        told = ({"type": "stale", "run": r, "tag": t, "count": self.count_of(r, t)} for r, t in missed)
        client.send_all([json.dumps(message) for message in told])
        self._gather()

    def _gather(self) -> None:
        self.watched_runs = frozenset().union(*(client.runs or () for client in self.clients))


def _news(run: str, tag: str, parts: list[Points] | None) -> dict[str, Any]:
    if parts is None:
        return {"type": "stale", "run": run, "tag": tag}
    columns = [[x for part in parts for x in listed(part[k])] for k in range(3)]
    return {"type": "scalars", "run": run, "tag": tag} | dict(
        zip(("step", "wall", "value"), columns, strict=True)
    )


def _pong(client: Client, message: dict[str, Any]) -> None:
    client.send({"type": "pong"})


def _names(found: Any, name: str) -> set[str]:
    if not isinstance(found, list) or len(found) > 10_000:
        raise ValueError(f"`{name}` must be a list of at most 10,000")
    return {str(one) for one in found}
