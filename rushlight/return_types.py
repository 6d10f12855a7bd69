"""torch.return_types: the named tuples that ops with several results return, made when first named."""

from __future__ import annotations

from .autograd.generate import result_class
from .errors import missing
from .ops.declare import Op, registry

_SUFFIX = "_dim"  # max over a dimension is the op max_dim; its result is torch.return_types.max


def _shown(op: Op) -> bool:
    """Whether the op returns a named tuple to users."""
    public = op.name.endswith(_SUFFIX) or any(not name.startswith("internal.") for name in op.names)
    return public and bool(op.outputs)


def _names() -> list[str]:
    return [op.name.removesuffix(_SUFFIX) for op in registry.values() if _shown(op)]


def __getattr__(name: str) -> type:
    for op in (registry.get(name + _SUFFIX), registry.get(name)):
        if op is not None and _shown(op):
            return result_class(op)
    raise missing("torch.return_types", name, () if name.startswith("__") else _names())


def __dir__() -> list[str]:
    return sorted(_names())
