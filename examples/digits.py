"""Learns to read handwritten digits, keeps the model in a file, and reads with it in another process.

    python digits.py train digits.pt     trains, tells how many unseen digits it reads, saves
    python digits.py read digits.pt      loads, and reads the unseen digits

The digits are the 1797 of the UCI optical digits (E. Alpaydin, C. Kaynak; CC BY 4.0), 8 x 8 pixels each; a
quarter of them is held out: the model is never trained on those.
"""

import sys

import rushlight as torch
from rushlight import nn
from rushlight.data.datasets import Digits
from rushlight.utils.data import DataLoader


class Reader(nn.Module):
    """From an image of 8 x 8, ten scores, one for each digit."""

    def __init__(self):
        super().__init__()
        self.layers = nn.Sequential(
            nn.Conv2d(1, 16, kernel_size=3, padding=1),
            nn.ReLU(),
            nn.MaxPool2d(2),
            nn.Conv2d(16, 32, kernel_size=3, padding=1),
            nn.ReLU(),
            nn.Flatten(),
            nn.Dropout(0.5),
            nn.Linear(32 * 4 * 4, 10),
        )

    def forward(self, images):
        return self.layers(images)


def all_items(dataset):
    """The images and labels of a data set in one batch."""
    return next(iter(DataLoader(dataset, batch_size=len(dataset))))


def read(model, images):
    """The digit that the model sees in each image."""
    model.eval()
    with torch.no_grad():
        return model(images).argmax(dim=1)


def train(model, epochs=15, batch_size=32, lr=4e-3):
    """Trains the model; after each epoch yields the mean loss and the share of held-out digits it reads."""
    loader = DataLoader(Digits(train=True), batch_size=batch_size, shuffle=True)
    held_out, labels = all_items(Digits(train=False))
    loss_fn = nn.CrossEntropyLoss()
    optimizer = torch.optim.Adam(model.parameters(), lr=lr)
    scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, epochs)
    for _ in range(epochs):
        model.train()
        losses = []
        for images, targets in loader:
            loss = loss_fn(model(images), targets)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            losses.append(loss.item())
        scheduler.step()
        accuracy = (read(model, held_out) == labels).float().mean().item()
        yield sum(losses) / len(losses), accuracy


def main(action, path):
    """Trains and saves, or loads and reads."""
    model = Reader()
    if action == "train":
        for epoch, (loss, accuracy) in enumerate(train(model), 1):
            print(f"epoch {epoch:2d}  loss {loss:.4f}  held out {accuracy:.1%}")
        torch.save(model.state_dict(), path)
    else:
        model.load_state_dict(torch.load(path))
        images, _ = all_items(Digits(train=False))
        print(*read(model, images).tolist())


if __name__ == "__main__":
    torch.manual_seed(0)
    main(*sys.argv[1:])
