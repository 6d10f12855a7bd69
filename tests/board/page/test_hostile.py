"""Ten kinds of hostile content in logs: the page shows them as text, runs no script of theirs, and lives."""

import json
import os

import pytest

from rushlight.board.events import messages
from rushlight.board.events.records import frame
from rushlight.board.logs.annotations import FILE

OWN = "window.owned=1"
IMAGE = f'<img src=x onerror="{OWN}">'
SCRIPT = f"</script><script>{OWN}</script>"
NAME = "events.out.tfevents.1"


def run(root, folder, *records, name=NAME):
    (root / folder).mkdir(parents=True, exist_ok=True)
    (root / folder / name).write_bytes(frame(list(records)))


def scalar(tag, x=1.0, step=1):
    return messages.scalar_event(1e9, step, tag, x)


def tag_of_html(root):
    run(root, "a", scalar(IMAGE), scalar(f"x/{SCRIPT}"))


def folder_of_html(root):
    run(root, IMAGE.replace("/", ""), scalar("loss"))


def folder_of_quotes(root):
    run(root, f"a' onmouseover='{OWN}' b=\"", scalar("loss"))


def label_and_note(root):
    run(root, "a", scalar("loss"))
    said = {"a": {"label": IMAGE, "note": SCRIPT}}
    (root / FILE).write_text(json.dumps({"version": 1, "runs": said}))


def forged_colour(root):
    run(root, "a", scalar("loss"))
    said = {"a": {"colour": f"red;background:url(javascript:{OWN})"}}
    (root / FILE).write_text(json.dumps({"version": 1, "runs": said}))


def names_of_prototypes(root):
    tags = ["__proto__", "constructor", "toString", "hasOwnProperty"]
    values = [messages.tensor_value("polluted", ["x"], messages.metadata(plugin)) for plugin in tags]
    others = [messages.event(1.0, 1, value) for value in values]
    run(root, "__proto__", *(scalar(tag) for tag in tags), *others)


def numbers_beyond_json(root):
    points = [scalar("loss", x, k) for k, x in enumerate([float("nan"), float("inf"), -float("inf"), 1e38])]
    times = [(float("nan"), -(1 << 62)), (-1e300, 5)]
    run(root, "a", *points, *(messages.scalar_event(wall, step, "time", 1.0) for wall, step in times))


def strange_unicode(root):
    run(root, "a\u202egnp.\u2066", scalar("\u202e\u0000\u2028</title>\ud7ff"), scalar("🔥" * 300))
    try:
        os.mkdir(os.fsencode(root) + b"/bad\xff")
    except OSError:
        return
    with open(os.fsencode(root) + b"/bad\xff/" + NAME.encode(), "wb") as file:
        file.write(frame([scalar("loss")]))


def html_in_every_plugin(root):
    text = messages.tensor_value(IMAGE, [IMAGE, SCRIPT, f"[x](javascript:{OWN})"], messages.metadata("text"))
    other = messages.tensor_value(SCRIPT, [IMAGE], messages.metadata(IMAGE, IMAGE.encode(), IMAGE))
    run(root, "a", scalar("loss"), messages.event(1.0, 1, text), messages.event(1.0, 2, other))


def thousands_of_tags(root):
    run(root, "a", *(scalar(f"{k}/{IMAGE}{k}") for k in range(1500)))


KINDS = [tag_of_html, folder_of_html, folder_of_quotes, label_and_note, forged_colour, names_of_prototypes,
         numbers_beyond_json, strange_unicode, html_in_every_plugin, thousands_of_tags]  # fmt: skip


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
@pytest.mark.parametrize("hash", ["", "#table=1"])
def test_no_script_runs(show, tmp_path, kind, hash):
    kind(tmp_path)
    page = show(hash)
    page.locator("li.run").first.wait_for()
    page.wait_for_selector("article .legend tr, .compare td", timeout=20_000)
    if not hash:
        page.locator("article .u-over").first.hover()
        for tab in page.get_by_role("tab").all():
            tab.click()
            page.wait_for_timeout(100)
        page.get_by_role("tab", name="Scalars").click()
    page.locator(".more").first.click()
    page.locator(".details").wait_for()
    page.wait_for_timeout(200)
    assert page.evaluate("window.owned") is None and page.title() == "Rushlight board"
    assert page.locator("main article img[src=x], .side img, main script, .side script").count() == 0
    assert page.evaluate("({}).polluted === undefined && Object.keys(Object.prototype).length === 0")
