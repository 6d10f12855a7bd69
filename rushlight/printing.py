"""The text of a tensor, character for character as torch prints it.

Everything here works on NumPy arrays (ml_dtypes included); `Tensor.__repr__` adds only its gradient facts.
The notebook display stands in `rushlight/richdisplay.py`.
"""

from __future__ import annotations

import contextlib
import dataclasses
import math
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

FLOAT32 = np.dtype(np.float32)


@dataclasses.dataclass
class PrintOptions:
    """What `set_printoptions` sets; the field names and defaults are torch's."""

    precision: int = 4
    threshold: float = 1000
    edgeitems: int = 3
    linewidth: int = 80
    sci_mode: bool | None = None


OPTIONS = PrintOptions()

PROFILES: dict[str, dict[str, Any]] = {
    "default": {"precision": 4, "threshold": 1000, "edgeitems": 3, "linewidth": 80},
    "short": {"precision": 2, "threshold": 1000, "edgeitems": 2, "linewidth": 80},
    "full": {"precision": 4, "threshold": math.inf, "edgeitems": 3, "linewidth": 80},
}


def set_printoptions(
    precision: int | None = None,
    threshold: float | None = None,
    edgeitems: int | None = None,
    linewidth: int | None = None,
    profile: str | None = None,
    sci_mode: bool | None = None,
) -> None:
    """Set how tensors print; what is None stays, except `sci_mode`, where None means "choose by the values".

    `threshold` is the number of elements above which a tensor is summarised, `edgeitems` how many are then
    shown at each end. `profile` ('default', 'short' or 'full') is applied first; an unknown name changes
    nothing, as in torch.
    """
    given = {"precision": precision, "threshold": threshold, "edgeitems": edgeitems, "linewidth": linewidth}
    chosen = PROFILES.get(profile or "", {}) | {k: v for k, v in given.items() if v is not None}
    for name, value in chosen.items():
        setattr(OPTIONS, name, value)
    OPTIONS.sci_mode = sci_mode


def get_printoptions() -> dict[str, Any]:
    """Return the options in force, in the form that `set_printoptions(**options)` takes."""
    return dataclasses.asdict(OPTIONS)


@contextlib.contextmanager
def printoptions(
    precision: int | None = None,
    threshold: float | None = None,
    edgeitems: int | None = None,
    linewidth: int | None = None,
    profile: str | None = None,
    sci_mode: bool | None = None,
) -> Iterator[None]:
    """Set options as `set_printoptions` does, for the length of a `with` block."""
    before = get_printoptions()
    set_printoptions(precision, threshold, edgeitems, linewidth, profile, sci_mode)
    try:
        yield
    finally:
        set_printoptions(**before)


def is_floating(dtype: np.dtype) -> bool:
    """Whether `dtype` is a real floating type; ml_dtypes' own (bfloat16, float8) report kind 'V'."""
    return dtype.kind == "f" or (dtype.kind == "V" and "float" in dtype.name)


def printable(array: np.ndarray) -> np.ndarray:
    """Return `array` so that `tolist()` gives the Python numbers torch prints: real floats as float64."""
    if array.dtype.name == "complex32":
        return array.astype(np.complex64)
    return array.astype(np.float64, copy=False) if is_floating(array.dtype) else array


class Formatter:
    """Formats the numbers of one tensor to one width, chosen from `values`, those that will be shown."""

    def __init__(self, values: np.ndarray) -> None:
        self.floating = values.dtype.kind == "f"
        self.int_mode, self.sci_mode, self.width = True, False, 1
        if self.floating:
            self._measure_floats(values[np.isfinite(values) & (values != 0)])
        else:
            self.width = max([1, *(len(str(value)) for value in values.ravel().tolist())])

    def _measure_floats(self, shown: np.ndarray) -> None:
        """Choose mode and width; zeros, infinities and nans do not count, so may stick out, as in torch."""
        if shown.size == 0:
            return
        self.int_mode = bool((shown == np.ceil(shown)).all())
        self.sci_mode = needs_scientific(np.abs(shown)) if OPTIONS.sci_mode is None else OPTIONS.sci_mode
        self.width = max(1, *(len(self._text(value)) for value in shown.tolist()))

    def _text(self, value: float) -> str:
        """Spell one float without padding: `1.0000e+00`, `1.` or `1.0000`."""
        if self.sci_mode:
            return f"{value:.{OPTIONS.precision}e}"
        if not self.int_mode:
            return f"{value:.{OPTIONS.precision}f}"
        return f"{value:.0f}." if math.isfinite(value) else f"{value:.0f}"

    def format(self, value: float) -> str:
        """Spell one element, padded on the left to the common width."""
        return (self._text(value) if self.floating else f"{value}").rjust(self.width)


class ComplexFormatter:
    """Formats complex numbers: real and imaginary parts have a width and mode each."""

    def __init__(self, values: np.ndarray) -> None:
        self.real, self.imag = Formatter(printable(np.real(values))), Formatter(printable(np.imag(values)))
        self.width = self.real.width + self.imag.width + 1

    def format(self, value: complex) -> str:
        """Spell `a+bj`; the sign of b is shown once, and b is not padded on its left."""
        imag = self.imag.format(value.imag).lstrip() + "j"
        return self.real.format(value.real) + ("" if imag[0] in "+-" else "+") + imag


AnyFormatter = Formatter | ComplexFormatter


def needs_scientific(magnitudes: np.ndarray) -> bool:
    """Whether positive finite `magnitudes` span more than 1000 to 1, or leave the range 1e-4 .. 1e8."""
    low, high = float(magnitudes.min()), float(magnitudes.max())
    # Python floats: the ratio may overflow to inf without the warning NumPy would give.
    return high / low > 1000.0 or high > 1.0e8 or low < 1.0e-4


