"""What generated op functions call: unwrapping, wrapping, keeping values for backward with their versions."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from typing import Any, NoReturn

import numpy as np

from ..arrays import memory
from ..arrays import numpy as arrays
from ..errors import shape_text
from .engine import Outputs, binding, lasting, next_number, select_backward

ndarray = np.ndarray


# -- in and out of Tensors ----------------------------------------------------------------------------


def unwrapper(name: str) -> Callable[[Any], Any]:
    """A function from an argument of op `name` to its array; numbers and None pass."""

    def unwrap(value: Any) -> Any:
        if isinstance(value, binding.tensor):
            return value._a
        if value is None or value.__class__ in _NUMBERS:
            return value
        if isinstance(value, np.generic):
            return value.item()
        if isinstance(value, (int, float, complex)) or hasattr(value, "__op__"):
            return value
        raise TypeError(f"{name}: expected a Tensor (or a number), got {_describe(value)}")

    return unwrap


def operand(value: Any) -> Any:
    """The other side of an operator as an op takes it;
    NotImplemented for what only it may know how to combine.
    """
    if isinstance(value, (binding.tensor, int, float, complex)) or hasattr(value, "__op__"):
        return value
    if isinstance(value, np.generic):
        return value.item()
    return binding.wrap(value) if isinstance(value, ndarray) else NotImplemented


_NUMBERS = frozenset({int, float, bool, complex})


def _describe(value: Any) -> str:
    kind = type(value).__name__
    hint = (
        "; torch.from_numpy or torch.tensor makes a Tensor of it"
        if isinstance(value, (ndarray, list))
        else ""
    )
    return f"{kind}{hint}"


def finish(out: Any) -> Any:
    """Op results as arrays: NumPy's scalars become 0-dim arrays, also inside tuples."""
    if isinstance(out, np.generic):
        return np.asarray(out)
    if out.__class__ is tuple or out.__class__ is list:
        return out.__class__(map(finish, out))
    return out


def plain(out: Any) -> Any:
    """The untracked Tensor(s) of op results."""
    if out.__class__ is tuple:
        return tuple(map(binding.wrap, out))
    return binding.wrap(out)


_constants: dict[tuple[Any, Any, Any], ndarray] = {}


def constant(dtype: np.dtype, value: Any) -> ndarray:
    """A read-only 0-dim array of a Python number, kept (NumPy's array * 2.0 costs twice array * constant).

    Zero is never kept (0.0 and -0.0 would share a key), and the table is bounded.
    """
    key = (dtype, value.__class__, value)
    found = _constants.get(key) if value else None
    if found is None:
        found = np.array(value, dtype)
        found.flags.writeable = False
        if value:
            if len(_constants) >= 1024:
                _constants.clear()
            _constants[key] = found
    return found


def broadcast_error(name: str, x: Any, y: Any) -> NoReturn:
    """Raise the RuntimeError for shapes that do not broadcast."""
    arrays.broadcast_shapes(name, x.shape, y.shape)
    raise RuntimeError(f"{name}: shapes {shape_text(x.shape)} and {shape_text(y.shape)} do not fit together")


# -- nodes ---------------------------------------------------------------------------------------------


def node(value: Any) -> Any:
    """The graph node of a Tensor that is tracked, else None."""
    return value._n if isinstance(value, binding.tensor) else None


def nodes(values: Sequence[Any]) -> Any:
    """The nodes of a sequence of Tensors, None when none is tracked."""
    found = tuple([v._n if v.__class__ is binding.tensor else node(v) for v in values])
    for n in found:
        if n is not None:
            return found
    return None


def not_a_list(op: str, name: str) -> NoReturn:
    """Raise the TypeError for one Tensor where a list of them is asked for."""
    raise TypeError(f"{op}(): argument {name!r} must be tuple of Tensors, not Tensor; put it in a list")


NO_NODES: tuple[Any, ...] = ()


def changed(op: str, name: str, box: list[Any]) -> NoReturn:
    """Raise the error for a kept value that was modified in place before backward used it."""
    what = "its output" if name == "out" else f"its {name!r}"
    culprit = f" by {box[2][0]} at {located(box[2])}" if box[2] else ""
    raise RuntimeError(
        f"{op} backward: one of the variables needed for gradient "
        "computation has been modified by an inplace operation: "
        f"{op} kept {what}, and it was changed{culprit} before "
        "backward ran. Use the out-of-place form there, "
        f"or .clone() the tensor first"
    )


def located(mark: tuple[Any, ...]) -> str:
    """File and line of a remembered instruction."""
    _, code, instruction = mark
    lines = [line for start, end, line in code.co_lines() if start <= instruction < end and line]
    return f"{code.co_filename}:{lines[0] if lines else code.co_firstlineno}"


