"""The board: the store of logs, the thread that reads on, the pages that watch, and the web server."""

from __future__ import annotations

import asyncio
import logging
import secrets
import socket
import threading
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import uvicorn
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import FileResponse, Response
from starlette.routing import BaseRoute, Mount, Route, WebSocketRoute
from starlette.staticfiles import StaticFiles

from ..logs.news import Changes
from ..logs.store import MEMORY, Store
from . import (
    curves,
    downloads,
    embeddings,
    entries,
    graphs,
    histograms,
    hparams,
    layouts,
    managing,
    media,
    meshes,
    panes,
    profile,
    scalars,
    system,
    texts,
)
from .hub import Hub
from .safety import LOOPBACK, Guard
from .shared import Shared

PAGE = Path(__file__).parent.parent / "page"
POLL = 0.08  # seconds between two looks at files that may have grown
VIEWS = (
    curves,
    downloads,
    embeddings,
    entries,
    graphs,
    histograms,
    hparams,
    layouts,
    managing,
    media,
    meshes,
    panes,
    profile,
    scalars,
    system,
    texts,
)  # modules that have `routes(shared)`
log = logging.getLogger("rushlight.board")


@dataclass
class Board:
    """Shows the runs below `root`. `start` runs it in this process, `serve` until Ctrl-C.

    host, port: where it listens; if the port is taken, at the next free one; 0: at any. memory: bytes that
    scalars may take. token: what a visitor must know; made where none is given and others than this machine
    can reach the address.
    """

    root: Path
    host: str = "127.0.0.1"
    port: int = 6006
    memory: int = MEMORY
    token: str | None = None
    shared: Shared = field(init=False)

    def __post_init__(self) -> None:
        store = Store(self.root, self.memory)
        self.shared = Shared(store, Hub(store.count_of))
        if self.host not in LOOPBACK and self.token is None:
            self.token = secrets.token_urlsafe(16)
        self._stopping = threading.Event()
        self._server: uvicorn.Server | None = None
        self._thread: threading.Thread | None = None

    def app(self) -> Starlette:
        """The ASGI application."""
        routes: list[BaseRoute] = [Route("/", _index), WebSocketRoute("/live", self.shared.hub.serve)]
        routes += [route for view in VIEWS for route in view.routes(self.shared)]
        routes.append(Mount("/page", StaticFiles(directory=PAGE)))
        names = (
            LOOPBACK if self.host in LOOPBACK else (self.host, *LOOPBACK) if _is_name(self.host) else ("*",)
        )
        guard = Middleware(Guard, names=names, token=self.token)
        return Starlette(routes=routes, middleware=[guard], lifespan=self._life)

    @asynccontextmanager
    async def _life(self, app: Starlette) -> AsyncIterator[None]:
        loop = asyncio.get_running_loop()
        self._stopping.clear()
        reader = threading.Thread(target=self._read, args=(loop,), name="rushlight-board-reader", daemon=True)
        reader.start()
        yield
        self._stopping.set()
        reader.join(timeout=5)
        for close in self.shared.closing:
            close()

    def _read(self, loop: asyncio.AbstractEventLoop) -> None:
        """Read on for as long as the server lives: at once while there is more, else after a short sleep."""
        while not self._stopping.is_set():
            begun = time.monotonic()
            try:
                self.shared.store.watched = self.shared.hub.watched_runs
                changes = self.shared.store.poll()
            except Exception:  # a board that ends because of a log would be no help
                log.exception("reading the logs failed; it goes on")
                changes = Changes()
            if changes and not loop.is_closed():
                loop.call_soon_threadsafe(self.shared.hub.publish, changes)
            took = time.monotonic() - begun
            if not changes.more:
                self._stopping.wait(max(POLL, 2 * took))
            elif not changes:
                self._stopping.wait(took)  # much that is no record: leave room for others

    @property
    def url(self) -> str:
        """The address to open, with the token if one is asked for."""
        host = socket.gethostname() if self.host in ("0.0.0.0", "::") else self.host
        host = f"[{host}]" if ":" in host else host
        return f"http://{host}:{self.port}/" + (f"?token={self.token}" if self.token else "")

    def serve(self, bound: socket.socket | None = None) -> None:
        """Run until it is stopped."""
        config = uvicorn.Config(
            self.app(), log_level="warning", ws_max_size=1 << 24, timeout_graceful_shutdown=2, lifespan="on"
        )
        self._server = uvicorn.Server(config)
        self._server.run(sockets=[bound or self.bind()])

    def bind(self) -> socket.socket:
        """Take the port, or if it is taken a free one near it; with port 0, any. Raises OSError."""
        family = socket.AF_INET6 if ":" in self.host else socket.AF_INET
        for port in [self.port, *range(self.port + 1, self.port + 20)] if self.port else [0]:
            # Named as TCP, it gets TCP_NODELAY from asyncio; without, each answer waits 40 ms for an ACK.
            found = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
            found.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                found.bind((self.host, port))
                found.listen(128)  # who asks from now on waits, and isn't refused
            except OSError as error:
                found.close()
                if port == self.port + 19 or error.errno not in _TAKEN:
                    raise
                continue
            self.port = found.getsockname()[1]
            return found
        raise OSError(f"no free port from {self.port} on")

    def start(self) -> Board:
        """Run in a thread of this process; returns when it answers. `close` ends it."""
        bound = self.bind()
        self._thread = threading.Thread(target=self.serve, args=(bound,), name="rushlight-board", daemon=True)
        self._thread.start()
        while self._server is None or not self._server.started:
            if not self._thread.is_alive():
                raise RuntimeError("the board did not start: see the log above")
            time.sleep(0.01)
        return self

    def close(self) -> None:
        """Stop, if it runs in a thread."""
        self._stopping.set()
        if self._server is not None:
            self._server.should_exit = True
        if self._thread is not None:
            self._thread.join(timeout=10)


_TAKEN = (98, 48, 10048)  # EADDRINUSE of Linux, macOS, Windows


def _is_name(host: str) -> bool:
    return host not in ("0.0.0.0", "::")


async def _index(request: Request) -> Response:
    return FileResponse(PAGE / "index.html", headers={"cache-control": "no-cache"})
