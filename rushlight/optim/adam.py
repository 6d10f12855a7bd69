"""Adam and AdamW."""

from __future__ import annotations

from functools import cache
from typing import Any

import rushlight.scalar as s

from ..creation import tensor, zeros_like
from ..kernels.updates import Update
from ..tensor import Tensor
from .optimizer import Optimizer, check_range
from .together import lerp


class Adam(Optimizer):
    """Adam: steps scaled by running averages of the gradient and of its square.

        m ← β₁ m + (1 - β₁) g
        v ← β₂ v + (1 - β₂) g²
        θ ← θ - γ · m/(1 - β₁ᵗ) / (√(v/(1 - β₂ᵗ)) + ε)

    γ: lr; g includes weight_decay · θ (or θ shrinks by 1 - γλ first, with decoupled_weight_decay). With
    amsgrad the largest v so far is used. Kingma, Ba, "Adam: A Method for Stochastic Optimization", ICLR 2015.
    """

    counts_steps = True

    def __init__(
        self,
        params: Any,
        lr: float | Tensor = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0,
        amsgrad: bool = False,
        *,
        foreach: bool | None = None,
        maximize: bool = False,
        capturable: bool = False,
        differentiable: bool = False,
        fused: bool | None = None,
        decoupled_weight_decay: bool = False,
    ) -> None:
        check_range("learning rate", lr)
        check_range("epsilon value", eps)
        check_range("beta parameter at index 0", betas[0], 0.0, 1.0)
        check_range("beta parameter at index 1", betas[1], 0.0, 1.0)
        check_range("weight_decay value", weight_decay)
        defaults = dict(
            lr=lr,
            betas=betas,
            eps=eps,
            weight_decay=weight_decay,
            amsgrad=amsgrad,
            maximize=maximize,
            foreach=foreach,
        )
        defaults |= dict(capturable=capturable, differentiable=differentiable, fused=fused)
        super().__init__(params, defaults | dict(decoupled_weight_decay=decoupled_weight_decay))

    def update(self, param: Tensor, grad: Tensor, state: dict[str, Any], group: dict[str, Any]) -> None:
        """One bias-corrected step."""
        if not state:
            self.start(param, state, group)
        state["step"] += 1
        t, lr, (beta1, beta2) = state["step"].item(), group["lr"], group["betas"]
        if group["weight_decay"] != 0:
            if group["decoupled_weight_decay"]:
                param.mul_(1 - lr * group["weight_decay"])
            else:
                grad = grad.add(param, alpha=group["weight_decay"])
        m, v = state["exp_avg"], state["exp_avg_sq"]
        m.lerp_(grad, 1 - beta1)
        v.mul_(beta2).addcmul_(grad, grad, value=1 - beta2)
        if group["amsgrad"]:
            v = state["max_exp_avg_sq"].copy_(v.maximum(state["max_exp_avg_sq"]))
        root = v.sqrt().mul_((1 - beta2**t) ** -0.5).add_(group["eps"])
        param.addcdiv_(m, root, value=-float(lr) / (1 - beta1**t))

    def formula(self, group: dict[str, Any]) -> Update | None:
        """The same of numbers."""
        decays = bool(group["weight_decay"] != 0)
        shrinks, near = decays and group["decoupled_weight_decay"], 1 - group["betas"][0] < 0.5
        return _formula(decays and not shrinks, shrinks, near, group["amsgrad"], group["maximize"])

    def numbers(self, group: dict[str, Any], count: float) -> tuple[float, ...]:
        """As `_formula` names them."""
        lr, (beta1, beta2), decay = float(group["lr"]), group["betas"], float(group["weight_decay"])
        scale, step = (1 - beta2**count) ** -0.5, -lr / (1 - beta1**count)
        rates = (float(1 - beta1), float(beta2), float(1 - beta2))
        return decay, 1 - lr * decay, *rates, scale, float(group["eps"]), step

    def start(self, param: Tensor, state: dict[str, Any], group: dict[str, Any]) -> bool:
        """Zeros."""
        state["step"] = tensor(0.0)
        state["exp_avg"], state["exp_avg_sq"] = zeros_like(param), zeros_like(param)
        if group["amsgrad"]:
            state["max_exp_avg_sq"] = zeros_like(param)
        return True


@cache
def _formula(decays: bool, shrinks: bool, near: bool, amsgrad: bool, maximize: bool) -> Update:
    """θ, m, v (and the largest v): `Adam.update` as expressions; `near`: 1 - β₁ < ½."""
    p, g, m, v, most = map(s.var, ("param", "grad", "exp_avg", "exp_avg_sq", "max_exp_avg_sq"))
    names = ("decay", "shrunk", "rate1", "beta2", "rate2", "scale", "eps", "step")
    decay, shrunk, rate1, beta2, rate2, scale, eps, step = map(s.var, names)
    g = -g if maximize else g
    p = p * shrunk if shrinks else p
    g = g + decay * p if decays else g
    new = {"exp_avg": lerp(m, g, rate1, near), "exp_avg_sq": v * beta2 + rate2 * (g * g)}
    if amsgrad:
        new["max_exp_avg_sq"] = s.maximum(new["exp_avg_sq"], most)
    root = s.sqrt(list(new.values())[-1]) * scale + eps
    new = {"param": p + step * (new["exp_avg"] / root), **new}
    return Update(new, ("param", "grad", *list(new)[1:]), names)


class AdamW(Adam):
    """Adam with decoupled weight decay: θ shrinks by 1 - lr·λ before each step.

    Loshchilov, Hutter, "Decoupled Weight Decay Regularization", ICLR 2019.
    """

    def __init__(
        self,
        params: Any,
        lr: float | Tensor = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 1e-2,
        amsgrad: bool = False,
        *,
        maximize: bool = False,
        foreach: bool | None = None,
        capturable: bool = False,
        differentiable: bool = False,
        fused: bool | None = None,
    ) -> None:
        super().__init__(
            params,
            lr,
            betas,
            eps,
            weight_decay,
            amsgrad,
            foreach=foreach,
            maximize=maximize,
            capturable=capturable,
            differentiable=differentiable,
            fused=fused,
            decoupled_weight_decay=True,
        )
