"""The third part of the tour: a network that learns to read digits, saved and used in another process."""

import inspect
import subprocess
import sys
import tempfile
from pathlib import Path

import digits

import rushlight as torch
from rushlight.board import Writer

from .pictures import picture, plot
from .runs import FOLDER
from .terminal import Progress, beside, heading, highlight, paint, say, together, width


def show(epochs, wanted):
    """Trains a reader, shows how it learned, and reads in a fresh process; whether all is as it should be."""
    heading("3  Handwritten digits")
    held_out, labels = digits.all_items(digits.Digits(train=False))
    say(f"The model learns from {len(digits.Digits())} small images; another {len(labels)} are held out.")
    print()
    beside([(highlight(inspect.getsource(digits.Reader).strip()), "")])
    print()
    torch.manual_seed(0)
    model = digits.Reader()
    with Writer(FOLDER / "digits") as writer:
        accuracy = learn(model, epochs, writer)
        seen = digits.read(model, held_out).tolist()
        write_reading(writer, model, held_out, labels, seen)
    show_images(held_out, labels.tolist(), seen)
    print()
    again = reread(model)
    enough = verdict(accuracy >= wanted, f"{accuracy:.1%} of the unseen digits ({wanted:.1%} were wanted)")
    same = verdict(again == seen, f"saved, loaded in a fresh process: the same {len(again)} predictions")
    return enough and same


def learn(model, epochs, writer):
    """Trains the model and draws its curves; returns the share of unseen digits read rightly."""
    losses, accuracies = [], []
    with Progress("learning to read", epochs, "epochs", "digits.py") as bar:
        for loss, accuracy in digits.train(model, epochs=epochs):
            losses.append(loss)
            accuracies.append(accuracy)
            write_epoch(writer, model, len(losses), loss, accuracy)
            bar.advance(f"loss {loss:.3f}, {accuracy:.1%} right")
    columns = width() // 2 - 4
    low = min(accuracies)
    print()
    together(
        plot("loss, epoch by epoch", losses, columns, 8, 0, max(losses), "{:.2f}".format),
        plot("unseen digits read rightly", accuracies, columns, 8, low, 1, "{:.1%}".format),
    )
    return accuracies[-1]


def write_epoch(writer, model, epoch, loss, accuracy):
    """For the board: how well it goes, and how the weights are spread."""
    writer.add_scalar("digits/loss", loss, epoch)
    writer.add_scalar("digits/accuracy", accuracy, epoch)
    for name, param in model.named_parameters():
        writer.add_histogram(name, param, epoch)


def write_reading(writer, model, images, labels, seen):
    """For the board: the model, what it reads wrongly, how sure it is, and how it tells digits apart."""
    writer.add_graph(model, images[:1])
    writer.add_text("model", f"```python\n{inspect.getsource(digits.Reader)}\n```")
    misread = [k for k, label in enumerate(labels.tolist()) if seen[k] != label]
    if misread:
        writer.add_images("misread", images[misread])
    with torch.no_grad():
        features = model.layers[:-2](images)
        likely = model(images).softmax(1)
    for digit in range(10):
        writer.add_pr_curve(f"is it a {digit}", labels == digit, likely[:, digit])
    writer.add_embedding(features, metadata=[str(label) for label in labels.tolist()], label_img=images)


def show_images(images, labels, seen):
    """Draws some unseen digits, those misread first, with what the model reads in them."""
    count = width() // 12
    misread = [i for i, label in enumerate(labels) if seen[i] != label][: count // 2]
    others = [i for i in range(0, len(labels), 31) if seen[i] == labels[i]]
    cells = []
    for i in [*misread, *others][:count]:
        right = seen[i] == labels[i]
        note = paint(f"{seen[i]} ✓", "good") if right else paint(f"{seen[i]} ✗ is {labels[i]}", "bad")
        cells.append([*picture(images[i, 0].tolist()), note])
    print(f"\n  {paint('Unseen digits, and what the model reads', 'bold')}\n")
    together(*cells)


def reread(model):
    """Saves the model; what a fresh process reads with it."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "digits.pt"
        torch.save(model.state_dict(), path)
        command = [sys.executable, digits.__file__, "read", str(path)]
        done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
    return [int(digit) for digit in done.stdout.split()]


def verdict(good, text):
    """Says whether something is as it should be."""
    print(f"  {paint('✓', 'good') if good else paint('✗', 'bad')} {text}")
    return good
