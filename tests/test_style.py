"""What STYLE.md asks of a file and can be counted. Line length, import order and complexity are ruff's."""

import re
from pathlib import Path

import pytest

from scripts.measure import functions, length, public_functions, quantiles, read_package

ROOT = Path(__file__).parents[1]
FOLDERS = ["rushlight", "tests", "scripts", "examples", "docs", "benchmarks"]
LONGEST_FILE = 600
LONGEST_LINE = 110
# Spelled apart, so that this file passes its own test.
LEFT_UNDONE = re.compile(r"\b(" + "|".join(["TO" + "DO", "FIX" + "ME", "X" * 3, "HA" + "CK"]) + r")\b")


def complaints(path: Path, text: str) -> list[str]:
    """What is wrong with one file."""
    lines = text.splitlines()
    found = [f"{path}: {len(lines)} lines; split it by noun"] if len(lines) > LONGEST_FILE else []
    for number, line in enumerate(lines, 1):
        if len(line) > LONGEST_LINE:
            found.append(f"{path}:{number}: {len(line)} columns")
        if LEFT_UNDONE.search(line):
            found.append(f"{path}:{number}: do it, or write an issue: {line.strip()}")
    return found


def test_files_are_short_and_finished():
    files = [ROOT / "rush.py", *(p for folder in FOLDERS for p in (ROOT / folder).rglob("*.py"))]
    assert len(files) > 10
    assert [c for p in files for c in complaints(p.relative_to(ROOT), p.read_text(encoding="utf-8"))] == []


@pytest.fixture(scope="module")
def modules():
    return read_package(ROOT / "rushlight")


def test_functions_are_short(modules):
    median, p90 = quantiles([length(f) for m in modules.values() for f in functions(m)])
    assert median <= 6 and p90 <= 25


def test_public_functions_are_typed(modules):
    untyped = [
        f"{m.path.relative_to(ROOT)}:{f.lineno} {f.name}"
        for m in modules.values()
        for f in public_functions(m.tree)
        if f.returns is None
    ]
    assert untyped == []


def test_a_bad_file_is_found():
    bad = "x = 1\n" * LONGEST_FILE + "# " + "TO" + "DO later\n" + "y" * (LONGEST_LINE + 1)
    starts = [c.split(": ")[1][:11] for c in complaints(Path("bad.py"), bad)]
    assert starts == ["602 lines; ", "do it, or w", "111 columns"]


def test_a_good_file_passes():
    assert complaints(Path("good.py"), "x = 1\n" * LONGEST_FILE) == []
