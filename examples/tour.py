"""The tour: tensors, one network in six forms, a reader of handwriting; all results are made as you watch.

    python3 rush.py tour             less than a minute
    python3 rush.py tour --quick     the same with fewer steps

What it shows stands beside this file as plain programs: tensors.py, two_layer_*.py, digits.py.
"""

import argparse
import ast
import contextlib
import inspect
import io
import math
import subprocess
import sys
import tempfile
import textwrap
import time
from pathlib import Path

import digits
import terminal
import two_layer_autograd
import two_layer_module
import two_layer_nn
import two_layer_numpy
import two_layer_optim
import two_layer_tensors
from terminal import Progress, beside, heading, highlight, paint, say

import rushlight as torch

HERE = Path(__file__).parent
WANTED = 0.975  # the share of unseen digits that the reader must read


def main():
    """Reads the command line, gives the tour, and returns the exit status."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="fewer steps: shows that everything works")
    quick = parser.parse_args().quick
    terminal.set_up()
    start = time.perf_counter()
    say(f"{paint(f'Rushlight {torch.__version__}', 'title')}  PyTorch's API in plain Python")
    tensors()
    network(50 if quick else 500)
    good = handwriting(2 if quick else 15, 0 if quick else WANTED)
    heading("That was it")
    say(f"It took {time.perf_counter() - start:.1f} s. The programs are in {HERE}: read them, change "
        "them. docs/tutorial.md is this tour to read; docs/how_it_works.py builds a small Rushlight.")
    return 0 if good else 1


# -- 1: tensors -----------------------------------------------------------------------------------------


def tensors():
    """Shows tensors.py, block by block, each beside what it prints."""
    heading("1  Tensors")
    say("Code on the left, and on the right what it has just printed.")
    path = HERE / "tensors.py"
    program = {"__name__": "__main__"}
    for title, words, code in blocks(path.read_text(encoding="utf-8")):
        if title:
            print(f"\n  {paint(title, 'bold')}")
        if words:
            print("\n  " + paint("\n  ".join(terminal.wrap(words, terminal.width() - 4)), "comment"))
        statements = pieces(code)
        results = [printed(statement, path, program) for statement in statements]
        beside(zip(map(highlight, statements), results))


def blocks(source):
    """(title, words, code) of each block of a program: blank lines part them, `# %%` lines entitle them."""
    title = ""
    for block in source.split('"""\n', 1)[1].strip().split("\n\n"):
        lines = block.splitlines()
        if lines[0].startswith("# %%"):
            title = lines.pop(0)[5:]
        words = [lines.pop(0)[2:] for line in list(lines) if line.startswith("# ")]
        yield title, " ".join(words), "\n".join(lines)
        title = ""


def pieces(code):
    """The statements of a program, as text."""
    lines = code.splitlines()
    return ["\n".join(lines[s.lineno - 1 : s.end_lineno]) for s in ast.parse(code).body]


def printed(code, path, program):
    """What a piece of a program prints, run with the variables of the pieces before it."""
    output = io.StringIO()
    with contextlib.redirect_stdout(output):
        exec(compile(code, str(path), "exec"), program)
    return output.getvalue()


# -- 2: one network, six forms ----------------------------------------------------------------------------


def network(steps):
    """Trains the network in its six forms, shows the code and the losses of each, and a table of all."""
    heading("2  One network, six forms")
    say("Two layers, x (64, 1000) to 100 hidden numbers to y (64, 10): ReLU, squared error, "
        f"{steps} steps. Each form leaves more to the framework than the one before.")
    x, y, w1, w2 = start()
    arrays = [value.numpy() for value in (x, y, w1, w2)]
    runs = [
        form("NumPy, all by hand", two_layer_numpy.train, arrays, steps),
        form("tensors, all by hand", two_layer_tensors.train, [x, y, w1, w2], steps),
        form("autograd", two_layer_autograd.train, [x, y, w1, w2], steps),
        form("nn", two_layer_nn.train, [x, y], steps),
        *optimizers(x, y, steps),
        form("nn.Module of your own", two_layer_module.train, [x, y], steps, two_layer_module.TwoLayerNet),
    ]
    print()
    same_losses(runs[:3])
    print(f"\n  {paint('All forms', 'bold')}\n")
    rows = [
        [name, str(lines(train)), show(losses[0]), show(losses[-1]), f"{1000 * seconds / steps:.2f}"]
        for name, train, losses, seconds in runs
    ]
    terminal.table(["form", "lines", "first loss", f"loss at {steps}", "ms per step"], rows, "<>>>>")


def start():
    """The same numbers to start with for the first three forms."""
    torch.manual_seed(0)
    return torch.randn(64, 1000), torch.randn(64, 10), torch.randn(1000, 100), torch.randn(100, 10)


def form(name, train, data, steps, *shown):
    """Trains one form with its code beside its losses."""
    print(f"\n  {paint(name, 'bold')}  {paint(Path(inspect.getsourcefile(train)).name, 'faint')}\n")
    run = timed(name, train, data, steps)
    code = [*(inspect.getsource(item).strip() for item in shown), body(train)]
    beside([(highlight("\n\n\n".join(code)), losses_text(run[2]))])
    return run


