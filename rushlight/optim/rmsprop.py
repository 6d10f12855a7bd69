"""RMSprop."""

from __future__ import annotations

from typing import Any

from ..creation import tensor, zeros_like
from ..tensor import Tensor
from .optimizer import Optimizer, check_range


class RMSprop(Optimizer):
    """RMSprop: steps scaled by a running root mean square of the gradient.

        v ← α v + (1 - α) g²
        ṽ ← v, or v - ḡ² with ḡ ← α ḡ + (1 - α) g  (centered)
        θ ← θ - γ g / (√ṽ + ε), through a momentum buffer b ← μ b + g / (√ṽ + ε) if μ > 0

    γ: lr, α: alpha, μ: momentum.
    Tieleman, Hinton, Lecture 6.5 of "Neural Networks for Machine Learning", 2012;
    centered: Graves, "Generating Sequences With Recurrent Neural Networks", arXiv:1308.0850.
    """

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

    @staticmethod
    def start(param: Tensor, state: dict[str, Any], group: dict[str, Any]) -> None:
        """The state before the first step: zeros."""
        state["step"], state["square_avg"] = tensor(0.0), zeros_like(param)
        if group["momentum"] > 0:
            state["momentum_buffer"] = zeros_like(param)
        if group["centered"]:
            state["grad_avg"] = zeros_like(param)
