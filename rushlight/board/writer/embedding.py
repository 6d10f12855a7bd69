"""Embeddings: what TensorBoard's projector reads, files beside the event file.

Text format: tensorboard/plugins/projector/projector_config.proto.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from .images import sprite
from .sink import Files
from .values import numeric

CONFIG = "projector_config.pbtxt"


class Points(NamedTuple):
    """Vectors [n, d], and of each a line or row of metadata and a small picture [n, channels, h, w]."""

    vectors: np.ndarray
    rows: list[str] | None
    pictures: np.ndarray | None


def points(mat: Any, metadata: Sequence[Any] | None, label_img: Any, header: Sequence[str] | None) -> Points:
    """What add_embedding was given, checked and copied."""
    vectors = numeric(mat, "add_embedding")
    if vectors.ndim != 2:
        raise ValueError(f"an embedding has shape [points, dimensions], but this {vectors.shape}")
    rows = None if metadata is None else _rows(list(metadata), header)
    if rows is not None and len(rows) - bool(header) != len(vectors):
        raise ValueError(f"{len(vectors)} points have {len(rows) - bool(header)} rows of metadata")
    pictures = None if label_img is None else numeric(label_img, "label_img")
    if pictures is not None and (pictures.ndim != 4 or pictures.shape[1] not in (1, 3)):
        raise ValueError(f"label_img has shape [points, channels (1 or 3), h, w], but this {pictures.shape}")
    if pictures is not None and len(pictures) != len(vectors):
        raise ValueError(f"{len(vectors)} points have {len(pictures)} pictures")
    return Points(vectors, rows, pictures)


def _rows(metadata: list[Any], header: Sequence[str] | None) -> list[str]:
    """The lines of metadata.tsv. A line break within one would make it two: it is a space."""
    if not header:
        return [_cell(x, "\n\r") for x in metadata]
    if any(len(row) != len(header) for row in metadata):
        raise ValueError(f"each row of metadata has {len(header)} columns, as metadata_header has")
    return ["\t".join(_cell(x, "\n\r\t") for x in row) for row in [header, *metadata]]


def _cell(x: Any, breaks: str) -> str:
    return str(x).translate(dict.fromkeys(map(ord, breaks), " "))


def encoded(tag: str) -> str:
    """A tag as a folder's name."""
    return tag.replace("%", "%25").replace("/", "%2f").replace("\\", "%5c")


def info(at: Points, tag: str, step: int, folder: str) -> str:
    """What projector_config.pbtxt says of one embedding whose files are in `folder`, below the run's."""
    text = f"  tensor_name: {_quoted(f'{tag}:{step:05d}')}\n"
    if at.rows is not None:
        text += f"  metadata_path: {_quoted(folder + '/metadata.tsv')}\n"
    if at.pictures is not None:
        height, width = at.pictures.shape[2:]
        sizes = f"    single_image_dim: {width}\n    single_image_dim: {height}\n"
        text += f"  sprite {{\n    image_path: {_quoted(folder + '/sprite.png')}\n{sizes}  }}\n"
    return f"embeddings {{\n{text}  tensor_path: {_quoted(folder + '/tensors.tsv')}\n}}\n"


def _quoted(value: str) -> str:
    """A string of protobuf's text format."""
    plain = value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n").replace("\r", "\\r")
    return f'"{plain}"'


def files(at: Points, run: Path, folder: str, config: str) -> Files:
    """The files of one embedding, and the run's list of all of them."""
    tsv = "".join("\t".join(map(str, row)) + "\n" for row in at.vectors.tolist())
    found = {run / folder / "tensors.tsv": tsv.encode()}
    if at.rows is not None:
        found[run / folder / "metadata.tsv"] = ("\n".join(at.rows) + "\n").encode(errors="replace")
    if at.pictures is not None:
        found[run / folder / "sprite.png"] = sprite(at.pictures)
    return found | {run / CONFIG: config.encode(errors="replace")}
