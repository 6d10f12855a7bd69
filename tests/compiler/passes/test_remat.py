"""Programs that run again: only where that saves memory, with the same results."""

import pytest

import rushlight as rl
from rushlight.compiler import passes
from rushlight.compiler.compiled import compile
from rushlight.compiler.passes import remat
from rushlight.compiler.passes.fuse import fused
from rushlight.compiler.passes.remat import with_programs_run_again
from tests.compiler.passes.programs import check, ops, traced

BATCH = 25


@pytest.fixture(autouse=True)
def _small_savings_count(monkeypatch):
    monkeypatch.setattr(remat, "ENOUGH", 1)


@pytest.mark.parametrize("first", range(8000, 8200, BATCH))
def test_random_programs_give_what_eager_gives(first, monkeypatch):
    monkeypatch.setattr(passes, "PASSES", (with_programs_run_again,))
    monkeypatch.setattr(remat, "LEAST", 0)
    for seed in range(first, first + BATCH):
        check(seed)


X, W = rl.randn(64, 64), rl.randn(64, 64) / 8


def layers(x, w):
    """Forward keeps two arrays of each layer, which both come of one; backward reads them in turn."""
    kept = []
    for _ in range(4):
        x = x @ w
        kept.append((x.tanh(), x.sigmoid()))
        x = kept[-1][0]
    for a, b in reversed(kept):
        x = (x * b) @ a
    return x


def test_less_memory_is_used():
    graph = fused(traced(layers, X, W))
    saved = with_programs_run_again(graph)
    most, least = (remat._peak(remat._uses(g))[0] for g in (graph, saved))
    assert least < 0.9 * most and len(saved.nodes) > len(graph.nodes)


def test_results_stay():
    compiled = compile(layers)
    for k in (1, 2):
        assert rl.equal(compiled(X * k, W), layers(X * k, W)) or rl.allclose(compiled(X, W), layers(X, W))


def test_what_would_keep_more_stays():
    def f(x, w):
        kept = [(x @ w).relu() for _ in range(4)]
        for a in reversed(kept):
            x = x @ a
        return x

    graph = fused(traced(f, X, W))
    assert ops(with_programs_run_again(graph)) == ops(graph)


def test_a_few_bytes_are_not_worth_it(monkeypatch):
    monkeypatch.setattr(remat, "ENOUGH", 1 << 20)
    graph = fused(traced(layers, X, W))
    assert ops(with_programs_run_again(graph)) == ops(graph)


def test_random_numbers_are_drawn_once():
    def f(x, w):
        y = rl.nn.functional.dropout(x @ w, 0.5)
        z = (y @ w).sum() + (y == 0).float().sum() * 0
        return (y != 0).float() @ w, z

    graph = fused(traced(f, X, W))
    assert ops(with_programs_run_again(graph)) == ops(graph)
