"""Text: a string, or a table of strings; what it means as Markdown is the page's business."""

from __future__ import annotations

from typing import Any

from starlette.routing import Route

from ..events.decoding import Value, decode_tensor
from .entries import answers, asked_for, decoded
from .shared import Shared

MOST_LETTERS = 1 << 18  # of a step that are sent; more is nothing that a person reads on a page
MOST_CELLS = 5000
LONGEST = 32 << 20  # a record of more, perhaps of millions of strings, isn't taken apart


def routes(shared: Shared) -> list[Route]:
    """{run, tag, mark} gives the rows of a step's table, one cell for a single string."""

    def text(question: dict[str, Any]) -> dict[str, Any]:
        entry = asked_for(shared, question, "text")
        return decoded(entry, str(question["tag"]), table, LONGEST)

    return [answers("/api/text", text)]


def table(value: Value) -> dict[str, Any]:
    """{rows: lists of strings, dims, letters: how many there are, cut: whether some are left out}.

    A tensor of more than two dimensions gives its first matrix, as in TensorBoard. Raises ValueError for what
    is no tensor of strings.
    """
    if not isinstance(value.data, bytes):
        raise ValueError("text is a tensor of strings, not a number")
    strings = decode_tensor(value.data)
    if strings.dtype != object:
        raise ValueError(f"text is a tensor of strings, not of {strings.dtype}")
    dims, letters = strings.ndim, sum(map(len, strings.reshape(-1)))
    while strings.ndim > 2:
        strings = strings[0]
    matrix = strings.reshape(1, 1) if dims == 0 else strings.reshape(-1, 1) if dims == 1 else strings
    cells = matrix[: max(1, MOST_CELLS // max(matrix.shape[1], 1)), :MOST_CELLS]
    left = MOST_LETTERS
    rows: list[list[str]] = []
    for row in cells.tolist():
        rows.append([])
        for cell in row:
            rows[-1].append(cell[:left].decode(errors="replace"))
            left = max(0, left - len(cell))
    cut = left == 0 or cells.size < strings.size
    return {"rows": rows, "dims": dims, "letters": letters, "cut": cut}
