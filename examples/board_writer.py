"""Learns to read digits at three learning rates, and logs all there is to see: for every view of the board.

python examples/board_writer.py [folder of the runs]
rushlight board runs/writer
"""

import sys
from pathlib import Path

import rushlight as torch
import rushlight.nn.functional as F
from rushlight import nn
from rushlight.board import Writer
from rushlight.data.datasets import Digits
from rushlight.utils.data import DataLoader

EPOCHS, BATCH = 5, 32
NOTE = """A network of two layers reads digits of 8 x 8 pixels; its learning rate is **{rate}**.

| layer | weights |
|---|---|
{rows}"""


class Reader(nn.Module):
    """Ten scores of a picture, one for each digit."""

    def __init__(self):
        super().__init__()
        self.hidden = nn.Linear(64, 32)
        self.scores = nn.Linear(32, 10)

    def features(self, images):
        return torch.relu(self.hidden(images.flatten(1)))

    def forward(self, images):
        return self.scores(self.features(images))


def whole(dataset):
    """All images and labels of a data set."""
    return next(iter(DataLoader(dataset, batch_size=len(dataset))))


def accuracy(model, images, labels):
    """The part of the digits that is read rightly."""
    return (model(images).argmax(1) == labels).float().mean().item()


def log_beginning(writer, model, images, rate):
    """What is known before the first step."""
    rows = "\n".join(f"| {name} | {p.numel()} |" for name, p in model.named_parameters())
    writer.add_text("note", NOTE.format(rate=rate, rows=rows))
    writer.add_graph(model, images[:1])
    writer.add_images("digits", images[:32], 0)


def log_epoch(writer, model, epoch, parts):
    """After an epoch: how many digits are read in each part of the data, and how the weights lie."""
    writer.add_scalars("accuracy", {name: accuracy(model, *part) for name, part in parts.items()}, epoch)
    for name, p in model.named_parameters():
        writer.add_histogram(f"weights/{name}", p, epoch)
        writer.add_histogram(f"gradients/{name}", p.grad, epoch)


def log_end(writer, model, images, labels, rate):
    """What was learned: how surely each digit is told from the others, and which are misread."""
    scores = model(images)
    likely, read = scores.softmax(1), scores.argmax(1)
    for digit in range(10):
        writer.add_pr_curve(f"is it a/{digit}", labels == digit, likely[:, digit], EPOCHS)
    writer.add_embedding(model.features(images), labels.tolist(), images, EPOCHS, tag="features")
    if (read != labels).any():
        writer.add_images("misread", images[read != labels][:16], EPOCHS)
    loss, right = F.cross_entropy(scores, labels), accuracy(model, images, labels)
    found = {"held_out/loss": loss, "held_out/accuracy": right}
    writer.add_hparams({"rate": rate, "batch": BATCH}, found, run_name="end")


def train(folder, rate, batches, parts):
    """Trains a reader, and returns how many held-out digits it reads."""
    torch.manual_seed(0)
    model, step = Reader(), 0
    optimizer = torch.optim.Adam(model.parameters(), lr=rate)
    with Writer(folder) as writer:
        log_beginning(writer, model, parts["held_out"][0], rate)
        for epoch in range(1, EPOCHS + 1):
            for images, labels in batches:
                optimizer.zero_grad()
                loss = F.cross_entropy(model(images), labels)
                loss.backward()
                optimizer.step()
                writer.add_scalar("loss", loss, step)
                step += 1
            with torch.no_grad():
                log_epoch(writer, model, epoch, parts)
        with torch.no_grad():
            log_end(writer, model, *parts["held_out"], rate)
            return accuracy(model, *parts["held_out"])


def main(folder="runs/writer"):
    """Three runs side by side."""
    parts = {"trained": whole(Digits(train=True)), "held_out": whole(Digits(train=False))}
    batches = DataLoader(Digits(train=True), batch_size=BATCH, shuffle=True)
    for rate in (0.001, 0.01, 0.1):
        read = train(Path(folder) / f"rate_{rate}", rate, batches, parts)
        print(f"learning rate {rate}: reads {read:.1%} of the held-out digits")
    print(f"Now: rushlight board {folder}")


if __name__ == "__main__":
    main(*sys.argv[1:])
