"""What the op tests are made of: samples turned into calls, here and in torch, their results side by side.

A call runs through the Tensor-level function of the op; torch's counterpart is looked up by the op's names.
Everything is compared: value, dtype, shape, strides and storage of views, gradients and their gradients.
"""

from __future__ import annotations

import importlib
import re
import warnings
import zlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import ml_dtypes
import numpy as np

import rushlight
from rushlight import bind, dtypes
from rushlight.autograd import tape
from rushlight.ops.declare import Op
from rushlight.ops.elementwise import Pointwise
from rushlight.tensor import Tensor, function_of, wrap

from .samples import SAMPLES, Sample, load

try:
    import torch
except ImportError:  # the comparisons are skipped, the checks against ourselves remain
    torch = None

assert bind
load()

#: dtypes every op is tried in; the samples' float64 arrays are cast to each
DTYPES = ("float64", "float32", "bfloat16", "float16", "int64", "int32", "uint8", "bool", "complex64")
TOLERANCE = {
    "float64": 1e-9,
    "float32": 1e-5,
    "bfloat16": 1.6e-2,
    "float16": 2e-3,
    "complex32": 2e-3,
    "complex64": 2e-5,
    "complex128": 1e-9,
}


# -- reports ------------------------------------------------------------------------------------------


@dataclass
class Report:
    """Counts the cases of one test and gathers what differs, so that one failure does not hide the next."""

    count: int = 0
    wrong: list[str] = field(default_factory=list)

    def note(self, case: str, problem: str | None) -> None:
        """Count a case; `problem` is None where it passed."""
        self.count += 1
        if problem:
            self.wrong.append(f"{case}: {problem}")

    def conclude(self) -> None:
        """Raise AssertionError with what differed."""
        if self.wrong:
            shown = "\n  ".join(self.wrong[:12])
            raise AssertionError(f"{len(self.wrong)} of {self.count} cases differ:\n  {shown}")


# -- samples ------------------------------------------------------------------------------------------


def generator(op: Op) -> np.random.Generator:
    """A generator of its own for each op, the same in every run."""
    return np.random.default_rng(zlib.crc32(op.name.encode()))


def cases(op: Op) -> list[Sample]:
    """The op's samples: those written for it, and for pointwise ops those that follow from the
    declaration.
    """
    rng = generator(op)
    found = [sample for make in SAMPLES.get(op.name, ()) for sample in make(rng)]
    if isinstance(op, Pointwise) and all(p.default is not p.empty for p in op.options):
        found += pointwise_samples(op, rng)
    as_arrays = lambda v: np.asarray(v) if isinstance(v, np.generic) else v  # noqa: E731
    return [
        replace(s, args=tuple(map(as_arrays, s.args)), kwargs={k: as_arrays(v) for k, v in s.kwargs.items()})
        for s in found
    ]


def pointwise_samples(op: Pointwise, rng: np.random.Generator) -> Iterator[Sample]:
    """Equal shapes, 0-dim, empty, and shapes that stretch."""
    n = len(op.tensors)
    shapes: list[tuple[tuple[int, ...], ...]] = [((2, 3, 4),) * n, ((),) * n, ((0, 3),) * n, ((5,),) * n]
    if n > 1:
        shapes += [
            ((2, 1, 3), (4, 1)) + ((),) * (n - 2),
            ((3,), ()) + ((3,),) * (n - 2),
            ((), (2, 2)) + ((2, 1),) * (n - 2),
        ]
    for group in shapes:
        yield Sample(tuple(draw(op, name, shape, rng) for name, shape in zip(op.tensors, group, strict=True)))


def draw(op: Pointwise, name: str, shape: tuple[int, ...], rng: np.random.Generator) -> np.ndarray:
    """An array from the op's domain: booleans for conditions, integers where no others are accepted."""
    if name not in op.promoted:
        return rng.random(shape) < 0.5
    if "f" not in op.accepts:
        return np.asarray(rng.integers(1, 9, shape))
    low, high = op.domain
    return np.asarray(rng.uniform(low, high, shape))


def each_array(value: Any, change: Callable[[np.ndarray], Any]) -> Any:
    """`value` with `change` applied to every NumPy array in it, also inside lists and dicts."""
    if isinstance(value, np.ndarray):
        return change(value)
    if isinstance(value, (list, tuple)):
        return type(value)(each_array(v, change) for v in value)
    if isinstance(value, dict):
        return {k: each_array(v, change) for k, v in value.items()}
    return value


