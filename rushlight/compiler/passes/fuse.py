"""Pointwise fusion: programs over one shape become one, so that what passes between them stays in registers.

A node joins the group of a node it reads from, or of one that reads what it reads, unless something between
the two must run outside of the group. What nobody outside reads is then not written at all.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from heapq import heapify, heappop, heappush
from typing import Any

import rushlight.scalar as scalar

from ..graph import Elements, Graph, Node, Place, Reduced, Storage
from .order import dependencies

MOST_OPERANDS = 24
MOST_STEPS = 96


class Group:
    """Nodes that become one; of other nodes than pointwise programs, one alone."""

    def __init__(self, k: int, node: Node) -> None:
        self.members = {k: node}
        self.after: set[Group] = set()
        self.shape = node.body.shape if isinstance(node.body, Elements) else None

    @property
    def last(self) -> int:
        """The position of its last member."""
        return max(self.members)

    def places(self, what: str) -> Iterable[Place]:
        """All places its programs read (`inputs`) or write (`writes`)."""
        for n in self.members.values():
            body = n.body
            if what == "inputs":
                yield from (p for p in body.inputs.values() if p.__class__ is Place)
            else:
                yield from body.writes
                yield from body.reduces


def fused(graph: Graph) -> Graph:
    """The graph with pointwise programs joined."""
    before = dependencies(graph.nodes)
    groups: list[Group] = []
    reading: dict[Storage, int] = {}  # the last node that read a storage
    for k, node in enumerate(graph.nodes):
        group = Group(k, node)
        group.after = {groups[j] for j in before[k]}
        groups.append(group)
        if group.shape is None:
            continue
        shared = {groups[reading[s]] for s in node.reads if s in reading}
        for other in sorted(group.after | shared, key=lambda g: -g.last):
            if other is not group and _may_join(other, group):
                group = _joined(groups, other, group)
        reading |= dict.fromkeys(node.reads, k)
    order = _ordered(groups)
    return Graph([_node(g, graph, order[i + 1 :]) for i, g in enumerate(order)], graph.live)


# -- groups ------------------------------------------------------------------------------------------------


def _may_join(a: Group, b: Group) -> bool:
    """Whether two groups can be one program, and nothing need run between them."""
    if a.shape is None or a.shape != b.shape:
        return False
    if sum(len(n.body.steps) for g in (a, b) for n in g.members.values()) > MOST_STEPS:
        return False
    if (
        len({*a.places("inputs"), *a.places("writes"), *b.places("inputs"), *b.places("writes")})
        > MOST_OPERANDS
    ):
        return False
    if not _match(a, b):
        return False
    return not _leads(a.after - {b}, b) and not _leads(b.after - {a}, a)


def _match(a: Group, b: Group) -> bool:
    """Whether what one of them writes and the other touches is touched element for element."""
    for one, other in ((a, b), (b, a)):
        written = {p.storage: p for p in one.places("writes")}
        reduced = {p.storage for n in one.members.values() for p in n.body.reduces}
        for what in ("inputs", "writes"):
            for p in other.places(what):
                q = written.get(p.storage)
                if q is not None and (p != q or p.shape != a.shape or p.storage in reduced):
                    return False
    return True


def _leads(starts: Iterable[Group], goal: Group) -> bool:
    """Whether one of `starts` must run after `goal`."""
    seen = set(starts)
    todo = list(seen)
    while todo:
        g = todo.pop()
        if g is goal:
            return True
        new = g.after - seen
        seen |= new
        todo += new
    return False


def _joined(groups: list[Group], a: Group, b: Group) -> Group:
    """Both as one group, which takes their place everywhere."""
    a.members |= b.members
    a.after = (a.after | b.after) - {a, b}
    for i, g in enumerate(groups):
        if g is b:
            groups[i] = a
        elif b in g.after:
            g.after = (g.after - {b}) | {a}
    a.after -= {a}
    return a


def _ordered(groups: Sequence[Group]) -> list[Group]:
    """The groups in an order that respects `after`, otherwise as their last members stood."""
    unique = list(dict.fromkeys(groups))
    waiting = {g: len(g.after) for g in unique}
    following: dict[Group, list[Group]] = {}
    for g in unique:
        for b in g.after:
            following.setdefault(b, []).append(g)
    ready = [(g.last, id(g), g) for g in unique if not waiting[g]]
    heapify(ready)
    order = []
    while ready:
        g = heappop(ready)[2]
        order.append(g)
        for f in following.get(g, ()):
            waiting[f] -= 1
            if not waiting[f]:
                heappush(ready, (f.last, id(f), f))
    return order


# -- the program of a group --------------------------------------------------------------------------------


def _node(group: Group, graph: Graph, later: Sequence[Group]) -> Node:
    members = [group.members[k] for k in sorted(group.members)]
    if len(members) == 1:
        return members[0]
    needed = {s for g in later for n in g.members.values() for s in n.reads} | graph.live
    body = _program(members, needed)
    joined = Node("+".join(dict.fromkeys(n.op for n in members)), (), {}, (*body.writes, *body.reduces), body)
    joined.reads = {p.storage for p in body.inputs.values() if p.__class__ is Place}
    joined.writes = {p.storage for p in (*body.writes, *body.reduces)}
    joined.line, joined.module, joined.name = members[-1].line, members[-1].module, members[-1].name
    joined.members = tuple(members)
    return joined


def _program(members: Sequence[Node], needed: set[Storage]) -> Elements:
    """One program of several, in order."""
    inputs: dict[str, Any] = {}
    loaded: dict[Place, str] = {}
    values: dict[Place, str] = {}
    steps = []
    reduces: dict[Place, Reduced] = {}
    known: dict[Any, str] = {}
    for k, node in enumerate(members):
        body = node.body
        names: dict[str, str] = {}
        for name, v in body.inputs.items():
            if v.__class__ is not Place:
                names[name] = f"{name}_{k}"
                inputs[names[name]] = v
            elif v in values:
                names[name] = values[v]
            else:
                names[name] = loaded.setdefault(v, f"i{len(loaded)}")
                inputs[names[name]] = v
        for step in body.steps:
            renamed = {scalar.var(old): scalar.var(new) for old, new in names.items()}
            expr = scalar.replace(step.expr, renamed)
            key = (expr, step.computes, step.result)
            if key not in known:
                known[key] = f"{step.name}_{k}"
                steps.append(step._replace(name=known[key], expr=expr))
            names[step.name] = known[key]
        for place, name in body.writes.items():
            values[place] = names[name]
        for place, r in body.reduces.items():
            reduces[place] = r._replace(name=names[r.name])
    written = {
        place: name
        for place, name in values.items()
        if place.storage in needed or place.storage.kind != "temporary" or place.storage.array is not None
    }
    return _pruned(Elements(tuple(steps), inputs, written, members[0].body.shape, reduces))


def _pruned(body: Elements) -> Elements:
    """Only what the outputs need."""
    used = {*body.writes.values(), *(r.name for r in body.reduces.values())}
    kept = []
    for step in reversed(body.steps):
        if step.name in used:
            used |= scalar.free_names(step.expr)
            kept.append(step)
    inputs = {n: v for n, v in body.inputs.items() if n in used}
    return body._replace(steps=tuple(kept[::-1]), inputs=inputs)
