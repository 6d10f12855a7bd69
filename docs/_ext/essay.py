"""Turns the runnable essays, docs/*.py, into pages: comments at the margin are text, the rest is code.

The page of docs/how_it_works.py is written to docs/api/essays/ while Sphinx starts; the program stays the
one source.
"""

import ast
import itertools
from collections.abc import Iterator
from pathlib import Path
from typing import Any


def setup(app: Any) -> dict[str, bool]:
    """Sphinx's entry point."""
    app.connect("builder-inited", lambda app: write(Path(app.srcdir)))
    return {"parallel_read_safe": True}


def write(docs: Path) -> None:
    """Writes a page for every essay."""
    folder = docs / "api" / "essays"
    folder.mkdir(parents=True, exist_ok=True)
    for path in sorted(docs.glob("*.py")):
        if path.name != "conf.py":
            (folder / f"{path.stem}.md").write_text(page(path.read_text(encoding="utf-8")), encoding="utf-8")


def page(source: str) -> str:
    """The page of one essay: its docstring's first line is the title."""
    tree = ast.parse(source)
    title, _, introduction = (ast.get_docstring(tree) or "Essay").partition("\n")
    lines = source.splitlines()[tree.body[0].end_lineno if ast.get_docstring(tree) else 0 :]
    return "\n\n".join([f"# {title.rstrip('.')}", introduction.strip(), *parts(lines)]) + "\n"


def parts(lines: list[str]) -> Iterator[str]:
    """Paragraphs and blocks of code, in turn."""
    for is_text, group in itertools.groupby(lines, key=lambda line: line == "#" or line.startswith("# ")):
        text = "\n".join(group).strip("\n")
        if is_text:
            yield "\n".join(line[2:] for line in text.splitlines())
        elif text:
            yield f"```python\n{text}\n```"
