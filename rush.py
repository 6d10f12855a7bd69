#!/usr/bin/env python3
"""Rushlight's front door: needs Python 3.11 or later with pip, and nothing else.

    python3 rush.py tour                     tensors, one network in six forms, handwritten digits,
                                             and the board that shows them: a minute
    python3 rush.py test [--with-torch] ...  the tests; --with-torch adds the comparisons with PyTorch and
                                             TensorBoard, and what drives a browser (Chromium, if it is there)
    python3 rush.py lint                     ruff and pyright
    python3 rush.py docs                     the documentation, into docs/_build/html
    python3 rush.py bench ...                measurements, beside PyTorch

What stands for `...` is handed on. The first use of a command makes the environment .venv and installs
what the command needs; later uses find it there.
"""
from __future__ import annotations

import hashlib
import importlib.util
import json
import os
import subprocess
import sys
import time
from pathlib import Path

OLDEST = (3, 11)
ROOT = Path(__file__).resolve().parent
VENV = ROOT / ".venv"
PYTHON = VENV / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
STAMP = VENV / "rush-stamp.json"

# command: (the extras of pyproject.toml it needs, the Python command lines it runs)
COMMANDS: dict[str, tuple[set[str], list[list[str]]]] = {
    "tour": ({"board"}, [["examples/tour.py"]]),
    "test": ({"test"}, [["-m", "pytest", "-n", "4"]]),
    "lint": ({"lint"}, [["-m", "ruff", "check"], ["-m", "pyright", "--pythonpath", str(PYTHON)]]),
    "docs": ({"docs"}, [["-m", "sphinx", "-W", "--keep-going", "-q", "docs", "docs/_build/html"]]),
    "bench": ({"torch-compare"}, [["-m", "benchmarks"]]),
}

NO_VENV = "This Python cannot make environments (no {}). On Debian and Ubuntu: sudo apt install python3-venv"
NO_ROOM = f"{VENV} could not be made. Is there room on the disk, and may this folder be written?"
NO_INSTALL = """Installing failed; pip's last words are above. Is there a network, and does pip reach its
index? (Behind a proxy or a mirror, set HTTPS_PROXY or PIP_INDEX_URL.) Then run the same command again."""


def fingerprint() -> str:
    """What .venv depends on: the project's needs, this Python, and the folder (editable installs know it)."""
    import tomllib  # from Python 3.11, and an older one must reach the message in main

    needs = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    return hashlib.sha256(repr((needs, sys.version, sys.base_prefix, ROOT)).encode()).hexdigest()


def installed() -> set[str] | None:
    """The extras that .venv has, or None where it is absent, unfinished or made for something else."""
    try:
        stamp = json.loads(STAMP.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return set(stamp["extras"]) if stamp["fingerprint"] == fingerprint() and PYTHON.exists() else None


def attempt(command: list[str], advice: str) -> None:
    """Runs a set-up step in silence; if it fails, shows the end of what it said, and the advice."""
    done = subprocess.run(command, cwd=ROOT, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, text=True, errors="replace")
    if done.returncode:
        sys.exit("\n".join(["", *done.stdout.strip().splitlines()[-15:], "", advice]))


def make_venv(bundled_pip: bool) -> None:
    """Makes .venv afresh; without a pip of its own where this Python has none to give (Debian's has not)."""
    for module in ["venv"] if bundled_pip else ["venv", "pip"]:
        if importlib.util.find_spec(module) is None:
            sys.exit(NO_VENV.format(f"`{module}` module"))
    options = ["--clear"] if bundled_pip else ["--clear", "--without-pip"]
    attempt([sys.executable, "-m", "venv", *options, str(VENV)], NO_ROOM)


def set_up(extras: set[str]) -> None:
    """Makes sure that .venv holds Rushlight (editable) and these extras."""
    have = installed()
    if have is not None and extras <= have:
        return
    wanted = sorted(extras | (have or set()))
    package = f".[{','.join(wanted)}]" if wanted else "."
    print(f"Setting up {VENV} (once): pip install --editable {package}", flush=True)
    bundled_pip = importlib.util.find_spec("ensurepip") is not None
    if have is None:
        make_venv(bundled_pip)
    pip = [str(PYTHON), "-m", "pip"]
    if not bundled_pip:
        pip = [sys.executable, "-m", "pip", "--python", str(PYTHON)]
    attempt([*pip, "install", "--quiet", "--disable-pip-version-check", "--no-input", "--editable", package],
            NO_INSTALL)
    STAMP.write_text(json.dumps({"fingerprint": fingerprint(), "extras": wanted}), encoding="utf-8")


def call(line: list[str]) -> int:
    """Runs one command line with the environment's Python and returns its status; Ctrl-C is its to answer."""
    process = subprocess.Popen([str(PYTHON), *line], cwd=ROOT)
    while True:
        try:
            return process.wait()
        except KeyboardInterrupt:
            pass  # the terminal sent it to the child too, which now cleans up and ends


def run(command: str, arguments: list[str]) -> int:
    """Sets up what the command needs, runs its lines, all of them even if one fails; the worst status."""
    extras, lines = COMMANDS[command]
    if command == "test" and "--with-torch" in arguments:
        arguments = [a for a in arguments if a != "--with-torch"]
        extras = extras | {"torch-compare", "peers"}
        os.environ["RUSHLIGHT_WITH_TORCH"] = "1"  # to tests/conftest.py: an absent torch is now an error
    start = time.perf_counter()
    set_up(extras)
    ready = time.perf_counter()
    status = max([call([*line, *arguments]) for line in lines], key=abs)
    done = time.perf_counter()
    print(f"rush.py {command}: set-up {ready - start:.1f} s, run {done - ready:.1f} s", flush=True)
    return status


def main() -> int | str:
    """Reads the command line; returns the exit status, or the message to fail with."""
    if sys.version_info < OLDEST:
        return f"Rushlight needs Python 3.11 or later; {sys.executable} is {sys.version.split()[0]}."
    command, *arguments = sys.argv[1:] or ["help"]
    if command in COMMANDS:
        return run(command, arguments)
    print(__doc__)
    return 0 if command in ("help", "-h", "--help") else f"rush.py has no command `{command}`: see above."


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit(130)
