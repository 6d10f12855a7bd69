"""Functions to compile, with what they are called on: what a graph has to show all of."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import rushlight as torch

nn, F = torch.nn, torch.nn.functional


class Net(nn.Module):
    """Linear layers, a batch norm in a Sequential, and a buffer that counts."""

    def __init__(self) -> None:
        super().__init__()
        self.enter = nn.Linear(4, 8)
        self.middle = nn.Sequential(nn.BatchNorm1d(8), nn.ReLU())
        self.leave = nn.Linear(8, 3)

    def forward(self, x: Any) -> Any:
        return self.leave(self.middle(self.enter(x)) * 2 + 1)


def training(make: Callable[[Any], Any]) -> tuple[Callable[..., Any], tuple[Any, ...]]:
    """A training step of `Net` by an optimiser, and its arguments."""
    torch.manual_seed(0)
    net = Net()
    optimizer = make(net.parameters())

    def step(x: Any, y: Any) -> Any:
        optimizer.zero_grad()
        loss = F.cross_entropy(net(x), y)
        loss.backward()
        optimizer.step()
        return loss

    return step, (torch.randn(5, 4), torch.tensor([0, 1, 2, 0, 1]))


def in_place(x: Any, y: Any) -> Any:
    """Writes to an argument, to views of it, and to memory of its own."""
    x += 1
    x[1:, 0] = y[:-1, 1]
    x.t()[2].mul_(3)
    z = torch.zeros(3)
    z[1] = x.sum()
    return x * z[1], z


def views(x: Any, y: Any) -> Any:
    """Reads and returns views of all kinds."""
    a = x.t() @ y
    b = x.reshape(2, 6).unsqueeze(1).expand(2, 4, 6) + 1
    c = x[1:3, ::2] * y[0, 1]
    return a.diagonal(), b[1, 2], c.permute(1, 0), x.unfold(0, 2, 1).exp(), x[:, 1], a


def dtypes(x: Any, y: Any) -> Any:
    """Mixed dtypes, numbers that are no tensors, infinities and nan."""
    k = (x * 10).to(torch.int64) // 3
    h = x.to(torch.float16) * 2
    w = torch.where(x > 0, float("inf"), y.double())
    return k, h, w, x / 0, (x - x) / 0, k.float() % 4, (x > 0) & (y > 0)


def several(x: Any, y: Any) -> Any:
    """Ops with several results, reductions, scalars and empty arrays."""
    values, where = x.topk(2, dim=1)
    ordered, order = y.sort(dim=0)
    return values.sum(), where, ordered.mean(0), order, x.amax(), x[:0].sum(0), torch.cat([x, y], 1).std()


def functions() -> dict[str, tuple[Callable[..., Any], tuple[Any, ...]]]:
    """All of them by name."""
    torch.manual_seed(1)
    pair = torch.randn(4, 3), torch.randn(4, 3)
    return {
        **{f.__name__: (f, pair) for f in (in_place, views, dtypes, several)},
        "sgd": training(lambda ps: torch.optim.SGD(ps, lr=0.1, momentum=0.9)),
        "adam": training(lambda ps: torch.optim.Adam(ps, lr=0.01, eps=1e-2)),
    }
