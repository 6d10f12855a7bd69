"""The notebook display of a tensor: a small HTML table with its facts and a heat-coloured excerpt.

The output is bounded (at most ROWS x COLUMNS cells, whatever the tensor), holds no script, link or image, and
escapes every text. Colours are translucent over the page's own background, so it suits light and dark themes.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape

import numpy as np

from rushlight.printing import printable

ROWS, COLUMNS = 8, 10  # the excerpt's largest size, before one "…" row and column
WARM, COOL = (
    "230,120,30",
    "50,120,230",
)  # rgb of positive and negative values: tell apart in any colour vision
BORDER = "border:1px solid rgba(128,128,128,.35)"
CELL = f"{BORDER};padding:1px 6px;text-align:right;font-family:monospace"


def ends(size: int, limit: int) -> list[int | None]:
    """Return the indices shown of `size`: all, or both ends around a None that stands for the rest."""
    if size <= limit:
        return list(range(size))
    half = limit // 2
    return [*range(half), None, *range(size - half, size)]


def excerpt(array: np.ndarray) -> np.ndarray:
    """Return `array` as a matrix: vectors become one row, of higher ranks the first matrix is taken."""
    if array.ndim < 2:
        return array.reshape(1, -1)
    return array[(0,) * (array.ndim - 2)]


def number(value: object) -> str:
    """Spell one element in a few characters."""
    return f"{value:.4g}" if isinstance(value, float | complex) else str(value)


def shade(value: object, scale: float) -> str:
    """Return the background colour of `value`: its sign chooses the hue, its share of `scale` the opacity."""
    magnitude = abs(value) if isinstance(value, int | float | complex) else 0.0
    if not magnitude <= scale or scale == 0:  # also nan
        return "background:rgba(128,128,128,.3)" if magnitude != 0 else ""
    hue = COOL if not isinstance(value, complex) and value < 0 else WARM  # type: ignore[operator]
    return f"background:rgba({hue},{0.65 * magnitude / scale:.2f})"


def cell(value: object, scale: float) -> str:
    """Return the table cell of one element, or of what is left out (None)."""
    if value is None:
        return f'<td style="{CELL}">…</td>'
    return f'<td style="{CELL};{shade(value, scale)}">{escape(number(value))}</td>'


def table(matrix: np.ndarray) -> str:
    """Return the HTML table of a matrix, its middle left out where it is too large."""
    rows, columns = ends(matrix.shape[0], ROWS), ends(matrix.shape[1], COLUMNS)
    keep = np.ix_([i for i in rows if i is not None], [j for j in columns if j is not None])
    shown = printable(matrix[keep])
    scale = largest(np.abs(shown.astype(np.float64)) if shown.dtype.kind in "bui" else np.abs(shown))
    lines = iter(shown.tolist())
    body = (gapped(next(lines), columns) if i is not None else [None] * len(columns) for i in rows)
    return html_table([cell(value, scale) for value in line] for line in body)


def gapped(values: Sequence[object], columns: Sequence[int | None]) -> list[object]:
    """Put a None among the values where `columns` leaves some out."""
    rest = iter(values)
    return [None if j is None else next(rest) for j in columns]


def html_table(rows: Iterable[Sequence[str]]) -> str:
    """Join cells to a table; colours and fonts are the page's own."""
    body = "".join(f"<tr>{''.join(row)}</tr>" for row in rows)
    return f'<table style="border-collapse:collapse;color:inherit;background:none">{body}</table>'


def largest(magnitudes: np.ndarray) -> float:
    """Return the largest finite magnitude, 0 where there is none."""
    finite = magnitudes[np.isfinite(magnitudes)]
    return float(finite.max()) if finite.size else 0.0


def statistics(array: np.ndarray) -> dict[str, str]:
    """Return min, mean, max of the finite elements, and the count of others; {} for complex or empty."""
    # bfloat16 and float8 have no reductions of their own precision worth showing.
    values = array if array.dtype.kind in "biuf" else printable(array)
    if array.size == 0 or values.dtype.kind == "c":
        return {}
    finite = values[np.isfinite(values)]
    found = {"not finite": str(array.size - finite.size)} if finite.size < array.size else {}
    if finite.size == 0:
        return found
    extremes = {"min": number(finite.min().item()), "max": number(finite.max().item())}
    return {
        "min": extremes["min"],
        "mean": number(float(finite.mean(dtype=np.float64))),
        "max": extremes["max"],
        **found,
    }


def rich_html(
    array: np.ndarray,
    *,
    dtype_name: str | None = None,
    device: str = "cpu",
    class_name: str = "Tensor",
    requires_grad: bool = False,
    grad_fn_name: str | None = None,
) -> str:
    """Return the HTML that a notebook shows for a tensor: shape, dtype, device, min/mean/max and an excerpt.

    At most 8 x 10 elements are shown; of tensors with more than two dimensions, the first matrix. With
    `device='meta'` only shape and dtype are read.
    """
    facts = {
        "shape": str(tuple(array.shape)),
        "dtype": dtype_name or f"torch.{array.dtype.name}",
        "device": device,
    }
    if requires_grad or grad_fn_name:
        facts["gradient"] = grad_fn_name or "requires_grad"
    meta = device == "meta"
    facts |= {} if meta else statistics(array)
    line = " · ".join(f"{escape(name)} <b>{escape(value)}</b>" for name, value in facts.items())
    head = f"<div>{escape(class_name)}: {line}</div>"
    where = f"<div>[{', '.join(['0'] * (array.ndim - 2))}, :, :]</div>" if array.ndim > 2 else ""
    shown = "" if meta or array.size == 0 else where + table(excerpt(array))
    return f'<div style="color:inherit;font-size:90%">{head}{shown}</div>'
