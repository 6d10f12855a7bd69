"""What networks are made of: softmax, norms, products, convolution, pooling, attention."""

from collections.abc import Iterator
from typing import Any

import rushlight as torch
from tests.kernels.fuzzing import FLOATS, LAYOUTS, Case, Draw, describe, stretched

F: Any = torch.nn.functional
UNEQUAL = [*LAYOUTS]
UNEQUAL.remove(
    "expanded"
)  # equal numbers have the variance 0, and the inverse of its root magnifies rounding
SIZES_OF_PRODUCTS = (1, 2, 3, 5, 8, 15, 16, 17, 31, 33, 48, 64, 65, 100, 200)


def softmaxes(d: Draw) -> Iterator[Case]:
    for _ in range(5):
        shape = d.shape(1, empty=0.03)
        x = d.tensor(shape, d.one((*FLOATS, "bfloat16", "float16")), grad=True)
        at, f = d.int(0, len(shape) - 1), d.one((F.softmax, F.log_softmax, F.softmin))
        yield Case(
            f"{f.__name__} {at} {describe(x)}", lambda f=f, x=x, a=at: f(x, a), (x,), 64, x.numel() > 2000
        )
        x = d.tensor(d.shape(2, 2, empty=0), d.one(FLOATS), grad=True)
        labels = torch.from_numpy(d.rng.integers(0, x.shape[1], x.shape[0]))
        labels[0] = d.one((labels[0].item(), -100))
        o = dict(label_smoothing=d.one((0.0, 0.0, 0.1)), reduction=d.one(("mean", "sum", "none")))
        label = f"cross_entropy {describe(x, labels)} {o}"
        yield Case(label, lambda x=x, y=labels, o=o: F.cross_entropy(x, y, **o), (x,), 512, True)
        y = x.detach().log_softmax(1).requires_grad_()
        yield Case(f"nll_loss {label}", lambda x=y, y=labels: F.nll_loss(x, y), (y,), 256)
        f = d.one((F.mse_loss, F.l1_loss, F.smooth_l1_loss, F.huber_loss, F.binary_cross_entropy_with_logits))
        z = d.tensor(x.shape, str(x.dtype)[6:], "small")
        yield Case(f"{f.__name__} {describe(x, z)}", lambda f=f, x=x, z=z: f(x, z), (x,), 512)


def _batch_norm(x: Any, mean: Any, spread: Any, given: Any, training: bool) -> Any:
    """The result and the new running statistics."""
    mean, spread = mean.clone(), spread.clone()
    return F.batch_norm(x, mean, spread, *given, training, 0.1), mean, spread


def norms(d: Draw) -> Iterator[Case]:
    for _ in range(3):
        dtype = d.one(FLOATS)
        shape = d.shape(2, empty=0)
        n = d.int(1, len(shape) - 1)
        x = d.tensor(shape, dtype, layout=d.one(UNEQUAL), grad=True)
        w, b = (d.tensor(shape[-n:], dtype, grad=True) for _ in range(2))
        given = d.one(((w, b), (w, None), (None, None)))
        by = (x, *(t for t in given if t is not None))
        tail = shape[-n:]
        yield Case(
            f"layer_norm {tail} {describe(*by)}",
            lambda x=x, s=tail, g=given: F.layer_norm(x, s, *g),
            by,
            1000,
            x.numel() > 2000,
        )
        yield Case(
            f"rms_norm {tail} {describe(x)}", lambda x=x, s=tail, g=w: F.rms_norm(x, s, g, 0.01), (x, w), 1000
        )
        shape = (d.int(2, 5), d.int(1, 9) * 2, *d.shape(0, 2, 300, empty=0))
        x = d.tensor(shape, dtype, layout=d.one(UNEQUAL), grad=True)
        w, b, mean = (d.tensor(shape[1:2], dtype, grad=k < 2) for k in range(3))
        spread = d.tensor(shape[1:2], dtype, "positive")
        given = d.one(((w, b), (None, None)))
        by = (x, *(t for t in given if t is not None))
        training = d.chance(0.6)
        yield Case(
            f"batch_norm {training} {describe(x)}",
            lambda x=x, m=mean, v=spread, g=given, t=training: _batch_norm(x, m, v, g, t),
            by,
            1000,
            x.numel() > 2000,
        )
        n = d.one((1, 2))
        yield Case(f"group_norm {describe(x)}", lambda x=x, g=given, n=n: F.group_norm(x, n, *g), by, 1000)
        if len(shape) > 2 and x[0, 0].numel() > 1:
            yield Case(f"instance_norm {describe(x)}", lambda x=x: F.instance_norm(x), (x,), 1000)


