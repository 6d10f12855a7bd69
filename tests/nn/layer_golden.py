"""What torch gave for every case of layer_cases, as a few numbers per array: for machines without torch.

`python -m tests.nn.layer_golden` writes the file anew, from torch.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import numpy as np

from tests.nn.layer_cases import CASES, outcome

GOLDEN = Path(__file__).with_name("layer_golden.json")


def digest(array: np.ndarray) -> list[float]:
    """Three numbers that change with almost any change of the array: weighted sums of its elements."""
    values = np.asarray(array, np.float64).reshape(-1)
    places = np.arange(values.size)
    sums = values.sum(), np.abs(values).sum(), (values * np.cos(places + 1.0)).sum()
    return [float(f"{s:.6g}") for s in sums]


def summary(library: Any, case: Any, train: bool) -> dict[str, Any]:
    """The outcome of a case, with digests in place of arrays."""
    found = outcome(library, case, train)
    return {"repr": found["repr"], "arrays": digests(found["arrays"])}


def digests(arrays: dict[str, np.ndarray]) -> dict[str, list[Any]]:
    """The shape and digest of every output, and one digest for all gradients and one for the whole state."""
    kinds = {kind: [a for k, a in arrays.items() if k.startswith(kind)] for kind in ("gradient", "state")}
    outputs = {k: [list(a.shape), *digest(a)] for k, a in arrays.items() if k.startswith("output")}
    joined = {kind: np.concatenate([a.reshape(-1) for a in found]) for kind, found in kinds.items() if found}
    return outputs | {kind: [list(a.shape), *digest(a)] for kind, a in joined.items()}


def write() -> None:
    """Ask torch, and write the file."""
    import torch

    calls = [(case, mode) for case in CASES for mode in case.modes]
    golden = {f"{case.label} {mode}": summary(torch, case, mode == "train") for case, mode in calls}
    lines = [f"{json.dumps(k)}: {json.dumps(v, ensure_ascii=False)}" for k, v in golden.items()]
    GOLDEN.write_text("{\n" + ",\n".join(lines) + "\n}\n", encoding="utf-8")


if __name__ == "__main__":
    sys.exit(write())
