"""The last part of the tour: what the networks wrote while they learned, on the board's page."""

import time
import webbrowser
from pathlib import Path

from rushlight.board import Writer

from . import terminal
from .terminal import heading, paint, say

FOLDER = Path("runs", time.strftime("tour-%Y%m%d-%H%M%S"))


def recorded(name, losses, tag="loss"):
    """Hands on the losses of a run, writing them for the board."""
    with Writer(FOLDER / name) as writer:
        for step, loss in enumerate(losses, 1):
            writer.add_scalar(tag, float(loss), step)
            yield loss


def show():
    """Tells where the runs can be seen; on a terminal, opens them and waits until Enter or Ctrl-C."""
    heading("4  The board")
    say(f"While they learned, the networks wrote to {FOLDER}. The board shows such runs on a page, live: "
        "losses, images, the model itself, where the time went.")
    command = f"rushlight board {FOLDER.parent}"
    try:
        from rushlight.board.server.board import Board
    except ImportError as error:
        return say(f"It needs the extra `rushlight[board]` ({error}); then: {paint(command, 'bold')}")
    if not terminal.ON_TERMINAL:
        board = Board(FOLDER.parent)
        return say(f"Open it with `{command}`, then {board.url} in a browser.")
    board = Board(FOLDER.parent).start()
    print(f"\n  {paint('→', 'good')} {paint(board.url, 'bold')}   {paint('also: ' + command, 'faint')}\n")
    webbrowser.open(board.url)
    try:
        input("  It stays until you press Enter. ")
    except (KeyboardInterrupt, EOFError):
        print()
    board.close()
