"""The pictures of the documentation can be taken anew: `python scripts/screenshots.py`."""

from pathlib import Path

ROOT = Path(__file__).parents[3]


def test_pictures_are_taken(browser, tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(str(ROOT))
    from scripts import screenshots

    screenshots.take(tmp_path, browser)
    names = sorted(path.name for path in tmp_path.iterdir())
    assert names == sorted(path.name for path in (ROOT / "docs" / "images").glob("*.png"))
    assert all(path.stat().st_size > 20_000 for path in tmp_path.iterdir())
