"""Storages: which piece of memory an array lies in, and whether a graph fills it or it comes from outside."""

from __future__ import annotations

import weakref
from typing import Any

import numpy as np

from ..errors import user_line
from .graph import Elements, Node, Place, Storage
from .structure import address, owner_of_memory
from .values import GraphArray

ndarray = np.ndarray
_SMALL = 1 << 22  # bytes: of smaller constants the numbers are kept that they were made with


class Storages:
    """The memory that the arrays of a run lie in. Those of arrays that are gone are forgotten."""

    nodes: list[Node]

    def __init__(self) -> None:
        self.nodes = []
        self.storages: dict[int, Storage] = {}  # by the id of the array that owns the memory
        self._count = 0
        self._guards: dict[int, weakref.ref[ndarray]] = {}
        #: constants: among which nodes and after which they were made, and with what numbers
        self._born: dict[Storage, tuple[list[Node], Node | None, ndarray | None]] = {}

    def wrap(self, a: ndarray) -> GraphArray:
        """A traced array over `a`."""
        raise NotImplementedError

    def place(self, a: ndarray) -> Place:
        """Where an array lies; memory that was not met before comes from outside."""
        owner = owner_of_memory(a)
        storage = self.storages.get(id(owner))
        if storage is None:
            storage = self.storages[id(owner)] = self._new("outside", owner)
        return Place(storage, address(a) - address(owner), a.shape, a.strides, a.dtype)

    def known(self, a: ndarray) -> bool:
        """Whether an array lies in memory that was met before."""
        return id(owner_of_memory(a)) in self.storages

    def _new(self, kind: str, owner: ndarray) -> Storage:
        self._count += 1
        return Storage(self._count, owner.nbytes, kind, None if kind == "temporary" else owner)

    def temporary(self, a: ndarray) -> Place:
        """Where a new array lies, in memory that a node of this graph fills."""
        owner = owner_of_memory(a)
        key = id(owner)
        if key not in self.storages:
            self.storages[key] = self._new("temporary", owner)
            self._watch(owner)
        return self.place(a)

    def _watch(self, owner: ndarray) -> None:
        """Forget a storage when its memory is gone. The guard does not hold this object, which would make a
        cycle: a capture is large, and has to go before the collector comes by.
        """
        key, this = id(owner), weakref.ref(self)

        def gone(_: Any) -> None:
            found = this()
            if found is not None:
                found.storages.pop(key, None)
                found._guards.pop(key, None)

        self._guards[key] = weakref.ref(owner, gone)

    def created(self, a: ndarray) -> GraphArray:
        """An array that the function made of nothing: a constant, until somebody writes to it."""
        owner = owner_of_memory(a)
        if id(owner) not in self.storages:
            made = self.storages[id(owner)] = self._new("constant", owner)
            held = owner.copy() if owner.nbytes <= _SMALL else None
            self._born[made] = self.nodes, self.nodes[-1] if self.nodes else None, held
        return self.wrap(a)

    def filled(self, storage: Storage) -> None:
        """Have a constant that is written to filled anew by every run, where the function made it."""
        nodes, before, numbers = self._born.pop(storage, (self.nodes, None, None))
        owner = storage.array
        if storage.kind != "constant" or owner is None:
            return
        held = self._new("constant", owner.copy() if numbers is None else numbers)
        source, target = (Place(s, 0, owner.shape, owner.strides, owner.dtype) for s in (held, storage))
        body = Elements((), {"x": source}, {target: "x"}, owner.shape)
        node = Node("copy_", (source,), {}, (target,), body)
        node.line, node.name = user_line(), f"fill_{storage.number}"
        nodes.insert(0 if before is None else nodes.index(before) + 1, node)
        storage.kind, storage.array = "temporary", None
        self._watch(owner)

    def handed_in(self, like: ndarray) -> GraphArray:
        """Ones of a layout, to be replaced by what is handed in at every run."""
        made = np.ones_like(like)
        self.place(made).storage.kind = "argument"
        return self.wrap(made)

    def owner(self, storage: Storage) -> ndarray:
        """The array that owns a storage's memory, which must still be there."""
        if storage.array is not None:
            return storage.array
        key = next(k for k, s in self.storages.items() if s is storage)
        found = self._guards[key]()
        assert found is not None
        return found

    def hold(self, a: ndarray) -> None:
        """Let an array's memory stay as it is: Python code in the plan works on it."""
        place = self.place(a)
        if place.storage.array is None:
            place.storage.array = owner_of_memory(a)
