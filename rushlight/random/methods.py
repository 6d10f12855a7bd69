"""Tensor methods that fill a tensor with random numbers. `rushlight.bind` gives them to Tensor."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ..arrays import distributions
from ..arrays.distributions import fill_axes
from ..arrays.tracing import Law
from ..tensor import Tensor
from .filling import fill
from .generators import Generator, stream
from .sampling import bernoulli, multinomial


def _filler(
    name: str, sample: Callable[..., Any], doc: str, law: str = "", /, **defaults: Any
) -> Callable[..., Tensor]:
    """The method `name` of a distribution with the given parameters; ... stands for one without a default.

    `law` is what `Law` calls the distribution, if it knows it.
    """
    names = tuple(defaults)

    def method(self: Tensor, *args: Any, generator: Generator | None = None, **named: Any) -> Tensor:
        values = defaults | _by_name(name, names, args, named)
        missing = [n for n, v in values.items() if v is ...]
        if missing:
            raise TypeError(f"{name}() missing 1 required positional argument: {missing[0]!r}")
        g = stream(generator)
        known = Law(law, *values.values()) if law and generator is None else None
        return fill(self, name, lambda shape, kind, _: sample(g, shape, kind, *values.values()), law=known)

    method.__name__ = method.__qualname__ = name
    method.__doc__ = f"{doc} In place; returns the tensor."
    return method


def _by_name(
    name: str, names: tuple[str, ...], args: tuple[Any, ...], named: dict[str, Any]
) -> dict[str, Any]:
    """Positional and keyword arguments together (`from`, a Python keyword, can only be bound this way)."""
    if len(args) > len(names):
        raise TypeError(f"{name}() takes {len(names)} positional arguments but {len(args)} were given")
    values = dict(zip(names, args, strict=False))
    for key, value in named.items():
        if key not in names or key in values:
            problem = (
                "got multiple values for argument" if key in values else "got an unexpected keyword argument"
            )
            raise TypeError(f"{name}() {problem} {key!r}")
        values[key] = value
    return {key: _number(value) for key, value in values.items()}


def _number(value: Any) -> Any:
    return value.item() if isinstance(value, (Tensor, np.generic)) else value


def normal_(
    self: Tensor, mean: float = 0.0, std: float = 1.0, *, generator: Generator | None = None
) -> Tensor:
    """Fill with samples of mean + std N(0, 1), in place; returns the tensor."""
    g, mean, std = stream(generator), _number(mean), _number(std)
    law = Law("normal", mean, std) if generator is None else None
    draw = lambda shape, kind, whole: distributions.normal(g, shape, kind, mean, std, whole)  # noqa: E731
    return fill(self, "normal_", draw, law=law)


def random_(self: Tensor, *bounds: int | None, generator: Generator | None = None, **named: Any) -> Tensor:
    """Fill with integers: random_(to) of [0, to), random_(from, to), or random_() of all the dtype holds."""
    order = ("from", "to") if len(bounds) + len(named) == 2 else ("to",)
    values = _by_name("random_", order, bounds, named)
    g = stream(generator)
    low, high = values.get("from"), values.get("to")
    return fill(self, "random_", lambda shape, kind, _: distributions.random(g, shape, kind, low, high))


def bernoulli_(self: Tensor, p: Any = 0.5, *, generator: Generator | None = None) -> Tensor:
    """Fill with 1 of probability p (a number, or a tensor that broadcasts), else 0. Returns the tensor."""
    g = stream(generator)
    if not isinstance(p, Tensor):
        return fill(
            self, "bernoulli_", lambda shape, kind, _: distributions.bernoulli(g, shape, kind, _number(p))
        )
    chances = np.broadcast_to(p._a, self._a.shape)
    chances = chances if self.is_contiguous() else chances.transpose(fill_axes(self._a))
    return fill(self, "bernoulli_", lambda shape, kind, _: distributions.bernoulli(g, shape, kind, chances))


METHODS: dict[str, Callable[..., Any]] = {
    "uniform_": _filler(
        "uniform_",
        distributions.uniform,
        "Fill with samples uniform on [from, to).",
        "uniform",
        **{"from": 0.0, "to": 1.0},
    ),
    "exponential_": _filler(
        "exponential_",
        distributions.exponential,
        "Fill with samples of the density lambd exp(-lambd x).",
        lambd=1.0,
    ),
    "geometric_": _filler(
        "geometric_", distributions.geometric, "Fill with numbers of trials up to the first success.", p=...
    ),
    "cauchy_": _filler(
        "cauchy_",
        distributions.cauchy,
        "Fill with samples of the Cauchy distribution.",
        median=0.0,
        sigma=1.0,
    ),
    "log_normal_": _filler(
        "log_normal_",
        distributions.log_normal,
        "Fill with samples of exp(mean + std N(0, 1)).",
        mean=1.0,
        std=2.0,
    ),
    **{"normal_": normal_, "random_": random_, "bernoulli_": bernoulli_},
    **{"bernoulli": bernoulli, "multinomial": multinomial},
}
