"""The view of audio: a player and the wave of each sound."""

import numpy as np

PEAK = """
  const tall = x => { let n = 0; for (let y = 0; y < height; y++) n += c[4 * (y * width + x) + 3] > 0;
    return n; };
  const most = (a, b) => { let m = 0; for (let x = a; x < b; x++) m = Math.max(m, tall(x));
    return m / height; };
  return [most(0, Math.floor(width * 0.45)), most(Math.ceil(width * 0.55), width)];"""


def test_the_wave_is_that_of_the_samples(show, write, make, until, pixels):
    samples = np.sin(np.arange(8000)) * np.where(np.arange(8000) < 4000, 0.9, 0.3)
    write("run", (1, make.audio("s", make.wav(samples))))
    page = show("#view=audio")
    page.get_by_text("1.0s · mono").wait_for()
    page.wait_for_timeout(200)
    first, second = pixels(page, "article canvas", PEAK)
    assert 0.8 < first <= 1 and 0.2 < second < 0.45
    until(page, "document.querySelector('audio').duration > 0.9")
    page.locator(".wave").click(position={"x": 100, "y": 30})
    until(page, "document.querySelector('audio').currentTime > 0")


def test_a_sound_that_is_none(show, write, make):
    write("run", (1, make.audio("torn", make.wav(np.zeros(9))[:20])), (1, make.audio("page", b"<html>")))
    page = show("#view=audio")
    page.get_by_text("the sound cannot be decoded").wait_for()
    page.get_by_text("its bytes are nothing that can be shown here").wait_for()
