"""Programs as users write them, eager and compiled from the same start: the same numbers, in one plan."""

import copy

import pytest

import rushlight as torch
import rushlight.nn.functional as F
from rushlight import nn
from rushlight.utils.checkpoint import checkpoint


def own_function():
    class Square(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            ctx.save_for_backward(x)
            return x * x

        @staticmethod
        def backward(ctx, g):
            (x,) = ctx.saved_tensors
            return 3 * x * g

    w = torch.randn(4, requires_grad=True)

    def step(x):
        w.grad = None
        y = Square.apply(x * w).sum()
        y.backward()
        return y.detach(), w.grad.clone()

    return step, lambda: torch.randn(4)


def gradient_penalty():
    m = nn.Linear(3, 3)
    o = torch.optim.SGD(m.parameters(), 0.1)

    def step(x):
        o.zero_grad()
        x = x.clone().requires_grad_()
        y = m(x).tanh().sum()
        (g,) = torch.autograd.grad(y, x, create_graph=True)
        (y + (g * g).sum()).backward()
        o.step()
        return y.detach(), m.weight.detach().clone()

    return step, lambda: torch.randn(5, 3)


def hooks():
    m = nn.Linear(3, 3)
    m.register_forward_hook(lambda module, args, out: out * 2)

    def step(x):
        m.zero_grad()
        y = m(x)
        y.register_hook(lambda g: g * 0.5)
        y.sum().backward()
        return y.detach(), m.weight.grad.clone()

    return step, lambda: torch.randn(5, 3)


def checkpointed():
    m = nn.Sequential(nn.Linear(3, 8), nn.GELU(), nn.Linear(8, 3))

    def step(x):
        m.zero_grad()
        y = checkpoint(m, x, use_reentrant=False).sum()
        y.backward()
        return y.detach(), m[0].weight.grad.clone()

    return step, lambda: torch.randn(5, 3)


def gradients_of_parts_of_a_batch():
    m = nn.Linear(3, 1)
    o = torch.optim.Adam(m.parameters(), 0.1)

    def step(x):
        o.zero_grad()
        for part in x.chunk(4):
            (m(part).pow(2).mean() / 4).backward()
        o.step()
        return m.weight.detach().clone(), m.weight.grad.clone()

    return step, lambda: torch.randn(8, 3)


def moving_average_of_weights():
    m = nn.Linear(3, 3)
    mean = copy.deepcopy(m)
    o = torch.optim.SGD(m.parameters(), 0.1)

    def step(x):
        o.zero_grad()
        m(x).pow(2).sum().backward()
        o.step()
        with torch.no_grad():
            for p, q in zip(mean.parameters(), m.parameters()):
                p.lerp_(q, 0.1)
        return mean.weight.detach().clone()

    return step, lambda: torch.randn(5, 3)


def spectral_norm():
    m = nn.utils.parametrizations.spectral_norm(nn.Linear(3, 4))
    o = torch.optim.SGD(m.parameters(), 0.1)

    def step(x):
        o.zero_grad()
        y = m(x).pow(2).sum()
        y.backward()
        o.step()
        return y.detach()

    return step, lambda: torch.randn(5, 3)


def convolutional():
    m = nn.Sequential(
        *(nn.Conv2d(3, 8, 3, padding=1), nn.BatchNorm2d(8), nn.ReLU(), nn.MaxPool2d(2)),
        *(nn.Flatten(), nn.Linear(8 * 16, 10)),
    )
    o = torch.optim.SGD(m.parameters(), 0.01, momentum=0.9)

    def step(x):
        o.zero_grad()
        loss = F.cross_entropy(m(x), torch.arange(4), label_smoothing=0.1)
        loss.backward()
        nn.utils.clip_grad_value_(m.parameters(), 0.5)
        o.step()
        return loss.detach(), m[1].running_mean.clone()

    return step, lambda: torch.randn(4, 3, 8, 8)


def with_a_closure():
    m = nn.Linear(3, 3)
    o = torch.optim.Adagrad(m.parameters())

    def step(x):
        def closure():
            o.zero_grad()
            loss = m(x).pow(2).sum()
            loss.backward()
            return loss

        return o.step(closure).detach()

    return step, lambda: torch.randn(5, 3)


def data_assigned():
    w = torch.ones(3)

    def step(x):
        w.data = w.data - 0.1 * x
        return w.clone()

    return step, lambda: torch.randn(3)


def many_ops():
    def step(x):
        i = x.argsort(1)
        values, _ = x.topk(2)
        with torch.no_grad():
            y = x * 2
        return (
            *(x.gather(1, i), values, torch.where(x > 0, x, -x).cumsum(1), torch.cat([x, y])),
            *(
                y.masked_fill(x < 0, 1.0) + torch.arange(6),
                torch.einsum("ij,kj->ik", x, x),
                x.std(1),
                x.norm(),
            ),
        )

    return step, lambda: torch.randn(3, 6)


def transformer():
    m = nn.TransformerEncoderLayer(8, 2, 16, batch_first=True, dropout=0.0)
    return m.forward, lambda: torch.randn(2, 5, 8)


PROGRAMS = [own_function, gradient_penalty, hooks, checkpointed, gradients_of_parts_of_a_batch]
PROGRAMS += [moving_average_of_weights, spectral_norm, convolutional, with_a_closure, data_assigned, many_ops]
PROGRAMS += [transformer]


@pytest.mark.parametrize("program", PROGRAMS)
def test_program(program):
    sides = []
    for _ in range(2):
        torch.manual_seed(0)
        sides.append(program())
    (eager, draw), (step, _) = sides
    compiled = torch.compile(step, fullgraph=True)
    for _ in range(4):
        x = draw()
        torch.testing.assert_close(compiled(x.clone()), eager(x), rtol=1e-4, atol=1e-5)
    assert len(compiled.plans) == 1
