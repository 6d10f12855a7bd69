"""Meshes and point clouds. Field numbers: tensorboard/plugins/mesh/plugin_data.proto."""

from __future__ import annotations

import json
from typing import Any

import numpy as np

from ...io import protobuf
from ..events import messages
from .values import Values, numeric

_PARTS = {"VERTEX": 1, "FACE": 2, "COLOR": 3}


def mesh(tag: str, vertices: Any, colors: Any, faces: Any, config: dict[str, Any] | None) -> Values:
    """Places, a colour (0 .. 255) for each, and triangles as their vertices' numbers, each [batch, n, 3]."""
    given = {"VERTEX": vertices, "FACE": faces, "COLOR": colors}
    parts = {part: _checked(part, x) for part, x in given.items() if x is not None}
    if "VERTEX" not in parts:
        raise ValueError("add_mesh needs vertices, shape [batch, n, 3]")
    settings = "{}" if config is None else json.dumps(config, sort_keys=True)
    mask = sum(1 << _PARTS[part] for part in parts)
    size = sum(x.nbytes for x in parts.values())
    return Values(lambda: [_value(tag, part, x, mask, settings) for part, x in parts.items()], size)


def _checked(part: str, given: Any) -> np.ndarray:
    x = numeric(given, "add_mesh")
    if x.ndim != 3 or x.shape[2] != 3:
        raise ValueError(f"a mesh's {part.lower()} array has shape [batch, n, 3], but this has {x.shape}")
    return x


def _value(tag: str, part: str, x: np.ndarray, mask: int, settings: str) -> bytes:
    content = protobuf.text(2, tag) + protobuf.uint(3, _PARTS[part]) + protobuf.text(5, settings)
    content += protobuf.uints(6, x.shape) + protobuf.uint(7, mask)
    return messages.tensor_value(f"{tag}_{part}", x.astype(np.float32), messages.metadata("mesh", content))
