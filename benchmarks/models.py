"""The programs whose training steps are timed, each written once for `m`, which is torch or rushlight.

A function makes a model and its data and returns a Training: the call that does one step and gives its loss,
and the tensors that must be the same on both sides.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np


@dataclass
class Training:
    """One training step as a call that returns the loss, and what it trains by name."""

    step: Callable[[], Any]
    state: dict[str, Any]


def normal(m: Any, *shape: int, scale: float = 1.0, grad: bool = False) -> Any:
    """Normal float32 numbers: the same for every `m`."""
    values = np.random.default_rng(sum(shape)).standard_normal(shape).astype(np.float32) * np.float32(scale)
    return m.tensor(values, requires_grad=grad)


def classes(m: Any, *shape: int, below: int) -> Any:
    """Class numbers: the same for every `m`."""
    return m.tensor(np.random.default_rng(below).integers(0, below, shape))


def training(
    m: Any, model: Any, loss: Callable[[], Any], optimizer: Any, clip: float | None = None
) -> Training:
    """The usual step: gradients away, loss, backward, and the update."""
    parameters = list(model.parameters())

    def step() -> Any:
        optimizer.zero_grad()
        value = loss()
        value.backward()
        if clip is not None:
            m.nn.utils.clip_grad_norm_(parameters, clip)
        optimizer.step()
        return value

    return Training(step, model.state_dict())


def seed_autograd(m: Any) -> Training:
    """The tutorial's two-layer net by autograd: 64x1000x100x10, ReLU, squared error, gradient step."""
    x, y = normal(m, 64, 1000), normal(m, 64, 10)
    w1, w2 = normal(m, 1000, 100, grad=True), normal(m, 100, 10, grad=True)

    def step() -> Any:
        loss = (x.mm(w1).clamp(min=0).mm(w2) - y).pow(2).sum()
        loss.backward()
        with m.no_grad():
            w1.sub_(1e-6 * w1.grad)
            w2.sub_(1e-6 * w2.grad)
            w1.grad.zero_()
            w2.grad.zero_()
        return loss

    return Training(step, {"w1": w1, "w2": w2})


def seed_adam(m: Any) -> Training:
    """The same net from nn and Adam."""
    x, y = normal(m, 64, 1000), normal(m, 64, 10)
    model = m.nn.Sequential(m.nn.Linear(1000, 100), m.nn.ReLU(), m.nn.Linear(100, 10))
    loss = m.nn.MSELoss(reduction="sum")
    return training(m, model, lambda: loss(model(x), y), m.optim.Adam(model.parameters(), lr=1e-4))


def deep_mlp(m: Any) -> Training:
    """20 layers of width 32, batch 8: forward, backward, plain gradient step: all overhead."""
    x = normal(m, 8, 32)
    layers = [m.nn.Linear(32, 32) for _ in range(20)]
    model = m.nn.Sequential(*(part for layer in layers for part in (layer, m.nn.ReLU())))
    parameters = list(model.parameters())

    def step() -> Any:
        out = model(x)
        loss = (out * out).sum()
        loss.backward()
        with m.no_grad():
            for p in parameters:
                p.sub_(1e-4 * p.grad)
                p.grad = None
        return loss

    return Training(step, model.state_dict())


def lenet(m: Any) -> Training:
    """LeNet-5 with ReLU and max pooling: 28x28, batch 64, SGD with momentum."""
    nn = m.nn
    model = nn.Sequential(
        *(nn.Conv2d(1, 6, 5, padding=2), nn.ReLU(), nn.MaxPool2d(2)),
        *(nn.Conv2d(6, 16, 5), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten()),
        *(nn.Linear(400, 120), nn.ReLU(), nn.Linear(120, 84), nn.ReLU(), nn.Linear(84, 10)),
    )
    x, y = normal(m, 64, 1, 28, 28), classes(m, 64, below=10)
    optimizer = m.optim.SGD(model.parameters(), lr=0.01, momentum=0.9)
    return training(m, model, lambda: nn.functional.cross_entropy(model(x), y), optimizer)


