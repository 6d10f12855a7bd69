"""What the calls of a Writer are given, checked and copied, until the thread makes bytes of it."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np


class Values(NamedTuple):
    """What makes the Summary.Values of an entry, and the bytes of memory it holds until then."""

    make: Callable[[], Sequence[bytes]]
    size: int = 0


def array(x: Any) -> np.ndarray:
    """A tensor, array, list or number as an array, that may share its memory."""
    if hasattr(x, "detach"):
        x = x.detach().cpu()
        if str(x.dtype) == "torch.bfloat16" and type(x).__module__ == "torch":
            return _bfloat16(x)
    return np.asarray(x)


def _bfloat16(x: Any) -> np.ndarray:
    """A tensor of PyTorch's that NumPy can't read: its bits."""
    import ml_dtypes

    return x.view(sys.modules["torch"].int16).numpy().view(ml_dtypes.bfloat16)


def snapshot(x: Any) -> np.ndarray:
    """The same in memory of its own: what is written is what the values were at the call."""
    return np.array(array(x), copy=True, order="C")


def number(x: Any) -> float:
    """A float from a number, or a tensor or array of one element. Raises ValueError, TypeError otherwise."""
    found = array(x)
    if found.size != 1:
        raise ValueError(
            f"a scalar is one number, but this has shape {tuple(found.shape)}; take its mean() or sum()"
        )
    return float(found.reshape(()).item())


def whole(step: Any) -> int:
    """A step as an int; None is 0."""
    return 0 if step is None else int(number(step))


def numeric(x: Any, what: str) -> np.ndarray:
    """A copy of an array of real numbers. Raises TypeError for strings, objects and complex numbers."""
    found = snapshot(x)
    if found.dtype.kind not in "fiub" and found.dtype.name != "bfloat16":
        raise TypeError(f"{what} takes real numbers, not {found.dtype}")
    return found.astype(np.float32) if found.dtype.name == "bfloat16" else found


def name(tag: Any) -> str:
    """A tag, which must be a string."""
    if not isinstance(tag, str):
        raise TypeError(f"a tag is a string, not {tag!r}")
    return tag
