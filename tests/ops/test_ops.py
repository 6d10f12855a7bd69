"""Every declared op, checked from its declaration; and the harness, checked with ops that are wrong."""

from __future__ import annotations

import warnings
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

import rushlight
from rushlight.bind import inplace_of
from rushlight.ops.declare import Op, registry
from rushlight.ops.elementwise import Pointwise
from rushlight.tensor import Tensor, function_of

from . import harness as h
from .harness import Report
from .samples import SAMPLES, Sample

OPS = list(registry)
PUBLIC = [n for n, op in registry.items() if op.under != "internal"]
OPERATORS = [n for n in registry if n.startswith("__")]  # called with a number on the left, by Python only
POINTWISE = [n for n, op in registry.items() if isinstance(op, Pointwise)]
PUBLIC_POINTWISE = [n for n in POINTWISE if n in PUBLIC]
BINARY = [n for n in PUBLIC_POINTWISE if len(registry[n].tensors) == 2 and n not in OPERATORS]
needs_torch = pytest.mark.skipif(h.torch is None, reason="torch is not installed")


@pytest.fixture
def report(request: pytest.FixtureRequest) -> Any:
    """Counts a test's cases; the total is printed at the end of the session."""
    made = Report()
    yield made
    request.node.user_properties.append(("cases", made.count))


def label(sample: Sample) -> str:
    """A sample in a line."""
    show = lambda a: f"{a.dtype}{list(a.shape)}"  # noqa: E731
    return str(h.each_array([*sample.args], show)) + (
        str(h.each_array(sample.kwargs, show)) if sample.kwargs else ""
    )


def skip_without_counterpart(op: Op) -> None:
    """Skip ops that torch has no function for."""
    if h.torch_function(op) is None:
        pytest.skip(f"torch has no {op.names[0]}")


# -- declarations -------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", PUBLIC)
def test_declaration(name: str) -> None:
    op = registry[name]
    assert op.doc, f"{name} has no docstring"
    assert op.doc.endswith((".", ")", "]")) or "\n" in op.doc, f"{name}: a docstring is a sentence"
    assert len(set(op.names)) == len(op.names)
    assert set(op.forms) <= set("miofFp"), f"{name}: unknown forms {op.forms}"


def test_each_public_name_belongs_to_one_op() -> None:
    names = [n for op in registry.values() for n in op.names]
    assert len(set(names)) == len(names), sorted(n for n in set(names) if names.count(n) > 1)


@pytest.mark.parametrize("name", PUBLIC)
def test_has_samples(name: str) -> None:
    assert h.cases(registry[name]), f"{name}: no samples in tests/ops/samples"


@pytest.mark.parametrize(
    "name", [n for n in PUBLIC if "F" not in registry[n].forms and "p" not in registry[n].forms]
)
def test_aliases_are_one_function(name: str) -> None:
    op = registry[name]
    for dotted in op.names:
        found = h.reach(rushlight, dotted)
        assert found is not None, f"torch.{dotted} is not there"
        assert getattr(found, "op", op) is op or found is function_of(op)


# -- against torch ------------------------------------------------------------------------------------


@needs_torch
@pytest.mark.parametrize("name", PUBLIC)
def test_values_and_gradients(name: str, report: Report) -> None:
    """Values, dtypes, shapes, views, first and second gradients, in float64 and float32."""
    op = registry[name]
    skip_without_counterpart(op)
    for sample in h.cases(op):
        for dtype in ("float64", "float32"):
            cast = h.cast_floats(sample, dtype)
            report.note(f"{dtype} {label(sample)}", compare(op, cast, sample.tolerance, gradient=True))
            if not h.has_floats(sample):
                break
    report.conclude()


