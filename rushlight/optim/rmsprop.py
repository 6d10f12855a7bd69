"""RMSprop."""

from __future__ import annotations

from functools import cache
from typing import Any

import rushlight.scalar as s

from ..creation import tensor, zeros_like
from ..kernels.updates import Update
from ..tensor import Tensor
from .optimizer import Optimizer, check_range
from .together import lerp


class RMSprop(Optimizer):
    """RMSprop: steps scaled by a running root mean square of the gradient.

        v ← α v + (1 - α) g²
        ṽ ← v, or v - ḡ² with ḡ ← α ḡ + (1 - α) g  (centered)
        θ ← θ - γ g / (√ṽ + ε), through a momentum buffer b ← μ b + g / (√ṽ + ε) if μ > 0

    γ: lr, α: alpha, μ: momentum.
    Tieleman, Hinton, Lecture 6.5 of "Neural Networks for Machine Learning", 2012;
    centered: Graves, "Generating Sequences With Recurrent Neural Networks", arXiv:1308.0850.
    """

    counts_steps = True

    def __init__(
        self,
        params: Any,
        lr: float | Tensor = 1e-2,
        alpha: float = 0.99,
        eps: float = 1e-8,
        weight_decay: float = 0,
        momentum: float = 0,
        centered: bool = False,
        capturable: bool = False,
        foreach: bool | None = None,
        maximize: bool = False,
        differentiable: bool = False,
    ) -> None:
        check_range("learning rate", lr)
        check_range("epsilon value", eps)
        check_range("momentum value", momentum)
        check_range("weight_decay value", weight_decay)
        check_range("alpha value", alpha)
        defaults = dict(
            lr=lr, momentum=momentum, alpha=alpha, eps=eps, centered=centered, weight_decay=weight_decay
        )
        defaults |= dict(
            capturable=capturable, foreach=foreach, maximize=maximize, differentiable=differentiable
        )
        super().__init__(params, defaults)

    def update(self, param: Tensor, grad: Tensor, state: dict[str, Any], group: dict[str, Any]) -> None:
        """θ ← θ - γ g / (√ṽ + ε)."""
        if not state:
            self.start(param, state, group)
        state["step"] += 1
        if group["weight_decay"] != 0:
            grad = grad.add(param, alpha=group["weight_decay"])
        alpha, v = group["alpha"], state["square_avg"]
        v.mul_(alpha).addcmul_(grad, grad, value=1 - alpha)
        if group["centered"]:
            mean = state["grad_avg"].lerp_(grad, 1 - alpha)
            root = v.addcmul(mean, mean, value=-1).sqrt_().add_(group["eps"])
        else:
            root = v.sqrt().add_(group["eps"])
        if group["momentum"] > 0:
            buffer = state["momentum_buffer"].mul_(group["momentum"]).addcdiv_(grad, root)
            param.add_(buffer, alpha=-group["lr"])
        else:
            param.addcdiv_(grad, root, value=-group["lr"])

    def formula(self, group: dict[str, Any]) -> Update | None:
        """The same of numbers."""
        moves, decays = group["momentum"] > 0, bool(group["weight_decay"] != 0)
        return _formula(moves, decays, group["centered"], 1 - group["alpha"] < 0.5, group["maximize"])

    def numbers(self, group: dict[str, Any], count: float) -> tuple[float, ...]:
        """As `_formula` names them."""
        alpha = group["alpha"]
        given = (group["weight_decay"], alpha, 1 - alpha, group["eps"], group["momentum"], -group["lr"])
        return tuple(map(float, given))

    def start(self, param: Tensor, state: dict[str, Any], group: dict[str, Any]) -> bool:
        """Zeros."""
        state["step"], state["square_avg"] = tensor(0.0), zeros_like(param)
        if group["momentum"] > 0:
            state["momentum_buffer"] = zeros_like(param)
        if group["centered"]:
            state["grad_avg"] = zeros_like(param)
        return True


@cache
def _formula(moves: bool, decays: bool, centered: bool, near: bool, maximize: bool) -> Update:
    """θ, v (and ḡ and b): `RMSprop.update` as expressions; `near`: 1 - α < ½."""
    p, g, v, mean, b = map(s.var, ("param", "grad", "square_avg", "grad_avg", "momentum_buffer"))
    names = ("decay", "alpha", "rate", "eps", "momentum", "step")
    decay, alpha, rate, eps, momentum, step = map(s.var, names)
    g = -g if maximize else g
    g = g + decay * p if decays else g
    new = {"square_avg": v * alpha + rate * (g * g)}
    variance = new["square_avg"]
    if centered:
        mean = new["grad_avg"] = lerp(mean, g, rate, near)
        variance = variance - mean * mean
    root = s.sqrt(variance) + eps
    if moves:
        b = new["momentum_buffer"] = b * momentum + g / root
    new = {"param": p + step * (b if moves else g / root), **new}
    return Update(new, ("param", "grad", *list(new)[1:]), names)
