"""What users call on tensors: backward, grad, hooks, `.grad`, `grad_fn`."""

from __future__ import annotations

import weakref
from collections.abc import Callable, Sequence
from functools import cache
from typing import Any

import numpy as np

from ..arrays.tracing import EAGER
from ..errors import shape_text
from . import mode
from .engine import Hooked, Leaf, binding, run, run_general
from .inference import UNTRACKED, inference_on


def set_requires_grad(t: Any, value: bool) -> None:
    """Make a leaf require grad, or not. Raises RuntimeError for integer tensors and for non-leaves."""
    if value:
        if t._b is UNTRACKED and not inference_on():
            raise RuntimeError(
                "requires_grad: Setting requires_grad=True on "
                "inference tensor outside InferenceMode is not allowed."
            )
        if t._n is None:
            if t._a.dtype.kind not in "fcV":
                raise RuntimeError(
                    "requires_grad: only Tensors of floating point and "
                    f"complex dtype can require gradients, got {t.dtype}"
                )
            t._n = t.__dict__.pop("_leaf", None) or Leaf()
    elif t._n.__class__ is list:
        raise RuntimeError(
            "requires_grad: you can only change requires_grad "
            "flags of leaf variables. If you want to use a computed "
            "variable in a subgraph that doesn't require differentiation use var_no_grad = var.detach()."
        )
    elif t._n is not None:
        if t._n.grad is not None:
            t.__dict__["_leaf"] = t._n
        t._n = None


def get_grad(t: Any) -> Any:
    """The accumulated gradient of a leaf (or of a tensor that retains it), or None."""
    n = t._n
    if n.__class__ is Leaf:
        return n.grad
    held = t.__dict__.get("_leaf")
    return held.grad if held is not None else None


def set_grad(t: Any, value: Any) -> None:
    """Replace the gradient. Raises for what is not a Tensor of the same shape and dtype."""
    if value is not None:
        if not isinstance(value, binding.tensor):
            raise TypeError(f"grad: assigned grad must be a Tensor or None, got {type(value).__name__}")
        if value._a.shape != t._a.shape:
            raise RuntimeError(
                "grad: assigned grad has data of a different size: "
                f"{shape_text(value._a.shape)} for a tensor of shape "
                f"{shape_text(t._a.shape)}"
            )
        if value._a.dtype != t._a.dtype:
            raise RuntimeError(
                f"grad: assigned grad has data of a different type: {value.dtype} for {t.dtype}"
            )
    n = t._n
    if n.__class__ is Leaf:
        n.grad = value
    elif value is not None or "_leaf" in t.__dict__:
        t.__dict__.setdefault("_leaf", Leaf()).grad = value


def first_cotangent(t: Any, gradient: Any, create_graph: bool) -> Any:
    """The cotangent backward starts with: ones for one element, else what the caller gave, checked."""
    a = t._a
    if gradient is None:
        if a.size != 1:
            raise RuntimeError(
                "backward: grad can be implicitly created only "
                "for scalar outputs, and this tensor has shape "
                f"{shape_text(a.shape)}; call .sum() or .mean() first, or pass gradient=torch.ones_like(x)"
            )
        if a.dtype.kind == "c":
            raise RuntimeError("backward: grad can be implicitly created only for real scalar outputs")
        ones = _ones(a)
        return binding.wrap(ones) if create_graph else ones
    if not isinstance(gradient, binding.tensor):
        raise TypeError(
            f"backward: gradients can be either Tensors or None, but got {type(gradient).__name__}"
        )
    if gradient._a.shape != a.shape:
        raise RuntimeError(
            "backward: Mismatch in shape: the gradient has shape "
            f"{shape_text(gradient._a.shape)} and the tensor "
            f"{shape_text(a.shape)}"
        )
    if gradient._a.dtype != a.dtype and a.__class__ is np.ndarray:
        gradient = binding.wrap(gradient._a.astype(a.dtype))
    return gradient if create_graph else gradient._a


def _ones(a: Any) -> Any:
    if a.__class__ is not np.ndarray:
        return a.ones_like()
    return _one(a.dtype).copy() if a.ndim == 0 else np.ones(a.shape, a.dtype)


@cache
def _one(kind: np.dtype) -> Any:
    return np.ones((), kind)


def _check_root(t: Any, i: int = 0) -> None:
    if t._n is None:
        raise RuntimeError(
            f"backward: element {i} of tensors does not require grad "
            "and does not have a grad_fn: nothing it was computed "
            "from requires grad (or it was computed under torch.no_grad(), or detached)"
        )


