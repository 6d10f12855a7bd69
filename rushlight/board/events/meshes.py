"""Meshes in events: corners, faces and colours, each a tensor under a tag of its own."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from ...io import protobuf
from .decoding import Value, decode_tensor

PARTS = {1: "vertices", 2: "faces", 3: "colours"}  # MeshPluginData.ContentType
MOST = 2_000_000  # vertices or faces that are sent to a page


class Part(NamedTuple):
    """What the metadata of a mesh's tensor say: which mesh, which part of it, and how to show it (JSON)."""

    name: str
    part: str
    config: str


def decode_part(content: bytes) -> Part:
    """MeshPluginData {name 2, content_type 3, json_config 5}. Raises ValueError for what is none."""
    name, part, config = "", "", ""
    for number, value in protobuf.fields(content):
        if number == 2 and isinstance(value, bytes):
            name = value.decode(errors="replace")
        elif number == 3 and isinstance(value, int):
            part = PARTS.get(value, "")
        elif number == 5 and isinstance(value, bytes):
            config = value.decode(errors="replace")
    if not part:
        raise ValueError("a mesh's metadata do not say whether it is vertices, faces or colours")
    return Part(name, part, config)


def decode_rows(value: Value, item: int = 0) -> tuple[np.ndarray, int]:
    """([n, 3] float64 of one mesh of the batch, how many there are), from a [batch, n, 3] or [n, 3] tensor.

    Raises ValueError for other shapes or too many.
    """
    if not isinstance(value.data, bytes):
        raise ValueError("a mesh is a tensor, not a number")
    array = decode_tensor(value.data)
    if array.dtype.kind not in "fiu" or array.ndim not in (2, 3) or array.shape[-1] != 3:
        raise ValueError(f"a mesh is a [batch, n, 3] tensor of numbers, not {array.shape} of {array.dtype}")
    batch = array if array.ndim == 3 else array[None]
    if not len(batch):
        raise ValueError("the batch of meshes is empty")
    rows = batch[min(item, len(batch) - 1)]
    if len(rows) > MOST:
        raise ValueError(f"a mesh of {len(rows):,} rows is too large to show; at most {MOST:,}")
    return rows.astype(np.float64), len(batch)


def sound_faces(faces: np.ndarray, vertices: int) -> np.ndarray:
    """Those faces whose corners are there."""
    with np.errstate(invalid="ignore"):
        return faces[((faces >= 0) & (faces < vertices)).all(1)]
