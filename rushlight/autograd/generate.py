"""From a declared op to its Tensor-level functions: one straight-line Python function each, in linecache.

The text unwraps the Tensors, runs the op on their arrays, and records a node if an input is tracked.
Pointwise ops of one or two inputs get a fast path in front for float32 and float64 arrays, where the body
stands inline.
"""

from __future__ import annotations

import collections
import functools
import inspect
import sys
import weakref
from collections.abc import Callable
from typing import Any

import numpy as np

from ..arrays.tracing import EAGER
from ..kernels import native
from ..ops.declare import Op, owner_of
from ..ops.elementwise import Pointwise
from . import autocast, inplace, record
from .codegen import Later, compile_text, namespace
from .engine import binding, next_number
from .fastpath import WRAP, fast_names, fast_path, has_fast_path, module_of
from .inplace_functions import inplace_function
from .mode import grad_on
from .recorder import Recorder
from .signatures import arguments, default_of, literal, parameters, varargs

namespace.update(
    {
        # the default of an option that may come under NumPy's name instead
        "REQUIRED": inspect.Parameter.empty,
        **{"ndarray": np.ndarray, "next_number": next_number, "grad_on": grad_on, "new": object.__new__},
        **{"PLAIN": frozenset({np.ndarray, int, float, bool, complex, type(None)}), "owner_of": owner_of},
        "EAGER": EAGER,
        **{"f4": np.dtype(np.float32), "f8": np.dtype(np.float64)},
        **{"i8": np.dtype(np.int64), "finish": record.finish},
        **{"constant": record.constant, "broadcast_error": record.broadcast_error},
        **{"not_a_list": record.not_a_list},
        **{"node_of": record.node, "nodes_of": record.nodes, "ref": weakref.ref},
        "NO_NAMES": {},  # shared, never written to
        **{"operand": record.operand, "OPERANDS": frozenset({int, float, bool, complex})},
        **{"forget_dead": inplace.forget_dead, "getframe": sys._getframe},
        **{"REGIONS": autocast.REGIONS, "region": autocast.region, "recast": autocast.recast},
    }
)


def call_function(op: Op, operator: bool = False) -> Callable[..., Any]:
    """The Tensor-level function of `op`: `torch.add` and `Tensor.add` are this one object.

    As an `operator` (`Tensor.__add__`) it returns NotImplemented for what it does not know, and takes arrays.
    """
    fast = fast_path(op) if isinstance(op, Pointwise) else ""
    head = [f"def call_{op.name}({parameters(op)}):", *varargs(op), *_dtype_of_out(op), fast]
    if operator and len(op.tensors) == 2:
        head.append(_OPERAND.format(y=op.tensors[1]))
    lines = [*head, autocast.autocast_text(op), *_general(op)]
    recorder = Recorder(op)
    extra = {
        "op": op,
        "forward": op.array,
        "saving": op.saving,
        "record": recorder,
        "savers": recorder.savers,
        "unwrap": record.unwrapper(op.name),
    }
    extra |= {
        "save": recorder.save_one,
        "call": Later(op, binding.function),
        "in_place": Later(op, inplace_function),
    }
    if isinstance(op, Pointwise):
        extra |= {"variants": op.variants} | (fast_names(op) if fast else {})
    scope = compile_text("\n".join(filter(None, lines)) + "\n", op.name, extra)
    return _named(scope[f"call_{op.name}"], op)


def _named(fn: Any, op: Op) -> Callable[..., Any]:
    fn.__name__ = fn.__qualname__ = op.name
    fn.__doc__, fn.op = op.doc, op
    fn.__module__ = module_of(op)
    return fn


# -- pieces of text ---------------------------------------------------------------------------------

_OPERAND = """\
    if {y}.__class__ not in OPERANDS:
        {y} = operand({y})
        if {y} is NotImplemented: return NotImplemented"""


