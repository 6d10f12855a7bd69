"""torch.autograd.forward_ad: dual numbers. A tangent goes in by make_dual, and comes out by unpack_dual.

Tangents are not carried along op by op: duals are recorded like any tracked tensor, and unpack_dual
differentiates the recorded part twice (the vjp is linear in its cotangent, and the vjp of that is the jvp).
So every op with a derivative has this one too, at about three times the cost of a forward; but under
`no_grad`, where torch still carries tangents, nothing is recorded, and there are none.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from ..errors import shape_text
from ..func.gradients import track
from ..func.levels import Duals
from ..func.levels import duals as _level
from .engine import binding
from .mode import enable_grad
from .tape import grad


class UnpackedDualTensor(NamedTuple):
    """What unpack_dual returns; `tangent` is None for a tensor that depends on no dual."""

    primal: Any
    tangent: Any


def enter_dual_level() -> int:
    """Open the level in which duals can be made; returns its number, 0. Levels do not nest."""
    if _level.get() is not None:
        raise RuntimeError("enter_dual_level: Nested forward mode AD is not supported at the moment")
    _level.set([])
    return 0


def exit_dual_level(*, level: int | None = None) -> None:
    """Close the level; the tangents of its duals are forgotten."""
    if _level.get() is None:
        raise RuntimeError("exit_dual_level: Trying to exit a forward AD level but no level is open")
    _level.set(None)


class dual_level:
    """A level for a `with` block."""

    def __enter__(self) -> int:
        return enter_dual_level()

    def __exit__(self, *exc: object) -> None:
        exit_dual_level()


def make_dual(tensor: Any, tangent: Any, *, level: int | None = None) -> Any:
    """`tensor` with a tangent: what is computed from it has the derivative along it as its tangent."""
    duals = _level.get()
    if duals is None:
        raise RuntimeError(
            "make_dual: Trying to create a dual Tensor for forward AD but no level exists, make sure to "
            "enter_dual_level() first."
        )
    for t, name in ((tensor, "tensor"), (tangent, "tangent")):
        if t._a.dtype.kind not in "fcV":
            raise ValueError(
                f"make_dual: Expected {name} to be floating point or complex, but got: {t.dtype}"
            )
    if tangent._a.shape != tensor._a.shape:
        raise RuntimeError(
            f"make_dual: Trying to set a forward gradient that has a different size than that of the "
            f"original Tensor, this is not supported. Tensor is of size {shape_text(tensor._a.shape)} "
            f"while the given "
            f"forward gradient is of size "
            f"{shape_text(tangent._a.shape)}."
        )
    dual = track(tensor)
    duals.append((dual, tangent, tensor._n is not None or tangent._n is not None))
    return dual


def unpack_dual(tensor: Any, *, level: int | None = None) -> UnpackedDualTensor:
    """(primal, tangent) of a dual, or of what was computed from duals."""
    duals = _level.get()
    if not duals or tensor._n is None:
        return UnpackedDualTensor(tensor, None)
    again = any(outside for _, _, outside in duals)
    with enable_grad():
        tangent = _tangent(tensor, duals, again)
    return UnpackedDualTensor(tensor if again else tensor.detach(), tangent)


def _tangent(output: Any, duals: Duals, again: bool) -> Any:
    u = binding.wrap(np.zeros(output._a.shape, output._a.dtype)).requires_grad_()
    pulled = grad([output], [dual for dual, _, _ in duals], [u], True, True, allow_unused=True)
    reached = [(g, t) for g, (_, t, _) in zip(pulled, duals, strict=True) if g is not None]
    if not reached:
        return None
    tracked = [(g, t) for g, t in reached if g._n is not None]
    if not tracked:
        return binding.wrap(np.zeros(output._a.shape, output._a.dtype))
    (found,) = grad(
        [g for g, _ in tracked],
        [u],
        [t for _, t in tracked],
        True,
        again,
        allow_unused=True,
        materialize_grads=True,
    )
    return found
