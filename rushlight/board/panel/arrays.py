"""What users pass, as NumPy arrays, and those as JSON takes them."""

from __future__ import annotations

import math
from typing import Any

import numpy as np


def array(x: Any) -> np.ndarray:
    """A tensor (ours, or anything with `detach`), an array, a list or a number as an array."""
    if hasattr(x, "detach"):
        x = x.detach().cpu()
        x = x.numpy() if hasattr(x, "numpy") else x
    found = np.asarray(x)
    if found.dtype == object:
        raise TypeError("what is shown must be numbers (or names), all rows equally long")
    return found.astype(np.float32) if found.dtype.kind == "V" or "bfloat" in str(found.dtype) else found


def listed(x: np.ndarray) -> list[Any]:
    """Numbers as JSON has them: what is not finite becomes None, a gap in a plot."""
    values = x.tolist()
    if x.dtype.kind != "f" or np.isfinite(x).all():
        return values
    return gaps(values)


def gaps(values: Any) -> Any:
    """None in place of NaN and infinities, in lists of any depth."""
    if isinstance(values, list):
        return [gaps(value) for value in values]
    return None if isinstance(values, float) and not math.isfinite(values) else values


def plain(value: Any) -> Any:
    """Arrays, tensors and NumPy's numbers within objects and lists, as JSON takes them."""
    if isinstance(value, dict):
        return {str(key): plain(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [plain(each) for each in value]
    if hasattr(value, "detach") or isinstance(value, np.ndarray | np.generic):
        found = array(value)
        return listed(found) if found.ndim else gaps(found.item())
    return gaps(value)


def without_none(value: Any) -> Any:
    """Objects without the keys that stand for nothing."""
    if isinstance(value, dict):
        return {key: without_none(each) for key, each in value.items() if each is not None}
    return value
