"""t-SNE in worker threads: pages start, pause and end jobs over the WebSocket, and are sent positions.

From the page: {"type": "tsne", "action": "start", "run", "index", "dims", "perplexity", "rate",
"iterations"}; then "ready" whenever it has drawn what came, "pause", "resume", "cancel". To the page:
{"type": "tsne", "job", "state": "preparing" | "running" | "paused" | "done" | "cancelled" | "failed",
"iteration", "divergence", "positions": base64 of float32 [n, dims]}; nothing new is sent until the page is
ready for it.
"""

from __future__ import annotations

import asyncio
import itertools
import logging
import threading
import time
from base64 import b64encode
from collections.abc import Callable
from typing import Any

import numpy as np
from starlette.exceptions import HTTPException

from ..projections import Tsne
from .asking import number
from .hub import Client, Hub

RUNNING = 2  # jobs at once, of all pages
EVERY = 0.1  # seconds between two positions
MOST_ITERATIONS = 20_000
log = logging.getLogger("rushlight.board")
_ids = itertools.count(1)


class Job:
    """One t-SNE of one page; `run` is its thread."""

    def __init__(self, client: Client, load: Callable[[], np.ndarray], settings: dict[str, Any]) -> None:
        self.client, self.load, self.settings = client, load, settings
        self.iterations = settings.pop("iterations")
        self.id = next(_ids)
        self.cancelled, self.going, self.ready = threading.Event(), threading.Event(), threading.Event()
        self.going.set()
        self.ready.set()
        self._loop = asyncio.get_running_loop()
        self.thread = threading.Thread(target=self.run, name=f"rushlight-board-tsne-{self.id}", daemon=True)

    def run(self) -> None:
        """Iterate until the end or until it is cancelled; say how it ended."""
        try:
            self._iterate()
        except HTTPException as error:
            self._send("failed", message=error.detail)
        except (ValueError, MemoryError) as error:
            self._send("failed", message=str(error) or "there is not enough memory")
        except Exception as error:  # a board that ends because of a log would be no help
            log.exception("t-SNE failed")
            self._send("failed", message=f"{type(error).__name__}: {error}"[:300])

    def _iterate(self) -> None:
        self._send("preparing")
        tsne = Tsne(self.load(), **self.settings)
        sent = 0.0
        while tsne.iteration < self.iterations and not self.cancelled.is_set():
            tsne.step()
            if self.ready.is_set() and time.monotonic() - sent > EVERY:
                self.ready.clear()
                self._send("running", tsne)
                sent = time.monotonic()
            if not self.going.is_set():
                self._send("paused", tsne)
                self.going.wait()
        self._send("cancelled" if self.cancelled.is_set() else "done", tsne)

    def cancel(self) -> None:
        """End it after the iteration it is in."""
        self.cancelled.set()
        self.going.set()

    def _send(self, state: str, tsne: Tsne | None = None, **more: Any) -> None:
        message = {"type": "tsne", "job": self.id, "state": state, **more}
        if tsne is not None:
            positions = tsne.positions()
            if not np.isfinite(positions).all():
                self.cancel()
                message |= {"state": "failed", "message": "it diverged: choose a smaller learning rate"}
            else:
                message |= {
                    "iteration": tsne.iteration,
                    "divergence": round(tsne.divergence(), 5),
                    "dims": tsne.dims,
                    "positions": b64encode(positions.astype("<f4").tobytes()).decode(),
                }
        if not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self.client.send, message)


class Jobs:
    """The jobs of all pages, at most one each. `load` gives the points that a question names."""

    def __init__(self, hub: Hub, load: Callable[[dict[str, Any]], np.ndarray]) -> None:
        self._load = load
        self._jobs: dict[Client, Job] = {}
        hub.on("tsne", self.handle)
        hub.leaving.append(self.leave)

    def handle(self, client: Client, message: dict[str, Any]) -> None:
        """What a page says. Raises ValueError for what is not understood."""
        action, job = message["action"], self._jobs.get(client)
        if action == "start":
            self._start(client, message)
        elif action not in ("ready", "pause", "resume", "cancel"):
            raise ValueError(f"t-SNE knows no {action!r}")
        elif job is not None:
            {"ready": job.ready.set, "pause": job.going.clear, "resume": job.going.set, "cancel": job.cancel}[
                action
            ]()

    def _start(self, client: Client, message: dict[str, Any]) -> None:
        self.leave(client)
        busy = sum(job.thread.is_alive() and not job.cancelled.is_set() for job in self._jobs.values())
        if busy >= RUNNING:
            why = f"{RUNNING} others are running already; try again when one has ended"
            client.send({"type": "tsne", "job": 0, "state": "failed", "message": why})
            return
        question = {"run": str(message["run"]), "index": message.get("index", 0)}
        job = Job(client, lambda: self._load(question), _settings(message))
        self._jobs[client] = job
        job.thread.start()

    def leave(self, client: Client) -> None:
        """A page has gone, or starts another: its job ends."""
        job = self._jobs.pop(client, None)
        if job is not None:
            job.cancel()


def _settings(message: dict[str, Any]) -> dict[str, Any]:
    """What the page may choose. Raises ValueError."""
    try:
        dims = number(message, "dims", 2, 2, 3)
        rate = number(message, "rate", 0, 0, 100_000)
        perplexity = number(message, "perplexity", 30, 2, 500)
        iterations = number(message, "iterations", 1000, 1, MOST_ITERATIONS)
    except HTTPException as error:
        raise ValueError(error.detail) from None
    return {"dims": dims, "rate": rate or None, "perplexity": perplexity, "iterations": iterations}
