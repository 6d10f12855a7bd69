"""Runs managed in the page: named, coloured, grouped, sorted, hidden, deleted and brought back."""

import itertools
import json
import os
import sys
from pathlib import Path

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
    names = "() => [...document.querySelectorAll('article .legend .name')].map((e) => e.innerText).join()"
    page.wait_for_function(f"{names} === 'a,b,c'")
    row(page, "a").locator("input[type=checkbox]").focus()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Space")
    page.wait_for_function(f"{names} === 'a,c'")
    page.keyboard.press("o")
    page.wait_for_function(f"{names} === 'b'")
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


def many(folder, count=1200):
    sys.path.insert(0, str(Path(__file__).parents[3]))
    from benchmarks.board_logs import write_runs

    write_runs(folder, count, 1, 5, distinct=4)


def drawn(page):
    """The numbers of the rows of runs in the page."""
    return page.locator(".runs li.run").evaluate_all("all => all.map(li => Number(li.dataset.row))")


def focused(page):
    return page.evaluate("document.activeElement.closest('li')?.querySelector('.name').textContent")


LAST = "lr3/run1199"


def test_of_many_runs_the_rows_in_sight_are_in_the_page(show, tmp_path):
    many(tmp_path)
    page = show()
    page.get_by_text("40 of 1200 shown").wait_for()
    first = row(page, "lr0/run0000")
    first.wait_for()
    assert len(drawn(page)) < 100 and row(page, LAST).count() == 0
    assert (first.get_attribute("aria-posinset"), first.get_attribute("aria-setsize")) == ("1", "1200")
    side = page.locator(".side")
    full = side.evaluate("side => side.scrollHeight")
    assert full > 1200 * first.bounding_box()["height"]  # the bar tells how many there are
    side.evaluate("side => (side.scrollTop = side.scrollHeight / 2)")
    page.wait_for_function("() => Number(document.querySelectorAll('li.run')[20].dataset.row) > 500")
    middle = drawn(page)
    assert middle == list(range(middle[0], middle[0] + len(middle))) and 500 < middle[0] < 700
    side.evaluate("side => (side.scrollTop = side.scrollHeight)")
    last = row(page, LAST)
    last.wait_for()
    assert len(drawn(page)) < 100 and side.evaluate("side => side.scrollHeight") == full
    was = last.locator("input").is_checked()
    last.locator("input").click()
    page.get_by_text(f"{39 if was else 41} of 1200 shown").wait_for()
    assert last.locator("input").is_checked() != was
    last.get_by_label(f"Change {LAST}").click()
    last.get_by_label("Label").fill("the last")
    last.get_by_label("Label").press("Enter")
    row(page, "the last").wait_for()


def test_keys_go_beyond_the_rows_in_the_page(show, tmp_path):
    many(tmp_path)
    page = show()
    page.get_by_text("40 of 1200 shown").wait_for()
    box = row(page, "lr0/run0000").locator("input[type=checkbox]")
    box.focus()
    for _ in range(80):
        page.keyboard.press("ArrowDown")
    assert focused(page) == "lr0/run0320"  # the 80th further of every fourth
    page.keyboard.press("End")
    page.wait_for_function(f"() => document.activeElement.closest('li')?.innerText.includes('{LAST}')")
    page.locator(".side").evaluate("side => (side.scrollTop = 0)")  # the focus stays where it is
    row(page, "lr0/run0000").wait_for()
    assert focused(page) == LAST and len(drawn(page)) < 100 and drawn(page)[-1] == 1199
    page.keyboard.press("o")
    page.get_by_text("1 of 1200 shown").wait_for()
    page.keyboard.press("ArrowUp")
    page.wait_for_function("() => document.activeElement.closest('li')?.innerText.includes('lr3/run1195')")
    page.keyboard.press("Home")
    page.wait_for_function("() => document.activeElement.closest('li')?.innerText.includes('lr0/run0000')")


