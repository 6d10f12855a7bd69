"""The view of meshes: drawn, turned by pointer and keys, hostile ones."""

import numpy as np
import pytest

CORNERS = np.array([[[-1, -1, 0], [1, -1, 0], [1, 1, 0], [-1, 1, 0]]], np.float32)
FACES = np.array([[[0, 1, 2], [0, 2, 3]]], np.int32)
SEEN = """const found = { count: 0, red: 0, sum: 0 };
  for (let i = 0; i < c.length; i += 4) if (c[i + 3]) {
    found.count++; found.red += c[i] > c[i + 1] + 40; found.sum += i; }
  return found;"""


@pytest.fixture
def seen(pixels):
    """seen(page): how many pixels are drawn and red, and a sum that tells pictures apart."""

    def look(page):
        page.wait_for_timeout(250)
        return pixels(page, "article canvas", SEEN)

    return look


def test_faces_and_colours_turn(show, write, make, seen):
    red = np.array([[[255, 0, 0]] * 4], np.uint8)
    write(
        "run",
        (
            1,
            make.mesh("a", "vertices", CORNERS),
            make.mesh("a", "faces", FACES),
            make.mesh("a", "colours", red),
        ),
    )
    page = show("#view=meshes")
    page.get_by_text("4 points · 2 faces").wait_for()
    first = seen(page)
    assert first["count"] > 5000 and first["red"] == first["count"]
    page.locator("article canvas").focus()
    page.keyboard.press("ArrowRight")
    second = seen(page)
    assert second["sum"] != first["sum"]
    box = page.locator("article canvas").bounding_box()
    page.mouse.move(box["x"] + 100, box["y"] + 100)
    page.mouse.down()
    page.mouse.move(box["x"] + 140, box["y"] + 100)
    page.mouse.up()
    assert seen(page)["sum"] != second["sum"]
    page.get_by_title("As at first").click()
    assert seen(page)["sum"] == first["sum"]


def test_points_batches_and_steps(show, write, make, seen):
    cloud = np.random.default_rng(0).normal(size=(2, 500, 3)).astype(np.float32)
    write("run", (1, make.mesh("a", "vertices", cloud)), (2, make.mesh("a", "vertices", cloud[:, :50])))
    page = show("#view=meshes")
    page.get_by_text("50 points").wait_for()
    few = seen(page)["count"]
    page.locator("article > footer input").fill("0")
    page.get_by_text("500 points").wait_for()
    assert seen(page)["count"] > few
    first = seen(page)["sum"]
    page.get_by_label("mesh", exact=False).last.fill("2")
    page.wait_for_timeout(300)
    assert seen(page)["sum"] != first


def test_hostile_meshes_do_not_harm(show, write, make):
    bad = CORNERS.copy()
    bad[0, 0] = np.nan
    bad[0, 1] = 1e38
    write(
        "run",
        (1, make.mesh("a", "vertices", bad), make.mesh("a", "faces", FACES)),
        (1, make.mesh("b", "vertices", np.zeros((2, 2), np.float32))),
    )
    page = show("#view=meshes")
    page.get_by_text("1 are no numbers").wait_for()
    page.get_by_text("malformed: a mesh is a").wait_for()
