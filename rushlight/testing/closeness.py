"""assert_close: are two tensors, numbers or containers of them equal within tolerances?

Containers are walked in parallel down to pairs of leaves; every pair is compared, and the first that
differs is reported with the path to it.
"""

from __future__ import annotations

import cmath
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

import rushlight.dtypes as dtypes

from ..bind import functions_under
from ..tensor import Tensor, from_numpy
from .tolerances import tolerances

Message = str | Callable[[str], str] | None


class Mismatch(Exception):
    """Two values differ, or cannot be compared: the exception to raise, and the path to them."""

    def __init__(self, kind: type[Exception], text: str, path: tuple[Any, ...] = ()) -> None:
        self.kind, self.text, self.path = kind, text, path

    def error(self, msg: Message) -> Exception:
        """What the user gets to see: `msg`, `msg` of the generated text, or that text."""
        where = "".join(f"[{key!r}]" for key in self.path)
        text = f"{self.text}\n\nThe failure occurred for item {where}" if self.path else self.text
        return self.kind(msg(text) if callable(msg) else text if msg is None else msg)


class Asked(NamedTuple):
    """What the caller asked to be compared, and how."""

    rtol: float | None
    atol: float | None
    equal_nan: bool
    allow_subclasses: bool
    device: bool
    dtype: bool
    stride: bool


def assert_close(
    actual: Any,
    expected: Any,
    *,
    allow_subclasses: bool = True,
    rtol: float | None = None,
    atol: float | None = None,
    equal_nan: bool = False,
    check_device: bool = True,
    check_dtype: bool = True,
    check_layout: bool = True,
    check_stride: bool = False,
    msg: Message = None,
) -> None:
    """Raise AssertionError unless |actual - expected| <= atol + rtol * |expected| for every pair of elements.

    Tensors, NumPy arrays, numbers, None, and sequences and mappings of these. The tolerances follow from
    the dtypes unless both are given; nothing but equality will do for integers and booleans. Shapes, and
    unless told not to, devices and dtypes must be the same. `msg` is the text to raise with, or makes it of
    the generated one. Raises TypeError for values that cannot be compared, ValueError for one tolerance
    without the other.
    """
    asked = Asked(rtol, atol, equal_nan, allow_subclasses, check_device, check_dtype, check_stride)
    try:
        found = [_compared(a, b, asked, path) for path, a, b in list(_leaves(actual, expected, ()))]
    except Mismatch as unlike:  # structures that differ, or nothing to compare: `msg` is not for these
        raise unlike.error(None) from None
    for failure in found:
        if failure is not None:
            raise failure.error(msg)


def _leaves(a: Any, b: Any, path: tuple[Any, ...]) -> Iterator[tuple[tuple[Any, ...], Any, Any]]:
    """The pairs of values inside two containers of the same structure, with their paths."""
    if _is_sequence(a) and _is_sequence(b):
        if len(a) != len(b):
            raise Mismatch(
                AssertionError, f"The length of the sequences mismatch: {len(a)} != {len(b)}", path
            )
        keys: Any = range(len(a))
    elif isinstance(a, Mapping) and isinstance(b, Mapping):
        _same_keys(a, b, path)
        keys = _sorted(a)
    else:
        yield path, a, b
        return
    for key in keys:
        yield from _leaves(a[key], b[key], (*path, key))


def _is_sequence(value: Any) -> bool:
    return isinstance(value, Sequence) and not isinstance(value, str)


def _same_keys(a: Mapping[Any, Any], b: Mapping[Any, Any], path: tuple[Any, ...]) -> None:
    if a.keys() != b.keys():
        text = (
            "The keys of the mappings do not match:\n"
            f"Missing keys in the actual mapping: {_sorted(b.keys() - a.keys())}\n"
            f"Additional keys in the actual mapping: {_sorted(a.keys() - b.keys())}"
        )
        raise Mismatch(AssertionError, text, path)


def _sorted(keys: Any) -> list[Any]:
    try:
        return sorted(keys)
    except TypeError:  # keys of different types have no order
        return list(keys)


# -- one pair ------------------------------------------------------------------------------------------


def _compared(a: Any, b: Any, asked: Asked, path: tuple[Any, ...]) -> Mismatch | None:
    """How two leaves differ, None where they do not."""
    try:
        if a is None or b is None:
            _need(a is b, f"None mismatch: {a} is not {b}")
        elif isinstance(a, (bool, np.bool_)) and isinstance(b, (bool, np.bool_)):
            _need(bool(a) is bool(b), f"Booleans mismatch: {bool(a)} is not {bool(b)}")
        elif _is_number(a) and _is_number(b):
            _compare_numbers(a, b, asked)
        else:
            _compare_tensors(*_as_tensors(a, b, asked.allow_subclasses), asked)
    except Mismatch as found:
        found.path = path
        if found.kind is not AssertionError:
            raise
        return found
    return None


def _need(holds: bool, text: str, kind: type[Exception] = AssertionError) -> None:
    if not holds:
        raise Mismatch(kind, text)


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float, complex, np.number)) and not isinstance(value, bool)


