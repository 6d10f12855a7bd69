"""Runs managed in the page: named, coloured, grouped, sorted, hidden, deleted and brought back."""

import json
import os

from rushlight.board import Writer
from rushlight.board.logs.annotations import FILE


def write(folder, value=1.0, count=5, age=100):
    with Writer(folder) as writer:
        for step in range(count):
            writer.add_scalar("loss", value, step)
    for path in folder.iterdir():
        os.utime(path, (path.stat().st_mtime - age,) * 2)


def names(page):
    return page.locator(".runs li.run .name").all_inner_texts()


def row(page, name):
    return page.locator(f"li.run:has(.name:text-is('{name}'))")


def test_a_label_and_a_note_are_kept_and_seen_by_others(show, tmp_path):
    write(tmp_path / "one")
    first, second = show(), show()
    row(second, "one").wait_for()
    first.get_by_label("Change one").click()
    first.get_by_label("Label").fill("my <b>best</b>")
    first.get_by_label("Label").press("Enter")
    first.get_by_label("Note").fill("two\nlines")
    first.get_by_label("Note").blur()
    row(second, "my <b>best</b>").wait_for()
    second.get_by_label("has a note").wait_for()
    assert json.loads((tmp_path / FILE).read_text())["runs"] == {
        "one": {"label": "my <b>best</b>", "note": "two\nlines"}
    }
    assert (tmp_path / "one").exists()  # the folder keeps its name


def test_a_colour_reaches_the_chart(show, tmp_path):
    write(tmp_path / "one")
    page = show()
    page.get_by_label("Change one").click()
    page.get_by_label("Colour").fill("#ff0000")
    page.wait_for_selector("article .dot[style*='255, 0, 0'], article .dot[style*='#ff0000']")


def test_deleting_can_be_undone(show, tmp_path):
    write(tmp_path / "one")
    write(tmp_path / "two")
    page = show()
    row(page, "two").locator("input[type=checkbox]").focus()
    page.keyboard.press("Delete")
    row(page, "two").wait_for(state="detached")
    assert not (tmp_path / "two").exists()
    page.get_by_role("button", name="Undo").click()
    row(page, "two").wait_for()
    assert (tmp_path / "two").exists()


def test_deleting_a_run_that_is_written_asks_first(show, tmp_path):
    write(tmp_path / "one", age=0)
    page = show()
    row(page, "one").locator("input[type=checkbox]").focus()
    page.keyboard.press("Delete")
    page.get_by_text("being written to").wait_for()
    assert (tmp_path / "one").exists()
    page.get_by_role("button", name="Delete all the same").click()
    row(page, "one").wait_for(state="detached")
    page.get_by_text("Deleted runs").click()
    page.get_by_role("button", name="restore").click()
    row(page, "one").wait_for()


def test_groups_fold_and_are_ticked_together(show, tmp_path):
    for rate in ("a", "b"):
        for seed in range(2):
            write(tmp_path / rate / f"seed{seed}")
    page = show("#group=path&groupcolour=1")
    page.locator(".rungroup").nth(1).wait_for()
    assert names(page) == ["seed0", "seed1"] * 2
    colours = page.locator("li.run label").evaluate_all("all => all.map(one => one.style.cssText)")
    assert colours[0] == colours[1] != colours[2] == colours[3]
    page.get_by_label("All of a").click()
    page.locator("article .legend tr").nth(2).wait_for(state="detached")
    assert page.locator("article .legend .name").all_inner_texts() == ["b/seed0", "b/seed1"]
    page.locator(".rungroup .fold").first.click()
    row(page, "seed0").nth(1).wait_for(state="detached")
    page.reload()
    page.locator("article .legend tr").nth(1).wait_for()
    names_there = page.locator("article .legend .name").all_inner_texts()
    assert names_there == ["b/seed0", "b/seed1"]  # by the address


def test_groups_by_an_expression_with_a_band(show, tmp_path):
    for k in range(3):
        write(tmp_path / f"sgd_{k}", k)
        write(tmp_path / f"adam_{k}", 10 + k)
    page = show("#group=(.*)_&band=1")
    page.locator(".rungroup").nth(1).wait_for()
    assert page.locator(".rungroup > .line .name").all_inner_texts() == ["adam", "sgd"]
    page.wait_for_selector("article canvas")


def test_sorting_by_the_last_value(show, tmp_path):
    for name, value in (("a", 3.0), ("b", 1.0), ("c", 2.0)):
        write(tmp_path / name, value)
    page = show("#order=last:loss")
    page.locator("li.run .n").nth(2).wait_for()
    assert names(page) == ["b", "c", "a"]


def test_hidden_runs(show, tmp_path):
    write(tmp_path / "one")
    write(tmp_path / "two")
    page = show()
    row(page, "one").locator("input[type=checkbox]").focus()
    page.keyboard.press("h")
    row(page, "one").wait_for(state="detached")
    page.get_by_text("Sort and group").click()
    page.get_by_label("List hidden runs").click()
    row(page, "one").wait_for()


def test_by_keyboard(show, tmp_path):
    for name in ("a", "b", "c"):
        write(tmp_path / name)
    page = show()
    row(page, "a").locator("input[type=checkbox]").focus()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Space")
    page.locator("article .legend tr").nth(2).wait_for(state="detached")
    page.keyboard.press("o")
    page.locator("article .legend tr").nth(1).wait_for(state="detached")
    page.locator("article .legend tr").first.wait_for()
    assert page.locator("article .legend .name").all_inner_texts() == ["b"]
    page.keyboard.press("F2")
    page.locator(".details input:focus").wait_for()
    page.keyboard.type("renamed")
    page.keyboard.press("Enter")
    page.locator("article .legend .name", has_text="renamed").wait_for()


def test_on_a_phone(show, tmp_path):
    write(tmp_path / "one")
    page = show(width=390, height=844)
    page.locator("article canvas").wait_for()
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    page.get_by_role("button", name="Runs").click()
    page.get_by_label("Change one").click()
    page.get_by_label("Label").fill("x")
    page.get_by_label("Label").press("Enter")
    row(page, "x").wait_for()


def test_a_thousand_runs(show, tmp_path):
    import sys
    from pathlib import Path

    sys.path.insert(0, str(Path(__file__).parents[3]))
    from benchmarks.board_logs import write_runs

    write_runs(tmp_path, 1000, 3, 20)
    page = show()
    page.get_by_text("40 of 1000 shown").wait_for()
    page.get_by_text("and 700 more").wait_for()
    page.get_by_label("Filter runs").fill("run0007")
    page.get_by_text("1 of 1000 shown").wait_for()
