"""The README keeps its word: its programs run and print what it says, and the files it names exist."""

import re
from pathlib import Path

import pytest

from scripts.run_markdown import blocks
from tests.test_docs import python

ROOT = Path(__file__).parents[1]


@pytest.mark.parametrize("page", ["README.md", "CONTRIBUTING.md"])
def test_programs_run(page, tmp_path):
    assert blocks((ROOT / page).read_text(encoding="utf-8"))
    python(ROOT / "scripts" / "run_markdown.py", ROOT / page, cwd=tmp_path)


@pytest.mark.parametrize("page", ["README.md", "CONTRIBUTING.md", "CHANGELOG.md"])
def test_links_lead_somewhere(page):
    text = (ROOT / page).read_text(encoding="utf-8")
    targets = re.findall(r"\]\(([^)#\s]+)[^)]*\)", text)
    inside = [target for target in targets if "://" not in target]
    assert [target for target in inside if not (ROOT / target).exists()] == []
