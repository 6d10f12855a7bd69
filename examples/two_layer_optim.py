"""The network of two layers with an optimiser, which makes the update: SGD, with momentum, RMSprop or Adam.

python two_layer_optim.py            all four
python two_layer_optim.py Adam       one
"""

import sys

import rushlight as torch
from rushlight import nn

OPTIMIZERS = {
    "SGD": lambda params: torch.optim.SGD(params, lr=1e-4),
    "SGD+momentum": lambda params: torch.optim.SGD(params, lr=1e-5, momentum=0.9),
    "RMSprop": lambda params: torch.optim.RMSprop(params, lr=5e-5),
    "Adam": lambda params: torch.optim.Adam(params, lr=1e-4),
}


def train(x, y, make_optimizer, hidden=100, steps=500):
    """Fits a network with one hidden layer to y; yields the loss of each step."""
    model = nn.Sequential(
        nn.Linear(x.shape[1], hidden),
        nn.ReLU(),
        nn.Linear(hidden, y.shape[1]),
    )
    loss_fn = nn.MSELoss(reduction="sum")
    optimizer = make_optimizer(model.parameters())
    for _ in range(steps):
        loss = loss_fn(model(x), y)
        yield loss.item()

        optimizer.zero_grad()
        loss.backward()
        optimizer.step()


if __name__ == "__main__":
    for name in sys.argv[1:] or OPTIMIZERS:
        torch.manual_seed(0)
        x = torch.randn(64, 1000)
        y = torch.randn(64, 10)
        for t, loss in enumerate(train(x, y, OPTIMIZERS[name]), 1):
            if t % 100 == 0:
                print(name, t, loss)