def _general(op: Op) -> list[str]:
    """The part that serves every op, dtype and array type."""
    lines = _detours(op)
    for n in op.tensors:
        if n in op.lists:
            lines.append(f"    if {n}.__class__ is Tensor: not_a_list(op.name, {n!r})")
            lines.append(f"    a_{n} = tuple([v._a if v.__class__ is Tensor else unwrap(v) for v in {n}])")
        else:
            lines.append(
                f"    a_{n} = {n}._a if {n}.__class__ is Tensor "
                f"or {n}.__class__ is Parameter else unwrap({n})"
            )
    plain = [
        f"owner_of(a_{n}) is None"
        if n in op.lists
        else f"a_{n}.__class__ {'in PLAIN' if i or default_of(op, n) else 'is ndarray'}"
        for i, n in enumerate(op.tensors)
    ]
    handed = arguments(op, "a_")
    result, call = ("result, saved", "saving") if op.saves else ("result", "op")
    lines += [f"    if {' and '.join(['EAGER', *plain])}: {result} = forward({handed})"]
    lines += [f"    else: {result} = {call}({handed})"]
    lines += ["    if result.__class__ is not ndarray: result = finish(result)"]
    return lines + _recording(op)


def _detours(op: Op) -> list[str]:
    """Leaving early: into the in-place form for `inplace=True`,
    into a variant where an option asks for one.
    """
    lines = []
    if any(p.name == "inplace" for p in op.options):
        arguments = ", ".join(op.tensors) + "".join(
            f", {p.name}={p.name}" for p in op.options if p.name != "inplace"
        )
        lines.append(f"    if inplace: return in_place({arguments})")
    if isinstance(op, Pointwise) and op.words:
        asked = " or ".join(f"{p.name} != {literal(p.default)}" for p in op.words)
        chosen = ", ".join([*op.tensors, *(f"{p.name}={p.name}" for p in op.words)])
        lines.append(f"    if {asked}:")
        lines.append(f"        result = variants({chosen})")
        lines.append(
            "        return "
            f"{'result if out is None else record.into(out, result, ())' if 'o' in op.forms else 'result'}"
        )
    return lines


def _recording(op: Op) -> list[str]:
    """From the arrays to Tensors: `out=`, the node where an input is tracked, the view link."""
    values = ", ".join([*op.tensors, *(p.name for p in op.options), *(["saved"] if op.saves else [])])
    named = _options_kept(op) if op.is_view else ""
    single = len(op.tensors) == 1 and not op.lists and not op.outputs and op.has_derivative
    nodes = [
        f"nodes_of({n})"
        if n in op.lists
        else f"({n}._n if {n}.__class__ is Tensor or {n}.__class__ is Parameter else node_of({n}))"
        for n in op.tensors
    ]
    lines = []
    if "o" in op.forms:
        lines.append(f"    if out is not None: return record.into(out, result, ({', '.join(nodes)},))")
    if single:
        lines += [f"    {WRAP.replace('= r', '= result')}", f"    n = {nodes[0]}"]
        lines.append(f"    if n is not None and grad_on(): t._n = save(t, result, (n,), ({values},))")
        return [
            *lines,
            *(_LINK_VIEW.format(x=op.tensors[0], named=named) if op.is_view else "    return t").split("\n"),
        ]
    if op.tensors and (op.has_derivative if isinstance(op, Pointwise) else op.differentiable):
        lines += [f"    n{i} = {node}" for i, node in enumerate(nodes)]
        lines += _node_of_several([f"n{i}" for i in range(len(nodes))], values, bool(op.outputs))
    if not op.outputs:
        lines += [
            "    if result.__class__ is ndarray:",
            f"        {WRAP.replace('= r', '= result')}",
            "        return t",
        ]
    return [*lines, f"    return record.{'several' if op.outputs else 'plain'}(result)"]


def _options_kept(op: Op) -> str:
    """What a view keeps to be replayed: its options in order, and by name those that were changed."""
    ordered = "".join(f"{p.name}, " for p in op.options if p.kind is not p.KEYWORD_ONLY)
    by_name = [p for p in op.options if p.kind is p.KEYWORD_ONLY]
    asked = " and ".join(f"{p.name} is {literal(p.default)}" for p in by_name)
    named = "{" + ", ".join(f"{p.name!r}: {p.name}" for p in by_name) + "}"
    return f"({ordered}), NO_NAMES" + (f" if {asked} else {named}" if by_name else "")


