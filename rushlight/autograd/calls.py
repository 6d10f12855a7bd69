"""The plans of calls in machine code: what an op computes, what its node keeps, what goes backward.

Imported when the first op is called, since it brings the code generator with it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import rushlight.scalar as scalar

from ..kernels import gemm_calls, llvm, total, views
from ..ops.declare import Op
from ..ops.elementwise import Pointwise
from . import arrivals, engine, machine
from . import machine_nodes as nodes
from .apart import backward_apart, needed
from .autocast import divert_with_regions
from .codegen import namespace
from .engine import binding, counter, lasting
from .fastpath import module_of
from .inference import _fresh_box
from .machine import Call, CallDivertible, CallInto, CallView
from .mode import _grad
from .recorder import _make_backward, fast_backward, fast_keeps

machine.set_up((binding.tensor, namespace["Parameter"]), counter, _grad, _fresh_box)
engine.arrive = arrivals.builtin(engine.cotangent_sum.head)


def machine_call(op: Pointwise, python: Callable[..., Any], name: str) -> Call:
    """The op's call in machine code; what that does not take goes to its `python` function."""
    records = op.expr.kind is not scalar.TRUTH
    plan = [llvm.symbols["rushlight_make_new"], op.quick.head, id(python), len(op.tensors), records]
    positional = tuple(p.default for p in op.options if p.kind is not p.KEYWORD_ONLY)
    plan += [id(positional), 0]
    backwards = []
    if records:
        one = fast_backward(op, len(op.tensors) == 2)
        plan += _variant(one, fast_keeps(op, len(op.tensors) == 2), (op.tensors[0], "", *op.tensors[1:]))
        two, three = fast_backward(op), fast_backward(op, stretched=True)
        plan += _variant(two, fast_keeps(op), op.tensors)
        plan += _variant(three, (*fast_keeps(op), "shape", "second shape"), op.tensors)
        backwards = [one, two, three]
    plan += [0] * (nodes.WORDS - len(plan))
    return Call(plan, (op.quick, python, positional, backwards), name, module_of(op), op.doc)


def special_call(op: Op, python: Callable[..., Any], replay: Callable[..., Any]) -> Call:
    """The call of an op that has a kernel of its own: the sum of everything, and the commonest views.

    `replay` is what makes the same view of another tensor.
    """
    compute = {"sum": total.address, "view": reshaped, "t": transposed}[op.name]
    keeps = {"sum": ("shape", "dtype", "none", "false"), "view": ("shape",), "t": ()}[op.name]
    rule = op.rule(op.tensors)
    backward = _make_backward(op, op.tensors, rule)
    if op.name == "sum":
        backward = _stretching(backward)
    again = (replay, (), {})
    plan = [compute(), 0, id(python), 1, True, id(()), id(again)]
    plan += [id(backward), 3 + len(keeps), *(nodes.KEPT[k] for k in keeps)]
    plan += [0] * (nodes.WORDS - len(plan))
    kind = CallView if op.is_view else Call
    return kind(plan, (python, backward, again), op.name, module_of(op), op.doc)


#: what the code of products is to know of an op: the rank of its matrices, and whether the second is turned
PRODUCTS = {
    "matmul": 0,
    "mm": 2 * gemm_calls.RANK,
    "bmm": 3 * gemm_calls.RANK,
    "linear": 2 * gemm_calls.RANK | gemm_calls.TURNED_SECOND,
}


def product_call(op: Op, python: Callable[..., Any]) -> CallDivertible:
    """The call of a product of matrices, whose sizes and strides the table of products may know. Python
    makes it while there are regions of autocast.
    """
    backward, asked = backward_apart(op), needed(op)
    codes: dict[str, str] = dict(zip(op.tensors, ("first", "second", "third"), strict=False))
    keeps = [_code_of(codes, name, [codes[by] for by in asking]) for name, asking in asked.items()]
    length = 3 + sum(2 if k in nodes.WIDE else 1 for k in keeps)
    variant = [id(backward), length, *(nodes.KEPT[k] for k in keeps)]
    variant += [0] * (2 + nodes.MOST_KEPT - len(variant))
    plan = [gemm_calls.address(), PRODUCTS[op.name], id(python), len(op.tensors), True, id(()), 0]
    plan += [0] * (nodes.PAIR - len(plan)) + variant + variant
    call = CallDivertible(plan, (python, backward), op.name, module_of(op), op.doc)
    divert_with_regions(call.divert)
    return call


def _code_of(codes: dict[str, str], name: str, asking: list[str]) -> str:
    """The word for something kept: an input, if but one input asks for it, only where that is tracked."""
    if name in codes:
        return f"{codes[name]} for {asking[0]}" if len(asking) == 1 else codes[name]
    base = codes[name.removesuffix("_shape")]
    return "shape" if base == "first" else f"{base} shape"


def _stretching(general: Callable[..., Any]) -> Callable[..., Any]:
    """The backward of a sum of everything: the cotangent stretched, or what `general` makes of it."""
    stretched = views.builtin("stretched")

    def backward(n: list[Any], g: Any) -> Any:
        made = stretched(g, n[3])
        return general(n, g) if made is None else made

    backward.__dict__.update(general.__dict__)
    backward.__name__ = general.__name__
    lasting.add(backward)
    return backward


def reshaped() -> int:
    """Where the code of `view` is."""
    return views.address("reshaped")


def transposed() -> int:
    """Where the code of `t` is."""
    return views.address("transposed")


def machine_call_into(op: Pointwise, python: Callable[..., Any]) -> CallInto:
    """The op's call in place; what that does not take goes to its `python` function."""
    name = f"{op.name}_"
    plan = [llvm.symbols["rushlight_make_into"], op.quick.head, id(python), len(op.tensors), id(name)]
    plan += [0] * (nodes.WORDS - len(plan))
    return CallInto(plan, (op.quick, python, name), name, module_of(op), python.__doc__ or "")


def _variant(backward: Callable[..., Any], keeps: tuple[str, ...], inputs: tuple[str, ...]) -> list[int]:
    """The words for a node with this backward: `inputs` are the names of the first, the second, and a
    number.
    """
    codes = dict(zip(inputs, ("first", "second", "number"), strict=False)) | {"out": "out"}
    kept = [nodes.KEPT[codes.get(n, n)] for n in keeps]
    length = 3 + sum(1 if k >= nodes.KEPT["number"] else 2 for k in kept)
    return [id(backward), length, *kept, *[0] * (nodes.MOST_KEPT - len(kept))]
