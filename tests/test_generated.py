"""What scripts write is up to date: the type stubs, and the table of ops."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


@pytest.mark.parametrize("script", ["stubs.py", "contents.py"])
def test_what_a_script_writes_is_up_to_date(script):
    command = [sys.executable, str(ROOT / "scripts" / script), "--check"]
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("script, page", [("stubs.py", "tensor.pyi"), ("contents.py", "ops/contents.py")])
def test_what_is_out_of_date_is_found(script, page, tmp_path):
    """The check must be able to fail: on a copy of the package whose page has one line less."""
    import shutil

    ignore = shutil.ignore_patterns("__pycache__", "files")
    shutil.copytree(ROOT / "rushlight", tmp_path / "rushlight", ignore=ignore)
    shutil.copytree(ROOT / "scripts", tmp_path / "scripts", ignore=ignore)
    path = tmp_path / "rushlight" / page
    lines = path.read_text().splitlines(keepends=True)
    if script == "stubs.py":
        path.write_text("".join(lines[:-1]))
    else:
        path.write_text("".join([*lines[:-1], "    # one more\n", lines[-1]]))
    command = [sys.executable, str(tmp_path / "scripts" / script), "--check"]
    done = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path)
    assert done.returncode == 1 and "out of date: run python scripts/" in done.stderr
