"""Nodes made over: storages renamed, so that nodes touch memory in others, and programs exchanged."""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping
from typing import Any

from ..graph import Elements, Home, Host, Kernels, Node, Place, Storage, Table


def renamed(node: Node, homes: Mapping[Storage, Home]) -> Node:
    """The node on the storages' new homes; the node itself where it touches none that moves."""
    if not any(s in homes for s in (*node.reads, *node.writes)):
        return node

    def moved(p: Place) -> Place:
        home = homes.get(p.storage)
        return p if home is None else home.place(p)

    made = copy.copy(node)
    made.args, made.outputs, made.body = (_mapped(x, moved) for x in (node.args, node.outputs, node.body))
    made.inputs = _mapped(node.inputs, moved)
    made.reads = {homes[s].storage if s in homes else s for s in node.reads}
    if node.members:
        made.homes = {s: _further(home, homes) for s, home in node.homes.items()}
        made.homes |= {s: homes[s] for s in node.reads | node.writes if s in homes}
    made.writes = {homes[s].storage if s in homes else s for s in node.writes}
    return made


def _further(home: Home, homes: Mapping[Storage, Home]) -> Home:
    """Where what had moved before is now."""
    then = homes.get(home.storage)
    return home if then is None else Home(then.storage, then.shift + home.shift)


def with_body(node: Node, body: Elements) -> Node:
    """The node with another program, which writes what the old one did."""
    made = copy.copy(node)
    made.body = body
    made.reads = {p.storage for p in body.inputs.values() if p.__class__ is Place}
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
        return x._replace(inputs=inputs, writes=writes, reduces=reduces, alone=_mapped(x.alone, moved))
    if kind is Kernels:
        return Kernels([launch._replace(slots=_mapped(launch.slots, moved)) for launch in x.launches])
    if kind is Host:
        return x._replace(takes=_mapped(x.takes, moved), gives=_mapped(x.gives, moved))
    return Table(_mapped(x.words, moved)) if kind is Table else x
