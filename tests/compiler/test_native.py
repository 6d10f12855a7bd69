"""What training and inference are made of runs without Python: ops whose nodes must be launches."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import rushlight as rl
import rushlight.nn.functional as F
from rushlight import nn
from rushlight.compiler.capture import capture
from rushlight.compiler.graph import Host
from rushlight.kernels import native

pytestmark = pytest.mark.skipif(not native.on(), reason="no machine code here")

Case = tuple[Callable[..., Any], tuple[Any, ...]]


def floats(*shape: int) -> Any:
    return rl.randn(*shape).requires_grad_()


def last(*shape: int) -> Any:
    """Images with channels last."""
    return rl.randn(*shape).to(memory_format=rl.channels_last).requires_grad_()


def places(below: int, *shape: int) -> Any:
    return rl.randint(0, below, shape)


def python_parts(f: Callable[..., Any], args: tuple[Any, ...]) -> list[str]:
    """The ops of a function and of its gradients that plans would run in Python."""

    def step(*args: Any) -> Any:
        out = f(*args)
        out = out[0] if isinstance(out, tuple) else out
        tracked = [a for a in args if isinstance(a, rl.Tensor) and a.requires_grad]
        return rl.autograd.grad((out * out).sum(), tracked) if tracked and out.requires_grad else out

    seen = capture(step, args, {}, False)
    return [n.op for n in seen.tracer.nodes if isinstance(n.body, Host)]


def layer(made: Any) -> Callable[..., Any]:
    """A module's forward, whose parameters' gradients are asked for too."""
    return lambda x, *parameters: made(x)


def of_module(made: Any, x: Any) -> Case:
    return layer(made), (x, *made.parameters())


def _convolution(*shapes: tuple[int, ...], make: Any = floats, **options: Any) -> Case:
    x, w = make(*shapes[0]), floats(*shapes[1])
    return lambda x, w, b: F.conv2d(x, w, b, **options), (x, w, floats(shapes[1][0]))


def _attention(n: int, **options: Any) -> Case:
    return lambda q, k, v: F.scaled_dot_product_attention(q, k, v, **options), tuple(
        floats(2, 3, n, 16) for _ in range(3)
    )


REDUCTIONS: dict[str, Callable[[Any], Any]] = {
    "sum": lambda x: x.sum(),
    "sum of rows": lambda x: x.sum(1),
    "sum of columns": lambda x: x.sum(0, keepdim=True),
    "sum, turned": lambda x: x.t().sum(1),
    "mean": lambda x: x.mean(),
    "amax": lambda x: x.amax(1),
    "max": lambda x: x.max(1)[0],
    "max of all": lambda x: x.max(),
    "var": lambda x: x.var(0),
    "std": lambda x: x.std(),
    "norm": lambda x: x.norm(),
    "norm of rows": lambda x: rl.linalg.vector_norm(x, dim=1),
    "argmax": lambda x: x.argmax(1),
    "any": lambda x: (x > 2).any(),
    "all": lambda x: (x > 2).all(0),
    "hits": lambda x: (x.argmax(1) == x.argmin(1)).sum(),
    "prod": lambda x: x.detach().prod(1),
    "softmax": lambda x: F.softmax(x, 1),
    "softmax of columns": lambda x: F.softmax(x, 0),
    "log_softmax": lambda x: F.log_softmax(x, 1),
    "logsumexp": lambda x: x.logsumexp(1),
    "cumsum": lambda x: x.cumsum(1),
    "normalize": lambda x: F.normalize(x),
}
MOVES: dict[str, Callable[[Any], Any]] = {
    "cat": lambda x: rl.cat([x, x * 2], 1),
    "stack": lambda x: rl.stack([x, x * 2], 1),
    "split": lambda x: x.split(2, 1)[0] * 2,
    "select": lambda x: x[:, -1] + x[0, 0],
    "slice": lambda x: x[1:, ::2],
    "pad": lambda x: F.pad(x, (1, 2)),
    "reflected": lambda x: F.pad(x[None], (1, 1), mode="reflect"),
    "roll": lambda x: x.roll(1, 0),
    "flip": lambda x: x.flip(1),
    "tril": lambda x: x.tril(),
    "masked_fill": lambda x: x.masked_fill(x > 0, -1e9),
    "where": lambda x: rl.where(x > 0, x, 0.0),
    "repeat": lambda x: x.repeat(2, 3),
    "repeat_interleave": lambda x: x.repeat_interleave(2, 0),
    "contiguous": lambda x: x.t().contiguous(),
    "reshaped": lambda x: x.t().reshape(-1),
    "clone": lambda x: x.clone(),
    "double": lambda x: x.double(),
    "half": lambda x: x.half().float(),
    "bfloat16": lambda x: x.bfloat16().float(),
    "whole": lambda x: x.detach().long(),
}
INDEXED: dict[str, Case] = {
    "embedding": (lambda i, w: F.embedding(i, w), (places(65, 4, 8), floats(65, 38))),
    "index_select": (lambda x, i: x.index_select(1, i), (floats(65, 38), places(38, 40))),
    "gather": (lambda x, i: x.gather(1, i), (floats(65, 38), places(38, 65, 3))),
    "index_add": (lambda x, i, s: x.index_add(0, i, s), (floats(9, 4), places(9, 40), floats(40, 4))),
    "scatter_add": (
        lambda x, i, s: x.scatter_add(0, i, s),
        (floats(9, 4), places(9, 40, 4), floats(40, 4)),
    ),
    "one index": (lambda x, i: x[i], (floats(9, 4), places(9, 3, 2))),
    "two indices": (lambda x, i, j: x[i, j], (floats(9, 4, 3), places(9, 5), places(4, 5))),
    "from the end": (lambda x, i: x[:, i], (floats(9, 4), places(4, 5) - 4)),
    "index_put": (lambda x, i, v: x.index_put((i,), v), (floats(9, 4), rl.arange(5), floats(5, 4))),
    "accumulated": (
        lambda x, i, v: x.index_put((i,), v, accumulate=True),
        (floats(9, 4), places(9, 5), floats(5, 4)),
    ),
    "one_hot": (lambda i: F.one_hot(i, 10).float(), (places(10, 64),)),
    "topk": (lambda x: x.topk(2, 1)[0], (floats(9, 40),)),
}
PRODUCTS: dict[str, Case] = {
    "linear": (lambda x, w, b: F.linear(x, w, b), (floats(2, 5, 7), floats(3, 7), floats(3))),
    "turned": (lambda x, y: x.t() @ y.t(), (floats(8, 32), floats(32, 8))),
    "of vectors": (lambda x, y: x @ y, (floats(8, 32), floats(32))),
    "dot": (lambda x, y: x @ y, (floats(32), floats(32))),
    "stacked": (lambda x, y: x @ y.mT, (floats(2, 3, 8, 16), floats(2, 3, 8, 16))),
    "addmm": (lambda b, x, y: rl.addmm(b, x, y), (floats(3), floats(2, 3), floats(3, 3))),
    "einsum": (lambda x, y: rl.einsum("bthd,bshd->bhts", x, y), (floats(2, 5, 3, 8), floats(2, 6, 3, 8))),
    "attention": _attention(20),
    "causal attention": _attention(20, is_causal=True),
    "narrow attention": (
        lambda q: F.scaled_dot_product_attention(q, q, q, rl.ones(5, 5).tril().bool()),
        (floats(2, 2, 5, 7),),
    ),
}
IMAGES: dict[str, Case] = {
    "convolution": _convolution((2, 6, 14, 14), (16, 6, 5, 5), padding=2),
    "strided": _convolution((2, 8, 9, 9), (16, 8, 3, 3), stride=2, padding=1),
    "pointwise": _convolution((2, 8, 9, 9), (16, 8, 1, 1)),
    "depthwise": _convolution((2, 8, 9, 9), (8, 1, 3, 3), padding=1, groups=8),
    "grouped": _convolution((2, 8, 9, 9), (8, 4, 3, 3), groups=2),
    "channels last": _convolution((2, 16, 9, 9), (16, 16, 3, 3), make=last, padding=1),
    "transposed": (
        lambda x, w: F.conv_transpose2d(x, w, stride=2, padding=1),
        (floats(2, 16, 4, 4), floats(16, 8, 4, 4)),
    ),
    "max_pool": (lambda x: F.max_pool2d(x, 2), (floats(2, 3, 8, 8),)),
    "max_pool, channels last": (lambda x: F.max_pool2d(x, 3, 2, 1), (last(2, 8, 9, 9),)),
    "avg_pool": (lambda x: F.avg_pool2d(x, 3, 2, 1), (floats(2, 3, 8, 8),)),
    "adaptive": (lambda x: F.adaptive_avg_pool2d(x, 1), (floats(2, 3, 8, 8),)),
    "upsampled": (lambda x: F.interpolate(x, scale_factor=2, mode="bilinear"), (floats(2, 3, 4, 4),)),
    "batch norm": of_module(nn.BatchNorm2d(8), floats(4, 8, 5, 5)),
    "batch norm of rows": of_module(nn.BatchNorm1d(8), floats(4, 8)),
    "fixed batch norm": of_module(nn.BatchNorm2d(8).eval(), floats(4, 8, 5, 5)),
    "group norm": of_module(nn.GroupNorm(2, 4), floats(2, 4, 3, 3)),
    "layer norm": of_module(nn.LayerNorm(20), floats(4, 6, 20)),
    "rms norm": of_module(nn.RMSNorm(20), floats(4, 6, 20)),
}
SEQUENCES: dict[str, Case] = {
    "lstm": of_module(nn.LSTM(10, 8, 2), floats(5, 3, 10)),
    "gru": of_module(nn.GRU(10, 8), floats(5, 3, 10)),
    "rnn": of_module(nn.RNN(10, 8, batch_first=True), floats(3, 5, 10)),
    "both ways": of_module(nn.LSTM(10, 8, bidirectional=True), floats(5, 3, 10)),
}
TABLES: dict[str, dict[str, Case]] = {
    "reductions": {name: (f, (floats(64, 100),)) for name, f in REDUCTIONS.items()},
    "moves": {name: (f, (floats(6, 8),)) for name, f in MOVES.items()},
    "indexed": INDEXED,
    "products": PRODUCTS,
    "images": IMAGES,
    "sequences": SEQUENCES,
}


@pytest.mark.parametrize(("table", "name"), [(t, name) for t, cases in TABLES.items() for name in cases])
def test_no_python_is_left(table: str, name: str) -> None:
    f, args = TABLES[table][name]
    assert python_parts(f, args) == []


@pytest.mark.parametrize("divisor", [1, 3, 8, -2, -7])
@pytest.mark.parametrize("rounding", ["floor", "trunc"])
def test_whole_numbers_are_divided_by_constants(divisor: int, rounding: str) -> None:
    def f(x: Any) -> Any:
        return x % divisor, rl.fmod(x, divisor), rl.div(x, divisor, rounding_mode=rounding)

    x = rl.arange(-30, 30)
    assert python_parts(f, (x,)) == []
    compiled = rl.compile(f)
    for found, want in zip((compiled(x), compiled(x))[1], f(x), strict=True):
        assert rl.equal(found, want)


def test_division_by_zero_is_the_error_it_was() -> None:
    with pytest.raises(RuntimeError, match="ZeroDivisionError"):
        rl.compile(lambda x: x % 0)(rl.arange(3))


def test_writes_are_launches() -> None:
    def writes(cache: Any, k: Any, count: Any) -> Any:
        cache[:, 2:3] = k
        count.fill_(3.0)
        count.add_(1)
        return cache.copy_(cache * 2)

    assert python_parts(writes, (rl.zeros(2, 4), rl.ones(2, 1), rl.zeros(3))) == []


# -- losses of class indices, which find out for themselves what counts -----------------------------------


LOSSES: dict[str, Callable[..., Any]] = {"cross_entropy": F.cross_entropy, "nll_loss": F.nll_loss}


@pytest.mark.parametrize("name", LOSSES)
@pytest.mark.parametrize("reduction", ["mean", "sum", "none"])
@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("shape", [(5, 3), (64, 10), (3, 7, 4)])
def test_class_losses_count_what_comes(name: str, reduction: str, weighted: bool, shape: Any) -> None:
    """Labels to be ignored may come later than the capture."""
    weight = rl.rand(shape[1]) + 0.1 if weighted else None

    def step(x: Any, labels: Any) -> Any:
        loss = LOSSES[name](x, labels, weight, ignore_index=-7, reduction=reduction)
        return loss, *rl.autograd.grad((loss * loss).sum(), [x])

    compiled = rl.compile(step)
    x, labels = floats(*shape), places(shape[1], shape[0], *shape[2:])
    compiled(x, labels)
    later = labels.clone()
    later[0] = -7
    for given in (labels, later):
        for found, expected in zip(compiled(x, given), step(x, given), strict=True):
            np.testing.assert_allclose(found.detach(), expected.detach(), rtol=2e-5, atol=1e-6)


def test_a_mean_over_nothing_is_nan_and_its_gradient_zero() -> None:
    def step(x: Any, labels: Any) -> Any:
        loss = F.cross_entropy(x, labels, ignore_index=1)
        return loss, *rl.autograd.grad(loss, [x])

    compiled, x = rl.compile(step), floats(4, 3)
    compiled(x, rl.zeros(4, dtype=rl.int64))
    loss, slope = compiled(x, rl.ones(4, dtype=rl.int64))
    assert loss.isnan() and not slope.any()


def test_labels_are_smoothed() -> None:
    def step(x: Any, labels: Any) -> Any:
        loss = F.cross_entropy(x, labels, label_smoothing=0.1)
        return loss, *rl.autograd.grad(loss, [x])

    compiled, x, labels = rl.compile(step), floats(6, 5), places(5, 6)
    compiled(x, labels)
    for found, expected in zip(compiled(x, labels.flip(0)), step(x, labels.flip(0)), strict=True):
        np.testing.assert_allclose(found.detach(), expected.detach(), rtol=2e-5, atol=1e-6)


def test_positions_stay_inside() -> None:
    """Kernels count indices from the end where they are negative, and notice those out of range."""
    compiled = rl.compile(lambda x, i: x[i])
    x = rl.arange(6.0).reshape(3, 2)
    compiled(x, rl.tensor([0, 1]))
    assert compiled(x, rl.tensor([-1, 1])).tolist() == [[4, 5], [2, 3]]
    with pytest.raises(IndexError, match="index 1000000 is out of bounds"):
        compiled(x, rl.tensor([-1, 1_000_000]))
