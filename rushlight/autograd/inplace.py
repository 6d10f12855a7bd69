"""Writing into a tensor: stores, `out=`, views that share versions,
and history rewritten behind an in-place op.

After `y.mul_(w)` on a tracked tensor, `y` stands for the product: its node is exchanged. A view written to
changes its base's history (copy_slices), and every live view of that base is replayed on the new history.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import numpy as np

import rushlight.dtypes as dtypes

from ..arrays.tracing import EAGER, tracer, turned
from ..errors import shape_text
from . import record
from .engine import Leaf, binding, next_number
from .inference import UNTRACKED, refuse_write
from .mode import grad_on

ndarray = np.ndarray
Steps = list[tuple[Any, tuple[Any, ...], dict[str, Any]]]


def store(t: Any, result: Any, name: str, depth: int = 3) -> None:
    """Write an op's result into `t`'s memory and count the change."""
    a = t._a
    if t._b is UNTRACKED:
        refuse_write(name)
    traced = None if EAGER else tracer()
    if traced is not None:
        traced.write(t, result, name)
    elif a.__class__ is not ndarray:
        t._a = a.__store__(result)
    elif result.__class__ is not ndarray and hasattr(result, "__op__"):
        raise RuntimeError(f"{name}: cannot write a {type(result).__name__} into an ordinary tensor in place")
    else:
        check_writable(a, result, name)
        np.copyto(a, result, casting="unsafe")
    record.bump(t, name, depth)


def check_writable(a: ndarray, result: Any, name: str) -> None:
    """Raise RuntimeError where `result` does not go into `a`: its type, its shape,
    or `a`'s memory forbids it.
    """
    if result.dtype is not a.dtype:
        have, want = dtypes.of_numpy(result.dtype), dtypes.of_numpy(a.dtype)
        if not dtypes.can_cast(have, want):
            raise RuntimeError(
                f"{name}: result type {_capital(have)} can't be "
                f"cast to the desired output type {_capital(want)}"
            )
    if result.shape != a.shape and not _stretches(result.shape, a.shape):
        raise RuntimeError(
            f"{name}: output with shape {list(a.shape)} doesn't "
            f"match the broadcast shape {list(result.shape)}; "
            f"an in-place op cannot change the shape {shape_text(a.shape)} of what it writes to"
        )
    if not a.flags.writeable:
        raise RuntimeError(
            f"{name}: unsupported operation: more than one element "
            "of the written-to tensor refers to a single memory "
            f"location (an expanded tensor), or its memory is read-only. Please clone() the tensor first"
        )


def _capital(d: dtypes.dtype) -> str:
    names = {
        "float32": "Float",
        "float64": "Double",
        "int64": "Long",
        "int32": "Int",
        "bool": "Bool",
        "float16": "Half",
    }
    return names.get(d.name, d.name)


def _stretches(shape: tuple[int, ...], target: tuple[int, ...]) -> bool:
    extra = len(target) - len(shape)
    return extra >= 0 and all(n in (1, m) for n, m in zip(shape, target[extra:], strict=True))


def guard(t: Any, name: str) -> None:
    """Raise RuntimeError where `t`, a view or an inference tensor that is not tracked itself,
    is not to be written to.
    """
    if t._b is UNTRACKED:
        refuse_write(name)
        return
    base = base_of(t)
    if t is base or base._n is None or t._n is not None or not grad_on():
        return
    if any(view() is t for view in base._b[1] or ()):
        guard_leaf(t, name)
        return
    raise RuntimeError(
        f"{name}: A view was created in no_grad mode and is being "
        "modified inplace with grad mode enabled. It is unclear "
        "whether that should be tracked: put both the view and the "
        "in-place operation inside the no_grad block, or both outside"
    )


def guard_leaf(t: Any, name: str) -> None:
    """Raise RuntimeError if writing to `t` now would change a leaf that requires grad (or a view of one)."""
    if t._n.__class__ is Leaf:
        what = "a leaf Variable that requires grad"
    elif base_of(t)._n.__class__ is Leaf:
        what = "a view of a leaf Variable that requires grad"
    else:
        return
    raise RuntimeError(
        f"{name}: {what} is being used in an in-place operation. Do it inside `with torch.no_grad():`, "
        f"or use the out-of-place form {name.rstrip('_')}()"
    )


def recorded(
    t: Any, function: Callable[..., Any], arguments: dict[str, Any], name: str, depth: int = 4
) -> Any:
    """Run an in-place op that autograd must see: out of place on the old value,
    stored, and the history exchanged.
    """
    guard_leaf(t, name)
    old = binding.wrap(t._a.copy())
    old._n = t._n
    result = function(**{k: old if x is t else x for k, x in arguments.items()})
    store(t, result._a, name, depth)
    rebase(t, result._n)
    return t


# -- views --------------------------------------------------------------------------------------------


def forget_dead(live: list[Any]) -> None:
    """Drop the views that are gone from a storage's list of live views."""
    live[:] = [q for q in live if q() is not None]


