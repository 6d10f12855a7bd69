"""Event files, written at once."""

import pytest

from rushlight.board.events import messages
from rushlight.board.events.records import frame


def scalars(tag, values, first=0):
    """The records of a scalar's points at steps from `first` on."""
    return frame([messages.scalar_event(100.0 + k, first + k, tag, x) for k, x in enumerate(values)])


@pytest.fixture
def write(tmp_path):
    """write("a/b", {"loss": [..]}): an event file in a folder below tmp_path; its path."""

    def write(run, tags, name="events.out.tfevents.1", first=0, mode="ab"):
        path = tmp_path / run / name
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open(mode) as file:
            file.write(b"".join(scalars(tag, values, first) for tag, values in tags.items()))
        return path

    return write
