"""The view of images, and that of films."""

import pytest

CARD = "article[data-tag='a/b']"


def pictures(write, make, steps):
    write("run", *((k, make.image("a/b", make.png(4 + k, 2, (10 * k, 0, 0)))) for k in steps))


@pytest.fixture
def wait_width(until):
    """wait_width(page, width): when the card's picture is so wide, which tells the steps apart."""
    return lambda page, width: until(page, f'document.querySelector("{CARD} img")?.naturalWidth === {width}')


def test_steps_by_slider_and_keys(show, write, make, wait_width, until):
    pictures(write, make, range(5))
    page = show("#view=images")
    wait_width(page, 8)  # the latest
    page.locator(f"{CARD} input[type=range]").fill("1")
    wait_width(page, 5)
    page.locator(CARD).focus()
    page.keyboard.press("ArrowRight")
    wait_width(page, 6)
    until(page, "location.hash.endsWith('=2')")
    page.reload()  # the address keeps the step
    wait_width(page, 6)


def test_the_latest_is_followed(show, write, make, wait_width):
    pictures(write, make, range(2))
    page = show("#view=images")
    wait_width(page, 5)
    pictures(write, make, [9])
    wait_width(page, 13)


def test_brightness_contrast_and_actual_size(show, write, make, wait_width):
    pictures(write, make, [0])
    page = show("#view=images")
    wait_width(page, 4)
    page.get_by_label("Brightness").fill("2")
    assert "brightness(2)" in page.locator(f"{CARD} img").get_attribute("style")
    page.get_by_label("Actual size").check()
    assert page.locator(f"{CARD} img").bounding_box()["width"] == 4
    assert "brightness=2" in page.url and "actual=1" in page.url


def test_a_click_shows_it_large(show, write, make, wait_width):
    pictures(write, make, range(3))
    page = show("#view=images")
    wait_width(page, 6)
    page.locator(f"{CARD} .picture").click()
    dialog = page.locator("dialog[open]")
    dialog.wait_for()
    page.keyboard.press("ArrowLeft")
    dialog.get_by_text("step 1").wait_for()
    page.keyboard.press("Escape")
    dialog.wait_for(state="detached")
    page.locator("footer").get_by_text("step 1", exact=True).wait_for()


def test_hostile_pictures(show, write, make):
    svg = b"<svg xmlns='http://www.w3.org/2000/svg' onload=\"document.title='owned'\"/>"
    write(
        "run",
        (0, make.image("bomb", make.png_of(65_000, 65_000, bytes(9)))),
        (0, make.image("svg", svg)),
        (0, make.image("torn", make.png(3, 3)[:8] + bytes(40))),
        (0, make.legacy("none", 4, b"\x08\x01")),
    )
    page = show("#view=images")
    page.get_by_text("65000 × 65000 pixels are too many to show").wait_for()
    page.get_by_text("its bytes are nothing that can be shown here").wait_for()
    page.get_by_text("the picture is damaged").wait_for()
    page.get_by_text("malformed: the message has no encoded").wait_for()
    assert page.title() == "Rushlight board"


def test_a_film_plays_and_stops(show, write, make, pixels):
    write("run", (0, make.image("a/b", make.gif(3))))
    page = show("#view=video")
    page.wait_for_selector(f"{CARD} .player")
    page.get_by_title("Stop", exact=True).click()
    page.get_by_label("Frame").fill("1")
    page.get_by_text("2/3").wait_for()
    page.wait_for_timeout(200)
    first = pixels(page, f"{CARD} canvas", "return c[0]")
    page.get_by_label("Frame").fill("0")
    page.wait_for_timeout(200)
    assert {first, pixels(page, f"{CARD} canvas", "return c[0]")} == {0, 255}


def test_a_gif_is_shown_among_images_too(show, write, make, wait_width):
    write("run", (0, make.image("a/b", make.gif())))
    page = show("#view=images")
    wait_width(page, 2)
