"""The view of embeddings: points, search, neighbours, t-SNE as it happens, hostile metadata."""

import numpy as np
import pytest

from tests.board.embedding import clusters, write

PIXELS = """() => {
  const canvas = document.querySelector(".cloud canvas"), context = canvas.getContext("2d");
  const pixels = new Uint32Array(context.getImageData(0, 0, canvas.width, canvas.height).data.buffer);
  return %s
}"""
COLOURS = PIXELS % "new Set(pixels).size"
HAS_RED = PIXELS % "pixels.includes(0xff0000ff)"


@pytest.fixture
def points(tmp_path):
    points, kinds = clusters()
    write(tmp_path, points, ["name\tkind", *(f"p{i}\t{kind}" for i, kind in enumerate(kinds))])
    return points


def drawn(page):
    page.wait_for_selector(".cloud canvas[data-ms]")


def test_components_and_colours(show, points):
    page = show("#view=embeddings")
    drawn(page)
    page.get_by_text("60 points in 6 dimensions").wait_for()
    assert page.locator(".point.kind .name").all_inner_texts() == ["kind0", "kind1", "kind2"]
    assert page.evaluate(COLOURS) > 10
    page.get_by_label("Colour").select_option("name")
    page.get_by_text("and 40 more in grey").wait_for()
    assert "embcolour=name" in page.url


def test_search_and_neighbours(show, points):
    page = show("#view=embeddings&embmetric=euclidean")
    page.get_by_label("Find labels").fill("^p1[0-9]?$")
    page.get_by_text("11 found").wait_for()
    page.get_by_role("button", name="p10", exact=True).click()
    page.locator(".near .point").nth(9).wait_for()
    names = page.locator(".near .name").all_inner_texts()
    assert all(int(name[1:]) % 3 == 10 % 3 for name in names)
    assert page.locator(".chosen dd").all_inner_texts() == ["p10", "kind1"]
    page.locator(".near .point").first.click()
    page.locator(".chosen h3", has_text=names[0]).wait_for()


def test_a_click_chooses_a_point(show, tmp_path):
    write(tmp_path, [[0, 0], [10, 0], [-10, 0], [0, 1]], ["middle", "right", "left", "above"])
    page = show("#view=embeddings")
    drawn(page)
    box = page.locator(".cloud canvas").bounding_box()
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    page.mouse.click(x + 0.46 * min(box["width"], box["height"]), y + 5)
    page.locator(".chosen h3", has_text="right").wait_for()
    page.locator(".cloud canvas").focus()
    page.keyboard.press("Escape")
    page.locator(".chosen").wait_for(state="detached")


def test_it_turns_and_enlarges(show, points):
    page = show("#view=embeddings")
    drawn(page)
    canvas = page.locator(".cloud canvas")
    canvas.focus()
    pictures = []
    for key in ("0", "ArrowLeft", "+", "0"):
        page.keyboard.press(key)
        page.wait_for_timeout(150)
        pictures.append(canvas.screenshot())
    assert len(set(pictures)) == 3 and pictures[0] == pictures[3]


def test_tsne_is_shown_as_it_happens(show, points):
    page = show("#view=embeddings&embby=tsne&embdims=2&embperplexity=10&embiterations=20000")
    drawn(page)
    page.get_by_role("button", name="Start").click()
    status = page.locator(".tsne [role=status]")
    text = "document.querySelector('.tsne [role=status]')?.textContent"
    page.wait_for_function(f"() => /^iteration [0-9]{{2,}}/.test({text})")
    page.get_by_role("button", name="Pause").click()
    page.get_by_role("button", name="Go on").wait_for()
    assert status.inner_text().startswith("paused: iteration")
    at = status.inner_text()
    page.wait_for_timeout(300)
    assert status.inner_text() == at
    page.get_by_role("button", name="Go on").click()
    page.wait_for_function("at => document.querySelector('.tsne [role=status]').textContent !== at", arg=at)
    page.get_by_role("button", name="Stop").click()
    page.get_by_role("button", name="Start again").wait_for()
    assert status.inner_text().startswith("cancelled: iteration") and page.evaluate(COLOURS) > 10


def test_pictures_are_drawn(show, tmp_path):
    torch = pytest.importorskip("torch")
    tensorboard = pytest.importorskip("torch.utils.tensorboard")
    red = torch.zeros(30, 3, 8, 8)
    red[:, 0] = 1
    with tensorboard.SummaryWriter(str(tmp_path)) as writer:
        writer.add_embedding(torch.randn(30, 5), [str(i % 2) for i in range(30)], red)
    page = show("#view=embeddings")
    page.get_by_label("Pictures").wait_for()
    page.wait_for_function(HAS_RED)
    page.get_by_label("Pictures").uncheck()
    page.wait_for_function(f"() => !({HAS_RED})()")


def test_a_new_embedding_appears(show, points, tmp_path):
    page = show("#view=embeddings")
    drawn(page)
    write(tmp_path, np.eye(5), name="later")
    options = "[...document.querySelectorAll('.bar option')]"
    page.wait_for_function(f"() => {options}.some((option) => option.textContent === 'later')")


def test_hostile_tables(show, tmp_path):
    attack = "<img src=x onerror=\"document.title='owned'\">"
    rows = [f"{attack}\t<script>", *(f"{attack}{i}\t(((" for i in range(4))]
    write(tmp_path / "a", np.eye(4), rows, name=attack)
    write(tmp_path / "b", [[1.0, 2.0]], tensor="../../../etc/passwd", name="out")
    write(tmp_path / "c", np.eye(3), name="ragged")
    (tmp_path / "c" / "t.tsv").write_text("1\t2\n3\n")
    (tmp_path / "d").mkdir()
    write(tmp_path / "d", [[float("nan"), 1.0], [1.0, 2.0], [3.0, 4.0]], ["x"], name="nan")
    page = show("#view=embeddings&emb=a%230", allowed=["422"])
    page.get_by_text("4 points in 4 dimensions").wait_for()
    page.get_by_label("Find labels").fill("(((")
    page.get_by_text("4 found").wait_for()
    page.locator(".points .point").first.click()
    page.locator(".near .point").nth(2).wait_for()
    choose = page.locator(".bar select").first
    choose.select_option("b#0")
    page.get_by_role("alert").filter(has_text="leads out of the run's folder").wait_for()
    choose.select_option("c#0")
    page.get_by_role("alert").filter(has_text="line 2 has 1 numbers, the first line 2").wait_for()
    choose.select_option("d#0")
    page.get_by_role("note").filter(has_text="1 points have NaN or infinity").wait_for()
    assert page.title() == "Rushlight board" and page.locator("main img").count() == 0


def test_on_a_phone_in_the_dark_the_page_does_not_overflow(show, points):
    page = show("#view=embeddings", width=390, scheme="dark")
    drawn(page)
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
