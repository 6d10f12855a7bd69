"""The view of PR curves."""

import numpy as np


def curve(n=11, good=0.5):
    threshold = np.linspace(0, 1, n)
    tp, fp = 100 * (1 - threshold * (1 - good)), 100 * (1 - threshold)
    return np.stack([tp, fp, 100 - fp, 100 - tp, tp / (tp + fp), tp / 100]).astype(np.float32)


def test_curves_steps_and_tooltip(show, write, make):
    for run, good in (("one", 0.5), ("two", 0.9)):
        write(run, *((k, make.tensor("c/d", "pr_curves", curve(11, good * (k + 1) / 3))) for k in range(3)))
    page = show("#view=curves")
    canvas = page.wait_for_selector("article canvas")
    page.get_by_text("two", exact=True).nth(1).wait_for()
    canvas.focus()
    page.keyboard.press("ArrowLeft")
    tip = page.locator("article .tip")
    tip.get_by_text("threshold").wait_for()
    facts = dict(row.split("\t") for row in tip.locator("table").inner_text().splitlines())
    assert facts["threshold"] == "0.1" and facts["FP"] == "90" and facts["TN"] == "10" and facts["TP"] == "95"
    page.locator("article > footer input").fill("0")
    page.wait_for_timeout(400)
    facts = dict(row.split("\t") for row in tip.locator("table").inner_text().splitlines())
    assert facts["TP"] == "91.667"
    canvas.hover(position={"x": 300, "y": 150})
    tip.get_by_text("precision").wait_for()


def test_a_curve_of_wrong_shape_is_named(show, write, make):
    write("bad", (0, make.tensor("c", "pr_curves", np.zeros((5, 3), np.float32))))
    write("good", (0, make.tensor("c", "pr_curves", curve())))
    page = show("#view=curves")
    page.locator("article .problem").get_by_text("bad: malformed").wait_for()
    page.locator("article .key").get_by_text("good").wait_for()
