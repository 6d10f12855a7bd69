"""Expressions that are computed by a shorter way: found wherever they stand, and the same numbers."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

import rushlight as rl
import rushlight.scalar as s
from rushlight.kernels import idioms, native

F: Any = rl.nn.functional
x, y = s.var("x"), s.var("y")


def gelu(v: Any) -> Any:
    return 0.5 * v * (1 + s.erf(v * math.sqrt(0.5)))


def names(e: Any) -> set[str]:
    return {n.fn.name for n in s.nodes(e)}


def test_gelu_is_found_where_it_stands() -> None:
    for e in (gelu(x), gelu(x + y) * y, s.exp(gelu(x)) + gelu(y), gelu(gelu(x))):
        short = names(idioms.shortened(e))
        assert "gelu" in short and "erf" not in short


@pytest.mark.parametrize(
    "e",
    [
        x * 0.5 * (1 + s.erf(x * math.sqrt(0.5))),  # the factors the other way round: another op's
        0.5 * x * (1 + s.erf(y * math.sqrt(0.5))),
        0.5 * x * (1 + s.erf(x * 0.7)),
        0.5 * x * (2 + s.erf(x * math.sqrt(0.5))),
        s.erf(x),
    ],
)
def test_what_only_looks_like_it_stays(e: Any) -> None:
    assert idioms.shortened(e) is e


def test_the_ops_are_written_as_the_patterns() -> None:
    from rushlight.ops.activations import gelu as op
    from rushlight.ops.activations import gelu_tanh

    assert names(idioms.shortened(op.expr)) == {"var", "gelu"}
    assert names(idioms.shortened(gelu_tanh.expr)) == {"var", "gelu_tanh"}


@pytest.mark.skipif(not native.on(), reason="no machine code here")
@pytest.mark.parametrize("approximate", ["none", "tanh"])
@pytest.mark.parametrize("kind", [np.float32, np.float64])
def test_values(approximate: str, kind: Any) -> None:
    v = np.concatenate([np.linspace(-13, 13, 4001), [0.0, -0.0, 1e-30, 40, -40, math.inf]]).astype(kind)
    found = F.gelu(rl.tensor(v), approximate=approximate).numpy()
    d = v.astype(np.float64)
    erf = np.array([math.erfc(-a * math.sqrt(0.5)) for a in d])
    tanh = 1 + np.tanh(math.sqrt(2 / math.pi) * (d + 0.044715 * d**3))
    want = 0.5 * d * (erf if approximate == "none" else tanh)
    np.testing.assert_allclose(found, want, atol=6e-7 if kind is np.float32 else 1e-14, rtol=3e-7)
    assert np.isnan(F.gelu(rl.tensor(np.array([math.nan], kind)), approximate=approximate).numpy()).all()
