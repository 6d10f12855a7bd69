"""Elements found, put, sorted, copied and converted; steps of optimisers."""

from collections.abc import Iterator
from typing import Any

import rushlight as torch
from tests.kernels.fuzzing import ALL, FLOATS, Case, Draw, describe, stretched

F: Any = torch.nn.functional


def _positions(d: Draw, high: int, shape: Any) -> Any:
    return torch.from_numpy(d.rng.integers(0, high, shape))


def lookups(d: Draw) -> Iterator[Case]:
    """Rows of tables, elements along a dimension, positions of many kinds."""
    for _ in range(3):
        dtype, width = d.one(FLOATS), d.one((1, 3, 8, 17, 64, 100))
        rows = d.one((1, 10, 300))
        table = d.tensor((rows, width), dtype, grad=True)
        at = _positions(d, rows, d.shape(0, 2, 600))
        if d.chance(0.3):
            at = at.int()
        pad = d.one((None, None, rows - 1))
        yield Case(
            f"embedding {describe(at, table)} {pad}",
            lambda t=table, i=at, p=pad: F.embedding(i, t, padding_idx=p),
            (table,),
            256,
            True,
        )
        shape = d.shape(1, 3, 8000, empty=0)
        axis = d.int(0, len(shape) - 1)
        kind = d.one((*FLOATS, "int64", "int32", "uint8", "bool", "bfloat16"))
        x = d.tensor(shape, kind, grad=True)
        by = (x,) if x.requires_grad and kind != "bfloat16" else ()
        some = _positions(d, shape[axis], (d.one((0, 1, 5, 200)),))
        label = f"{axis} {describe(x, some)}"
        yield Case(f"index_select {label}", lambda x=x, a=axis, i=some: x.index_select(a, i), by, 256, True)
        first, places = _positions(d, shape[0], (2, 30)), _positions(d, x.numel(), (7, 30))
        yield Case(f"x[i] {label}", lambda x=x, i=first: x[i], by, 256)
        yield Case(f"take {label}", lambda x=x, i=places: torch.take(x, i), by, 256)
        where = _positions(
            d,
            shape[axis],
            tuple(d.one((n, n, 1)) if k != axis else d.one((1, 9, 70)) for k, n in enumerate(shape)),
        )
        yield Case(
            f"gather {axis} {describe(x, where)}", lambda x=x, a=axis, i=where: x.gather(a, i), by, 256, True
        )
        mask = d.tensor(shape, "bool")
        yield Case(f"x[mask] {describe(x, mask)}", lambda x=x, m=mask: x[m], by)
        yield Case(f"masked_fill {describe(x, mask)}", lambda x=x, m=mask: x.masked_fill(m, 3), by)
        if len(shape) > 1:
            i, j = (_positions(d, n, (40,)) for n in shape[:2])
            yield Case(f"x[i, j] {describe(x)}", lambda x=x, i=i, j=j: x[i, j], by, 256)


def scatters(d: Draw) -> Iterator[Case]:
    """Written by position, into parts of something larger."""
    for _ in range(4):
        kind = d.one((*FLOATS, "int64", "int32", "float16"))
        shape = d.shape(1, 3, 6000, empty=0)
        axis = d.int(0, len(shape) - 1)
        count = d.one((1, 5, 60, 300))
        lengths = tuple(count if k == axis else n for k, n in enumerate(shape))
        where = _positions(d, shape[axis], lengths)
        line, values = _positions(d, shape[axis], (count,)), d.tensor(lengths, kind)
        source = values.detach().clone().requires_grad_() if kind in FLOATS else values
        x = d.tensor(shape, kind, grad=True)
        by = (x, source) if kind in FLOATS else ()
        label = f"{axis} {describe(x, values)}"
        yield Case(
            f"scatter_add {label}",
            lambda x=x, a=axis, i=where, v=source: x.scatter_add(a, i, v),
            by,
            512,
            True,
        )
        yield Case(
            f"index_add {label}", lambda x=x, a=axis, i=line, v=source: x.index_add(a, i, v), by, 512, True
        )
        for name in ("scatter_", "scatter_add_", "index_add_", "index_copy_", "index_put_"):
            room, part = d.whole(shape, kind)
            args: Any = (axis, where if "scatter" in name else line, values)
            if name == "index_put_":
                spots = (_positions(d, shape[0], (count,)),)
                args = (spots, d.tensor((count, *shape[1:]), kind), d.chance(0.5))
            yield Case(
                f"{name} {axis} {describe(part, values)}",
                lambda n=name, p=part, r=room, a=args: [getattr(p, n)(*a), r],
                (),
                512 if "add" in name or "put" in name else 0,
            )
        room, part = d.whole(shape, kind)
        spot = tuple(slice(d.int(0, n - 1), None, d.one((1, 2))) for n in shape)
        value = d.tensor(stretched(d, part[spot].shape), kind)
        yield Case(
            f"x[...] = {describe(part, value)}",
            lambda p=part, r=room, s=spot, v=value: [p.__setitem__(s, v), r],
            (),
            0,
        )