def base_of(t: Any) -> Any:
    """The tensor that `t` is a view of, directly or through other views; `t` itself if it is none."""
    while t._v is not None:
        t = t._v[0]
    return t


def steps_to(view: Any) -> Steps:
    """How `view` is made from its base: (function, its options), in order. Holds no tensors of the chain."""
    steps = []
    while view._v is not None:
        view, function, arguments, named = view._v
        steps.append((function, arguments, named))
    return steps[::-1]


def replay(steps: Steps, base: Any) -> Any:
    """The view that `steps` make, taken of another base."""
    for function, arguments, named in steps:
        base = function(base, *arguments, **named)
    return base


def rebase(t: Any, node: Any) -> None:
    """`t` was written to and its value now comes from `node`: exchange the history of it,
    its base, their views.
    """
    base = base_of(t)
    if t is base:
        t._n = node
    else:
        base._n = [next_number(), copy_slices_backward, (base._n, node), steps_to(t)]
    for q in (base._b and base._b[1]) or ():
        view = q()
        if view is not None and view._v is not None and base_of(view) is base:
            shadow = binding.wrap(base._a)
            shadow._n = base._n
            view._n = replay(steps_to(view), shadow)._n


def copy_slices_backward(n: list[Any], g: Any) -> tuple[Any, Any]:
    """Backward of a write through a view: the view's place goes to the written value,
    the rest to the old base.
    """
    if g.__class__ is not ndarray:  # a batch, under vmap
        rest, written = _copy_slices_on_tensors(n, binding.wrap(g))
        return rest._a, written._a
    rest = binding.wrap(g.copy())
    place = replay(n[3], rest)
    written = place._a.copy()
    place._a[...] = 0
    return rest._a, written


def _copy_slices_on_tensors(n: list[Any], g: Any) -> tuple[Any, Any]:
    keep = binding.wrap(np.ones(g.shape, g._a.dtype))
    replay(n[3], keep)._a[...] = 0
    return g * keep, replay(n[3], g)


copy_slices_backward.on_tensors = _copy_slices_on_tensors  # type: ignore[attr-defined]
copy_slices_backward.__name__ = "CopySlices"


# -- out= ---------------------------------------------------------------------------------------------


def write_out(name: str, out: Any, result: Any, nodes: tuple[Any, ...]) -> Any:
    """Write results into `out=` (a Tensor, or a tuple of them), resizing as PyTorch does. Returns `out`."""
    if isinstance(result, (tuple, list)):
        parts = [write_out(name, o, r, nodes) for o, r in zip(out, result, strict=True)]
        return type(out)(parts) if type(out) in (tuple, list) else out
    if not isinstance(out, binding.tensor):
        raise TypeError(f"{name}: argument 'out' must be Tensor, not {type(out).__name__}")
    if grad_on() and (out._n is not None or any(n is not None for n in nodes)):
        raise RuntimeError(
            f"{name}: functions with out=... arguments don't "
            "support automatic differentiation, but one of the "
            f"arguments requires grad; call it without out=, or inside torch.no_grad()"
        )
    array = getattr(result, "_a", result)
    if out._a.shape != array.shape:
        _resize(name, out, array.shape)
    store(out, array, name, depth=4)
    return out


def _resize(name: str, out: Any, shape: tuple[int, ...]) -> None:
    if out._a.size:
        warnings.warn(
            f"{name}: an output with one or more elements was resized "
            f"since it had shape {list(out._a.shape)}, which does "
            f"not match the required output shape {list(shape)}. "
            "Pass an empty tensor or one of the right shape",
            UserWarning,
            stacklevel=5,
        )
    turned(out)
    out._a = np.empty(shape, out._a.dtype)
