"""The table of docs/board_writer.md: python -m tests.board.writer.table, where torch and TensorBoard are."""

from __future__ import annotations

import logging
import tempfile
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from rushlight.board import Writer

from .calls import CALLS, Call, plain_embedding, plain_hparams
from .peers import as_shown, beside, differences, rushlight_reads, tensorboard_reads

BY_EYE = {"add_video", "add_image_with_boxes"}  # torch needs moviepy; lines and Lanczos differ by a little
# tensorboardX has no add_tensor and no new style; its audio needs soundfile, its video moviepy
OTHERS = {"add_tensor", "add_hparams", "add_embedding", "add_video", "add_audio"}
THEIR_CALLS = [c for c in CALLS if c.method not in OTHERS and not c.note]
THEIR_CALLS += [Call("add_hparams", plain_hparams), Call("add_embedding", plain_embedding)]
COLUMNS = "| call | TensorBoard reads ours as torch's | we read torch's | we read tensorboardX's |"
HEAD = f"{COLUMNS}\n|---|---|---|---|"


def written(folder: Path, make_writer: Callable[[str], Any], call: Call) -> Path:
    """A folder that a call filled."""
    import torch

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of peers
        with make_writer(str(folder)) as writer:
            call.make(writer, torch.from_numpy)
    return folder


def alike(ours: Path, theirs: Path) -> bool:
    """Whether TensorBoard finds the same in both, and the files beside are the same."""
    found = tensorboard_reads(ours)
    return (
        not differences(tensorboard_reads(theirs), found)
        and not differences({("", ""): beside(theirs)}, {("", ""): beside(ours)})
        and bool(found or beside(ours))
    )


def readable(folder: Path) -> bool:
    """Whether we find there what TensorBoard finds."""
    return not differences(as_shown(tensorboard_reads(folder)), as_shown(rushlight_reads(folder)))


def rows() -> Iterator[str]:
    """A line for each call."""
    from tensorboardX import SummaryWriter as Other
    from torch.utils.tensorboard import SummaryWriter

    others = {call.method: call for call in THEIR_CALLS}
    for call in CALLS:
        with tempfile.TemporaryDirectory() as name:
            root = Path(name)
            ours = written(root / "ours", Writer, call)
            cells = [f"{verdict(readable(ours))} (drawn by us)", "— (needs moviepy)"]
            if call.method != "add_video":
                theirs = written(root / "theirs", SummaryWriter, call)
                cells = [verdict(alike(ours, theirs)), verdict(readable(theirs))]
            if call.method == "add_image_with_boxes":
                cells[0] = f"{verdict(readable(ours))} (pixels differ at edges)"
            other = others.get(call.method) if not call.note else None
            third = None if other is None else written(root / "other", Other, other)
            cells.append("—" if third is None else verdict(readable(third)))
        note = f" ({call.note})" if call.note else ""
        yield f"| {call.method}{note} | {' | '.join(cells)} |"


def verdict(passed: bool) -> str:
    """pass or FAIL."""
    return "pass" if passed else "FAIL"


def main() -> None:
    """Print it."""
    logging.disable()
    print(HEAD)
    for row in rows():
        print(row, flush=True)


if __name__ == "__main__":
    main()