def backward(
    t: Any, gradient: Any, retain_graph: bool | None, create_graph: bool, inputs: Any = None
) -> None:
    """Tensor.backward."""
    _check_root(t)
    g = first_cotangent(t, gradient, create_graph)
    retain = create_graph if retain_graph is None else retain_graph
    if create_graph or inputs is not None or mode.anomaly_on() or not EAGER:
        with mode.set_grad_enabled(create_graph):
            _into([t._n], [g], retain, create_graph, inputs)
    else:
        with mode.no_grad():
            run(t._n, g, retain)


def _into(roots: list[Any], cotangents: list[Any], retain: bool, create_graph: bool, inputs: Any) -> None:
    if inputs is None:
        run_general(roots, cotangents, retain, create_graph)
        return
    inputs = [inputs] if isinstance(inputs, binding.tensor) else list(inputs)
    if not inputs:
        raise RuntimeError("backward: 'inputs' argument cannot be empty.")
    for x in inputs:
        if x._n is None:
            raise RuntimeError("backward: one of the `inputs` does not require grad: can't retain_grad on it")
    found = run_general(roots, cotangents, retain, create_graph, _captures(inputs), into_leaves=False)
    for i, x in enumerate(inputs):
        if i in found:
            arrived = found[i] if create_graph else binding.wrap(_own(found[i]))
            set_grad(x, arrived if x.grad is None else x.grad + arrived)


def backward_many(
    tensors: Any,
    grad_tensors: Any = None,
    retain_graph: Any = None,
    create_graph: bool = False,
    inputs: Any = None,
) -> None:
    """torch.autograd.backward: the sum of the gradients of several tensors into the leaves."""
    tensors = [tensors] if isinstance(tensors, binding.tensor) else list(tensors)
    given = _sequence(grad_tensors, len(tensors))
    if len(tensors) == 1:
        backward(tensors[0], given[0], retain_graph, create_graph, inputs)
        return
    for i, t in enumerate(tensors):
        _check_root(t, i)
    cotangents = [first_cotangent(t, g, create_graph) for t, g in zip(tensors, given, strict=True)]
    retain = create_graph if retain_graph is None else retain_graph
    with mode.set_grad_enabled(create_graph):
        _into([t._n for t in tensors], cotangents, retain, create_graph, inputs)


def _sequence(value: Any, n: int) -> list[Any]:
    if value is None:
        return [None] * n
    given = [value] if isinstance(value, binding.tensor) else list(value)
    if len(given) != n:
        raise RuntimeError(f"got {n} tensors and {len(given)} gradients")
    return given


def _captures(inputs: Sequence[Any]) -> dict[int, list[int]]:
    captures: dict[int, list[int]] = {}
    for i, x in enumerate(inputs):
        n = x._n
        captures.setdefault(n[0] if n.__class__ is list else id(n), []).append(i)
    return captures


def grad(
    outputs: Any,
    inputs: Any,
    grad_outputs: Any = None,
    retain_graph: bool | None = None,
    create_graph: bool = False,
    allow_unused: bool | None = None,
    is_grads_batched: bool = False,
    materialize_grads: bool = False,
) -> tuple[Any, ...]:
    """The sum of gradients of `outputs` with respect to each of `inputs`; no `.grad` is touched.

    Raises RuntimeError for an input the outputs do not depend on,
    unless `allow_unused` (its gradient is None) or `materialize_grads` (zeros).
    """
    outputs = [outputs] if isinstance(outputs, binding.tensor) else list(outputs)
    inputs = [inputs] if isinstance(inputs, binding.tensor) else list(inputs)
    if is_grads_batched:
        return _grad_of_batch(
            outputs, inputs, grad_outputs, retain_graph, create_graph, allow_unused, materialize_grads
        )
    if materialize_grads and allow_unused is False:
        raise ValueError("grad: Expected allow_unused to be True or not passed when materialize_grads=True")
    for x in inputs:
        if x._n is None:
            raise RuntimeError("grad: One of the differentiated Tensors does not require grad")
    for i, t in enumerate(outputs):
        _check_root(t, i)
    given = _sequence(grad_outputs, len(outputs))
    cotangents = [first_cotangent(t, g, create_graph) for t, g in zip(outputs, given, strict=True)]
    retain = create_graph if retain_graph is None else retain_graph
    roots = [t._n for t in outputs]
    with mode.set_grad_enabled(create_graph):
        found = run_general(roots, cotangents, retain, create_graph, _captures(inputs), into_leaves=False)
    return tuple(
        _answer(i, x, found, create_graph, bool(allow_unused), materialize_grads)
        for i, x in enumerate(inputs)
    )


