"""Numerical checks of derivatives: analytic gradients against central differences,
to any order by recursion.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from .engine import binding
from .mode import enable_grad
from .tape import grad


class GradcheckError(RuntimeError):
    """A derivative disagrees with its numerical estimate."""


def _tensors(values: Any) -> tuple[Any, ...]:
    return (values,) if isinstance(values, binding.tensor) else tuple(values)


def _is_tracked(t: Any) -> bool:
    return isinstance(t, binding.tensor) and t._n is not None


def _outputs(fn: Callable[..., Any], inputs: Sequence[Any]) -> tuple[Any, ...]:
    return tuple(
        o for o in _tensors(fn(*inputs)) if isinstance(o, binding.tensor) and o._a.dtype.kind in "fc"
    )


def numerical_jacobian(fn: Callable[..., Any], inputs: Sequence[Any], x: Any, eps: float) -> list[np.ndarray]:
    """∂outputs/∂x by central differences: one (numel x, numel output) array per output;
    complex x along both axes.
    """
    array, rows = x._a, []
    steps = (eps, 1j * eps) if array.dtype.kind == "c" else (eps,)
    for i in np.ndindex(array.shape):
        parts = []
        for step in steps:
            parts.append(_difference(fn, inputs, array, i, step, eps))
        rows.append(parts)
    count = len(_outputs(fn, inputs))
    return [np.array([[part[k] for part in parts] for parts in rows]) for k in range(count)]


def _difference(
    fn: Callable[..., Any], inputs: Sequence[Any], array: Any, i: Any, step: Any, eps: float
) -> list[Any]:
    held = array[i].copy()
    array[i] = held + step
    up = [o._a.copy() for o in _outputs(fn, inputs)]
    array[i] = held - step
    down = [o._a.copy() for o in _outputs(fn, inputs)]
    array[i] = held
    return [((a - b) / (2 * eps)).reshape(-1) for a, b in zip(up, down, strict=True)]


def _analytic(fn: Callable[..., Any], inputs: Sequence[Any], x: Any) -> list[np.ndarray]:
    """The same arrays from backward:
    vjps with each unit cotangent (and each imaginary unit for complex outputs).
    """
    found = []
    for k, output in enumerate(_outputs(fn, inputs)):
        units = (1.0, 1j) if output._a.dtype.kind == "c" else (1.0,)
        columns = [
            [_pulled(fn, inputs, x, k, j, unit) for j in np.ndindex(output._a.shape)] for unit in units
        ]
        found.append(np.array(columns).reshape(len(units), max(output._a.size, 0), x._a.size))
    return found


def _pulled(fn: Callable[..., Any], inputs: Sequence[Any], x: Any, k: int, j: Any, unit: Any) -> np.ndarray:
    output = _outputs(fn, inputs)[k]
    if output._n is None:
        return np.zeros(x._a.size, x._a.dtype)
    v = np.zeros(output._a.shape, output._a.dtype)
    v[j] = unit
    (g,) = grad([output], [x], [binding.wrap(v)], allow_unused=True)
    return np.zeros(x._a.size, x._a.dtype) if g is None else np.array(g._a).reshape(-1)


def gradcheck(
    func: Callable[..., Any],
    inputs: Any,
    *,
    eps: float = 1e-6,
    atol: float = 1e-5,
    rtol: float = 1e-3,
    raise_exception: bool = True,
    nondet_tol: float = 0.0,
    check_undefined_grad: bool = True,
    check_grad_dtypes: bool = False,
    check_batched_grad: bool = False,
    check_batched_forward_grad: bool = False,
    check_forward_ad: bool = False,
    check_backward_ad: bool = True,
    fast_mode: bool = False,
    masked: bool | None = None,
) -> bool:
    """Whether the gradients of `func` at `inputs` (double precision tensors) equal central differences.

    Raises GradcheckError telling both Jacobians where they differ,
    or returns False with raise_exception=False.
    """
    inputs = _tensors(inputs)
    if not any(map(_is_tracked, inputs)):
        raise ValueError(
            "gradcheck expects at least one input tensor to require "
            "gradient, but none of the them have requires_grad=True."
        )
    try:
        with enable_grad():
            for i, x in enumerate(inputs):
                if _is_tracked(x):
                    _check_input(func, inputs, i, x, eps, atol, rtol)
    except GradcheckError:
        if raise_exception:
            raise
        return False
    return True


def _check_input(
    fn: Any, inputs: tuple[Any, ...], i: int, x: Any, eps: float, atol: float, rtol: float
) -> None:
    numerical = numerical_jacobian(fn, inputs, x, eps)
    for k, (estimate, pulled) in enumerate(zip(numerical, _analytic(fn, inputs, x), strict=True)):
        expected = _as_pullback(estimate, pulled)
        if not np.allclose(pulled, expected, rtol, atol, equal_nan=False):
            raise GradcheckError(
                f"Jacobian mismatch for output {k} with respect to "
                f"input {i},\nnumerical:{expected}\nanalytical:{pulled}\n"
            )


def _as_pullback(estimate: np.ndarray, pulled: np.ndarray) -> np.ndarray:
    """The estimate arranged as `pulled`: for output unit u the gradient is Σ Re(conj(u)·∂)
    over x's axes (real, imaginary).
    """
    units = (1.0, 1j)[: pulled.shape[0]]
    if not estimate.size:
        return np.zeros_like(pulled)
    parts = [
        np.real(np.conj(u) * estimate) if np.iscomplexobj(estimate) or len(units) > 1 else estimate
        for u in units
    ]
    grads = [p[:, 0] + 1j * p[:, 1] if p.shape[1] == 2 else p[:, 0] for p in parts]
    return np.array([g.T for g in grads])


def gradgradcheck(
    func: Callable[..., Any],
    inputs: Any,
    grad_outputs: Any = None,
    *,
    eps: float = 1e-6,
    atol: float = 1e-5,
    rtol: float = 1e-3,
    gen_non_contig_grad_outputs: bool = False,
    raise_exception: bool = True,
    nondet_tol: float = 0.0,
    check_undefined_grad: bool = True,
    check_grad_dtypes: bool = False,
    check_batched_grad: bool = False,
    check_fwd_over_rev: bool = False,
    check_rev_over_rev: bool = True,
    fast_mode: bool = False,
    masked: bool = False,
) -> bool:
    """gradcheck of the gradient function: derivatives of derivatives, in the inputs and in the cotangents."""
    inputs = _tensors(inputs)
    outputs = [o for o in _outputs(func, inputs) if o._n is not None]
    if grad_outputs is None:
        rng = np.random.default_rng(0)
        grad_outputs = [_random_like(o._a, rng) for o in outputs]
    cotangents = [g.detach().requires_grad_() for g in _tensors(grad_outputs)]
    tracked = [i for i, x in enumerate(inputs) if _is_tracked(x)]

    def pulled(*values: Any) -> Any:
        xs, gs = values[: len(inputs)], values[len(inputs) :]
        found = [o for o in _outputs(func, xs) if o._n is not None]
        grads = grad(found, [xs[i] for i in tracked], list(gs), create_graph=True, allow_unused=True)
        return tuple(g for g in grads if g is not None)

    return gradcheck(
        pulled, (*inputs, *cotangents), eps=eps, atol=atol, rtol=rtol, raise_exception=raise_exception
    )


def _random_like(a: np.ndarray, rng: np.random.Generator) -> Any:
    v = rng.standard_normal(a.shape)
    return binding.wrap(
        (v + 1j * rng.standard_normal(a.shape) if a.dtype.kind == "c" else v).astype(a.dtype).reshape(a.shape)
    )
