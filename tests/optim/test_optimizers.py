"""Optimisers against torch's: ten steps, state dicts in both directions, hooks, groups, errors."""

import copy

import numpy as np
import pytest

import rushlight

SETTINGS = {
    "sgd": lambda m, p: m.optim.SGD(p, lr=0.1),
    "sgd_nesterov": lambda m, p: m.optim.SGD(p, lr=0.1, momentum=0.9, nesterov=True, weight_decay=0.1),
    "sgd_dampened": lambda m, p: m.optim.SGD(p, lr=0.1, momentum=0.9, dampening=0.1, maximize=True),
    "adam": lambda m, p: m.optim.Adam(p, lr=0.1),
    "adam_amsgrad": lambda m, p: m.optim.Adam(p, lr=0.1, weight_decay=0.1, amsgrad=True, betas=(0.8, 0.95)),
    "adamw": lambda m, p: m.optim.AdamW(p, lr=0.1, maximize=True),
    "rmsprop": lambda m, p: m.optim.RMSprop(p, lr=0.1),
    "rmsprop_centered": lambda m, p: m.optim.RMSprop(
        p, lr=0.1, momentum=0.9, centered=True, weight_decay=0.1
    ),
    "adagrad": lambda m, p: m.optim.Adagrad(
        p, lr=0.1, lr_decay=0.1, weight_decay=0.1, initial_accumulator_value=0.2
    ),
}
RNG = np.random.default_rng(0)
WEIGHTS = [RNG.standard_normal((4, 3)), RNG.standard_normal(3)]  # float64: rounding grows in RMSprop
INPUTS = RNG.standard_normal((8, 4))


def parameters(m):
    return [m.tensor(w, requires_grad=True) for w in WEIGHTS]


def train(m, optimizer, params, steps):
    w, b = params
    for _ in range(steps):
        optimizer.zero_grad()
        out = (m.tensor(INPUTS).mm(w) + b).tanh()
        (out * out).sum().backward()
        optimizer.step()
    return [p.detach().numpy().copy() for p in params]


@pytest.mark.parametrize("name", SETTINGS)
def test_like_torch(name):
    torch = pytest.importorskip("torch")
    results = []
    for m in (rushlight, torch):
        params = parameters(m)
        optimizer = SETTINGS[name](m, params)
        results.append((train(m, optimizer, params, 10), optimizer))
    (ours, o), (theirs, t) = results
    for a, b in zip(ours, theirs, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-9, atol=1e-12)
    assert repr(o) == repr(t)
    assert o.state_dict()["param_groups"][0].keys() == t.state_dict()["param_groups"][0].keys()
    assert o.state_dict()["state"].keys() == t.state_dict()["state"].keys()
    for i in o.state_dict()["state"]:
        assert o.state_dict()["state"][i].keys() == t.state_dict()["state"][i].keys()


@pytest.mark.parametrize("name", SETTINGS)
def test_resumes(name):
    params = parameters(rushlight)
    whole = train(rushlight, SETTINGS[name](rushlight, params), params, 10)
    params = parameters(rushlight)
    first = SETTINGS[name](rushlight, params)
    train(rushlight, first, params, 4)
    saved = copy.deepcopy(first.state_dict())
    again = SETTINGS[name](rushlight, params)
    again.load_state_dict(saved)
    for a, b in zip(train(rushlight, again, params, 6), whole, strict=True):
        np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize("name", SETTINGS)
def test_the_loss_falls(name):
    params = parameters(rushlight)
    before = sum(float((p * p).sum().item()) for p in params)
    train(rushlight, SETTINGS[name](rushlight, params), params, 30)
    after = sum(float((p * p).sum().item()) for p in params)
    assert np.isfinite(after) and before != after


def test_groups_and_their_settings():
    w, b = parameters(rushlight)
    optimizer = rushlight.optim.SGD([{"params": [w], "lr": 0.5}], lr=0.1, momentum=0.9)
    optimizer.add_param_group({"params": b, "momentum": 0.0})
    assert [(g["lr"], g["momentum"]) for g in optimizer.param_groups] == [(0.5, 0.9), (0.1, 0.0)]
    with pytest.raises(ValueError, match="more than one parameter group"):
        optimizer.add_param_group({"params": [w]})


def test_hooks_run_in_order():
    w, _ = parameters(rushlight)
    optimizer, seen = rushlight.optim.SGD([w], lr=0.1), []
    optimizer.register_step_pre_hook(lambda o, args, kwargs: seen.append("before"))
    handle = optimizer.register_step_post_hook(lambda o, args, kwargs: seen.append("after"))
    optimizer.step()
    handle.remove()
    optimizer.step()
    assert seen == ["before", "after", "before"]


def test_closure_computes_the_loss_with_gradients():
    w, _ = parameters(rushlight)
    optimizer = rushlight.optim.SGD([w], lr=0.1)

    def closure():
        optimizer.zero_grad()
        loss = (w * w).sum()
        loss.backward()
        return loss

    first = optimizer.step(closure).item()
    assert optimizer.step(closure).item() < first


def test_a_parameter_without_gradient_stays():
    w, b = parameters(rushlight)
    optimizer = rushlight.optim.Adam([w, b])
    (w * w).sum().backward()
    optimizer.step()
    np.testing.assert_array_equal(b.detach().numpy(), WEIGHTS[1])
    assert len(optimizer.state) == 1


def test_a_users_own_optimizer():
    class Sign(rushlight.optim.Optimizer):
        def __init__(self, params, lr):
            super().__init__(params, {"lr": lr})

        @rushlight.no_grad()
        def step(self, closure=None):
            for group in self.param_groups:
                for p in group["params"]:
                    p.add_(p.grad.sign(), alpha=-group["lr"])

    w, _ = parameters(rushlight)
    optimizer = Sign([w], 0.25)
    (w * 2.0).sum().backward()
    optimizer.step()
    np.testing.assert_allclose(w.detach().numpy(), WEIGHTS[0] - 0.25, rtol=1e-6)


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (lambda p: rushlight.optim.SGD(p[0], lr=0.1), TypeError, "iterable of Tensors or dicts"),
        (lambda p: rushlight.optim.SGD([], lr=0.1), ValueError, "empty parameter list"),
        (lambda p: rushlight.optim.SGD(p, lr=-1.0), ValueError, "Invalid learning rate: -1.0"),
        (lambda p: rushlight.optim.SGD(p, lr=0.1, nesterov=True), ValueError, "Nesterov momentum requires"),
        (
            lambda p: rushlight.optim.Adam(p, betas=(1.0, 0.9)),
            ValueError,
            "Invalid beta parameter at index 0: 1.0",
        ),
        (lambda p: rushlight.optim.SGD([p[0] * 2], lr=0.1), ValueError, "can't optimize a non-leaf Tensor"),
        (lambda p: rushlight.optim.SGD([1.0], lr=0.1), TypeError, "can only optimize Tensors"),
        (
            lambda p: rushlight.optim.SGD({p[0], p[1]}, lr=0.1).add_param_group({"params": {p[0]}}),
            TypeError,
            "sets",
        ),
    ],
)
def test_errors(make, error, message):
    with pytest.raises(error, match=message):
        make(parameters(rushlight))


def test_loading_another_models_state_is_refused():
    one = rushlight.optim.SGD(parameters(rushlight)[:1], lr=0.1)
    two = rushlight.optim.SGD(parameters(rushlight), lr=0.1)
    with pytest.raises(ValueError, match="group 0 has 1 parameters there and 2 here"):
        two.load_state_dict(one.state_dict())
