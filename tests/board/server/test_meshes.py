"""Meshes over HTTP."""

import numpy as np
import pytest

CORNERS = np.array([[[0, 0, 0], [1, 0, 0], [0, 1, 0]]], np.float32)


def ready(asking, name="ball", count=1):
    asking.entries("mesh", f"{name}_vertices", count=count)
    return asking.json("/api/meshes", {"runs": ["run", "absent"]})["meshes"]


def mesh(asking, mark, item=0):
    return asking.packed("/api/mesh", {"run": "run", "name": "ball", "mark": mark, "item": item})


def test_corners_faces_and_colours_of_a_step(asking, write, make):
    faces, colours = (
        np.array([[[0, 1, 2], [0, 1, 7], [-1, 0, 1]]], np.int32),
        np.full((1, 3, 3), 255, np.uint8),
    )
    write(
        "run",
        (
            1,
            make.mesh("ball", "faces", faces),
            make.mesh("ball", "colours", colours),
            make.mesh("ball", "vertices", CORNERS),
        ),
        (2, make.mesh("ball", "vertices", CORNERS * 2)),
    )
    (found,) = ready(asking, count=2)
    assert (found["run"], found["name"], found["step"]) == ("run", "ball", [1, 2])
    head, numbers = mesh(asking, found["mark"][1])
    assert (head["vertices"], head["faces"], head["colours"], head["bad"]) == (3, 1, 3, 0)
    np.testing.assert_array_equal(numbers[:9], CORNERS.reshape(-1) * 2)
    np.testing.assert_array_equal(numbers[9:12], [0, 1, 2])  # faces whose corners are absent are left out
    np.testing.assert_array_equal(numbers[12:], 255)


def test_hostile_meshes(asking, write, make):
    bad = np.full((1, 3, 3), np.nan, np.float32)
    write(
        "run",
        (1, make.mesh("ball", "vertices", bad)),
        (2, make.mesh("ball", "vertices", np.zeros((2, 2), np.float32))),
        (
            3,
            make.mesh("ball", "vertices", np.zeros((1, 0, 3), np.float32)),
            make.mesh("lost", "faces", CORNERS),
        ),
    )
    (found,) = ready(asking, count=3)
    assert mesh(asking, found["mark"][0])[0]["bad"] == 3
    question = {"run": "run", "name": "ball", "mark": found["mark"][1]}
    assert asking.packed("/api/mesh", question)[0]["error"].startswith("malformed")
    assert mesh(asking, found["mark"][2])[0]["vertices"] == 0
    assert "no such mesh" in asking.packed("/api/mesh", question | {"name": "lost"})[0]["error"]
    assert "not kept" in asking.packed("/api/mesh", question | {"mark": "x"})[0]["error"]


def test_what_torch_writes(asking, tmp_path):
    tensorboard = pytest.importorskip("torch.utils.tensorboard")
    torch = pytest.importorskip("torch")
    with tensorboard.SummaryWriter(tmp_path / "run") as writer:
        colours, faces = torch.full((1, 3, 3), 9, dtype=torch.uint8), torch.tensor([[[0, 1, 2]]])
        writer.add_mesh("ball", torch.tensor(CORNERS), colours, faces.int(), global_step=5)
    asking.entries("mesh", "ball_VERTEX")
    asking.entries("mesh", "ball_COLOR")
    (found,) = asking.json("/api/meshes", {"runs": ["run"]})["meshes"]
    head, numbers = mesh(asking, found["mark"][0])
    assert (found["step"], head["faces"], head["colours"]) == ([5], 1, 3)
    np.testing.assert_array_equal(numbers, [*CORNERS.reshape(-1), 0, 1, 2, *[9] * 9])