def resnet18(m: Any, batch: int = 32) -> Training:
    """ResNet-18 for 32x32 images (a 3x3 stem, no first pooling), SGD with momentum and decay."""
    nn = m.nn

    class Block(nn.Module):
        def __init__(self, before: int, after: int, stride: int) -> None:
            super().__init__()
            self.conv1 = nn.Conv2d(before, after, 3, stride, 1, bias=False)
            self.bn1 = nn.BatchNorm2d(after)
            self.conv2 = nn.Conv2d(after, after, 3, 1, 1, bias=False)
            self.bn2 = nn.BatchNorm2d(after)
            self.shortcut = nn.Sequential()
            if stride != 1 or before != after:
                projection = nn.Conv2d(before, after, 1, stride, bias=False)
                self.shortcut = nn.Sequential(projection, nn.BatchNorm2d(after))

        def forward(self, x: Any) -> Any:
            y = self.bn1(self.conv1(x)).relu()
            return (self.bn2(self.conv2(y)) + self.shortcut(x)).relu()

    widths = [(64, 64, 1), (64, 64, 1), (64, 128, 2), (128, 128, 1)]
    widths += [(128, 256, 2), (256, 256, 1), (256, 512, 2), (512, 512, 1)]
    model = nn.Sequential(
        *(nn.Conv2d(3, 64, 3, 1, 1, bias=False), nn.BatchNorm2d(64), nn.ReLU()),
        *(Block(*width) for width in widths),
        *(nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(512, 10)),
    )
    x, y = normal(m, batch, 3, 32, 32), classes(m, batch, below=10)
    optimizer = m.optim.SGD(model.parameters(), lr=0.01, momentum=0.9, weight_decay=5e-4)
    return training(m, model, lambda: nn.functional.cross_entropy(model(x), y), optimizer)