def products(d: Draw) -> Iterator[Case]:
    for _ in range(5):
        dtype = d.one((*FLOATS, *FLOATS, "int64", "float16", "bfloat16"))
        most = 4000 if d.chance(0.8) else 40000
        rows, inner, columns = (d.one((*SIZES_OF_PRODUCTS, 0)) for _ in range(3))
        stack = d.one(((), (), (3,), (2, 3), (1,), (5,)))
        if rows * inner > most or inner * columns > most:
            rows = d.int(1, 9)
        x = d.tensor((*stretched(d, stack), rows, inner), dtype, grad=True)
        y = d.tensor((*stack, inner, columns), dtype, grad=True)
        by = (x, y) if x.requires_grad else ()
        ulps = 16 + 8 * max(inner, rows, columns) ** 0.5
        label = f"matmul {describe(x, y)}"
        yield Case(label, lambda x=x, y=y: x @ y, by, ulps, x.numel() + y.numel() > 4000)
        if dtype in FLOATS:
            v = d.tensor((inner,), dtype, grad=True)
            yield Case(f"matmul {describe(x, v)}", lambda x=x, y=v: x @ y, (x, v), ulps)
            w, b = d.tensor((columns, inner), dtype, grad=True), d.tensor((columns,), dtype, grad=True)
            yield Case(
                f"linear {describe(x, w, b)}", lambda x=x, w=w, b=b: F.linear(x, w, b), (x, w, b), 2 * ulps
            )
            a = d.tensor(stretched(d, (rows, columns)), dtype, grad=True)
            p, q = d.tensor((rows, inner), dtype, grad=True), d.tensor((inner, columns), dtype, grad=True)
            al, be = d.one(((1, 1), (0.5, 2), (1, 0)))
            yield Case(
                f"addmm {al} {be} {describe(a, p, q)}",
                lambda a=a, p=p, q=q, al=al, be=be: torch.addmm(a, p, q, alpha=al, beta=be),
                (a, p, q),
                2 * ulps,
            )
            room, part = d.whole((rows, columns), dtype)
            p, q = p.detach(), q.detach()
            yield Case(
                f"mm out {describe(p, q, part)}",
                lambda p=p, q=q, o=part, r=room: [torch.mm(p, q, out=o), r],
                (),
                ulps,
            )
            room, part = d.whole((rows, columns), dtype)
            yield Case(
                f"addmm_ {describe(part, p, q)}",
                lambda p=p, q=q, o=part, r=room: [o.addmm_(p, q), r],
                (),
                2 * ulps,
            )


def _sizes_of_convolution(d: Draw, axes: int) -> dict[str, Any]:
    each = lambda low, high: tuple(d.int(low, high) for _ in range(axes))  # noqa: E731
    groups = d.one((1, 1, 1, 2, 3))
    kernel, stride, padding, dilation = each(1, 4), each(1, 3), each(0, 2), each(1, 2)
    least = [max(k + (k - 1) * (g - 1) - 2 * p, 1) for k, g, p in zip(kernel, dilation, padding)]
    most = {1: 60, 2: 20, 3: 5}[axes]
    depthwise = d.chance(0.2)
    groups, inside = (d.int(2, 9), 1) if depthwise else (groups, d.one((1, 2, 3, 7, 16)))
    return {
        "kernel": kernel,
        "options": {"stride": stride, "padding": padding, "dilation": dilation, "groups": groups},
        "sizes": tuple(n + d.int(0, most) for n in least),
        "inside": inside,
        "outside": d.one((1, 2)) if depthwise else d.one((1, 2, 5, 8, 17, 33)),
    }


