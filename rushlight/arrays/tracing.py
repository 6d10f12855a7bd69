"""Whether ops are traced, and by whom: what the compiler sets while it captures a function.

While there is a tracer, ops on plain arrays come to it too (`tracer.__op__`), not only those on its own
arrays: parameters are plain arrays. Ops that run within a traced op are its own business: it suspends itself.
"""

from __future__ import annotations

import functools
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

#: not empty while nothing is traced: what generated functions ask before they go straight to the arrays
EAGER: list[bool] = [True]

#: who notes the launches of kernels, if anybody does: code then goes by kernels alone, not by ways round
WATCHED: list[Any] = []

_tracer: Any = None
_thread = 0


def tracer() -> Any:
    """Who traces the ops of this thread, or None."""
    return _tracer if _tracer is not None and threading.get_ident() == _thread else None


@contextmanager
def watched(watcher: Any) -> Iterator[None]:
    """Have code go by kernels alone, as it does while their launches are noted."""
    old, WATCHED[:] = list(WATCHED), [watcher]
    try:
        yield
    finally:
        WATCHED[:] = old


@contextmanager
def by(new: Any) -> Iterator[None]:
    """Have `new` trace the ops of this thread (None: nobody)."""
    global _tracer, _thread
    old = _tracer, _thread, list(EAGER)
    _tracer, _thread = new, threading.get_ident()
    EAGER[:] = [] if new is not None else [True]
    try:
        yield
    finally:
        _tracer, _thread, EAGER[:] = old


_recorder: Any = None


@contextmanager
def recorded(recorder: Any) -> Iterator[None]:
    """Have ops of this thread that nobody traces go to a recorder, which runs them and takes their time."""
    global _recorder, _thread
    old = _recorder, _thread, list(EAGER)
    _recorder, _thread = recorder, threading.get_ident()
    EAGER[:] = []
    try:
        yield
    finally:
        _recorder, _thread, EAGER[:] = old


def onlooker() -> Any:
    """Who traces the ops of this thread, or else records them, or None."""
    found = tracer()
    if found is None and _recorder is not None and threading.get_ident() == _thread:
        return _recorder
    return found


def created(a: Any) -> Any:
    """An array that a function made of nothing, as its tracer wants it."""
    found = None if EAGER else tracer()
    return a if found is None else found.created(a)


def turned(t: Any) -> None:
    """A tensor that is about to take another array, shape or strides in place: a tracer is told."""
    found = None if EAGER else tracer()
    if found is not None:
        found.turned_in_place(t)


def looked_at(a: Any) -> Any:
    """An array that Python reads numbers of: a tracer is told, and gives them."""
    found = tracer()
    return a if found is None else found.read(a)


def assigned(t: Any, value: Any) -> bool:
    """Whether a tracer took `t.data = value` as writing into the memory of `t`, which it then keeps."""
    found = tracer()
    if found is None or t._a.shape != value._a.shape or t._a.dtype != value._a.dtype:
        return False
    found.write(t, value._a, "data")
    return True


def this_run_only() -> None:
    """Say that the next run will not be like this one: state was made that it will find."""
    found = None if EAGER else tracer()
    if found is not None:
        found.once = True


def cleared(leaf: Any) -> None:
    """Say that a leaf has no gradient from here on, whether it had one before or not."""
    found = None if EAGER else tracer()
    if found is not None:
        found.cleared.add(leaf)


class Law(NamedTuple):
    """How float32 samples of the default generator are distributed: "uniform" on [a, b), or "normal" with a
    mean a and a standard deviation b.
    """

    name: str
    a: float = 0.0
    b: float = 1.0


def drawn(name: str, draw: Callable[[], Any], law: Law | None = None) -> Any:
    """What draw() gives; a tracer has it drawn anew at every run, in its own way where it knows the law."""
    found = None if EAGER else onlooker()
    if found is None:
        return draw()
    return found.drawn(name, draw, law) if law is not None and found is tracer() else found.host(name, draw)


def happens_once() -> None:
    """Say that what is done now is not done in other calls: a tracer makes no plan of this one."""
    found = None if EAGER else tracer()
    if found is not None:
        found.once = True


def at_every_run(method: Callable[..., Any]) -> Callable[..., Any]:
    """A method that changes Python's values only; a tracer has it called again at every run.

    Called with a tensor, it is followed as it is: it will ask for numbers.
    """

    @functools.wraps(method)
    def call(self: Any, *args: Any, **kwargs: Any) -> Any:
        found = None if EAGER or any(hasattr(v, "_a") for v in args) else tracer()
        again = functools.partial(method, self, *args, **kwargs)
        return again() if found is None else found.effect(again)

    return call
