"""From a declared op to its Tensor-level functions: one straight-line Python function each, in linecache.

The text unwraps the Tensors, runs the op on their arrays, and records a node if an input is tracked. Pointwise ops of
one or two inputs get a fast path in front for float32 and float64 arrays, where the body stands inline.
"""

from __future__ import annotations

import collections
import inspect
import sys
import weakref
from collections.abc import Callable
from typing import Any

import numpy as np

from .. import dtypes, scalar
from ..arrays import numpy as arrays
from ..ops.declare import Op, owner_of
from ..ops.elementwise import Pointwise
from ..ops.frugal import InPlace
from . import inplace, record, writing
from .codegen import compile_text, namespace
from .engine import binding, next_number
from .mode import grad_on
from .recorder import Recorder, fast_backward, fast_keeps

namespace.update(
    {
        "REQUIRED": inspect.Parameter.empty,  # the default of an option that may come under NumPy's name instead
        **{"ndarray": np.ndarray, "next_number": next_number, "grad_on": grad_on, "new": object.__new__},
        **{"PLAIN": frozenset({np.ndarray, int, float, bool, complex, type(None)}), "owner_of": owner_of},
        **{"f4": np.dtype(np.float32), "f8": np.dtype(np.float64), "finish": record.finish},
        **{"constant": record.constant, "broadcast_error": record.broadcast_error},
        **{"not_a_list": record.not_a_list},
        **{"node_of": record.node, "nodes_of": record.nodes, "ref": weakref.ref, "forget_dead": inplace.forget_dead, "getframe": sys._getframe},
    }
)


def call_function(op: Op) -> Callable[..., Any]:
    """The Tensor-level function of `op`: `torch.add`, `Tensor.add`, `Tensor.__add__` are this one object."""
    fast = _fast_path(op) if isinstance(op, Pointwise) else ""
    lines = [f"def call_{op.name}({_parameters(op)}):", *_varargs(op), *_dtype_of_out(op), fast, *_general(op)]
    recorder = Recorder(op)
    extra = {"op": op, "forward": op.array, "record": recorder, "savers": recorder.savers, "unwrap": record.unwrapper(op.name)}
    extra |= {"save": recorder.save_one, "call": _Later(op), "in_place": _Later(op, inplace_function)}
    if isinstance(op, Pointwise):
        extra |= {"variants": op.variants} | (_fast_names(op) if fast else {})
    scope = compile_text("\n".join(filter(None, lines)) + "\n", op.name, extra)
    return _named(scope[f"call_{op.name}"], op)


def _named(fn: Any, op: Op) -> Callable[..., Any]:
    fn.__name__ = fn.__qualname__ = op.name
    fn.__doc__, fn.op = op.doc, op
    fn.__module__ = "torch" if op.under in ("torch", "Tensor") else f"torch.{op.under}"
    return fn


# -- pieces of text ---------------------------------------------------------------------------------


def _parameters(op: Op, out: bool = True) -> str:
    ahead = [p for p in op.signature.parameters.values() if p.kind is p.POSITIONAL_ONLY]
    parts = [f"*args_{p.name}" if _takes_varargs(p) else p.name + _default_of(op, p.name) for p in ahead]
    keyword_only = any(map(_takes_varargs, ahead))
    parts += [f"{p.name}=None" for p in ahead if _takes_varargs(p)]
    for p in op.options:
        if p in ahead:
            continue
        if p.annotation in ("Varargs", "VarInts") or "Varargs" in str(p.annotation):
            parts += [f"*args_{p.name}", f"{p.name}=None"]
            keyword_only = True
            continue
        if p.kind is p.KEYWORD_ONLY and not keyword_only:
            parts.append("*")
            keyword_only = True
        required = "=REQUIRED" if p.name in _numpy_names(op) else ""
        parts.append(p.name + (required if p.default is p.empty else f"={_literal(p.default)}"))
    last = (["out=None"] if out and "o" in op.forms else []) + [f"{n}=None" for n in _numpy_names(op).values()]
    return ", ".join(parts + (["*"] if last and not keyword_only else []) + last)