def changed(sample: Sample, change: Callable[[np.ndarray], Any]) -> Sample:
    """The sample with every array changed."""
    return replace(sample, args=each_array(sample.args, change), kwargs=each_array(sample.kwargs, change))


def cast_floats(sample: Sample, name: str) -> Sample:
    """The sample with its float64 arrays in another dtype; integers come out nonzero, unsigned ones
    positive.
    """
    storage = dtypes.NAMES[name].np

    def cast(a: np.ndarray) -> np.ndarray:
        if a.dtype != np.float64:
            return a
        if storage.kind in "iu":
            finite = np.nan_to_num(a, nan=0.0, posinf=50.0, neginf=-50.0)
            whole = np.where(np.trunc(finite * 2) == 0, 1, np.trunc(finite * 2))
            return np.asarray(np.abs(whole) if storage.kind == "u" else whole).astype(storage)
        if storage.kind == "c":
            return np.asarray(a + 0.5j * np.roll(a, 1)).astype(storage)
        return np.asarray(a > 0.5) if storage.kind == "b" else a.astype(storage)

    with np.errstate(all="ignore"):  # inf times a complex number, say
        return changed(sample, cast)


def has_floats(sample: Sample) -> bool:
    """Whether there is a float64 array that other dtypes can stand in for."""
    found: list[bool] = []
    each_array([*sample.args, *sample.kwargs.values()], lambda a: found.append(a.dtype == np.float64))
    return any(found)


# -- layouts ------------------------------------------------------------------------------------------


def transposed(a: np.ndarray) -> np.ndarray:
    """The same numbers, laid out with the dimensions in reverse order."""
    return np.ascontiguousarray(a.T).T


def stepped(a: np.ndarray) -> np.ndarray:
    """The same numbers, every second of a larger array."""
    if not a.ndim:
        return a
    big = np.zeros((*a.shape[:-1], 2 * a.shape[-1]), a.dtype)
    big[..., ::2] = a
    return big[..., ::2]


def offset(a: np.ndarray) -> np.ndarray:
    """The same numbers, behind others in a larger array."""
    if not a.ndim:
        return np.concatenate([np.zeros(3, a.dtype), a.reshape(1)])[3:].reshape(())
    return np.concatenate([np.zeros_like(a[:1]), a] if a.shape[0] else [a])[1 if a.shape[0] else 0 :]


LAYOUTS = {"transposed": transposed, "stepped": stepped, "offset": offset}


# -- calls --------------------------------------------------------------------------------------------


def tensor(a: np.ndarray, requires_grad: bool = False) -> Tensor:
    """Our Tensor over a copy of `a` in the same layout."""
    t = wrap(keep_layout(a))
    return t.requires_grad_() if requires_grad and t.dtype.category >= dtypes.FLOAT else t


def keep_layout(a: np.ndarray) -> np.ndarray:
    """A copy with the same strides and offset, so that views can be compared."""
    if a.flags.c_contiguous and a.base is None:
        return a.copy()
    base = a
    while isinstance(base.base, np.ndarray):
        base = base.base
    first = (a.__array_interface__["data"][0] - base.__array_interface__["data"][0]) if a.size else 0
    flat = base.copy(order="K")
    memory = (
        np.lib.stride_tricks.as_strided(flat, (flat.size,), (flat.itemsize,)).view(np.uint8)
        if flat.size
        else flat.view(np.uint8)
    )
    return np.ndarray(a.shape, a.dtype, memory.data, first, a.strides) if a.size else a.copy()


def torch_tensor(a: np.ndarray, requires_grad: bool = False) -> Any:
    """torch's tensor over a copy of `a` in the same layout (bfloat16: contiguous)."""
    if a.dtype == ml_dtypes.bfloat16:
        t = torch.from_numpy(a.astype(np.float32)).to(torch.bfloat16)
    else:
        t = torch.from_numpy(keep_layout(a))
    return t.requires_grad_() if requires_grad and (t.is_floating_point() or t.is_complex()) else t


def ours(op: Op, sample: Sample, requires_grad: bool = False) -> tuple[Any, list[Tensor]]:
    """The op's result on the sample, and the tensors it was given."""
    with warnings.catch_warnings():
        warnings.simplefilter(
            "ignore", UserWarning
        )  # advice and deprecations; what NumPy warns of stays an error
        return _run(our_function(op), sample, lambda a: tensor(a, requires_grad), rushlight)


