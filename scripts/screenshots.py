"""Pictures of the board for the documentation: `python scripts/screenshots.py [FOLDER]` (docs/images)."""

from __future__ import annotations

import math
import random
import shutil
import sys
import tempfile
from pathlib import Path
from typing import Any

from rushlight.board import Writer
from rushlight.board.server.board import Board
from rushlight.data.datasets import Digits

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
WIDE, PHONE = {"width": 1280, "height": 800}, {"width": 390, "height": 844}
VIEW = "#group=path&groupcolour=1&smooth=0.8"


def write_runs(root: Path) -> None:
    """Six short trainings: three learning rates, two seeds."""
    chance = random.Random(0)
    for k, rate in enumerate(("0.1", "0.01", "0.001")):
        for seed in range(2):
            with Writer(root / f"lr={rate}" / f"seed{seed}") as writer:
                for step in range(0, 2000, 4):
                    left = math.exp(-step / (300 + 220 * k))
                    writer.add_scalar("loss/train", left + 0.1 + chance.random() * 0.15, step)
                    writer.add_scalar("accuracy/train", 0.97 - 0.87 * left + chance.random() * 0.03, step)
                    if step % 40 == 0:
                        writer.add_scalar("loss/valid", left * 0.9 + 0.16 + chance.random() * 0.03, step)
                        writer.add_scalar("accuracy/valid", 0.93 - 0.8 * left + chance.random() * 0.02, step)


def write_digits(root: Path) -> None:
    """The handwritten digits as points of 64 dimensions."""
    digits = Digits(train=False)
    with Writer(root / "digits") as writer:
        labels = [str(label) for label in digits.targets.tolist()]
        writer.add_embedding(digits.data.reshape(-1, 64), labels, digits.data.reshape(-1, 1, 8, 8) / 16)


def take(folder: Path, browser: Any) -> None:
    """Write the pictures into the folder: scalars*.png and embeddings.png."""
    folder.mkdir(parents=True, exist_ok=True)
    take_scalars(folder, browser)
    with tempfile.TemporaryDirectory() as logs:
        write_digits(Path(logs))
        board = Board(Path(logs), port=0).start()
        page = browser.new_page(viewport=WIDE, color_scheme="dark")
        page.goto(board.url + "#view=embeddings&embby=tsne&embdims=2")
        page.get_by_role("button", name="Start").click()
        page.get_by_role("button", name="Start again").wait_for()
        page.wait_for_timeout(500)
        page.screenshot(path=folder / "embeddings.png")
        page.close()
        board.close()


def take_scalars(folder: Path, browser: Any) -> None:
    """Curves in groups, in both themes and on a phone."""
    with tempfile.TemporaryDirectory() as logs:
        write_runs(Path(logs))
        board = Board(Path(logs), port=0).start()
        for name, scheme, size in (
            ("scalars", "light", WIDE), ("scalars-dark", "dark", WIDE), ("scalars-phone", "light", PHONE)
        ):  # fmt: skip
            page = browser.new_page(viewport=size, color_scheme=scheme)
            page.goto(board.url + VIEW)
            show_tooltip(page)
            page.screenshot(path=folder / f"{name}.png")
            page.close()
        board.close()


def show_tooltip(page: Any) -> None:
    """Wait until all is drawn, and point at a chart."""
    card = page.locator("article[data-tag='accuracy/train']")
    card.locator(".legend tr").nth(5).wait_for()
    page.wait_for_timeout(300)
    card.locator(".u-over").hover(position={"x": 120, "y": 60})
    page.wait_for_timeout(200)


def main() -> None:
    """Take them with a browser of this machine."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        images = Path(__file__).parents[1] / "docs" / "images"
        take(Path(sys.argv[1]) if len(sys.argv) > 1 else images, browser)
        browser.close()


if __name__ == "__main__":
    main()
