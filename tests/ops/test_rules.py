"""Shape and batching rules of every op: a meta array's result has the real one's shape and type;
vmap equals a loop.

Both are derived from the samples of tests/ops/samples. Ops whose result depends on the numbers (how many are
not zero, which are unique) have no shape without them: `BY_VALUE` names them, and a meta tensor must then be
refused.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import rushlight
from rushlight.arrays.meta import MetaArray
from rushlight.ops.declare import Op, registry
from rushlight.tensor import Tensor, function_of, wrap

from . import harness as h

OPS = [n for n, op in registry.items() if op.under != "internal" and op.tensors and "F" not in op.forms]
CASES = 12  # samples tried of each op

#: ops that read numbers to know their shape (or to decide what to do)
BY_VALUE = frozenset(
    {
        *("nonzero", "argwhere", "masked_select", "unique"),
        *("unique_consecutive", "bincount", "repeat_interleave"),
        *("__getitem__", "index", "equal", "allclose", "histc"),
        *("histogram", "multinomial", "tensor_split", "bernoulli"),
        *("where", "masked_scatter", "lstsq", "matrix_rank", "pinv"),
        *("one_hot", "isin", "nonzero_static", "item"),
    }
)
#: ops that read their numbers to refuse some: a meta tensor, run on zeros, is refused too
CHECKS_NUMBERS = frozenset(
    {
        *("inverse", "tensorinv", "tensorsolve", "cholesky"),
        *("matrix_power", "quantile", "nanquantile", "cov"),
        *("ctc_loss", "gaussian_nll_loss", "embedding_bag", "index_put", "as_strided_scatter"),
    }
)
#: ops that draw random numbers: two runs differ
RANDOM = frozenset(
    {
        "dropout",
        "dropout1d",
        "dropout2d",
        "dropout3d",
        "alpha_dropout",
        "feature_alpha_dropout",
        "rrelu",
        "gumbel_softmax",
    }
)


def tensors_of(value: Any) -> list[Tensor]:
    """All Tensors in a result."""
    if isinstance(value, Tensor):
        return [value]
    return [t for v in value for t in tensors_of(v)] if isinstance(value, (tuple, list)) else []


def called(op: Op, sample: h.Sample, make: Any) -> Any:
    """The op's Tensor-level function on a sample whose arrays are turned by `make`."""
    changed = h.changed(sample, make)
    return function_of(op)(*changed.args, **changed.kwargs)


def runnable(op: Op) -> list[h.Sample]:
    """Samples that the op takes as they are."""
    found = []
    for sample in h.cases(op)[: 2 * CASES]:
        try:
            called(op, sample, wrap)
        except Exception:  # a sample of an error is another test's matter
            continue
        found.append(sample)
    return found[:CASES]


@pytest.mark.parametrize("name", [n for n in OPS if n not in BY_VALUE | CHECKS_NUMBERS | RANDOM])
def test_meta_shapes(name: str) -> None:
    op, wrong = registry[name], []
    for sample in runnable(op):
        real = tensors_of(called(op, sample, wrap))
        try:
            meta = tensors_of(called(op, sample, lambda a: wrap(MetaArray(a.shape, a.dtype))))
        except Exception as e:
            wrong.append(f"{h_label(sample)}: {type(e).__name__}: {e}")
            continue
        wanted = [(tuple(t.shape), t.dtype) for t in real]
        got = [(tuple(t.shape), t.dtype) for t in meta]
        if got != wanted:
            wrong.append(f"{h_label(sample)}: {got} instead of {wanted}")
    assert not wrong, f"{name}: {len(wrong)} wrong\n" + "\n".join(wrong[:5])


def h_label(sample: h.Sample) -> str:
    """A sample in a message: shapes for arrays."""
    shown = [
        str(a.shape) if isinstance(a, np.ndarray) else repr(a)[:60]
        for a in (*sample.args, *sample.kwargs.items())
    ]
    return ", ".join(shown)


@pytest.mark.parametrize("name", [n for n in OPS if n not in RANDOM])
def test_vmap_is_a_loop(name: str) -> None:
    op, wrong = registry[name], []
    for sample in runnable(op)[: CASES // 2]:
        problem = vmap_problem(op, sample)
        if problem:
            wrong.append(f"{h_label(sample)}: {problem}")
    assert not wrong, f"{name}: {len(wrong)} wrong\n" + "\n".join(wrong[:5])


def vmap_problem(op: Op, sample: h.Sample) -> str | None:
    """How vmap over the first floating tensor differs from calling the op on each example;
    None if it does not.
    """
    arrays: list[np.ndarray] = []
    h.changed(sample, lambda a: arrays.append(a) or a)
    at = next((i for i, a in enumerate(arrays) if a.dtype.kind in "fc"), None)
    if at is None:
        return None
    examples = [arrays[at], arrays[at] * 0.75 + 0.05 if arrays[at].dtype.kind == "f" else arrays[at] * 0.5]

    def call(example: Tensor) -> Any:
        count = iter(range(len(arrays)))
        return called(op, sample, lambda a: example if next(count) == at else wrap(a))

    try:
        looped = [tensors_of(call(wrap(e))) for e in examples]
        if not any(looped):
            return None  # a bool, say: no tensor to map
        stacked = [np.stack([t.detach().numpy() for t in ts]) for ts in zip(*looped, strict=True)]
    except Exception:  # shapes that depend on the numbers do not stack
        return None
    try:
        result = rushlight.func.vmap(lambda e: tuple(tensors_of(call(e))))(wrap(np.stack(examples)))
    except Exception as e:
        return f"{type(e).__name__}: {e}"
    for got, wanted in zip(result, stacked, strict=True):
        if got._a.shape != wanted.shape or got._a.dtype != wanted.dtype:
            return f"{got._a.shape} {got._a.dtype} instead of {wanted.shape} {wanted.dtype}"
        if not np.allclose(got.numpy(), wanted, rtol=1e-9, atol=1e-12, equal_nan=True):
            return "other numbers"
    return None


def test_a_wrong_batching_rule_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    rushlight.func.vmap  # noqa: B018 (states the rules)
    op = registry["sum"]
    monkeypatch.setattr(op, "batch_rule", lambda op, size, values, flags, options: values[0] * 2)
    assert any(vmap_problem(op, sample) for sample in runnable(op))
