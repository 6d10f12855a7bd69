"""Binds the declared ops to Tensor: methods, in-place methods and operators, each generated when first used."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from . import methods as _methods  # noqa: F401  (gives Tensor its plain Python methods)
from . import indexing
from .arrays.foreign import ForeignArray
from .autograd import generate
from .ops import catalogue  # noqa: F401  (importing the catalogue declares every op)
from .ops.declare import Op, public_names, registry
from .tensor import Tensor, function_of

_OPERATORS = {
    **{"__add__": "add", "__radd__": "add", "__sub__": "sub", "__rsub__": "rsub", "__mul__": "mul", "__rmul__": "mul"},
    **{"__truediv__": "div", "__rtruediv__": "__rdiv__", "__floordiv__": "floor_divide", "__mod__": "remainder"},
    **{"__pow__": "pow", "__matmul__": "matmul", "__neg__": "neg", "__abs__": "abs", "__invert__": "bitwise_not"},
    **{"__lt__": "lt", "__le__": "le", "__gt__": "gt", "__ge__": "ge", "__and__": "bitwise_and"},
    **{"__or__": "bitwise_or", "__xor__": "bitwise_xor", "__rand__": "bitwise_and", "__ror__": "bitwise_or"},
    **{"__rxor__": "bitwise_xor", "__lshift__": "bitwise_left_shift", "__rshift__": "bitwise_right_shift"},
    **{"__rpow__": "__rpow__", "__rfloordiv__": "__rfloordiv__", "__rmod__": "__rmod__", "__rmatmul__": "__rmatmul__"},
    **{"__pos__": "positive"},
}
_INPLACE_OPERATORS = {
    **{"__iadd__": "add", "__isub__": "sub", "__imul__": "mul", "__itruediv__": "div", "__ipow__": "pow"},
    **{"__ifloordiv__": "floor_divide", "__imod__": "remainder", "__iand__": "bitwise_and", "__ior__": "bitwise_or"},
    **{"__ixor__": "bitwise_xor", "__ilshift__": "bitwise_left_shift", "__irshift__": "bitwise_right_shift"},
}
#: methods whose arguments stand in another order than the function's
_METHODS = {"where": "where_method"}


class LazyMethod:
    """Stands for a method until it is first looked up, then makes it and steps aside."""

    __slots__ = ("name", "make")

    def __init__(self, name: str, make: Callable[[], Any]) -> None:
        self.name, self.make = name, make

    def __get__(self, obj: Any, cls: Any = None) -> Any:
        made = self.make()
        setattr(Tensor, self.name, made)
        return made.__get__(obj, cls)


_inplace: dict[str, Callable[..., Any]] = {}


def inplace_of(op: Op) -> Callable[..., Any]:
    """The in-place function of an op (`add_`), generated when it is first asked for."""
    found = _inplace.get(op.name)
    if found is None:
        found = _inplace[op.name] = generate.inplace_function(op)
    return found


def _install(name: str, make: Callable[[], Any]) -> None:
    if name not in Tensor.__dict__:
        setattr(Tensor, name, LazyMethod(name, make))


def method_names(op: Op) -> tuple[str, ...]:
    """Undotted names under which an op is a Tensor method."""
    return tuple(n for n in (op.name, *op.aliases) if "." not in n)


def bind_all() -> None:
    """Give Tensor every method and operator the registry declares."""
    for op in registry.values():
        if "m" in op.forms:
            for name in method_names(op):
                _install(name, lambda op=op: function_of(op))
        if "i" in op.forms and ("m" in op.forms or op.under != "nn.functional"):
            for name in method_names(op):
                _install(f"{name}_", lambda op=op: inplace_of(op))
        if "p" in op.forms:
            setattr(Tensor, op.name, property(lambda t, op=op: function_of(op)(t)))
    for name, of in (*_OPERATORS.items(), *_METHODS.items()):
        if of in registry:
            setattr(Tensor, name, LazyMethod(name, lambda of=of: function_of(registry[of])))
    for name, of in _INPLACE_OPERATORS.items():
        if of in registry:
            setattr(Tensor, name, LazyMethod(name, lambda of=of: inplace_of(registry[of])))
    Tensor.__getitem__, Tensor.__setitem__ = indexing.getitem, indexing.assign
    if "eq" in registry:
        Tensor.__eq__, Tensor.__ne__ = _equal, _not_equal
        Tensor.__hash__ = object.__hash__


def _comparable(value: object) -> bool:
    return isinstance(value, (Tensor, int, float, complex))


def _equal(self: Tensor, other: object) -> Any:
    return function_of(registry["eq"])(self, other) if _comparable(other) else NotImplemented


def _not_equal(self: Tensor, other: object) -> Any:
    return function_of(registry["ne"])(self, other) if _comparable(other) else NotImplemented


def functions_under(namespace: str) -> dict[str, Callable[[], Any]]:
    """Public functions of a namespace ("", "nn.functional", "linalg"): name -> maker. In-place forms included."""
    prefix = f"{namespace}." if namespace else ""
    found: dict[str, Callable[[], Any]] = {}
    for dotted, op in public_names().items():
        if not dotted.startswith(prefix) or "." in dotted[len(prefix) :] or "F" in op.forms:
            continue
        name = dotted[len(prefix) :]
        found[name] = lambda op=op: function_of(op)
        if "i" in op.forms:
            found[f"{name}_"] = lambda op=op: inplace_of(op)
    return found


ForeignArray.ops = registry  # pyright: ignore[reportAttributeAccessIssue]
bind_all()
