"""The view of histograms: ridges, overlay and bands, what the pointer and the keys show, live steps."""

from pathlib import Path
from xml.etree import ElementTree

import numpy as np


def rows(centre, count=100):
    return np.array(
        [[centre + k / 10, centre + (k + 1) / 10, count * (k + 1)] for k in range(10)], np.float64
    )


def log(write, make, steps):
    return write("run", *((k, make.tensor("w/layer", "histograms", rows(k * 0.1))) for k in steps))


CARD = "article[data-tag='w/layer']"
INKED = "let n = 0; for (let i = 3; i < c.length; i += 4) n += c[i] > 0; return n;"


def test_ridges_overlay_and_bands_are_drawn(show, write, make, pixels):
    log(write, make, range(20))
    page = show("#view=histograms")
    page.wait_for_selector(f"{CARD} canvas")
    inked = []
    for mode in ("offset", "overlay", "bands"):
        page.get_by_label("Show").select_option(mode)
        page.wait_for_timeout(200)
        inked.append(pixels(page, f"{CARD} canvas", INKED))
    assert min(inked) > 3000 and len(set(inked)) == 3
    assert "hist=bands" in page.url


def test_the_pointer_and_the_keys_show_counts(show, write, make):
    log(write, make, range(3))
    page = show("#view=histograms")
    canvas = page.wait_for_selector(f"{CARD} canvas")
    canvas.hover()
    tip = page.locator(f"{CARD} .tip")
    tip.get_by_text("5500").wait_for()  # of so many in all
    before = tip.inner_text()
    canvas.focus()
    page.keyboard.press("ArrowUp")
    page.keyboard.press("ArrowUp")
    page.keyboard.press("ArrowUp")
    tip.get_by_text("step 0").wait_for()
    assert tip.inner_text() != before
    page.get_by_label("Show").select_option("bands")
    canvas.hover()
    tip.get_by_text("median").wait_for()


def test_new_steps_come_by_themselves(show, write, make):
    log(write, make, range(2))
    page = show("#view=histograms&hist=bands")
    canvas = page.wait_for_selector(f"{CARD} canvas")
    log(write, make, [50])
    page.wait_for_timeout(900)
    canvas.focus()
    page.keyboard.press("ArrowRight")
    page.locator(f"{CARD} .tip").get_by_text("step 50").wait_for()


def test_they_are_saved_as_files(show, write, make):
    log(write, make, range(3))
    page = show("#view=histograms&hist=bands")
    page.wait_for_selector(f"{CARD} canvas")
    contents = {}
    for kind in ("PNG", "SVG", "CSV"):
        page.locator(f"{CARD} summary").click()
        with page.expect_download() as waiting:
            page.locator(f"{CARD} .choices").get_by_text(kind).click()
        contents[kind] = Path(waiting.value.path()).read_bytes()
    assert contents["PNG"].startswith(b"\x89PNG") and len(contents["PNG"]) > 5000
    root = ElementTree.fromstring(contents["SVG"])
    assert len(root.findall(".//{http://www.w3.org/2000/svg}path")) >= 8
    header, *lines = contents["CSV"].decode().splitlines()
    assert header.startswith("step,wall_time,least") and len(lines) == 3 and lines[2].startswith("2,1002,")


def test_hostile_histograms_are_errors_of_their_card(show, write, make):
    attack = "<img src=x onerror=\"document.title='owned'\">"
    write(
        "run",
        (0, make.tensor(attack, "histograms", np.zeros((3, 2)))),
        (1, make.tensor(attack, "histograms", rows(0))),
        (2, make.tensor(attack, "histograms", np.full((2, 3), np.nan))),
    )
    page = show("#view=histograms")
    page.locator("article .problem").get_by_text("step 0: malformed").wait_for()
    page.wait_for_selector("article canvas")
    assert page.title() == "Rushlight board" and page.locator("article img").count() == 0


def test_four_hundred_steps_are_drawn_within_a_frame_or_few(show, write, make):
    """No time is asserted here; that all are drawn is: each ridge is found by the keys."""
    log(write, make, range(400))
    page = show("#view=histograms")
    canvas = page.wait_for_selector(f"{CARD} canvas")
    canvas.focus()
    page.keyboard.press("ArrowDown")
    page.locator(f"{CARD} .tip").get_by_text("step 399").wait_for()


def test_a_log_without_histograms_has_no_tab(show, write, make):
    write("run", (0, make.text("t", b"a")))
    page = show("#view=histograms")
    page.get_by_role("tab", name="Text").wait_for()
    assert page.get_by_role("tab", name="Histograms").count() == 0
