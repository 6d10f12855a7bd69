"""Arithmetic on elements, and reductions."""

from collections.abc import Iterator
from typing import Any

import rushlight as torch
from tests.kernels.fuzzing import ALL, FLOATS, Case, Draw, describe, stretched

F: Any = torch.nn.functional

ANY = "sin cos tanh abs neg square sigmoid erf erfc relu sign positive asinh atan expm1 exp sinh cosh exp2"
SMALL = "asin acos atanh log1p erfinv"
POSITIVE = "log log2 log10 sqrt rsqrt reciprocal lgamma"
STEPS = "floor ceil round trunc frac isnan isinf isfinite signbit"
ACTIVATIONS = (
    "gelu silu elu selu celu softplus softsign hardtanh hardswish hardsigmoid mish leaky_relu logsigmoid"
)
ACTIVATIONS += " relu6 tanhshrink softshrink hardshrink"
TRUTH = "eq ne lt le gt ge"
BINARY = "add sub mul maximum minimum fmax fmin hypot atan2 logaddexp copysign"


def unary(d: Draw) -> Iterator[Case]:
    """One input: values, gradients, in place on part of something, into `out`."""
    for _ in range(6):
        words, kind = d.one([(ANY, "special"), (SMALL, "small"), (POSITIVE, "positive"), (STEPS, "special")])
        name, dtype = d.one(words.split()), d.one((*FLOATS, *FLOATS, "float16", "bfloat16"))
        f, shape = getattr(torch, name), d.shape()
        x = d.tensor(shape, dtype, kind, grad=words is not STEPS)
        large = x.numel() > 2000
        label = f"{name} {describe(x)}"
        yield Case(label, lambda f=f, x=x: f(x), (x,) if x.requires_grad else (), large=large)
        if name not in ("relu", "positive", "isnan", "isinf", "isfinite", "signbit"):
            room, part = d.whole(shape, dtype)
            part.copy_(d.tensor(shape, dtype, kind, "plain"))
            yield Case(
                f"{name}_ {describe(part)}",
                lambda room=room, part=part, n=name: [getattr(part, n + "_")(), room],
            )
            room, part = d.whole(shape, dtype)
            y = x.detach()
            yield Case(f"{label} out", lambda f=f, y=y, room=room, part=part: [f(y, out=part), room])


def activations(d: Draw) -> Iterator[Case]:
    for _ in range(6):
        name, dtype = d.one(ACTIVATIONS.split()), d.one((*FLOATS, *FLOATS, "float16", "bfloat16"))
        f, x = getattr(F, name), d.tensor(d.shape(), dtype, grad=True)
        yield Case(f"{name} {describe(x)}", lambda f=f, x=x: f(x), (x,), large=x.numel() > 2000)


def binary(d: Draw) -> Iterator[Case]:
    """Two inputs that broadcast; numbers; in place; comparisons; integers."""
    for _ in range(8):
        words = d.one((BINARY, BINARY, TRUTH))
        name, dtype = d.one(words.split()), d.one(ALL if d.chance(0.4) else FLOATS)
        if dtype == "bool" or (dtype not in FLOATS and words is BINARY):
            name = d.one((*TRUTH.split(), "add", "mul", "maximum"))
        f, shape, grad = getattr(torch, name), d.shape(), name not in TRUTH
        x = d.tensor(shape if d.chance(0.7) else stretched(d, shape), dtype, "special", grad=grad)
        y = d.tensor(shape if d.chance(0.4) else stretched(d, shape), dtype, "normal", grad=grad)
        by = (x, y) if x.requires_grad else ()
        label = f"{name} {describe(x, y)}"
        yield Case(label, lambda f=f, x=x, y=y: f(x, y), by, large=x.numel() > 2000)
        k = d.one((2, -3, 0.5)) if "float" in dtype else d.int(0, 5)
        if name not in ("copysign", "maximum", "minimum", "fmax", "fmin", "hypot", "atan2", "logaddexp"):
            yield Case(f"{name} {describe(x)}, {k}", lambda f=f, x=x, k=k: f(x, k), by[:1])
        if name in ("add", "sub", "mul", "maximum") and dtype != "bool":
            room, part = d.whole(shape, dtype)
            x, y = x.detach(), y.detach()
            if name != "maximum":
                yield Case(
                    f"{name}_ {describe(part, y)}",
                    lambda n=name, y=y, p=part, r=room: [getattr(p, n + "_")(y), r],
                )
            if torch.broadcast_shapes(x.shape, y.shape) == part.shape:
                room, part = d.whole(shape, dtype)
                yield Case(f"{label} out", lambda f=f, x=x, y=y, p=part, r=room: [f(x, y, out=p), r])


