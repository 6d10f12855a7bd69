"""A browser for the page's tests: Debian's Chromium, headless; a message of the console fails the test."""

import shutil

import pytest

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")

PHONE = {
    "viewport": {"width": 390, "height": 844}, "device_scale_factor": 2, "has_touch": True, "is_mobile": True
}  # fmt: skip


@pytest.fixture(scope="session")
def browser():
    api = pytest.importorskip("playwright.sync_api")
    if CHROMIUM is None:
        pytest.skip("there is no Chromium on this machine")
    with api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture
def show(browser, board):
    """show("#view=scalars", width=.., scheme="dark"): a page of the board; its complaints are errors.

    phone=True: 390 px wide, with a finger in place of a mouse.
    """
    complaints, pages = [], []

    def open_page(hash="", width=1280, height=800, scheme="light", allowed=(), phone=False):
        size = {"viewport": {"width": width, "height": height}}
        page = browser.new_page(**(PHONE if phone else size), color_scheme=scheme)
        page.set_default_timeout(15_000)
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("console", lambda m: m.type in ("error", "warning") and complaints.append(m.text))
        page.allowed = allowed  # parts of complaints that the test expects
        page.goto(board.url + hash)
        pages.append(page)
        return page

    yield open_page
    allowed = [part for page in pages for part in page.allowed]
    for page in pages:
        page.close()
    assert not [text for text in complaints if not any(part in text for part in allowed)]