def _numpy_names(op: Op) -> dict[str, str]:
    """NumPy's names that PyTorch takes for an option too: {"dim": "axis", "keepdim": "keepdims"} or part of it."""
    names = [p.name for p in op.options if p.kind is not p.POSITIONAL_ONLY]
    required = [p.name for p in op.options if p.default is p.empty and p.kind is p.POSITIONAL_OR_KEYWORD]
    if "dim" not in names or ("dim" in required and required[-1] != "dim"):
        return {}
    return {ours: numpys for ours, numpys in (("dim", "axis"), ("keepdim", "keepdims")) if ours in names}


def _numpy_values(op: Op) -> list[str]:
    """Statements that take over what was given under NumPy's names."""
    lines = [f"    if {numpys} is not None: {ours} = {numpys}" for ours, numpys in _numpy_names(op).items()]
    if lines and op.signature.parameters["dim"].default is inspect.Parameter.empty:
        lines.append(f"    if dim is REQUIRED: raise TypeError(\"{op.name}() missing 1 required argument: 'dim'\")")
    return lines


def _default_of(op: Op, name: str) -> str:
    default = op.signature.parameters[name].default
    return "" if default is inspect.Parameter.empty else f"={_literal(default)}"


def _literal(value: Any) -> str:
    return f"float({str(value)!r})" if isinstance(value, float) and abs(value) == float("inf") else repr(value)


def _varargs(op: Op) -> list[str]:
    names = [p.name for p in op.signature.parameters.values() if _takes_varargs(p)]
    lines = [
        f"    if {n} is None: {n} = args_{n}[0] if len(args_{n}) == 1 and args_{n}[0].__class__ is not int else args_{n}"
        for n in names
    ]
    lists = [n for n in names if n in op.lists and op.kind != "composite"]
    lines += [f"    if {n}.__class__ is not tuple and {n}.__class__ is not list: {n} = ({n},)" for n in lists]
    return lines + _numpy_values(op)


def _takes_varargs(p: inspect.Parameter) -> bool:
    """Whether a parameter may be given as several arguments; a list of tensors too (`Sequence[Array] | Varargs`)."""
    return "Varargs" in str(p.annotation)


def _arguments(op: Op, prefix: str) -> str:
    """A call's arguments in the body's order, tensors under a prefix."""
    parts = []
    for p in op.signature.parameters.values():
        keyword = f"{p.name}=" if p.kind is p.KEYWORD_ONLY else ""
        parts.append(f"{prefix}{p.name}" if p.name in op.tensors else f"{keyword}{p.name}")
    return ", ".join(parts)


def _general(op: Op) -> list[str]:
    """The part that serves every op, dtype and array type."""
    lines = _detours(op)
    for n in op.tensors:
        if n in op.lists:
            lines.append(f"    if {n}.__class__ is Tensor: not_a_list(op.name, {n!r})")
            lines.append(f"    a_{n} = tuple([v._a if v.__class__ is Tensor else unwrap(v) for v in {n}])")
        else:
            lines.append(f"    a_{n} = {n}._a if {n}.__class__ is Tensor or {n}.__class__ is Parameter else unwrap({n})")
    plain = [
        f"owner_of(a_{n}) is None"
        if n in op.lists
        else f"a_{n}.__class__ {'in PLAIN' if i or _default_of(op, n) else 'is ndarray'}"
        for i, n in enumerate(op.tensors)
    ]
    arguments = _arguments(op, "a_")
    result, unsaved = ("result, saved", ", None") if op.saves else ("result", "")
    lines += [f"    if {' and '.join(plain) or 'True'}: {result} = forward({arguments})"]
    lines += [f"    else: {result} = op({arguments}){unsaved}"]
    lines += ["    if result.__class__ is not ndarray: result = finish(result)"]
    return lines + _recording(op)


