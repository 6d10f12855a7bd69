"""Binds the declared ops to Tensor: methods, in-place methods and operators,
each generated when first used.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import rushlight.indexing as indexing
import rushlight.methods as _methods  # noqa: F401  (gives Tensor its plain Python methods)

from .arrays.foreign import ForeignArray
from .arrays.tracing import EAGER
from .autograd.generate import method
from .autograd.inplace_functions import inplace_function, inplace_method
from .ops.contents import CONTENTS
from .ops.declare import Op, registry
from .tensor import Tensor, function_of

_OPERATORS = {
    **{"__add__": "add", "__radd__": "add", "__sub__": "sub"},
    **{"__rsub__": "rsub", "__mul__": "mul", "__rmul__": "mul"},
    **{"__truediv__": "div", "__rtruediv__": "__rdiv__"},
    **{"__floordiv__": "floor_divide", "__mod__": "remainder"},
    **{"__pow__": "pow", "__matmul__": "matmul", "__neg__": "neg"},
    **{"__abs__": "abs", "__invert__": "bitwise_not"},
    **{"__lt__": "lt", "__le__": "le", "__gt__": "gt", "__ge__": "ge", "__and__": "bitwise_and"},
    **{"__or__": "bitwise_or", "__xor__": "bitwise_xor", "__rand__": "bitwise_and", "__ror__": "bitwise_or"},
    **{"__rxor__": "bitwise_xor", "__lshift__": "bitwise_left_shift", "__rshift__": "bitwise_right_shift"},
    **{"__rpow__": "__rpow__", "__rfloordiv__": "__rfloordiv__"},
    **{"__rmod__": "__rmod__", "__rmatmul__": "__rmatmul__"},
    **{"__pos__": "positive"},
}
_INPLACE_OPERATORS = {
    **{"__iadd__": "add", "__isub__": "sub", "__imul__": "mul", "__itruediv__": "div", "__ipow__": "pow"},
    **{"__ifloordiv__": "floor_divide", "__imod__": "remainder"},
    **{"__iand__": "bitwise_and", "__ior__": "bitwise_or"},
    **{"__ixor__": "bitwise_xor", "__ilshift__": "bitwise_left_shift", "__irshift__": "bitwise_right_shift"},
}
#: methods of random/methods.py, which is imported when the first of them is used
_RANDOM = (
    *("uniform_", "normal_", "random_", "bernoulli_", "bernoulli", "exponential_", "geometric_", "cauchy_"),
    *("log_normal_", "multinomial"),
)
#: methods whose arguments stand in another order than the function's
_METHODS = {"where": "where_method", "polygamma": "polygamma_of"}


class LazyMethod:
    """Stands for a method until it is first looked up, then makes it and steps aside.

    Not while ops are traced: what is made then, and kept here, is Python's part alone.
    """

    __slots__ = ("name", "make", "traced")

    def __init__(self, name: str, make: Callable[[], Any]) -> None:
        self.name, self.make = name, make
        self.traced: Any = None

    def __get__(self, obj: Any, cls: Any = None) -> Any:
        if EAGER:
            made = self.make()
            setattr(Tensor, self.name, made)
        else:
            made = self.traced = self.traced or self.make()
        return made.__get__(obj, cls)


_inplace: dict[str, Callable[..., Any]] = {}


def inplace_of(op: Op) -> Callable[..., Any]:
    """The in-place function of an op (`add_`), generated when it is first asked for."""
    found = _inplace.get(op.name)
    if found is None:
        found = _inplace[op.name] = inplace_function(op)
    return found


def _function(name: str) -> Callable[[], Any]:
    return lambda: function_of(registry[name])


def _method(name: str) -> Callable[[], Any]:
    return lambda: method(registry[name])


def _operator(name: str) -> Callable[[], Any]:
    return lambda: method(registry[name], operator=True)


def _in_place(name: str) -> Callable[[], Any]:
    return lambda: inplace_of(registry[name])


def _in_place_method(name: str) -> Callable[[], Any]:
    return lambda: inplace_method(registry[name])


def _install(name: str, make: Callable[[], Any]) -> None:
    if name not in Tensor.__dict__:
        setattr(Tensor, name, LazyMethod(name, make))


def bind(rows: Mapping[str, tuple[str, str, tuple[str, ...]]]) -> None:
    """Give Tensor the methods of ops listed as in `ops/contents.py`: name -> (file, forms, public names)."""
    for op, (_, forms, names) in rows.items():
        if not names:
            continue  # internal
        methods = dict.fromkeys((op, *(n for n in names if "." not in n)))
        for name in methods:
            if "m" in forms:
                _install(name, _method(op))
            if "i" in forms and ("m" in forms or not names[0].startswith("nn.")):
                _install(f"{name}_", _in_place_method(op))
        if "p" in forms:
            setattr(Tensor, op, property(lambda t, of=op: function_of(registry[of])(t)))


def bind_random() -> None:
    """Give Tensor the methods that draw random numbers."""
    for name in _RANDOM:
        _install(name, _random(name))


def _random(name: str) -> Callable[[], Any]:
    def make() -> Any:
        from .random.methods import METHODS

        return METHODS[name]

    return make


def bind_operators() -> None:
    """Give Tensor Python's operators."""
    for name, of in _OPERATORS.items():
        setattr(Tensor, name, LazyMethod(name, _operator(of)))
    for name, of in _METHODS.items():
        setattr(Tensor, name, LazyMethod(name, _method(of)))
    for name, of in _INPLACE_OPERATORS.items():
        setattr(Tensor, name, LazyMethod(name, _in_place_method(of)))
    Tensor.__getitem__, Tensor.__setitem__ = indexing.getitem, indexing.assign
    Tensor.__eq__, Tensor.__ne__ = _equal, _not_equal


def _comparable(value: object) -> bool:
    return isinstance(value, (Tensor, int, float, complex))


def _equal(self: Tensor, other: object) -> Any:
    return function_of(registry["eq"])(self, other) if _comparable(other) else NotImplemented


def _not_equal(self: Tensor, other: object) -> Any:
    return function_of(registry["ne"])(self, other) if _comparable(other) else NotImplemented


def functions_under(namespace: str) -> dict[str, Callable[[], Any]]:
    """Public functions of a namespace ("", "nn.functional", "linalg"): name -> maker.

    In-place forms included.
    """
    prefix = f"{namespace}." if namespace else ""
    found: dict[str, Callable[[], Any]] = {}
    for op, (_, forms, names) in CONTENTS.items():
        for dotted in names:
            name = dotted[len(prefix) :]
            if "F" in forms or "." in name or not dotted.startswith(prefix):
                continue
            found[name] = _function(op)
            if "i" in forms:
                found[f"{name}_"] = _in_place(op)
    return found


ForeignArray.ops = registry
bind(CONTENTS)
bind_random()
bind_operators()
