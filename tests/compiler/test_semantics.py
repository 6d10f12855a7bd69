"""What a compiled call leaves behind: results of its own, state in attributes, and what Python did."""

import copy

import pytest

import rushlight as torch
from rushlight import nn


def calls_agree(make, inputs, fullgraph=True, plans=None):
    """A module compiled and the same one as it is, called with the same inputs, give the same."""
    torch.manual_seed(0)
    ours = make()
    theirs = copy.deepcopy(ours)
    compiled = torch.compile(ours, fullgraph=fullgraph)
    for x in inputs:
        torch.testing.assert_close(compiled(x), theirs(x))
    if plans is not None:
        assert len(compiled.compiled.plans) == plans
    return ours, theirs, compiled


def batches(n=6, *shape):
    return [torch.randn(*(shape or (2, 3))) for _ in range(n)]


# -- results -------------------------------------------------------------------------------------------


def test_results_are_memory_of_their_own():
    f = torch.compile(lambda x: (x + 1, torch.zeros(2), x * 0), fullgraph=True)
    first = f(torch.ones(2))
    for t in first:
        t += 5
    second = f(torch.full((2,), 3.0))
    assert [t.tolist() for t in first] == [[7, 7], [5, 5], [5, 5]]
    assert [t.tolist() for t in second] == [[4, 4], [0, 0], [0, 0]]


def test_constants_that_are_written_to_start_anew():
    def f(x):
        total, count = torch.zeros(2), torch.arange(3)
        total += x
        count[1] = 7
        total[0] -= 1
        return total, count, torch.full((2,), 2.0).mul_(x)

    compiled = torch.compile(f, fullgraph=True)
    for k in range(4):
        x = torch.ones(2) * k
        assert [t.tolist() for t in compiled(x)] == [t.tolist() for t in f(x)]


def test_constants_in_a_split_function():
    def f(x):
        total = torch.zeros(2)
        total += x
        if total.sum() > 1:
            total += 1
        total[1] = 7
        return total * 1

    compiled = torch.compile(f)
    for k in (1, 1, 0, 1, 0, 1):
        assert compiled(torch.ones(2) * k).tolist() == f(torch.ones(2) * k).tolist()


def test_views_and_arguments_among_the_results():
    def f(x, y):
        x.mul_(2)
        return x[0], x, y.t(), (y, [x.view(-1)])

    compiled = torch.compile(f, fullgraph=True)
    for _ in range(3):
        x, y = torch.ones(2, 2), torch.zeros(2, 3)
        row, same, turned, (other, [flat]) = compiled(x, y)
        assert same is x and other is y and x.tolist() == [[2, 2], [2, 2]]
        row[0], turned[0, 0], flat[3] = 5, 6, 7
        assert x.tolist() == [[5, 2], [2, 7]] and y[0, 0].item() == 6


def test_one_result_twice():
    f = torch.compile(lambda x: (lambda y: (y, y, y[:1]))(x + 1), fullgraph=True)
    for _ in range(3):
        a, b, c = f(torch.zeros(2))
        assert a is b
        a[0] = 9
        assert c.tolist() == [9]


# -- state in attributes -------------------------------------------------------------------------------


class Recurrent(nn.Module):
    def __init__(self):
        super().__init__()
        self.cell = nn.Linear(3, 3)
        self._h = torch.zeros(2, 3)

    def forward(self, x):
        self._h = torch.tanh(self.cell(x) + self._h).detach()
        return self._h * 2


def test_state_moves_on():
    ours, theirs, compiled = calls_agree(Recurrent, batches(), plans=1)
    torch.testing.assert_close(ours._h, theirs._h)
    held = ours._h.clone()
    kept = ours._h
    ours._h = torch.ones(2, 3)
    theirs._h = torch.ones(2, 3)
    for x in batches(3):
        torch.testing.assert_close(compiled(x), theirs(x))
    torch.testing.assert_close(kept, held)  # what was read before is not written over
    assert len(compiled.compiled.plans) == 1


def test_state_that_is_a_buffer_and_a_nest():
    class Model(nn.Module):
        def __init__(self):
            super().__init__()
            self.register_buffer("mean", torch.zeros(3))
            self.state = {"h": (torch.zeros(3), torch.ones(3))}

        def forward(self, x):
            h, c = self.state["h"]
            self.mean = 0.9 * self.mean + 0.1 * x.mean(0)
            self.state = {"h": (c + x.sum(0), h * 0.5 + self.mean)}
            return x - self.mean + h

    ours, theirs, _ = calls_agree(Model, batches(), plans=1)
    torch.testing.assert_close(ours.state_dict()["mean"], theirs.mean)
    torch.testing.assert_close(ours.state["h"][1], theirs.state["h"][1])


def test_state_that_begins_as_none():
    class Model(nn.Module):
        def __init__(self):
            super().__init__()
            self.last = None

        def forward(self, x):
            out = x if self.last is None else x - self.last
            self.last = x * 1
            return out

    calls_agree(Model, batches(), plans=2)


