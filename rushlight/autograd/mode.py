"""Whether operations are recorded: no_grad, enable_grad, set_grad_enabled, inference_mode."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from contextvars import ContextVar, Token
from typing import Any, TypeVar

from . import inference
from .inference import UNTRACKED, _fresh_box, _inference

F = TypeVar("F", bound=Callable[..., Any])

_grad = ContextVar("grad_mode", default=True)
_anomaly = ContextVar("anomaly_mode", default=0)  # 0 off, 1 on, 2 on and checking for nan
grad_on = _grad.get
inference_on = _inference.get
anomaly_on = _anomaly.get


def is_grad_enabled() -> bool:
    """Whether operations on tensors that require grad are being recorded."""
    return _grad.get()


def is_inference_mode_enabled() -> bool:
    """Whether inference mode is on."""
    return _inference.get()


class _Mode:
    """A context manager that also decorates functions and generators; nests, and is safe across threads."""

    def __init__(self) -> None:
        self._tokens: list[tuple[ContextVar[Any], Token[Any]]] = []

    def _set(self, var: ContextVar[Any], value: Any) -> None:
        self._tokens.append((var, var.set(value)))

    def _enter(self) -> None:
        raise NotImplementedError

    def __enter__(self) -> None:
        self._enter()

    def __exit__(self, *exc: object) -> None:
        var, token = self._tokens.pop()
        var.reset(token)

    def _clone(self) -> _Mode:
        return type(self)()

    def __call__(self, fn: F) -> F:
        """`fn` run under this mode."""
        if inspect.isgeneratorfunction(fn):
            return self._wrap_generator(fn)

        @functools.wraps(fn)
        def wrapped(*args: Any, **kwargs: Any) -> Any:
            with self._clone():
                return fn(*args, **kwargs)

        return wrapped  # pyright: ignore[reportReturnType]

    def _wrap_generator(self, fn: Any) -> Any:
        """A generator runs under the mode, its consumer does not."""

        @functools.wraps(fn)
        def wrapped(*args: Any, **kwargs: Any) -> Any:
            running = fn(*args, **kwargs)
            resume: Any = running.send
            given: Any = None
            while True:
                with self._clone():
                    try:
                        item = resume(given)
                    except StopIteration as stop:
                        return stop.value
                try:
                    given = yield item
                    resume = running.send
                except GeneratorExit:
                    with self._clone():
                        running.close()
                    raise
                except BaseException as error:
                    resume, given = running.throw, error

        return wrapped


class no_grad(_Mode):
    """Operations inside are not recorded. `with no_grad():` or `@no_grad()`."""

    def __new__(cls, fn: Any = None) -> Any:
        self = object.__new__(cls)
        self._tokens = []
        return self if fn is None else self(fn)

    def __init__(self, fn: Any = None) -> None:
        """`fn` is what `@no_grad` without parentheses stands above."""

    def _enter(self) -> None:
        self._tokens.append((_grad, _grad.set(False)))


class enable_grad(no_grad):
    """Operations inside are recorded, also within `no_grad` (but not within `inference_mode`)."""

    def _enter(self) -> None:
        self._set(_grad, not _inference.get())


class set_grad_enabled(_Mode):
    """Recording on or off: at once when called, or for the duration of a `with` block."""

    def __init__(self, mode: bool) -> None:
        super().__init__()
        self.mode = bool(mode)
        self._set(_grad, self.mode and not _inference.get())

    def _enter(self) -> None:
        pass

    def _clone(self) -> _Mode:
        return type(self)(self.mode)

    def __call__(self, fn: F) -> F:
        self.__exit__()
        return super().__call__(fn)


class inference_mode(_Mode):
    """no_grad whose results can never take part in recording later. With mode False: ordinary recording."""

    def __new__(cls, mode: Any = True) -> Any:
        self = super().__new__(cls)
        if isinstance(mode, bool):
            return self
        self.__init__()  # `@inference_mode` without parentheses
        return self(mode)

    def __init__(self, mode: bool = True) -> None:
        super().__init__()
        self.mode = mode

    def _enter(self) -> None:
        if self.mode:
            inference.notice()
        self._set(_inference, self.mode)
        self._set(_grad, not self.mode)
        self._set(_fresh_box, UNTRACKED if self.mode else None)

    def __exit__(self, *exc: object) -> None:
        for _ in range(3):
            super().__exit__()

    def _clone(self) -> _Mode:
        return type(self)(self.mode)


def is_anomaly_enabled() -> bool:
    """Whether anomaly mode is on."""
    return _anomaly.get() > 0
