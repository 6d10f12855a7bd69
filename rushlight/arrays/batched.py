"""Arrays with a hidden batch dimension: what `vmap` runs a function on.

An op on a BatchedArray sees the shape of one example; `__op__` runs it on the whole batch: pointwise ops by
aligning dimensions, composites through their body, primitives by their stated rule, and else example by
example.
"""

from __future__ import annotations

from itertools import count
from typing import Any

import numpy as np

from .foreign import ForeignArray
from .numpy import cast

next_level = count(1).__next__


class BatchedArray(ForeignArray):
    """`value` with its first dimension hidden;
    `level` tells nested vmaps apart (the innermost is the highest).
    """

    __slots__ = ("value", "level", "__op_priority__")

    def __init__(self, value: Any, level: int) -> None:
        self.value, self.level = value, level
        self.__op_priority__ = 30 + level

    @property
    def shape(self) -> tuple[int, ...]:
        return self.value.shape[1:]

    @property
    def dtype(self) -> np.dtype:
        return self.value.dtype

    @property
    def strides(self) -> tuple[int, ...]:
        return self.value.strides[1:]

    @property
    def levels(self) -> list[tuple[int, int]]:
        """(level, size) of every hidden dimension, outermost array first."""
        return [(self.level, self.batch_size), *getattr(self.value, "levels", ())]

    @property
    def batch_size(self) -> int:
        return self.value.shape[0]

    @property
    def flags(self) -> Any:
        return (
            self.value[0].flags
            if isinstance(self.value, np.ndarray) and len(self.value)
            else self.value.flags
        )

    def full_like(self, fill: Any, dtype: np.dtype, order: str = "K") -> Any:
        return np.full(self.shape, 0 if fill is None else fill, dtype)

    def __store__(self, result: Any) -> BatchedArray:
        """Write a result into every example in place."""
        if isinstance(result, BatchedArray) and result.level == self.level:
            result = result.value
        elif isinstance(result, BatchedArray):
            return BatchedArray(self.value.__store__(result), self.level)
        source = (
            result.reshape((result.shape[0],) + (1,) * (self.ndim + 1 - result.ndim) + result.shape[1:])
            if result.ndim <= self.ndim and result.ndim
            else result
        )
        if isinstance(self.value, np.ndarray):
            np.copyto(self.value, source, casting="unsafe")
            return self
        return BatchedArray(self.value.__store__(source), self.level)

    def __op__(self, op: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        if op.kind == "composite":
            return op.body(*args, **kwargs)
        peeled = [peel(a, self.level) for a in args]
        named = {k: peel(v, self.level) for k, v in kwargs.items()}
        if op.kind == "pointwise":
            out = _pointwise(op, args, peeled, kwargs)
        elif op.batch_rule is not None and not any(flag for _, flag in named.values()):
            out = op.batch_rule(op, self.batch_size, [v for v, _ in peeled], [f for _, f in peeled], kwargs)
        else:
            out = _example_by_example(op, self.batch_size, peeled, named)
        return (
            tuple(BatchedArray(o, self.level) for o in out)
            if isinstance(out, tuple)
            else BatchedArray(out, self.level)
        )

    def item(self) -> Any:
        raise RuntimeError(
            "vmap: It looks like you're either (1) calling .item() "
            "on a Tensor or (2) attempting to use a Tensor in some "
            "data-dependent control flow or (3) encountering this "
            "error in PyTorch internals. Each example has its own value "
            "there: use torch.where instead of `if`"
        )

    __bool__ = __int__ = __float__ = item

    def __repr__(self) -> str:
        return (
            f"BatchedArray(level={self.level}, batch={self.batch_size}, "
            f"shape={self.shape}, dtype={self.dtype})"
        )


def peel(value: Any, level: int) -> tuple[Any, bool]:
    """A value without its batch at `level`, and whether it had one; lists are peeled element by element."""
    if isinstance(value, BatchedArray) and value.level == level:
        return value.value, True
    if isinstance(value, (list, tuple)):
        parts = [peel(v, level) for v in value]
        if any(flag for _, flag in parts):
            return _Parts(parts), True
    return value, False


class _Parts:
    """A list argument some of whose members are batched."""

    def __init__(self, parts: list[tuple[Any, bool]]) -> None:
        self.parts = parts

    def example(self, i: int) -> tuple[Any, ...]:
        return tuple(_example(v, flag, i) for v, flag in self.parts)


def _pointwise(op: Any, args: tuple[Any, ...], peeled: list[tuple[Any, bool]], kwargs: dict[str, Any]) -> Any:
    """Batch in front, ones behind it up to the common number of dimensions;
    types decided by the examples' shapes.
    """
    inputs = args[: len(op.tensors)]
    promoted = [a for a, n in zip(inputs, op.tensors, strict=False) if n in op.promoted]
    computed = op.types(promoted)[0].np
    ndim = max(getattr(a, "ndim", 0) for a in inputs)
    aligned = []
    for (value, flag), name in zip(peeled, op.tensors, strict=False):
        if flag and value.ndim - 1 < ndim:
            value = value.reshape(value.shape[:1] + (1,) * (ndim + 1 - value.ndim) + value.shape[1:])
        typed = name in op.promoted and isinstance(value, np.ndarray)
        aligned.append(cast(value, computed) if typed else value)
    return op(*aligned, *(v for v, _ in peeled[len(op.tensors) :]), **kwargs)


def example_by_example(
    op: Any, size: int, values: list[Any], flags: list[bool], options: dict[str, Any]
) -> Any:
    """The op on each example in turn, results stacked; for rules that do not cover a case."""
    return _example_by_example(
        op, size, list(zip(values, flags, strict=True)), {k: (v, False) for k, v in options.items()}
    )


def _example_by_example(
    op: Any, size: int, peeled: list[tuple[Any, bool]], named: dict[str, tuple[Any, bool]]
) -> Any:
    """The op on each example in turn, results stacked: right for every op, slow."""
    found = []
    for i in range(size):
        args = [_example(v, flag, i) for v, flag in peeled]
        found.append(op(*args, **{k: _example(v, flag, i) for k, (v, flag) in named.items()}))
    if not found:
        raise RuntimeError(f"vmap: {op.name} over a batch of size 0 is not supported")
    if isinstance(found[0], tuple):
        return tuple(_stack([f[k] for f in found]) for k in range(len(found[0])))
    return _stack(found)


def _stack(values: list[Any]) -> Any:
    if isinstance(values[0], np.ndarray):
        return np.stack(values)
    return values[0].ops["stack"](values)


def _example(value: Any, flag: bool, i: int) -> Any:
    if not flag:
        return value
    if isinstance(value, _Parts):
        return value.example(i)
    return value[i, ...] if isinstance(value, np.ndarray) else value.ops["select"](value, 0, i)
