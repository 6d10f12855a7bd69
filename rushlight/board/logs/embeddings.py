"""Embeddings as TensorBoard's projector keeps them: files beside a run's event files.

`projector_config.pbtxt` names, for each embedding, a table of vectors (tensors.tsv, or raw float32), a table
of what is known of each (metadata.tsv) and a sheet of small pictures (sprite.png). The names come from a log,
so a path must be relative and end, all links followed, at a plain file within the run's folder.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

import numpy as np

CONFIG = "projector_config.pbtxt"
MOST = 10_000  # points shown; of more, so many chosen at random
MOST_BYTES = 512 << 20  # of a table
MOST_CONFIG, MOST_SPRITE = 4 << 20, 64 << 20
MOST_DIMENSIONS, MOST_COLUMNS = 1 << 16, 64
MOST_EMBEDDINGS = 1000
LONGEST = 200  # characters of a label


class BadEmbedding(ValueError):
    """Files that are no embedding, or that we will not read; the message is for the page."""


@dataclass
class Config:
    """One embedding of a projector_config.pbtxt."""

    name: str = ""
    tensor: str = ""
    metadata: str = ""
    sprite: str = ""
    sprite_size: list[int] = field(default_factory=list)  # width and height of one picture
    shape: list[int] = field(default_factory=list)


class Table(NamedTuple):
    """points [n, d] float32, which row of the file each is, how many there were, how many had no numbers."""

    points: np.ndarray
    rows: np.ndarray
    count: int
    unusable: int


class Metadata(NamedTuple):
    """columns: their names; rows: their texts, of the rows asked for."""

    columns: list[str]
    rows: list[list[str]]


_TOKEN = re.compile(r'#[^\n]*|"((?:[^"\\]|\\.)*)"|\'((?:[^\'\\]|\\.)*)\'|([{}:,;<>])|([\w.+-]+)|(\S)')
_NAMES = {"tensor_name": "name", "tensor_path": "tensor", "metadata_path": "metadata", "image_path": "sprite"}
_NUMBERS = {"single_image_dim": "sprite_size", "tensor_shape": "shape"}


def read_configs(folder: Path) -> list[Config]:
    """The embeddings of a run's folder; none if it has no config. Raises BadEmbedding, OSError."""
    if not (folder / CONFIG).is_file():
        return []
    text = within(folder, CONFIG, MOST_CONFIG).read_text("utf-8", "replace")
    return parse(text)[:MOST_EMBEDDINGS]


def parse(text: str) -> list[Config]:
    """The embeddings of a ProjectorConfig in protobuf's text format; fields we don't know are passed over."""
    configs: list[Config] = []
    block: list[str] = []  # the messages we are in
    name = ""
    for quoted, single, mark, word, _ in _TOKEN.findall(text):
        if mark in ("{", "<"):
            block.append(name)
            if block == ["embeddings"]:
                configs.append(Config())
        elif mark in ("}", ">"):
            block = block[:-1]
        elif mark == "":
            value = quoted or single
            if name in _NAMES and value and block[:1] == ["embeddings"]:
                setattr(configs[-1], _NAMES[name], _unescaped(value))
            elif name in _NUMBERS and word.isdigit() and len(word) < 10 and block[:1] == ["embeddings"]:
                getattr(configs[-1], _NUMBERS[name]).append(int(word))
            name = word if word and not word.isdigit() else name
    return configs


def _unescaped(text: str) -> str:
    return re.sub(r"\\(.)", r"\1", text)


def within(folder: Path, path: str, most: int) -> Path:
    """The plain file of at most `most` bytes that a config's path names. Raises BadEmbedding for others."""
    foreign = path.startswith(("~", "\\")) or path[1:2] == ":"  # absolute elsewhere
    if not path or "\0" in path or foreign or Path(path).is_absolute():
        raise BadEmbedding(f"the path {path[:LONGEST]!r} is not relative to the run's folder; it isn't read")
    root = folder.resolve()
    try:
        found = (root / path).resolve()
        if not found.is_relative_to(root):
            raise BadEmbedding(f"{path[:LONGEST]!r} leads out of the run's folder; it isn't read")
        if not found.is_file():
            raise BadEmbedding(f"there is no file {path[:LONGEST]!r} in the run's folder")
        size = found.stat().st_size
    except (OSError, RuntimeError) as error:
        raise BadEmbedding(f"{path[:LONGEST]!r} can't be read: {type(error).__name__}") from None
    if size > most:
        raise BadEmbedding(
            f"{path[:LONGEST]!r} has {size >> 20} MB; at most {most >> 20} MB are read. Write fewer points, "
            "or fewer digits"
        )
    return found