def _tolerances(asked: Asked, *kinds: dtypes.dtype) -> tuple[float, float]:
    """(rtol, atol) that hold for a pair of these dtypes."""
    if (asked.rtol is None) != (asked.atol is None):
        missing = "rtol" if asked.rtol is None else "atol"
        text = f"Both 'rtol' and 'atol' must be either specified or omitted, but got no {missing}."
        raise Mismatch(ValueError, text)
    if asked.rtol is None or asked.atol is None:
        return tolerances(*kinds)
    return asked.rtol, asked.atol


_KINDS = {int: dtypes.int64, float: dtypes.float64, complex: dtypes.complex128}


def _compare_numbers(a: Any, b: Any, asked: Asked) -> None:
    a, b = (v.item() if isinstance(v, np.number) else v for v in (a, b))
    rtol, atol = _tolerances(asked, *(_KINDS.get(type(v), dtypes.int64) for v in (a, b)))
    if asked.dtype:
        _need(type(a) is type(b), f"The (d)types do not match: {type(a)} != {type(b)}.")
    difference = abs(a - b)
    if a == b or (asked.equal_nan and cmath.isnan(a) and cmath.isnan(b)):
        return
    if cmath.isfinite(difference) and difference <= atol + rtol * abs(b):
        return
    raise Mismatch(AssertionError, _numbers_text(a, b, difference, rtol, atol))


def _numbers_text(a: Any, b: Any, difference: float, rtol: float, atol: float) -> str:
    relative = difference / abs(b) if b else float("inf")
    return (
        f"Scalars are not {_word(rtol, atol)}!\n\nExpected {b} but got {a}.\n"
        f"Absolute difference: {difference}{_allowed(atol, rtol, atol)}\n"
        f"Relative difference: {relative}{_allowed(rtol, rtol, atol)}"
    )


def _word(rtol: float, atol: float) -> str:
    return "close" if rtol or atol else "equal"


def _allowed(tolerance: float, rtol: float, atol: float) -> str:
    return f" (up to {tolerance} allowed)" if rtol or atol else ""


# -- tensors -------------------------------------------------------------------------------------------


def _as_tensors(a: Any, b: Any, allow_subclasses: bool) -> tuple[Tensor, Tensor]:
    related = isinstance(a, type(b)) or isinstance(b, type(a))
    if not related or not (allow_subclasses or type(a) is type(b)) or not isinstance(a, (Tensor, np.ndarray)):
        text = f"No comparison pair was able to handle inputs of type {type(a)} and {type(b)}."
        raise Mismatch(TypeError, text)
    return tuple(v.detach() if isinstance(v, Tensor) else from_numpy(v) for v in (a, b))  # pyright: ignore


def _compare_tensors(a: Tensor, b: Tensor, asked: Asked) -> None:
    rtol, atol = _tolerances(asked, a.dtype, b.dtype)
    _same("shape", a.shape, b.shape)
    if asked.stride:
        _same("stride()", a.stride(), b.stride())
    if asked.device:
        _same("device", a.device, b.device)
    if asked.dtype:
        _same("dtype", a.dtype, b.dtype)
    if a.device.type == "meta" or b.device.type == "meta":
        return
    kind = _common(a.dtype, b.dtype)
    _compare_values(a.to(kind), b.to(kind), rtol, atol, asked.equal_nan)


def _same(what: str, a: Any, b: Any) -> None:
    _need(a == b, f"The values for attribute '{what}' do not match: {a} != {b}.")


def _common(a: dtypes.dtype, b: dtypes.dtype) -> dtypes.dtype:
    """The dtype to compare in: the promoted one; int64 for integers, float32 for eight-bit floats."""
    kind = dtypes.promote_types(a, b) if a is not b else a
    if kind.category <= dtypes.INT:
        return dtypes.int64
    return dtypes.float32 if kind in dtypes.FLOAT8 else kind


def _compare_values(a: Tensor, b: Tensor, rtol: float, atol: float, equal_nan: bool) -> None:
    matches = functions_under("")["isclose"]()(a, b, rtol=rtol, atol=atol, equal_nan=equal_nan)
    wrong = ~matches.numpy()
    if not wrong.any():
        return
    if not a.ndim:
        x, y = a.item(), b.item()
        raise Mismatch(AssertionError, _numbers_text(x, y, abs(x - y), rtol, atol))
    difference = (a - b).abs()
    relative = difference / b.abs()
    share = f"{wrong.sum()} / {wrong.size} ({wrong.mean():.1%})"
    raise Mismatch(
        AssertionError,
        f"Tensor-likes are not {_word(rtol, atol)}!\n\nMismatched elements: {share}\n"
        f"Greatest absolute difference: {_greatest(difference, wrong)}{_allowed(atol, rtol, atol)}\n"
        f"Greatest relative difference: {_greatest(relative, wrong)}{_allowed(rtol, rtol, atol)}",
    )


def _greatest(difference: Tensor, wrong: np.ndarray) -> str:
    """The largest difference among the elements that differ too much, and where it is."""
    values = difference.double().numpy() if difference.is_floating_point() else difference.numpy()
    at = np.unravel_index(np.argmax(np.where(wrong, values, 0)), wrong.shape)
    where = tuple(int(i) for i in at)
    return f"{values[where].item()} at index {where}"
