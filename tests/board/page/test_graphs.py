"""The view of graphs: modules open and close, a click says the line, hostile graphs do no harm."""

import rushlight as torch
from rushlight import nn
from rushlight.board import Writer
from rushlight.board.events import messages, records
from rushlight.board.events.graphdefs import GraphNode, encode_graph
from rushlight.io import protobuf


class Block(nn.Module):
    """Two ops."""

    def __init__(self):
        super().__init__()
        self.fc = nn.Linear(8, 8)

    def forward(self, x):
        return x + torch.relu(self.fc(x))


class Net(nn.Module):
    """Four blocks and an end."""

    def __init__(self):
        super().__init__()
        self.h, self.head = nn.Sequential(*[Block() for _ in range(4)]), nn.Linear(8, 3)

    def forward(self, x):
        return torch.tanh(self.head(self.h(x)))


def write(folder, model=None):
    with Writer(folder) as writer:
        writer.add_graph(model or Net(), torch.ones(2, 8))


def box(page, name):
    return page.locator(f".box[data-name='{name}']")


def log(folder, graph):
    framed = records.frame([messages.file_version(1.0), messages.graph_event(2.0, graph)])
    folder.mkdir(exist_ok=True)
    (folder / "events.out.tfevents.1").write_bytes(framed)


def test_modules_open_and_close(show, tmp_path):
    write(tmp_path / "run")
    page = show("#view=graphs")
    box(page, "Net/h").wait_for()
    assert "4 × Block" in box(page, "Net/h").text_content()
    assert "2×8 float32" in page.locator("text.shape").first.text_content()
    box(page, "Net/h").get_by_role("button", name="Open").click()
    box(page, "Net/h/2").wait_for()
    box(page, "Net/h/2").focus()
    page.keyboard.press("o")
    box(page, "Net/h/2/relu").wait_for()
    assert "open=Net" in page.url
    box(page, "Net/h").get_by_role("button", name="Close").first.click()
    box(page, "Net/h/2").wait_for(state="detached")


def test_a_click_says_the_line(show, tmp_path):
    write(tmp_path / "run")
    page = show("#view=graphs")
    box(page, "Net/tanh").click()
    panel = page.locator(".panel")
    panel.wait_for()
    assert "test_graphs.py:" in panel.locator(".source .where").text_content()
    assert panel.locator(".source code").text_content() == "return torch.tanh(self.head(self.h(x)))"
    panel.get_by_role("button", name="Net/head/linear").click()
    panel.get_by_text("Parameters and constants").wait_for()
    assert "3×8 float32" in panel.inner_text() and "node=Net%2Fhead%2Flinear" in page.url
    page.keyboard.press("Escape")
    box(page, "Net/h").click()
    panel.get_by_text("288 numbers in 8 parameters").wait_for()


def test_a_search_opens_what_is_around(show, tmp_path):
    write(tmp_path / "run")
    page = show("#view=graphs")
    box(page, "Net/h").wait_for()
    page.keyboard.press("/")
    page.keyboard.type("h/3/relu")
    page.locator("main").get_by_role("option").first.wait_for()
    page.keyboard.press("Enter")
    box(page, "Net/h/3/relu").wait_for()
    assert "selected" in box(page, "Net/h/3/relu").get_attribute("class")


def test_an_address_names_an_op(show, tmp_path):
    write(tmp_path / "run")
    page = show("#view=graphs&node=Net/h/1/relu")
    box(page, "Net/h/1/relu").wait_for()
    page.locator(".panel .source").wait_for()


def test_pointer_wheel_and_keys_move_the_drawing(show, tmp_path):
    write(tmp_path / "run")
    page = show("#view=graphs")
    box(page, "Net/h").wait_for()
    place = lambda: page.locator(".diagram > g").get_attribute("transform")  # noqa: E731
    seen = [place()]
    page.mouse.move(400, 300)
    page.mouse.wheel(0, -200)
    page.wait_for_timeout(100)
    seen.append(place())
    page.mouse.down()
    page.mouse.move(460, 340, steps=4)
    page.mouse.up()
    seen.append(place())
    page.locator(".diagram").focus()
    for key in ("ArrowLeft", "+", "0"):
        page.keyboard.press(key)
        seen.append(place())
    assert len(set(seen[:-1])) == 5 and seen[-1] == seen[0]
    assert page.locator(".panel").count() == 0  # a drag selects nothing


def test_a_new_graph_appears(show, tmp_path):
    write(tmp_path / "one", nn.Linear(8, 2))
    page = show("#view=graphs")
    box(page, "output").wait_for()
    write(tmp_path / "two")
    page.locator("select option", has_text="two").wait_for(state="attached")
    page.get_by_role("combobox", name="Graph").select_option(label="two")
    box(page, "Net/h").wait_for()
    write(tmp_path / "two", nn.Tanh())
    box(page, "Tanh").wait_for()


ATTACK = "<img src=x onerror=\"document.title='owned'\">"


def test_hostile_names_are_text(show, tmp_path):
    said = {
        "_source": ATTACK,
        "_source_text": "<script>document.title='owned'</script>",
        ATTACK: ATTACK,
        "_modules": ATTACK,
    }
    names = [
        f"{ATTACK}/{ATTACK}",
        "__proto__",
        "constructor/__proto__/x",
        "javascript:alert(1)",
        "",
        "/",
        "a//b",
        "a",
        "x" * 1900,
    ]
    log(
        tmp_path / "run",
        encode_graph([GraphNode(name, ATTACK, names, [(1,)], ["float32"], said) for name in names]),
    )
    page = show("#view=graphs")
    box(page, "__proto__").click()
    page.locator(".panel .attributes").wait_for()
    page.wait_for_timeout(200)
    assert page.title() == "Rushlight board" and page.locator("main img, main script").count() == 0


def test_cycles_and_loose_ends(show, tmp_path):
    around = [
        GraphNode(f"c/{k}", "op", [f"c/{(k + 1) % 5}", f"c/{k}", "gone", f"^d/{k % 2}/e"]) for k in range(5)
    ]
    log(tmp_path / "run", encode_graph([*around, *(GraphNode(f"d/{k}/e", "op", ["c/1"]) for k in range(2))]))
    page = show("#view=graphs&open=c,d")
    box(page, "c/4").wait_for()
    box(page, "d/1").wait_for()


def test_very_many_and_very_deep(show, tmp_path):
    flat = [GraphNode(f"op_{k}", "op", [f"op_{k - 1}"] if k else []) for k in range(5000)]
    log(tmp_path / "flat", encode_graph(flat))
    log(tmp_path / "deep", encode_graph([GraphNode("/".join("abcdefghij" * 30), "op"), GraphNode("b", "op")]))
    page = show("#view=graphs&graph=flat,graph,")
    box(page, "op_1999").wait_for(state="attached", timeout=30_000)
    page.get_by_text("3000 of them not drawn").wait_for()
    page.get_by_role("combobox", name="Graph").select_option(label="deep")
    box(page, "a").wait_for()


def test_a_million_ops_are_refused_kindly(show, tmp_path):
    log(tmp_path / "run", protobuf.data(1, protobuf.text(1, "n")) * 1_000_000)
    page = show("#view=graphs", allowed=["422"])
    page.get_by_text("more than 50,000 ops").wait_for()


def test_it_fits_a_phone(show, tmp_path):
    write(tmp_path / "run")
    page = show("#view=graphs&node=Net/tanh", width=390)
    page.locator(".panel .source").wait_for()
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