def compare(op: Op, sample: Sample, tolerance: float | None = None, gradient: bool = False) -> str | None:
    """What differs from torch for one call."""
    mine, refused = h.attempt(lambda: h.ours(op, sample, gradient))
    other, torch_refused = h.attempt(lambda: h.theirs(op, sample, gradient))
    if (
        torch_refused
        and not refused
        and not op.is_view
        and "view size is not compatible" in str(torch_refused)
    ):
        return None  # torch's implementation needs contiguous memory there
    if refused or torch_refused:
        return h.refusal_difference(refused, torch_refused)
    found = h.difference(mine[0], other[0], tolerance)
    found = found or (h.layout_difference(op, *mine, *other) if op.is_view else None)
    return found or (gradient_difference(mine, other, tolerance) if gradient else None)


def gradient_difference(mine: Any, other: Any, tolerance: float | None) -> str | None:
    """What differs between the gradients; second ones are left out where torch has none."""
    theirs, refused = h.attempt(lambda: h.gradients(*other, second=True))
    if refused:
        theirs, refused = h.attempt(lambda: h.gradients(*other))
        return None if refused else h.gradient_difference(h.gradients(*mine), theirs, tolerance)
    return h.gradient_difference(
        h.gradients(*mine, second=True), theirs, 10 * tolerance if tolerance else None
    )


@needs_torch
@pytest.mark.parametrize("name", PUBLIC)
def test_dtypes(name: str, report: Report) -> None:
    """Every dtype: the same result, or the same refusal; where torch lacks a kernel we may compute."""
    op = registry[name]
    skip_without_counterpart(op)
    for sample in [c for c in h.cases(op) if h.has_floats(c)][:8]:
        for dtype in h.DTYPES[2:]:
            cast = h.cast_floats(sample, dtype)
            problem = compare(op, cast)
            if problem and dtype in ("float16", "bfloat16") and is_nearer(op, cast):
                problem = None
            report.note(f"{dtype} {label(sample)}", problem)
    report.conclude()


def is_nearer(op: Op, sample: Sample) -> bool:
    """Whether our result in half precision is nearer to torch's in float64 than torch's own in half is.

    On some processors torch adds float16 products of a convolution up in float16.
    """
    made, refused = h.attempt(lambda: (h.ours(op, sample)[0], h.theirs(op, sample)[0]))
    wide = h.changed(sample, lambda a: a.astype(np.float64) if a.dtype.kind in "fV" else a)
    exact, unknown = h.attempt(lambda: h.theirs(op, wide)[0])
    if refused or unknown:
        return False
    mine, torchs = (_error(result, exact) for result in made)
    return mine < torchs


def _error(result: Any, exact: Any) -> float:
    """The largest distance of a result's numbers from the exact ones."""
    pairs = zip(h.leaves(result), h.leaves(exact))
    return max(np.abs(h.numbers(a).astype(float) - h.numbers(b)).max() for a, b in pairs)


@needs_torch
@pytest.mark.parametrize("name", PUBLIC)
def test_layouts(name: str, report: Report) -> None:
    """The same numbers transposed, stepped over, behind others in memory."""
    op = registry[name]
    skip_without_counterpart(op)
    for sample in h.cases(op)[:6]:
        for layout, change in h.LAYOUTS.items():
            problem = compare(op, h.changed(sample, change), sample.tolerance, gradient=sample.gradcheck)
            report.note(f"{layout} {label(sample)}", problem)
    report.conclude()


# -- against ourselves --------------------------------------------------------------------------------


@pytest.mark.parametrize("name", OPS)
def test_slopes(name: str, report: Report) -> None:
    """First and second derivatives against differences, in float64."""
    op = registry[name]
    for sample in [s for s in h.cases(op) if s.gradcheck and not s.random][:12]:
        if h.attempt(lambda: h.ours(op, sample))[1] is not None:  # noqa: B023
            continue  # a refusal: compared with torch's elsewhere
        try:
            problem = h.slope_difference(op, sample, second=False) or h.slope_difference(
                op, sample, second=True
            )
        except NotImplementedError as unknown:
            assert "nor is it in torch" in str(unknown), unknown
            continue
        report.note(label(sample), problem)
    report.conclude()


