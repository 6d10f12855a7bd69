"""`Variable`: the old name of Tensor."""

from __future__ import annotations

from typing import Any


class _VariableMeta(type):
    def __instancecheck__(cls, value: Any) -> bool:
        return type(value).__name__ in ("Tensor", "Parameter")


class Variable(metaclass=_VariableMeta):
    """Variable(data, requires_grad=False): the tensor itself, asked to require grad if wanted."""

    def __new__(cls, data: Any, requires_grad: bool = False, volatile: bool = False) -> Any:
        fresh = data.detach()
        return fresh.requires_grad_() if requires_grad else fresh
