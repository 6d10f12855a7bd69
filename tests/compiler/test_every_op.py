"""Every op of the registry: compiled, it gives what it gives eagerly, call after call, from one plan.

RUSHLIGHT_COMPILED_SAMPLES=100 calls every sample in every dtype and layout; the usual run takes a few.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest

from rushlight.bind import inplace_of
from rushlight.ops.declare import Op, registry
from tests.compiler.agreement import WIDE, WIDTH, problem_of, problem_of_chance, problem_of_steps
from tests.ops import harness as h
from tests.ops.harness import Report
from tests.ops.samples import Sample

#: ops that are no functions of their own: only their in-place forms are
WRITTEN = {"copy"}
#: whose sample is outside of what the op of that name would be given
UNCHECKED = {"binary_entropy"}
NAMES = [n for n, op in registry.items() if h.cases(op) and n not in UNCHECKED]
FUNCTIONS = [n for n in NAMES if n not in WRITTEN]

SIZES = "how many results there are depends on numbers"
VALUE = "gives a Python value"
CHECKS = "looks at numbers to refuse some, or to choose a formula"
#: ops at which a graph ends, and why
BREAKS = {
    **dict.fromkeys(
        ("nonzero", "argwhere", "masked_select", "unique", "unique_consecutive", "bincount"), SIZES
    ),
    **dict.fromkeys(("repeat_interleave", "one_hot", "where"), SIZES),
    **dict.fromkeys(("allclose", "equal", "is_nonzero"), VALUE),
    **dict.fromkeys(("cov", "quantile", "nanquantile", "ctc_loss"), CHECKS),
}
#: ops whose derivative does
BREAKS_BACKWARD = BREAKS | {
    "det": CHECKS, "linalg_det": CHECKS, "svd": CHECKS, "linalg_svd": CHECKS,
    "index_put": "the cotangent of the values has as many elements as the mask has true ones",
    "masked_scatter": "the cotangent of what was used has as many elements as the mask has true ones",
}  # fmt: skip

OTHER_DTYPES = ("float64", "bfloat16", "float16", "int64", "bool", "complex64", "int32", "uint8")


@pytest.fixture
def report() -> Report:
    """Gathers a test's problems."""
    return Report()


def few(cases: list[Sample]) -> list[Sample]:
    """Some samples, the first and others spread over the rest; all in a wide run."""
    return cases if WIDE else cases[:: max(1, -(-len(cases) // WIDTH))]


def calls(op: Op, chance: bool = False) -> Iterator[tuple[Sample, str]]:
    """Samples of an op in float32, and in one other dtype each (in a wide run, in all)."""
    for k, sample in enumerate(few([s for s in h.cases(op) if s.random is chance])):
        others = OTHER_DTYPES if WIDE else (OTHER_DTYPES[len(op.name) % 8],) * (k == 0)
        for dtype in ("float32", *others):
            yield h.cast_floats(sample, dtype), f"{dtype} {sample_text(sample)}"
            if not h.has_floats(sample):
                break


def sample_text(sample: Sample) -> str:
    """A sample in a line."""
    show = lambda a: f"{a.dtype}{list(a.shape)}"  # noqa: E731
    return f"{h.each_array([*sample.args], show)}{h.each_array(sample.kwargs, show) or ''}"


def check(report: Report, label: str, function: Callable[..., Any], sample: Sample, **how: Any) -> None:
    """Note how a function differs when compiled."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # advice and deprecations
        report.note(label, problem_of(function, sample, **how))


@pytest.mark.parametrize("name", FUNCTIONS)
def test_values(name: str, report: Report) -> None:
    """Results, what becomes of the arguments, and whose memory the results share."""
    op = registry[name]
    for sample, label in calls(op):
        check(report, label, h.our_function(op), sample, breaks=name in BREAKS)
    report.conclude()


@pytest.mark.parametrize("name", FUNCTIONS)
def test_layouts(name: str, report: Report) -> None:
    """Arguments that are transposed, stepped over, behind others in memory."""
    op = registry[name]
    for k, sample in enumerate([s for s in h.cases(op) if not s.random][: None if WIDE else 1]):
        layouts = [*h.LAYOUTS.items()]
        for layout, change in layouts if WIDE else [layouts[(len(name) + k) % 3]]:
            changed = h.changed(h.cast_floats(sample, "float32"), change)
            label = f"{layout} {sample_text(sample)}"
            check(report, label, h.our_function(op), changed, breaks=name in BREAKS)
    report.conclude()


def differentiable(op: Op) -> list[Sample]:
    """The samples that gradients may be taken of, in float32."""
    found = [s for s in h.cases(op) if not s.random and h.has_floats(s)]
    return [h.cast_floats(s, "float32") for s in found]


@pytest.mark.parametrize("name", FUNCTIONS)
def test_gradients(name: str, report: Report) -> None:
    """Gradients through the compiled function, taken by who calls it."""
    op = registry[name]
    for sample in few(differentiable(op)):
        breaks = name in BREAKS_BACKWARD
        check(report, sample_text(sample), h.our_function(op), sample, tracked=True, breaks=breaks)
    report.conclude()


@pytest.mark.parametrize("name", FUNCTIONS)
def test_backward_inside(name: str, report: Report) -> None:
    """A step that goes backward itself: what leaves are left with, over several steps."""
    op = registry[name]
    for sample in few(differentiable(op))[: None if WIDE else 1]:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)
            problem = problem_of_steps(h.our_function(op), sample, breaks=name in BREAKS_BACKWARD)
            report.note(sample_text(sample), problem)
    report.conclude()


@pytest.mark.parametrize("name", [n for n in NAMES if "i" in registry[n].forms])
def test_in_place(name: str, report: Report) -> None:
    """`x.op_()` on an argument."""
    op = registry[name]
    for sample, label in calls(op):
        if isinstance(sample.args[0], np.ndarray) and not label.startswith("int64"):
            breaks = name in BREAKS or op.is_view  # the tensor becomes a view of what it was, by Python
            check(report, label, inplace_of(op), sample, breaks=breaks)
    report.conclude()


@pytest.mark.parametrize("name", [n for n in NAMES if "o" in registry[n].forms])
def test_out(name: str, report: Report) -> None:
    """`out=` tensors among the arguments."""
    op = registry[name]
    for sample in few(h.cases(op))[:1]:
        cast = h.cast_floats(sample, "float32")
        found, refused = h.attempt(lambda: h.ours(op, cast)[0])  # noqa: B023
        if refused is None and not sample.random:
            made = [np.zeros(tuple(t.shape), t._a.dtype) for t in h.leaves(found)]
            out = made[0] if h.is_tensor(found) else tuple(made)
            given = Sample(cast.args, {**cast.kwargs, "out": out})
            check(report, sample_text(sample), h.our_function(op), given, breaks=name in BREAKS)
    report.conclude()


@pytest.mark.parametrize("name", [n for n in NAMES if any(s.random for s in h.cases(registry[n]))])
def test_chance(name: str, report: Report) -> None:
    """Ops that draw: results of the same kind, other ones in every call, the same from the same seed."""
    op = registry[name]
    for sample, label in calls(op, chance=True):
        report.note(label, problem_of_chance(h.our_function(op), sample))
    report.conclude()
