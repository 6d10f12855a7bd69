"""The examples, as their readers run them; where there is a PyTorch, it must print what Rushlight prints."""

import functools
import importlib
import math
import os
import re
import runpy
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from tests.test_docs import python

ROOT = Path(__file__).parents[1]
EXAMPLES = ROOT / "examples"
BY_HAND = ["two_layer_numpy.py", "two_layer_tensors.py", "two_layer_autograd.py"]
TWO_LAYER = [*BY_HAND, "two_layer_nn.py", "two_layer_optim.py", "two_layer_module.py"]


def losses(printed):
    """{what stands before the loss, the step last: the loss} of each line."""
    return {line.rpartition(" ")[0]: float(line.rpartition(" ")[2]) for line in printed.splitlines()}


def for_torch(name, folder):
    """An example written as for PyTorch, in another folder."""
    text = (EXAMPLES / name).read_text(encoding="utf-8")
    text = re.sub(r"import rushlight as torch", "import torch", text)
    text = re.sub(r"from rushlight(?!\.data\.datasets)", "from torch", text)
    (folder / name).write_text(text, encoding="utf-8")
    return folder / name


@pytest.fixture
def with_torch(tmp_path, monkeypatch, capsys):
    """A function that gives what a program prints under PyTorch, in this process (loading it is slow)."""
    pytest.importorskip("torch")
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))

    def run(path, *arguments):
        monkeypatch.setattr(sys, "argv", [str(path), *map(str, arguments)])
        capsys.readouterr()
        runpy.run_path(str(path), run_name="__main__")
        return capsys.readouterr().out

    return run


def close(ours, theirs):
    """Asserts that losses differ by rounding only; when hardly any loss is left, rounding is all there is."""
    assert ours.keys() == theirs.keys() and len(ours) >= 5
    for step, loss in ours.items():
        if theirs[step] > 1e-2:
            assert math.isclose(loss, theirs[step], rel_tol=1e-3), step


# -- the network of two layers --------------------------------------------------------------------------


@functools.cache
def printed(name):
    """The losses that one form of the network prints."""
    return losses(python(EXAMPLES / name, cwd=tempfile.gettempdir()))


@pytest.mark.parametrize("name", TWO_LAYER)
def test_network_learns(name):
    last = [loss for step, loss in printed(name).items() if step.endswith("500")]
    assert len(last) == (4 if name == "two_layer_optim.py" else 1)
    assert max(last) < 1e-3


def test_forms_by_hand_agree():
    first, *others = map(printed, BY_HAND)
    for other in others:
        close(first, other)


@pytest.mark.parametrize("name", TWO_LAYER)
def test_network_as_under_torch(name, with_torch, tmp_path):
    close(printed(name), losses(with_torch(for_torch(name, tmp_path))))


@pytest.mark.parametrize("name", ["two_layer_autograd.py", "two_layer_module.py"])
def test_network_with_rushlight_run(name, tmp_path):
    done = python("-m", "rushlight", "run", for_torch(name, tmp_path), cwd=tmp_path)
    assert losses(done) == printed(name)


def test_one_optimizer_by_name_with_rushlight_run(tmp_path):
    path = for_torch("two_layer_optim.py", tmp_path)
    done = losses(python("-m", "rushlight", "run", path, "RMSprop", cwd=tmp_path))
    assert list(done) == [f"RMSprop {t}" for t in range(100, 501, 100)]
    assert done.items() <= printed("two_layer_optim.py").items()


# -- tensors --------------------------------------------------------------------------------------------


def test_tensors_print_what_torch_prints(with_torch, tmp_path):
    ours = python(EXAMPLES / "tensors.py", cwd=tmp_path).splitlines()
    theirs = with_torch(for_torch("tensors.py", tmp_path)).splitlines()
    assert len(ours) == 59 and ours[5:] == theirs[5:]  # five lines show memory that is not filled


# -- digits ---------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def reader(tmp_path_factory):
    """(where the trained model is, what training printed)."""
    folder = tmp_path_factory.mktemp("digits")
    return folder / "digits.pt", python(EXAMPLES / "digits.py", "train", "digits.pt", cwd=folder)


def epochs(printed):
    """The (loss, accuracy in percent) of each epoch."""
    return [(float(a), float(b)) for a, b in re.findall(r"loss ([\d.]+)  held out ([\d.]+)%", printed)]


