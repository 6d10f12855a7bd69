"""Schedules against torch's: the rates of every epoch, chaining, and resuming from a state dict."""

import warnings

import numpy as np
import pytest

import rushlight

SCHEDULES = {
    "lambda": lambda s, o: s.LambdaLR(o, lambda e: 0.95**e),
    "lambdas": lambda s, o: s.LambdaLR(o, [lambda e: 0.95**e, lambda e: 1 / (e + 1)]),
    "multiplicative": lambda s, o: s.MultiplicativeLR(o, lambda e: 0.95),
    "step": lambda s, o: s.StepLR(o, 3, 0.5),
    "multistep": lambda s, o: s.MultiStepLR(o, [2, 5, 5, 9], 0.5),
    "constant": lambda s, o: s.ConstantLR(o, 0.5, 4),
    "linear": lambda s, o: s.LinearLR(o, 0.2, 0.8, 6),
    "exponential": lambda s, o: s.ExponentialLR(o, 0.9),
    "polynomial": lambda s, o: s.PolynomialLR(o, 7, 2.0),
    "cosine": lambda s, o: s.CosineAnnealingLR(o, 5, 0.01),
    "restarts": lambda s, o: s.CosineAnnealingWarmRestarts(o, 3, 2, 0.01),
    "onecycle": lambda s, o: s.OneCycleLR(o, 0.5, total_steps=20),
    "onecycle3": lambda s, o: s.OneCycleLR(
        o, [0.5, 0.2], epochs=4, steps_per_epoch=5, three_phase=True, anneal_strategy="linear"
    ),
    "cyclic": lambda s, o: s.CyclicLR(o, 0.1, 0.5, 3, 4),
    "cyclic2": lambda s, o: s.CyclicLR(o, 0.1, 0.5, 3, mode="triangular2"),
    "cyclic_exp": lambda s, o: s.CyclicLR(o, 0.1, 0.5, 3, mode="exp_range", gamma=0.9, cycle_momentum=False),
    "sequential": lambda s, o: s.SequentialLR(
        o, [s.LinearLR(o, 0.1, 1.0, 4), s.CosineAnnealingLR(o, 10)], [4]
    ),
    "sequential3": lambda s, o: s.SequentialLR(
        o, [s.ConstantLR(o, 0.1, 2), s.ExponentialLR(o, 0.9), s.StepLR(o, 2, 0.5)], [3, 8]
    ),
    "chained": lambda s, o: s.ChainedScheduler([s.ConstantLR(o, 0.1, 3), s.ExponentialLR(o, 0.9)]),
}


def optimizer(m, kind="SGD"):
    groups = [
        {"params": [m.ones(2, requires_grad=True)], "lr": 0.3},
        {"params": [m.ones(3, requires_grad=True)], "lr": 0.1},
    ]
    return m.optim.SGD(groups, lr=0.2, momentum=0.9) if kind == "SGD" else m.optim.Adam(groups)


def rates(m, make, epochs=20, kind="SGD"):
    o = optimizer(m, kind)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        scheduler = make(m.optim.lr_scheduler, o)
        found = []
        for _ in range(epochs):
            momentum = [g.get("momentum", g.get("betas")) for g in o.param_groups]
            found.append(([float(g["lr"]) for g in o.param_groups], scheduler.get_last_lr(), momentum))
            o.step()
            scheduler.step()
    return found


@pytest.mark.parametrize("name", SCHEDULES)
@pytest.mark.parametrize("kind", ["SGD", "Adam"])
def test_like_torch(name, kind):
    torch = pytest.importorskip("torch")
    ours, theirs = rates(rushlight, SCHEDULES[name], kind=kind), rates(torch, SCHEDULES[name], kind=kind)
    for epoch, (a, b) in enumerate(zip(ours, theirs, strict=True)):
        for x, y in zip(a, b, strict=True):
            np.testing.assert_allclose(x, y, rtol=1e-12, atol=1e-15, err_msg=f"{name} at epoch {epoch}")


def test_rates_without_torch():
    o = optimizer(rushlight)
    scheduler = rushlight.optim.lr_scheduler.StepLR(o, 2, 0.1)
    seen = []
    for _ in range(5):
        seen.append(o.param_groups[0]["lr"])
        o.step()
        scheduler.step()
    np.testing.assert_allclose(seen, [0.3, 0.3, 0.03, 0.03, 0.003])


@pytest.mark.parametrize("name", SCHEDULES)
def test_resumes(name):
    """Saved in the middle and loaded into a fresh pair, a schedule goes on as if nothing had happened."""
    whole = rates(rushlight, SCHEDULES[name])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        o = optimizer(rushlight)
        scheduler = SCHEDULES[name](rushlight.optim.lr_scheduler, o)
        for _ in range(7):
            o.step()
            scheduler.step()
        state, settings = scheduler.state_dict(), o.state_dict()
        fresh = optimizer(rushlight)
        again = SCHEDULES[name](rushlight.optim.lr_scheduler, fresh)
        fresh.load_state_dict(settings)
        again.load_state_dict(state)
        for epoch in range(7, 20):
            np.testing.assert_allclose([g["lr"] for g in fresh.param_groups], whole[epoch][0], rtol=1e-12)
            fresh.step()
            again.step()


@pytest.mark.parametrize(
    "settings",
    [{}, {"mode": "max"}, {"patience": 1, "cooldown": 2, "threshold_mode": "abs", "min_lr": [0.01, 0.05]}],
)
def test_plateau(settings):
    torch = pytest.importorskip("torch")
    metrics = [1.0, 0.9, 0.9, 0.9, 0.91, 0.92, 0.5, 0.5, 0.5, 0.6, 0.6, 0.6, 0.6, 0.6, 0.6] * 2

    def run(m):
        o = optimizer(m)
        scheduler = m.optim.lr_scheduler.ReduceLROnPlateau(o, **({"patience": 2} | settings))
        found = []
        for value in metrics:
            scheduler.step(value)
            found.append([g["lr"] for g in o.param_groups])
        return found

    np.testing.assert_allclose(run(rushlight), run(torch))


def test_the_wrong_order_is_warned_about():
    o = optimizer(rushlight)
    scheduler = rushlight.optim.lr_scheduler.StepLR(o, 2)
    with pytest.warns(UserWarning, match=r"before `optimizer.step\(\)`"):
        scheduler.step()


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda s, o: s.StepLR(object(), 2), "is not an Optimizer"),
        (lambda s, o: s.LambdaLR(o, [lambda e: 1.0]), "Expected 2 lr_lambdas, but got 1"),
        (lambda s, o: s.ConstantLR(o, 2.0), "between 0 and 1"),
        (lambda s, o: s.OneCycleLR(o, 0.1), "either total_steps OR"),
        (lambda s, o: s.ReduceLROnPlateau(o, factor=1.5), "Factor should be < 1.0"),
        (
            lambda s, o: s.SequentialLR(o, [s.StepLR(o, 2)], [1, 2]),
            "one more than the number of milestone points",
        ),
    ],
)
def test_errors(make, message):
    with pytest.raises((TypeError, ValueError), match=message):
        make(rushlight.optim.lr_scheduler, optimizer(rushlight))
