"""Backward functions whose gradients cannot be differentiated again."""

from __future__ import annotations

from typing import Any

OUTSIDE = (
    "{}: its gradient cannot be differentiated again (create_graph=True) in a compiled function. "
    "Differentiate outside of it, or call the function uncompiled"
)


def once(backward: Any, name: str, why: str) -> None:
    """Name a backward function that runs on arrays alone; on tensors it raises RuntimeError, saying `why`."""

    def refuse(n: list[Any], g: Any) -> Any:
        raise RuntimeError(why)

    backward.on_tensors, backward.__name__ = refuse, name
