"""Gradients kept within bounds: by their common norm, or element by element."""

from __future__ import annotations

import math
import types
import warnings
from collections.abc import Iterable

import rushlight.scalar as s

from ...arrays.tracing import EAGER
from ...autograd.inference import UNTRACKED
from ...autograd.mode import no_grad
from ...autograd.record import bump
from ...creation import tensor
from ...kernels import native
from ...kernels.updates import Update, squares
from ...ops.declare import registry
from ...tensor import Tensor, function_of

Tensors = Tensor | Iterable[Tensor]


def _listed(tensors: Tensors) -> list[Tensor]:
    return [tensors] if isinstance(tensors, Tensor) else list(tensors)


@no_grad()
def get_total_norm(
    tensors: Tensors, norm_type: float = 2.0, error_if_nonfinite: bool = False, foreach: bool | None = None
) -> Tensor:
    """The p-norm of all numbers of all tensors together; 0 for none.

    Raises RuntimeError for inf and nan with `error_if_nonfinite`.
    """
    listed, norm_type = _listed(tensors), float(norm_type)
    if not listed:
        return tensor(0.0)
    total = _norm_at_once(listed) if norm_type == 2 and native.on() else None
    if total is None:
        norm, stack = function_of(registry["vector_norm"]), function_of(registry["stack"])
        norms = [norm(t, norm_type) for t in listed]
        total = norm(stack([n.to(norms[0].dtype) for n in norms]), norm_type)
    if error_if_nonfinite and not total.isfinite():
        raise RuntimeError(
            f"The total norm of order {norm_type} for gradients from `parameters` is non-finite, so it "
            "cannot be "
            "clipped. To disable this error and scale the gradients by the non-finite norm anyway, set "
            "`error_if_nonfinite=False`"
        )
    return total


def _norm_at_once(tensors: list[Tensor]) -> Tensor | None:
    """The 2-norm of tensors alike, their squares summed in one call; None for others."""
    if not EAGER:  # sums that a compiled step reads beside what it does with the gradients anyway
        kind = tensors[0].dtype
        return sum((t * t).sum().to(kind) for t in tensors).sqrt()  # type: ignore[union-attr]
    found = squares(tuple([t._a for t in tensors]))
    return None if found is None else tensor(math.sqrt(found), dtype=tensors[0].dtype)


_SCALED = Update({"grad": s.var("grad") * s.var("factor")}, ("grad",), ("factor",))


def scale_at_once(grads: list[Tensor], factor: float) -> bool:
    """Whether one call could multiply all of these, none of them tracked, by a number."""
    if not native.on() or not EAGER or not grads or any(g._n is not None or g._b is UNTRACKED for g in grads):
        return False
    if not _SCALED((tuple([g._a for g in grads]),), (factor,)):
        return False
    for g in grads:
        bump(g, "mul_")
    return True


@no_grad()
def clip_grads_with_norm_(
    parameters: Tensors, max_norm: float, total_norm: Tensor, foreach: bool | None = None
) -> None:
    """Scale the gradients of `parameters`, whose common norm is `total_norm`, so that it is at most
    `max_norm`.
    """
    factor = (float(max_norm) / (total_norm + 1e-6)).clamp(max=1.0)
    grads = [p.grad for p in _listed(parameters) if p.grad is not None]
    if EAGER and factor.is_cpu and scale_at_once(grads, float(factor)):
        return
    for grad in grads:
        grad.mul_(factor.to(grad.device))


def clip_grad_norm_(
    parameters: Tensors,
    max_norm: float,
    norm_type: float = 2.0,
    error_if_nonfinite: bool = False,
    foreach: bool | None = None,
) -> Tensor:
    """Scale the gradients of `parameters` so that their common p-norm is at most `max_norm`. Returns the norm
    before.

    Raises RuntimeError for inf and nan with `error_if_nonfinite` (Pascanu et al. 2013).
    """
    listed = _listed(parameters)
    if isinstance(parameters, types.GeneratorType) and not listed:
        warnings.warn("`parameters` is an empty generator, no gradient clipping will occur.", stacklevel=2)
    total = get_total_norm([p.grad for p in listed if p.grad is not None], norm_type, error_if_nonfinite)
    clip_grads_with_norm_(listed, max_norm, total)
    return total


def clip_grad_norm(
    parameters: Tensors,
    max_norm: float,
    norm_type: float = 2.0,
    error_if_nonfinite: bool = False,
    foreach: bool | None = None,
) -> Tensor:
    """The old name of clip_grad_norm_."""
    warnings.warn(
        "`torch.nn.utils.clip_grad_norm` is now deprecated in favor of `torch.nn.utils.clip_grad_norm_`.",
        FutureWarning,
        stacklevel=2,
    )
    return clip_grad_norm_(parameters, max_norm, norm_type, error_if_nonfinite, foreach)


@no_grad()
def clip_grad_value_(parameters: Tensors, clip_value: float, foreach: bool | None = None) -> None:
    """Bring every number of every gradient into [-clip_value, clip_value]."""
    bound = float(clip_value)
    for parameter in _listed(parameters):
        if parameter.grad is not None:
            parameter.grad.clamp_(-bound, bound)
