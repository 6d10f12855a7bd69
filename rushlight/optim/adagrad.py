"""Adagrad."""

from __future__ import annotations

from functools import cache
from typing import Any

import rushlight.scalar as s

from ..creation import full_like, tensor
from ..kernels.updates import Update
from ..tensor import Tensor
from .optimizer import Optimizer, check_range


class Adagrad(Optimizer):
    """Adagrad: steps scaled by the root of the sum of all squared gradients so far.

        s ← s + g²
        θ ← θ - γ / (1 + (t - 1) η) · g / (√s + ε)

    γ: lr, η: lr_decay, s starts at initial_accumulator_value. Duchi, Hazan, Singer,
    "Adaptive Subgradient Methods for Online Learning and Stochastic Optimization", JMLR 12 (2011).
    """

    counts_steps = True

    def __init__(
        self,
        params: Any,
        lr: float | Tensor = 1e-2,
        lr_decay: float = 0,
        weight_decay: float = 0,
        initial_accumulator_value: float = 0,
        eps: float = 1e-10,
        foreach: bool | None = None,
        *,
        maximize: bool = False,
        differentiable: bool = False,
        fused: bool | None = None,
    ) -> None:
        check_range("learning rate", lr)
        check_range("lr_decay value", lr_decay)
        check_range("weight_decay value", weight_decay)
        check_range("initial_accumulator_value value", initial_accumulator_value)
        check_range("epsilon value", eps)
        defaults = dict(lr=lr, lr_decay=lr_decay, eps=eps, weight_decay=weight_decay)
        defaults |= dict(
            initial_accumulator_value=initial_accumulator_value, foreach=foreach, maximize=maximize
        )
        super().__init__(params, defaults | dict(differentiable=differentiable, fused=fused))
        for group in self.param_groups:
            for p in group["params"]:
                self.state[p] = {"step": tensor(0.0), "sum": full_like(p, initial_accumulator_value)}

    def update(self, param: Tensor, grad: Tensor, state: dict[str, Any], group: dict[str, Any]) -> None:
        """θ ← θ - γₜ g / (√s + ε)."""
        state["step"] += 1
        rate = group["lr"] / (1 + (state["step"].item() - 1) * group["lr_decay"])
        if group["weight_decay"] != 0:
            grad = grad.add(param, alpha=group["weight_decay"])
        total = state["sum"].addcmul_(grad, grad, value=1)
        param.addcdiv_(grad, total.sqrt().add_(group["eps"]), value=-rate)

    def formula(self, group: dict[str, Any]) -> Update | None:
        """The same of numbers."""
        return _formula(bool(group["weight_decay"] != 0), group["maximize"])

    def numbers(self, group: dict[str, Any], count: float) -> tuple[float, ...]:
        """As `_formula` names them."""
        rate = group["lr"] / (1 + (count - 1) * group["lr_decay"])
        return tuple(map(float, (group["weight_decay"], group["eps"], -rate)))


@cache
def _formula(decays: bool, maximize: bool) -> Update:
    """θ and s: `Adagrad.update` as expressions."""
    p, g, total = map(s.var, ("param", "grad", "sum"))
    names = ("decay", "eps", "step")
    decay, eps, step = map(s.var, names)
    g = -g if maximize else g
    g = g + decay * p if decays else g
    total = total + g * g
    new = {"param": p + step * (g / (s.sqrt(total) + eps)), "sum": total}
    return Update(new, ("param", "grad", "sum"), names)
