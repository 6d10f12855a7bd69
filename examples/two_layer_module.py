"""The network of two layers as a class of your own: any Python may stand in `forward`."""

import rushlight as torch
from rushlight import nn


class TwoLayerNet(nn.Module):
    """relu(x A) B, without biases."""

    def __init__(self, D_in, H, D_out):
        super().__init__()
        self.linear1 = nn.Linear(D_in, H, bias=False)
        self.linear2 = nn.Linear(H, D_out, bias=False)

    def forward(self, x):
        h_relu = self.linear1(x).clamp(min=0)
        return self.linear2(h_relu)


def train(x, y, hidden=100, steps=500, learning_rate=1e-4):
    """Fits a TwoLayerNet to y; yields the loss of each step."""
    model = TwoLayerNet(x.shape[1], hidden, y.shape[1])
    loss_fn = nn.MSELoss(reduction="sum")
    optimizer = torch.optim.SGD(model.parameters(), lr=learning_rate)
    for _ in range(steps):
        loss = loss_fn(model(x), y)
        yield loss.item()

        optimizer.zero_grad()
        loss.backward()
        optimizer.step()


if __name__ == "__main__":
    torch.manual_seed(0)
    x = torch.randn(64, 1000)
    y = torch.randn(64, 10)

    for t, loss in enumerate(train(x, y), 1):
        if t % 100 == 0:
            print(t, loss)