def optimizers(x, y, steps):
    """Trains the form with an optimiser, with each of four."""
    print(f"\n  {paint('optim', 'bold')}  {paint('two_layer_optim.py', 'faint')}\n")
    runs = []
    for name, make in two_layer_optim.OPTIMIZERS.items():
        runs.append(timed(f"optim.{name}", two_layer_optim.train, [x, y, make], steps))
    results = [f"{name:19}{show(losses[-1])}" for name, _, losses, _ in runs]
    beside([(highlight(body(two_layer_optim.train)), "\n".join(results))])
    return runs


def timed(name, train, data, steps):
    """Runs one form: (name, train, the loss of each step, seconds)."""
    torch.manual_seed(1)
    losses, begin = [], time.perf_counter()
    with Progress(name, steps) as bar:
        for loss in train(*data, steps=steps):
            losses.append(float(loss))
            bar.advance(f"loss {show(losses[-1])}")
    return name, train, losses, time.perf_counter() - begin


def same_losses(runs):
    """Shows the losses of the forms that start from the same weights; they must be the same."""
    print(f"  {paint('The first three start from the same weights, so they must agree', 'bold')}\n")
    columns = [losses for _, _, losses, _ in runs]
    rows = [[str(t), *(f"{losses[t - 1]:.8g}" for losses in columns)] for t in milestones(len(columns[0]))]
    terminal.table(["step", *(name for name, *_ in runs)], rows, "<>>>")
    for others in columns[1:]:
        for t, (ours, theirs) in enumerate(zip(columns[0], others), 1):
            assert math.isclose(ours, theirs, rel_tol=0.05), f"step {t}: losses {ours} and {theirs} differ"


def milestones(steps):
    """The steps to show: the first, and every fifth part."""
    return [1, *range(steps // 5, steps + 1, steps // 5)]


def losses_text(losses):
    """A few of the losses, one to a line."""
    return "\n".join(f"step {t:<5}{show(losses[t - 1])}" for t in milestones(len(losses)))


def show(loss):
    """A loss in a few figures."""
    return f"{loss:.4g}"


def body(function):
    """The code of a function without its head and docstring."""
    source = textwrap.dedent(inspect.getsource(function))
    first = ast.parse(source).body[0].body[1]
    return textwrap.dedent("\n".join(source.splitlines()[first.lineno - 1 :]))


def lines(function):
    """How many lines of code a function has, comments and blank lines apart."""
    code = [line.strip() for line in body(function).splitlines()]
    return sum(bool(line) and not line.startswith("#") for line in code)


# -- 3: handwriting ---------------------------------------------------------------------------------------


def handwriting(epochs, wanted):
    """Trains a reader, shows how it learned, and reads in a fresh process; returns whether all is well."""
    heading("3  Handwritten digits")
    images, labels = digits.all_items(digits.Digits(train=False))
    say(f"{len(digits.Digits())} small images to learn from, {len(labels)} held out for the test. The model:")
    print()
    beside([(highlight(inspect.getsource(digits.Reader).strip()), "")])
    print()
    torch.manual_seed(0)
    model = digits.Reader()
    accuracy = learn(model, epochs)
    seen = digits.read(model, images).tolist()
    show_digits(images, labels.tolist(), seen)
    again = reread(model)
    print()
    good = accuracy >= wanted
    verdict(good, f"{accuracy:.1%} of {len(labels)} unseen digits read rightly"
            + (f" (at least {wanted:.1%} was wanted)" if wanted else ""))
    verdict(again == seen, f"saved, loaded in a fresh process: {len(again)} predictions, all the same")
    return good and again == seen


def learn(model, epochs):
    """Trains the model and draws its curves; returns the share of unseen digits read rightly."""
    losses, accuracies = [], []
    with Progress("learning to read", epochs) as bar:
        for loss, accuracy in digits.train(model, epochs=epochs):
            losses.append(loss)
            accuracies.append(accuracy)
            bar.advance(f"loss {loss:.3f}, {accuracy:.1%} of unseen digits")
    print()
    columns = terminal.width() // 2 - 4
    low = min(accuracies)
    terminal.together(
        terminal.plot("loss, by epoch", losses, columns, 8, 0, max(losses), "{:.2f}".format),
        terminal.plot("unseen digits read rightly", accuracies, columns, 8, low, 1, "{:.1%}".format),
    )
    return accuracies[-1]


def show_digits(images, labels, seen, count=8):
    """Draws some unseen digits with what the model sees in them, the misread ones first."""
    misread = [i for i in range(len(labels)) if seen[i] != labels[i]][: count // 2]
    chosen = (misread + [i for i in range(0, len(labels), 31) if i not in misread])[:count]
    cells = []
    for i in chosen:
        right = seen[i] == labels[i]
        note = paint(f"{seen[i]} ✓", "good") if right else paint(f"{seen[i]} ✗", "bad") + f" is {labels[i]}"
        cells.append([*terminal.picture(images[i, 0].tolist()), note])
    print(f"\n  {paint('Unseen digits, and what the model reads', 'bold')}"
          f" ({'those misread come first' if misread else 'none is misread'})\n")
    terminal.together(*cells, gap=4)


def reread(model):
    """Saves the model; what a fresh process reads with it."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "digits.pt"
        torch.save(model.state_dict(), path)
        command = [sys.executable, str(HERE / "digits.py"), "read", str(path)]
        done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
    return [int(digit) for digit in done.stdout.split()]


def verdict(good, text):
    """A line that says whether something is as it should be."""
    print(f"  {paint('✓', 'good') if good else paint('✗', 'bad')} {text}")


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit(130)