def convolutions(d: Draw) -> Iterator[Case]:
    for _ in range(3):
        axes, dtype = d.one((1, 2, 2, 3)), d.one(FLOATS)
        n = _sizes_of_convolution(d, axes)
        options, groups = n["options"], n["options"]["groups"]
        batch = d.one(((), (1,), (2,), (5,)))
        x = d.tensor((*batch, n["inside"] * groups, *n["sizes"]), dtype, grad=True)
        w = d.tensor((n["outside"] * groups, n["inside"], *n["kernel"]), dtype, grad=True)
        b = d.tensor(w.shape[:1], dtype, grad=True) if d.chance(0.7) else None
        by = (x, w) if b is None else (x, w, b)
        f = getattr(F, f"conv{axes}d")
        ulps = 64 + 8 * max(w[0].numel(), x[0].numel()) ** 0.5
        yield Case(
            f"conv{axes}d {describe(*by)} {options}",
            lambda f=f, x=x, w=w, b=b, o=options: f(x, w, b, **o),
            by,
            ulps,
            x.numel() > 2000,
        )
        w = d.tensor((n["inside"] * groups, n["outside"], *n["kernel"]), dtype, grad=True)
        b = d.tensor((n["outside"] * groups,), dtype, grad=True) if d.chance(0.7) else None
        by = (x, w) if b is None else (x, w, b)
        f = getattr(F, f"conv_transpose{axes}d")
        yield Case(
            f"conv_transpose{axes}d {describe(*by)} {options}",
            lambda f=f, x=x, w=w, b=b, o=options: f(x, w, b, **o),
            by,
            ulps,
        )


