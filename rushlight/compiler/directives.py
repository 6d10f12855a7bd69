"""What a program tells the compiler, and asks it: `torch.compiler.disable`, `is_compiling` and the like."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

from ..arrays import tracing
from ..nn import Module
from ..tensor import Tensor
from .compiled import forget_all
from .tree import flattened
from .values import GraphArray, value_of


def is_compiling() -> bool:
    """Whether this code is being captured by `torch.compile`."""
    return tracing.tracer() is not None


def reset() -> None:
    """Have all compiled functions forget their plans: each is captured anew when it is called."""
    forget_all()


def cudagraph_mark_step_begin() -> None:
    """Nothing: a plan's results are memory of their own. There for programs written for PyTorch."""


def list_backends(exclude_tags: Any = ()) -> list[str]:
    """The backends that `torch.compile` may be given; there is one."""
    return ["rushlight"]


def disable(fn: Any = None, recursive: bool = True, *, reason: str | None = None) -> Any:
    """`fn`, a function or Module, as one that is never captured: Python calls it at every call.

    A compiled function is split where it calls it; with fullgraph=True that is an error. Its tensors are
    ordinary ones: numbers may be looked at and handed to other libraries. Without `fn`, a decorator.
    """
    if fn is None:
        return functools.partial(disable, recursive=recursive, reason=reason)
    if isinstance(fn, Module):
        object.__setattr__(fn, "forward", _Apart(fn.forward))
        return fn
    return _Apart(fn)


class _Apart:
    """A function that Python calls with plain arrays."""

    def __init__(self, fn: Callable[..., Any]) -> None:
        self.fn, self.__name__ = fn, type(fn).__name__
        functools.update_wrapper(self, fn, updated=())

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        tracer = tracing.tracer()
        if tracer is None:
            return self.fn(*args, **kwargs)
        tensors = [t for t in flattened((args, kwargs))[0] if isinstance(t, Tensor)]
        traced = {id(t): (t, t._a) for t in tensors if t._a.__class__ is GraphArray}
        tracer.left_for_python(self.__name__)
        try:
            for t, array in traced.values():
                t._a = value_of(array)
            with tracer.suspended():
                result = self.fn(*args, **kwargs)
        finally:
            for t, array in traced.values():
                t._a = array if t._a is value_of(array) else t._a
        for t in flattened(result)[0]:
            if isinstance(t, Tensor) and t._a.__class__ is not GraphArray:
                t._a = tracer.wrap(t._a) if tracer.known(t._a) else tracer.created(t._a)
        return result

    def __get__(self, instance: Any, owner: Any = None) -> Any:
        return self if instance is None else functools.partial(self, instance)

    def __reduce__(self) -> Any:
        from .compiled import reduced

        return reduced(self, _Apart, (self.fn,))
