"""A file of the epochs."""

from __future__ import annotations

import csv
import io
import os
from typing import Any

from ...io.atomic import replacing
from .base import Callback


class CSVLogger(Callback):
    """Write the history to a CSV file after each epoch: a column for each name, a row for each epoch.

    The file always holds whole rows, and after a training was taken up again those of its history.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = path

    def on_epoch_end(self, trainer: Any) -> None:
        text = io.StringIO(newline="")
        table = csv.DictWriter(text, trainer.history.names())
        table.writeheader()
        table.writerows(trainer.history)
        with replacing(self.path) as file:
            file.write(text.getvalue().encode())
