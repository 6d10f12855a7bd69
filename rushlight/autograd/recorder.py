"""Recording: for each op and set of tracked inputs, a generated pair of functions,
one keeps and one goes backward.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

from numpy import ndarray

import rushlight.scalar as scalar

from ..arrays import numpy as arrays
from ..arrays.programs import Program
from ..kernels import native
from ..ops.declare import Op, Rule
from ..ops.elementwise import Pointwise, tensor_namespace
from . import record
from .codegen import compile_text
from .engine import binding, lasting, next_number, select_backward
from .inplace import write_out

_DERIVED = ("_shape", "_dtype")


class Recorder:
    """Makes the result Tensor of an op and the node behind it. One per op;
    pairs are generated on first use.
    """

    __slots__ = ("op", "savers")

    def __init__(self, op: Op) -> None:
        self.op = op
        self.savers: dict[tuple[bool, ...], Callable[..., Any]] = {}

    def __call__(self, out: Any, nodes: tuple[Any, ...], values: tuple[Any, ...]) -> Any:
        """The Tensor(s) of array(s) `out`; `nodes` of the tensor parameters,
        `values` of all parameters in order.
        """
        key = tuple([n is not None for n in nodes])
        if out.__class__ is not ndarray:
            nodes = record.gather_batches(out, nodes, values)
        save = self.savers.get(key)
        if save is None:
            save = self.savers[key] = _make_saver(self.op, key)
        if self.op.outputs or out.__class__ is tuple:
            return _save_many(self.op, save, out, nodes, values)
        t = binding.wrap(out)
        t._n = save(t, out, nodes, values)
        return t

    plain = staticmethod(record.plain)

    def several(self, out: tuple[Any, ...]) -> Any:
        """The untracked Tensors of several results, as the named tuple the user gets."""
        return binding.bundle(self.op, list(map(binding.wrap, out)))

    def save_one(self, t: Any, out: Any, nodes: tuple[Any, ...], values: tuple[Any, ...]) -> Any:
        """The node of an op whose one tensor input is tracked."""
        if out.__class__ is not ndarray:
            nodes = record.gather_batches(out, nodes, values)
        save = self.savers.get((True,))
        if save is None:
            save = self.savers[(True,)] = _make_saver(self.op, (True,))
        return save(t, out, nodes, values)

    def into(self, out: Any, result: Any, nodes: tuple[Any, ...]) -> Any:
        """Write `result` into `out=`; a tuple into a tuple."""
        return write_out(self.op.name, out, result, nodes)


def _save_many(op: Op, save: Callable[..., Any], out: tuple[Any, ...], nodes: Any, values: Any) -> Any:
    """Several outputs: one common node, and a selecting node for each output that can carry a gradient."""
    tensors = [binding.wrap(a) for a in out]
    common = save(tensors, out, nodes, values)
    for i, (t, array) in enumerate(zip(tensors, out, strict=True)):
        if array.dtype.kind in "fcV" and not (op.constants and op.outputs[i] in op.constants):
            t._n = [next_number(), select_backward, common, i]
    return binding.bundle(op, tensors)


def _names(op: Op) -> list[str]:
    return [*op.tensors, *(p.name for p in op.options), *(["saved"] if op.saves else [])]


def _make_saver(op: Op, key: tuple[bool, ...]) -> Callable[..., Any]:
    tracked = tuple(n for n, used in zip(op.tensors, key, strict=True) if used)
    rule = op.rule(tracked)
    backward = _make_backward(op, tracked, rule)
    at = [op.tensors.index(n) for n in tracked]
    inputs = f"nodes[{at[0]}]" if len(at) == 1 else f"({', '.join(f'nodes[{i}]' for i in at)})"
    parts = ["next_number()", "backward", inputs, *(_save_text(op, n) for n in rule.keeps)]
    if isinstance(op, Pointwise) and not op.formulas:
        parts += [f"{n}._a.shape, {n}._a.dtype" for n in tracked]
    if op.outputs:
        parts.append(_protos_text(op))
    box = "    t._b = box = [0, None, None]\n" if "out" in rule.keeps and not op.outputs else ""
    if any(n in op.outputs for n in rule.keeps):
        box = "    boxes = [[0, None, None] for _ in t]\n    for i, x in enumerate(t): x._b = boxes[i]\n"
    text = (
        f"def save(t, out, nodes, values):\n    {', '.join(_names(op))}, "
        f"= values\n{box}    node = [{', '.join(parts)}]\n    return node\n"
    )
    scope = compile_text(text, f"{op.name} save", {"backward": backward, "version": record.version})
    return scope["save"]


def _protos_text(op: Op) -> str:
    """Shape and dtype of each output, whose cotangent is zeros where none arrives; None for constants."""
    if not op.constants:
        return "tuple([(a.shape, a.dtype) if a.dtype.kind in 'fcV' else None for a in out])"
    carry = tuple(name not in op.constants for name in op.outputs)
    return (
        f"tuple([(a.shape, a.dtype) if c and a.dtype.kind in 'fcV' else None for a, c in zip(out, {carry})])"
    )


def _save_text(op: Op, name: str) -> str:
    if name == "out":
        return "out, box"
    if name in op.outputs:
        i = op.outputs.index(name)
        return f"out[{i}], boxes[{i}]"
    if name in op.tensors:
        quick = f"(0 if {name}._b is None else {name}._b[0])"
        return (
            f"{name}, {quick} if {name}.__class__ is Tensor or "
            f"{name}.__class__ is Parameter else version({name})"
        )
    base, _, what = name.rpartition("_")
    if f"_{what}" in _DERIVED and base in op.tensors:
        return f"{base}._a.{what}" if base not in op.lists else f"[x._a.{what} for x in {base}]"
    return name


def _make_backward(op: Op, tracked: tuple[str, ...], rule: Rule) -> Callable[..., Any]:
    """backward(n, g) on raw arrays, and its twin on Tensors as `.on_tensors`."""
    text = _backward_text(op, tracked, rule)
    name = backward_name(op)
    scope = {"run": rule.on_arrays, "kept": record.kept, "kept_output": record.kept_output, "fit": record.fit}
    scope |= {"parts": record.all_parts, "changed": record.changed}
    made = compile_text(text, f"{op.name} backward", scope)["backward"]
    twin_scope = {
        "run": rule.on_tensors,
        "kept": record.kept_tensor,
        "kept_output": record.kept_output_tensor,
    }
    twin_text = _backward_text(op, tracked, rule, twin=True)
    twin = compile_text(twin_text, f"{op.name} backward on tensors", scope | twin_scope)["backward"]
    made.on_tensors, made.__name__, twin.__name__ = twin, name, name
    made.op = op
    made.tracked, made.kept_names = tracked, [n for name in rule.keeps for n in _places(op, name)]
    if not any(n in ("out", "saved") or n in op.tensors or n in op.outputs for n in rule.keeps):
        lasting.add(made)
    return made


def _places(op: Op, name: str) -> list[str]:
    """The places that a kept value takes in a node: a tensor stands with its version."""
    return [name, f"v_{name}"] if name == "out" or name in op.outputs or name in op.tensors else [name]


def backward_name(op: Op) -> str:
    """AddBackward0: what `grad_fn` shows."""
    return "".join(part[:1].upper() + part[1:] for part in op.name.split("_")) + "Backward0"


def _backward_text(op: Op, tracked: tuple[str, ...], rule: Rule, twin: bool = False) -> str:
    names, checks = [], []
    for n in rule.keeps:
        if n == "out" or n in op.outputs:
            names.append(f"{n}, b_{n}")
            where = f", n, {op.outputs.index(n)}" if twin and n != "out" else ", n" if twin else ""
            checks.append(f"    {n} = kept_output({n}, b_{n}, {op.name!r}{where})\n")
        elif n in op.tensors:
            names.append(f"{n}, v_{n}")
            checks.append(
                f"    if v_{n}.__class__ is not int: {n} = kept({n}, v_{n}, {op.name!r}, {n!r})\n    else:\n"
            )
            checks += [f"{line}\n" for line in unchanged(op, n, " " * 8)]
            checks.append("" if twin else f"        {n} = {n}._a\n")
        else:
            names.append(n)
    fitted = isinstance(op, Pointwise) and not op.formulas
    if fitted:
        names += [f"shape_{n}, dtype_{n}" for n in tracked]
    if op.outputs:
        names.append("protos")
        checks.append("    g = parts(g, protos)\n")
    head = f"    {', '.join(['_', '_', '_', *names])}, = n\n" if names else ""
    call = f"run({', '.join(['g', *rule.keeps])})"
    text = f"def backward(n, g):\n{head}{''.join(checks)}"
    if not fitted:
        return text + f"    return {call}\n"
    if len(tracked) == 1:
        return text + f"    return fit({call}, shape_{tracked[0]}, dtype_{tracked[0]})\n"
    fits = ", ".join(f"fit(r[{i}], shape_{n}, dtype_{n})" for i, n in enumerate(tracked))
    return text + f"    r = {call}\n    return {fits}\n"


# -- the fast path's backward --------------------------------------------------------------------------
# Same shapes, one floating type, each input's formula only if that input is tracked.


def fast_backward(op: Pointwise, numbers: bool = False, stretched: bool = False) -> Callable[..., Any]:
    """backward(n, g) for nodes made by the fast path of a one- or two-input op.

    `numbers`: the second was a number; `stretched`: the two were of different shapes, which end the node.
    """
    tracked = op.tensors[:1] if numbers else op.tensors
    partials = [scalar.real(p) for p in op.gradient(tracked, folded=True).values()]
    label = f"{op.name} fast backward"
    shared = {"changed": record.changed, "relink": record.kept_output_tensor, "fit": record.fit}

    def variant(mode: str, names: dict[str, Any]) -> Callable[..., Any]:
        text = _fast_text(op, tracked, numbers, mode, stretched and len(tracked) > 1)
        return compile_text(text, f"{label} on {mode}", {**names, **shared})["backward"]

    foreign = _OnFirstCall(lambda: variant("foreign", tensor_namespace(partials)))
    slopes = {f"slope_{n}": _slope(op, n).new for n in tracked} if native.on() else {}
    made = variant("arrays", {**arrays.NAMESPACE, "foreign": foreign, **slopes})
    made.on_tensors = _OnFirstCall(lambda: variant("tensors", tensor_namespace(partials)))
    made.__name__ = made.on_tensors.__name__ = backward_name(op)
    return made


def _slope(op: Pointwise, name: str) -> Program:
    """The cotangent of one input, of the incoming one and what the fast path keeps."""
    partial = scalar.real(op.gradient([name], folded=True)[name])
    return Program(partial, _slope_names(partial), f"{op.name} backward", kinds="f")


def _slope_names(partial: scalar.Expr) -> list[str]:
    return sorted(scalar.free_names(partial))


class _OnFirstCall:
    """A function compiled when it is first called."""

    __name__: str

    def __init__(self, make: Callable[[], Callable[..., Any]]) -> None:
        self.make = cache(make)

    def __call__(self, n: list[Any], g: Any) -> Any:
        return self.make()(n, g)


def fast_keeps(op: Pointwise, numbers: bool = False) -> tuple[str, ...]:
    """What the fast path's node holds, in order."""
    tracked = op.tensors[:1] if numbers else op.tensors
    partials = op.gradient(tracked, folded=True).values()
    return tuple(sorted(scalar.free_names(*map(scalar.real, partials)) - {"g"}))


