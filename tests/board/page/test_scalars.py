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


ALIGNED = """async () => {
  const { aligned } = await import("/page/lines.js");
  const line = (k) => { // every fifth of 1,000 steps, from another one in each line, with a spike
    const x = Float64Array.from({ length: 200 }, (_, i) => 5 * i + (k % 5));
    return [x, Array.from(x, (_, i) => (i === k % 200 ? 100 : Math.sin(i)))];
  };
  const columns = Array.from({ length: 1000 }, (_, k) => line(k));
  const [grid, ...drawn] = aligned(() => { throw new Error("too many for uPlot's join") }, columns);
  const gap = Math.max(...grid.slice(1).map((x, i) => x - grid[i]));
  const moved = columns.map(([x, y], k) => {
    const kept = drawn[k].flatMap((v, i) => (v === null ? [] : [[grid[i], v]]));
    const spike = kept.find(([, v]) => v === 100);
    return [x.length - kept.length, spike ? Math.abs(spike[0] - x[k % 200]) : Infinity];
  });
  return [gap, Math.max(...moved.map(([lost]) => lost)), Math.max(...moved.map(([, far]) => far))];
}"""


def test_many_lines_with_steps_of_their_own_keep_their_places(show, tmp_path):
    gap, lost, far = show().evaluate(ALIGNED)
    assert gap <= 3 and lost <= 4 and far <= 2