def orders(d: Draw) -> Iterator[Case]:
    """Sorting, the largest few, running totals."""
    for _ in range(4):
        shape = d.shape(1, 3, 8000, empty=0.03)
        axis = d.int(0, len(shape) - 1)
        x = d.tensor(shape, d.one((*FLOATS, "int64")), grad=True)
        by = (x,) if x.requires_grad else ()
        down, n = d.chance(0.5), shape[axis]
        label = f"{axis} {down} {describe(x)}"
        yield Case(f"sort {label}", lambda x=x, a=axis, o=down: torch.sort(x, a, o, stable=True), by)
        k = d.int(0, min(n, d.one((1, 5, 40, n))))
        yield Case(f"topk {k} {label}", lambda x=x, a=axis, o=down, k=k: torch.topk(x, k, a, o).values)
        y = d.tensor(shape, d.one(FLOATS), layout="plain", grad=True)  # no two are equal
        yield Case(f"topk {k} {describe(y)}", lambda x=y, a=axis, o=down, k=k: torch.topk(x, k, a, o), (y,))
        y = d.tensor(shape, d.one(FLOATS), "special", "plain")
        yield Case(f"topk {k} {describe(y)}", lambda x=y, a=axis, o=down, k=k: torch.topk(x, k, a, o).values)
        yield Case(f"sort {describe(y)}", lambda x=y, a=axis, o=down: torch.sort(x, a, o, stable=True))
        ulps = 16 + 8 * n**0.5
        yield Case(f"cumsum {label}", lambda x=x, a=axis: torch.cumsum(x, a), by, ulps, True)
        room, part = d.whole(shape, str(x.dtype)[6:])
        z = x.detach()
        yield Case(
            f"cumsum out {label}",
            lambda x=z, a=axis, p=part, r=room: [torch.cumsum(x, a, out=p), r],
            (),
            ulps,
        )
        if n and x.dtype != torch.int64:
            k = d.int(1, n)
            yield Case(f"kthvalue {label}", lambda x=x, a=axis, k=k: torch.kthvalue(x, k, a).values)
            yield Case(f"cummax {label}", lambda x=x, a=axis: torch.cummax(x, a), by)
            yield Case(f"logcumsumexp {label}", lambda x=x, a=axis: torch.logcumsumexp(x, a), by, 256 + ulps)
            yield Case(f"cumprod {label}", lambda x=z, a=axis: torch.cumprod(torch.cos(x), a), (), 256 + ulps)