def _fast_text(op: Pointwise, tracked: tuple[str, ...], numbers: bool, mode: str, stretched: bool) -> str:
    """Source of backward(n, g) on raw "arrays", on "tensors",
    or on "foreign" arrays (by ops, but not recorded).
    """
    keeps = fast_keeps(op, numbers)
    plain = op.tensors[1:] if numbers else ()
    names = [n if n in plain else f"{n}, v_{n}" for n in keeps] + ["shape1", "shape2"] * stretched
    if names or len(tracked) > 1:
        nodes = "_" if len(tracked) == 1 else "(n1, n2)"
        lines = [f"    {', '.join(['_', '_', nodes, *names])}{',' if not names else ''} = n"]
        if not names:
            lines = ["    n1, n2 = n[2]"]
    else:
        lines = []
    partials = map(scalar.real, op.gradient(tracked, folded=True).values())
    if mode == "arrays" and not all(_only_operators(p) for p in partials):
        lines.insert(0, "    if g.__class__ is not ndarray and hasattr(g, '__op__'): return foreign(n, g)")
    if len(tracked) == 1:
        lines += _fast_partial(op, tracked[0], plain, "return ", "", mode)
    else:
        for i, n in enumerate(tracked, 1):
            lines += [f"    r{i} = None", f"    if n{i} is not None:"]
            lines += _fast_partial(op, n, plain, f"r{i} = ", "    ", mode)
            if stretched:
                fitted = f"fit(r{i}, shape{i}, {_STORAGE[mode].format(i)})"
                lines += [f"        if r{i}.shape != shape{i}: r{i} = {fitted}"]
        lines.append("    return r1, r2")
    return "def backward(n, g):\n" + "\n".join(lines) + "\n"


