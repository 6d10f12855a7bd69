"""`rushlight board LOGDIR`: training runs on a page, live."""

from __future__ import annotations

import argparse
from pathlib import Path

from ..board.logs.store import MEMORY
from ..kernels import allocator

KEPT = 16 << 20  # bytes
NEEDS = "the board needs starlette, uvicorn and websockets: pip install 'rushlight[board]'"
SIZES = {"K": 1 << 10, "M": 1 << 20, "G": 1 << 30}


def size(text: str) -> int:
    """Bytes from "512M" or "2G"."""
    number, unit = (text[:-1], SIZES.get(text[-1:].upper(), 0)) if text[-1:].isalpha() else (text, 1)
    if not unit or not number.isdigit():
        raise argparse.ArgumentTypeError(f"{text!r} is no size; write for example 512M or 2G")
    return int(number) * unit


def main(arguments: list[str]) -> int:
    """Reads the arguments, serves until Ctrl-C; returns the exit status."""
    parser = argparse.ArgumentParser("rushlight board", description="Show training runs on a page, live.")
    parser.add_argument(
        "logdir", type=Path, help="a folder with runs: event files of Rushlight, PyTorch, TensorFlow"
    )
    parser.add_argument(
        "--host", default="127.0.0.1", help="address to listen on; others than loopback ask a token"
    )
    parser.add_argument("--port", type=int, default=6006, help="the next free one is taken; 0: any")
    parser.add_argument("--memory", type=size, default=MEMORY, metavar="512M", help="what scalars may take")
    parser.add_argument("--token", help="ask for this token; by default one is made where it is needed")
    options = parser.parse_args(arguments)
    if not options.logdir.is_dir():
        parser.error(
            f"there is no folder {options.logdir}; give the one that your Writer writes to (`runs`?)"
        )
    try:
        from ..board.server.board import Board
    except ImportError as error:
        parser.exit(1, f"rushlight board: {NEEDS} ({error})\n")
    _keep_little()
    board = Board(options.logdir, options.host, options.port, options.memory, options.token)
    bound = board.bind()
    print(f"Rushlight's board shows {board.shared.store.root} at {board.url} (Ctrl-C ends it)", flush=True)
    board.serve(bound)
    return 0


def _keep_little() -> None:
    """Let the allocator keep little for reuse: an eighth of the memory is for who computes, not reads."""
    found = allocator.current()
    if found is not None:
        found.limit(KEPT)
