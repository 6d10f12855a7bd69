"""Hears what the user does in the page, and calls the handlers; a lost connection is made again."""

from __future__ import annotations

import json
import logging
import threading
import warnings
from collections.abc import Callable
from typing import Any

from .connection import Connection

Handler = Callable[[dict[str, Any]], None]
PAUSE = 0.5  # seconds between attempts to connect
log = logging.getLogger("rushlight.board")


class Listener:
    """A thread with a socket to the board; events that happened while it was away are sent on."""

    def __init__(self, connection: Connection) -> None:
        self.connection = connection
        self.handlers: dict[str, list[Handler]] = {}
        self.alive = threading.Event()
        self._seen: tuple[str, int] | None = None  # life and number of the last event
        self._stopping = threading.Event()
        self._thread: threading.Thread | None = None
        self._socket: Any = None

    def start(self) -> None:
        """Listen, if it does not yet. Raises ImportError without `websockets`."""
        if self._thread is None:
            import websockets.sync.client  # noqa: F401

            self._stopping.clear()
            self._thread = threading.Thread(target=self._run, name="rushlight-panel-events", daemon=True)
            self._thread.start()

    def _run(self) -> None:
        from websockets.exceptions import WebSocketException
        from websockets.sync.client import connect

        while not self._stopping.is_set():
            address = self.connection.address.replace("http", "ws", 1) + "vis_socket"
            if self._seen is not None:
                address += "?life={}&after={}".format(*self._seen)
            try:
                with connect(
                    address, additional_headers=self.connection.headers, proxy=None, max_size=1 << 28
                ) as socket:
                    self._socket = socket
                    for text in socket:
                        self._receive(json.loads(text))
            except (OSError, WebSocketException, ValueError, TimeoutError):
                pass  # there is no board (any more): try again
            self._socket = None
            self.alive.clear()
            self._stopping.wait(PAUSE)

    def _receive(self, event: dict[str, Any]) -> None:
        if event.get("command") == "alive":
            self.alive.set()
        if "number" in event:
            self._seen = (event["life"], event["number"])
        for handler in list(self.handlers.get(event.get("target", ""), ())):
            try:
                handler(event)
            except Exception as error:  # the user's code; one that fails must not end the others
                log.exception("a handler of %s failed", event.get("target"))
                self._warn(f"a handler failed: {type(error).__name__}: {error}")

    def _warn(self, text: str) -> None:
        try:
            warnings.warn(f"rushlight.board.Panel: {text}", stacklevel=2)
        except Warning:
            pass

    def close(self) -> None:
        """Listen no longer."""
        self._stopping.set()
        if self._socket is not None:
            self._socket.close()
        if self._thread is not None and self._thread is not threading.current_thread():
            self._thread.join(timeout=5)
        self._thread = None