def read_table(folder: Path, config: Config) -> Table:
    """The vectors of an embedding. Raises BadEmbedding, OSError."""
    if not config.tensor:
        raise BadEmbedding("its vectors are in a TensorFlow checkpoint, which isn't read; use add_embedding")
    path = within(folder, config.tensor, MOST_BYTES)
    if path.suffix == ".bytes":
        return _from_bytes(path, config.shape)
    lines = [line for line in path.read_bytes().split(b"\n") if line.strip()]
    rows = _chosen(len(lines))
    width = lines[0].count(b"\t") + 1 if lines else 0
    if not 1 <= width <= MOST_DIMENSIONS:
        raise BadEmbedding(f"{path.name} is empty" if not lines else f"{path.name} has {width} dimensions")
    points = np.empty((len(rows), width), np.float32)
    for k, row in enumerate(rows):
        points[k] = _numbers(lines[row], width, f"{path.name}, line {row + 1}")
    return _usable(points, rows, len(lines))


def _numbers(line: bytes, width: int, where: str) -> np.ndarray:
    try:
        found = np.array(line.split(b"\t"), np.float64)
    except ValueError:
        start = line[:40].decode(errors="replace")
        raise BadEmbedding(f"{where}: {start!r} ... is no row of numbers") from None
    if len(found) != width:
        raise BadEmbedding(f"{where} has {len(found)} numbers, the first line {width}")
    return np.clip(found, -3e38, 3e38) if np.isfinite(found).all() else found


def _from_bytes(path: Path, shape: list[int]) -> Table:
    """Raw float32 in the order of rows, as TensorBoard's `.bytes` files have them."""
    if len(shape) != 2 or not 0 < shape[0] * shape[1] * 4 == path.stat().st_size:
        size = " x ".join(map(str, shape[:4]))
        raise BadEmbedding(f"{path.name} doesn't hold the {size} float32 of its config")
    rows = _chosen(shape[0])
    whole = np.fromfile(path, "<f4").reshape(shape)
    return _usable(whole[rows].astype(np.float32), rows, shape[0])


def _chosen(count: int) -> np.ndarray:
    """All rows, or MOST of them by chance: always the same ones."""
    if count <= MOST:
        return np.arange(count)
    return np.sort(np.random.default_rng(0).choice(count, MOST, replace=False))


def _usable(points: np.ndarray, rows: np.ndarray, count: int) -> Table:
    good = np.isfinite(points).all(1)
    if not good.any():
        raise BadEmbedding("no point of it has numbers in all dimensions")
    return Table(points[good], rows[good], count, int((~good).sum()))


def read_metadata(folder: Path, config: Config, count: int, rows: np.ndarray) -> Metadata:
    """What the metadata say of some rows of `count`. One column has no header; of more, the first line is it.

    Rows too short are filled with "", longer ones are cut. Raises BadEmbedding, OSError.
    """
    if not config.metadata:
        return Metadata([], [])
    text = within(folder, config.metadata, MOST_BYTES).read_text("utf-8", "replace")
    lines = text.split("\n")
    while lines and not lines[-1].strip("\r"):
        lines.pop()
    header = lines[0].rstrip("\r").split("\t") if lines else []
    columns = [name[:LONGEST] for name in header[:MOST_COLUMNS]] if len(header) > 1 else ["label"]
    start = 1 if len(header) > 1 else 0
    if len(lines) - start != count:
        raise BadEmbedding(f"the metadata have {max(0, len(lines) - start)} rows for {count} points")
    return Metadata(columns, [_cells(lines[start + row], len(columns)) for row in rows])


def _cells(line: str, width: int) -> list[str]:
    found = [text[:LONGEST] for text in line.rstrip("\r").split("\t")[:width]]
    return found + [""] * (width - len(found))


def read_sprite(folder: Path, config: Config) -> bytes:
    """The sheet of pictures, a PNG. Raises BadEmbedding, OSError."""
    if not config.sprite:
        raise BadEmbedding("the embedding has no pictures")
    data = within(folder, config.sprite, MOST_SPRITE).read_bytes()
    wide, high = int.from_bytes(data[16:20], "big"), int.from_bytes(data[20:24], "big")
    if not data.startswith(b"\x89PNG\r\n\x1a\n") or not 0 < wide * high <= 1 << 27:
        raise BadEmbedding(f"{config.sprite[:LONGEST]!r} is no PNG of at most 128 million pixels")
    return data
