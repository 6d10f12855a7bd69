"""Storages renamed: nodes that touched one touch memory in another instead."""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from ..graph import Elements, Host, Kernels, Node, Place, Storage, Table


class Home(NamedTuple):
    """Where a storage's memory lies now: so many bytes after the start of another."""

    storage: Storage
    shift: int = 0


def renamed(node: Node, homes: Mapping[Storage, Home]) -> Node:
    """The node on the storages' new homes; the node itself where it touches none that moves."""
    if not any(s in homes for s in (*node.reads, *node.writes)):
        return node

    def moved(p: Place) -> Place:
        home = homes.get(p.storage)
        return p if home is None else p._replace(storage=home.storage, offset=p.offset + home.shift)

    made = copy.copy(node)
    made.args, made.outputs, made.body = (_mapped(x, moved) for x in (node.args, node.outputs, node.body))
    made.inputs = _mapped(node.inputs, moved)
    made.reads = {homes[s].storage if s in homes else s for s in node.reads}
    made.writes = {homes[s].storage if s in homes else s for s in node.writes}
    return made


def _mapped(x: Any, moved: Callable[[Place], Place]) -> Any:
    """The same structure with other places."""
    kind = x.__class__
    if kind is Place:
        return moved(x)
    if kind is tuple or kind is list:
        return kind([_mapped(v, moved) for v in x])
    if kind is dict:
        return {_mapped(k, moved): _mapped(v, moved) for k, v in x.items()}
    if kind is Elements:
        inputs, writes, reduces = (_mapped(dict(d), moved) for d in (x.inputs, x.writes, x.reduces))
        return x._replace(inputs=inputs, writes=writes, reduces=reduces)
    if kind is Kernels:
        return Kernels([launch._replace(slots=_mapped(launch.slots, moved)) for launch in x.launches])
    if kind is Host:
        return x._replace(takes=_mapped(x.takes, moved), gives=_mapped(x.gives, moved))
    return Table(_mapped(x.words, moved)) if kind is Table else x
