"""torch.autograd.graph: hooks on what backward keeps, hooks on several gradients together, versions."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, NamedTuple

import numpy as np

from . import codegen, record, switches
from .engine import binding
from .node import Node as Node
from .node import node_for
from .tape import RemovableHandle

_packing: ContextVar[tuple[Any, Any] | str | None] = ContextVar("saved_tensors_hooks", default=None)
_active = 0
_lock = threading.Lock()
_FAST = {"f4": np.dtype(np.float32), "f8": np.dtype(np.float64)}


class saved_tensors_hooks:
    """What ops keep for backward goes through `pack_hook` when it is kept and `unpack_hook` when it is used.

    For a `with` block. While such a block is open, every op takes the general way, where the hooks are asked.
    """

    def __init__(self, pack_hook: Callable[[Any], Any], unpack_hook: Callable[[Any], Any]) -> None:
        self.hooks: Any = (pack_hook, unpack_hook)
        self._tokens: list[Any] = []

    def __enter__(self) -> None:
        held = _packing.get()
        if isinstance(held, str):
            raise RuntimeError(held)
        _count(1)
        self._tokens.append(_packing.set(self.hooks))

    def __exit__(self, *exc: object) -> None:
        _packing.reset(self._tokens.pop())
        _count(-1)


class save_on_cpu(saved_tensors_hooks):
    """Keeps what backward needs in the CPU's memory: where everything is already."""

    def __init__(self, pin_memory: bool = False, device_type: str = "cuda") -> None:
        super().__init__(lambda t: t, lambda t: t)


@contextmanager
def disable_saved_tensors_hooks(error_message: str) -> Any:
    """In the block, entering saved_tensors_hooks is an error with this message."""
    token = _packing.set(error_message)
    try:
        yield
    finally:
        _packing.reset(token)


def _count(step: int) -> None:
    """Switch the fast ways of ops off while hooks are active anywhere, and on again."""
    global _active
    with _lock:
        _active += step
        switches.pause(step)
        codegen.exchange("packed", packed)
        codegen.respell("    return node\n", "    return packed(node)\n")
        for name, storage in _FAST.items():
            codegen.exchange(name, None if _active else storage)


def packed(node: list[Any]) -> list[Any]:
    """A node just made, with what it keeps packed by the hooks of this block, if there are any."""
    hooks = _packing.get()
    if not isinstance(hooks, tuple) or not hasattr(node[1], "kept_names"):
        return node
    places = []
    token = _packing.set(None)  # what a hook itself computes is not packed
    try:
        for i, name in enumerate(node[1].kept_names, 3):
            value = node[i]
            if isinstance(value, (binding.tensor, np.ndarray)) and not name.startswith("v_"):
                places.append((i, isinstance(value, np.ndarray)))
                node[i] = hooks[0](value if isinstance(value, binding.tensor) else binding.wrap(value))
    finally:
        _packing.reset(token)
    if places:
        node[1] = _Unpacking(node[1], hooks[1], places)
    return node


class _Unpacking:
    """The backward of a node whose kept values are packed."""

    def __init__(self, backward: Any, unpack: Callable[[Any], Any], places: list[tuple[int, bool]]) -> None:
        self.backward, self.unpack, self.places = backward, unpack, places
        self.__name__ = backward.__name__
        self.kept_names, self.tracked = (), backward.tracked

    def __call__(self, n: list[Any], g: Any) -> Any:
        return self.backward(self._opened(n), g)

    def on_tensors(self, n: list[Any], g: Any) -> Any:
        return self.backward.on_tensors(self._opened(n), g)

    def _opened(self, n: list[Any]) -> list[Any]:
        opened = list(n)
        opened[1] = self.backward  # an output linked to this node again finds everything unpacked
        for i, is_array in self.places if len(n) > 3 else ():
            value = self.unpack(opened[i])
            if not isinstance(value, binding.tensor):
                raise TypeError(
                    f"saved_tensors_hooks: unpack_hook must return a Tensor, got {type(value).__name__}"
                )
            opened[i] = value._a if is_array else value
            if not is_array:
                opened[i + 1] = record.version(value)
        return opened


def increment_version(tensor: Any) -> None:
    """Count a change of a tensor, or of several, made in a way that autograd does not see."""
    for t in (tensor,) if isinstance(tensor, binding.tensor) else tensor:
        record.bump(t, "increment_version")


# -- hooks on several gradients ------------------------------------------------------------------------


class _Handles(RemovableHandle):
    """Several handles removed as one."""

    def __init__(self, handles: Sequence[RemovableHandle]) -> None:
        super().__init__({})
        self.handles = handles

    def remove(self) -> None:
        for handle in self.handles:
            handle.remove()


def register_multi_grad_hook(
    tensors: Sequence[Any], fn: Callable[[Any], None], *, mode: str = "all"
) -> RemovableHandle:
    """Call `fn` with the list of all gradients when all have come ("all"),
    or with the first that comes ("any").

    A backward that reaches only some of the tensors does not call an "all" hook.
    """
    if mode not in ("all", "any"):
        raise ValueError(f"Expects mode to be one of ('all', 'any') but got {mode}")
    tracked = [i for i, t in enumerate(tensors) if t.requires_grad]
    came: dict[int, Any] = {}

    def arrived(i: int, g: Any) -> None:
        if mode == "any" and not came:
            fn(g)
        came[i] = g
        if len(came) == len(tracked):
            grads = [came.get(k) for k in range(len(tensors))]
            came.clear()
            if mode == "all":
                fn(grads)

    return _Handles([tensors[i].register_hook(lambda g, i=i: arrived(i, g)) for i in tracked])


def get_gradient_edge(tensor: Any) -> Any:
    """(node, which of its outputs) that gradients of `tensor` come from.
    ValueError where it requires none.
    """
    if tensor._n is None:
        raise ValueError(
            "It is not possible to get the gradient edge for a Tensor that does not require gradients"
        )
    return GradientEdge(node_for(tensor._n), tensor.output_nr)


class GradientEdge(NamedTuple):
    """A place in the graph: a node and one of its outputs."""

    node: Any
    output_nr: int
