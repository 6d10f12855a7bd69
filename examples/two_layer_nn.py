"""The network of two layers from `nn`: layers hold their weights; the update is still by hand."""

import rushlight as torch
from rushlight import nn


def train(x, y, hidden=100, steps=500, learning_rate=1e-4):
    """Fits a network with one hidden layer to y by gradient descent; yields the loss of each step."""
    model = nn.Sequential(
        nn.Linear(x.shape[1], hidden),
        nn.ReLU(),
        nn.Linear(hidden, y.shape[1]),
    )
    loss_fn = nn.MSELoss(reduction="sum")
    for _ in range(steps):
        loss = loss_fn(model(x), y)
        yield loss.item()

        model.zero_grad()
        loss.backward()
        with torch.no_grad():
            for param in model.parameters():
                param -= learning_rate * param.grad


if __name__ == "__main__":
    torch.manual_seed(0)
    x = torch.randn(64, 1000)
    y = torch.randn(64, 10)

    for t, loss in enumerate(train(x, y), 1):
        if t % 100 == 0:
            print(t, loss)
