"""torch.linalg against torch: values, dtypes, first and second derivatives, real and complex, batched and empty."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import rushlight as rl

from .linalg_calls import CALLS, arrays

try:
    import torch
except ImportError:
    torch = None

needs_torch = pytest.mark.skipif(torch is None, reason="compares with torch")
#: torch itself has no second derivative there, or a wrong one
FIRST_ORDER_ONLY: set[str] = set()


def outputs(found: Any) -> list[Any]:
    return list(found) if isinstance(found, (tuple, list)) else [found]


def numbers(x: Any) -> np.ndarray:
    x = x.detach()
    return x.numpy() if isinstance(x, rl.Tensor) else x.resolve_conj().resolve_neg().numpy()


def differences(ours: list[Any], theirs: list[Any], tolerance: float, what: str) -> list[str]:
    """What differs between two lists of tensors."""
    if not theirs and what == "second":
        return []  # torch has none where there is nothing
    wrong = [] if len(ours) == len(theirs) else [f"{what}: {len(ours)} results, torch {len(theirs)}"]
    for i, (a, b) in enumerate(zip(ours, theirs)):
        if a is None or b is None:
            if any(x is not None and np.abs(numbers(x)).max(initial=0) > tolerance for x in (a, b)):
                wrong.append(f"{what} {i}: {a} and {b}")
            continue
        x, y = numbers(a), numbers(b)
        if x.shape != y.shape or x.dtype != y.dtype:
            wrong.append(f"{what} {i}: {x.dtype}{x.shape}, torch {y.dtype}{y.shape}")
        elif not np.allclose(x, y, rtol=tolerance, atol=tolerance * max(1, np.abs(y).max(initial=0)), equal_nan=True):
            wrong.append(f"{what} {i}: {np.array2string(x.ravel()[:6], precision=4)} torch {np.array2string(y.ravel()[:6], precision=4)}")
    return wrong


def gradients(module: Any, results: list[Any], inputs: list[Any], seed: int, create_graph: bool) -> tuple[list[Any], list[Any]]:
    """Gradients of random weightings of the results, and the weights (which can be differentiated too)."""
    tracked = [r for r in results if r.requires_grad]
    weights = []
    rng = np.random.default_rng(seed)
    for r in tracked:
        w = rng.normal(size=tuple(r.shape)) + (1j * rng.normal(size=tuple(r.shape)) if r.is_complex() else 0)
        weights.append(module.from_numpy(np.asarray(w).astype(numbers(r).dtype)).requires_grad_())
    if not tracked:
        return [], []
    found = module.autograd.grad(tracked, inputs, weights, create_graph=create_graph, allow_unused=True)
    return list(found), weights


def everything(module: Any, f: Any, values: list[np.ndarray], order: int) -> dict[str, list[Any]]:
    """Results, gradients and gradients of gradients of one call."""
    inputs = [module.from_numpy(a.copy()).requires_grad_() for a in values]
    results = outputs(f(module, *inputs))
    first, weights = gradients(module, results, inputs, 1, order > 1)
    found = {"result": results, "gradient": first}
    if order > 1:
        kept = [g for g in first if g is not None]
        found["second"] = gradients(module, kept, [*inputs, *weights], 2, False)[0]
    return found


@needs_torch
@pytest.mark.filterwarnings("ignore::UserWarning")  # torch says that its older forms are deprecated
@pytest.mark.parametrize("name", CALLS)
def test_agrees_with_torch(name: str) -> None:
    f, shapes = CALLS[name]
    wrong = []
    for group in shapes:
        for dtype, tolerance in (("float64", 1e-8), ("complex128", 1e-8), ("float32", 5e-4)):
            order = 1 if dtype == "float32" or name in FIRST_ORDER_ONLY else 2
            values = arrays(group, dtype)
            theirs = everything(torch, f, values, order)
            ours = everything(rl, f, values, order)
            for what in theirs:
                wrong += [f"{group} {dtype} {w}" for w in differences(ours[what], theirs[what], tolerance * (10 if what == "second" else 1), what)]
    assert not wrong, "\n".join(wrong[:10])
