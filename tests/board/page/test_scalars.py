"""The view of scalars: cards, runs, live points, and what is kept in the address."""

from rushlight.board import Writer


def write(folder, tags, count=50):
    with Writer(folder) as writer:
        for step in range(count):
            for k, tag in enumerate(tags):
                writer.add_scalar(tag, step * (k + 1), step)


def test_cards_groups_and_legends(show, tmp_path):
    write(tmp_path / "one", ["loss/train", "loss/valid", "lr"])
    write(tmp_path / "two", ["loss/train"])
    page = show()
    page.wait_for_selector("article[data-tag='loss/train'] canvas")
    assert page.locator("article").count() == 3
    legend = page.locator("article[data-tag='loss/train'] .legend tr")
    legend.nth(1).wait_for()
    assert legend.all_inner_texts()[0].split() == ["one", "49", "49"]
    page.get_by_text("two", exact=True).first.click()  # untick
    legend.nth(1).wait_for(state="detached")
    assert "ticked=-two" in page.url


def test_new_points_arrive(show, tmp_path):
    writer = Writer(tmp_path)
    writer.add_scalar("loss", 1.0, 1)
    page = show()
    page.wait_for_selector("article[data-tag='loss'] canvas")
    writer.add_scalar("loss", 123.0, 2)
    page.get_by_text("123", exact=True).wait_for()
    writer.add_scalar("new", 5.0, 2)
    page.wait_for_selector("article[data-tag='new'] canvas")
    writer.close()


def test_hostile_names_are_text(show, tmp_path):
    attack = "<img src=x onerror=\"document.title='owned'\">"
    write(tmp_path / "run", [attack, "a/<script>document.title='owned'</script>"])
    page = show()
    page.wait_for_selector("article >> nth=1")
    page.wait_for_timeout(300)
    assert page.title() == "Rushlight board" and page.locator("article img").count() == 0