def copies(d: Draw) -> Iterator[Case]:
    """Memory in another order, joined, repeated, turned; exact."""
    for _ in range(5):
        dtype, shape = d.one(ALL), d.shape(0, 5, 20000 if d.chance(0.2) else 4000)
        n = len(shape)
        x = d.tensor(shape, dtype, grad=True)
        by, order = (x,) if x.requires_grad else (), d.random.sample(range(n), n)
        label, large = f"{order} {describe(x)}", x.numel() > 2000
        yield Case(f"permute {label}", lambda x=x, o=order: x.permute(o).contiguous(), by, 0, large)
        yield Case(f"clone {label}", lambda x=x: x.clone(), by, 0)
        room, part = d.whole(shape, dtype)
        y = d.tensor(stretched(d, shape), dtype)
        yield Case(f"copy_ {describe(part, y)}", lambda p=part, y=y, r=room: [p.copy_(y), r], (), 0)
        if n:
            axis = d.int(0, n - 1)
            sizes = [[d.one((0, 1, 2, 7)) if k == axis else m for k, m in enumerate(shape)] for _ in range(3)]
            parts = [x, *(d.tensor(s, dtype, grad=True) for s in sizes)]
            yield Case(
                f"cat {axis} {describe(*parts)}",
                lambda t=parts, a=axis: torch.cat(t, a),
                tuple(parts) if by else (),
                0,
                large,
            )
            yield Case(f"flip {label}", lambda x=x, a=axis: x.flip(a), by, 0)
            yield Case(f"roll {label}", lambda x=x, a=axis: x.roll(3, a), by, 0)
            twice = (x, d.tensor(shape, dtype, grad=True))
            yield Case(f"stack {label}", lambda t=twice, a=axis: torch.stack(t, a), twice if by else (), 0)
        if n == 2:
            yield Case(f"tril {label}", lambda x=x: torch.tril(x, 1), by, 0)
        if dtype in FLOATS and n:
            pads = [d.int(0, 3) for _ in range(2 * d.int(1, n))]
            yield Case(f"pad {pads} {label}", lambda x=x, p=pads: F.pad(x, p), by, 0)


def conversions(d: Draw) -> Iterator[Case]:
    for _ in range(6):
        old, new = d.one(ALL), d.one(ALL)
        x = d.tensor(d.shape(), old, grad=True)
        by = (x,) if x.requires_grad and "float" in new else ()
        dtype = getattr(torch, new)
        if "float" in old and new == "uint8":
            x = x.detach().abs()
            by = ()
        yield Case(f"to {new} {describe(x)}", lambda x=x, t=dtype: x.to(t), by, 0)
        room, part = d.whole(tuple(x.shape), new) if new != "bfloat16" else (x, x.detach().to(dtype))
        x = x.detach()
        yield Case(f"copy_ {describe(part, x)}", lambda p=part, x=x, r=room: [p.copy_(x), r], (), 0)


OPTIMIZERS = {
    "SGD": [{"momentum": 0.9, "weight_decay": 0.1}, {"momentum": 0.9, "nesterov": True}, {"maximize": True}],
    "Adam": [{}, {"weight_decay": 0.1, "amsgrad": True}],
    "AdamW": [{"maximize": True}],
    "RMSprop": [{"momentum": 0.9, "centered": True}],
    "Adagrad": [{"lr_decay": 0.1}],
}


def optimizers(d: Draw) -> Iterator[Case]:
    """A few steps with parameters of any layout, some of them parts of something larger."""
    for _ in range(3):
        name, dtype = d.one(OPTIMIZERS), d.one(FLOATS)
        settings, layouts = d.one(OPTIMIZERS[name]), ("plain", "permuted", "stepped", "offset", "reversed")
        shapes = [d.shape(0, 3, 3000) for _ in range(d.int(1, 4))]
        values = [d.tensor(s, dtype, layout=d.one(layouts)) for s in shapes]
        grads = [
            [d.tensor(s, dtype, layout=d.one(("plain", "plain", "permuted", "stepped"))) for s in shapes]
            for _ in range(3)
        ]

        def steps(
            name: str = name, settings: Any = settings, values: Any = values, grads: Any = grads
        ) -> Any:
            params = [v.detach().requires_grad_() for v in values]
            optimizer = getattr(torch.optim, name)(params, lr=0.05, **settings)
            for row in grads:
                for p, g in zip(params, row):
                    p.grad = g
                torch.nn.utils.clip_grad_norm_(params, 3.0)
                optimizer.step()
            return [*params, *values]

        yield Case(f"{name} {settings} {describe(*values)}", steps, (), 256)
