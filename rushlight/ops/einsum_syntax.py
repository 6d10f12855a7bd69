"""The notation of einsum: equations and lists of subscripts, read into tuples of numbers (A-Z 0-25, a-z
26-51).
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Any

Labels = tuple[int, ...]
ELLIPSIS = -1


def symbol(label: int) -> str:
    """A subscript as it is written."""
    if label == ELLIPSIS or label >= 52:
        return "..."
    return chr(ord("A") + label) if label < 26 else chr(ord("a") + label - 26)


@lru_cache(maxsize=1024)
def parse_equation(equation: str, count: int) -> tuple[tuple[Labels, ...], Labels | None]:
    """The subscripts of each of `count` operands and of the output (None if it is not given)."""
    arrow = equation.find("->")
    left = equation if arrow < 0 else equation[:arrow]
    parts = left.split(",")
    if len(parts) != count:
        which = (
            "more operands were provided than" if count > len(parts) else "fewer operands were provided than"
        )
        raise RuntimeError(
            f"einsum: einsum(): {which} specified in the equation: {equation!r} is for {len(parts)}, got "
            f"{count}"
        )
    inputs, offset = [], 0
    for k, part in enumerate(parts):
        inputs.append(_labels(part, f"operand {k}", offset))
        offset += len(part) + 1
    output = None if arrow < 0 else _labels(equation[arrow + 2 :], "the output", arrow + 2)
    if output is not None:
        _refuse_repeats(output)
    return tuple(inputs), output


def _labels(text: str, whose: str, offset: int) -> Labels:
    found: list[int] = []
    i = 0
    while i < len(text):
        c = text[i]
        if c == ".":
            _read_ellipsis(text, i, whose, found)
            i += 3
            continue
        if c != " ":
            found.append(_letter(c, offset + i))
        i += 1
    return tuple(found)


def _read_ellipsis(text: str, i: int, whose: str, found: list[int]) -> None:
    if ELLIPSIS in found:
        raise RuntimeError(f"einsum: einsum(): found '.' for {whose} for which an ellipsis was already found")
    if text[i : i + 3] != "...":
        raise RuntimeError(f"einsum: einsum(): found '.' for {whose} that is not part of any ellipsis")
    found.append(ELLIPSIS)


def _letter(c: str, index: int) -> int:
    if "A" <= c <= "Z":
        return ord(c) - ord("A")
    if "a" <= c <= "z":
        return ord(c) - ord("a") + 26
    raise RuntimeError(
        f"einsum: einsum(): invalid subscript given at index {index} in the equation string, subscripts must "
        "be in "
        f"[a-zA-Z]; found {c!r}"
    )


def _refuse_repeats(output: Labels) -> None:
    for label in output:
        if output.count(label) > 1:
            raise RuntimeError(
                f"einsum: einsum(): output subscript {symbol(label)} appears more than once in the output"
            )


def parse_sublists(args: Sequence[Any]) -> tuple[Sequence[Any], tuple[Labels, ...], Labels | None]:
    """(operand, subscripts, operand, subscripts, …, [output subscripts]) as operands and their subscripts."""
    operands = args[0 : len(args) - len(args) % 2 : 2]
    inputs = tuple(_numbers(labels) for labels in args[1::2][: len(operands)])
    output = _numbers(args[-1]) if len(args) % 2 else None
    if output is not None:
        _refuse_repeats(output)
    return operands, inputs, output


def _numbers(labels: Any) -> Labels:
    if not isinstance(labels, (list, tuple)):
        raise TypeError(
            f"einsum: subscripts are a list of numbers after each operand, not {type(labels).__name__}"
        )
    found = tuple(ELLIPSIS if label is Ellipsis else int(label) for label in labels)
    if any(
        not -1 <= label < 52 or (label == -1 and given is not Ellipsis)
        for label, given in zip(found, labels, strict=True)
    ):
        raise ValueError(
            "einsum: einsum(): subscript in subscript list is not within the valid range [0, 52): "
            f"{list(labels)}"
        )
    return found
