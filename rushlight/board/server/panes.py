"""Environments and their windows: what the page asks about them, and what it is told as they change.

A page reads an environment once (`/api/panes`) and subscribes with the number it then knows, and again with
the last it has seen whenever it reconnects: {"type": "panes", "envs": {name: [life, number]}}. It is sent
{"type": "panes", env, life, from, n, ops: [...]}, the operations that follow, or {"type": "panes_stale",
env}: read it again. {"type": "envs", names}: the list of environments has changed.
"""

from __future__ import annotations

import asyncio
from typing import Any

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import BaseRoute, Route

from ..panes import calls
from ..panes.edits import put
from ..panes.environment import Environment, Operation, dumped
from ..panes.environments import Environments
from ..panes.window import Pane, Refused
from . import visdom
from .hub import Client
from .shared import Shared
from .visdom import Events, answered, body_of, message_of, parsed

FOLDER = ".panels"  # below the log folder
GATHER = 0.04  # seconds of changes that go to the pages together: what they can draw
MOST_SENT = 8 << 20  # bytes of changes; if more wait, reading the environment again is cheaper
MOST_BATCH, MOST_SHOWN = 10_000, 100
FROM_PAGE = ("close", "arrange", "select", "pop_embeddings", "save", "fork_env", "delete_env", "events")


def routes(shared: Shared) -> list[BaseRoute]:
    """What page, Panel and Visdom's client ask about windows."""
    envs, events = Environments(shared.store.root / FOLDER), Events()
    shared.closing.append(envs.close)
    Watchers(shared, envs)

    async def read(request: Request) -> Response:
        name = request.query_params.get("env", "main")
        return await _as_json(_snapshot, envs, name)

    async def names(request: Request) -> Response:
        return await _as_json(_names, envs)

    async def about(request: Request) -> Response:
        return JSONResponse({"logdir": str(shared.store.root)})

    async def act(request: Request) -> Response:
        name = request.path_params["name"]
        if name not in FROM_PAGE:
            return PlainTextResponse(f"there is no {name!r} to do", 404)
        return await answered(visdom.do, envs, name, await body_of(request))

    async def batch(request: Request) -> Response:
        return await _as_json(_batch, envs, await body_of(request))

    async def event(request: Request) -> Response:
        body = await body_of(request, 1 << 20)
        try:
            events.send(await run_in_threadpool(_event, envs, body))
        except Refused as refused:
            return PlainTextResponse(str(refused), 400)
        return PlainTextResponse("")

    async def closed(request: Request) -> Response:
        """A window closed by the user: Python hears of it, with what was in it."""
        body = await body_of(request, 1 << 20)
        try:
            event = await run_in_threadpool(_event, envs, body)
            await run_in_threadpool(
                visdom.do, envs, "close", dumped({"eid": event["eid"], "win": event["target"]}).encode()
            )
        except Refused as refused:
            return PlainTextResponse(str(refused), 400)
        events.send(event | {"event_type": "close"})
        return PlainTextResponse("")

    return [
        Route("/api/panes", read),
        Route("/api/panes/envs", names),
        Route("/api/panes/about", about),
        Route("/api/panes/batch", batch, methods=["POST"]),
        Route("/api/panes/event", event, methods=["POST"]),
        Route("/api/panes/closed", closed, methods=["POST"]),
        Route("/api/panes/do/{name}", act, methods=["POST"]),
        *visdom.routes(envs, events),
    ]


async def _as_json(work: Any, *arguments: Any) -> Response:
    """The JSON that blocking work makes; a refusal is 400 and its words."""
    response = await answered(work, *arguments)
    if response.status_code == 200:
        response.headers["content-type"] = "application/json"
    return response


def _snapshot(envs: Environments, name: str) -> str:
    with envs.lock:
        env = envs.find(name)
        if env is None:
            return dumped({"life": "", "n": 0, "do": "all", "jsons": {}, "reload": {}})
        return dumped(env.snapshot() | {"seen": None})


def _names(envs: Environments) -> str:
    with envs.lock:
        return dumped(envs.names())


def _batch(envs: Environments, body: bytes) -> str:
    """A Panel's messages in their order: {"client", "messages": [[number, call, message], ...]}.

    Answers the number up to which all are done, and why some were not.
    """
    question = message_of(body)
    client, messages = question.get("client"), question.get("messages")
    if not isinstance(client, str) or len(client) > 100 or not isinstance(messages, list):
        raise Refused("a batch is {client, messages}")
    refused: list[Any] = []
    done = -1
    with envs.lock:
        try:
            envs.make_room(len(body))
            for item in messages[:MOST_BATCH]:
                done = max(done, _one(envs, client, item, refused))
        finally:
            envs.write()
    return dumped({"done": done, "refused": refused})


def _one(envs: Environments, client: str, item: Any, refused: list[Any]) -> int:
    if not (
        isinstance(item, list) and len(item) == 3 and isinstance(item[0], int) and item[1] in calls.CALLS
    ):
        raise Refused("a message is [number, call, message]")
    number, name, message = item
    try:
        calls.call(envs, name, message, (client, number))
    except Refused as why:
        refused.append([number, str(why)])
    return number