def test_many_runs_are_filtered_grouped_and_ticked(show, tmp_path):
    many(tmp_path)
    page = show()
    page.get_by_text("40 of 1200 shown").wait_for()
    page.locator(".side").evaluate("side => (side.scrollTop = side.scrollHeight)")
    row(page, LAST).wait_for()
    page.get_by_label("Filter runs").fill("run000[0-7]")
    page.get_by_text("8 of 1200 shown").wait_for()
    page.wait_for_function("() => document.querySelectorAll('li.run').length === 8")
    page.get_by_label("Filter runs").fill("")
    page.get_by_text("40 of 1200 shown").wait_for()
    page.get_by_role("button", name="all", exact=True).click()
    page.get_by_text("1200 of 1200 shown").wait_for()
    assert "ticked=*" in page.url  # not a thousand names
    row(page, "lr0/run0004").locator("input").click()
    page.get_by_text("1199 of 1200 shown").wait_for()
    page.reload()
    page.get_by_text("1199 of 1200 shown").wait_for()
    page.get_by_text("Sort and group").click()
    page.get_by_label("Group by").fill("path")
    page.get_by_label("Group by").press("Enter")
    head = page.locator(".rungroup").first
    head.wait_for()
    assert head.locator(".faint").inner_text() == "299/300" and head.get_attribute("aria-setsize") == "4"
    head.locator(".fold").click()
    second = page.locator(".rungroup").nth(1)
    assert second.locator(".name").inner_text() == "lr1" and len(drawn(page)) < 100
    page.get_by_label("All of lr1").click()
    page.get_by_text("899 of 1200 shown").wait_for()
    page.locator(".side").evaluate("side => (side.scrollTop = side.scrollHeight)")
    page.locator("li.run.member:has(.name:text-is('run1199'))").wait_for()
    assert page.locator("li.run.member").last.get_attribute("aria-posinset") == "300"


def test_an_open_panel_leaves_the_rows_below_it_in_place(show, tmp_path):
    many(tmp_path, 300)
    page = show()
    row(page, "lr0/run0004").get_by_label("Change lr0/run0004").click()
    page.locator(".details").wait_for()
    side = page.locator(".side")
    side.evaluate("side => (side.scrollTop = side.scrollHeight)")
    row(page, "lr3/run0299").wait_for()
    page.evaluate("document.activeElement.blur()")  # lets go of the panel's row
    page.locator(".details").wait_for(state="detached")
    bottom = "all => all.at(-1).getBoundingClientRect().bottom"
    below, end = (page.locator(found).evaluate_all(bottom) for found in ("li.run", ".runs"))
    assert abs(end - below) < 1
    side.evaluate("side => (side.scrollTop = 0)")
    page.locator(".details").wait_for()  # and it is open still
    tops = page.locator(".runs > li").evaluate_all(
        "all => all.map(li => li.getBoundingClientRect()).map(b => [b.top, b.bottom])"
    )
    assert all(abs(after[0] - before[1]) < 1 for before, after in itertools.pairwise(tops))


def test_shift_ticks_a_range(show, tmp_path):
    many(tmp_path, 60)
    page = show()
    page.get_by_text("40 of 60 shown").wait_for()
    page.get_by_role("button", name="none").click()
    page.get_by_text("0 of 60 shown").wait_for()
    row(page, "lr0/run0004").locator("input").click()
    row(page, "lr0/run0020").locator("input").click(modifiers=["Shift"])
    page.get_by_text("5 of 60 shown").wait_for()
    row(page, "lr0/run0012").locator("input").click()
    row(page, "lr0/run0016").locator("input").click(modifiers=["Shift"])
    page.get_by_text("3 of 60 shown").wait_for()
    assert [row(page, f"lr0/run00{k:02}").locator("input").is_checked() for k in (4, 8, 12, 16, 20)] == [
        True, True, False, False, True,
    ]  # fmt: skip