@pytest.mark.parametrize("name", PUBLIC)
def test_float32_near_float64(name: str, report: Report) -> None:
    """The result in float32 is that in float64, rounded."""
    op = registry[name]
    for sample in [c for c in h.cases(op) if h.has_floats(c) and not c.random][:8]:
        rounded = h.changed(
            sample, lambda a: a.astype(np.float32).astype(a.dtype) if a.dtype == np.float64 else a
        )
        exact, refused = h.attempt(lambda: h.ours(op, rounded)[0])  # noqa: B023
        if refused:
            continue
        single = h.ours(op, h.cast_floats(rounded, "float32"))[0]
        for x, y in zip(h.leaves(exact), h.leaves(single), strict=True):
            if h.is_tensor(x) and x.is_floating_point() and not np.any(np.abs(h.numbers(x)) > 1e38):
                report.note(label(sample), h.apart(h.numbers(y), h.numbers(x), max(sample.tolerance, 1e-4)))
    report.conclude()


@pytest.mark.parametrize("name", [n for n in PUBLIC if "m" in registry[n].forms and registry[n].tensors])
def test_method_is_function(name: str, report: Report) -> None:
    op = registry[name]
    for sample in [c for c in h.cases(op) if isinstance(c.args[0], np.ndarray)][:4]:
        method = getattr(Tensor, op.name)
        expected, refused = h.attempt(lambda: h.ours(op, sample)[0])  # noqa: B023
        if refused is None:
            mine = h._run(method, sample, h.tensor, rushlight)[0]
            report.note(label(sample), h.difference(mine, expected))
    report.conclude()


# -- in place and out= --------------------------------------------------------------------------------


@pytest.mark.parametrize("name", [n for n in PUBLIC if "i" in registry[n].forms])
def test_in_place(name: str, report: Report) -> None:
    """`x.op_()` writes what `op(x)` gives, cast to x's dtype, or is refused as torch refuses it."""
    op = registry[name]
    theirs = torch_inplace(op)
    for sample in [c for c in h.cases(op) if isinstance(c.args[0], np.ndarray)][:8]:
        for dtype in ("float64", "float32", "bfloat16", "int64", "bool"):
            cast = h.cast_floats(sample, dtype)
            report.note(f"{dtype} {label(sample)}", in_place_problem(op, cast, theirs))
    report.conclude()


def torch_inplace(op: Op) -> Any:
    """torch's in-place form, or None."""
    if h.torch is None:
        return None
    names = [f"{n}_" for n in op.names]
    found = next((f for f in (h.reach(h.torch, n) for n in names) if f is not None), None)
    return found or getattr(h.torch.Tensor, f"{op.name}_", None)


def in_place_problem(op: Op, sample: Sample, theirs: Any) -> str | None:
    """What is wrong with the in-place form on one call."""
    mine, refused = h.attempt(lambda: h._run(inplace_of(op), sample, h.tensor, rushlight))
    if refused is None:
        result, given = mine
        if result is not given[0]:
            return "does not return its tensor"
        if result._version != 1:
            return f"counts {result._version} changes"
    if theirs is None or (refused and not sample.args[0].size):
        return None  # nothing to compare with; or nothing to write, where torch does not look at the type
    other, torch_refused = h.attempt(lambda: h._run(theirs, sample, h.torch_tensor, h.torch))
    if refused or torch_refused:
        return h.refusal_difference(refused, torch_refused)
    found = h.difference(mine[0], other[0], sample.tolerance)
    return found or in_place_gradient_problem(op, sample, theirs)


def in_place_gradient_problem(op: Op, sample: Sample, theirs: Any) -> str | None:
    """Gradients through the in-place form, applied to a copy."""
    if sample.args[0].dtype not in (np.float32, np.float64) or not (
        op.has_derivative or op.kind == "composite"
    ):
        return None
    on_copy = lambda f: lambda x, *rest, **options: f(x.clone(), *rest, **options)  # noqa: E731
    other, refused = h.attempt(
        lambda: h._run(on_copy(theirs), sample, lambda a: h.torch_tensor(a, True), h.torch)
    )
    if refused:
        return None
    mine = h._run(on_copy(inplace_of(op)), sample, lambda a: h.tensor(a, True), rushlight)
    expected, refused = h.attempt(lambda: h.gradients(*other))
    return None if refused else h.gradient_difference(h.gradients(*mine), expected, sample.tolerance)


