"""A small convolutional network's graph and profile in the board: which line takes the time, and where it is.

python examples/board_profile.py [run folder]
rushlight board runs
"""

import sys
from pathlib import Path

import rushlight as torch
import rushlight.nn.functional as F
from rushlight import nn
from rushlight.board import Writer
from rushlight.profiler import profile, schedule, tensorboard_trace_handler

STEPS = 9


class Block(nn.Module):
    """A residual block of two convolutions."""

    def __init__(self, channels):
        super().__init__()
        self.conv1 = nn.Conv2d(channels, channels, 3, padding=1)
        self.conv2 = nn.Conv2d(channels, channels, 3, padding=1)

    def forward(self, x):
        y = torch.relu(self.conv1(x))
        return torch.relu(x + self.conv2(y))


class Net(nn.Module):
    """Four equal blocks between a first convolution and a linear layer."""

    def __init__(self, channels=16):
        super().__init__()
        self.stem = nn.Conv2d(1, channels, 3, padding=1)
        self.blocks = nn.Sequential(*[Block(channels) for _ in range(4)])
        self.head = nn.Linear(channels, 10)

    def forward(self, x):
        x = self.blocks(torch.relu(self.stem(x)))
        return self.head(x.mean((2, 3)))


def training_step(model, optimizer):
    """The usual step as a function of a batch."""

    def step(x, y):
        optimizer.zero_grad()
        loss = F.cross_entropy(model(x), y)
        loss.backward()
        optimizer.step()
        return loss

    return step


def profiled(step, x, y, folder):
    """Run some steps; of each round of four the last three are in a trace in the run's folder."""
    rounds = schedule(wait=1, warmup=0, active=3, repeat=2)
    with Writer(folder) as writer:
        with profile(schedule=rounds, on_trace_ready=tensorboard_trace_handler(folder)) as p:
            for k in range(STEPS):
                writer.add_scalar("loss", step(x, y), k)
                p.step()
        return p.key_averages(by="line")


if __name__ == "__main__":
    torch.manual_seed(0)
    home = Path(sys.argv[1] if len(sys.argv) > 1 else "runs/profile")
    x, y = torch.randn(32, 1, 8, 8), torch.randint(0, 10, (32,))
    for name in ("eager", "compiled"):
        model = Net()
        step = training_step(model, torch.optim.Adam(model.parameters(), lr=1e-3))
        with Writer(home / name) as writer:
            writer.add_graph(model, x)
        averages = profiled(step if name == "eager" else torch.compile(step), x, y, home / name)
        print(f"{name}, the lines that take most time:\n{averages.table(row_limit=4)}\n")
    print(f"Now: rushlight board {home}")
