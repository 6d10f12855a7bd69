"""The second part of the tour: a network of two layers in its six classic forms."""

import ast
import inspect
import math
import textwrap
import time
from pathlib import Path

import two_layer_autograd
import two_layer_module
import two_layer_nn
import two_layer_numpy
import two_layer_optim
import two_layer_tensors

import rushlight as torch

from .runs import recorded
from .terminal import Progress, beside, heading, highlight, paint, say, table


def show(steps):
    """Trains all forms, with the code and the losses of each; then compares them."""
    heading("2  One network, six forms")
    say("Two layers take x (64, 1000) to 100 hidden numbers and on to y (64, 10): ReLU, squared error, "
        f"{steps} steps. Every form leaves more to the framework than the one before.")
    x, y, w1, w2 = start()
    arrays = [tensor.numpy() for tensor in (x, y, w1, w2)]
    runs = [
        form("NumPy, all by hand", two_layer_numpy.train, arrays, steps),
        form("tensors, all by hand", two_layer_tensors.train, [x, y, w1, w2], steps),
        form("autograd", two_layer_autograd.train, [x, y, w1, w2], steps),
        form("nn", two_layer_nn.train, [x, y], steps),
        *optimizers(x, y, steps),
        form("nn.Module of your own", two_layer_module.train, [x, y], steps, two_layer_module.TwoLayerNet),
    ]
    same_losses(runs[:3])
    summary(runs, steps)


def start():
    """x, y, and the weights that the first three forms start from."""
    torch.manual_seed(0)
    return torch.randn(64, 1000), torch.randn(64, 10), torch.randn(1000, 100), torch.randn(100, 10)


def form(name, train, data, steps, *classes):
    """Trains one form, and shows its code beside its losses."""
    print()
    run = timed(name, train, data, steps)
    losses = run[2]
    code = [*(inspect.getsource(item).strip() for item in classes), body(train)]
    results = [f"step {t:<6}loss {figures(losses[t - 1])}" for t in milestones(steps)]
    print()
    beside([(highlight("\n\n\n".join(code)), "\n".join(results))])
    return run


def optimizers(x, y, steps):
    """Trains the form with an optimiser four times."""
    print()
    runs = [
        timed(f"optim.{name}", two_layer_optim.train, [x, y, make], steps)
        for name, make in two_layer_optim.OPTIMIZERS.items()
    ]
    results = [f"{name:19} loss {figures(losses[-1])}" for name, _, losses, _ in runs]
    print()
    beside([(highlight(body(two_layer_optim.train)), "\n".join(results))])
    return runs


def timed(name, train, data, steps):
    """Runs one form: (name, train, the loss of each step, seconds)."""
    torch.manual_seed(1)
    losses = []
    with Progress(name, steps, source=Path(inspect.getsourcefile(train)).name) as bar:
        begin = time.perf_counter()
        for loss in recorded(f"network/{name}", train(*data, steps=steps)):
            losses.append(float(loss))
            bar.advance(f"loss {figures(losses[-1])}")
    return name, train, losses, time.perf_counter() - begin


def same_losses(runs):
    """Shows the losses of the forms that start from the same weights. Raises where they are not the same."""
    print(f"\n  {paint('The first three start from the same weights: the losses are the same', 'bold')}\n")
    first, *others = [losses for _, _, losses, _ in runs]
    rows = [[str(t), *(f"{run[2][t - 1]:.6g}" for run in runs)] for t in milestones(len(first))]
    table(["step", *(name for name, *_ in runs)], rows, "<>>>")
    for losses in others:
        for t, (one, other) in enumerate(zip(first, losses), 1):
            # float32 rounds in another order; near the end, where little is left of the loss, it shows:
            # NumPy's own are off from float64's by 4e-5 where the loss is 1, by 5e-2 where it is 0.005.
            if not math.isclose(one, other, rel_tol=1e-3 if one > 1 else 0.05):
                raise AssertionError(f"step {t}: the losses {one} and {other} differ")


def summary(runs, steps):
    """A table of all forms. Lines are those of `train`, without comments."""
    print(f"\n  {paint('All forms', 'bold')}\n")
    rows = [
        [name, str(lines(train)), figures(losses[0]), figures(losses[-1]), f"{1000 * seconds / steps:.2f}"]
        for name, train, losses, seconds in runs
    ]
    table(["form", "lines", "first loss", f"loss at {steps}", "ms per step"], rows, "<>>>>")


def milestones(steps):
    """The steps to show: the first, and every fifth part."""
    return [1, *range(steps // 5, steps + 1, steps // 5)]


def figures(loss):
    """A loss in four figures."""
    return f"{loss:.4g}"


def body(function):
    """The code of a function without its head and docstring."""
    source = textwrap.dedent(inspect.getsource(function))
    docstring = ast.parse(source).body[0].body[0]
    return textwrap.dedent("\n".join(source.splitlines()[docstring.end_lineno :]))


def lines(function):
    """How many lines of code a function has."""
    code = [line.strip() for line in body(function).splitlines()]
    return sum(bool(line) and not line.startswith("#") for line in code)
