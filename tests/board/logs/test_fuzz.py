"""Files by somebody who means harm: the store reads on, ends, and keeps its memory."""

import os
import random
import shutil
import struct
import sys

import pytest

from rushlight.board.events import messages
from rushlight.board.events.records import frame, masked_crc
from rushlight.board.logs.points import thinned
from rushlight.board.logs.store import Store

GOOD = b"".join(
    frame([made])
    for made in (
        messages.file_version(1.0),
        messages.scalar_event(1.0, 1, "loss", 0.5),
        messages.event(2.0, 2, messages.tensor_value("text", ["<b>"], messages.metadata("text"))),
        messages.event(3.0, 3, messages.scalar("loss", 1.0), messages.scalar("lr", 2.0)),
        messages.scalar_event(4.0, 4, "loss", float("nan")),
    )
)
NAME = "events.out.tfevents.1"


def read_all(store):
    for _ in range(3000):
        if not store.poll().more:
            return
    raise AssertionError("it reads for ever")


def mutated(rng, data):
    """The bytes with a few changes: bits, cuts, repeats, numbers of other size."""
    data = bytearray(data)
    for _ in range(rng.randint(1, 6)):
        at, kind = rng.randrange(len(data) or 1), rng.randrange(5)
        if kind == 0 and data:
            data[at] ^= 1 << rng.randrange(8)
        elif kind == 1:
            del data[at : at + rng.randint(1, 40)]
        elif kind == 2:
            data[at:at] = rng.randbytes(rng.randint(1, 40))
        elif kind == 3:
            data[at : at + 8] = struct.pack("<q", rng.choice([-1, 0, 1 << 31, 1 << 62, -(1 << 63), 7]))
        else:
            data += data[at : at + 60]
    return bytes(data)


def resealed(rng, data):
    """A record whose checksums are right and whose message is anything."""
    message = mutated(rng, data)[: rng.randint(0, 300)]
    head = len(message).to_bytes(8, "little")
    return b"".join(
        [head, masked_crc(head).to_bytes(4, "little"), message, masked_crc(message).to_bytes(4, "little")]
    )


@pytest.mark.parametrize("seed", range(60))
def test_damaged_and_random_files(tmp_path, seed):
    rng = random.Random(seed)
    for k in range(6):
        (tmp_path / str(k)).mkdir()
        parts = [
            rng.randbytes(rng.randrange(3000)),
            mutated(rng, GOOD),
            *(resealed(rng, GOOD) for _ in range(9)),
        ]
        rng.shuffle(parts)
        (tmp_path / str(k) / NAME).write_bytes(b"".join(parts))
    (tmp_path / "good").mkdir()
    (tmp_path / "good" / NAME).write_bytes(GOOD)
    store = Store(tmp_path, 1 << 22)
    read_all(store)
    assert store.runs["good"].series["loss"].count == 3
    for run in store.runs.values():
        for series in run.series.values():
            thinned(series.all(), 100)
        for kind in run.entries.values():
            for tag, entries in kind.items():
                for k in range(len(entries.all())):
                    try:
                        entries.value(k, tag)
                    except (ValueError, LookupError, OSError):
                        pass


def record_of_length(length):
    head = struct.pack("<Q", length)
    return head + masked_crc(head).to_bytes(4, "little")


@pytest.mark.parametrize(
    "length", [1 << 20, 1 << 28, 1 << 29, 1 << 40, (1 << 63) - 1, 1 << 63, (1 << 64) - 1]
)
def test_records_that_claim_much(tmp_path, length):
    path = tmp_path / NAME
    path.write_bytes(GOOD + record_of_length(length) + b"x" * 100 + GOOD)
    store = Store(tmp_path, 1 << 20)
    read_all(store)
    assert store.runs["."].series["loss"].count >= 3


@pytest.mark.skipif(not hasattr(os, "SEEK_DATA"), reason="sparse files")
def test_a_sparse_file_of_a_terabyte_is_passed_by(tmp_path):
    path = tmp_path / NAME
    path.write_bytes(GOOD)
    try:
        os.truncate(path, 1 << 40)
    except OSError:
        pytest.skip("this file system has no files of that size")
    with path.open("r+b") as file:
        file.seek((1 << 40) - 4096)
        file.write(GOOD)
    store = Store(tmp_path)
    read_all(store)
    assert store.runs["."].series["loss"].count == 6


@pytest.mark.skipif(sys.platform == "win32", reason="files that are open can't be replaced there")
@pytest.mark.parametrize("seed", range(12))
def test_files_that_change_while_they_are_read(tmp_path, seed):
    rng = random.Random(seed)
    store = Store(tmp_path, 1 << 22)
    for _ in range(60):
        folder = tmp_path / rng.choice("ab")
        path, action = folder / NAME, rng.randrange(8)
        folder.mkdir(exist_ok=True)
        if action < 3 or not path.exists():
            with path.open("ab") as file:
                file.write(GOOD[: rng.choice([len(GOOD), rng.randrange(len(GOOD))])])
        elif action == 3:
            os.truncate(path, rng.randrange(path.stat().st_size + 1))
        elif action == 4:
            path.rename(path.with_name(f"{NAME}.old"))
        elif action == 5:
            shutil.rmtree(folder)
        elif action == 6:
            path.unlink()
            path.symlink_to("/dev/zero") if rng.random() < 0.5 else os.mkfifo(path)
        else:
            path.unlink()
            path.mkdir()
        if rng.random() < 0.5:
            store._pause = 0.0
        store._swept = -1e9
        store.poll(0.01)
        if path.is_dir():
            path.rmdir()
        elif path.is_symlink() or path.is_fifo():
            path.unlink()
    for name in "ab":
        shutil.rmtree(tmp_path / name, ignore_errors=True)
    (tmp_path / "last").mkdir()
    (tmp_path / "last" / NAME).write_bytes(GOOD)
    store._pause = 0.0
    read_all(store)
    assert list(store.runs) == ["last"] and store.runs["last"].series["loss"].count == 3


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may read everything")
def test_no_permission(tmp_path):
    path = tmp_path / NAME
    path.write_bytes(GOOD)
    path.chmod(0)
    store = Store(tmp_path)
    read_all(store)
    assert not store.runs["."].series
