"""Pointwise fusion: programs over one shape become one, so that what passes between them stays in registers.

A node joins the group of a node it reads from, or of one that reads what it reads, unless something between
the two must run outside of the group. What nobody outside reads is then not written at all.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from functools import cached_property
from heapq import heapify, heappop, heappush

from ..graph import Elements, Graph, Node, Place, Storage
from ..lower import supported
from .order import dependencies
from .program import joined

#: Of one program: more operands leave registers for the stack, more steps the kernel's compile time of
#: milliseconds.
MOST_OPERANDS, MOST_STEPS = 24, 96


class Group:
    """Nodes that become one; of other nodes than pointwise programs, one alone.

    `after` are the groups that must run before it, `followers` those that must run after it.
    """

    def __init__(self, k: int, node: Node) -> None:
        self.members = {k: node}
        self.after: set[Group] = set()
        self.followers: set[Group] = set()
        self.last = k
        self.shape: tuple[int, ...] | None = None
        body = node.body
        if isinstance(body, Elements):
            self.shape, self.steps = body.shape, len(body.steps)
            self.reads = {p for p in body.inputs.values() if p.__class__ is Place}
            self.reduces = set(body.reduces)
            self.writes = {*body.writes, *body.reduces}

    @cached_property
    def has_kernel(self) -> bool:
        """Whether there is one for it; a group that others join had one."""
        return supported(self.nodes[0].body)

    @property
    def nodes(self) -> list[Node]:
        """Its members in order."""
        return [self.members[k] for k in sorted(self.members)]

    def take(self, other: Group) -> None:
        """Have the members of another, and its place among all groups."""
        self.members |= other.members
        self.last = max(self.last, other.last)
        self.steps += other.steps
        self.reads |= other.reads
        self.writes |= other.writes
        self.reduces |= other.reduces
        for g in other.after:
            g.followers.discard(other)
            g.followers.add(self)
        for g in other.followers:
            g.after.discard(other)
            g.after.add(self)
        self.after = (self.after | other.after) - {self, other}
        self.followers = (self.followers | other.followers) - {self, other}


def fused(graph: Graph) -> Graph:
    """The graph with pointwise programs joined."""
    order = _ordered(_groups(graph.nodes))
    last_read = {s: i for i, g in enumerate(order) for n in g.members.values() for s in n.reads}
    found = []
    for i, group in enumerate(order):

        def is_needed(s: Storage, i: int = i) -> bool:
            outlives = s in graph.live or s.kind != "temporary" or s.array is not None
            return outlives or last_read.get(s, -1) > i

        found += _as_one(group.nodes, is_needed)
    return Graph(found, graph.live)


def _as_one(nodes: list[Node], is_needed: Callable[[Storage], bool]) -> list[Node]:
    """A group's node; its members, where there is no kernel for all they come to."""
    if len(nodes) == 1:
        return nodes
    node = joined(nodes, is_needed)
    return nodes if node.body.reduces and not supported(node.body) else [node]


# -- groups ------------------------------------------------------------------------------------------------


def _groups(nodes: Sequence[Node]) -> list[Group]:
    """The groups that nodes come to, as they come by."""
    at: list[Group] = []  # the group of each node
    reading: dict[Storage, int] = {}  # the last program that reads a storage
    for k, (node, before) in enumerate(zip(nodes, dependencies(nodes), strict=True)):
        group = Group(k, node)
        at.append(group)
        group.after = {at[j] for j in before}
        for g in group.after:
            g.followers.add(group)
        if group.shape is None:
            continue
        shared = {at[reading[s]] for s in node.reads if s in reading}
        for other in sorted(group.after | shared, key=lambda g: -g.last):
            if other is not group and _may_join(other, group):
                other.take(group)
                for j in group.members:
                    at[j] = other
                group = other
        reading |= dict.fromkeys(node.reads, k)
    return list(dict.fromkeys(at))


def _may_join(a: Group, b: Group) -> bool:
    """Whether two groups can be one program, and nothing need run between them."""
    if a.shape is None or a.shape != b.shape or a.steps + b.steps > MOST_STEPS:
        return False
    if len(a.reads | a.writes | b.reads | b.writes) > MOST_OPERANDS or not (_match(a, b) and _match(b, a)):
        return False
    if _leads(a, b) or _leads(b, a) or not (a.has_kernel and b.has_kernel):
        return False
    return not (a.reduces or b.reduces) or _collects_well(a, b)


def _match(a: Group, b: Group) -> bool:
    """Whether what `a` writes and `b` touches is touched element for element."""
    written: dict[Storage, Place] = {p.storage: p for p in a.writes}
    for p in b.reads | b.writes:
        q = written.get(p.storage)
        if q is not None and (p != q or p.shape != a.shape or q in a.reduces or p in b.reduces):
            return False
    return True


def _leads(a: Group, b: Group) -> bool:
    """Whether a third group must run before `a`, and after `b`."""
    if not b.followers - {a}:
        return False
    seen = a.after - {b}
    todo = list(seen)
    while todo:
        new = todo.pop().after - seen
        if b in new:
            return True
        seen |= new
        todo += new
    return False


def _collects_well(a: Group, b: Group) -> bool:
    """Whether there is a kernel for both with what they reduce."""
    members = a.members | b.members
    return supported(joined([members[k] for k in sorted(members)], lambda s: True).body)


def _ordered(groups: Iterable[Group]) -> list[Group]:
    """The groups in an order that respects `after`, otherwise as their last members stood."""
    waiting = {g: len(g.after) for g in groups}
    ready = [(g.last, g) for g, n in waiting.items() if not n]
    heapify(ready)
    order = []
    while ready:
        _, group = heappop(ready)
        order.append(group)
        for g in group.followers:
            waiting[g] -= 1
            if not waiting[g]:
                heappush(ready, (g.last, g))
        group.after, group.followers = set(), set()  # groups that hold each other would outlive the pass
    return order
