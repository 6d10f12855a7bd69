"""Compiled calls whose numbers are a plan's from the first call on."""

import random
import threading

import numpy as np
import pytest

import rushlight as torch
from rushlight import nn
from rushlight.errors import AdviceWarning
from rushlight.train.exact import Exact, kept, random_states, set_random_states


def dropped(seed, calls, exact=True):
    """What a dropout gives in some calls, the numbers being a plan's in all of them."""
    model = nn.Sequential(nn.Linear(4, 64), nn.Dropout(0.5))
    with torch.no_grad():
        model[0].weight.fill_(0.5)
    torch.manual_seed(seed)
    f = Exact(model, lambda: kept(model)) if exact else torch.compile(lambda x: model(x))
    return [f(torch.ones(2, 4)).detach() for _ in range(calls)], f


def test_the_first_call_draws_what_a_plan_draws():
    """A plan is there at the second of two calls, and not at the first of one: the masks are the same."""
    (first, second), f = dropped(3, 2)
    assert len(f.plans) == 1 and not torch.equal(first, second)
    model = f.f
    torch.manual_seed(3)
    assert torch.equal(f(torch.ones(2, 4)) == 0, first == 0)
    assert torch.equal(f(torch.ones(2, 4)) == 0, second == 0)
    assert model.training


def test_compile_alone_draws_other_numbers_at_its_first_call():
    """Otherwise there would be no need of Exact."""
    (first, _), _ = dropped(3, 2)
    (alone, _), _ = dropped(3, 2, exact=False)
    assert not torch.equal(first == 0, alone == 0)


def test_what_a_call_changes_changes_once():
    class Keeps(nn.Module):
        def __init__(self):
            super().__init__()
            self.norm = nn.BatchNorm1d(4)
            self.weight = nn.Parameter(torch.ones(4))
            self.register_buffer("count", torch.zeros(()))
            self.h = torch.zeros(4)
            self.first = None

        def forward(self, x):
            self.count += 1
            self.h = (self.h + x.sum(0)).detach()
            self.first = self.h * 1
            return (self.norm(x) * self.weight).sum() + self.h.sum()

    model, other = Keeps(), Keeps()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    its = torch.optim.SGD(other.parameters(), lr=0.1)

    def step(model, optimizer, x):
        optimizer.zero_grad()
        loss = model(x)
        loss.backward()
        optimizer.step()
        return loss.detach()

    f = Exact(lambda x: step(model, optimizer, x), lambda: kept(model, optimizer))
    for _ in range(4):
        x = torch.randn(5, 4)
        assert torch.allclose(f(x), step(other, its, x), atol=1e-5)
    assert torch.allclose(model.h, other.h, atol=1e-5) and torch.allclose(model.weight, other.weight)
    assert model.count == 4 and model.norm.num_batches_tracked == 4
    assert torch.allclose(model.norm.running_mean, other.norm.running_mean, atol=1e-6)


SETTINGS = {
    "SGD": [{}, {"momentum": 0.9}, {"momentum": 0.9, "dampening": 0.5}, {"momentum": 0.9, "nesterov": True}],
    "Adam": [{}, {"amsgrad": True, "weight_decay": 0.1}],
    "AdamW": [{}],
    "RMSprop": [{}, {"momentum": 0.9, "centered": True}],
    "Adagrad": [{}, {"initial_accumulator_value": 0.1, "lr_decay": 0.1}],
}


@pytest.mark.parametrize("name, options", [(name, o) for name, rows in SETTINGS.items() for o in rows])
def test_the_optimizer_steps_once(name, options):
    """Also where its state is made by the call that is undone."""

    def run(exact):
        torch.manual_seed(2)
        model = nn.Sequential(nn.Linear(4, 8), nn.Tanh(), nn.Linear(8, 1))
        optimizer = getattr(torch.optim, name)(model.parameters(), lr=0.01, **options)

        def step(x):
            optimizer.zero_grad()
            loss = model(x).square().mean()
            loss.backward()
            optimizer.step()
            return loss.detach()

        f = Exact(step, lambda: kept(model, optimizer)) if exact else step
        losses = [f(torch.randn(6, 4)).item() for _ in range(4)]
        assert not exact or f.plans
        return losses, [p.detach().clone() for p in model.parameters()]

    (losses, weights), (expected, theirs) = run(True), run(False)
    assert losses == pytest.approx(expected, rel=1e-5)
    assert all(torch.allclose(p, q, atol=1e-6) for p, q in zip(weights, theirs, strict=True))


def reads(x):
    return x * x.sum().item()


def noise_of_numpy(x):
    return x * float(np.random.rand())


def noise_of_python(x):
    return x * random.random()


@pytest.mark.parametrize("f, why", [(reads, "looks at numbers"), (noise_of_numpy, "Python's or NumPy's")])
def test_what_has_no_plan_runs_uncompiled_and_says_so(f, why):
    torch.advice(True)
    exact = Exact(f, lambda: lambda: None)
    with pytest.warns(AdviceWarning, match=why):
        exact(torch.ones(3))
    assert exact.given_up and exact.plans == [] and exact.split is None
    assert torch.equal(exact(torch.full((3,), 2.0)).isnan(), torch.zeros(3).bool())


@pytest.mark.parametrize("f, draw", [(noise_of_numpy, np.random.rand), (noise_of_python, random.random)])
@pytest.mark.parametrize("threads", [0, 1])
def test_random_numbers_of_others_stay_random(f, draw, threads):
    """Also where another thread runs, so that the first call is made again to tell whose the draws were."""
    torch.advice(False)
    exact, over = Exact(f, lambda: kept(nn.Linear(1, 1))), threading.Event()
    others = [threading.Thread(target=over.wait) for _ in range(threads)]
    for thread in others:
        thread.start()
    np.random.seed(5)
    random.seed(5)
    found = [exact(torch.ones(1)).item() for _ in range(3)]
    over.set()
    for thread in others:
        thread.join()
    np.random.seed(5)
    random.seed(5)
    assert found == pytest.approx([draw() for _ in range(3)])
    torch.advice(True)


def test_what_is_noted_is_put_back_into_the_same_memory():
    model = nn.Linear(2, 2)
    optimizer = torch.optim.Adam(model.parameters())
    model(torch.ones(1, 2)).sum().backward()
    optimizer.step()
    before = {k: v.clone() for k, v in model.state_dict().items()}
    weight, grad, step = (
        model.weight.detach().numpy(),
        model.weight.grad,
        optimizer.state[model.weight]["step"].clone(),
    )
    put_back = kept(model, optimizer)
    model.weight.grad.mul_(3)
    optimizer.step()
    torch.rand(3)
    put_back()
    assert all(torch.equal(v, before[k]) for k, v in model.state_dict().items())
    assert model.weight.grad is grad and torch.equal(grad, torch.ones(2, 2))
    assert torch.equal(optimizer.state[model.weight]["step"], step)
    assert np.shares_memory(weight, model.weight.detach().numpy())


def test_random_states():
    states = random_states()
    drawn = [torch.rand(2).tolist(), np.random.normal(), random.gauss(0, 1), np.random.normal()]
    set_random_states(states)
    assert drawn == [torch.rand(2).tolist(), np.random.normal(), random.gauss(0, 1), np.random.normal()]
