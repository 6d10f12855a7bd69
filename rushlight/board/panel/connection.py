"""How messages reach a board: a queue and a thread that posts what has gathered, in order, until it is taken.

`put` never waits and never fails because of the board. Every message has a number; the board remembers the
last one it took from each Panel, in its log, so that what is
sent again after a lost answer is not done twice.
"""

from __future__ import annotations

import atexit
import http.client
import json
import os
import secrets
import threading
import time
import warnings
import weakref
from collections import deque
from typing import Any, NamedTuple
from urllib.parse import parse_qs, urlsplit

MOST_WAITING, MOST_BYTES = 100_000, 256 << 20  # messages that wait for a board, and their size
BATCH, BATCH_BYTES = 2000, 8 << 20  # of one post
GATHER = 0.01  # seconds between posts
PATIENCE = (0.1, 2.0)  # seconds between attempts, at first and at last
AT_EXIT = 3.0  # seconds that the end of a program waits for a board that answers
_open: weakref.WeakSet[Connection] = weakref.WeakSet()


class Waiting(NamedTuple):
    """A message on its way."""

    number: int
    text: str
    key: tuple[str, str] | None  # (environment, window), if it makes the window anew


class Connection:
    """Delivers to the board at `url`."""

    def __init__(self, url: str, token: str | None = None, timeout: float = 10.0) -> None:
        parts = urlsplit(url if "//" in url else f"http://{url}")
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ValueError(f"{url!r} is no address of a board; it prints one like http://127.0.0.1:6006/")
        self.scheme, self.host = parts.scheme, parts.hostname
        self.port = parts.port or (443 if parts.scheme == "https" else 80)
        self.base, self.timeout = parts.path.rstrip("/"), timeout
        self.token = token or parse_qs(parts.query).get("token", [None])[0]
        self._begin()
        _open.add(self)

    def _begin(self) -> None:
        """An empty queue and a name of its own: at first, and in a forked child."""
        self.client = secrets.token_hex(8)
        self._number = 0
        self._queue: deque[Waiting] = deque()
        self._bytes = 0
        self._lock, self._wake, self._idle = threading.Lock(), threading.Event(), threading.Event()
        self._idle.set()
        self._thread: threading.Thread | None = None
        self._http: http.client.HTTPConnection | None = None
        self._closed = self._lost = False
        self._warned: set[str] = set()

    @property
    def headers(self) -> dict[str, str]:
        """What every request carries."""
        return {"authorization": f"Bearer {self.token}"} if self.token else {}

    # -- messages --------------------------------------------------------------------------------------

    def put(self, call: str, message: dict[str, Any]) -> None:
        """Have a message delivered. Raises TypeError or ValueError if it is no JSON."""
        key = (str(message.get("eid")), str(message.get("win"))) if call == "events" else None
        text = json.dumps(message, separators=(",", ":"), allow_nan=False)
        with self._lock:
            self._number += 1
            self._queue.append(Waiting(self._number, f'[{self._number},"{call}",{text}]', key))
            self._bytes += len(text)
            if len(self._queue) > MOST_WAITING or self._bytes > MOST_BYTES:
                self._drop()
            self._idle.clear()
            if self._thread is None:
                self._closed = False
                self._thread = threading.Thread(target=self._run, name="rushlight-panel", daemon=True)
                self._thread.start()
        self._wake.set()

    def _drop(self) -> None:
        """Make room: first what a later message makes anew, else the oldest tenth."""
        last = {each.key: each.number for each in self._queue if each.key is not None}
        kept = deque(each for each in self._queue if each.key is None or last[each.key] == each.number)
        if len(kept) > 0.9 * MOST_WAITING or sum(len(each.text) for each in kept) > 0.9 * MOST_BYTES:
            for _ in range(len(kept) // 10 + 1):
                kept.popleft()
            self._warn("the board does not answer, and so much waits for it that the oldest windows are lost")
        self._queue, self._bytes = kept, sum(len(each.text) for each in kept)

    def _run(self) -> None:
        pause = PATIENCE[0]
        while not self._closed:
            with self._lock:
                empty = not self._queue
                if empty:
                    self._idle.set()
            if empty:
                self._wake.wait()
            self._wake.clear()
            try:
                self._deliver()
                pause = PATIENCE[0]
            except (OSError, http.client.HTTPException, ValueError) as error:
                self._disconnect()
                self._warn_lost(error)
                self._wake.wait(pause)
                pause = min(2 * pause, PATIENCE[1])
            time.sleep(GATHER)

    def _deliver(self) -> None:
        """Post what waits, a batch at a time."""
        while batch := self._batch():
            body = f'{{"client":"{self.client}","messages":[{",".join(each.text for each in batch)}]}}'
            status, answer = self._request("POST", "/api/panes/batch", body.encode())
            if status == 200:
                found = json.loads(answer)
                done = int(found["done"])
                for _, why in found["refused"]:
                    self._warn(f"the board refused a window: {why}")
            elif status >= 500 or status in (403, 408, 429):
                raise http.client.HTTPException(answer[:300])
            else:
                done = batch[-1].number
                self._warn(f"the board refused windows: {answer[:300]}")
            self._lost = False
            with self._lock:
                while self._queue and self._queue[0].number <= done:
                    self._bytes -= len(self._queue.popleft().text)

    def _batch(self) -> list[Waiting]:
        found, size = [], 0
        with self._lock:
            for each in self._queue:
                size += len(each.text)
                if found and (len(found) >= BATCH or size > BATCH_BYTES):
                    break
                found.append(each)
        return found

    def _request(self, method: str, path: str, body: bytes | None = None) -> tuple[int, str]:
        """One exchange, over a connection that is kept."""
        if self._http is None:
            self._http = self._connected()
        self._http.request(method, self.base + path, body, self.headers)
        answer = self._http.getresponse()
        return answer.status, answer.read().decode("utf-8", "replace")

    def _connected(self) -> http.client.HTTPConnection:
        made = http.client.HTTPSConnection if self.scheme == "https" else http.client.HTTPConnection
        return made(self.host, self.port, timeout=self.timeout)

    def _disconnect(self) -> None:
        if self._http is not None:
            self._http.close()
            self._http = None

    def _warn_lost(self, error: Exception) -> None:
        if not self._lost:
            self._lost = True
            self._warn(f"the board at {self.address} does not answer ({error}); windows wait until it does")

    def _warn(self, text: str) -> None:
        """Once for each reason; a program goes on."""
        if text not in self._warned and len(self._warned) < 20:
            self._warned.add(text)
            try:
                warnings.warn(f"rushlight.board.Panel: {text}", stacklevel=2)
            except Warning:  # where warnings are errors: one here would end the thread
                pass

    # -- questions -------------------------------------------------------------------------------------

    @property
    def address(self) -> str:
        """Where the board is."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{self.scheme}://{host}:{self.port}{self.base}/"

    def ask(self, call: str, message: dict[str, Any]) -> str:
        """The answer to a call, after all that was put before. Raises ConnectionError, ValueError."""
        self.flush(self.timeout)
        connection = self._connected()
        try:
            connection.request("POST", f"{self.base}/{call}", json.dumps(message).encode(), self.headers)
            response = connection.getresponse()
            text = response.read().decode("utf-8", "replace")
        except (OSError, http.client.HTTPException) as error:
            raise ConnectionError(f"the board at {self.address} does not answer: {error}") from error
        finally:
            connection.close()
        if response.status != 200:
            raise ValueError(f"{call}: {text.strip()[:500]}")
        return text

    def flush(self, timeout: float | None = None) -> bool:
        """Wait until all is delivered, or for some seconds; whether it is."""
        return self._idle.wait(timeout) if self._thread is not None else True

    def close(self, timeout: float = AT_EXIT) -> None:
        """Deliver what waits, if the board answers, and end the thread."""
        if self._thread is not None:
            self.flush(0.3 if self._lost else timeout)
            self._closed = True
            self._wake.set()
            self._thread.join(timeout=1.0)
            self._thread = None
        self._disconnect()


def _close_all() -> None:
    for connection in list(_open):
        connection.close()


def _after_fork() -> None:
    for connection in list(_open):
        connection._begin()


atexit.register(_close_all)
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)
