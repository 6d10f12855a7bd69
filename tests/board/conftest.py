"""Logs for the tests of the board: events as TensorFlow and PyTorch write them, by hand."""

import struct
import time
import zlib

import numpy as np
import pytest

from rushlight.board.events import messages
from rushlight.board.events.records import frame
from rushlight.io import protobuf
from tests.board.asking import Asking


class Make:
    """Summary.Values of every kind, as bytes."""

    def legacy(self, tag, field, message):
        return protobuf.text(1, tag) + protobuf.data(field, message)

    def tensor(self, tag, plugin, array, content=b""):
        return messages.tensor_value(tag, array, messages.metadata(plugin, content))

    def image(self, tag, encoded, width=1, height=1):
        size = protobuf.uint(1, height) + protobuf.uint(2, width) + protobuf.uint(3, 3)
        return self.legacy(tag, 4, size + protobuf.data(4, encoded))

    def audio(self, tag, encoded):
        return self.legacy(tag, 6, protobuf.single(1, 8000.0) + protobuf.data(4, encoded))

    def text(self, tag, strings):
        return self.tensor(tag, "text", np.array(strings, object))

    def histogram(self, tag, limits, counts, low, high):
        head = protobuf.double(1, low) + protobuf.double(2, high) + protobuf.double(3, float(np.sum(counts)))
        return self.legacy(tag, 5, head + protobuf.doubles(6, limits) + protobuf.doubles(7, counts))

    def mesh(self, name, part, array):
        content = protobuf.text(2, name) + protobuf.uint(3, {"vertices": 1, "faces": 2, "colours": 3}[part])
        return self.tensor(f"{name}_{part}", "mesh", array, content)

    def png(self, width, height, colour=(255, 0, 0)):
        row = b"\0" + bytes(colour) * width
        return self.png_of(width, height, zlib.compress(row * height))

    def png_of(self, width, height, data):
        """A PNG that claims a size, with any compressed data."""
        head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
        chunks = [(b"IHDR", head), (b"IDAT", data), (b"IEND", b"")]
        made = [struct.pack(">I", len(d)) + k + d + struct.pack(">I", zlib.crc32(k + d)) for k, d in chunks]
        return b"\x89PNG\r\n\x1a\n" + b"".join(made)

    def gif(self, frames=2):
        """A GIF of 2 x 1 pixels: black and white, changing places."""
        head = b"GIF89a" + struct.pack("<HHBBB", 2, 1, 0x80, 0, 0) + b"\0\0\0\xff\xff\xff"
        loop = b"\x21\xff\x0bNETSCAPE2.0\x03\x01\0\0\0"
        # LZW of two pixels, 3 bits a code: clear 4, the pixels, end 5
        codes = [4 | (k % 2) << 3 | (1 - k % 2) << 6 | 5 << 9 for k in range(frames)]
        image = b"\x2c" + struct.pack("<HHHHB", 0, 0, 2, 1, 0) + b"\x02\x02"
        control = b"\x21\xf9\x04\x04\x0a\0\0\0"
        return head + loop + b"".join(control + image + struct.pack("<H", c) + b"\0" for c in codes) + b"\x3b"

    def wav(self, samples, rate=8000):
        data = (np.clip(samples, -1, 1) * 32767).astype("<i2").tobytes()
        head = struct.pack("<IHHIIHH", 16, 1, 1, rate, 2 * rate, 2, 16)
        return (
            b"RIFF"
            + struct.pack("<I", 36 + len(data))
            + b"WAVEfmt "
            + head
            + b"data"
            + struct.pack("<I", len(data))
            + data
        )


@pytest.fixture
def make():
    return Make()


@pytest.fixture
def write(tmp_path):
    """write(run, (step, value, ...), ...): appends events to the run's file, and returns its path."""

    def write_events(run, *steps):
        folder = tmp_path / run
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / "events.out.tfevents.1.test"
        events = [] if path.exists() else [messages.file_version(1.0)]
        events += [messages.event(1000.0 + step, step, *values) for step, *values in steps]
        with path.open("ab") as file:
            file.write(frame(events))
        return path

    return write_events


PIXELS = """const copy = new OffscreenCanvas(canvas.width, canvas.height)
    .getContext('2d', { willReadFrequently: true });
  copy.drawImage(canvas, 0, 0);
  const { width, height } = canvas, c = copy.getImageData(0, 0, width, height).data;"""


@pytest.fixture
def until():
    """until(page, expression): when it is true there. (wait_for_function needs a forbidden eval.)"""

    def wait(page, expression):
        deadline = time.monotonic() + 15
        while not page.evaluate(expression):
            assert time.monotonic() < deadline, f"never true: {expression}"
            page.wait_for_timeout(50)

    return wait


@pytest.fixture
def pixels():
    """pixels(page, selector, script): what a script says of a canvas, given `width`, `height`, `c` (RGBA)."""

    def look(page, selector, script):
        return page.eval_on_selector(selector, f"canvas => {{ {PIXELS} {script} }}")

    return look


@pytest.fixture
def board(tmp_path):
    """A board over `tmp_path`, in this process."""
    pytest.importorskip("uvicorn")
    from rushlight.board.server.board import Board

    board = Board(tmp_path, port=0).start()
    yield board
    board.close()


@pytest.fixture
def asking(board):
    """Questions to that board."""
    return Asking(board)
