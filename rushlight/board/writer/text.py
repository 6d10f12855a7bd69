"""Text, and tensors as they are."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..events import messages
from .values import Values, snapshot

MOST_BYTES = 1 << 31  # a protobuf message is no longer


def text(tag: str, string: Any) -> Values:
    """A text in Markdown. Its tag gets "/text_summary" behind it, as TensorBoard wants."""
    if not isinstance(string, str):
        raise TypeError(f"add_text takes a string, not {type(string).__name__}; str(...) makes one")
    value = np.array([string.encode(errors="replace")], object)
    described = messages.metadata("text")
    return Values(lambda: [messages.tensor_value(f"{tag}/text_summary", value, described)], len(string))


def tensor(tag: str, given: Any) -> Values:
    """An array of any shape. Raises TypeError for a dtype that event files don't know."""
    data = snapshot(given)
    if data.dtype.name not in messages.DTYPES:
        raise TypeError(f"add_tensor takes no {data.dtype}; event files hold {', '.join(messages.DTYPES)}")
    if data.nbytes >= MOST_BYTES:
        raise ValueError(f"a tensor of {data.nbytes / 1e9:.1f} GB: an event's message holds at most 2 GB")
    return Values(lambda: [messages.tensor_value(tag, data, messages.metadata("tensor"))], data.nbytes)


def new_scalar(tag: str, x: float, double: bool) -> Values:
    """A number as a tensor, as newer TensorFlow writes it."""
    value = np.array(x, np.float64 if double else np.float32)
    return Values(lambda: [messages.tensor_value(tag, value, messages.metadata("scalars"))])
