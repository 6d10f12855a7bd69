"""What attacks/board.py tries on a running board fails, and would be seen if it did not."""

import sys
from pathlib import Path

import pytest

pytest.importorskip("uvicorn")

sys.path.insert(0, str(Path(__file__).parents[3]))

from attacks import board as attacks  # noqa: E402
from rushlight.board.server import safety  # noqa: E402


def test_nothing_gets_through(tmp_path):
    found = attacks.run(tmp_path)
    assert len(found) >= 12 and [name for name, outcome in found.items() if outcome] == []


def test_the_attacks_are_real(tmp_path, monkeypatch):
    """Without the guard most of them succeed."""
    monkeypatch.setattr(safety.Guard, "refusal", lambda self, scope: None)
    found = attacks.run(tmp_path)
    through = {name for name, outcome in found.items() if outcome}
    assert {
        "dns_rebinding",
        "foreign_page_reads",
        "foreign_page_deletes",
        "foreign_socket",
        "guessing_tokens",
    } <= through