def _node_of_several(nodes: list[str], values: str, outputs: bool) -> list[str]:
    """Recording for an op of several tensors:
    by the saver for the inputs that are tracked, once there is one.
    """
    lines = [f"    if ({' or '.join(f'{n} is not None' for n in nodes)}) and grad_on():"]
    lines.append(f"        nodes, values = ({', '.join(nodes)},), ({values},)")
    if outputs:
        return [*lines, "        return record(result, nodes, values)"]
    lines.append(f"        save = savers.get(({', '.join(f'{n} is not None' for n in nodes)},))")
    lines.append(
        "        if save is None or result.__class__ is not ndarray: return record(result, nodes, values)"
    )
    return [
        *lines,
        f"        {WRAP.replace('= r', '= result')}",
        "        t._n = save(t, result, nodes, values)",
        "        return t",
    ]


#: a view shares its source's version box, knows how to be replayed on another source, and is known to the box
_LINK_VIEW = """\
    b = {x}._b
    if b is None: b = {x}._b = [0, None, None]
    t._b = b
    t._v = ({x}, call, {named})
    if grad_on():
        live = b[1]
        if live is None: b[1] = [ref(t)]
        else:
            live.append(ref(t))
            k = len(live)
            if k > 63 and not k & (k - 1): forget_dead(live)  # at powers of two: linear time for many views
    return t"""


def _dtype_of_out(op: Op) -> list[str]:
    return ["    if out is not None and dtype is None: dtype = out.dtype"] if op.out_decides_dtype else []


def composite_function(op: Op) -> Callable[..., Any]:
    """A composite without a stated backward: its body on Tensors, `out=` written afterwards."""
    call = arguments(op, "")
    out = (
        "    return result if out is None else record.into(out, result, ())"
        if "o" in op.forms
        else "    return result"
    )
    lines = [
        f"def call_{op.name}({parameters(op)}):",
        *varargs(op),
        *_dtype_of_out(op),
        autocast.autocast_text(op),
        f"    result = body({call})",
        out,
    ]
    text, extra = "\n".join(filter(None, lines)) + "\n", {"body": op.body, "record": Recorder(op)}
    scope = compile_text(text, op.name, extra)
    return _named(scope[f"call_{op.name}"], op)


# -- what tensor.py asks for --------------------------------------------------------------------------


def function(op: Op) -> Callable[..., Any]:
    """The Tensor-level function of any kind of op."""
    call = _call_of(op, False)
    return python_function(op, False) if call is None else call.function()


def method(op: Op, operator: bool = False) -> Any:
    """The method of Tensor, or what Python's operator for `op` calls.

    While ops are traced it is the Python function: machine code would only pass calls on to it.
    """
    call = _call_of(op, operator) if EAGER else None
    return python_function(op, operator) if call is None else call.method(binding.tensor)


@functools.cache
def _call_of(op: Op, operator: bool) -> Any:
    """The op's call in machine code, where there is one."""
    special, product = op.name in ("sum", "view", "t"), op.name in ("mm", "matmul", "bmm", "linear")
    if not (special or product or has_fast_path(op)) or not native.on():
        return None
    from .calls import machine_call, product_call, special_call

    if product:
        return product_call(op, python_function(op, operator))
    if special:
        return special_call(op, python_function(op, operator), Later(op, binding.function))
    assert isinstance(op, Pointwise)
    return machine_call(op, python_function(op, operator), op.name)


@functools.cache
def python_function(op: Op, operator: bool) -> Callable[..., Any]:
    """The function in Python, which knows every case: what machine code leaves the rare ones to."""
    if op.kind == "composite" and op.whole is None and not op.formulas and op.differentiable:
        return composite_function(op)
    if op.kind == "composite" and not op.has_derivative:
        operator = False
    return call_function(op, operator)


_results: dict[str, type] = {}


def result_class(op: Op) -> type:
    """The named tuple an op with several outputs returns: torch.return_types.max(values=..., indices=...)."""
    found = _results.get(op.name)
    if found is None:
        found = collections.namedtuple(op.name.removesuffix("_dim"), op.outputs)
        found.__module__ = "torch.return_types"
        found.__repr__ = _result_repr
        _results[op.name] = found
    return found


def _result_repr(self: Any) -> str:
    fields = ",\n".join(f"{name}={value!r}" for name, value in zip(self._fields, self, strict=True))
    return f"torch.return_types.{type(self).__name__}(\n{fields})"
