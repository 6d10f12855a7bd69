"""Adds up the cases of the op tests, over all workers, and says the total."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

_total = 0


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    """Add a finished test's cases."""
    global _total
    if report.when == "teardown":
        _total += sum(int(n) for name, n in report.user_properties if name == "cases")


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """Print the total; RUSHLIGHT_CASES names a file to write it to."""
    if _total:
        terminalreporter.write_line(f"ops: {_total:,} cases compared")
        if "RUSHLIGHT_CASES" in os.environ:
            Path(os.environ["RUSHLIGHT_CASES"]).write_text(f"{_total}\n")
