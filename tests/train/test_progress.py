"""The line that shows how far a training is."""

import io
import os
import re

import pytest

import rushlight as torch
from rushlight import nn
from rushlight.train import ProgressBar, Trainer, progress


class Terminal(io.StringIO):
    """A terminal of so many columns."""

    encoding = "utf-8"

    def isatty(self):
        return True


class Clock:
    """Seconds that pass when it is told."""

    def __init__(self, step=0.0):
        self.now, self.step = 100.0, step

    def __call__(self):
        self.now += self.step
        return self.now


@pytest.fixture
def narrow(monkeypatch):
    def columns(n):
        monkeypatch.setattr(progress, "columns", lambda file: n)
        monkeypatch.setattr("rushlight.train.callbacks.progress_bar.columns", lambda file: n)
        monkeypatch.delenv("TERM", raising=False)

    return columns


def fit(file, clock=None, batches=20, epochs=2, sized=True):
    model = nn.Linear(1, 1)
    trainer = Trainer(model, "mse_loss", torch.optim.SGD(model.parameters(), lr=0.01))
    data = [(torch.ones(2, 1), torch.ones(2, 1))] * batches
    loader = data if sized else Endless(data)
    bar = ProgressBar(file, clock or Clock(0.01))
    trainer.fit(loader, epochs=epochs, callbacks=[bar])
    return file.getvalue()


class Endless:
    """Does not know its length."""

    def __init__(self, data):
        self.data = data

    def __iter__(self):
        return iter(self.data)


def test_without_a_terminal_one_plain_line_for_each_epoch():
    lines = fit(io.StringIO()).splitlines()
    assert len(lines) == 2 and "\r" not in "".join(lines) and "\x1b" not in "".join(lines)
    assert re.fullmatch(r"epoch 1/2  \d+\.\d s  loss \S+", lines[0])


def test_on_a_terminal_it_moves(narrow):
    narrow(100)
    states = fit(Terminal(), Clock(0.05)).split("\r")
    drawn = [state for state in states if "eta" in state]
    assert re.match(r"epoch 1/2  ━+─+  \d+/20  \d+\.?\d*/s  eta \d+\.\d s  loss \S+\x1b\[K", drawn[0])
    assert fit(Terminal()).count("\n") == 2


@pytest.mark.parametrize("columns", [20, 40, 80, 200])
def test_no_line_is_wider_than_the_terminal(columns, narrow):
    narrow(columns)
    shown = fit(Terminal(), Clock(0.05))
    drawn = [s.replace("\x1b[K", "") for s in shown.split("\r") if not s.endswith("\n")]
    assert drawn and all(progress.width(line) < columns for line in drawn)


def test_it_is_drawn_ten_times_per_second_at_most(narrow):
    narrow(100)
    clock = Clock()
    line = progress.Line(Terminal(), clock)
    drawn = 0
    for _ in range(1000):  # of 3 ms
        clock.now += 0.003
        if line.due():
            line.draw("x")
            drawn += 1
    assert 25 <= drawn <= 30


def test_a_loader_without_length(narrow):
    narrow(100)
    assert re.search(r"\repoch 1/2  \d+ batches  \d\S*/s  loss", fit(Terminal(), Clock(0.05), sized=False))


def test_nothing_is_printed_with_progress_false(capsys):
    model = nn.Linear(1, 1)
    trainer = Trainer(model, "mse_loss", torch.optim.SGD(model.parameters(), lr=0.01))
    batches = [(torch.ones(2, 1), torch.ones(2, 1))]
    trainer.fit(batches, progress=False)
    assert capsys.readouterr() == ("", "")
    trainer.fit(batches)
    out, err = capsys.readouterr()
    assert out.startswith("epoch 2/2 ") and err == ""


def test_an_exception_leaves_the_line_ended(narrow):
    narrow(100)
    file = Terminal()
    model = nn.Linear(1, 1)
    trainer = Trainer(model, "mse_loss", torch.optim.SGD(model.parameters(), lr=0.01))
    batches = [(torch.ones(2, 1), torch.ones(2, 1))] * 5 + ["no batch"]
    with pytest.raises(ValueError, match="this one is str"):
        trainer.fit(batches, callbacks=[ProgressBar(file, Clock(0.05))])
    assert file.getvalue().endswith("\x1b[K\n")


def test_an_old_terminal_gets_other_characters(narrow):
    narrow(100)
    file = Terminal()
    file.encoding = "latin-1"
    shown = fit(file, Clock(0.05))
    shown.encode("latin-1")
    assert "##" in shown


def test_a_real_terminal_says_its_width():
    pty = pytest.importorskip("pty")
    import fcntl
    import struct
    import termios

    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 40, 57, 0, 0))
    with open(theirs, "w") as file:
        assert progress.columns(file) == 57 and progress.is_terminal(file)
    os.close(ours)


@pytest.mark.parametrize(
    "text, columns",
    [("abc", 3), ("损失", 4), ("é", 1), ("e\u0301", 1), ("👍", 2), ("a\u200bb", 2), ("", 0)],
)
def test_widths(text, columns):
    assert progress.width(text) == columns
    assert progress.cut(text, columns) == text
    assert progress.width(progress.cut(text, columns - 1)) <= max(columns - 1, 0)


def test_parts():
    assert [progress.bar(k, 4, 8) for k in (0, 1, 4, 9)] == ["────────", "━━──────", "━━━━━━━━", "━━━━━━━━"]
    assert [progress.duration(s) for s in (0.04, 9.96, 65, 7800)] == ["0.0 s", "10.0 s", "1:05", "2:10:00"]
    assert progress.number(0.123456) == "0.1235" and progress.number(3) == "3"