def test_state_that_grows():
    class Cache(nn.Module):
        def __init__(self):
            super().__init__()
            self.keys = torch.zeros(0, 3)

        def forward(self, x):
            self.keys = torch.cat([self.keys, x])
            return self.keys.sum(0)

    calls_agree(Cache, batches())


def test_numbers_that_count():
    class Model(nn.Module):
        def __init__(self):
            super().__init__()
            self.calls = 0

        def forward(self, x):
            self.calls += 1
            return x * self.calls

    ours, theirs, _ = calls_agree(Model, batches(12))
    assert ours.calls == theirs.calls == 12


def test_state_with_a_history_of_gradients():
    class Model(nn.Module):
        def __init__(self):
            super().__init__()
            self.w, self.h = nn.Parameter(torch.ones(3)), torch.zeros(3)

        def forward(self, x):
            self.h = self.h * self.w + x
            return self.h.sum()

    torch.manual_seed(0)
    ours = Model()
    theirs = copy.deepcopy(ours)
    compiled = torch.compile(ours)
    for x in batches(3, 3):
        a, b = compiled(x), theirs(x)
        torch.testing.assert_close(a, b)
    a.backward()
    b.backward()
    torch.testing.assert_close(ours.w.grad, theirs.w.grad)


def test_state_of_the_object_of_a_method_and_of_an_argument():
    class Average:
        def __init__(self):
            self.value = torch.zeros(2)

        def add(self, x):
            self.value = self.value * 0.5 + x
            return self.value.sum()

    def add(average, x):
        return average.add(x)

    ours, theirs, argument = Average(), Average(), Average()
    method, function = torch.compile(ours.add, fullgraph=True), torch.compile(add, fullgraph=True)
    for x in batches(5, 2):
        want = theirs.add(x)
        torch.testing.assert_close(method(x), want)
        torch.testing.assert_close(function(argument, x), want)
        torch.testing.assert_close(ours.value, theirs.value)


# -- what Python did -----------------------------------------------------------------------------------


def test_tensors_that_are_kept_in_lists():
    seen, wanted = [], []

    def f(x, kept):
        y = x * 2
        kept.append(y)
        return y + 1

    compiled = torch.compile(lambda x: f(x, seen))
    for x in batches(5):
        torch.testing.assert_close(compiled(x), f(x, wanted))
    assert len(seen) == 5
    for a, b in zip(seen, wanted, strict=True):
        torch.testing.assert_close(a, b)


def test_tensors_that_hooks_keep():
    net = nn.Sequential(nn.Linear(3, 3), nn.ReLU())
    features = {}
    net[0].register_forward_hook(lambda m, args, out: features.update(out=out.detach()))
    compiled = torch.compile(net)
    for x in batches(4):
        compiled(x)
        with torch.no_grad():
            torch.testing.assert_close(features["out"], nn.functional.linear(x, net[0].weight, net[0].bias))


# -- parameters that others change ---------------------------------------------------------------------


@pytest.mark.parametrize(
    "change",
    [
        lambda net: setattr(net.weight, "data", torch.randn(3, 3)),
        lambda net: net.load_state_dict({k: torch.randn_like(v) for k, v in net.state_dict().items()}),
        lambda net: net.load_state_dict({k: v + 1 for k, v in net.state_dict().items()}, assign=True),
        lambda net: setattr(net, "weight", nn.Parameter(torch.randn(3, 3))),
        lambda net: nn.init.normal_(net.weight),
        lambda net: net.weight.data.copy_(torch.randn(3, 3)),
        lambda net: net.requires_grad_(False),
        lambda net: setattr(net, "bias", None),
    ],
    ids=["data", "load", "assign", "exchanged", "init", "copy", "frozen", "removed"],
)
def test_parameters_changed_between_calls(change):
    net = nn.Linear(3, 3)
    theirs = copy.deepcopy(net)
    compiled = torch.compile(net, fullgraph=True)
    for _ in range(3):
        x = torch.randn(2, 3)
        torch.testing.assert_close(compiled(x), theirs(x))
        change(net)
        theirs.load_state_dict(net.state_dict()) if net.bias is not None else setattr(theirs, "bias", None)
        if net.bias is None:
            theirs.load_state_dict(net.state_dict())
        out, want = compiled(x), theirs(x)
        torch.testing.assert_close(out, want)
        assert out.requires_grad is any(p.requires_grad for p in net.parameters())


def test_parameters_inside_of_a_larger_module():
    net = nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4), nn.Linear(4, 2))
    theirs = copy.deepcopy(net)
    compiled = torch.compile(net)
    for k in range(4):
        x = torch.randn(5, 3)
        torch.testing.assert_close(compiled(x), theirs(x))
        if k % 2:
            state = {n: v + 0.1 if v.is_floating_point() else v for n, v in net.state_dict().items()}
            net.load_state_dict(state)
            theirs.load_state_dict(state)
        else:
            net[2].weight.data = theirs[2].weight.data = torch.randn(2, 4)
