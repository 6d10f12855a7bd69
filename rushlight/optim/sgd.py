"""Stochastic gradient descent."""

from __future__ import annotations

from functools import cache
from typing import Any

import rushlight.scalar as s

from ..creation import zeros_like
from ..kernels.updates import Update
from ..tensor import Tensor
from .optimizer import Optimizer, check_range


class SGD(Optimizer):
    """Stochastic gradient descent with momentum.

        g ← ∇θ + λθ
        b ← μ b + (1 - τ) g      (b ← g at the first step)
        g ← g + μ b if nesterov, else b
        θ ← θ - γ g

    γ: lr, μ: momentum, τ: dampening, λ: weight_decay. Sutskever, Martens, Dahl, Hinton, "On the importance of
    initialization and momentum in deep learning", ICML 2013. Raises ValueError for settings out of range.
    """

    def __init__(
        self,
        params: Any,
        lr: float | Tensor = 1e-3,
        momentum: float = 0,
        dampening: float = 0,
        weight_decay: float | Tensor = 0,
        nesterov: bool = False,
        *,
        maximize: bool = False,
        foreach: bool | None = None,
        differentiable: bool = False,
        fused: bool | None = None,
    ) -> None:
        check_range("learning rate", lr)
        check_range("momentum value", momentum)
        check_range("weight_decay value", weight_decay)
        if nesterov and (momentum <= 0 or dampening != 0):
            raise ValueError("Nesterov momentum requires a momentum and zero dampening")
        defaults = dict(
            lr=lr, momentum=momentum, dampening=dampening, weight_decay=weight_decay, nesterov=nesterov
        )
        super().__init__(
            params,
            defaults | dict(maximize=maximize, foreach=foreach, differentiable=differentiable, fused=fused),
        )

    def update(self, param: Tensor, grad: Tensor, state: dict[str, Any], group: dict[str, Any]) -> None:
        """θ ← θ - γ g."""
        if group["weight_decay"] != 0:
            grad = grad.add(param, alpha=group["weight_decay"])
        if group["momentum"] != 0:
            grad = self.momentum(grad, state, group)
        param.add_(grad, alpha=-group["lr"])

    def formula(self, group: dict[str, Any]) -> Update | None:
        """The same of numbers, once there is a buffer."""
        moves, decays = group["momentum"] != 0, bool(group["weight_decay"] != 0)
        return _formula(moves, decays, group["nesterov"], group["maximize"])

    def numbers(self, group: dict[str, Any], count: float) -> tuple[float, ...]:
        """As `_formula` names them."""
        given = (group["weight_decay"], group["momentum"], 1 - group["dampening"], -group["lr"])
        return tuple(map(float, given))

    def start(self, param: Tensor, state: dict[str, Any], group: dict[str, Any]) -> bool:
        """A buffer of zeros, after which the first step is like the others if nothing is dampened."""
        if group["momentum"] == 0:
            return True
        state["momentum_buffer"] = zeros_like(param)
        return group["dampening"] == 0

    @staticmethod
    def momentum(grad: Tensor, state: dict[str, Any], group: dict[str, Any]) -> Tensor:
        """The direction after momentum; the buffer starts as the first gradient."""
        buffer = state.get("momentum_buffer")
        if buffer is None:
            buffer = state["momentum_buffer"] = grad.detach().clone()
        else:
            buffer.mul_(group["momentum"]).add_(grad, alpha=1 - group["dampening"])
        return grad.add(buffer, alpha=group["momentum"]) if group["nesterov"] else buffer


@cache
def _formula(moves: bool, decays: bool, nesterov: bool, maximize: bool) -> Update:
    """θ and b: `SGD.update` as expressions."""
    p, g, b = map(s.var, ("param", "grad", "momentum_buffer"))
    names = ("decay", "momentum", "share", "step")
    decay, momentum, share, step = map(s.var, names)
    g = -g if maximize else g
    g = g + decay * p if decays else g
    if not moves:
        return Update({"param": p + step * g}, ("param", "grad"), names)
    b = b * momentum + share * g
    g = g + momentum * b if nesterov else b
    return Update({"param": p + step * g, "momentum_buffer": b}, ("param", "grad", "momentum_buffer"), names)