def _event(envs: Environments, body: bytes) -> dict[str, Any]:
    """What the page says happened, with the window's content."""
    event = message_of(body)
    if not isinstance(event.get("event_type"), str) or not isinstance(event.get("target"), str):
        raise Refused("an event has an `event_type` and a `target`")
    event["eid"] = calls.env_of(event)
    with envs.lock:
        env = envs.find(event["eid"])
        pane = env.jsons.get(event["target"]) if env else None
        if pane is None:
            raise Refused(f"there is no window {event['target']!r} in {event['eid']!r}")
        assert env is not None
        _note_property(envs, env, pane, event)
        event["pane_data"] = parsed(dumped(pane).encode())  # a copy: the window may change
    return event


def _note_property(envs: Environments, env: Environment, pane: Pane, event: dict[str, Any]) -> None:
    """An edited property is so for all who look, whether or not the program posts it again."""
    k = event.get("propertyId")
    if event["event_type"] != "PropertyUpdate" or pane["type"] != "properties" or not isinstance(k, int):
        return
    if 0 <= k < len(pane["content"]) and pane["content"][k].get("type") != "button" and "value" in event:
        envs.need(env.name).edit(pane["id"], [put(["content", k, "value"], event["value"])])
        envs.write()


class Watchers:
    """The pages that show environments, and up to which number each has been told."""

    def __init__(self, shared: Shared, envs: Environments) -> None:
        self.hub, self.envs = shared.hub, envs
        self._names: list[str] = []
        self._loop: asyncio.AbstractEventLoop | None = None
        self._task: asyncio.Task[None] | None = None
        envs.changed = self._changed
        self.hub.on("panes", self._subscribe)

    async def _subscribe(self, client: Client, message: dict[str, Any]) -> None:
        wanted = message["envs"]
        if not isinstance(wanted, dict) or len(wanted) > MOST_SHOWN:
            raise ValueError(f"`envs` must be an object of at most {MOST_SHOWN} environments")
        client.topics["panes"] = {
            str(name): [str(life), int(number)] for name, (life, number) in wanted.items()
        }
        self._loop = asyncio.get_running_loop()
        self._wake()

    def _changed(self) -> None:
        """Called by the thread that changed something."""
        loop = self._loop
        if loop is not None and not loop.is_closed():
            loop.call_soon_threadsafe(self._wake)

    def _wake(self) -> None:
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._tell())
        else:
            self._again = True

    _again = False

    async def _tell(self) -> None:
        """Send each page what it lacks; what happens meanwhile goes with the next turn."""
        while True:
            self._again = False
            cursors = {
                (name, *at)
                for client in self.hub.clients
                for name, at in client.topics.get("panes", {}).items()
            }
            found, names = await run_in_threadpool(self._collect, cursors)
            for client in list(self.hub.clients):
                self._send(client, found)
            if names != self._names:
                self._names = names
                self.hub.send({"type": "envs", "names": names}, lambda client: "panes" in client.topics)
            await asyncio.sleep(GATHER)
            if not self._again:
                return

    def _collect(self, cursors: set[Any]) -> tuple[dict[Any, tuple[list[Any], str]], list[str]]:
        """For each (name, life, number): where it then is, and the message that gets it there."""
        found = {}
        with self.envs.lock:
            for name, life, number in cursors:
                env = self.envs.find(name)
                ops = env.after(life, number) if env else [] if not life else None
                if ops:
                    assert env is not None
                    found[name, life, number] = [life, env.number], _message(name, life, number, ops)
                elif ops is None:
                    found[name, life, number] = None, dumped({"type": "panes_stale", "env": name})
            return found, self.envs.names()

    def _send(self, client: Client, found: dict[Any, Any]) -> None:
        shown = client.topics.get("panes", {})
        for name, at in list(shown.items()):
            if (name, *at) in found:
                where, text = found[name, *at]
                client.send(text)
                if where is None:
                    del shown[name]  # until it has read it again
                else:
                    shown[name] = where


def _message(name: str, life: str, after: int, ops: list[Operation]) -> str:
    kept = latest(ops)
    if sum(len(op.text) for op in kept) > MOST_SENT and len(kept) > 1:
        return dumped({"type": "panes_stale", "env": name})
    head = dumped({"type": "panes", "env": name, "life": life, "from": after, "n": ops[-1].number})
    return f'{head[:-1]},"ops":[{",".join(op.text for op in kept)}]}}'


def latest(ops: list[Operation]) -> list[Operation]:
    """Without the operations on windows that a later one makes anew or closes."""
    kept, gone = [], set[str]()
    for op in reversed(ops):
        if op.win is None or op.win not in gone:
            kept.append(op)
        if op.do == "all":
            break
        if op.do in ("window", "close") and op.win is not None:
            gone.add(op.win)
    return kept[::-1]
