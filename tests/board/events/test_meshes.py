"""Meshes: their metadata and tensors."""

import numpy as np
import pytest

from rushlight.board.events.decoding import decode_value
from rushlight.board.events.meshes import decode_part, decode_rows, sound_faces


def test_torchs_mesh():
    torch = pytest.importorskip("torch")
    summary = pytest.importorskip("torch.utils.tensorboard.summary")
    corners = torch.arange(24.0).reshape(2, 4, 3)
    made = summary.mesh(
        "ball", corners, torch.zeros(2, 4, 3, dtype=torch.uint8), torch.ones(2, 1, 3).int(), {}
    )
    values = [decode_value(value.SerializeToString()) for value in made.value]
    parts = [decode_part(value.content) for value in values]
    assert {part.part for part in parts} == {"vertices", "faces", "colours"}
    assert {part.name for part in parts} == {"ball"}
    rows, batch = decode_rows(values[[part.part for part in parts].index("vertices")], 1)
    assert batch == 2
    np.testing.assert_array_equal(rows, corners[1].numpy())


@pytest.mark.parametrize("shape", [(3,), (2, 2), (0, 3, 3), (1, 1, 1, 3)])
def test_other_shapes_are_refused(make, shape):
    with pytest.raises(ValueError):
        decode_rows(decode_value(make.mesh("m", "vertices", np.zeros(shape, np.float32))))


def test_faces_without_corners_are_left_out():
    faces = np.array([[0, 1, 2], [0, 1, 3], [-1, 0, 1], [np.nan, 0, 1]])
    np.testing.assert_array_equal(sound_faces(faces, 3), [[0, 1, 2]])


def test_metadata_that_name_no_part_are_refused():
    with pytest.raises(ValueError, match="vertices, faces or colours"):
        decode_part(b"")
