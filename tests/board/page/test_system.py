"""The view of the machine."""

from rushlight.board import Writer


def test_charts_and_processes(show, tmp_path):
    with Writer(tmp_path / "run") as writer:
        writer.add_scalar("loss", 1.0, 1)
        writer.flush()
        page = show("#view=system")
        page.get_by_role("heading", name="Now").wait_for()
        page.get_by_role("meter", name="Disk of the logs").wait_for()
        page.wait_for_selector(".card canvas")
        page.get_by_role("row").nth(1).wait_for()  # this very process writes the log
        assert "Threads" in page.locator(".processes thead").inner_text()


def test_what_is_missing_is_said(show, tmp_path, monkeypatch):
    from rushlight.board import system

    monkeypatch.setattr(system, "PROC", tmp_path / "nowhere")
    monkeypatch.setenv("PATH", "")
    page = show("#view=system")
    page.get_by_text("are read from /proc, which").wait_for()
    page.get_by_text("There is no nvidia-smi here").wait_for()
    page.get_by_role("meter", name="Disk of the logs").wait_for()
    assert page.locator(".card canvas").count() == 0


def test_gpus_are_shown(show, tmp_path, monkeypatch):
    from rushlight.board import system

    line = "0, <b>Card</b>, 37, 1024, 2048, 41, 120.5"
    monkeypatch.setattr(system, "gpus", lambda: system.parse_gpus(line))
    page = show("#view=system", width=390, scheme="dark")
    page.get_by_text("GPU 0: <b>Card</b>, %").wait_for()
    page.get_by_text("37 %, 1.0 GB of 2.0 GB, 41 °C, 121 W").wait_for()
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
