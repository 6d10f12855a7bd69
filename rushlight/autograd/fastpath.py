"""The fast path of pointwise ops on one or two Tensors: a call in machine code.

Without machine code it is Python text in which the body, over NumPy's functions, stands inline for one or two
float32 or float64 arrays, and so does the node.
"""

from __future__ import annotations

from typing import Any

import rushlight.dtypes as dtypes
import rushlight.scalar as scalar

from ..arrays import numpy as arrays
from ..kernels import native
from ..ops.declare import Op
from ..ops.elementwise import Pointwise
from .recorder import fast_backward, fast_keeps
from .signatures import literal


def has_fast_path(op: Op) -> bool:
    """Whether calls of an op on one or two ordinary Tensors need nothing but its kernel, and a simple
    node.
    """
    if (
        not isinstance(op, Pointwise)
        or len(op.tensors) > 2
        or op.whole
        or op.formulas
        or "f" not in op.accepts
    ):
        return False
    if len(op.promoted) != len(op.tensors) or any(p.default is p.empty for p in op.options):
        return False
    truth = op.expr.kind is scalar.TRUTH
    if not (op.differentiable or truth) or (truth and op.checks is not None):
        return False
    return op.computes is None or all(op.computes(d) is d for d in (dtypes.float32, dtypes.float64))


def module_of(op: Op) -> str:
    """The namespace a function of the op shows as its own."""
    return "torch" if op.under in ("torch", "Tensor") else f"torch.{op.under}"


def fast_path(op: Pointwise) -> str:
    """The text in front of the general part, or nothing where there is none, or machine code makes the
    call.
    """
    if native.on() or not has_fast_path(op):
        return ""
    inputs: list[str] = list(op.tensors)
    guards = [f" and {p.name} == {literal(p.default)}" for p in op.options]
    guards += [" and out is None"] if "o" in op.forms else []
    parts = {"x": inputs[0], "y": inputs[-1], "guards": "".join(guards), "body": _body(op, "ab")}
    if op.expr.kind is scalar.TRUTH:
        return (_FAST_TRUTH if len(inputs) == 2 else _FAST_TRUTH_UNARY).format(**parts)
    parts["kept"] = _kept(fast_keeps(op))
    if len(inputs) == 1:
        return _FAST_UNARY.format(**parts)
    return _FAST_BINARY.format(kept_one=_kept(fast_keeps(op, True), inputs[-1]), **parts)


def _body(op: Pointwise, names: str) -> str:
    """The folded body over arrays called `a` and `b`, as assignments to `r`."""
    renamed = {scalar.var(n): scalar.var(new) for n, new in zip(op.tensors, names, strict=False)}
    steps, result = scalar.program(scalar.replace(op.folded, renamed))
    return "; ".join([*(f"{name} = {text}" for name, text in steps), f"r = {result}"])


def _kept(keeps: tuple[str, ...], number: str = "") -> str:
    """What follows the three fixed places of the fast path's node."""
    parts = {n: f"{n}, 0 if {n}._b is None else {n}._b[0]" for n in keeps} | {"out": "r, box", number: number}
    return "".join(", " + parts[n] for n in keeps)


def fast_names(op: Pointwise) -> dict[str, Any]:
    """The names that the fast path's text uses: NumPy's functions, its backwards, the options' defaults."""
    if op.expr.kind is scalar.TRUTH:
        return dict(arrays.NAMESPACE)
    names = {
        **arrays.NAMESPACE,
        "backward": fast_backward(op),
        "defaults": tuple(p.default for p in op.options),
    }
    return names | ({"backward_one": fast_backward(op, True)} if len(op.tensors) == 2 else {})


#: how generated code makes an untracked Tensor `t` of the array `r`
WRAP = "t = new(Tensor); t._a = r; t._b = t._n = t._v = None"

_FAST_UNARY = """\
    if {x}.__class__ is Tensor{guards}:
        a = {x}._a
        d = a.dtype
        if a.__class__ is ndarray and (d is f4 or d is f8):
            {body}
            if r.__class__ is not ndarray: r = finish(r)
            WRAP
            n = {x}._n
            if n is not None and grad_on():
                t._b = box = [0, None, None]
                t._n = [next_number(), backward, n{kept}]
            return t""".replace("WRAP", WRAP)

_FAST_BINARY = """\
    c = {y}.__class__
    if (c is Tensor or c is Parameter) and ({x}.__class__ is Tensor or {x}.__class__ is Parameter){guards}:
        a = {x}._a; b = {y}._a
        d = a.dtype
        if d is b.dtype and (d is f4 or d is f8) and a.__class__ is ndarray is b.__class__:
            try: {body}
            except ValueError: broadcast_error(op.name, a, b)
            if r.__class__ is not ndarray: r = finish(r)
            WRAP
            n1 = {x}._n; n2 = {y}._n
            if (n1 is not None or n2 is not None) and grad_on():
                if a.shape != b.shape: return record(r, (n1, n2), ({x}, {y}, *defaults))
                t._b = box = [0, None, None]
                t._n = [next_number(), backward, (n1, n2){kept}]
            return t
    elif (c is float or c is int) and {x}.__class__ is Tensor{guards}:
        a = {x}._a
        d = a.dtype
        if (d is f4 or d is f8) and a.__class__ is ndarray:
            b = constant(d, {y})
            {body}
            if r.__class__ is not ndarray: r = finish(r)
            WRAP
            n = {x}._n
            if n is not None and grad_on():
                t._b = box = [0, None, None]
                t._n = [next_number(), backward_one, n{kept_one}]
            return t""".replace("WRAP", WRAP)

#: comparisons: nothing to record
_FAST_TRUTH_UNARY = """\
    if {x}.__class__ is Tensor{guards}:
        a = {x}._a
        d = a.dtype
        if a.__class__ is ndarray and (d is f4 or d is f8):
            {body}
            if r.__class__ is not ndarray: r = finish(r)
            WRAP
            return t""".replace("WRAP", WRAP)

_FAST_TRUTH = """\
    c = {y}.__class__
    if c is Tensor and {x}.__class__ is Tensor{guards}:
        a = {x}._a; b = {y}._a
        d = a.dtype
        if d is b.dtype and (d is f4 or d is f8 or d is i8) and a.__class__ is ndarray is b.__class__:
            try: {body}
            except ValueError: broadcast_error(op.name, a, b)
            if r.__class__ is not ndarray: r = finish(r)
            WRAP
            return t
    elif (c is float or c is int) and {x}.__class__ is Tensor{guards}:
        a = {x}._a
        d = a.dtype
        if (d is f4 or d is f8) and a.__class__ is ndarray:
            b = constant(d, {y})
            {body}
            if r.__class__ is not ndarray: r = finish(r)
            WRAP
            return t""".replace("WRAP", WRAP)
