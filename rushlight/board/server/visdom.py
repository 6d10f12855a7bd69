"""Visdom's protocol: its client posts JSON and gets plain text; events go back over a socket or are polled.

Written from what the client sends (visdom 0.2.4); README there and docs/board_panels.md have the calls.
"""

from __future__ import annotations

import asyncio
import json
import secrets
import time
from collections import deque
from typing import Any
from urllib.parse import quote

from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, RedirectResponse, Response
from starlette.routing import BaseRoute, Route, WebSocketRoute
from starlette.websockets import WebSocket, WebSocketDisconnect

from ..panes import calls
from ..panes.environment import dumped
from ..panes.environments import Environments
from ..panes.window import Refused
from .hub import Client

MOST_BYTES = 64 << 20  # a video as base64 is long
KEPT_EVENTS = 1000
MOST_POLLERS, POLLED_WITHIN = 200, 60.0  # clients without a socket, and seconds after which one is gone
POSTS = (
    "events",
    "update",
    "close",
    "win_exists",
    "win_hash",
    "win_data",
    "env_state",
    "save",
    "fork_env",
    "delete_env",
)


async def body_of(request: Request, most: int = MOST_BYTES) -> bytes:
    """What a request carries, if that is not too long."""
    parts, size = [], 0
    async for part in request.stream():
        size += len(part)
        if size > most:
            raise HTTPException(413, f"a post may be at most {most >> 20} MiB long")
        parts.append(part)
    return b"".join(parts)


def parsed(body: bytes) -> Any:
    """JSON, in which NaN and infinities, which are no JSON, are null. Raises Refused."""
    try:
        found = json.loads(body, parse_constant=lambda _: None)
        try:
            dumped(found)
        except ValueError:  # 1e999 is infinite, too
            found = json.loads(body, parse_constant=lambda _: None, parse_float=_finite)
    except (ValueError, RecursionError) as error:
        raise Refused(f"a post must be JSON: {str(error)[:200]}") from None
    return found


def _finite(text: str) -> float | None:
    x = float(text)
    return x if abs(x) < float("inf") else None


def message_of(body: bytes) -> dict[str, Any]:
    """The JSON object that a body is. Raises Refused."""
    found = parsed(body)
    if not isinstance(found, dict):
        raise Refused("a post must be a JSON object")
    return found


class Events:
    """What the user did in the page, for the Python programs that listen."""

    def __init__(self) -> None:
        self.life = secrets.token_hex(8)
        self._kept: deque[tuple[int, str]] = deque(maxlen=KEPT_EVENTS)
        self._number = 0
        self._listeners: set[Client] = set()
        self._polled: dict[str, tuple[float, deque[str]]] = {}

    def send(self, event: dict[str, Any]) -> None:
        """Tell everybody. Call it in the server's loop."""
        self._number += 1
        text = dumped(event | {"number": self._number, "life": self.life})
        self._kept.append((self._number, text))
        for listener in self._listeners:
            listener.send(text)
        for _, waiting in self._polled.values():
            waiting.append(text)

    async def serve(self, socket: WebSocket) -> None:
        """A listener's life. One that names the last event it saw (?life=..&after=..) gets those since."""
        await socket.accept()
        client = Client(socket)
        client.send('{"command": "alive", "data": "vis_alive"}')
        if socket.query_params.get("life") == self.life:
            after = socket.query_params.get("after", "")
            for number, text in self._kept:
                if after.isdigit() and number > int(after):
                    client.send(text)
        self._listeners.add(client)
        pump = asyncio.create_task(client.pump())
        try:
            while True:
                await socket.receive_text()
        except (WebSocketDisconnect, RuntimeError, KeyError):
            pass
        finally:
            pump.cancel()
            self._listeners.discard(client)

    def poll(self, message: dict[str, Any]) -> dict[str, Any]:
        """For clients without sockets: {"message_type": "init"} or "query" with their sid."""
        now = time.monotonic()
        self._polled = {sid: each for sid, each in self._polled.items() if now - each[0] < POLLED_WITHIN}
        if message.get("message_type") == "init":
            if len(self._polled) >= MOST_POLLERS:
                raise Refused("too many clients poll for events")
            sid = secrets.token_hex(8)
            waiting: deque[str] = deque(['{"command": "alive", "data": "vis_alive"}'], maxlen=KEPT_EVENTS)
            self._polled[sid] = (now, waiting)
            return {"success": True, "sid": sid}
        sid = str(message.get("sid"))
        if sid not in self._polled:
            raise Refused("this sid is not known (any more): send an init")
        waiting = self._polled[sid][1]
        self._polled[sid] = (now, deque(maxlen=KEPT_EVENTS))
        return {"success": True, "messages": list(waiting)}


def do(envs: Environments, name: str, body: bytes) -> str:
    """One call, written to the log before it is answered. Blocking."""
    message = message_of(body)
    with envs.lock:
        envs.make_room(len(body) if name in ("events", "update", "win_data") else 0)
        try:
            return calls.call(envs, name, message)
        finally:
            envs.write()


def routes(envs: Environments, events: Events) -> list[BaseRoute]:
    """Where Visdom's client posts to."""

    def poster(name: str) -> Route:
        async def post(request: Request) -> Response:
            return await answered(do, envs, name, await body_of(request))

        return Route(f"/{name}", post, methods=["POST"])

    async def env(request: Request) -> Response:
        name = request.path_params["eid"]
        if request.method != "POST":
            return RedirectResponse(f"/#view=panels&envs={quote(quote(name, safe=''), safe='')}")
        message = json.dumps({"eid": name}).encode()
        return await answered(do, envs, "env", message)

    async def poll(request: Request) -> Response:
        body = await body_of(request, 1 << 16)
        try:
            return JSONResponse(events.poll(message_of(body)))
        except Refused as refused:
            return PlainTextResponse(str(refused), 400)

    async def log_in(request: Request) -> Response:
        return PlainTextResponse("")  # the guard has looked at the password already

    return [
        *map(poster, POSTS),
        Route("/env/{eid:path}", env, methods=["GET", "POST"]),
        Route("/vis_socket_wrap", poll, methods=["POST"]),
        WebSocketRoute("/vis_socket", events.serve),
        Route("/", log_in, methods=["POST"]),
    ]


async def answered(work: Any, *arguments: Any) -> Response:
    """The text that blocking work makes; a refusal is 400 and its words."""
    try:
        return PlainTextResponse(await run_in_threadpool(work, *arguments))
    except Refused as refused:
        return PlainTextResponse(str(refused).encode("utf-8", "replace"), 400)
