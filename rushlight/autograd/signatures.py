"""The text of signatures: an op's parameters as the generated function declares them,
and as it hands them on.
"""

from __future__ import annotations

import inspect
from typing import Any

from ..ops.declare import Op


def parameters(op: Op, out: bool = True) -> str:
    """The parameters of the generated function: the op's own, then `out=` and NumPy's names for options."""
    ahead = [p for p in op.signature.parameters.values() if p.kind is p.POSITIONAL_ONLY]
    parts = [f"*args_{p.name}" if takes_varargs(p) else p.name + default_of(op, p.name) for p in ahead]
    keyword_only = any(map(takes_varargs, ahead))
    parts += [f"{p.name}=None" for p in ahead if takes_varargs(p)]
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
        parts.append(p.name + (required if p.default is p.empty else f"={literal(p.default)}"))
    last = (["out=None"] if out and "o" in op.forms else []) + [
        f"{n}=None" for n in _numpy_names(op).values()
    ]
    return ", ".join(parts + (["*"] if last and not keyword_only else []) + last)


def _numpy_names(op: Op) -> dict[str, str]:
    """NumPy's names that PyTorch takes for an option too:
    {"dim": "axis", "keepdim": "keepdims"} or part of it.
    """
    names = [p.name for p in op.options if p.kind is not p.POSITIONAL_ONLY]
    required = [p.name for p in op.options if p.default is p.empty and p.kind is p.POSITIONAL_OR_KEYWORD]
    if "dim" not in names or ("dim" in required and required[-1] != "dim"):
        return {}
    return {ours: numpys for ours, numpys in (("dim", "axis"), ("keepdim", "keepdims")) if ours in names}


def _numpy_values(op: Op) -> list[str]:
    """Statements that take over what was given under NumPy's names."""
    lines = [f"    if {numpys} is not None: {ours} = {numpys}" for ours, numpys in _numpy_names(op).items()]
    if lines and op.signature.parameters["dim"].default is inspect.Parameter.empty:
        lines.append(
            f"    if dim is REQUIRED: raise TypeError(\"{op.name}() missing 1 required argument: 'dim'\")"
        )
    return lines


def default_of(op: Op, name: str) -> str:
    """`=value` for a parameter that has a default, else nothing."""
    default = op.signature.parameters[name].default
    return "" if default is inspect.Parameter.empty else f"={literal(default)}"


def literal(value: Any) -> str:
    """A default as Python text; infinities have no literal of their own."""
    return (
        f"float({str(value)!r})" if isinstance(value, float) and abs(value) == float("inf") else repr(value)
    )


def varargs(op: Op) -> list[str]:
    """Statements that gather options given as several arguments, or under NumPy's names."""
    names = [p.name for p in op.signature.parameters.values() if takes_varargs(p)]
    lines = [
        f"    if {n} is None: {n} = args_{n}[0] if len(args_{n}) "
        f"== 1 and args_{n}[0].__class__ is not int else args_{n}"
        for n in names
    ]
    lists = [n for n in names if n in op.lists and op.kind != "composite"]
    lines += [f"    if {n}.__class__ is not tuple and {n}.__class__ is not list: {n} = ({n},)" for n in lists]
    return lines + _numpy_values(op)


def takes_varargs(p: inspect.Parameter) -> bool:
    """Whether a parameter may be given as several arguments;
    a list of tensors too (`Sequence[Array] | Varargs`).
    """
    return "Varargs" in str(p.annotation)


def arguments(op: Op, prefix: str) -> str:
    """A call's arguments in the body's order, tensors under a prefix."""
    parts = []
    for p in op.signature.parameters.values():
        keyword = f"{p.name}=" if p.kind is p.KEYWORD_ONLY else ""
        parts.append(f"{prefix}{p.name}" if p.name in op.tensors else f"{keyword}{p.name}")
    return ", ".join(parts)


def by_name(op: Op) -> str:
    """A call's arguments, every one by its name."""
    return ", ".join(f"{name}={name}" for name in op.signature.parameters)
