"""Every ```python block of the pages in docs/ runs, page by page, and so do the essays."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from scripts.run_markdown import blocks

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
PAGES = sorted(DOCS.glob("*.md"))
ESSAYS = sorted(path for path in DOCS.glob("*.py") if path.name != "conf.py")


def python(*arguments, cwd):
    """Runs Python in another folder, warnings being errors; returns what it printed. It must end well."""
    command = [sys.executable, "-W", "error", *map(str, arguments)]
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    done = subprocess.run(command, cwd=cwd, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, f"{done.stdout[-2000:]}\n{done.stderr[-4000:]}"
    return done.stdout


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_page_runs(page, tmp_path):
    if not blocks(page.read_text(encoding="utf-8")):
        pytest.skip("no python blocks")
    python(ROOT / "scripts" / "run_markdown.py", page, cwd=tmp_path)


@pytest.mark.parametrize("essay", ESSAYS, ids=lambda essay: essay.name)
def test_essay_runs(essay, tmp_path):
    assert python(essay, cwd=tmp_path)


PAGE = """# A page

```python
x = 1
```
Text, and a list:

```sh
this is not run
```

```python skip
raise SystemError
```

```python
class Mine: pass
print(x + 1, Mine.__module__)
print("second   line")
```

```output
2 __main__
second line
```
"""


def test_runner_finds_the_blocks():
    assert [(b.line, b.output is not None) for b in blocks(PAGE)] == [(4, False), (17, True)]
    assert blocks("no blocks, `python` or not") == []


def run_page(text, folder):
    (folder / "page.md").write_text(text)
    return python(ROOT / "scripts" / "run_markdown.py", folder / "page.md", cwd=folder)


def test_runner_runs_a_page(tmp_path):
    assert run_page(PAGE, tmp_path) == "2 __main__\nsecond   line\n"


def test_runner_takes_dots_for_anything(tmp_path):
    run_page("```python\nprint('loss', 0.123456)\n```\n\n```output\nloss 0.12...\n```\n", tmp_path)


@pytest.mark.parametrize(
    "page, message",
    [
        (PAGE.replace("x + 1", "x + 2"), r"page.md:17: the block prints something else"),
        (PAGE.replace("x = 1", "x = y"), r'page.md", line 4, in <module>'),
        ("```python\nimport warnings\nwarnings.warn('old')\n```\n", r"UserWarning: old"),
    ],
)
def test_runner_fails(page, message, tmp_path):
    with pytest.raises(AssertionError, match=message):
        run_page(page, tmp_path)