def edges(values: np.ndarray) -> np.ndarray:
    """Keep, along every dimension, only the `edgeitems` at both ends: the elements a summary shows."""
    n = OPTIONS.edgeitems
    for dim, size in enumerate(values.shape):
        if size > 2 * n:
            values = values.take([*range(n), *range(size - n, size)], axis=dim)
    return values


def vector_text(values: np.ndarray, indent: int, summarize: bool, formatter: AnyFormatter) -> str:
    """Spell a 1-d array, broken so that lines stay within `linewidth`."""
    per_line = max(1, (OPTIONS.linewidth - indent) // (formatter.width + 2))
    n = OPTIONS.edgeitems
    if summarize and n == 0:
        items = ["..."]
    elif summarize and len(values) > 2 * n:
        head, tail = printable(values[:n]).tolist(), printable(values[-n:]).tolist()
        items = [*map(formatter.format, head), " ...", *map(formatter.format, tail)]
    else:
        items = [formatter.format(value) for value in printable(values).tolist()]
    lines = [", ".join(items[i : i + per_line]) for i in range(0, len(items), per_line)]
    return "[" + (",\n" + " " * (indent + 1)).join(lines) + "]"


def nested_text(values: np.ndarray, indent: int, summarize: bool, formatter: AnyFormatter) -> str:
    """Spell an array of any rank; blank lines separate its outer slices."""
    if values.ndim == 0:
        return formatter.format(printable(values).item())
    if values.ndim == 1:
        return vector_text(values, indent, summarize, formatter)
    n, rows = OPTIONS.edgeitems, len(values)
    cut = summarize and rows > 2 * n
    shown = [*range(n), *range(rows - n, rows)] if cut else range(rows)
    parts = [nested_text(values[i], indent + 1, summarize, formatter) for i in shown]
    if cut:
        parts.insert(n, "...")
    return "[" + ("," + "\n" * (values.ndim - 1) + " " * (indent + 1)).join(parts) + "]"


def contents_text(array: np.ndarray, indent: int) -> str:
    """Spell the elements of `array` as nested lists, whose first line starts at column `indent`."""
    if array.size == 0:
        return "[]"
    summarize = array.size > OPTIONS.threshold
    shown = printable(edges(array) if summarize else array)
    formatter = ComplexFormatter(shown) if shown.dtype.kind == "c" else Formatter(shown)
    # A summary converts only the rows it shows, so it stays cheap for a large tensor.
    return nested_text(array if summarize else shown, indent, summarize, formatter)


def with_suffixes(text: str, suffixes: Sequence[str], indent: int) -> str:
    """Append `, suffix` for each suffix and a closing bracket; one past `linewidth` starts a new line."""
    length = len(text) - text.rfind("\n") + 1
    for suffix in suffixes:
        if length + len(suffix) + 2 > OPTIONS.linewidth:
            text += ",\n" + " " * indent + suffix
            length = indent + len(suffix)
        else:
            text += ", " + suffix
            length += len(suffix) + 2
    return text + ")"


def implied_dtypes(default_dtype: np.dtype) -> tuple[np.dtype, ...]:
    """Return the dtypes not printed, as literals get them: the default float, its complex, int64 and bool."""
    complex_ = np.complex128 if default_dtype == np.float64 else np.complex64
    return (default_dtype, np.dtype(complex_), np.dtype(np.int64), np.dtype(np.bool_))


def shape_and_dtype(
    shape: tuple[int, ...], dtype: np.dtype, name: str, default: np.dtype, meta: bool
) -> list[str]:
    """Return the `size=` and `dtype=` suffixes that the contents do not already tell."""
    empty = 0 in shape
    size = meta or (len(shape) != 1 if empty else not OPTIONS.edgeitems)
    # Nothing to infer from: then int64 and bool are said too.
    known = (default,) if meta or empty else implied_dtypes(default)
    return [f"size={tuple(shape)}"] * size + [f"dtype={name}"] * (dtype not in known)


def tensor_repr(
    array: np.ndarray,
    *,
    dtype_name: str | None = None,
    default_dtype: np.dtype = FLOAT32,
    device: str = "cpu",
    default_device: str = "cpu",
    requires_grad: bool = False,
    grad_fn_name: str | None = None,
    tangent: object | None = None,
    class_name: str = "tensor",
) -> str:
    """Return what torch prints for a tensor holding `array`: `tensor([1., 2.], grad_fn=<AddBackward0>)`.

    `dtype_name` is the printed name (by default `torch.` and NumPy's name: they agree where torch has it).
    With `device='meta'` only `array.shape` and `array.dtype` are read. `class_name` is 'tensor' for Tensor
    and Parameter, and the class's own name for their subclasses.

    >>> tensor_repr(np.arange(3.0))
    'tensor([0., 1., 2.], dtype=torch.float64)'
    """
    dtype, meta = np.dtype(array.dtype), device == "meta"
    prefix = f"{class_name}("
    suffixes = [f"device='{device}'"] if device.split(":")[0] != default_device.split(":")[0] else []
    name = dtype_name or f"torch.{dtype.name}"
    suffixes += shape_and_dtype(array.shape, dtype, name, np.dtype(default_dtype), meta)
    if grad_fn_name is not None:
        suffixes.append(f"grad_fn=<{grad_fn_name}>")
    elif requires_grad:
        suffixes.append("requires_grad=True")
    if tangent is not None:
        suffixes.append(f"tangent={tangent}")
    contents = "..." if meta else contents_text(array, len(prefix))
    return with_suffixes(prefix + contents, suffixes, len(prefix))


def parameter_repr(text: str) -> str:
    """Return the repr of an `nn.Parameter`, given the `tensor_repr` of what it holds."""
    return "Parameter containing:\n" + text
