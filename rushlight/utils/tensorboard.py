"""`torch.utils.tensorboard`: the board's Writer, under the name that PyTorch programs know it by.

The board stands above this room, so its names are looked up when they are asked for.
"""

from ..lazy import lazy_names

_HOMES = {
    "SummaryWriter": "rushlight.board.writer.writer:Writer",
    "FileWriter": "rushlight.board.writer.file_writer:FileWriter",
}

__getattr__, __dir__ = lazy_names(__name__, _HOMES, shown="torch.utils.tensorboard")
