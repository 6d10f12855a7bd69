"""Eval mode for a while."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from ..nn import Module


@contextmanager
def evaluating(model: Module) -> Iterator[None]:
    """Have a model and its parts in eval mode; each part then has the mode that it had."""
    modes = [(module, module.training) for module in model.modules()]
    model.eval()
    try:
        yield
    finally:
        for module, training in modes:
            module.training = training
