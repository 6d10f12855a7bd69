"""The machine, once a second, while somebody looks: {"type": "system", "on": true} says that a page does."""

from __future__ import annotations

import asyncio
import logging
import threading
from collections import deque
from typing import Any

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from ..system import Sampler, facts, missing, writers
from .hub import Client
from .shared import Shared

EVERY = 1.0  # seconds between two samples
KEPT = 600  # samples
NEWEST = 500  # event files whose writers are looked for
log = logging.getLogger("rushlight.board")


class Watch:
    """Samples in a thread that lives while a page looks; the samples stay for those who look later."""

    def __init__(self, shared: Shared) -> None:
        self.shared, self.sampler = shared, Sampler(shared.store.root)
        self.history: deque[dict[str, Any]] = deque(maxlen=KEPT)
        self.watching: set[Client] = set()
        self._nobody = threading.Event()
        self._thread: threading.Thread | None = None
        shared.hub.on("system", self.handle)
        shared.hub.leaving.append(self.leave)

    def handle(self, client: Client, message: dict[str, Any]) -> None:
        """A page begins to look, or no longer does."""
        if not message["on"]:
            self.leave(client)
            return
        self.watching.add(client)
        if self._thread is None or not self._thread.is_alive() or self._nobody.is_set():
            self._nobody = threading.Event()
            arguments = (asyncio.get_running_loop(), self._nobody, self._thread)
            self._thread = threading.Thread(target=self.run, args=arguments, name="rushlight-board-system",
                                            daemon=True)  # fmt: skip
            self._thread.start()

    def leave(self, client: Client) -> None:
        """The last one who leaves ends the thread."""
        self.watching.discard(client)
        if not self.watching:
            self._nobody.set()

    def run(self, loop: asyncio.AbstractEventLoop, ended: threading.Event,
            before: threading.Thread | None) -> None:  # fmt: skip
        """Sample until nobody looks; after the thread before this one, so that there is one at a time."""
        if before is not None:
            before.join()
        first, pause = True, 0.25  # the first sample only gives the second what to count from
        while not ended.is_set() and not loop.is_closed():
            try:
                sample = self.sampler.sample(writers(self._files()))
            except Exception:  # a file of /proc may hold what nobody thought of
                log.exception("the system could not be sampled")
                return
            if not first:
                loop.call_soon_threadsafe(self._publish, sample)
            ended.wait(pause)
            first, pause = False, EVERY

    def _files(self) -> list[str]:
        """The names of the event files that were written last."""
        with self.shared.store.lock:
            runs = sorted(self.shared.store.runs.values(), key=lambda run: -run.started)[:NEWEST]
            return [path.name for run in runs for path in run.files][:NEWEST]

    def _publish(self, sample: dict[str, Any]) -> None:
        self.history.append(sample)
        self.shared.hub.send({"type": "system", "sample": sample}, lambda client: client in self.watching)


def routes(shared: Shared) -> list[Route]:
    """What the page asks about the machine."""
    watch = Watch(shared)

    async def system(request: Request) -> Response:
        said = await run_in_threadpool(lambda: {"facts": facts(shared.store.root), "missing": missing()})
        return JSONResponse(said | {"history": list(watch.history), "every": EVERY})

    return [Route("/api/system", system)]
