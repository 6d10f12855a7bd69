"""The kernels by which the board reads event files, for aarch64 in an emulator, against Python.

Slow, as test_aarch64.py is; each with the tables of checksums and with the instructions.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from rushlight.board.events import messages, records
from rushlight.board.events.grouping import Grouping
from rushlight.board.events.scanning import DAMAGED, Scanner, next_record
from rushlight.kernels import checksums, events, native, series
from tests.board.events.test_grouping import some as some_tags
from tests.board.events.test_scanning import both, log
from tests.board.logs.test_series import fill_alike
from tests.kernels import qemu

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not native.on(), reason="machine code is off"),
    pytest.mark.skipif(bool(qemu.missing()), reason=qemu.missing()),
]
TARGETS = {"tables": qemu.TARGET, "instructions": qemu.TARGET._replace(features="+crc")}


@pytest.fixture(params=TARGETS)
def emulate(request: Any, monkeypatch: pytest.MonkeyPatch) -> Callable[[Any, str], list[int]]:
    """emulate(module, name): a kernel runs in the emulator from now on; the list gets launches."""

    def replace(module: Any, name: str) -> list[int]:
        path, launched = qemu.program(getattr(module, name)().make, TARGETS[request.param]), []

        def run(total: int, grain: int, *slots: Any) -> None:
            launched.append(total)
            qemu.call(path, total, grain, *slots)

        monkeypatch.setattr(module, name, lambda: run)
        return launched

    return replace


def test_checksums(emulate: Any) -> None:
    rng = np.random.default_rng(0)
    parts = [rng.bytes(n) for n in (*range(40), 117, 1000)] + [b"123456789"]
    launched = emulate(checksums, "checksums")
    assert records.masked_crcs(parts).tolist() == [records._slow_masked_crc(part) for part in parts]
    assert launched == [len(parts)]


def test_scans_of_sound_torn_and_damaged_files(emulate: Any) -> None:
    rng = np.random.default_rng(1)
    whole = log(rng, 60)
    scans, searches = emulate(events, "scan"), emulate(events, "search")
    both(whole)
    for end in (5, len(whole) // 2, len(whole) - 1):
        both(whole[:end])
    for _ in range(12):
        raw = bytearray(whole)
        for _ in range(rng.integers(1, 5)):
            raw[rng.integers(len(raw))] ^= 1 << rng.integers(8)
        both(bytes(raw))
    assert len(scans) > 16 and searches


def test_a_damaged_record_and_a_damaged_length(emulate: Any) -> None:
    one = records.frame([messages.scalar_event(1.0, 1, "loss/train", 2.0)])
    emulate(events, "scan"), emulate(events, "search")
    raw = bytearray(one * 4)
    raw[len(one) + 20] ^= 1  # the second's message
    raw[2 * len(one)] ^= 1  # the third's length
    assert [row[3] for row in both(bytes(raw))] == ["loss/train", DAMAGED, "loss/train"]
    assert next_record(np.frombuffer(raw, np.uint8), 2 * len(one)) == 3 * len(one)


def test_malformed_messages_with_right_checksums(emulate: Any) -> None:
    """As the same machine code for this processor reads them."""
    rng = np.random.default_rng(2)
    usual, made = messages.event(1.0, 3, messages.scalar("tag", 2.0), messages.scalar("x", 1.0)), []
    for _ in range(200):
        message = bytearray(usual)
        for _ in range(rng.integers(0, 4)):
            message[rng.integers(len(message))] = rng.integers(256)
        made.append(bytes(message[: rng.integers(1, len(message)) if rng.random() < 0.3 else None]))
    data = np.frombuffer(records.frame(made), np.uint8)
    here, there = Scanner(), Scanner()
    want = here.scan(data)
    emulate(events, "scan")
    found = there.scan(data)
    scalar = want.tag >= 0
    assert found.consumed == len(data) and there.tags == here.tags and scalar.any() and not scalar.all()
    for name in ("tag", "start", "length"):
        np.testing.assert_array_equal(getattr(found, name), getattr(want, name))
    for name in ("step", "wall", "value"):
        np.testing.assert_array_equal(getattr(found, name)[scalar], getattr(want, name)[scalar])


@pytest.mark.parametrize("count, known", [(1, 1), (500, 1), (1000, 7), (100, 5000)])
def test_grouping(emulate: Any, count: int, known: int) -> None:
    tags, *columns = some_tags(np.random.default_rng(count), count, known)
    want = Grouping().sort(known, tags, *columns)
    want = [*want[:2], *(column.copy() for column in want[2:])]
    emulate(series, "grouping")
    for mine, theirs in zip(Grouping().sort(known, tags, *columns), want, strict=True):
        np.testing.assert_array_equal(mine, theirs)


@pytest.mark.parametrize("seed", range(10))
def test_filling(emulate: Any, seed: int) -> None:
    launched = emulate(series, "filling")
    fill_alike(seed)
    assert len(launched) == 5