def bump(tensor: Any, op: str, depth: int = 2) -> None:
    """Count a change of `tensor` in place, remembering who did it and where."""
    frame = sys._getframe(depth)
    while frame.f_code.co_filename.startswith("<rushlight") and frame.f_back is not None:
        frame = frame.f_back
    b = tensor._b
    if b is None:
        tensor._b = [1, None, (op, frame.f_code, frame.f_lasti)]
    else:
        b[0] += 1
        b[2] = (op, frame.f_code, frame.f_lasti)


def version(value: Any) -> Any:
    """What to keep beside a saved value: a Tensor's version, None for what is not a Tensor."""
    if isinstance(value, binding.tensor):
        return 0 if value._b is None else value._b[0]
    if value.__class__ is tuple or value.__class__ is list:
        return tuple(map(version, value))
    return None


def kept(value: Any, v: Any, op: str, name: str) -> Any:
    """A saved input for raw-array backward: its array, checked to be unchanged."""
    if v is None:
        return value
    if v.__class__ is tuple:
        return tuple([kept(x, w, op, name) for x, w in zip(value, v, strict=True)])
    b = value._b
    if b is not None and b[0] != v:
        changed(op, name, b)
    return value._a


def kept_tensor(value: Any, v: Any, op: str, name: str) -> Any:
    """A saved input for differentiable backward: the Tensor, checked to be unchanged."""
    kept(value, v, op, name)
    return value


def kept_output(array: Any, box: list[Any], op: str) -> Any:
    """A saved output's array, checked to be unchanged."""
    if box[0] != 0:
        changed(op, "out", box)
    return array


def kept_output_tensor(array: Any, box: list[Any], op: str, n: list[Any], position: int | None = None) -> Any:
    """A saved output as a Tensor linked to its node again
    (the node itself must not hold it: that is a cycle).
    """
    kept_output(array, box, op)
    t = binding.wrap(array)
    if array.dtype.kind not in "fcV":
        return t  # indices carry no gradient
    t._n = n if position is None else [n[0] - (1 + position) / 1024, select_backward, n, position]
    return t


def fit(g: Any, shape: tuple[int, ...], dtype: np.dtype) -> Any:
    """A cotangent brought back to its input's shape (undoing broadcasting) and dtype; arrays or Tensors."""
    if isinstance(g, binding.tensor):
        return binding.fit(g, shape, dtype)
    if hasattr(g, "__op__"):
        return g.__fit__(shape, dtype)
    g = arrays.as_array(g)
    if g.dtype != dtype:
        g = arrays.cast(g, dtype)
    return (
        g
        if g.shape == shape
        else arrays.sum_to(np.broadcast_to(g, np.broadcast_shapes(g.shape, shape)), shape)
    )


def all_parts(g: Any, protos: Sequence[Any]) -> tuple[Any, ...]:
    """The cotangents of every output of a node, zeros where none arrived
    (None for outputs without gradient).
    """
    parts = g.parts if isinstance(g, Outputs) else {0: g}
    like = next(iter(parts.values()))
    return tuple(parts.get(i, _zeros(like, *p) if p else None) for i, p in enumerate(protos))


def _zeros(like: Any, shape: tuple[int, ...], dtype: np.dtype) -> Any:
    zeros = memory.zeros(shape, dtype)
    return binding.wrap(zeros) if isinstance(like, binding.tensor) else zeros


# -- under vmap ----------------------------------------------------------------------------------------


def gather_batches(out: Any, nodes: tuple[Any, ...], values: tuple[Any, ...]) -> tuple[Any, ...]:
    """Nodes of an op with a batched result: where an input is one for all examples,
    its gradient is their sum.
    """
    if out.__class__ is tuple:
        out = next((o for o in out if hasattr(o, "levels")), out[0])
    wanted = getattr(out, "levels", ())
    if not wanted:
        return nodes
    return tuple(_through(n, value, wanted) for n, value in zip(nodes, values, strict=False))


def _through(n: Any, value: Any, wanted: Sequence[tuple[int, int]]) -> Any:
    if n is None:
        return None
    if isinstance(value, (list, tuple)):
        return tuple(_through(m, v, wanted) for m, v in zip(n, value, strict=True))
    have = {level for level, _ in getattr(value._a, "levels", ())}
    for level, size in reversed(wanted):
        if level not in have:
            n = [next_number(), _sum_batch, n, level, size]
    return n


def _sum_batch(n: list[Any], g: Any) -> Any:
    """The gradients of all examples, added up; one that is the same for all counts once per example."""
    if getattr(g, "level", None) == n[3]:
        return binding.sum_array(g.value)
    return g * n[4]


def _sum_batch_on_tensors(n: list[Any], g: Any) -> Any:
    return binding.sum_batch(g, n[3], n[4])


_sum_batch.on_tensors = _sum_batch_on_tensors
lasting.add(_sum_batch)