def _detours(op: Op) -> list[str]:
    """Leaving early: into the in-place form for `inplace=True`, into a variant where an option asks for one."""
    lines = []
    if any(p.name == "inplace" for p in op.options):
        arguments = ", ".join(op.tensors) + "".join(f", {p.name}={p.name}" for p in op.options if p.name != "inplace")
        lines.append(f"    if inplace: return in_place({arguments})")
    if isinstance(op, Pointwise) and op.words:
        asked = " or ".join(f"{p.name} != {_literal(p.default)}" for p in op.words)
        chosen = ", ".join([*op.tensors, *(f"{p.name}={p.name}" for p in op.words)])
        lines.append(f"    if {asked}:")
        lines.append(f"        result = variants({chosen})")
        lines.append(f"        return {'result if out is None else record.into(out, result, ())' if 'o' in op.forms else 'result'}")
    return lines


def _recording(op: Op) -> list[str]:
    """From the arrays to Tensors: `out=`, the node where an input is tracked, the view link."""
    values = ", ".join([*op.tensors, *(p.name for p in op.options), *(["saved"] if op.saves else [])])
    single = len(op.tensors) == 1 and not op.lists and not op.outputs and op.has_derivative
    nodes = [f"nodes_of({n})" if n in op.lists else f"({n}._n if {n}.__class__ is Tensor or {n}.__class__ is Parameter else node_of({n}))" for n in op.tensors]
    lines = []
    if "o" in op.forms:
        lines.append(f"    if out is not None: return record.into(out, result, ({', '.join(nodes)},))")
    if single:
        lines += [f"    {_WRAP.replace('= r', '= result')}", f"    n = {nodes[0]}"]
        lines.append(f"    if n is not None and grad_on(): t._n = save(t, result, (n,), ({values},))")
        return [*lines, *(_LINK_VIEW.format(x=op.tensors[0], values=values) if op.is_view else "    return t").split("\n")]
    if op.tensors and (op.has_derivative if isinstance(op, Pointwise) else op.differentiable):
        lines += [f"    n{i} = {node}" for i, node in enumerate(nodes)]
        lines += _node_of_several([f"n{i}" for i in range(len(nodes))], values, bool(op.outputs))
    if not op.outputs:
        lines += ["    if result.__class__ is ndarray:", f"        {_WRAP.replace('= r', '= result')}", "        return t"]
    return [*lines, f"    return record.{'several' if op.outputs else 'plain'}(result)"]


def _node_of_several(nodes: list[str], values: str, outputs: bool) -> list[str]:
    """Recording for an op of several tensors: by the saver for the inputs that are tracked, once there is one."""
    lines = [f"    if ({' or '.join(f'{n} is not None' for n in nodes)}) and grad_on():"]
    lines.append(f"        nodes, values = ({', '.join(nodes)},), ({values},)")
    if outputs:
        return [*lines, "        return record(result, nodes, values)"]
    lines.append(f"        save = savers.get(({', '.join(f'{n} is not None' for n in nodes)},))")
    lines.append("        if save is None or result.__class__ is not ndarray: return record(result, nodes, values)")
    return [*lines, f"        {_WRAP.replace('= r', '= result')}", "        t._n = save(t, result, nodes, values)", "        return t"]


#: a view shares its source's version box, knows how to be replayed on another source, and is known to the box
_LINK_VIEW = """\
    b = {x}._b
    if b is None: b = {x}._b = [0, None, None]
    t._b = b
    t._v = ({x}, call, ({values},))
    if grad_on():
        live = b[1]
        if live is None: b[1] = [ref(t)]
        else:
            live.append(ref(t))
            k = len(live)
            if k > 63 and not k & (k - 1): forget_dead(live)  # at powers of two: many live views cost linear time
    return t"""


def _dtype_of_out(op: Op) -> list[str]:
    return ["    if out is not None and dtype is None: dtype = out.dtype"] if op.out_decides_dtype else []


def composite_function(op: Op) -> Callable[..., Any]:
    """A composite without a stated backward: its body on Tensors, `out=` written afterwards."""
    call = _arguments(op, "")
    out = "    return result if out is None else record.into(out, result, ())" if "o" in op.forms else "    return result"
    lines = [f"def call_{op.name}({_parameters(op)}):", *_varargs(op), *_dtype_of_out(op), f"    result = body({call})", out]
    scope = compile_text("\n".join(lines) + "\n", op.name, {"body": op.body, "record": Recorder(op)})
    return _named(scope[f"call_{op.name}"], op)


