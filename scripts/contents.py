"""Writes rushlight/ops/contents.py: which file declares each op.
Run it after adding, renaming or moving an op.

Use:
    python scripts/contents.py           writes the file
    python scripts/contents.py --check   exits 1 if it is out of date
"""

import sys
import textwrap
from pathlib import Path

PAGE = Path(__file__).parents[1] / "rushlight" / "ops" / "contents.py"
LINE = 110
HEAD = '''"""Which file declares each op, its forms and public names: an op is imported when it is first used.

Written by scripts/contents.py; a test asserts that it agrees with the declarations.
"""

CONTENTS: dict[str, tuple[str, str, tuple[str, ...]]] = {
'''


def contents() -> str:
    """The text of the page, from the declarations themselves."""
    from rushlight.ops.declare import registry

    rows = []
    for name, op in sorted(registry.items()):
        module = op.body.__module__.removeprefix("rushlight.ops.")
        names = op.names if op.under != "internal" else op.aliases
        rows.append(f"{name!r}: ({module!r}, {op.forms!r}, {names!r}),".replace("'", '"'))
    return HEAD + "\n".join(filled(rows)) + "\n}\n"


def filled(rows: list[str]) -> list[str]:
    """Lines with as many rows as fit; a row too long for one goes on in the next."""
    lines = [" " * 3]
    for row in rows:
        if len(lines[-1]) + 1 + len(row) <= LINE:
            lines[-1] += f" {row}"
        else:
            lines += textwrap.wrap(row, LINE, initial_indent=" " * 4, subsequent_indent=" " * 8)
    return lines


def main() -> None:
    """Write the page, or check it."""
    text = contents()
    if "--check" in sys.argv:
        sys.exit(
            PAGE.read_text() != text
            and "rushlight/ops/contents.py is out of date: run python scripts/contents.py"
        )
    PAGE.write_text(text)


if __name__ == "__main__":
    sys.path.insert(0, str(PAGE.parents[2]))
    main()
