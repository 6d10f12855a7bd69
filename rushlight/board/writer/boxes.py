"""Rectangles with labels on a picture, drawn without a library."""

from __future__ import annotations

import numpy as np

RED = (255, 0, 0)
#: letters of 5 columns, from the space on; a column's lowest bit is its top
_FONT = (
    "000000000000005f00000007000700147f147f14242a7f2a12231308646236495620500008070300001c224100"
    "0041221c002a1c7f1c2a08083e080800807030000808080808000060600020100804023e5149453e00427f4000"
    "72494949462141494d331814127f1027454545393c4a49493141211109073649494936464949291e0000140000"
    "004034000000081422411414141414004122140802015909063e415d594e7c1211127c7f494949363e41414122"
    "7f4141413e7f494949417f090909013e414151737f0808087f00417f41002040413f017f081422417f40404040"
    "7f021c027f7f0408107f3e4141413e7f090909063e4151215e7f09192946264949493203017f01033f4040403f"
    "1f2040201f3f4038403f631408146303047804036159494d43007f4141410204081020004141417f0402010204"
    "4040404040000307080020545478407f284444383844444428384444287f385454541800087e090218a4a49c78"
    "7f0804047800447d40002040403d007f1028440000417f40007c047804787c080404783844444438fc18242418"
    "18242418fc7c08040408485454542404043f44243c4040207c1c2040201c3c4030403c44281028444c9090907c"
    "4464544c440008364100000077000000413608000201020402"
)


def drawn(pixels: np.ndarray, boxes: np.ndarray, labels: list[str] | None) -> np.ndarray:
    """uint8 pixels [height, width, 3 or 4] with red frames, each with its label at the bottom."""
    out = pixels.copy()
    red = np.array([*RED, 255][: out.shape[2]], np.uint8)
    for k, box in enumerate(boxes.tolist()):
        left, top, right, bottom = (round(x) for x in box)
        across, down = (left, right), (top - 1, bottom + 1)  # the pixels that Pillow gives lines of width 2
        for rows, columns in (
            ((top - 1, top), across),
            ((bottom, bottom + 1), across),
            (down, (left, left + 1)),
            (down, (right - 1, right)),
        ):
            _part(out, rows, columns)[:] = red
        if labels is not None and labels[k]:
            _write(out, labels[k], left, bottom, red)
    return out


def _part(pixels: np.ndarray, rows: tuple[int, int], columns: tuple[int, int]) -> np.ndarray:
    """From the first to the last of these rows and columns, as far as they lie inside."""
    top, left = max(rows[0], 0), max(columns[0], 0)
    return pixels[top : max(rows[1] + 1, top), left : max(columns[1] + 1, left)]


def _write(pixels: np.ndarray, text: str, left: int, bottom: int, red: np.ndarray) -> None:
    """A line of black letters on red."""
    letters = lettered(text)
    height, width = letters.shape[0] + 2, letters.shape[1] + 2
    patch = np.broadcast_to(red, (height, width, len(red))).copy()
    patch[1:-1, 1:-1][letters] = [0, 0, 0, 255][: len(red)]
    top = max(bottom - height, 0)
    room = pixels[top : top + height, max(left, 0) : max(left, 0) + width]
    room[:] = patch[: room.shape[0], : room.shape[1]]


def lettered(text: str) -> np.ndarray:
    """Where a line of text has ink: [8, 6 a letter]; what is no ASCII is a question mark."""
    columns = np.frombuffer(bytes.fromhex(_FONT), np.uint8).reshape(-1, 5)
    codes = [ord(c) - 32 if " " <= c <= "~" else ord("?") - 32 for c in text]
    wide = np.concatenate([columns[codes], np.zeros((len(codes), 1), np.uint8)], 1).reshape(-1)
    return np.unpackbits(wide[None], axis=0, bitorder="little").astype(bool)
