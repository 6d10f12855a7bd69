"""The posts of Visdom's client, by the path they go to, and their answers, which are plain text.

Each takes the environments, whose lock is held, and the message; a refusal is raised as `Refused`.
"""

from __future__ import annotations

import hashlib
import json
import secrets
from collections.abc import Callable, Mapping
from typing import Any

from .edits import Edit
from .environment import Environment, dumped, sound
from .environments import Environments
from .updates import NOT_UPDATED, edits_of, popped
from .window import Pane, Refused, pane_of

Message = Mapping[str, Any]
By = tuple[str, int] | None  # which message of which Panel it is
Call = Callable[[Environments, Message, By], str]
MOST_WINDOWS, LONGEST_WIN = 5000, 500
NOT_THERE = "win does not exist"


def call(envs: Environments, name: str, message: Message, by: By = None) -> str:
    """Do one call. Raises Refused, LookupError if there is no such call."""
    try:
        return CALLS[name](envs, message, by)
    except (LookupError, TypeError, ValueError, AttributeError, RecursionError) as error:
        if isinstance(error, Refused) or name not in CALLS:
            raise
        raise Refused(f"{name}: not understood: {type(error).__name__}: {error}"[:500]) from error


def env_of(message: Message, key: str = "eid") -> str:
    """The environment's name, "/" being "_" as in Visdom."""
    found = message.get(key)
    if found is None and key == "eid":
        return "main"
    if not isinstance(found, str):
        raise Refused(f"`{key}` must be the name of an environment")
    return found.replace("/", "_")


def win_of(message: Message) -> str | None:
    """The window's name; None stands for all, or for a new one."""
    found = message.get("win")
    if found is None:
        return None
    text = str(found)
    if len(text) > LONGEST_WIN or not text.isprintable():
        raise Refused(f"a window's name has at most {LONGEST_WIN} printable characters")
    return text


def events(envs: Environments, message: Message, by: By) -> str:
    """A window, new or in place of that of its name; answers its name."""
    return _put(envs, envs.need(env_of(message)), message, win_of(message), by)


def _put(envs: Environments, env: Environment, message: Message, win: str | None, by: By) -> str:
    win = win or f"window_{secrets.token_hex(8)}"
    if len(env.jsons) >= MOST_WINDOWS and win not in env.jsons:
        raise Refused(f"environment {env.name!r} has {MOST_WINDOWS} windows: close some")
    if not env.knows(by):
        env.window(pane_of(message, win), by)
    return win


def update(envs: Environments, message: Message, by: By) -> str:
    """Data for a window; answers its name, or why not."""
    env, win = envs.need(env_of(message)), win_of(message)
    if env.knows(by):
        return str(win)
    if win is None or win not in env.jsons:
        made = {**message, "layout": message.get("first") or message.get("layout")}
        return _put(envs, env, made, win, by) if message.get("append") else NOT_THERE
    try:
        found = edits_of(env.jsons[win], message)
    except Refused as refused:
        if str(refused).startswith(NOT_UPDATED):
            return str(refused)  # Visdom's answer, not an error
        raise
    env.edit(win, found, by)
    return win


def close(envs: Environments, message: Message, by: By) -> str:
    """Close a window, or all of the environment."""
    env, win = envs.need(env_of(message)), win_of(message)
    if not env.knows(by):
        for each in [win] if win is not None else list(env.jsons):
            env.close(each, by)
    return ""


def win_exists(envs: Environments, message: Message, by: By) -> str:
    """Answers "true" or "false"."""
    return "false" if _found(envs, message) is None else "true"


def win_hash(envs: Environments, message: Message, by: By) -> str:
    """The MD5 of a window's content, or "false"."""
    pane = _found(envs, message)
    if pane is None:
        return "false"
    text = json.dumps(_whole(pane), sort_keys=True, separators=(",", ":"))
    return hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()