def test_digits_are_read(reader):
    history = epochs(reader[1])
    assert len(history) == 15 and history[-1][1] >= 97.5
    assert history[-1][0] < 0.1 * history[0][0]


def labels():
    from rushlight.data.datasets import Digits

    return Digits(train=False).targets.tolist()


def test_a_fresh_process_reads_the_same(reader, tmp_path):
    """The program tells in training how many it reads; from the file, another process must read as many."""
    path, printed = reader
    seen = [int(digit) for digit in python(EXAMPLES / "digits.py", "read", path, cwd=tmp_path).split()]
    right = sum(a == b for a, b in zip(seen, labels(), strict=True))
    assert f"{right / len(seen):.1%}" == printed.split()[-1]


STAND_IN = '''
"""The digits as items that PyTorch can batch."""
import torch
from rushlight.data.datasets import Digits as Ours

class Digits(list):
    def __init__(self, train):
        data = Ours(train=train)
        super().__init__((torch.from_numpy(image.numpy()), label) for image, label in data)
'''


def test_torch_learns_and_reads_the_same(reader, with_torch, tmp_path):
    """PyTorch trains the same model from the same seed, and reads our file with the same eyes."""
    (tmp_path / "digits_for_torch.py").write_text(STAND_IN)
    path = for_torch("digits.py", tmp_path)
    path.write_text(path.read_text().replace("rushlight.data.datasets", "digits_for_torch"))
    theirs = epochs(with_torch(path, "train", "theirs.pt"))
    ours = epochs(reader[1])
    for (our_loss, _), (their_loss, _) in zip(ours[:3], theirs[:3]):
        assert math.isclose(our_loss, their_loss, rel_tol=0.02)  # 43 steps of Adam let rounding grow
    assert abs(ours[-1][1] - theirs[-1][1]) < 1.5
    read = with_torch(path, "read", reader[0])
    assert read == python(EXAMPLES / "digits.py", "read", reader[0], cwd=tmp_path)


def test_digits_by_the_trainer(tmp_path):
    first = python(EXAMPLES / "digits_trainer.py", "kept", cwd=tmp_path)
    last = first[first.index("held out") :]
    assert float(re.match(r"held out (\d+\.\d)%", last)[1]) >= 97
    assert re.search(r"^epoch  1/15 .* valid_accuracy 0\.\d+$", first, re.MULTILINE)
    again = python(EXAMPLES / "digits_trainer.py", "kept", cwd=tmp_path)
    assert again.endswith(last) and "epoch" not in again  # the training is done


# -- the board ------------------------------------------------------------------------------------------


def test_a_training_for_all_views_of_the_board(tmp_path):
    from rushlight.board.logs.graphs import listed
    from rushlight.board.logs.store import Store

    printed = python(EXAMPLES / "board_writer.py", "here", cwd=tmp_path)
    read = [float(part) for part in re.findall(r"reads ([\d.]+)% of the held-out", printed)]
    assert len(read) == 3 and read[0] > 80 and read[1] > 95 and "Now: rushlight board here" in printed
    store = Store(tmp_path / "here")
    store.poll(10)
    run, end = store.runs["rate_0.01"], store.runs["rate_0.01/end"]
    assert len(store.runs) == 12 and listed(run) == [("graph", "")] and run.projector
    assert set(run.series) == {"loss"} and run.series["loss"].count == 5 * 43
    counts = {kind: len(tags) for kind, tags in run.entries.items()}
    assert counts == {"text": 1, "images": 2, "histograms": 8, "pr_curves": 10}
    assert store.runs["rate_0.01/accuracy_held_out"].series["accuracy"].count == 5
    assert set(end.series) == {"held_out/loss", "held_out/accuracy"} and len(end.entries["hparams"]) == 3


def test_a_profile_for_the_board(tmp_path):
    from rushlight.board.logs.graphs import listed
    from rushlight.board.logs.store import Store
    from rushlight.board.logs.traces import read_trace

    printed = python(EXAMPLES / "board_profile.py", "here", cwd=tmp_path)
    assert printed.count("board_profile.py:") == 8 and "Now: rushlight board here" in printed
    store = Store(tmp_path / "here")
    store.poll(10)
    assert all(listed(run) == [("graph", "")] for run in store.runs.values()) and len(store.runs) == 2
    traces = store.traces.files.values()
    assert sorted(file.run for file in traces) == ["compiled", "compiled", "eager", "eager"]
    for file in traces:
        trace = read_trace(file.path)
        assert len(trace.steps) == 3 and "Net.blocks.2.conv1" in trace.names.texts


