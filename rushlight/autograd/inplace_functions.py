"""The in-place functions of ops: `add_`, generated from the same declaration as `add`."""

from __future__ import annotations

import functools
import textwrap
from collections.abc import Callable
from typing import Any

import numpy as np

import rushlight.scalar as scalar

from ..arrays.tracing import EAGER
from ..kernels import native
from ..ops.declare import Op
from ..ops.elementwise import Pointwise
from ..ops.frugal import InPlace
from . import inplace, record, writing
from .codegen import Later, compile_text
from .engine import binding
from .fastpath import has_fast_path
from .inference import UNTRACKED
from .signatures import arguments, by_name, literal, parameters, varargs


def inplace_function(op: Op) -> Callable[..., Any]:
    """`add_` as a function."""
    call = _call_of(op)
    return python_function(op) if call is None else call.function()


def inplace_method(op: Op) -> Any:
    """`add_` as a method of Tensor: the Python function while ops are traced (see generate.method)."""
    call = _call_of(op) if EAGER else None
    return python_function(op) if call is None else call.method(binding.tensor)


@functools.cache
def _call_of(op: Op) -> Any:
    """The call in machine code, where there is one: of ops whose result is of their inputs' type."""
    if not isinstance(op, Pointwise) or not has_fast_path(op) or not native.on():
        return None
    if op.expr.kind is scalar.TRUTH:
        return None
    from .calls import machine_call_into

    return machine_call_into(op, python_function(op))


@functools.cache
def python_function(op: Op) -> Callable[..., Any]:
    """`add_`: the op computed and written into its first input, in sight of autograd."""
    x, *rest = op.tensors
    name = f"{op.name}_"
    lines = [f"def {name}({parameters(op, out=False)}):", _GUARD.format(x=x, name=name), *varargs(op)]
    if op.is_view or op.writer is not None:
        return _writing_function(op, name, lines)
    lines += [f"    a_{x} = {x}._a"]
    lines += [f"    a_{n} = {n}._a if {n}.__class__ is Tensor else unwrap({n})" for n in rest]
    tracked = " or ".join([f"{x}._n is not None", *(f"node_of({n}) is not None" for n in rest)])
    lines += [f"    if ({tracked}) and grad_on():"]
    lines += [f"        return recorded({x}, call, dict({by_name(op)}), {name!r})"]
    if isinstance(op, Pointwise) and not op.words:
        values = [f"{x}._a", *(f"a_{n}" for n in rest), *(f"{p.name}={p.name}" for p in op.options)]
        lines += [f"    if EAGER and frugal({', '.join(values)}):"]
        lines += [f"        bump({x}, {name!r})", f"        return {x}"]
    lines += [f"    store({x}, op({arguments(op, 'a_')}), {name!r})", f"    return {x}"]
    fast = _fast_inplace(op)
    if fast:
        lines.insert(2, fast)
    extra = {
        "op": op,
        "call": Later(op, binding.function),
        "unwrap": record.unwrapper(name),
        "store": inplace.store,
    }
    extra |= {"recorded": inplace.recorded, "ufunc": _UFUNCS.get(op.name), "bump": record.bump}
    extra |= {"guard": inplace.guard, "UNTRACKED": UNTRACKED}
    extra |= {"frugal": InPlace(op)} if isinstance(op, Pointwise) else {}
    fn = compile_text("\n".join(lines) + "\n", name, extra)[name]
    fn.__doc__ = f"In-place {op.name}: writes into the tensor and returns it."
    return fn


def _writing_function(op: Op, name: str, lines: list[str]) -> Callable[..., Any]:
    """The in-place form of an op that writes a few elements itself, or of a view, which turns its tensor."""
    x = op.tensors[0]
    if op.is_view:
        call = f"turn({x}, call, ({''.join(f'{p.name}, ' for p in op.options)}), {name!r})"
    else:
        call = f"write(op, call, dict({by_name(op)}), {name!r})"
    extra = {"op": op, "call": Later(op, binding.function), "turn": writing.turn, "write": writing.write}
    extra |= {"guard": inplace.guard, "UNTRACKED": UNTRACKED}
    fn = compile_text(
        "\n".join([*lines[:2], _fast_inplace(op), *lines[2:], f"    return {call}"]) + "\n", name, extra
    )[name]
    fn.__doc__ = f"In-place {op.name}: changes the tensor and returns it."
    return fn


_GUARD = "    if {x}._n is None and ({x}._v is not None or {x}._b is UNTRACKED): guard({x}, {name!r})"

#: pointwise ops that are one NumPy ufunc, for writing in place without a temporary
_UFUNCS = {"add": np.add, "sub": np.subtract, "mul": np.multiply, "div": np.divide}


def _fast_inplace(op: Op) -> str:
    if op.name == "zero":
        return _FAST_ZERO.format(x=op.tensors[0], written=_written(op, 12))
    if op.name not in _UFUNCS:
        return ""
    x, y = op.tensors
    guards = "".join(f" and {p.name} == {literal(p.default)}" for p in op.options if p.name != "alpha")
    scaled = (
        "            if alpha != 1: b = b * constant(d, alpha)\n"
        if any(p.name == "alpha" for p in op.options)
        else ""
    )
    counting = _FAST_COUNT.format(y=y, guards=guards, plain=" and alpha == 1" if scaled else "")
    counting = "" if op.name == "div" else counting
    written = _written(op, 16)
    return _FAST_INPLACE.format(x=x, y=y, guards=guards, written=written, scaled=scaled, counting=counting)


def _written(op: Op, indent: int) -> str:
    """After a write in place: count it, with who did it and where (record.bump inline); return the tensor."""
    text = _WRITTEN.format(x=op.tensors[0], name=f"{op.name}_")
    return textwrap.indent(text, " " * indent)


_WRITTEN = """\
f = getframe(1)
b = {x}._b
if b is None: {x}._b = [1, None, ({name!r}, f.f_code, f.f_lasti)]
else:
    b[0] += 1
    b[2] = ({name!r}, f.f_code, f.f_lasti)
return {x}"""


#: an int64 and a Python int that fits: counters, such as the batches a batch norm has seen
_FAST_COUNT = """
        elif d is i8 and c is int and abs({y}) < 0x80000000 and a.__class__ is ndarray{guards}{plain}:
            b = constant(d, {y})"""


_FAST_INPLACE = """\
    if EAGER and ({x}._n is None or not grad_on()):
        a = {x}._a
        c = {y}.__class__
        d = a.dtype
        b = None
        if (d is f4 or d is f8) and a.__class__ is ndarray{guards}:
            if c is Tensor:
                b = {y}._a
                if b.dtype is not d or b.__class__ is not ndarray: b = None
                elif {y}._n is not None and grad_on(): b = None
            elif c is float or c is int:
                b = constant(d, {y}){counting}
        if b is not None:
{scaled}            try:
                if a.size == 1: a[...] = ufunc(a, b)  # in place, NumPy suspects an overlap: 3 times slower
                else: ufunc(a, b, a)
            except ValueError: pass
            else:
{written}"""


_FAST_ZERO = """\
    if EAGER and ({x}._n is None or not grad_on()) and {x}._a.__class__ is ndarray:
        try: {x}._a.fill(0)
        except ValueError: pass
        else:
{written}"""
