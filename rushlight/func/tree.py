"""Nested tuples, lists and dicts of tensors, flattened and put together again."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any


def flatten(tree: Any) -> tuple[list[Any], Any]:
    """The leaves of a nest in order, and the nest with the leaves' positions in their place."""
    leaves: list[Any] = []

    def walk(node: Any) -> Any:
        if isinstance(node, dict):
            return {k: walk(v) for k, v in node.items()}
        if isinstance(node, (list, tuple)):
            parts = [walk(v) for v in node]
            return type(node)(*parts) if hasattr(node, "_fields") else type(node)(parts)
        leaves.append(node)
        return len(leaves) - 1

    shape = walk(tree)
    return leaves, shape


def unflatten(shape: Any, leaves: list[Any]) -> Any:
    """The nest of `flatten` with other leaves."""
    if isinstance(shape, dict):
        return {k: unflatten(v, leaves) for k, v in shape.items()}
    if isinstance(shape, (list, tuple)):
        parts = [unflatten(v, leaves) for v in shape]
        return type(shape)(*parts) if hasattr(shape, "_fields") else type(shape)(parts)
    return leaves[shape]


def tree_map(fn: Callable[[Any], Any], tree: Any) -> Any:
    """The nest with `fn` applied to each leaf."""
    leaves, shape = flatten(tree)
    return unflatten(shape, [fn(x) for x in leaves])


def broadcast_to(spec: Any, tree: Any, what: str) -> list[Any]:
    """One entry of `spec` per leaf of `tree`: `spec` may stop at a sub-nest and then holds for all of it."""
    if isinstance(tree, dict) and isinstance(spec, dict):
        return [e for k, v in tree.items() for e in broadcast_to(spec[k], v, what)]
    if isinstance(tree, (list, tuple)) and isinstance(spec, (list, tuple)):
        if len(tree) != len(spec):
            raise ValueError(f"{what} has {len(spec)} entries for {len(tree)} values: {spec!r}")
        return [e for s, v in zip(spec, tree, strict=True) for e in broadcast_to(s, v, what)]
    return [spec] * len(flatten(tree)[0])