def theirs(op: Op, sample: Sample, requires_grad: bool = False) -> tuple[Any, list[Any]]:
    """torch's result on the sample, and the tensors it was given."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        make = lambda a: torch_tensor(a, requires_grad)  # noqa: E731
        try:
            return _run(torch_function(op), sample, make, torch)
        except TypeError as refusal:  # x.reshape(2, 3) is a call of the method only
            if "positional argument" not in str(refusal) or not hasattr(torch.Tensor, op.name):
                raise
            return _run(getattr(torch.Tensor, op.name), sample, make, torch)


def _run(
    function: Callable[..., Any], sample: Sample, make: Callable[[np.ndarray], Any], library: Any
) -> tuple[Any, list[Any]]:
    given: list[Any] = []

    def made(a: np.ndarray) -> Any:
        given.append(make(a))
        return given[-1]

    args, kwargs = each_array(sample.args, made), each_array(sample.kwargs, made)
    kwargs = {k: getattr(library, v.name) if isinstance(v, dtypes.dtype) else v for k, v in kwargs.items()}
    if sample.random:
        library.manual_seed(7)
    with warnings.catch_warnings():
        if library is torch:
            warnings.simplefilter("ignore", UserWarning)  # what torch tells its users is not compared
        return function(*args, **kwargs), given


def our_function(op: Op) -> Callable[..., Any]:
    """The op on Tensors; a property as a function."""
    return (lambda t: getattr(t, op.name)) if "p" in op.forms else function_of(op)


def torch_function(op: Op) -> Callable[..., Any] | None:
    """torch's function (or method) of one of the op's public names, or None."""
    if torch is None or op.under == "internal":
        return None
    if "p" in op.forms:
        return (lambda t: getattr(t, op.name)) if hasattr(torch.Tensor, op.name) else None
    for name in op.names:
        found = reach(torch, name)
        if found is not None and "F" not in op.forms:
            return found
    return getattr(torch.Tensor, op.name, None)


def reach(library: Any, dotted: str) -> Any:
    """library.a.b.c, importing modules on the way; None where it is not there."""
    *path, last = dotted.split(".")
    for part in path:
        try:
            library = getattr(library, part, None) or importlib.import_module(f"{library.__name__}.{part}")
        except ImportError:
            return None
    return getattr(library, last, None)


# -- results ------------------------------------------------------------------------------------------


def is_tensor(value: Any) -> bool:
    """Whether it is a Tensor of either library."""
    return isinstance(value, Tensor) or (torch is not None and isinstance(value, torch.Tensor))


def leaves(result: Any) -> list[Any]:
    """The Tensors and values in a result, flat."""
    if isinstance(result, (list, tuple)):
        return [leaf for part in result for leaf in leaves(part)]
    return [result]


def numbers(t: Any) -> np.ndarray:
    """A Tensor of either library as a NumPy array of a type that NumPy computes with."""
    if isinstance(t, Tensor):
        a = t.detach()._a
        work = dtypes.compute_type(a.dtype)
        return a if work is a.dtype else a.astype(work)
    t = t.detach().resolve_conj().resolve_neg()
    if t.dtype in (torch.bfloat16, torch.float16, torch.complex32):
        t = t.to(torch.complex64) if t.is_complex() else t.float()
    return t.numpy(force=True)


def difference(mine: Any, other: Any, tolerance: float | None = None, zeros: bool = False) -> str | None:
    """What differs between a result of ours and torch's, or None; `zeros`: their signs count."""
    mine, other = leaves(mine), leaves(other)
    if len(mine) != len(other):
        return f"{len(mine)} results instead of {len(other)}"
    for x, y in zip(mine, other, strict=True):
        found = _difference(x, y, tolerance, zeros)
        if found:
            return found
    return None


def _difference(x: Any, y: Any, tolerance: float | None, zeros: bool) -> str | None:
    if not is_tensor(x) or not is_tensor(y):
        same = x == y or (x != x and y != y) or str(x) == str(y)
        return None if same and is_tensor(x) == is_tensor(y) else f"{x!r} instead of {y!r}"
    if str(x.dtype) != str(y.dtype):
        return f"dtype {x.dtype} instead of {y.dtype}"
    if tuple(x.shape) != tuple(y.shape):
        return f"shape {tuple(x.shape)} instead of {tuple(y.shape)}"
    name = str(x.dtype).removeprefix("torch.")
    return apart(
        numbers(x), numbers(y), max(TOLERANCE.get(name, 0), tolerance or 0) if name in TOLERANCE else 0, zeros
    )