@pytest.mark.parametrize("name", [n for n in OPS if any(p.name == "inplace" for p in registry[n].options)])
def test_inplace_option(name: str, report: Report) -> None:
    """`inplace=True` writes the same result into the input and returns it."""
    op = registry[name]
    for sample in [c for c in h.cases(op) if h.has_floats(c)]:
        expected, refused = h.attempt(lambda: h.ours(op, sample)[0])  # noqa: B023
        if refused:
            continue
        chosen = replace(sample, kwargs={**sample.kwargs, "inplace": True})
        made, refused = h.attempt(lambda: h.ours(op, chosen))  # noqa: B023
        if refused:
            assert "multiple values" in str(refused), refused
            continue
        result, given = made
        report.note(
            label(sample), h.difference(result, expected) or (None if result is given[0] else "not its input")
        )
    report.conclude()


@pytest.mark.parametrize("name", [n for n in PUBLIC if "o" in registry[n].forms])
def test_out(name: str, report: Report) -> None:
    """`out=` of the right type is filled and returned; a wrong type is cast or refused; a wrong shape is
    resized.
    """
    op = registry[name]
    function = h.torch_function(op)
    for sample in h.cases(op)[:6]:
        for dtype in (None, "float64", "int64", "complex128"):
            for resize in (False, True):
                report.note(
                    f"{dtype} {resize} {label(sample)}",
                    out_problem(op, function, h.cast_floats(sample, "float32"), dtype, resize),
                )
    report.conclude()


def out_problem(op: Op, function: Any, sample: Sample, dtype: str | None, resize: bool) -> str | None:
    """What is wrong with one call with `out=`."""
    plain, refused = h.attempt(lambda: h.ours(op, sample)[0])
    if refused or not (h.is_tensor(plain) or op.outputs):
        return None
    mine, refused = h.attempt(
        lambda: with_out(h.our_function(op), sample, h.tensor, rushlight, plain, dtype, resize)
    )
    if refused is None:
        outs, result = mine
        if any(x is not y for x, y in zip(h.leaves(outs), h.leaves(result), strict=True)):
            return "does not return out"
        if dtype is None and h.difference(result, plain):
            return f"out= differs: {h.difference(result, plain)}"
    elif dtype is None:
        return f"refused: {refused}"
    if function is None:
        return None
    if refused and h.is_tensor(plain) and not plain.numel():
        return None  # torch does not look at the type when there is nothing to write
    with warnings.catch_warnings():
        warnings.simplefilter(
            "ignore", UserWarning
        )  # torch's remarks on deprecated forms and on its own resizing
        other, torch_refused = h.attempt(
            lambda: with_out(function, sample, h.torch_tensor, h.torch, plain, dtype, resize)
        )
    if torch_refused and (dtype is not None or isinstance(torch_refused, TypeError)):
        return None  # torch wants the exact type in some ops; we write into any that can hold the result
    if refused or torch_refused:
        return h.refusal_difference(refused, torch_refused)
    return h.difference(mine[1], other[1], max(sample.tolerance, 1e-5 if dtype == "float64" else 0))


def with_out(
    function: Any, sample: Sample, make: Any, library: Any, like: Any, dtype: str | None, resize: bool
) -> Any:
    """A call with new `out=` tensors shaped like the results (or empty), and these tensors."""
    outs = [
        library.empty(
            (0,) if resize else tuple(t.shape),
            dtype=getattr(library, dtype or str(t.dtype).removeprefix("torch.")),
        )
        for t in h.leaves(like)
    ]
    out = outs[0] if h.is_tensor(like) else tuple(outs)
    call = lambda *args, **options: function(*args, **options, out=out)  # noqa: E731
    return outs, h._run(call, sample, make, library)[0]


# -- pointwise: numbers, broadcasting, the edges of arithmetic ------------------------------------------

