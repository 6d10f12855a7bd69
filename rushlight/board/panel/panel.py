"""`Panel`: Visdom's calls, for Rushlight's board (and any Visdom server)."""

from __future__ import annotations

import atexit
import http.client
import json
import os
import threading
from pathlib import Path
from types import TracebackType
from typing import Any

from .charts import Charts
from .connection import Connection
from .diagrams import Diagrams
from .listener import Handler, Listener
from .media import Media
from .post import Message
from .surfaces import Surfaces

USUAL = "http://127.0.0.1:6006/"
ADDRESS = "RUSHLIGHT_BOARD"  # environment variable: where the board is
_starting = threading.Lock()
_boards: dict[Path, Any] = {}


class Panel(Charts, Surfaces, Media, Diagrams):
    """Windows of the environment `env` of a board, by the calls of visdom.Visdom.

    url: the board's address; by default $RUSHLIGHT_BOARD, else a board at http://127.0.0.1:6006/ that shows
    `logdir`, else one is started over it in this process and its address printed. token: if the board asks
    for one. Calls take tensors, arrays and lists, return a window's name at once, and raise for what can't be
    drawn; what the board can't take now waits, bounded, and a program never waits or fails because of it.
    Needs `rushlight[board]` for handlers and for a board of its own.
    """

    def __init__(
        self,
        env: str = "main",
        url: str | None = None,
        logdir: str | os.PathLike[str] = "runs",
        token: str | None = None,
        log_to_filename: str | None = None,
        timeout: float = 10.0,
    ) -> None:
        self.env, self.log_to_filename = env, log_to_filename
        url = url or os.environ.get(ADDRESS) or _found(USUAL, Path(logdir)) or _started(Path(logdir))
        self.connection = Connection(url, token, timeout)
        self.listener = Listener(self.connection)
        self._send("env", {"eid": env})

    @property
    def url(self) -> str:
        """The address of the board."""
        return self.connection.address

    def _send(self, call: str, message: Message) -> None:
        if self.log_to_filename is not None and call in ("events", "update"):
            with open(self.log_to_filename, "a", encoding="utf-8") as file:
                file.write(json.dumps([call, message]) + "\n")
        self.connection.put(call, message)

    # -- windows ---------------------------------------------------------------------------------------

    def close(self, win: str | None = None, env: str | None = None) -> None:
        """Close a window; None: all of the environment."""
        self._send("close", {"win": win, "eid": env or self.env})

    def win_exists(self, win: str, env: str | None = None) -> bool | None:
        """Whether there is a window of that name; None if the board does not answer."""
        try:
            return self.connection.ask("win_exists", {"win": win, "eid": env or self.env}) == "true"
        except ConnectionError:
            return None

    def win_hash(self, win: str, env: str | None = None) -> str | None:
        """The MD5 of a window's content; None if there is no such window."""
        found = self.connection.ask("win_hash", {"win": win, "eid": env or self.env})
        return None if found == "false" else found

    def get_window_data(self, win: str | None = None, env: str | None = None) -> str:
        """A window as JSON; None: all of the environment. Raises ConnectionError, ValueError."""
        return self.connection.ask("win_data", {"win": win, "eid": env or self.env})

    def set_window_data(self, data: str, win: str | None = None, env: str | None = None) -> None:
        """Make a window what `get_window_data` said; None: all of the environment."""
        self._send("win_data", {"win": win, "eid": env or self.env, "data": data})

    # -- environments ----------------------------------------------------------------------------------

    def save(self, envs: list[str]) -> list[str]:
        """Write environments to files, as Visdom does; returns those there were."""
        return json.loads(self.connection.ask("save", {"data": envs}))

    def fork_env(self, prev_eid: str, eid: str) -> str:
        """Copy an environment. Raises ValueError if there is none of that name."""
        return self.connection.ask("fork_env", {"prev_eid": prev_eid, "eid": eid})

    def delete_env(self, env: str) -> None:
        """Remove an environment, its windows and files."""
        self.connection.ask("delete_env", {"eid": env})

    def get_env_list(self) -> list[str]:
        """The names of all environments."""
        return json.loads(self.connection.ask("env_state", {}))

    def replay_log(self, log_filename: str | os.PathLike[str]) -> None:
        """Send again what `log_to_filename` kept (ours or Visdom's)."""
        with open(log_filename, encoding="utf-8") as file:
            for line in file:
                call, message = json.loads(line, parse_constant=lambda _: None)
                self.connection.put(call, message)

    # -- events ----------------------------------------------------------------------------------------

    def register_event_handler(self, handler: Handler, target: str) -> None:
        """Call handler(event) for what the user does in a window, in a thread of its own.

        event: {"event_type", "target", "eid", "pane_data", ...}; types are Click (of an image: image_coord;
        of a plot: points), KeyPress (key, key_code), PropertyUpdate (propertyId, value), close,
        EntitySelected and RegionSelected (of embeddings).
        """
        if not callable(handler):
            raise TypeError(f"an event handler is a function, not {handler!r}")
        self.listener.handlers.setdefault(target, []).append(handler)
        self.listener.start()

    def clear_event_handlers(self, target: str) -> None:
        """Forget the handlers of a window."""
        self.listener.handlers.pop(target, None)

    def check_connection(self, timeout_seconds: float = 0) -> bool:
        """Whether the board answers, and events come if there are handlers; waits for it so long."""
        if self.win_exists("") is None and not self.connection.flush(timeout_seconds):
            return False
        return self.win_exists("") is not None and (
            self.listener._thread is None or self.listener.alive.wait(timeout_seconds)
        )

    # -- its end ---------------------------------------------------------------------------------------

    def flush(self, timeout: float | None = None) -> bool:
        """Wait until the board has all windows, or for some seconds; whether it has."""
        return self.connection.flush(timeout)

    def end(self) -> None:
        """Deliver what waits, if the board answers, and listen no longer."""
        self.listener.close()
        self.connection.close()

    def __enter__(self) -> Panel:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.end()


def _found(url: str, logdir: Path) -> str | None:
    """The address, if a board answers there that shows the folder."""
    host, port = url.split("/")[2].split(":")
    connection = http.client.HTTPConnection(host, int(port), timeout=1.0)
    try:
        connection.request("GET", "/api/panes/about")
        found = json.loads(connection.getresponse().read())
        return url if found["logdir"] == str(logdir.resolve()) else None
    except (OSError, http.client.HTTPException, ValueError, LookupError, TypeError):
        return None
    finally:
        connection.close()


def _started(logdir: Path) -> str:
    """The address of this process's board over a folder. Raises ImportError without `rushlight[board]`."""
    with _starting:
        root = logdir.resolve()
        if root not in _boards:
            try:
                from ..server.board import Board
            except ImportError as error:
                raise ImportError(
                    f"no board at {USUAL} shows {root}; to start one: pip install 'rushlight[board]'"
                ) from error
            root.mkdir(parents=True, exist_ok=True)
            board = _boards[root] = Board(root).start()
            atexit.register(board.close)
            print(f"Rushlight's board shows {root} at {board.url}", flush=True)
        return _boards[root].url
