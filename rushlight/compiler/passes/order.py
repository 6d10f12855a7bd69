"""What must come before what: nodes that touch one storage, of which one writes it, keep their order."""

from __future__ import annotations

from collections.abc import Sequence

from ..graph import Host, Node, Storage


def dependencies(nodes: Sequence[Node]) -> list[set[int]]:
    """For each node the positions of those that must run before it, without those that follow from others.

    Python code keeps its order too: random numbers come out of one stream.
    """
    writer: dict[Storage, int] = {}
    readers: dict[Storage, list[int]] = {}
    host: set[int] = set()  # the last one
    found: list[set[int]] = []
    for k, node in enumerate(nodes):
        before = {writer[s] for s in node.reads | node.writes if s in writer}
        for s in node.writes:
            before |= set(readers.pop(s, ()))
            writer[s] = k
        for s in node.reads:
            readers.setdefault(s, []).append(k)
        if isinstance(node.body, Host):
            before |= host
            host = {k}
        found.append(before - {k})
    return found