# -- the fast path of pointwise ops -----------------------------------------------------------------


def _fast_path(op: Pointwise) -> str:
    """The text in front of the general part, or nothing where the op has no fast path."""
    inputs = op.tensors
    if len(inputs) > 2 or op.whole or op.formulas or op.expr.kind is scalar.TRUTH or "f" not in op.accepts:
        return ""
    if len(op.promoted) != len(inputs) or any(p.default is p.empty for p in op.options):
        return ""
    if not op.differentiable:
        return ""
    if op.computes is not None and any(op.computes(d) is not d for d in (dtypes.float32, dtypes.float64)):
        return ""
    guards = [f" and {p.name} == {_literal(p.default)}" for p in op.options]
    guards += [" and out is None"] if "o" in op.forms else []
    parts = {"x": inputs[0], "guards": "".join(guards), "body": _body(op, "ab"), "kept": _kept(fast_keeps(op))}
    if len(inputs) == 1:
        return _FAST_UNARY.format(**parts)
    return _FAST_BINARY.format(y=inputs[1], kept_one=_kept(fast_keeps(op, True), inputs[1]), **parts)


def _body(op: Pointwise, names: str) -> str:
    """The folded body over arrays called `a` and `b`, as assignments to `r`."""
    renamed = {scalar.var(n): scalar.var(new) for n, new in zip(op.tensors, names, strict=False)}
    steps, result = scalar.program(scalar.replace(op.folded, renamed))
    return "; ".join([*(f"{name} = {text}" for name, text in steps), f"r = {result}"])


def _kept(keeps: tuple[str, ...], number: str = "") -> str:
    """What follows the three fixed places of the fast path's node."""
    parts = {n: f"{n}, 0 if {n}._b is None else {n}._b[0]" for n in keeps} | {"out": "r, box", number: number}
    return "".join(", " + parts[n] for n in keeps)


def _fast_names(op: Pointwise) -> dict[str, Any]:
    names = {**arrays.NAMESPACE, "backward": fast_backward(op), "defaults": tuple(p.default for p in op.options)}
    return names | ({"backward_one": fast_backward(op, True)} if len(op.tensors) == 2 else {})


_WRAP = "t = new(Tensor); t._a = r; t._b = t._n = t._v = None"

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
            return t""".replace("WRAP", _WRAP)

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
            return t""".replace("WRAP", _WRAP)


# -- what tensor.py asks for --------------------------------------------------------------------------


def function(op: Op) -> Callable[..., Any]:
    """The Tensor-level function of any kind of op."""
    if op.kind == "composite" and op.whole is None and not op.formulas and op.differentiable:
        return composite_function(op)
    return call_function(op)


def inplace_function(op: Op) -> Callable[..., Any]:
    """`add_`: the op computed and written into its first input, in sight of autograd."""
    x, *rest = op.tensors
    name = f"{op.name}_"
    lines = [f"def {name}({_parameters(op, out=False)}):", *_varargs(op)]
    if op.is_view or op.writer is not None:
        return _writing_function(op, name, lines)
    lines += [f"    a_{x} = {x}._a"]
    lines += [f"    a_{n} = {n}._a if {n}.__class__ is Tensor else unwrap({n})" for n in rest]
    tracked = " or ".join([f"{x}._n is not None", *(f"node_of({n}) is not None" for n in rest)])
    lines += [f"    if ({tracked}) and grad_on():"]
    lines += [f"        return recorded({x}, call, dict({_by_name(op)}), {name!r})"]
    if isinstance(op, Pointwise) and not op.words:
        lines += [f"    if frugal({x}._a{''.join(f', a_{n}' for n in rest)}{''.join(f', {p.name}={p.name}' for p in op.options)}):"]
        lines += [f"        bump({x}, {name!r})", f"        return {x}"]
    lines += [f"    store({x}, op({_arguments(op, 'a_')}), {name!r})", f"    return {x}"]
    fast = _fast_inplace(op)
    if fast:
        lines.insert(1, fast)
    extra = {"op": op, "call": _Later(op), "unwrap": record.unwrapper(name), "store": inplace.store}
    extra |= {"recorded": inplace.recorded, "ufunc": _UFUNCS.get(op.name), "bump": record.bump}
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
        call = f"write(op, call, dict({_by_name(op)}), {name!r})"
    extra = {"op": op, "call": _Later(op), "turn": writing.turn, "write": writing.write}
    fn = compile_text("\n".join([lines[0], _fast_inplace(op), *lines[1:], f"    return {call}"]) + "\n", name, extra)[name]
    fn.__doc__ = f"In-place {op.name}: changes the tensor and returns it."
    return fn