EDGES = np.array(
    [np.nan, np.inf, -np.inf, 0.0, -0.0, 1e10, -1e10, 1e-10, 0.5, -0.5, 1.0, -1.0, 1.5, -2.5, 2.0, -2.0, 3.0]
)

#: for functions that torch computes by as many steps as an argument is large
MILD_EDGES = EDGES[np.abs(EDGES) < 1e9]
#: ops where torch's own kernels disagree about the sign of a zero, or NumPy's function does with torch's
ZERO_OF_EITHER_SIGN = {
    "remainder",
    "__rmod__",
    "lerp",
    "fmax",
    "fmin",
    "relu6",
    "softshrink",
    "entr",
    "bessel_j1",
}
#: where torch's gradients at edges depend on the kernel that ran (vector or scalar, float or double), or
#: stand outside the domain (acosh below 1), at poles (digamma), or are infinite with the other sign (logit
#: at -0.0, float_power)
GRADIENT_UNSETTLED = {
    "elu",
    "selu",
    "celu",
    "hardswish",
    "hardsigmoid",
    "acosh",
    "logit",
    "digamma",
    "float_power",
}
#: torch gives NaN for gelu(inf) in float32 and inf in float64; its airy_ai is exact to 3e-6 only
VALUE_UNSETTLED = {("gelu", "float32"), ("airy_ai", "float64")}


@needs_torch
@pytest.mark.parametrize("name", PUBLIC_POINTWISE)
def test_edges(name: str, report: Report) -> None:
    """NaN, infinities, signed zeros, large and small numbers, in all pairs; and the gradients there."""
    op = registry[name]
    skip_without_counterpart(op)
    if "f" not in op.accepts or any(p.default is p.empty for p in op.options):
        pytest.skip("no floating point")
    edges = EDGES if op.body.__module__ != "rushlight.ops.special" else MILD_EDGES
    grids = list(np.meshgrid(*[edges] * min(len(op.tensors), 2), indexing="ij"))
    grids += [np.flip(grids[0], 0)] * (len(op.tensors) - len(grids))
    arrays = [g > 0 if n not in op.promoted else g for n, g in zip(op.tensors, grids, strict=True)]
    for dtype in ("float64", "float32"):
        sample = h.cast_floats(Sample(tuple(arrays)), dtype)
        mine, other = h.ours(op, sample, True), h.theirs(op, sample, True)
        if (name, dtype) not in VALUE_UNSETTLED:
            report.note(dtype, h.difference(mine[0], other[0], zeros=name not in ZERO_OF_EITHER_SIGN))
        slopes, refused = h.attempt(lambda: h.gradients(*other))  # noqa: B023
        if refused is None and name not in GRADIENT_UNSETTLED:
            report.note(f"{dtype} gradient", h.gradient_difference(h.gradients(*mine), slopes))
        report.count += arrays[0].size
    report.conclude()


MILD_NUMBERS = (2, -3, 0, 0.5, -1.5, True)
NUMBERS = (2, -3, 0, 0.5, -1.5, True, float("inf"), float("nan"), 1 + 2j, 300)


@needs_torch
@pytest.mark.parametrize("name", BINARY)
def test_numbers(name: str, report: Report) -> None:
    """A Python number on either side, beside tensors of every dtype, with and without dimensions."""
    op = registry[name]
    skip_without_counterpart(op)
    base = np.array([0.7, 1.9, 2.6])
    for dtype in h.DTYPES:
        for array in (base, np.asarray(1.3)):
            tensor = h.cast_floats(Sample((array,)), dtype).args[0]
            for number in NUMBERS if op.body.__module__ != "rushlight.ops.special" else MILD_NUMBERS:
                for args in ((tensor, number), (number, tensor)):
                    report.note(f"{dtype} {label(Sample(args))}", number_problem(op, Sample(args)))
    report.conclude()


