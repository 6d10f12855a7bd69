"""Nodes run one at a time on memory of their own, and any part of a graph by the names of its nodes."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from ..arrays import tracing
from ..errors import nearest
from ..tensor import Tensor, wrap
from .chance import Key
from .graph import Elements, Graph, Host, Launch, Node, Place, Storage, Table
from .lower import lowered
from .memory import ALIGNMENT
from .plan import array_at, word
from .reference import by_numpy
from .steps import Numbers
from .symbols import Varying

ndarray = np.ndarray
#: bytes of constants that are worth looking through
LARGEST = 1 << 22
Read = Callable[[Any], Any]


class Memory:
    """Fresh memory for every storage that is touched, so that nothing outside of it changes.

    What is there before a call is copied at first use; the rest is all ones, which are nan as floats.
    """

    def __init__(self) -> None:
        self._bytes: dict[Storage, ndarray] = {}

    def array(self, place: Place) -> ndarray:
        """The array at a place."""
        memory = self.bytes(place.storage)
        return array_at(_address(memory) + place.offset, place, memory)

    def copy(self, place: Place) -> Tensor:
        """A copy of the array at a place, in a copy of its storage: it has the same layout."""
        if not place.size:
            return wrap(np.empty(place.shape, place.dtype))
        held = self.bytes(place.storage).copy()
        return wrap(np.ndarray(place.shape, place.dtype, held, place.offset, place.strides))

    def bytes(self, storage: Storage) -> ndarray:
        """All bytes of a storage."""
        made = self._bytes.get(storage)
        if made is None:
            made = self._bytes[storage] = _aligned(storage.nbytes)
            held = storage.array
            if held is not None:
                whole = Place(storage, 0, (storage.nbytes,), (1,), np.dtype(np.uint8))
                made[:] = array_at(_address(held), whole, held)
        return made


def is_whole(p: Place) -> bool:
    """Whether a place has as many bytes as its storage."""
    return p.size * p.dtype.itemsize == p.storage.nbytes


def whole(p: Place) -> Place:
    """All of the storage that a place is in: its own array where that has the dtype, else flat."""
    s, a, size = p.storage, p.storage.array, p.dtype.itemsize
    if a is not None and a.dtype == p.dtype:
        return Place(s, 0, a.shape, a.strides, a.dtype)
    return Place(s, 0, (s.nbytes // size,), (size,), p.dtype)


def repeated(p: Place) -> Any:
    """The number that all of a constant consists of; None where there are several, or it is none."""
    held = p.storage.array
    if p.storage.kind != "constant" or held is None or not 0 < held.nbytes <= LARGEST:
        return None
    all_of_it = array_at(_address(held), whole(p), held)
    first = all_of_it.reshape(-1)[0]
    return first if (all_of_it == first).all() else None


def _aligned(nbytes: int) -> ndarray:
    room = np.full(nbytes + ALIGNMENT, 0xFF, np.uint8)
    start = -_address(room) % ALIGNMENT
    return room[start : start + nbytes]


def _address(a: ndarray) -> int:
    return a.__array_interface__["data"][0]


# -- one node ------------------------------------------------------------------------------------------


def coming(v: Numbers | Varying | Key) -> Any:
    """What numbers that every run fills in would be: an optimiser's at its next step, which is not counted;
    arguments that are numbers as they were in the captured call; another key for random numbers.
    """
    if isinstance(v, Key):
        return v.drawn()
    if isinstance(v, Varying):
        return v.value
    count = float(v.steps[0]._a) + 1.0 if v.steps else 0.0
    return v.optimizer.numbers(v.group, count)


def execute(node: Node, memory: Memory, read: Read = coming) -> None:
    """Run a node: pointwise programs by NumPy, all else as a plan does. `read` says what numbers are."""
    if isinstance(node.body, Elements):
        inputs = {n: read(v) if isinstance(v, Varying | Key) else v for n, v in node.body.inputs.items()}
        part: Any = by_numpy(node.body._replace(inputs=inputs))
    else:
        part = lowered(node)
    if isinstance(part, Host):
        with tracing.watched(node):  # as it was captured: what it gives is built the same way
            found = part.run(*map(memory.array, part.takes))
        for place, a in zip(part.gives, found, strict=True):
            np.copyto(memory.array(place), a, casting="unsafe")
        return
    for launch in part:
        launch.kernel(launch.total, launch.grain, *_slots(launch, memory, read))


def _slots(launch: Launch, memory: Memory, read: Read) -> list[Any]:
    """A launch's slots with arrays for places; an optimiser's numbers go to the slots that wait for them."""
    slots = [_slot(v, memory) for v in launch.slots]
    for k, v in enumerate(launch.slots):
        if isinstance(v, Numbers):
            values = read(v)
            slots[k : k + len(values)] = values
        elif isinstance(v, Varying | Key):
            slots[k] = read(v)
    return slots


def _slot(v: Any, memory: Memory) -> Any:
    if isinstance(v, Place):
        return memory.array(v)
    if isinstance(v, Table):
        words = [_address(memory.array(w)) if isinstance(w, Place) else word(w) for w in v.words]
        return np.array(words, np.int64)
    return v


def inputs_of(node: Node) -> list[Place]:
    """The places a node reads, each once: its arguments first."""
    body = node.body
    if isinstance(body, Elements):
        found: Iterable[Place] = (v for v in body.inputs.values() if v.__class__ is Place)
    elif isinstance(body, Host):
        found = body.takes
    else:
        found = node.inputs
    return list(dict.fromkeys(found))


def call(node: Node, given: Sequence[Any]) -> Any:
    """Run a node on tensors in the place of its inputs; it may write to them. Returns its outputs."""
    memory = Memory()
    inputs = inputs_of(node)
    for place, value in zip(inputs, given, strict=True):
        memory.array(place)[...] = as_given(value, place, node.name)
    execute(node, memory)
    for place, value in zip(inputs, given, strict=True):
        if place.storage in node.writes:
            value._a[...] = memory.array(place)
    return _result(node, memory)


def _result(node: Node, memory: Memory) -> Any:
    """Copies of what a node put out: a tensor, or a tuple of them; None where it only wrote to memory."""
    made = tuple([memory.copy(p) for p in node.outputs])
    return made[0] if len(made) == 1 else made or None


# -- any part of a graph -------------------------------------------------------------------------------


def run(graph: Graph, feeds: Mapping[str, Any], fetches: str | Sequence[str]) -> Any:
    """What the nodes and inputs named in `fetches` hold, when those in `feeds` hold what is given.

    Only what the fetches need is run, on memory of its own: nothing outside the graph changes. An input is
    fetched as it is at the end. Raises KeyError for an unknown name, ValueError for a feed of another shape
    or for an argument that is needed and not fed.
    """
    wanted = [fetches] if isinstance(fetches, str) else list(fetches)
    nodes = {n.name: n for n in graph.nodes}
    unknown = [n for n in (*wanted, *feeds) if n not in nodes and n not in graph.inputs]
    if unknown:
        if graph.traced is not graph:  # the node may be one that was fused into another
            return run(graph.traced, feeds, fetches)
        raise _unknown(unknown[0], [*nodes, *graph.inputs])
    memory = Memory()
    needed, storages = _needed(graph, feeds, wanted)
    _fill_inputs(graph, feeds, storages, memory)
    found: dict[str, Any] = {}
    for node in needed:
        if node.name in feeds:
            _feed(node, feeds[node.name], memory)
        else:
            execute(node, memory)
        if node.name in wanted:
            found[node.name] = _result(node, memory)
    found |= {n: memory.copy(graph.inputs[n]) for n in wanted if n not in nodes}
    return found[fetches] if isinstance(fetches, str) else [found[n] for n in wanted]


def _unknown(name: str, names: Sequence[str]) -> KeyError:
    near = nearest(name, names)
    hint = f"; the nearest is {near!r}" if near else ""
    return KeyError(f"the graph has no node or input {name!r}{hint}")


def _needed(graph: Graph, feeds: Mapping[str, Any], wanted: Sequence[str]) -> tuple[list[Node], set[Storage]]:
    """The nodes that must run, in order, and the storages that must be filled before."""
    live = {graph.inputs[n].storage for n in wanted if n in graph.inputs}
    kept = []
    for node in reversed(graph.nodes):
        if node.name not in wanted and not live & node.writes:
            continue
        kept.append(node)
        live -= {p.storage for p in node.outputs if is_whole(p)}
        if node.name not in feeds:
            live |= node.reads
    return kept[::-1], live


def _fill_inputs(graph: Graph, feeds: Mapping[str, Any], storages: set[Storage], memory: Memory) -> None:
    for name, place in graph.inputs.items():
        if name in feeds:
            memory.array(place)[...] = as_given(feeds[name], place, name)
        elif place.storage in storages and place.storage.array is None:
            raise ValueError(f"{name} is not known before a call: feed a tensor of shape {place.shape}")


def _feed(node: Node, value: Any, memory: Memory) -> None:
    """Give a node's outputs other values than it would compute."""
    values = value if isinstance(value, tuple) else (value,)
    if len(values) != len(node.outputs):
        raise ValueError(f"{node.name} has {len(node.outputs)} outputs, and is fed {len(values)} values")
    for place, v in zip(node.outputs, values, strict=True):
        memory.array(place)[...] = as_given(v, place, node.name)


def as_given(value: Any, place: Place, name: str) -> ndarray:
    """A value that is given for a place, as an array of its shape."""
    a = value._a if isinstance(value, Tensor) else np.asarray(value)
    if a.shape != place.shape:
        raise ValueError(f"{name} has the shape {place.shape}; what it is fed has {a.shape}")
    return a