class _Later:
    """A function of an op, generated when it is first called."""

    def __init__(self, op: Op, make: Callable[[Op], Callable[..., Any]] | None = None) -> None:
        self.op, self.make, self.made = op, make, None

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        if self.made is None:
            self.made = (self.make or binding.function)(self.op)
        return self.made(*args, **kwargs)


def _by_name(op: Op) -> str:
    return ", ".join(f"{name}={name}" for name in op.signature.parameters)


#: pointwise ops that are one NumPy ufunc, for writing in place without a temporary
_UFUNCS = {"add": np.add, "sub": np.subtract, "mul": np.multiply, "div": np.divide}


def _fast_inplace(op: Op) -> str:
    if op.name == "zero":
        return _FAST_ZERO.format(x=op.tensors[0])
    if op.name not in _UFUNCS:
        return ""
    x, y = op.tensors
    guards = "".join(f" and {p.name} == {_literal(p.default)}" for p in op.options if p.name != "alpha")
    scaled = "            if alpha != 1: b = b * constant(d, alpha)\n" if any(p.name == "alpha" for p in op.options) else ""
    return _FAST_INPLACE.format(x=x, y=y, guards=guards, name=f"{op.name}_", scaled=scaled)


_FAST_INPLACE = """\
    if {x}._n is None or not grad_on():
        a = {x}._a
        c = {y}.__class__
        d = a.dtype
        b = None
        if (d is f4 or d is f8) and a.__class__ is ndarray{guards}:
            if c is Tensor:
                b = {y}._a
                if b.dtype is not d or b.__class__ is not ndarray or ({y}._n is not None and grad_on()): b = None
            elif c is float or c is int:
                b = constant(d, {y})
        if b is not None:
{scaled}            try:
                if a.size == 1: a[...] = ufunc(a, b)  # NumPy takes one element in place for an overlap: 3 times slower
                else: ufunc(a, b, a)
            except ValueError: pass
            else:
                f = getframe(1)
                b = {x}._b
                if b is None: {x}._b = [1, None, ({name!r}, f.f_code, f.f_lasti)]
                else:
                    b[0] += 1
                    b[2] = ({name!r}, f.f_code, f.f_lasti)
                return {x}"""


_FAST_ZERO = """\
    if ({x}._n is None or not grad_on()) and {x}._a.__class__ is ndarray:
        try: {x}._a.fill(0)
        except ValueError: pass
        else:
            f = getframe(1)
            b = {x}._b
            if b is None: {x}._b = [1, None, ("zero_", f.f_code, f.f_lasti)]
            else:
                b[0] += 1
                b[2] = ("zero_", f.f_code, f.f_lasti)
            return {x}"""


_results: dict[str, type] = {}


def result_class(op: Op) -> type:
    """The named tuple an op with several outputs returns: torch.return_types.max(values=..., indices=...)."""
    found = _results.get(op.name)
    if found is None:
        found = collections.namedtuple(op.name.removesuffix("_dim"), op.outputs)  # noqa: PYI024 (fields come from the declaration)
        found.__module__ = "torch.return_types"
        found.__repr__ = _result_repr
        _results[op.name] = found
    return found


def _result_repr(self: Any) -> str:
    fields = ",\n".join(f"{name}={value!r}" for name, value in zip(self._fields, self, strict=True))
    return f"torch.return_types.{type(self).__name__}(\n{fields})"
