"""All points of a scalar, from the files."""

import numpy as np

from rushlight.board.events import messages
from rushlight.board.events.records import frame
from rushlight.board.logs.raw import raw_points


def test_points_of_one_tag_in_order(write, tmp_path):
    first = write("a", {"loss": np.arange(3000.0).tolist(), "lr": [5.0]})
    second = write("a", {"loss": [7.0]}, name="events.out.tfevents.2", first=3000)
    parts = list(raw_points([first, second], "loss"))
    assert np.concatenate([part.value for part in parts]).tolist() == [*range(3000), 7]
    assert np.concatenate([part.step for part in parts]).tolist() == list(range(3001))
    assert list(raw_points([first], "absent")) == []


def test_scalars_among_other_values_keep_their_place(tmp_path):
    path = tmp_path / "x.tfevents"
    text = messages.tensor_value("note", ["hello"], messages.metadata("text"))
    mixed = messages.event(2.0, 2, messages.scalar("loss", 2.0), text)
    path.write_bytes(frame([messages.scalar_event(1.0, 1, "loss", 1.0), mixed,
                            messages.scalar_event(3.0, 3, "loss", 3.0)]))  # fmt: skip
    (points,) = raw_points([path], "loss")
    assert points.value.tolist() == [1, 2, 3] and points.step.tolist() == [1, 2, 3]