# -- the tour -------------------------------------------------------------------------------------------

ESCAPE = re.compile(r"\x1b\[[0-9;?]*[a-zA-Z]")


@pytest.fixture(scope="module")
def tour(tmp_path_factory):
    """What the short tour prints into a pipe, 100 columns wide."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("COLUMNS", "100")
        return python(EXAMPLES / "tour.py", "--quick", cwd=tmp_path_factory.mktemp("tour"))


def test_the_forms_have_the_same_losses_over_all_steps_of_the_tour(tmp_path):
    home = f"import sys; sys.path.insert(0, {str(EXAMPLES)!r})"
    program = f"{home}; from parts import network; network.show(500)"
    assert "the losses are the same" in python("-c", program, cwd=tmp_path)


def test_tour_into_a_pipe_is_plain(tour):
    assert "\x1b" not in tour and "\r" not in tour
    assert [line for line in tour.splitlines() if len(line) > 100] == []


def test_tour_shows_every_statement_with_its_result(tour):
    for line in ("x = torch.rand(5, 3)", "print(x[:, 1])", "y.t_()", "np.add(a, 1, out=a)"):
        assert f"\n  {line}" in tour
    assert re.search(r"\n  print\(x\) +│ tensor\(\[\[0\.4963, 0\.7682, 0\.0885\],\n +│ +\[0\.1320", tour)
    assert re.search(r"\n  print\(device, y.dtype\) +│ cpu torch.float64", tour)


def test_tour_compares_the_forms(tour):
    rows = re.findall(r"^  (\d+) +(\S+e?\S+) +(\S+) +(\S+)$", tour, re.MULTILINE)
    assert [int(row[0]) for row in rows] == [1, 10, 20, 30, 40, 50]
    for _, *three in rows:
        assert math.isclose(float(three[0]), float(three[1]), rel_tol=1e-4)
        assert math.isclose(float(three[0]), float(three[2]), rel_tol=1e-4)
    table = tour.partition("ms per step")[2]
    forms = re.findall(r"^  ([\w. +,]+?) {2,}\d+ +\S+ +\S+ +\d+\.\d\d$", table, re.MULTILINE)
    assert len(forms) == 9 and forms[0] == "NumPy, all by hand" and forms[-1] == "nn.Module of your own"


def test_tour_reads_digits(tour):
    assert re.search(r"✓ \d\d\.\d% of the unseen digits", tour)
    assert "✓ saved, loaded in a fresh process: the same 445 predictions" in tour
    assert "learning to read   2 epochs" in tour and "┤" in tour and "✗ is" in tour


def on_a_terminal(environment, columns, folder):
    """What the short tour writes to a terminal of so many columns."""
    pty = pytest.importorskip("pty")
    import fcntl
    import struct
    import termios

    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 40, columns, 0, 0))
    set_by_terminals = ("COLUMNS", "LINES", "NO_COLOR")
    variables = {key: value for key, value in os.environ.items() if key not in set_by_terminals}
    variables |= {"PYTHONPATH": str(ROOT), "TERM": "xterm-256color"} | environment
    command = [sys.executable, str(EXAMPLES / "tour.py"), "--quick"]
    with subprocess.Popen(command, cwd=folder, env=variables, stdout=theirs, stderr=theirs) as process:
        os.close(theirs)
        chunks = []
        while True:
            try:
                chunk = os.read(ours, 65536)
            except OSError:  # Linux: the other side is closed
                break
            if not chunk:
                break
            chunks.append(chunk)
    os.close(ours)
    assert process.returncode == 0
    return b"".join(chunks).decode()


def wide_lines(shown, columns):
    """What a terminal would break into two lines, the states of the bar included."""
    return [line for line in re.split(r"[\r\n]+", shown) if len(ESCAPE.sub("", line)) > columns]


def test_tour_on_a_terminal_has_colours_and_a_bar(tmp_path):
    shown = on_a_terminal({}, 100, tmp_path)
    assert "\x1b[38;5;208m" in shown
    assert re.search(r"\r  NumPy, all by hand \x1b\[38;5;244m─+\x1b\[0m   0%  0.0 s", shown)
    assert re.search(r"\r  learning to read \x1b\[38;5;208m━{20}\x1b\[0m\S+─{20}\S+  50%  \d", shown)
    assert wide_lines(shown, 100) == []


def test_tour_respects_no_color_and_80_columns(tmp_path):
    shown = on_a_terminal({"NO_COLOR": "1"}, 80, tmp_path)
    assert set(ESCAPE.findall(shown)) <= {"\x1b[K"}  # the bar wipes its line
    assert wide_lines(shown, 80) == []


# -- what the tour is made of -----------------------------------------------------------------------------


@pytest.fixture
def parts(monkeypatch):
    monkeypatch.syspath_prepend(str(EXAMPLES))
    names = ["commands", "handwriting", "network", "pictures", "terminal"]
    return {name: importlib.import_module(f"parts.{name}") for name in names}


def test_losses_that_differ_are_an_error(parts):
    run = ("form", None, [8.0, 4.0, 2.0, 1.0, 0.5], 1.0)
    other = ("other", None, [8.0, 4.0, 2.0, 1.1, 0.5], 1.0)
    parts["network"].same_losses([run, run, run])
    with pytest.raises(AssertionError, match="step 4: the losses 1.0 and 1.1 differ"):
        parts["network"].same_losses([run, run, other])


def test_a_tour_that_fails_says_so(parts, monkeypatch, capsys):
    import tour

    monkeypatch.setattr(sys, "argv", ["tour.py"])
    monkeypatch.setattr(tour, "give", lambda steps, epochs, accuracy: accuracy < 0.97)
    assert tour.main() == 1
    assert parts["handwriting"].verdict(False, "no") is False and "✗ no" in capsys.readouterr().out


def test_highlighting_changes_colours_only(parts, monkeypatch):
    terminal = parts["terminal"]
    code = (EXAMPLES / "digits.py").read_text(encoding="utf-8").strip()
    assert terminal.highlight(code) == code
    monkeypatch.setattr(terminal, "COLOURED", True)
    painted = terminal.highlight(code)
    assert ESCAPE.sub("", painted) == code and painted.count("\x1b") > 100
    assert terminal.highlight("return 0").startswith("\x1b[35mreturn\x1b[0m ")


def test_a_curve_goes_where_its_values_go(parts):
    curve = parts["pictures"].curve
    assert curve([0, 0, 0], 3, 2, 0, 1) == ["⠀⠀⠀", "⣀⣀⣀"]
    assert curve([1.0], 2, 2, 0, 1) == ["⠉⠉", "⠀⠀"]
    assert curve([0, 1], 2, 1, 0, 1) == ["⣠⠞"]
    assert curve([5, -5], 1, 2, 0, 1) == ["⢹", "⢸"]  # out of the picture: at its edges


def test_a_picture_without_colours(parts):
    assert parts["pictures"].picture([[0, 1, 0, 1], [0, 0, 1, 1]]) == [" ▀▄█"]


def test_statements_of_a_program(parts):
    source = '"""Title."""\n\nimport os\n\n# %% Cell\n# Words.\nif os:\n    x = 1\ny = 2\n'
    found = [(comments, code) for comments, code, _ in parts["commands"].statements(source)]
    assert found == [([""], "import os"), (["", "# %% Cell", "# Words."], "if os:\n    x = 1"), ([], "y = 2")]


# -- the tutorial ---------------------------------------------------------------------------------------


def test_both_tutorials_run_the_same_programs():
    """Code and output are equal, comments apart, which are translated."""
    from scripts.run_markdown import blocks

    def code(name):
        found = blocks((ROOT / "docs" / name).read_text(encoding="utf-8"))
        return [(re.sub(r" *# .*", "", block.code), block.output) for block in found]

    assert code("tutorial.md") == code("tutorial.zh.md")
    assert len(code("tutorial.md")) > 15


# -- the board ------------------------------------------------------------------------------------------


def test_a_training_with_a_slider(tmp_path):
    pytest.importorskip("uvicorn")
    printed = python(EXAMPLES / "board_slider.py", 30, cwd=tmp_path)
    assert "board shows" in printed and "step 30: loss" in printed and "at learning rate 0.01" in printed
    assert (tmp_path / "runs" / ".panels" / "slider.jsonl").exists()
