"""Sample calls of the ops, by op name; tests/ops/test_ops.py walks the registry and
derives every check from them.

A sample's arrays are float64 NumPy arrays where the op takes floating tensors (the harness casts them to
other types), and of their own integer or bool type otherwise. Pointwise ops need no samples: theirs come from
the declaration.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

import numpy as np


@dataclass
class Sample:
    """One call: positional and keyword arguments; NumPy arrays (also inside lists) stand for tensors."""

    args: tuple[Any, ...]
    kwargs: dict[str, Any] = field(default_factory=dict)
    gradcheck: bool = True  # False where the function is not smooth there, or random
    tolerance: float = 1e-5  # of float32 results against torch's
    random: bool = False  # draws random numbers: both generators are seeded alike before the call


Maker = Callable[[np.random.Generator], Iterable[Sample]]
SAMPLES: dict[str, list[Maker]] = {}


def samples(*names: str) -> Callable[[Maker], Maker]:
    """Register a function of a random generator that yields samples for the named ops."""

    def register(make: Maker) -> Maker:
        for name in names:
            SAMPLES.setdefault(name, []).append(make)
        return make

    return register


def load() -> dict[str, list[Maker]]:
    """All samples, from every module of this package."""
    for module in pkgutil.iter_modules(__path__):
        importlib.import_module(f"{__name__}.{module.name}")
    return SAMPLES
