"""Backward of an op that has a formula for each input, one function for any of them tracked.

This is what the nodes of calls in machine code hold: [number, backward, all inputs' nodes, *kept]. An input
is kept if a formula of a tracked input needs it; if none does, None stands in its place.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ..ops.declare import Op, parameter_names
from . import record
from .codegen import compile_text
from .engine import lasting
from .recorder import backward_name, unchanged


def needed(op: Op) -> dict[str, list[str]]:
    """What the node keeps, in order, and the inputs whose formulas ask for it."""
    found: dict[str, list[str]] = {}
    for name in op.tensors:
        for kept in parameter_names(op.formulas[name])[1:]:
            found.setdefault(kept, []).append(name)
    return found


def backward_apart(op: Op) -> Callable[..., Any]:
    """backward(n, g) on arrays, with its twin on Tensors as `.on_tensors`."""
    scope = {f"f_{name}": op.formulas[name] for name in op.tensors} | {"changed": record.changed}
    made, twin = (
        compile_text(_text(op, end), f"{op.name} backward apart", scope)["backward"] for end in ("._a", "")
    )
    made.on_tensors, made.__name__, twin.__name__ = twin, backward_name(op), backward_name(op)
    kept = needed(op)
    made.tracked = op.tensors
    made.kept_names = [n for k in kept for n in ([k, f"v_{k}"] if k in op.tensors else [k])]
    if not set(kept) & set(op.tensors):
        lasting.add(made)
    return made


def _text(op: Op, end: str) -> str:
    """Source of the function; `end` makes of a kept Tensor what the formulas take."""
    nodes = ", ".join(f"n_{name}" for name in op.tensors)
    kept = ", ".join(f"{name}, v_{name}" if name in op.tensors else name for name in needed(op))
    lines = [f"    _, _, ({nodes}), {kept}, = n"]
    for name in op.tensors:
        lines += [f"    r_{name} = None", f"    if n_{name} is not None:"]
        given = ["g"]
        for other in parameter_names(op.formulas[name])[1:]:
            given.append(other)
            if other in op.tensors:
                given[-1] = other + end
                lines += unchanged(op, other, " " * 8)
        lines += [f"        r_{name} = f_{name}({', '.join(given)})"]
    lines.append(f"    return {', '.join(f'r_{name}' for name in op.tensors)}")
    return "def backward(n, g):\n" + "\n".join(lines) + "\n"