def number_problem(op: Op, sample: Sample) -> str | None:
    """What differs with a number as argument; torch takes numbers in fewer places than we do."""
    other, refused = h.attempt(lambda: h.theirs(op, sample)[0])
    if isinstance(refused, (TypeError, AttributeError)):
        return None
    mine, ours_refused = h.attempt(lambda: h.ours(op, sample)[0])
    return (
        h.refusal_difference(ours_refused, refused) if refused or ours_refused else h.difference(mine, other)
    )


@needs_torch
@pytest.mark.parametrize("name", BINARY)
def test_mixed_dtypes(name: str, report: Report) -> None:
    """Two tensors of different dtypes, with dimensions and without."""
    op = registry[name]
    skip_without_counterpart(op)
    rng = h.generator(op)
    draw = lambda shape, n: h.draw(op, n, shape, rng)  # noqa: E731
    for left in h.DTYPES:
        for right in h.DTYPES:
            for shapes in (((3,), (3,)), ((3,), ()), ((), (3,))):
                x, y = (draw(s, n) for s, n in zip(shapes, op.tensors, strict=True))
                args = h.cast_floats(Sample((x,)), left).args + h.cast_floats(Sample((y,)), right).args
                tolerance = max(h.TOLERANCE.get(left, 0), h.TOLERANCE.get(right, 0))
                report.note(label(Sample(args)), compare(op, Sample(args), tolerance))
    report.conclude()


@pytest.mark.parametrize("name", BINARY)
def test_shapes_that_do_not_stretch(name: str) -> None:
    op = registry[name]
    rng = h.generator(op)
    x, y = (h.draw(op, n, (s,), rng) for n, s in zip(op.tensors, (3, 4), strict=True))
    with pytest.raises(RuntimeError, match=r"\(3,?\).*\(4,?\)"):
        h.ours(op, Sample((x, y)))


# -- the harness itself -------------------------------------------------------------------------------


@pytest.fixture
def wrong_op() -> Any:
    """A cube whose derivative is stated as 2x², for one test."""
    rushlight_name = "deliberately_wrong"
    op = Pointwise(lambda input, /: input * input * input, name=rushlight_name, under="internal")
    op.slope(input=lambda g, input: g * (2 * (input * input)))
    yield op
    del registry[rushlight_name]


def test_a_wrong_derivative_is_found(wrong_op: Op) -> None:
    sample = Sample((np.array([1.0, 2.0, -1.5]),))
    assert "slope" in (h.slope_difference(wrong_op, sample, second=False) or "")


def test_a_wrong_second_derivative_is_found() -> None:
    square = Pointwise(lambda input, /: input * input, name="square_of_wrong_slope", under="internal")
    square.slope(input=lambda g, input: g * input)
    cube = Pointwise(lambda input, /: input * input * input, name="cube_of_wrong_curvature", under="internal")
    cube.vjp(input=lambda g, input: 3 * g * square(input))
    try:
        sample = Sample((np.array([1.0, 2.0, -1.5]),))
        assert h.slope_difference(cube, sample, second=False) is None
        assert "slope" in (h.slope_difference(cube, sample, second=True) or "")
    finally:
        del registry[square.name], registry[cube.name]


@needs_torch
def test_a_wrong_value_dtype_shape_or_gradient_is_found(wrong_op: Op) -> None:
    x = np.array([1.0, 2.0])
    mine = h.ours(wrong_op, Sample((x,)), True)
    right, wrong = h.torch_tensor(x, True), h.torch_tensor(x, True)
    assert h.difference(mine[0], right**3) is None
    assert "instead of" in (h.difference(mine[0], wrong**2) or "")
    assert "dtype" in (h.difference(mine[0], (right**3).float()) or "")
    assert "shape" in (h.difference(mine[0], (right**3)[:1]) or "")
    assert "gradient 0" in (h.gradient_difference(h.gradients(*mine), h.gradients(right**3, [right])) or "")


def test_an_op_is_declared_once(wrong_op: Op) -> None:
    with pytest.raises(ValueError, match="declared twice"):
        Pointwise(lambda input, /: input, name=wrong_op.name)


def test_samples_belong_to_ops() -> None:
    assert not sorted(set(SAMPLES) - set(registry)), "samples of ops that are not declared"