def apart(a: np.ndarray, b: np.ndarray, tolerance: float, zeros: bool = False) -> str | None:
    """Where two arrays of one shape differ, or None."""
    if not tolerance:
        same = a == b
    else:
        with np.errstate(all="ignore"):
            scale = np.where(np.isfinite(b), np.maximum(np.abs(b), 1), 1)
            same = (a == b) | (np.abs(a - b) <= tolerance * scale) | (np.isnan(a) & np.isnan(b))
    if a.dtype.kind == "c":  # what inf makes of the other part depends on the order of the arithmetic
        same = same | (np.isnan(b) & ~np.isfinite(a))
    if zeros and a.dtype.kind == "f":
        same = same & ((a != 0) | (b != 0) | (np.signbit(a) == np.signbit(b)))
    if np.all(same):
        return None
    where = tuple(int(i) for i in np.argwhere(~np.asarray(same))[0])
    return f"{np.asarray(a)[where]!r} instead of {np.asarray(b)[where]!r} at {where}"


def layout_difference(
    op: Op, mine: Any, given: Sequence[Any], other: Any, given_torch: Sequence[Any]
) -> str | None:
    """How a view differs from torch's: strides of dimensions longer than 1, storage shared with the first
    input.
    """
    for x, y in zip(leaves(mine), leaves(other), strict=True):
        if not is_tensor(x) or not given:
            continue
        shares = y.untyped_storage().data_ptr() == given_torch[0].untyped_storage().data_ptr()
        if x.numel() and np.may_share_memory(x.detach()._a, given[0].detach()._a) != shares:
            return f"storage {'not ' if shares else ''}shared"
        strides = [(s, t) for n, s, t in zip(x.shape, x.stride(), y.stride(), strict=True) if n > 1]
        if shares and x.numel() and any(s != t for s, t in strides):
            return f"strides {x.stride()} instead of {tuple(y.stride())}"
    return None


# -- refusals -----------------------------------------------------------------------------------------

_FAMILIES = (TypeError, IndexError, OverflowError, ValueError, RuntimeError)
#: torch's refusals that we need not repeat: a kernel that is missing, a number where it wants a tensor
_NARROWER = re.compile(
    r"not implemented for '|not supported for|not implemented for (Half|BFloat16|Bool)|expected m1 and m2"
    r"|addmv_impl_cpu|must be Tensor, not (int|float|bool|complex)|'inplace'"
    r"|automatic differentiation for outputs with complex dtype"
    r"|operation's result requires dtype"
)


def attempt(call: Callable[[], Any]) -> tuple[Any, Exception | None]:
    """The result of a call, or the exception it raised."""
    try:
        return call(), None
    except Exception as error:  # any kind: it is compared with torch's
        return None, error


def refusal_difference(mine: Exception | None, other: Exception | None) -> str | None:
    """What is wrong when one side refused. Where torch merely lacks a kernel for the type, we may compute."""
    if mine is not None and other is None:
        return f"refused where torch computes: {type(mine).__name__}: {str(mine)[:150]}"
    if mine is None and other is not None:
        return (
            None
            if isinstance(other, NotImplementedError) or _NARROWER.search(str(other))
            else f"computed where torch refuses: {type(other).__name__}: {str(other)[:150]}"
        )
    kinds = [next((f for f in _FAMILIES if isinstance(e, f)), type(e)) for e in (mine, other)]
    return (
        None
        if kinds[0] is kinds[1]
        else f"raised {type(mine).__name__} ({str(mine)[:100]}) instead of "
        f"{type(other).__name__} ({str(other)[:100]})"
    )


# -- gradients ----------------------------------------------------------------------------------------


def differentiable(values: Iterable[Any]) -> list[Any]:
    """The Tensors with a graph behind them."""
    return [v for v in values if is_tensor(v) and v.requires_grad]


def cotangents(outputs: Sequence[Any], seed: int = 3) -> list[np.ndarray]:
    """Random numbers of the shape and precision of each output."""
    rng = np.random.default_rng(seed)
    found = []
    for t in outputs:
        a, shape = numbers(t), tuple(t.shape)
        v = rng.normal(size=shape) + (1j * rng.normal(size=shape) if a.dtype.kind == "c" else 0)
        found.append(np.asarray(v).astype(a.dtype))
    return found


