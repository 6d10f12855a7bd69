"""Gradients as functions of functions: grad, vjp, jvp, jacrev, jacfwd, hessian."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any

import numpy as np

from ..autograd import tape
from ..autograd.engine import Leaf, next_number
from ..autograd.mode import enable_grad
from ..tensor import Tensor, wrap
from .levels import depth
from .tree import flatten, tree_map, unflatten
from .vmapping import repeated, vmap


class _Level:
    """One transform being applied; within another, or on tracked inputs, results must stay differentiable."""

    def __enter__(self) -> None:
        self._token = depth.set(depth.get() + 1)

    def __exit__(self, *exc: object) -> None:
        depth.reset(self._token)


def _outer(tensors: list[Any]) -> bool:
    return depth.get() > 1 or any(isinstance(t, Tensor) and t._n is not None for t in tensors)


def _identity(n: list[Any], g: Any) -> Any:
    return g


_identity.on_tensors = _identity  # type: ignore[attr-defined]


def track(t: Any) -> Any:
    """A new tensor over the same numbers to differentiate with respect to;
    still linked to where `t` came from.
    """
    if not isinstance(t, Tensor):
        return t
    t = repeated(t)
    fresh = wrap(t._a)
    fresh._n = Leaf() if t._n is None else [next_number(), _identity, t._n]
    return fresh


def _pulled(
    outputs: list[Any], inputs: list[Any], cotangents: list[Any], again: bool, retain: bool = False
) -> list[Any]:
    """Gradients of `outputs` (those that depend on anything) with respect to `inputs`;
    zeros where there is none.
    """
    pairs = [(o, c) for o, c in zip(outputs, cotangents, strict=True) if o._n is not None]
    if not pairs:
        return [wrap(np.zeros(x._a.shape, x._a.dtype)) for x in inputs]
    found = tape.grad(
        [o for o, _ in pairs],
        inputs,
        [c for _, c in pairs],
        create_graph=again,
        retain_graph=again or retain,
        materialize_grads=True,
    )
    return list(found)


def _shown(aux: Any, again: bool) -> Any:
    """What a function gave beside its value; detached where nothing outside differentiates."""
    return aux if again else tree_map(lambda t: t.detach() if isinstance(t, Tensor) else t, aux)


def _ones(t: Tensor) -> Tensor:
    a = t._a
    return wrap(np.ones(a.shape, a.dtype) if isinstance(a, np.ndarray) else a.ones_like())


def _chosen(args: tuple[Any, ...], argnums: Any) -> tuple[tuple[Any, ...], list[Any], Any]:
    """The arguments with those at `argnums` tracked, the tracked leaves, and the nest to give results in."""
    numbers = (argnums,) if isinstance(argnums, int) else tuple(argnums)
    for i in numbers:
        if not -len(args) <= i < len(args):
            raise RuntimeError(f"grad: got argnum={i}, but only {len(args)} positional inputs")
    numbers = tuple(i % len(args) for i in numbers)
    tracked = {i: tree_map(track, args[i]) for i in numbers}
    nest = tracked[numbers[0]] if isinstance(argnums, int) else tuple(tracked[i] for i in numbers)
    leaves, shape = flatten(nest)
    return tuple(tracked.get(i, a) for i, a in enumerate(args)), leaves, shape


def grad_and_value(func: Callable[..., Any], argnums: Any = 0, has_aux: bool = False) -> Callable[..., Any]:
    """A function giving (gradient, value) of a scalar function; with `has_aux`, (gradient, (value, aux))."""

    @wraps(func)
    def wrapper(*args: Any, **kwargs: Any) -> Any:
        with _Level(), enable_grad():
            again = _outer(flatten((args, kwargs))[0])
            inside, leaves, shape = _chosen(args, argnums)
            out = func(*inside, **kwargs)
            value, aux = out if has_aux else (out, None)
            if not isinstance(value, Tensor) or value._a.shape != ():
                got = (
                    f"a tensor of shape {tuple(value.shape)}"
                    if isinstance(value, Tensor)
                    else type(value).__name__
                )
                raise RuntimeError(
                    "grad: Expected f(*args) to return a scalar "
                    f"tensor, got {got}; for others use vjp or jacrev"
                )
            grads = _pulled([value], leaves, [_ones(value)], again)
        value = value if again else value.detach()
        return unflatten(shape, grads), ((value, _shown(aux, again)) if has_aux else value)

    return wrapper


def grad(func: Callable[..., Any], argnums: Any = 0, has_aux: bool = False) -> Callable[..., Any]:
    """A function giving the gradient of a scalar function with respect to its argument(s) `argnums`."""
    both = grad_and_value(func, argnums, has_aux)

    @wraps(func)
    def wrapper(*args: Any, **kwargs: Any) -> Any:
        found, value = both(*args, **kwargs)
        return (found, value[1]) if has_aux else found

    return wrapper


def vjp(func: Callable[..., Any], *primals: Any, has_aux: bool = False) -> Any:
    """(output, pull), with pull(cotangents) the vector-Jacobian product,
    one entry per primal (bare for one).
    """
    with _Level(), enable_grad():
        again = _outer(flatten(primals)[0])
        inside = tuple(tree_map(track, p) for p in primals)
        leaves, shape = flatten(inside)
        out = func(*inside)
        out, aux = out if has_aux else (out, None)
    outputs, out_shape = flatten(out)

    def pull(*cotangents: Any, retain_graph: bool = True, create_graph: bool | None = None) -> Any:
        given = flatten(cotangents[0] if len(cotangents) == 1 else cotangents)[0]
        if len(given) != len(outputs):
            raise RuntimeError(
                "vjp: Expected pytree structure of cotangents to match "
                f"the output: {len(outputs)} tensors, got {len(given)}"
            )
        with enable_grad():
            grads = _pulled(outputs, leaves, given, again or _outer(given), retain=True)
        nest = unflatten(shape, grads)
        return nest if len(nest) != 1 else nest

    shown = unflatten(out_shape, [o if again else o.detach() for o in outputs])
    return (shown, pull, _shown(aux, again)) if has_aux else (shown, pull)


def jvp(
    func: Callable[..., Any], primals: Any, tangents: Any, *, strict: bool = False, has_aux: bool = False
) -> Any:
    """(output, Jacobian-vector product): the derivative of `func` along `tangents`.

    Computed as the transpose of the transpose: the vjp is linear in its cotangent,
    and its own vjp is the jvp.
    """
    if not isinstance(primals, tuple) or not isinstance(tangents, tuple):
        raise RuntimeError("jvp: Expected primals and tangents to be tuples, e.g. jvp(f, (x,), (v,))")
    with _Level(), enable_grad():
        again = _outer(flatten((primals, tangents))[0])
        inside = tuple(tree_map(track, p) for p in primals)
        leaves, _ = flatten(inside)
        along = flatten(tangents)[0]
        for x, v in zip(leaves, along, strict=True):
            if x._a.shape != v._a.shape:
                raise RuntimeError(
                    "jvp: expected primals and tangents of the same "
                    f"shape, got {tuple(x.shape)} and {tuple(v.shape)}"
                )
        out = func(*inside)
        out, aux = out if has_aux else (out, None)
        outputs, shape = flatten(out)
        pushed = [_pushed(o, leaves, along, again) for o in outputs]
    value = unflatten(shape, [o if again else o.detach() for o in outputs])
    tangent = unflatten(shape, pushed)
    return (value, tangent, _shown(aux, again)) if has_aux else (value, tangent)


def _pushed(output: Tensor, leaves: list[Any], along: list[Any], again: bool) -> Tensor:
    if output._n is None:
        return output * 0
    u = track(output.detach() * 0)
    pulled = _pulled([output], leaves, [u], True)
    tracked = [(g, v) for g, v in zip(pulled, along, strict=True) if g._n is not None]
    if not tracked:
        return output.detach() * 0
    found = _pulled([g for g, _ in tracked], [u], [v for _, v in tracked], again, retain=True)
    return found[0]


# -- Jacobians ----------------------------------------------------------------------------------------


def _basis(t: Tensor) -> Tensor:
    """The unit tensors of t's shape, stacked."""
    n = t._a.size
    return wrap(np.eye(n, dtype=t._a.dtype).reshape(n, *t._a.shape))