def gpt(
    m: Any, batch: int = 4, length: int = 256, width: int = 384, heads: int = 6, layers: int = 6
) -> Training:
    """nanoGPT's character model: pre-norm blocks, tied embedding, clipped gradients, AdamW."""
    nn, F = m.nn, m.nn.functional

    class Block(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.ln_1, self.ln_2 = nn.LayerNorm(width), nn.LayerNorm(width)
            self.attention, self.projection = nn.Linear(width, 3 * width), nn.Linear(width, width)
            self.mlp = nn.Sequential(nn.Linear(width, 4 * width), nn.GELU(), nn.Linear(4 * width, width))

        def forward(self, x: Any) -> Any:
            parts = self.attention(self.ln_1(x)).split(width, dim=2)
            q, k, v = (p.view(batch, length, heads, width // heads).transpose(1, 2) for p in parts)
            y = F.scaled_dot_product_attention(q, k, v, is_causal=True)
            x = x + self.projection(y.transpose(1, 2).contiguous().view(batch, length, width))
            return x + self.mlp(self.ln_2(x))

    class GPT(nn.Module):
        def __init__(self, vocabulary: int = 65) -> None:
            super().__init__()
            self.tokens, self.positions = nn.Embedding(vocabulary, width), nn.Embedding(length, width)
            self.blocks = nn.Sequential(*(Block() for _ in range(layers)))
            self.ln = nn.LayerNorm(width)
            self.head = nn.Linear(width, vocabulary, bias=False)
            for p in self.parameters():
                if p.dim() > 1:
                    nn.init.normal_(p, std=0.02)
            self.head.weight = self.tokens.weight

        def forward(self, words: Any) -> Any:
            x = self.tokens(words) + self.positions(m.arange(length))
            return self.head(self.ln(self.blocks(x)))

    model = GPT()
    words, following = classes(m, batch, length, below=65), classes(m, batch, length, below=64)
    optimizer = m.optim.AdamW(model.parameters(), lr=1e-3, betas=(0.9, 0.99), weight_decay=0.1)
    loss = lambda: F.cross_entropy(model(words).view(-1, 65), following.view(-1))  # noqa: E731
    return training(m, model, loss, optimizer, clip=1.0)


def vae(m: Any) -> Training:
    """PyTorch's example: 784-400-20, batch 128, Adam."""
    nn, F = m.nn, m.nn.functional

    class VAE(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.fc1, self.fc21, self.fc22 = nn.Linear(784, 400), nn.Linear(400, 20), nn.Linear(400, 20)
            self.fc3, self.fc4 = nn.Linear(20, 400), nn.Linear(400, 784)

        def forward(self, x: Any) -> tuple[Any, Any, Any]:
            hidden = F.relu(self.fc1(x.view(-1, 784)))
            mu, logvar = self.fc21(hidden), self.fc22(hidden)
            std = m.exp(0.5 * logvar)
            z = mu + m.randn_like(std) * std
            return m.sigmoid(self.fc4(F.relu(self.fc3(z)))), mu, logvar

    model = VAE()
    x = m.sigmoid(normal(m, 128, 1, 28, 28))

    def loss() -> Any:
        again, mu, logvar = model(x)
        bce = F.binary_cross_entropy(again, x.view(-1, 784), reduction="sum")
        return bce - 0.5 * m.sum(1 + logvar - mu.pow(2) - logvar.exp())

    return training(m, model, loss, m.optim.Adam(model.parameters(), lr=1e-3))


def lstm_lm(m: Any, words: int = 33278, units: int = 200, bptt: int = 35, batch: int = 20) -> Training:
    """PyTorch's word language model on a WikiText-2 vocabulary: 2 layers, dropout 0.2, clipped plain SGD."""
    nn, F = m.nn, m.nn.functional

    class Model(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.drop, self.encoder = nn.Dropout(0.2), nn.Embedding(words, units)
            self.rnn = nn.LSTM(units, units, 2, dropout=0.2)
            self.decoder = nn.Linear(units, words)
            nn.init.uniform_(self.encoder.weight, -0.1, 0.1)
            nn.init.zeros_(self.decoder.bias)
            nn.init.uniform_(self.decoder.weight, -0.1, 0.1)

        def forward(self, text: Any, hidden: Any) -> tuple[Any, Any]:
            output, hidden = self.rnn(self.drop(self.encoder(text)), hidden)
            decoded = self.decoder(self.drop(output)).view(-1, words)
            return F.log_softmax(decoded, dim=1), hidden

    model = Model()
    text, following = classes(m, bptt, batch, below=words), classes(m, bptt * batch, below=words - 1)
    hidden = [m.zeros(2, batch, units), m.zeros(2, batch, units)]

    def loss() -> Any:
        output, after = model(text, tuple(hidden))
        hidden[:] = [h.detach() for h in after]
        return F.nll_loss(output, following)

    return training(m, model, loss, m.optim.SGD(model.parameters(), lr=5.0), clip=0.25)


MODELS: dict[str, Callable[[Any], Training]] = {
    "seed": seed_autograd,
    "adam": seed_adam,
    "mlp": deep_mlp,
    "lenet": lenet,
    "resnet18": resnet18,
    "gpt": gpt,
    "vae": vae,
    "lstm": lstm_lm,
}


def pair(torch: Any, ours: Any, name: str) -> tuple[Training, Training]:
    """The same training on both sides: one random stream, and torch's first weights."""
    sides = []
    for m in (torch, ours):
        m.manual_seed(0)
        sides.append(MODELS[name](m))
    theirs, mine = sides
    with ours.no_grad():
        for key, tensor in mine.state.items():
            tensor.copy_(ours.from_numpy(theirs.state[key].detach().numpy()))
    return theirs, mine


def losses(m: Any, side: Training, steps: int = 5) -> list[float]:
    """The losses of the next steps, with the random stream begun anew."""
    m.manual_seed(1)
    return [side.step().detach().item() for _ in range(steps)]
