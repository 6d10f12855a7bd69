"""What is written in place by position is one node on the memory itself: no copy of the whole goes by."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import rushlight as rl


def floats(*shape: int) -> Any:
    return rl.arange(int(np.prod(shape))).reshape(shape).float() * 0.5 - 3


def at(*indices: int) -> Any:
    return rl.tensor(indices)


def _assigned(x: Any, i: Any, v: Any) -> Any:
    x[:, :, i] = v
    return x


def _apart(x: Any, i: Any, v: Any) -> Any:
    x[i, :, i] = v
    return x


def _from_itself(x: Any, i: Any) -> Any:
    x[i] = x[:2].flip(0)
    return x


def _in_a_view(x: Any, i: Any, v: Any) -> Any:
    x[1:, ::2][:, i] = v
    return x.sum(0)


def _under_a_mask(x: Any, mask: Any) -> Any:
    x[mask] = 7.0
    return x + 1


WRITES: dict[str, tuple[Callable[..., Any], tuple[Any, ...]]] = {
    "cache": (_assigned, (rl.zeros(2, 3, 5, 4), at(3), floats(2, 3, 1, 4))),
    "cache, the same again": (_assigned, (rl.zeros(2, 3, 5, 4), at(3), rl.zeros(2, 3, 1, 4))),
    "from the end": (_assigned, (floats(2, 3, 5), at(-1, 0), floats(2, 3, 2))),
    "stretched": (_assigned, (floats(2, 3, 5, 4), at(1, 2), floats(4))),
    "a number": (_assigned, (floats(2, 3, 5, 4), at(1, 2), 5.0)),
    "turned": (_assigned, (floats(5, 3, 2).permute(2, 1, 0), at(4, 1), floats(2, 3, 2))),
    "one row": (lambda x, i, v: x.index_put_((i,), v), (floats(5, 3), at(2, 0), floats(2, 3))),
    "elements": (
        lambda x, i, j: x.index_put_((i, j), at(9, 8)),
        (rl.zeros(4, 5).long(), at(1, 2), at(0, -1)),
    ),
    "apart": (_apart, (floats(4, 5, 4), at(1, 2), floats(2, 5))),
    "added": (lambda x, i, v: x.index_put_((i,), v, True), (floats(5, 3), at(2, 2, 0), floats(3, 3))),
    "index_add": (lambda x, i, v: x.index_add_(1, i, v), (floats(5, 3), at(2, 2), floats(5, 2))),
    "index_add, scaled": (
        lambda x, i, v: x.index_add_(0, i, v, alpha=2),
        (floats(5, 3), at(1), floats(1, 3)),
    ),
    "index_copy": (lambda x, i, v: x.index_copy_(0, i, v), (floats(5, 9), at(4, 1), floats(2, 9))),
    "index_fill": (lambda x, i: x.index_fill_(0, i, -1.0), (floats(5, 9), at(4, 1))),
    "scatter": (
        lambda x, i, v: x.scatter_(1, i, v),
        (floats(2, 4), at(3, 0, 1, 1).reshape(2, 2), floats(2, 2)),
    ),
    "scatter_add": (
        lambda x, i, v: x.scatter_add_(0, i, v),
        (floats(4, 2), at(3, 0).reshape(1, 2), floats(1, 2)),
    ),
    "from itself": (_from_itself, (floats(4, 3), at(0, 1))),
    "in a view": (_in_a_view, (floats(4, 8), at(3, 0), floats(3, 2))),
    "under a mask": (_under_a_mask, (floats(4, 3), floats(4, 3) > 0)),
}


@pytest.mark.parametrize("name", WRITES)
def test_writes_as_uncompiled(name: str) -> None:
    f, args = WRITES[name]
    compiled, debugged = rl.compile(f), rl.compile(f, debug=True)
    for turn in range(3):
        again = [[v.clone() if v is args[0] else v for v in args] for _ in range(3)]
        for given in again:
            given[0].mul_(turn)
        found = [g(*given) for g, given in zip((f, compiled, debugged), again, strict=True)]
        for other, given in zip(found[1:], again[1:], strict=True):
            assert np.array_equal(found[0].numpy(), other.numpy())
            assert np.array_equal(again[0][0].numpy(), given[0].numpy())


@pytest.mark.parametrize("name", ["cache", "one row", "index_add", "index_copy", "scatter"])
def test_is_one_node(name: str) -> None:
    f, args = WRITES[name]
    compiled = rl.compile(f)
    compiled(*args)
    (node,) = compiled.plans[0].graph.nodes
    assert node.op.endswith("_") and not node.outputs


def test_zeros_over_zeros_are_written_all_the_same() -> None:
    """Of a kind that NumPy has to write, when the trial of the op sees nothing change."""

    def put(x: Any, i: Any, v: Any) -> Any:
        return x.t().scatter_(0, i, v)

    compiled = rl.compile(put)
    i = at(2, 0, 1).reshape(1, 3)
    for scale in (0, 1, 2):
        v = rl.full((1, 3), scale, dtype=rl.complex128)
        x, y = (rl.zeros(3, 4, dtype=rl.complex128) for _ in range(2))
        assert rl.equal(compiled(x, i, v), put(y, i, v)) and rl.equal(x, y)


def test_made_anew_by_every_call() -> None:
    """A constant that is written to is filled again, however large."""

    def f(i: Any) -> Any:
        x = rl.zeros(1100, 1000)
        x[i] = 1.0
        return x.sum()

    compiled = rl.compile(f)
    assert [compiled(at(k, k + 1)).item() for k in (0, 5, 7)] == [2000.0] * 3


def test_out_of_range() -> None:
    compiled = rl.compile(_assigned)
    compiled(rl.zeros(2, 3, 5), at(1), floats(2, 3, 1))
    with pytest.raises(IndexError, match="index 5 is out of bounds"):
        compiled(rl.zeros(2, 3, 5), at(5), floats(2, 3, 1))


def test_gradients_pass_by() -> None:
    def f(w: Any, i: Any) -> Any:
        x = w * 2
        x[i] = w[:1] * 3
        return x.sum()

    w = [floats(4, 3).requires_grad_() for _ in range(2)]
    f(w[0], at(2)).backward()
    rl.compile(f)(w[1], at(2)).backward()
    assert np.array_equal(w[0].grad.numpy(), w[1].grad.numpy())