def gradients(result: Any, given: Sequence[Any], second: bool = False) -> list[Any]:
    """The gradients of a random product with the results; `second`: and those of a random product with
    them.
    """
    outputs, inputs = differentiable(leaves(result)), differentiable(given)
    if not outputs or not inputs:
        return []
    first = _grad(outputs, inputs, cotangents(outputs), second)
    if not second:
        return first
    again = differentiable(first)
    return [*first, *(_grad(again, inputs, cotangents(again, 5), False) if again else [None] * len(inputs))]


def _grad(
    outputs: Sequence[Any], inputs: Sequence[Any], vs: Sequence[np.ndarray], create_graph: bool
) -> list[Any]:
    if isinstance(outputs[0], Tensor):
        gs = [wrap(v.astype(t._a.dtype)) for v, t in zip(vs, outputs, strict=True)]
        return list(
            tape.grad(outputs, inputs, gs, create_graph=create_graph, retain_graph=True, allow_unused=True)
        )
    gs = [torch.from_numpy(v).to(t.dtype) for v, t in zip(vs, outputs, strict=True)]
    return list(
        torch.autograd.grad(
            outputs, inputs, gs, create_graph=create_graph, retain_graph=True, allow_unused=True
        )
    )


def gradient_difference(
    mine: Sequence[Any], other: Sequence[Any], tolerance: float | None = None
) -> str | None:
    """What differs between gradients; none and zeros are the same."""
    if not mine:
        mine = [None] * len(other)
    if len(mine) != len(other):
        return f"{len(mine)} gradients instead of {len(other)}"
    for i, (x, y) in enumerate(zip(mine, other, strict=True)):
        if x is None or y is None:
            rest = x if y is None else y
            if rest is not None and np.any(numbers(rest)):
                return f"gradient {i}: {'none instead of one' if x is None else 'one instead of none'}"
            continue
        found = _difference(x, y, tolerance, False)
        if found:
            return f"gradient {i}: {found}"
    return None


def slope_difference(op: Op, sample: Sample, second: bool) -> str | None:
    """Gradients against differences along a random direction: Re⟨Jᵀu, v⟩ = d/dt Re⟨u, f(x + tv)⟩."""
    sample = changed(sample, lambda a: a.astype(np.float64) if a.dtype == np.float32 else a)
    result, given = ours(op, sample, requires_grad=True)
    outputs, inputs = differentiable(leaves(result)), differentiable(given)
    if not outputs or not inputs:
        return None
    tracked = [i for i, t in enumerate(leaves(result)) if is_tensor(t) and t.requires_grad]
    if not all(np.all(np.isfinite(numbers(t))) for t in outputs):
        return None  # differences of infinities say nothing
    us = cotangents(outputs)
    at = [i for i, t in enumerate(given) if t.requires_grad]
    rng = np.random.default_rng(9)
    found = _grad(outputs, inputs, us, second)
    if second:
        picked = [i for i, t in enumerate(found) if t is not None and t.requires_grad]
        if not picked:
            return None
        us2 = cotangents([found[i] for i in picked], 5)
        found = _grad([found[i] for i in picked], inputs, us2, False)
    vs = [np.asarray(rng.normal(size=tuple(t.shape))).astype(t._a.dtype) for t in inputs]
    exact = sum(
        float(np.real(np.vdot(numbers(g), v))) for g, v in zip(found, vs, strict=True) if g is not None
    )

    def along(step: float) -> float:
        moved = {i: step * v for i, v in zip(at, vs, strict=True)}
        counter = iter(range(len(given)))
        shifted = changed(sample, lambda a: np.asarray(a + moved[i]) if (i := next(counter)) in moved else a)
        out, inner = ours(op, shifted, requires_grad=second)
        outs = [leaves(out)[i] for i in tracked]
        if second:
            outs = differentiable(outs)
            slopes = _grad(outs, differentiable(inner), us, False)
            return sum(_inner(us2[k], slopes[i]) for k, i in enumerate(picked))
        return sum(_inner(u, t) for u, t in zip(us, outs, strict=True))

    h = 1e-5
    numeric = (8 * (along(h) - along(-h)) - (along(2 * h) - along(-2 * h))) / (12 * h)
    if np.isclose(numeric, exact, rtol=1e-5, atol=1e-5 * (1 + abs(numeric))):
        return None
    return f"slope {exact} by backward, {numeric} by differences"


def _inner(u: np.ndarray, t: Any) -> float:
    return 0.0 if t is None else float(np.real(np.vdot(u, numbers(t))))