def quotients(d: Draw) -> Iterator[Case]:
    """Powers, quotients and remainders of positive numbers, and three inputs."""
    for _ in range(6):
        name, dtype = d.one("pow div fmod remainder xlogy floor_divide logaddexp2".split()), d.one(FLOATS)
        shape, grad = d.shape(), name != "floor_divide"
        x = d.tensor(shape, dtype, "positive", grad=grad)
        y = d.tensor(stretched(d, shape), dtype, "positive", grad=grad)
        by = (x, y) if grad and name not in ("fmod", "remainder") else ()
        f = getattr(torch, name)
        yield Case(f"{name} {describe(x, y)}", lambda f=f, x=x, y=y: f(x, y), by, 64)
        a, b, c = (d.tensor(stretched(d, shape), dtype, "positive", grad=True) for _ in range(3))
        f = getattr(torch, d.one(("lerp", "addcmul", "addcdiv")))
        yield Case(f"{f.__name__} {describe(a, b, c)}", lambda f=f, a=a, b=b, c=c: f(a, b, c), (a, b, c), 64)
        m = d.tensor(stretched(d, shape), "bool")
        yield Case(f"where {describe(m, a, b)}", lambda m=m, a=a, b=b: torch.where(m, a, b), (a, b))
        yield Case(f"clamp {describe(a, b)}", lambda a=a, b=b: torch.clamp(a, b, 1.5 + b), (a,))
        k = d.one((2, 3, 0.5, -1, -2, 4, 1.5))
        yield Case(f"pow {describe(x)}, {k}", lambda x=x, k=k: torch.pow(x, k), (x,) if grad else (), 64)


def dims_of(d: Draw, n: int) -> Any:
    """One dimension, several, or all (None)."""
    if n == 0 or d.chance(0.2):
        return None
    chosen = d.random.sample(range(n), d.int(1, n))
    return chosen[0] - (n if d.chance(0.3) else 0) if len(chosen) == 1 else tuple(chosen)


def reductions(d: Draw) -> Iterator[Case]:
    for _ in range(6):
        dtype, shape = d.one(FLOATS), d.shape(empty=0.03, elements=20000 if d.chance(0.1) else 6000)
        x = d.tensor(shape, dtype, d.one(("normal", "normal", "special")), grad=True)
        dim, keep, large = dims_of(d, len(shape)), d.chance(0.5), x.numel() > 2000
        name = d.one("sum mean amax amin var std logsumexp nansum".split())
        if dim is None and name in ("amax", "amin", "logsumexp"):
            dim = tuple(range(len(shape)))
        f = getattr(torch, name)
        label = f"{name} {dim} {keep} {describe(x)}"
        ulps = 16 + 4 * x.numel() ** 0.5
        yield Case(label, lambda f=f, x=x, k=keep, a=dim: f(x, dim=a, keepdim=k), (x,), ulps, large)
        y = d.tensor(shape, d.one(("int64", "int32", "uint8", "bool", "float16", "bfloat16")))
        yield Case(f"sum {dim} {describe(y)}", lambda x=y, a=dim: torch.sum(x, dim=a), (), ulps)
        if len(shape) and 0 not in shape:
            at = d.int(0, len(shape) - 1)
            f = getattr(torch, d.one("max min argmax argmin prod cumsum cumprod cummax any all".split()))
            z = d.tensor(shape, dtype, "small", grad=f.__name__ in ("max", "min", "cumsum"))
            by = (z,) if z.requires_grad else ()
            yield Case(f"{f.__name__} {at} {describe(z)}", lambda f=f, x=z, a=at: f(x, a), by, ulps, large)
        p = d.one((1, 2, 3, float("inf")))
        yield Case(
            f"norm {p} {describe(y)}", lambda x=x, p=p, a=dim: torch.linalg.vector_norm(x, p, dim=a), (), ulps
        )
