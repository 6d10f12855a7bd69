"""Copies that need not be: what is copied is written where the copy goes, or read where it came from.

Store forwarding: `t = a @ b; out[...] = t` becomes `out[...] = a @ b`.
Copy propagation: `t = x.clone(); y = t + 1` becomes `y = x + 1`.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from typing import NamedTuple

from ..graph import Elements, Graph, Node, Place, Storage
from .renaming import Home, renamed

#: Results from 16 MB on are streamed past the caches, by instructions that take whole lines
#: (arrays/by_rows.py).
_STREAMED, _LINE = 16 << 20, 64


def without_copies(graph: Graph) -> Graph:
    """The graph without copies whose source or target can be the other one's memory."""
    left = _Left(graph)
    for k in range(len(graph.nodes)):
        copy = copied(left.nodes[k])
        if copy is None or copy.source.storage is copy.target.storage:
            continue
        if left.may_forward(k, *copy):
            left.rename(k, copy.source, copy.target)
        elif left.may_propagate(k, *copy):
            left.rename(k, copy.target, copy.source)
    return Graph([n for n in left.nodes if n is not None], graph.live)


class Copy(NamedTuple):
    """What a copy reads and writes."""

    source: Place
    target: Place


def copied(node: Node | None) -> Copy | None:
    """The places of a node that does nothing but copy one to another of the same layout."""
    body = node.body if node is not None else None
    if not isinstance(body, Elements) or body.steps or body.reduces or len(body.writes) != 1:
        return None
    ((target, name),) = body.writes.items()
    source = body.inputs[name]
    if source.__class__ is not Place or not same_layout(source, target):
        return None
    return Copy(source, target)


def same_layout(a: Place, b: Place) -> bool:
    """Whether elements lie alike, but for where the first one is."""
    if a.dtype != b.dtype or a.shape != b.shape:
        return False
    return all(n == 1 or s == t for n, s, t in zip(a.shape, a.strides, b.strides, strict=True))


def is_whole(place: Place) -> bool:
    """Whether a place has every byte of its storage, each once."""
    step, dims = place.dtype.itemsize, sorted(zip(place.strides, place.shape, strict=True))
    for stride, n in dims:
        if n != 1 and stride != step:
            return False
        step *= n
    return place.offset == 0 and step == place.storage.nbytes


class _Left:
    """The nodes that are left, and which of them touch and write a storage, by position."""

    def __init__(self, graph: Graph) -> None:
        self.nodes: list[Node | None] = list(graph.nodes)
        self.live = graph.live
        self.touches: dict[Storage, list[int]] = {}
        self.writes: dict[Storage, list[int]] = {}
        for k, node in enumerate(graph.nodes):
            for s in node.reads | node.writes:
                self.touches.setdefault(s, []).append(k)
            for s in node.writes:
                self.writes.setdefault(s, []).append(k)

    def may_forward(self, k: int, source: Place, target: Place) -> bool:
        """Whether all that touch the source may touch the target: nobody needs what was there before, and
        neither changes afterwards while the other is used.
        """
        old, new = source.storage, target.storage
        if not self._may_go(source) or new.kind == "argument" or not _is_aligned(source, target):
            return False
        first, last = self.touches[old][0], self.touches[old][-1]
        return not (
            _any_in(self.touches[new], first, k - 1)
            or _any_in(self.writes[new], k + 1, last)
            or _any_in(self.writes[old], k + 1, last)
        )

    def may_propagate(self, k: int, source: Place, target: Place) -> bool:
        """Whether all that read the target may read the source: neither changes while they do."""
        old, new = target.storage, source.storage
        if not self._may_go(target) or self.touches[old][0] != k:
            return False
        last = self.touches[old][-1]
        return not (_any_in(self.writes[old], k + 1, last) or _any_in(self.writes.get(new, []), k + 1, last))

    def _may_go(self, place: Place) -> bool:
        """Whether nobody but the nodes sees a storage, all of which the place is."""
        s = place.storage
        return s.kind == "temporary" and s.array is None and s not in self.live and is_whole(place)

    def rename(self, k: int, old: Place, new: Place) -> None:
        """Drop the copy `k`, and have the others touch `new`."""
        homes = {old.storage: Home(new.storage, new.offset - old.offset)}
        self.nodes[k] = None
        for at in (self.touches, self.writes):
            gone = {*at.pop(old.storage, ())}
            at[new.storage] = sorted({*at.get(new.storage, ()), *gone} - {k})
        for j in self.touches[new.storage]:
            node = self.nodes[j]
            self.nodes[j] = None if node is None else renamed(node, homes)


def _any_in(positions: list[int], first: int, last: int) -> bool:
    """Whether one of the sorted positions is in first..last."""
    return bisect_right(positions, last) > bisect_left(positions, first)


def _is_aligned(source: Place, target: Place) -> bool:
    """Whether kernels may write to the target as they did to memory of the plan's own."""
    held = target.storage.array
    start = target.offset + (held.__array_interface__["data"][0] if held is not None else 0)
    return source.storage.nbytes < _STREAMED or start % _LINE == 0
