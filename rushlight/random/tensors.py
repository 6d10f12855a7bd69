"""New tensors of random numbers: rand, randn, randint, randperm and their kin."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

import rushlight.creation as creation
import rushlight.dtypes as dtypes

from ..arrays import distributions
from ..arrays.generator import randomness
from ..arrays.tracing import Law, drawn
from ..autograd.inplace import write_out
from ..tensor import Tensor, wrap
from .filling import Draw, fill, untied
from .generators import Generator, stream


def finished(name: str, samples: np.ndarray, out: Tensor | None, *sources: Any) -> Tensor:
    """The Tensor of samples drawn with tensors `sources` as parameters, or `out` holding them."""
    if out is None:
        return untied(wrap(samples), *sources)
    return write_out(name, out, samples, tuple(s._n for s in sources if isinstance(s, Tensor)))


def sized(
    name: str,
    shape: tuple[int, ...],
    draw: Draw,
    dtype: Any,
    device: Any,
    requires_grad: bool,
    out: Tensor | None,
    default: Any = None,
    law: Law | None = None,
) -> Tensor:
    """A tensor of samples of the given sizes; into `out` they are drawn in the order of its own memory."""
    if out is not None:
        if dtype is not None and dtype is not out.dtype:
            raise RuntimeError(f"{name}: dtype {dtype} does not match dtype of out parameter ({out.dtype})")
        write_out(name, out, np.broadcast_to(np.zeros((), out._a.dtype), shape), ())
        return fill(out, name, draw, depth=4, law=law)
    if device is not None:
        made = creation.empty(shape, dtype=dtype or default, device=device)
        if made.is_meta:
            return made.requires_grad_() if requires_grad else made
    storage = creation._storage(dtype, default)
    known = law if storage == np.float32 else None
    sample = lambda shape: wrap(drawn(name, lambda: draw(shape, storage, True), known))  # noqa: E731
    made = each_its_own(sample, shape)
    return made.requires_grad_() if requires_grad else made


def each_its_own(draw: Callable[[tuple[int, ...]], Tensor], shape: tuple[int, ...]) -> Tensor:
    """Samples of a shape; inside vmap(..., randomness="different") of their own for every example."""
    if randomness.get() is None:
        return draw(shape)
    from ..func.vmapping import drawn_for_each

    return drawn_for_each(draw, shape)


def _sized(name: str, law: Law, sample: Callable[..., np.ndarray], doc: str) -> Callable[..., Tensor]:
    def create(
        *size: Any,
        generator: Generator | None = None,
        out: Tensor | None = None,
        dtype: Any = None,
        layout: Any = None,
        device: Any = None,
        requires_grad: bool = False,
        pin_memory: bool = False,
        **named: Any,
    ) -> Tensor:
        given = named.pop("size", None)
        named.pop("names", None)
        if named:
            raise TypeError(f"{name}() got an unexpected keyword argument {next(iter(named))!r}")
        g = stream(generator)
        draw = lambda shape, kind, whole: sample(g, shape, kind, whole)  # noqa: E731
        known = law if generator is None else None
        shape = creation._sizes(size, given)
        return sized(name, shape, draw, dtype, device, requires_grad, out, law=known)

    create.__name__ = create.__qualname__ = name
    create.__doc__ = f"{doc} {name}(2, 3) or {name}((2, 3)); float and complex dtypes."
    return create


def _uniform(g: Generator, shape: tuple[int, ...], kind: np.dtype, whole: bool) -> np.ndarray:
    return distributions.uniform(g, shape, kind)


def _normal(g: Generator, shape: tuple[int, ...], kind: np.dtype, whole: bool) -> np.ndarray:
    return distributions.normal(g, shape, kind, contiguous=whole)


rand = _sized("rand", Law("uniform"), _uniform, "Samples uniform on [0, 1), of the given sizes:")
randn = _sized(
    "randn", Law("normal"), _normal, "Samples of the normal distribution N(0, 1), of the given sizes:"
)


def randint(
    *bounds_and_size: Any,
    low: int | None = None,
    high: int | None = None,
    size: Any = None,
    generator: Generator | None = None,
    out: Tensor | None = None,
    dtype: Any = None,
    layout: Any = None,
    device: Any = None,
    requires_grad: bool = False,
    pin_memory: bool = False,
) -> Tensor:
    """Integers of low (0), ..., high - 1: randint(high, size), randint(low, high, size); int64 by default."""
    rest = list(bounds_and_size)
    if size is None and rest and not isinstance(rest[-1], int):
        size = rest.pop()
    low, high = _bounds("randint", rest, low, high)
    if size is None:
        raise TypeError(
            "randint() received an invalid combination of arguments: size is missing; "
            "randint(high, size) or randint(low, high, size)"
        )
    g = stream(generator)
    draw = lambda shape, kind, _: distributions.randint(g, shape, kind, low, high)  # noqa: E731
    return sized("randint", creation._sizes((size,)), draw, dtype, device, requires_grad, out, dtypes.int64)


def _bounds(name: str, given: list[Any], low: Any, high: Any) -> tuple[int, int]:
    """`low` (0 by default) and `high`, from one or two positional arguments and the keywords."""
    if len(given) == 2 and low is None and high is None:
        low, high = given
    elif len(given) == 1 and high is None:
        high = given[0]
    elif len(given) == 1 and low is None:
        low = given[0]
    elif given:
        raise TypeError(
            f"{name}() received an invalid combination of arguments: {len(given)} bounds by position, "
            f"low={low}, high={high}"
        )
    if high is None:
        raise TypeError(f"{name}() missing the argument 'high'")
    return int(low or 0), int(high)


def randperm(
    n: int,
    *,
    generator: Generator | None = None,
    out: Tensor | None = None,
    dtype: Any = None,
    layout: Any = None,
    device: Any = None,
    requires_grad: bool = False,
    pin_memory: bool = False,
) -> Tensor:
    """A random permutation of 0, ..., n - 1, int64 unless told otherwise."""
    g = stream(generator)
    draw = lambda shape, kind, _: distributions.randperm(g, int(n), kind)  # noqa: E731
    if n < 0:
        raise RuntimeError(f"randperm: n must be non-negative, got {n}")
    return sized("randperm", (int(n),), draw, dtype, device, requires_grad, out, dtypes.int64)


# -- ..._like -----------------------------------------------------------------------------------------


def _like(name: str, law: Law, sample: Callable[..., np.ndarray], doc: str) -> Callable[..., Tensor]:
    def create(
        input: Tensor,
        *,
        generator: Generator | None = None,
        dtype: Any = None,
        layout: Any = None,
        device: Any = None,
        requires_grad: bool = False,
        memory_format: Any = None,
        pin_memory: bool = False,
    ) -> Tensor:
        g = stream(generator)
        made = creation.empty_like(input, dtype=dtype, device=device, memory_format=memory_format)
        known = law if generator is None else None
        return _filled(made, name, lambda *where: sample(g, *where), requires_grad, known)

    create.__name__ = create.__qualname__ = name
    create.__doc__ = f"{doc} in the shape, dtype and layout of `input`."
    return create


def _filled(made: Tensor, name: str, draw: Draw, requires_grad: bool, law: Law | None = None) -> Tensor:
    fill(made, name, draw, depth=4, law=law)
    made._b = None  # new: nothing was changed
    return made.requires_grad_() if requires_grad else made


rand_like = _like("rand_like", Law("uniform"), _uniform, "Samples uniform on [0, 1),")
randn_like = _like("randn_like", Law("normal"), _normal, "Samples of the normal distribution N(0, 1),")


def randint_like(
    input: Tensor,
    *bounds: Any,
    low: int | None = None,
    high: int | None = None,
    generator: Generator | None = None,
    dtype: Any = None,
    layout: Any = None,
    device: Any = None,
    requires_grad: bool = False,
    memory_format: Any = None,
    pin_memory: bool = False,
) -> Tensor:
    """Integers of low (0), ..., high - 1 like `input`: randint_like(input, high) or (input, low, high)."""
    low, high = _bounds("randint_like", list(bounds), low, high)
    g = stream(generator)
    made = creation.empty_like(input, dtype=dtype, device=device, memory_format=memory_format)
    draw = lambda shape, kind, _: distributions.randint(g, shape, kind, low, high)  # noqa: E731
    return _filled(made, "randint_like", draw, requires_grad)
