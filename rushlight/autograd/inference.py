"""Inference tensors: made in `inference_mode`, without a version, and so of no use to backward.

Such a tensor has the one `Untracked` object in the place of its version box: whatever would save the tensor
reads a version, and is refused there. Generated code asks for a box only once inference mode has been used,
and pays nothing before that.
"""

from __future__ import annotations

from contextvars import ContextVar
from typing import Any

from . import codegen, switches

_inference = ContextVar("inference_mode", default=False)
inference_on = _inference.get


class Untracked:
    """What stands for a version box in inference tensors: nothing is counted,
    and asking for a version is refused.
    """

    __slots__ = ()

    def __getitem__(self, i: int) -> Any:
        if i == 0 and not inference_on():
            raise RuntimeError(
                "Inference tensors cannot be saved for backward. "
                "Please do not use Tensors created in inference mode in "
                "computation tracked by autograd. To work around this, "
                "you can make a clone to get a normal tensor and use "
                "it in autograd, or use `torch.no_grad()` instead of `torch.inference_mode()`."
            )
        return 0 if i == 0 else None

    def __setitem__(self, i: int, value: Any) -> None:
        pass


UNTRACKED = Untracked()
_fresh_box: ContextVar[Untracked | None] = ContextVar("fresh_box", default=None)
fresh_box = _fresh_box.get  # the version box of a tensor made now


def is_inference(t: Any) -> bool:
    """Whether a tensor was made in inference mode."""
    return t._b is UNTRACKED


def refuse_write(name: str) -> None:
    """Raise for an in-place operation on an inference tensor, unless inference mode is on."""
    if not inference_on():
        raise RuntimeError(
            f"{name}: Inplace update to inference tensor outside "
            "InferenceMode is not allowed. You can make a clone to get "
            f"a normal tensor before doing inplace update."
        )


def notice() -> None:
    """Let generated code ask for the box of each tensor it makes;
    called when inference mode is first entered.
    """
    if "fresh_box" in codegen.namespace:
        return
    switches.give_boxes()
    codegen.exchange("fresh_box", fresh_box)
    codegen.respell("t._b = t._n = t._v = None", "t._n = t._v = None; t._b = fresh_box()")