def _grad_of_batch(outputs: list[Any], inputs: list[Any], cotangents: Any, *settings: Any) -> tuple[Any, ...]:
    """grad for many cotangents at once, stacked in their first dimension; so are the gradients."""
    from ..func.vmapping import vmap

    given = _sequence(cotangents, len(outputs))
    some = [i for i, c in enumerate(given) if c is not None]
    used: list[int] = []

    def one(*examples: Any) -> Any:
        full = list(given)
        for i, c in zip(some, examples):
            full[i] = c
        found = grad(outputs, inputs, full, settings[0], settings[1], settings[2], False, settings[3])
        used[:] = [i for i, g in enumerate(found) if g is not None]
        return tuple(g for g in found if g is not None)

    stacked = vmap(one)(*(given[i] for i in some))
    found = dict(zip(used, stacked))
    return tuple(found.get(i) for i in range(len(inputs)))


def _answer(i: int, x: Any, found: dict[int, Any], create_graph: bool, unused_ok: bool, zeros: bool) -> Any:
    if i in found:
        return found[i] if isinstance(found[i], binding.tensor) else binding.wrap(_own(found[i]))
    if zeros:
        return binding.wrap(np.zeros(x._a.shape, x._a.dtype))
    if unused_ok:
        return None
    raise RuntimeError(
        "grad: One of the differentiated Tensors appears to "
        f"not have been used in the graph (inputs[{i}]). Set "
        f"allow_unused=True if this is the desired behavior."
    )


def _own(g: Any) -> Any:
    """A cotangent as an array the caller may write to: broadcast views are copied."""
    return g if g.__class__ is not np.ndarray or g.flags.writeable else g.copy()


# -- hooks --------------------------------------------------------------------------------------------


RETAINING = -1  # the place of retain_grad among the hooks of a node


class RemovableHandle:
    """What registering a hook returns; `.remove()` takes the hook away."""

    _next = 0

    def __init__(self, hooks: dict[int, Any]) -> None:
        self._hooks = hooks
        self.id = RemovableHandle._next
        RemovableHandle._next += 1

    def remove(self) -> None:
        self._hooks.pop(self.id, None)

    def __enter__(self) -> RemovableHandle:
        return self

    def __exit__(self, *exc: object) -> None:
        self.remove()


def add_hook(hooks: dict[int, Any], hook: Any) -> RemovableHandle:
    """Add a hook to a dictionary of them; one that keeps the gradient (retain_grad) stays the last."""
    handle = RemovableHandle(hooks)
    hooks[handle.id] = hook
    if RETAINING in hooks:
        hooks[RETAINING] = hooks.pop(RETAINING)
    return handle


def register_hook(t: Any, hook: Callable[[Any], Any]) -> RemovableHandle:
    """Tensor.register_hook."""
    n = t._n
    if n is None:
        raise RuntimeError("register_hook: cannot register a hook on a tensor that doesn't require gradient")
    if n.__class__ is Leaf:
        n.hooks = {} if n.hooks is None else n.hooks
        return add_hook(n.hooks, hook)
    if not isinstance(n[1], Hooked):
        n[1] = Hooked(n[1])
    return add_hook(n[1].hooks, hook)


def register_post_accumulate_hook(t: Any, hook: Callable[[Any], Any]) -> RemovableHandle:
    """Tensor.register_post_accumulate_grad_hook."""
    n = t._n
    if n.__class__ is not Leaf:
        raise RuntimeError("post accumulate grad hooks cannot be registered on non-leaf tensors")
    n.after = {} if n.after is None else n.after
    owner = weakref.ref(t)
    return add_hook(n.after, lambda: hook(owner()))


def retain_grad(t: Any) -> None:
    """Tensor.retain_grad."""
    if t._n is None:
        raise RuntimeError("retain_grad: can't retain_grad on Tensor that has requires_grad=False")
    if t._n.__class__ is Leaf or t.__dict__.get("_retains"):
        return
    t.__dict__["_retains"] = True
    owner = weakref.ref(t)

    def keep(g: Any) -> None:
        held = owner()
        if held is not None:
            set_grad(held, g if get_grad(held) is None else get_grad(held) + g)

    if not isinstance(t._n[1], Hooked):
        t._n[1] = Hooked(t._n[1])
    t._n[1].hooks[RETAINING] = keep