def poolings(d: Draw) -> Iterator[Case]:
    for _ in range(4):
        axes, dtype = d.one((1, 2, 2, 3)), d.one(FLOATS)
        each = lambda low, high, a=axes: tuple(d.int(low, high) for _ in range(a))  # noqa: E731
        kernel, stride = each(1, 4), each(1, 3)
        padding = tuple(d.int(0, k // 2) for k in kernel)
        sizes = tuple(k + d.int(0, {1: 100, 2: 25, 3: 6}[axes]) for k in kernel)
        x = d.tensor((*d.one(((2,), (3,), ())), d.int(1, 20), *sizes), dtype, grad=True)
        large = x.numel() > 2000
        ceil, indices = d.chance(0.3), d.chance(0.3)
        f = getattr(F, f"max_pool{axes}d")
        g = tuple(d.int(1, 2) for _ in kernel)
        g = g if all((k - 1) * s < n for k, s, n in zip(kernel, g, sizes)) else (1,) * axes
        o = dict(stride=stride, padding=padding, ceil_mode=ceil, return_indices=indices, dilation=g)
        label = f"max_pool{axes}d {describe(x)} {kernel} {o}"
        yield Case(label, lambda f=f, x=x, k=kernel, o=o: f(x, k, **o), (x,), 32, large)
        f = getattr(F, f"avg_pool{axes}d")
        o = dict(stride=stride, padding=padding, ceil_mode=ceil, count_include_pad=indices)
        label = f"avg_pool{axes}d {describe(x)} {kernel} {o}"
        yield Case(label, lambda f=f, x=x, k=kernel, o=o: f(x, k, **o), (x,), 32, large)
        f = getattr(F, d.one((f"adaptive_avg_pool{axes}d", f"adaptive_max_pool{axes}d")))
        size = each(1, 7)
        yield Case(f"{f.__name__} {describe(x)} {size}", lambda f=f, x=x, n=size: f(x, n), (x,), 32, large)


def attentions(d: Draw) -> Iterator[Case]:
    for _ in range(3):
        batch, heads = d.one((1, 2)), d.one((1, 2, 4))
        queries, keys = d.one((1, 3, 16, 33, 65)), d.one((1, 2, 15, 64, 70))
        width, out = d.one((1, 3, 8, 16, 20, 64)), d.one((5, 8, 16, 33))
        out = width if d.chance(0.6) else out
        dtype = d.one(FLOATS)
        shared = d.one((heads, 1)) if d.chance(0.3) else heads
        q = d.tensor((batch, heads, queries, width), dtype, grad=True)
        k = d.tensor((batch, shared, keys, width), dtype, grad=True)
        v = d.tensor((batch, shared, keys, out), dtype, grad=True)
        mask, causal = None, d.chance(0.3)
        if not causal and d.chance(0.6):
            mask = d.tensor(stretched(d, (batch, heads, queries, keys)), d.one((dtype, "bool")))
            if mask.dtype == torch.bool and mask.ndim and mask.shape[-1] == keys:
                mask = mask.clone().contiguous()
                mask[..., 0] = True  # no row without any
        yield Case(
            f"attention {causal} {describe(q, k, v)} {mask is not None and describe(mask)}",
            lambda q=q, k=k, v=v, m=mask, c=causal, g=shared != heads: F.scaled_dot_product_attention(
                q, k, v, m, is_causal=c, enable_gqa=g
            ),
            (q, k, v),
            256,
            True,
        )


LARGE_PRODUCTS = [(1, 600, 300), (3, 512, 400), (4, 300, 900), (7, 400, 300), (64, 1000, 100), (130, 400, 67)]
LARGE_PRODUCTS += [(150, 333, 300), (300, 1, 200), (12, 700, 20), (2, 3, 4000), (4000, 3, 2), (90, 90, 90)]


def large_products(d: Draw) -> Iterator[Case]:
    """Shapes of kernels that block for caches, read B once, or lay operands out."""
    dtype, (rows, inner, columns) = d.one(FLOATS), d.one(LARGE_PRODUCTS)
    x = d.tensor((rows, inner), dtype, grad=True)
    y = d.tensor((inner, columns), dtype, grad=True)
    ulps = 16 + 8 * max(inner, rows, columns) ** 0.5
    yield Case(f"mm {describe(x, y)}", lambda: x @ y, (x, y), ulps, True)
    w, b = d.tensor((columns, inner), dtype, grad=True), d.tensor((columns,), dtype, grad=True)
    yield Case(f"linear {describe(x, w, b)}", lambda: F.linear(x, w, b), (x, w, b), 2 * ulps, True)


def recurrents(d: Draw) -> Iterator[Case]:
    """Layers of all kinds over a few steps, both directions, in any layout of the input."""
    for _ in range(2):
        kind, dtype = d.one(("LSTM", "GRU", "RNN")), d.one(FLOATS)
        width, hidden = d.one((1, 3, 8, 17, 40)), d.one((1, 5, 16, 33))
        options = dict(num_layers=d.one((1, 1, 2)), bidirectional=d.chance(0.3), batch_first=d.chance(0.5))
        options |= {"nonlinearity": d.one(("tanh", "relu"))} if kind == "RNN" else {}
        net = getattr(torch.nn, kind)(width, hidden, dtype=getattr(torch, dtype), **options)
        for p in net.parameters():
            p.data = d.tensor(p.shape, dtype, "small", "plain") * 0.5
        x = d.tensor((d.int(1, 9), d.int(1, 9), width), dtype, grad=True)
        label = f"{kind} {width} {hidden} {options} {describe(x)}"
        yield Case(label, lambda net=net, x=x: net(x), (x, *net.parameters()), 1000, True)


#: inputs, outputs, kernel, stride, padding, groups as networks have them
KNOWN = [
    (16, 16, 3, 1, 1, 1),
    (32, 48, 3, 1, 1, 1),
    (64, 32, 3, 1, 1, 1),
    (3, 64, 3, 1, 1, 1),
    (3, 16, 7, 2, 3, 1),
]
KNOWN += [
    (32, 32, 3, 1, 1, 32),
    (24, 24, 3, 2, 1, 24),
    (40, 40, 3, 1, 1, 40),
    (8, 16, 5, 1, 2, 8),
    (32, 64, 1, 1, 0, 1),
    (64, 16, 1, 2, 0, 1),
    (20, 30, 3, 2, 1, 1),
    (32, 48, 3, 2, 1, 1),
    (32, 32, 4, 2, 1, 1),
]


def known_convolutions(d: Draw) -> Iterator[Case]:
    """Shapes that have kernels of their own, with channels first and last, and what follows in a network."""
    dtype, (inside, outside, kernel, stride, padding, groups) = d.one(FLOATS), d.one((*KNOWN[:3], *KNOWN))
    sizes = (d.int(kernel, 19), d.int(kernel, 19)) if d.chance(0.5) else (30, 33)
    x = d.tensor((d.int(1, 3), inside, *sizes), dtype, layout=d.one(("plain", "plain", "offset")), grad=True)
    w = d.tensor((outside, inside // groups, kernel, kernel), dtype, grad=True)
    b = d.tensor((outside,), dtype, grad=True)
    scale = d.tensor((outside,), dtype, grad=True)
    o = dict(stride=stride, padding=padding, groups=groups)
    if d.chance(0.5):
        x = x.detach().contiguous(memory_format=torch.channels_last).requires_grad_()
    ulps = 64 + 16 * max(w[0].numel(), x[0].numel()) ** 0.5
    label = f"conv2d {describe(x, w)} {o}"
    yield Case(label, lambda: F.conv2d(x, w, b, **o), (x, w, b), ulps, True)

    def block() -> Any:
        y = F.batch_norm(F.conv2d(x, w, None, **o), None, None, scale, b, True)
        return F.max_pool2d(y, 2, padding=1), F.avg_pool2d(y.relu(), 2, padding=1)

    yield Case(f"block {label}", block, (x, w, b, scale), 40 * ulps, True)