def jacrev(
    func: Callable[..., Any],
    argnums: Any = 0,
    *,
    has_aux: bool = False,
    chunk_size: int | None = None,
    _preallocate_and_copy: bool = False,
) -> Callable[..., Any]:
    """A function giving the Jacobian by reverse mode: one vjp per output element, mapped.

    Shape: output shape + input shape.
    """

    @wraps(func)
    def wrapper(*args: Any) -> Any:
        numbers = (argnums,) if isinstance(argnums, int) else tuple(argnums)

        def restricted(*chosen: Any) -> Any:
            full = list(args)
            for i, value in zip(numbers, chosen, strict=True):
                full[i] = value
            return func(*full)

        found = vjp(restricted, *(args[i] for i in numbers), has_aux=has_aux)
        out, pull = found[0], found[1]
        outputs, shape = flatten(out)
        jacobians = []
        for k, o in enumerate(outputs):
            zeros = [wrap(np.zeros(p._a.shape, p._a.dtype)) for p in outputs]

            def pull_one(c: Tensor, k: int = k, zeros: list[Any] = zeros) -> Any:
                return pull(unflatten(shape, [*zeros[:k], c, *zeros[k + 1 :]]))

            rows = vmap(pull_one, chunk_size=chunk_size)(_basis(o))
            rows = tree_map(lambda r, o=o: r.reshape((*o.shape, *r.shape[1:])), rows)
            jacobians.append(rows[0] if isinstance(argnums, int) else rows)
        nest = unflatten(shape, jacobians) if not isinstance(shape, int) else jacobians[0]
        return (nest, found[2]) if has_aux else nest

    return wrapper


def jacfwd(
    func: Callable[..., Any], argnums: Any = 0, has_aux: bool = False, *, randomness: str = "error"
) -> Callable[..., Any]:
    """A function giving the Jacobian by forward mode: one jvp per input element, mapped.

    Shape: output shape + input shape.
    """

    @wraps(func)
    def wrapper(*args: Any) -> Any:
        numbers = (argnums,) if isinstance(argnums, int) else tuple(argnums)

        def column(i: int, v: Tensor) -> Any:
            def restricted(x: Any) -> Any:
                out = func(*args[:i], x, *args[i + 1 :])
                return out[0] if has_aux else out

            return jvp(restricted, (args[i],), (v,))[1]

        found = []
        for i in numbers:
            columns = vmap(lambda v, i=i: column(i, v), randomness=randomness)(_basis(args[i]))
            x = args[i]
            found.append(tree_map(lambda c, x=x: c.movedim(0, -1).reshape((*c.shape[1:], *x.shape)), columns))
        nest = found[0] if isinstance(argnums, int) else tuple(found)
        return (nest, func(*args)[1]) if has_aux else nest

    return wrapper


def hessian(func: Callable[..., Any], argnums: Any = 0) -> Callable[..., Any]:
    """A function giving the matrix of second derivatives: forward over reverse."""
    return jacfwd(jacrev(func, argnums), argnums)