def _whole(value: Any) -> Any:
    """With whole numbers as such, as JavaScript writes them."""
    if isinstance(value, dict):
        return {key: _whole(each) for key, each in value.items()}
    if isinstance(value, list):
        return [_whole(each) for each in value]
    return int(value) if isinstance(value, float) and value.is_integer() else value


def _found(envs: Environments, message: Message) -> Pane | None:
    env = envs.find(env_of(message))
    return env.jsons.get(win_of(message) or "") if env else None


def win_data(envs: Environments, message: Message, by: By) -> str:
    """A window, or all of the environment; with "data" (JSON as text) they are set."""
    win = win_of(message)
    if "data" in message:
        return _set_data(envs.need(env_of(message)), win, json.loads(message["data"]), by)
    env = envs.find(env_of(message))
    jsons = env.jsons if env else {}
    if win is None:
        return dumped(jsons)
    if win not in jsons:
        raise Refused(f"Window {win} doesn't exist in env {env_of(message)}")
    return dumped(jsons[win])


def _set_data(env: Environment, win: str | None, data: Any, by: By) -> str:
    if env.knows(by):
        return ""
    panes = data if win is None else {win: data}
    if not isinstance(panes, dict) or not all(map(sound, panes.values())):
        raise Refused("`data` must be what get_window_data answered")
    if win is None:
        env.replace(panes, env.layout, by)
    else:
        env.window(data | {"id": win}, by)
    return ""


def env_state(envs: Environments, message: Message, by: By) -> str:
    """The names of the environments."""
    return dumped(envs.names())


def make_env(envs: Environments, message: Message, by: By) -> str:
    """Have the environment."""
    envs.need(env_of(message))
    return ""


def save(envs: Environments, message: Message, by: By) -> str:
    """Write environments to files; answers the names of those there were."""
    names = message.get("data")
    if not isinstance(names, list) or len(names) > 1000:
        raise Refused("`data` must be a list of environments")
    return dumped(envs.save([env_of({"eid": name}) for name in names]))


def fork_env(envs: Environments, message: Message, by: By) -> str:
    """Copy an environment; answers the copy's name."""
    new = env_of(message)
    envs.fork(env_of(message, "prev_eid"), new)
    return new


def delete_env(envs: Environments, message: Message, by: By) -> str:
    """Remove an environment and its files."""
    if message.get("eid") is not None:
        envs.delete(env_of(message))
    return ""


def arrange(envs: Environments, message: Message, by: By) -> str:
    """Where the page put windows: {win: {x, y, w, h} or null}."""
    layout = message["layout"]
    for place in layout.values():
        if place is not None and not all(isinstance(place[key], int) for key in "xywh"):
            raise Refused("a window's place is {x, y, w, h}")
    env = envs.need(env_of(message))
    env.arrange(
        {
            win: place and {key: place[key] for key in "xywh"}
            for win, place in layout.items()
            if win in env.jsons
        }
    )
    return ""


def pop_embeddings(envs: Environments, message: Message, by: By) -> str:
    """Embeddings go back to the points before the last choice of a region."""
    return _edit(envs, message, popped)


def select(envs: Environments, message: Message, by: By) -> str:
    """Which image of a history is shown."""
    change = {"data": [{"type": "image_update_selected", "selected": message["selected"]}]}
    return _edit(envs, message, lambda pane: edits_of(pane, change))


def _edit(envs: Environments, message: Message, change: Callable[[Pane], list[Edit]]) -> str:
    env, win = envs.need(env_of(message)), win_of(message) or ""
    if win not in env.jsons:
        return NOT_THERE
    env.edit(win, change(env.jsons[win]))
    return win


CALLS: dict[str, Call] = {
    "events": events,
    "update": update,
    "close": close,
    "win_exists": win_exists,
    "win_hash": win_hash,
    "win_data": win_data,
    "env_state": env_state,
    "env": make_env,
    "save": save,
    "fork_env": fork_env,
    "delete_env": delete_env,
    "arrange": arrange,
    "pop_embeddings": pop_embeddings,
    "select": select,
}
