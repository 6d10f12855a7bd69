"""Einstein summation: torch.einsum, as a cached plan of diagonals, sums and pairwise contractions."""

from __future__ import annotations

from functools import lru_cache
from typing import Any, NamedTuple

from .contraction import contract
from .declare import Varargs, composite
from .einsum_syntax import ELLIPSIS, Labels, parse_equation, parse_sublists, symbol
from .reduce import sum
from .views import diagonal, permute, squeeze

Array = Any
Shape = tuple[int, ...]


@composite(forms="")
def einsum(args: Varargs) -> Array:
    """Σ of products of the operands' elements, over every subscript that the output does not name.

    einsum("bij,bjk->bik", x, y), or with lists of numbers as subscripts: einsum(x, [0, 1], y, [1, 2], [0,
    2]).
    "..." stands for any leading dimensions (they broadcast); a subscript repeated in one operand takes its
    diagonal;
    without "->" the output has the subscripts that occur once, in alphabetical order. Sizes of 1 stretch.
    """
    return einsum_of(*args) if isinstance(args, (tuple, list)) else einsum_of(args)


def einsum_of(*args: Any) -> Any:
    """The same as a function, on arrays and Tensors."""
    if len(args) < 2:
        raise ValueError(
            "einsum: einsum(): must specify the equation string and at least one operand, or at least one "
            "operand and its "
            "subscripts list"
        )
    if isinstance(args[0], str):
        operands = args[1] if len(args) == 2 and isinstance(args[1], (tuple, list)) else args[1:]
        inputs, output = parse_equation(args[0], len(operands))
    else:
        operands, inputs, output = parse_sublists(args)
    plan = make_plan(inputs, output, tuple([tuple(x.shape) for x in operands]))
    return _run(plan, list(operands))


class Step(NamedTuple):
    """One pairwise contraction: which operands (the result goes to the end), and their and its subscripts."""

    i: int
    j: int
    xs: Labels
    ys: Labels
    zs: Labels


class Preparation(NamedTuple):
    """What is done to one operand beforehand: diagonals of equal subscripts, then sizes of 1 dropped, then
    sums.
    """

    diagonals: tuple[tuple[int, int], ...]
    dropped: tuple[int, ...]
    summed: tuple[int, ...]


class Plan(NamedTuple):
    """A whole computation, made once for an equation and shapes."""

    prepared: tuple[Preparation, ...]
    steps: tuple[Step, ...]
    order: tuple[int, ...] | None


def _run(plan: Plan, operands: list[Any]) -> Any:
    for k, todo in enumerate(plan.prepared):
        if todo != _NOTHING:
            operands[k] = _prepare(operands[k], todo)
    for i, j, xs, ys, zs in plan.steps:
        y, x = operands.pop(j), operands.pop(i)
        operands.append(contract(x, y, xs, ys, zs))
    (out,) = operands
    return out if plan.order is None else permute(out, plan.order)


_NOTHING = Preparation((), (), ())


def _prepare(x: Any, todo: Preparation) -> Any:
    for i, j in todo.diagonals:
        x = diagonal(x, 0, i, j)
    if todo.dropped:
        x = squeeze(x, todo.dropped)
    return sum(x, todo.summed) if todo.summed else x


# -- planning -------------------------------------------------------------------------------------------


@lru_cache(maxsize=1024)
def make_plan(inputs: tuple[Labels, ...], output: Labels | None, shapes: tuple[Shape, ...]) -> Plan:
    """The plan of one equation for operands of these shapes. Raises RuntimeError where they do not fit
    together.
    """
    named, width = _without_ellipses(inputs, shapes)
    sizes = _sizes(named, shapes)
    result = _output(inputs, output, width)
    for label in result:
        if label not in sizes:
            raise RuntimeError(
                f"einsum: einsum(): output subscript {symbol(label)} does not appear in the equation for any "
                "input operand"
            )
    prepared, left = _preparations(named, shapes, sizes, result)
    steps, final = _contractions(left, sizes, result)
    order = tuple(final.index(label) for label in result)
    return Plan(prepared, steps, None if order == tuple(range(len(order))) else order)


def _without_ellipses(inputs: tuple[Labels, ...], shapes: tuple[Shape, ...]) -> tuple[list[Labels], int]:
    """Subscripts with "..." written out as numbers from 52 (counted from the right), and how many there are
    at most.
    """
    counts = []
    for k, (labels, shape) in enumerate(zip(inputs, shapes, strict=True)):
        given = len(labels) - (ELLIPSIS in labels)
        if given > len(shape) or (ELLIPSIS not in labels and given != len(shape)):
            told = (
                "is more than the number of dimensions"
                if ELLIPSIS in labels
                else "does not match the number of dimensions"
            )
            end = "" if ELLIPSIS in labels else " and no ellipsis was given"
            raise RuntimeError(
                f"einsum: einsum(): the number of subscripts in the equation ({given}) {told} ({len(shape)}) "
                "for operand "
                f"{k}{end}: {''.join(map(symbol, labels))} for shape {shape}"
            )
        counts.append(len(shape) - given if ELLIPSIS in labels else 0)
    width = max(counts)
    return [_written_out(labels, n, width) for labels, n in zip(inputs, counts, strict=True)], width


def _written_out(labels: Labels, n: int, width: int) -> Labels:
    if ELLIPSIS not in labels:
        return labels
    at = labels.index(ELLIPSIS)
    return (*labels[:at], *range(52 + width - n, 52 + width), *labels[at + 1 :])


