"""torch.utils.tensorboard: the board's Writer under the name that PyTorch programs know."""

import subprocess
import sys

import pytest

import rushlight
from rushlight.board import Writer

PROGRAM = """
import sys
import torch.utils.tensorboard as all_of_it
from torch.utils.tensorboard import SummaryWriter
from torch.utils.tensorboard import FileWriter
with SummaryWriter(sys.argv[1]) as writer:
    writer.add_scalar("x", 2.0)
    print(SummaryWriter is all_of_it.SummaryWriter, isinstance(writer.file_writer, FileWriter))
"""


def test_the_names_are_the_boards():
    from rushlight.utils.tensorboard import FileWriter, SummaryWriter

    assert SummaryWriter is Writer and rushlight.utils.tensorboard.SummaryWriter is Writer
    assert FileWriter.__name__ == "FileWriter"
    with pytest.raises(AttributeError, match="SummaryWriter"):
        rushlight.utils.tensorboard.SumaryWriter  # noqa: B018


def test_the_room_is_light():
    program = "import sys, rushlight.utils.tensorboard; print('rushlight.board' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"


def test_a_program_for_torch_runs(tmp_path):
    (tmp_path / "program.py").write_text(PROGRAM)
    command = [sys.executable, "-m", "rushlight", "run", "program.py", "logs"]
    done = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path)
    assert (done.stdout, done.returncode) == ("True True\n", 0), done.stderr
    assert len(list((tmp_path / "logs").iterdir())) == 1
