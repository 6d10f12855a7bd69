"""Event files of any size, quickly: the records of a file are rows of one array of bytes."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np

from rushlight.board.events import messages
from rushlight.board.events.records import frame
from rushlight.kernels import checksums

WALL = 1_700_000_000.0
PART = 5_000  # steps made at once


def tags_of(count: int) -> list[str]:
    """The names of the scalars: all of the same length, so that their records are."""
    return [f"{'train' if k % 2 else 'valid'}/metric{k:02d}" for k in range(count)]


def write_run(path: Path, tags: list[str], points: int, seed: int = 0) -> int:
    """A file with `points` steps of each tag, falling noisily; returns its bytes."""
    rng = np.random.default_rng(seed)
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("wb") as file:
        file.write(frame([messages.file_version(WALL)]))
        for first in range(0, points, PART):
            steps = np.arange(first, min(first + PART, points))
            file.write(_records(steps, tags, rng, points).tobytes())
        size = file.tell()
    os.utime(path, (path.stat().st_mtime - 3600,) * 2)  # as runs are that ended: nobody writes to them
    return size


def _records(steps: np.ndarray, tags: list[str], rng: np.random.Generator, points: int) -> np.ndarray:
    """The records of all tags at these steps: uint8, one row each."""
    heads = [_message(tag) for tag in tags]
    rows = np.tile(np.stack(heads), (len(steps), 1))
    step = np.repeat(steps, len(tags))
    noise = rng.standard_normal(len(step)) * 0.1
    value = np.exp(-3.0 * step / points) * (1 + np.tile(np.arange(len(tags)), len(steps)) * 0.1) + noise
    rows[:, 13:21] = (WALL + step * 0.5).astype("<f8").view(np.uint8).reshape(-1, 8)
    for k in range(4):  # a varint of 4 bytes, whatever the number
        rows[:, 22 + k] = (step >> 7 * k & 0x7F) | (0x80 if k < 3 else 0)
    rows[:, -8:-4] = value.astype("<f4").view(np.uint8).reshape(-1, 4)
    rows[:, 8:12] = _crcs(rows[:, :8])
    rows[:, -4:] = _crcs(rows[:, 12:-4])
    return rows


def _message(tag: str) -> np.ndarray:
    """A record of one scalar with room for its step in 4 bytes; its length is right, its checksums are 0."""
    message = messages.scalar_event(WALL, 1 << 21, tag, 0.0)
    return np.frombuffer(len(message).to_bytes(8, "little") + bytes(4) + message + bytes(4), np.uint8)


def _crcs(parts: np.ndarray) -> np.ndarray:
    """The masked crc32c of each row, as 4 bytes."""
    data = np.ascontiguousarray(parts)
    count, size = data.shape
    out = np.empty(count, np.uint32)
    bounds = np.arange(count + 1, dtype=np.int64) * size
    checksums.checksums()(count, count, out, data.reshape(-1), bounds, checksums.table())
    return out.astype("<u4").view(np.uint8).reshape(-1, 4)


def write_runs(root: Path, runs: int, tags: int, points: int, distinct: int | None = None) -> int:
    """Write `runs` folders, beyond `distinct` hard links to those before; the bytes they seem to hold."""
    total = 0
    made: list[Path] = []
    for k in range(runs):
        path = root / f"lr{k % 4}" / f"run{k:04d}" / "events.out.tfevents.1.host"
        if distinct is not None and k >= distinct:
            path.parent.mkdir(parents=True, exist_ok=True)
            os.link(made[k % distinct], path)
            total += path.stat().st_size
            continue
        total += write_run(path, tags_of(tags), points, k)
        made.append(path)
    return total
