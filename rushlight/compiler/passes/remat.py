"""Rematerialisation: a program runs again where its results are read late, if what it reads is less to keep.

Of gelu(x) forward keeps two arrays for backward, gelu(x) and its derivative: both come from x again. That is
done only where it lowers the most memory in use at a time by a part that is worth the time.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator
from itertools import accumulate

from ...kernels.fused import Step
from ..graph import Elements, Graph, Home, Node, Place, Storage
from .program import pruned
from .renaming import renamed

#: what a program must save: a part of all memory in use, and so many bytes
LEAST, ENOUGH = 0.02, 1 << 20
#: how many are looked at, the largest first
MOST = 8


def with_programs_run_again(graph: Graph) -> Graph:
    """The graph with programs run again in backward rather than their results kept."""
    while (better := _better(graph)) is not None:
        graph = better
    return graph


def _better(graph: Graph) -> Graph | None:
    """The graph with one program run again; None where none saves enough."""
    uses = _uses(graph)
    most, at = _peak(uses)
    for k, kept in sorted(_candidates(graph, uses, at), key=lambda c: -_bytes(c[1]))[:MOST]:
        found = _again(graph, k, kept, uses, at)
        if _peak(_uses(found))[0] <= most - max(LEAST * most, ENOUGH):
            return found
    return None


def _bytes(storages: set[Storage]) -> int:
    return sum(s.nbytes for s in storages)


def _uses(graph: Graph) -> dict[Storage, list[int]]:
    """The positions of the nodes that touch each storage of the plan's own."""
    uses: dict[Storage, list[int]] = {}
    for k, node in enumerate(graph.nodes):
        for s in node.reads | node.writes:
            if s.kind == "temporary" and s.array is None and s not in graph.live:
                uses.setdefault(s, []).append(k)
    return uses


def _peak(uses: dict[Storage, list[int]]) -> tuple[int, int]:
    """The most bytes that are in use at a time, and when that is."""
    changes = [0] * (max((u[-1] for u in uses.values()), default=0) + 2)
    for s, u in uses.items():
        changes[u[0]] += s.nbytes
        changes[u[-1] + 1] -= s.nbytes
    most, at = max((total, -k) for k, total in enumerate(accumulate(changes)))
    return most, -at


def _candidates(graph: Graph, uses: dict[Storage, list[int]], at: int) -> Iterator[tuple[int, set[Storage]]]:
    """Programs before a time that may run again after it, and what of theirs is kept until then."""
    last_write = {s: k for k, n in enumerate(graph.nodes) for s in n.writes}
    first_write = {s: k for k, n in reversed([*enumerate(graph.nodes)]) for s in n.writes}
    for k, node in enumerate(graph.nodes[:at]):
        body = node.body
        if not isinstance(body, Elements) or body.reduces or not all(isinstance(s, Step) for s in body.steps):
            continue
        kept = {p.storage for p in body.writes if p.storage in uses and uses[p.storage][-1] > at}
        alone = all(first_write[s] == last_write[s] for s in kept)
        lost = {s for s in node.reads if s in uses and uses[s][-1] < at}
        if alone and all(last_write.get(s, -1) < k for s in node.reads) and _bytes(lost) < _bytes(kept):
            yield k, kept


def _again(graph: Graph, k: int, kept: set[Storage], uses: dict[Storage, list[int]], at: int) -> Graph:
    """The graph in which node `k` runs once more, before what is kept is read after a time."""
    late = min(u for s in kept for u in uses[s] if u > at)
    number = max(s.number for s in graph.storages)
    homes = {
        s: Home(Storage(number + i, s.nbytes, s.kind))
        for i, s in enumerate(sorted(kept, key=lambda s: s.number), 1)
    }
    node = graph.nodes[k]
    early = {p.storage for p in node.body.writes if p.storage not in kept or uses[p.storage][1] < late}
    first = [_writing(node, early)] if early else []
    again = renamed(_writing(node, kept), homes)
    rest = [renamed(n, homes) for n in graph.nodes[late:]]
    return Graph([*graph.nodes[:k], *first, *graph.nodes[k + 1 : late], again, *rest], graph.live)


def _writing(node: Node, storages: set[Storage]) -> Node:
    """The node, with a program that writes only these."""
    made = copy.copy(node)
    writes = {p: n for p, n in node.body.writes.items() if p.storage in storages}
    made.body = pruned(node.body._replace(writes=writes, alone=None))
    made.outputs = tuple(p for p in node.outputs if p.storage in storages)
    made.writes = {p.storage for p in writes}
    made.reads = {p.storage for p in made.body.inputs.values() if p.__class__ is Place}
    return made
