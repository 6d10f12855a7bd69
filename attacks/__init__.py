"""Files that try to run code, take all memory or read what is not theirs, and the proof that they fail here.

Each attack is a function that returns the bytes of a file. `python -m attacks` (from the repository's root)
loads every one of them and says what happened; tests/io/test_attacks.py demands that it be refused. An attack
that runs code would create the file CANARY. Inspired by the `attacks` folder of safetensors.
"""

from __future__ import annotations

import dataclasses
import importlib
import os
import tempfile
from collections.abc import Callable

Make = Callable[[], bytes]

#: what an attack that succeeds creates; fixed when this module is imported, so that files can name it
CANARY = os.path.join(tempfile.gettempdir(), f"rushlight-canary-{os.getpid()}")


@dataclasses.dataclass
class Attack:
    """How to make the file, its reader, and whether it must be refused (else: it loads and is harmless)."""

    name: str
    make: Make
    reader: str
    refused: bool


ATTACKS: dict[str, Attack] = {}


def attack(
    reader: str = "load", refused: bool = True
) -> Callable[[Callable[[], bytes]], Callable[[], bytes]]:
    """Register an attack on `load` or on `safetensors`."""

    def register(make: Make) -> Make:
        ATTACKS[make.__name__] = Attack(make.__name__, make, reader, refused)
        return make

    return register


for module in ("code", "memory", "tensors", "archives", "safetensors_headers"):
    importlib.import_module(f"attacks.{module}")
