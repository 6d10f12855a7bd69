"""A node of the graph as users see it: `tensor.grad_fn`, its name, what it leads to, its notes and hooks."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from .engine import Hooked, Leaf, select_backward
from .node_names import name_of


class Node:
    """A step of backward. Its class is named after it, as in PyTorch: `type(y.grad_fn).__name__`."""

    __slots__ = ("_node",)
    _node: Any

    def name(self) -> str:
        """The name of the operation's backward: "AddBackward0"."""
        name = type(self).__name__
        return f"torch::autograd::{name}" if name in _NAMESPACED else name

    @property
    def next_functions(self) -> tuple[tuple[Any, int], ...]:
        """(node, which of its outputs) for every input; (None, 0) where an input does not require grad."""
        n = self._node
        if n.__class__ is Leaf:
            return ()
        inputs = n[2] if n[2].__class__ is tuple else (n[2],)
        return tuple((None, 0) if m is None else (node_for(m), _position(m)) for m in _flat(inputs))

    @property
    def metadata(self) -> dict[str, Any]:
        """A dictionary for notes of the user's, kept with the node."""
        return _hooked(self._node).metadata

    def register_prehook(self, hook: Callable[..., Any]) -> Any:
        """Call `hook(grad_outputs)` before the node's backward; a tuple it returns replaces them."""
        from .tape import add_hook

        return add_hook(_hooked(self._node).before, hook)

    def register_hook(self, hook: Callable[..., Any]) -> Any:
        """Call `hook(grad_inputs, grad_outputs)` after the node's backward;
        its result replaces grad_inputs.
        """
        from .tape import add_hook

        return add_hook(_hooked(self._node).later, hook)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Node) and other._node is self._node

    def __hash__(self) -> int:
        return id(self._node)

    def __repr__(self) -> str:
        return f"<{type(self).__name__} object at {hex(id(self._node))}>"


_NAMESPACED = frozenset({"AccumulateGrad", "CopySlices", "CopyBackwards"})
_classes: dict[str, type[Node]] = {}


def _hooked(n: Any) -> Hooked:
    """The node's backward with room for hooks and notes. Raises where the node is a leaf's."""
    if n.__class__ is Leaf:
        raise NotImplementedError(
            "AccumulateGrad: use Tensor.register_hook or register_post_accumulate_grad_hook on the leaf"
        )
    if not isinstance(n[1], Hooked):
        n[1] = Hooked(n[1])
    return n[1]


def _flat(inputs: tuple[Any, ...]) -> list[Any]:
    """Nodes of inputs, those of lists of tensors in line."""
    return [m for i in inputs for m in (_flat(i) if i.__class__ is tuple else [i])]


def _position(m: Any) -> int:
    return m[3] if m.__class__ is list and m[1] is select_backward else 0


def node_for(n: Any) -> Node:
    """The Node of a graph's node or leaf; an output among several is shown as the operation it came from."""
    while n.__class__ is list and n[1].__name__ == "select_backward":
        n = n[2]
    name = "AccumulateGrad" if n.__class__ is Leaf else name_of(n)
    cls = _classes.get(name)
    if cls is None:
        cls = _classes[name] = type(name, (Node,), {"__slots__": ()})
    made = object.__new__(cls)
    made._node = n
    return made


def grad_fn(t: Any) -> Node | None:
    """Tensor.grad_fn."""
    return node_for(t._n) if t._n.__class__ is list else None
