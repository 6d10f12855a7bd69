"""Runs the ```python blocks of a page, in order, as one program; tests and writers use it.

    python scripts/run_markdown.py docs/tutorial.md

Where an ```output block follows, what the python block printed must match it (`...` stands for anything, and
runs of white space are equal). A block marked ```python skip is shown to readers and not run.
"""

import contextlib
import doctest
import io
import re
import sys
from pathlib import Path
from types import ModuleType
from typing import NamedTuple

# A fence, its language and mark, the text up to the closing fence, and an output block right behind it.
BLOCK = re.compile(r"^```python *(\w*)\n(.*?)^```$(?:\n+```output\n(.*?)^```$)?", re.MULTILINE | re.DOTALL)
FLAGS = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE


class Block(NamedTuple):
    """One python block, and what the page says that it prints (None: the page does not say)."""

    code: str
    line: int
    output: str | None


def blocks(text: str) -> list[Block]:
    """The blocks of a page that are to be run."""
    found = BLOCK.finditer(text)
    return [Block(m[2], text.count("\n", 0, m.start(2)) + 1, m[3]) for m in found if m[1] != "skip"]


def run(block: Block, path: Path, program: ModuleType) -> None:
    """Runs one block in the program's namespace. Raises AssertionError where it prints something else."""
    padded = "\n" * (block.line - 1) + block.code  # so that tracebacks show the page's own line numbers
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        exec(compile(padded, str(path), "exec", dont_inherit=True), vars(program))
    sys.stdout.write(printed.getvalue())
    if block.output is not None:
        got, checker = printed.getvalue(), doctest.OutputChecker()
        if not checker.check_output(block.output, got, FLAGS):
            difference = checker.output_difference(doctest.Example("", block.output), got, FLAGS)
            raise AssertionError(f"{path}:{block.line}: the block prints something else\n{difference}")


def main(path: Path) -> None:
    """Runs a page; an exception shows its line."""
    program = sys.modules["__main__"] = ModuleType("__main__")
    program.__file__ = str(path)
    for block in blocks(path.read_text(encoding="utf-8")):
        run(block, path, program)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