def _sizes(named: list[Labels], shapes: tuple[Shape, ...]) -> dict[int, int]:
    """The size of each subscript; 1 stretches."""
    sizes: dict[int, int] = {}
    for k, (labels, shape) in enumerate(zip(named, shapes, strict=True)):
        seen: dict[int, int] = {}
        for label, n in zip(labels, shape, strict=True):
            if seen.setdefault(label, n) != n:
                raise RuntimeError(
                    f"einsum: einsum(): subscript {symbol(label)} is repeated for operand {k} but the sizes "
                    "don't match, "
                    f"{n} != {seen[label]}"
                )
            have = sizes.setdefault(label, n)
            if n != have and 1 not in (n, have):
                raise RuntimeError(
                    f"einsum: einsum(): subscript {symbol(label)} has size {n} for operand {k} which does "
                    "not broadcast "
                    f"with previously seen size {have}; the shapes are {shapes}"
                )
            sizes[label] = n if have == 1 else have
    return sizes


def _output(inputs: tuple[Labels, ...], output: Labels | None, width: int) -> Labels:
    ellipsis = tuple(range(52, 52 + width))
    if output is None:
        every = [label for labels in inputs for label in labels if label != ELLIPSIS]
        return ellipsis + tuple(sorted(label for label in set(every) if every.count(label) == 1))
    if ELLIPSIS not in output:
        return output
    at = output.index(ELLIPSIS)
    return (*output[:at], *ellipsis, *output[at + 1 :])


def _preparations(
    named: list[Labels], shapes: tuple[Shape, ...], sizes: dict[int, int], result: Labels
) -> tuple[tuple[Preparation, ...], list[Labels]]:
    """For each operand its preparation, and the subscripts it has afterwards."""
    single = [_diagonals(labels, shape) for labels, shape in zip(named, shapes, strict=True)]
    dropped = [tuple(i for i, (label, n) in enumerate(s) if n == 1 and sizes[label] != 1) for _, s in single]
    left = [
        [label for i, (label, _) in enumerate(s) if i not in d]
        for (_, s), d in zip(single, dropped, strict=True)
    ]
    prepared, after = [], []
    for k, labels in enumerate(left):
        elsewhere = set(result).union(*(left[m] for m in range(len(left)) if m != k))
        summed = tuple(i for i, label in enumerate(labels) if label not in elsewhere)
        prepared.append(Preparation(single[k][0], dropped[k], summed))
        after.append(tuple(label for label in labels if label in elsewhere))
    return tuple(prepared), after


def _diagonals(labels: Labels, shape: Shape) -> tuple[tuple[tuple[int, int], ...], list[tuple[int, int]]]:
    """Pairs of dimensions to take diagonals of, one after another, and the (subscript, size) pairs left."""
    left = list(zip(labels, shape, strict=True))
    pairs = []
    for label in dict.fromkeys(labels):
        while (at := [i for i, (other, _) in enumerate(left) if other == label])[1:]:
            pairs.append((at[0], at[1]))
            moved = left[at[0]]
            left = [pair for i, pair in enumerate(left) if i not in at[:2]] + [moved]
    return tuple(pairs), left


# -- the order of contractions ----------------------------------------------------------------------------


def _contractions(
    left: list[Labels], sizes: dict[int, int], result: Labels
) -> tuple[tuple[Step, ...], Labels]:
    """The steps that bring all operands together, and the last one's subscripts."""
    steps = []
    left = list(left)
    while len(left) > 1:
        i, j = (0, 1) if len(left) == 2 else _cheapest_pair(left, sizes, result)
        zs = _joined(left, i, j, result)
        steps.append(Step(i, j, left[i], left[j], zs))
        left = [labels for k, labels in enumerate(left) if k not in (i, j)] + [zs]
    return tuple(steps), left[0]


def _joined(left: list[Labels], i: int, j: int, result: Labels) -> Labels:
    """The subscripts of a pair's contraction: those still asked for. In the output's own order if it is the
    last.
    """
    both = dict.fromkeys((*left[i], *left[j]))
    if len(left) == 2:
        return tuple(label for label in result if label in both)
    needed = set(result).union(*(left[k] for k in range(len(left)) if k not in (i, j)))
    return tuple(label for label in both if label in needed)


def _cheapest_pair(left: list[Labels], sizes: dict[int, int], result: Labels) -> tuple[int, int]:
    """The first pair of the cheapest order: searched in full for up to five operands, greedily for more."""
    pairs = [(i, j) for j in range(len(left)) for i in range(j)]
    if len(left) > 5:
        return min(pairs, key=lambda pair: _cost(left, *pair, sizes))
    return min(pairs, key=lambda pair: _cost_through(left, *pair, sizes, result))


def _cost(left: list[Labels], i: int, j: int, sizes: dict[int, int]) -> int:
    """Multiplications of one contraction."""
    n = 1
    for label in set(left[i]).union(left[j]):
        n *= sizes[label]
    return n


def _cost_through(left: list[Labels], i: int, j: int, sizes: dict[int, int], result: Labels) -> int:
    """Multiplications of the best way to the end that begins with this pair."""
    here = _cost(left, i, j, sizes)
    rest = [labels for k, labels in enumerate(left) if k not in (i, j)] + [_joined(left, i, j, result)]
    if len(rest) == 1:
        return here
    pairs = [(a, b) for b in range(len(rest)) for a in range(b)]
    return here + min(_cost_through(rest, a, b, sizes, result) for a, b in pairs)