#: the NumPy dtype of a cotangent
_STORAGE = {"arrays": "r{0}.dtype", "foreign": "r{0}.dtype", "tensors": "r{0}._a.dtype"}


def _only_operators(e: scalar.Expr) -> bool:
    return all(x.fn.infix or x.fn in (scalar.VAR, scalar.CONST) for x in scalar.nodes(e))


def unchanged(op: Op, name: str, indent: str) -> list[str]:
    """Lines that raise where the Tensor kept as `name` is not as it was in its version `v_name`."""
    told = f"changed({op.name!r}, {name!r}, b)"
    return [f"{indent}b = {name}._b", f"{indent}if b is not None and b[0] != v_{name}: {told}"]


def _fast_partial(
    op: Pointwise, name: str, plain: tuple[str, ...], assign: str, indent: str, mode: str
) -> list[str]:
    partial = scalar.real(op.gradient([name], folded=True)[name])
    used = sorted(scalar.free_names(partial) - {"g", *plain})
    lines = []
    for n in used:
        if n == "out":
            lines.append(f"    if v_out[0]: changed({op.name!r}, 'out', v_out)")
        else:
            lines += unchanged(op, n, "    ")
    renamed = {scalar.var(n): scalar.var(f"a_{n}") for n in used}
    for n in used:
        if n == "out":
            lines.append(
                f"    a_out = {f'relink(out, v_out, {op.name!r}, n)' if mode == 'tensors' else 'out'}"
            )
        else:
            lines.append(f"    a_{n} = {n}" + ("" if mode == "tensors" else "._a"))
    steps, body = scalar.program(scalar.replace(partial, renamed))
    by_numpy = [f"{t} = {text}" for t, text in steps] + [f"r = {body}"]
    if mode == "arrays" and not _only_operators(partial):
        numbers = [n for n in plain if n in scalar.free_names(partial)]
        by_numpy[:0] = [f"{n} = constant(g.dtype, {n})" for n in numbers]
    if mode == "arrays" and native.on() and partial.fn is not scalar.VAR:
        given = ", ".join(f"a_{n}" if n in used else n for n in _slope_names(partial))
        lines += [f"    r = slope_{name}({given})", "    if r is None:"]
        by_numpy = [f"    {line}" for line in by_numpy]
    lines += [f"    {line}" for line in by_numpy] + [f"    {assign}r"]
    return [indent + line for line in lines]
