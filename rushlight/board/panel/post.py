"""What all families of calls share: how a window is posted."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from typing import Any

from .arrays import plain
from .layout import Opts, layout

Message = dict[str, Any]
Send = Callable[[str, Message], None]


class Poster:
    """Makes messages and hands them to `_send`, which keeps them until they are delivered."""

    env: str
    _send: Send

    def _post(self, call: str, win: str | None, env: str | None, opts: Opts | None, **rest: Any) -> str:
        """Send a message; returns the window's name, made here if it has none."""
        win = str(win) if win is not None else f"window_{secrets.token_hex(8)}"
        message = {"win": win, "eid": env or self.env, "opts": plain(opts or {}), **rest}
        self._send(call, message)
        return win

    def _typed(self, kind: str, content: Any, win: str | None, env: str | None, opts: Opts) -> str:
        """A window that is no plot."""
        return self._post("events", win, env, opts, data=[{"type": kind, "content": content}])

    def _plot(
        self, traces: list[Any], opts: Opts, win: str | None, env: str | None, is3d: bool = False, **rest: Any
    ) -> str:
        """A plot of Plotly's traces."""
        return self._post("events", win, env, opts, data=traces, layout=plain(layout(opts, is3d)), **rest)

    def _update(self, traces: list[Any], opts: Opts, win: str | None, env: str | None, **rest: Any) -> str:
        """New data for a plot; with append=True it is made where there is none."""
        if win is None:
            raise ValueError("an update needs the window that it is for: pass win=")
        first = {"first": plain(layout(opts))} if rest.get("append") else {}  # for a window yet to be made
        return self._post("update", win, env, opts, data=traces, layout={}, **first, **rest)
