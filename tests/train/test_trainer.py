"""The Trainer against the loop that a PyTorch user writes, bit for bit; what it says when it cannot go on."""

import copy
import math

import pytest

import rushlight as torch
import rushlight.nn.functional as F
from rushlight import nn
from rushlight.train import Callback, LambdaCallback, Trainer, metrics
from rushlight.utils.data import DataLoader, TensorDataset


def data(rows=100, seed=0, batch_size=16):
    generator = torch.Generator().manual_seed(seed)
    x = torch.randn(rows, 8, generator=generator)
    y = (x[:, :3].sum(1) > 0).long() + (x[:, 3] > 0).long()
    return DataLoader(TensorDataset(x, y), batch_size=batch_size, shuffle=True)


def net(dropout=0.2, seed=1):
    torch.manual_seed(seed)
    return nn.Sequential(
        nn.Linear(8, 16), nn.BatchNorm1d(16), nn.ReLU(), nn.Dropout(dropout), nn.Linear(16, 3)
    )


def adam(model, lr=0.02):
    return torch.optim.Adam(model.parameters(), lr=lr)


def same(a, b):
    """Whether two models have the same numbers, bit for bit."""
    return all(
        torch.equal(v, w) for v, w in zip(a.state_dict().values(), b.state_dict().values(), strict=True)
    )


def close(a, b, **tolerance):
    pairs = zip(a.state_dict().values(), b.state_dict().values(), strict=True)
    return all(torch.allclose(v.double(), w.double(), **tolerance) for v, w in pairs)


# -- the loop ----------------------------------------------------------------------------------------------


def by_hand(model, optimizer, loader, epochs, scheduler=None, clip=None):
    """The loop of a PyTorch user."""
    for _ in range(epochs):
        model.train()
        for x, y in loader:
            optimizer.zero_grad()
            loss = F.cross_entropy(model(x), y)
            loss.backward()
            if clip is not None:
                nn.utils.clip_grad_norm_(model.parameters(), clip)
            optimizer.step()
        if scheduler is not None:
            scheduler.step()
    return model


def by_hand_with_schedule(clip):
    model = net()
    optimizer = adam(model)
    scheduler = torch.optim.lr_scheduler.StepLR(optimizer, 2)
    return by_hand(model, optimizer, data(), 4, scheduler, clip)


@pytest.mark.parametrize("clip", [None, 0.5])
def test_uncompiled_it_is_the_loop_written_by_hand_bit_for_bit(clip):
    model = net()
    optimizer = adam(model)
    scheduler = torch.optim.lr_scheduler.StepLR(optimizer, 2)
    loss = "cross_entropy"
    trainer = Trainer(model, loss, optimizer, scheduler=scheduler, clip_grad_norm=clip, compile=False)
    trainer.fit(data(), epochs=4, progress=False)
    assert same(model, by_hand_with_schedule(clip))


def test_without_clipping_the_weights_are_others():
    assert not close(by_hand_with_schedule(0.5), by_hand_with_schedule(None))


def test_metrics_validation_and_callbacks_change_no_weight():
    model = net()
    held_out = DataLoader(data(40, seed=5).dataset, batch_size=7)
    trainer = Trainer(model, F.cross_entropy, adam(model), [metrics.Accuracy()], compile=False)
    torch.manual_seed(4)
    for _ in range(3):
        trainer.fit(data(), callbacks=[Callback()], progress=False)
        state = torch.get_rng_state()
        trainer.evaluate(held_out)
        torch.set_rng_state(state)  # an epoch of any loader draws a seed for its workers
    other = net()
    torch.manual_seed(4)
    optimizer = adam(other)
    assert same(model, by_hand(other, optimizer, data(), 3))


def test_compiled_it_differs_by_rounding_only():
    def trained(compile):
        model = net(dropout=0.0)
        optimizer = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9)  # Adam makes steps of noise
        trainer = Trainer(model, nn.CrossEntropyLoss(), optimizer, compile=compile, clip_grad_norm=1.0)
        return model, trainer.fit(data(), epochs=3, progress=False), trainer

    compiled, history, trainer = trained(True)
    eager, expected, _ = trained(False)
    assert close(compiled, eager, atol=1e-5)
    assert history.column("loss") == pytest.approx(expected.column("loss"), abs=1e-4)
    assert len(trainer.step.compiled["whole"].plans) == 2  # two sizes of batches
    assert not trainer.step.compiled["whole"].given_up


def test_history():
    model = net()
    trainer = Trainer(model, "cross_entropy", adam(model), [metrics.Accuracy()])
    history = trainer.fit(data(), data(40, seed=5), epochs=5, progress=False)
    assert history.names() == ["epoch", "loss", "accuracy", "valid_loss", "valid_accuracy", "seconds"]
    assert history.column("epoch") == [1, 2, 3, 4, 5] and history is trainer.history
    assert history.column("loss")[-1] < history.column("loss")[0]
    assert history.best("valid_accuracy", "max")["valid_accuracy"] == max(history.column("valid_accuracy"))
    with pytest.raises(KeyError, match="no epoch has 'los'"):
        history.column("los")
    trainer.fit(data(), epochs=2, progress=False)
    assert history.column("epoch")[-1] == 7 and math.isnan(history.column("valid_loss")[-1])


def test_the_loss_of_an_epoch_is_the_mean_over_samples():
    model = nn.Linear(1, 1)
    x = torch.arange(5.0).unsqueeze(1)
    trainer = Trainer(model, "mse_loss", torch.optim.SGD(model.parameters(), lr=0.0))
    (row,) = trainer.fit(DataLoader(TensorDataset(x, x), batch_size=2), progress=False)
    expected = F.mse_loss(model(x), x).item()
    assert row["loss"] == pytest.approx(expected, rel=1e-6)
    assert trainer.evaluate(DataLoader(TensorDataset(x, x), batch_size=3))["loss"] == pytest.approx(expected)


# -- accumulation -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("compile", [False, True])
@pytest.mark.parametrize("loss", [nn.CrossEntropyLoss(), nn.CrossEntropyLoss(reduction="sum")])
def test_accumulated_batches_are_one_large_batch(compile, loss):
    """Of 23 rows in batches of 4: the groups of 3 are 12 and 11 rows, the last batch has 3."""
    loader = data(23).dataset

    def trained(size, accumulate):
        model = nn.Sequential(nn.Linear(8, 6), nn.Tanh(), nn.Linear(6, 3)).double()
        model.load_state_dict(START)
        optimizer = torch.optim.SGD(model.parameters(), lr=0.02, momentum=0.9)
        trainer = Trainer(model, loss, optimizer, accumulate=accumulate, compile=compile, clip_grad_norm=1.0)
        double = DataLoader([(x.double(), y) for x, y in loader], batch_size=size)
        trainer.fit(double, epochs=3, progress=False)
        return model, trainer

    torch.manual_seed(3)
    START = nn.Sequential(nn.Linear(8, 6), nn.Tanh(), nn.Linear(6, 3)).double().state_dict()
    small, trainer = trained(4, 3)
    large, _ = trained(12, 1)
    assert close(small, large, atol=1e-13) and trainer.steps == 6
    assert not close(small, trained(4, 1)[0], atol=1e-4)


def test_hooks_and_counts_with_accumulation():
    seen = []
    model = net()
    trainer = Trainer(model, "cross_entropy", adam(model), accumulate=3)
    note = LambdaCallback(on_batch_end=lambda t: seen.append((t.epoch, t.batch, t.steps)))
    trainer.fit(data(64), epochs=2, callbacks=[note], progress=False)
    assert seen == [(0, 3, 1), (0, 4, 2), (1, 3, 3), (1, 4, 4)]


# -- clipping, schedules, precision -----------------------------------------------------------------------


@pytest.mark.parametrize("compile", [False, True])
def test_clipping_by_value(compile):
    model = nn.Linear(4, 1)
    before = model.weight.detach().clone()
    optimizer = torch.optim.SGD(model.parameters(), lr=1.0)
    trainer = Trainer(model, "mse_loss", optimizer, clip_grad_value=0.01, compile=compile)
    trainer.fit([(torch.full((3, 4), 100.0), torch.zeros(3, 1))], progress=False)
    assert torch.allclose((model.weight - before).abs(), torch.tensor(0.01), rtol=1e-3)


def test_schedule_by_batch():
    model = net()
    optimizer = adam(model)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 0.1, total_steps=14)
    rates = []
    trainer = Trainer(model, "cross_entropy", optimizer, scheduler=schedule, schedule="batch")
    note = LambdaCallback(on_batch_end=lambda t: rates.append(optimizer.param_groups[0]["lr"]))
    trainer.fit(data(), epochs=2, callbacks=[note], progress=False)
    other = adam(net())
    expected = torch.optim.lr_scheduler.OneCycleLR(other, 0.1, total_steps=14)
    for rate in rates:
        other.step()
        expected.step()
        assert rate == other.param_groups[0]["lr"]
    assert len(rates) == 14 and len(set(rates)) > 10


def test_compiled_steps_follow_the_schedule():
    """With a rate of 0 from the second epoch on, nothing moves any more."""
    model = net()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda epoch: float(epoch < 1))
    trainer = Trainer(model, "cross_entropy", optimizer, scheduler=schedule)
    trainer.fit(data(), epochs=1, progress=False)
    before = copy.deepcopy(model)
    trainer.fit(data(), epochs=1, progress=False)
    pairs = zip(model.parameters(), before.parameters(), strict=True)
    assert all(torch.equal(p, q) for p, q in pairs) and trainer.step.compiled["whole"].plans


def test_plateau_gets_its_metric():
    model = nn.Linear(8, 3)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.0)
    schedule = torch.optim.lr_scheduler.ReduceLROnPlateau(optimizer, mode="max", patience=0)
    trainer = Trainer(
        *(model, "cross_entropy", optimizer, [metrics.Accuracy()]),
        scheduler=schedule,
        monitor="valid_accuracy",
    )
    history = trainer.fit(data(), data(), epochs=3, progress=False)
    assert schedule.best == history.column("valid_accuracy")[0] and schedule.last_epoch == 3
    for message, options in [("monitor='x'", {"monitor": "x"}), ("leave schedule", {"schedule": "batch"})]:
        with pytest.raises((KeyError, ValueError), match="there is no 'x'|leave schedule='epoch'"):
            other = Trainer(model, "cross_entropy", optimizer, scheduler=schedule, **options)
            other.fit(data(), progress=False)
            pytest.fail(message)


@pytest.mark.parametrize("compile", [False, True])
def test_precision(compile):
    model = net(dropout=0.0)
    kinds = []
    if not compile:
        model[0].register_forward_hook(lambda module, args, output: kinds.append(output.dtype))
    trainer = Trainer(model, "cross_entropy", adam(model), precision="bf16", compile=compile)
    history = trainer.fit(data(), epochs=5, progress=False)
    assert compile or set(kinds) == {torch.bfloat16}
    assert model[0].weight.dtype == torch.float32
    assert history.column("loss")[-1] < 0.9 * history.column("loss")[0]
    full = net(dropout=0.0)
    expected = Trainer(full, "cross_entropy", adam(full)).fit(data(), epochs=5, progress=False)
    assert history.column("loss") != expected.column("loss")
    assert history.column("loss") == pytest.approx(expected.column("loss"), rel=0.1)


def test_a_precision_unknown():
    model = net()
    with pytest.raises(ValueError, match="precision must be 'bf16'"):
        Trainer(model, "cross_entropy", adam(model), precision="half")


# -- evaluate, predict ------------------------------------------------------------------------------------


def test_evaluate_keeps_modes_and_weights():
    model = net()
    model.train()
    model[1].eval()
    before = copy.deepcopy(model.state_dict())
    trainer = Trainer(model, "cross_entropy", adam(model), [metrics.Accuracy()])
    first = trainer.evaluate(data(50))
    assert trainer.evaluate(data(50)) == pytest.approx(first)
    assert model.training and not model[1].training and model[3].training
    assert all(torch.equal(v, before[k]) for k, v in model.state_dict().items())
    model.eval()
    x, y = data(50).dataset.tensors
    assert first["accuracy"] == pytest.approx((model(x).argmax(1) == y).float().mean().item())
    assert first["loss"] == pytest.approx(F.cross_entropy(model(x), y).item(), rel=1e-5)


def test_predict():
    model = net()
    trainer = Trainer(model, "cross_entropy", adam(model))
    x, y = data(50).dataset.tensors
    expected = copy.deepcopy(model).eval()(x)
    forms = [
        *(x, DataLoader(TensorDataset(x, y), batch_size=7), DataLoader(TensorDataset(x), batch_size=7)),
        *([x[:20], x[20:]], [{"input": x}], [({"input": x}, y)]),
    ]
    for form in forms:
        found = trainer.predict(form)
        assert torch.allclose(found, expected, atol=1e-6) and not found.requires_grad
    assert torch.allclose(trainer.predict(x, batch_size=11), expected, atol=1e-6)
    with pytest.raises(ValueError, match="no batch"):
        trainer.predict([])
    with pytest.raises(ValueError, match="at least 1"):
        trainer.predict(x, batch_size=0)


def test_predict_joins_the_parts_of_outputs():
    class Two(nn.Module):
        def forward(self, x):
            return {"a": x, "b": (x + 1, [x * 2])}

    model = Two()
    trainer = Trainer(model, lambda o, t: o["a"].sum(), torch.optim.SGD([nn.Parameter(torch.ones(1))], lr=1))
    found = trainer.predict(torch.arange(4.0), batch_size=3)
    assert torch.equal(found["b"][1][0], torch.arange(4.0) * 2) and isinstance(found["b"], tuple)


# -- what goes wrong --------------------------------------------------------------------------------------


class Fails(nn.Module):
    def __init__(self):
        super().__init__()
        self.layer = nn.Linear(8, 3)

    def forward(self, x):
        if len(x) == 4:
            raise ArithmeticError("four")
        return self.layer(x)


@pytest.mark.parametrize("compile", [False, True])
def test_an_exception_of_the_model_names_the_batch(compile):
    model = Fails()
    trainer = Trainer(model, "cross_entropy", adam(model), compile=compile)
    with pytest.raises(ArithmeticError, match="four") as caught:
        trainer.fit(data(), epochs=3, progress=False)
    (note,) = [n for n in caught.value.__notes__ if n.startswith("in epoch")]
    assert note == "in epoch 1, batch 7: [Tensor (4, 8) float32, Tensor (4,) int64]"


@pytest.mark.parametrize("compile", [False, True])
def test_a_loss_that_is_not_finite(compile):
    x, y = torch.randn(6, 8), torch.zeros(6, dtype=torch.int64)
    bad = x.clone()
    bad[2, 3] = math.nan
    batches = [(x, y), (x, y), (bad, y)]
    model = net()
    with pytest.raises(FloatingPointError, match="the loss is nan in epoch 1, batch 3"):
        Trainer(model, "cross_entropy", adam(model), compile=compile).fit(batches, progress=False)
    model = net()
    trainer = Trainer(model, "cross_entropy", adam(model), nonfinite="ignore", compile=compile)
    assert math.isnan(trainer.fit(batches, progress=False).column("loss")[0])
    model = net()
    trainer = Trainer(model, "cross_entropy", adam(model), compile=compile)
    with pytest.raises(FloatingPointError, match="in evaluation"):
        trainer.fit(batches[:1], batches, progress=False)


def test_an_iterator_that_is_used_up():
    model = net()
    trainer = Trainer(model, "cross_entropy", adam(model))
    with pytest.raises(ValueError, match="gave no batch.*second epoch"):
        trainer.fit(iter(data()), epochs=2, progress=False)
    with pytest.raises(ValueError, match="evaluate: the loader gave no batch"):
        trainer.evaluate([])


def test_stop_within_an_epoch():
    model = net()
    trainer = Trainer(model, "cross_entropy", adam(model))
    stop = LambdaCallback(on_batch_end=lambda t: t.stop() if t.batch == 3 else None)
    assert trainer.fit(data(), epochs=3, callbacks=[stop], progress=False) == []
    assert (trainer.epoch, trainer.batch, trainer.steps) == (0, 3, 3)
    assert len(trainer.fit(data(), epochs=2, progress=False)) == 2 and trainer.steps == 17


@pytest.mark.parametrize(
    "change, message",
    [
        ({"model": len}, "model must be a Module, not builtin"),
        ({"optimizer": 0.1}, "optimizer must be an Optimizer, not float"),
        ({"metrics": [metrics.Accuracy]}, r"not Accuracy; write Accuracy\(\)"),
        ({"metrics": [metrics.Accuracy(), metrics.Accuracy()]}, "two metrics have one name"),
        ({"loss": "cross_entropi"}, "did you mean 'cross_entropy'"),
        ({"loss": 3}, "must be a Module, a function or a name, not int"),
        ({"accumulate": 0}, "accumulate must be a whole number"),
        ({"nonfinite": "no"}, "nonfinite must be"),
        ({"schedule": "step"}, "schedule must be"),
        ({"scheduler": 1}, "scheduler must have step"),
    ],
)
def test_arguments_that_do_not_fit(change, message):
    model = net()
    given = {"model": model, "loss": "cross_entropy", "optimizer": adam(model)} | change
    with pytest.raises((TypeError, ValueError), match=message):
        Trainer(**given)


def test_fit_wants_callbacks_and_a_loss_of_one_number():
    model = net()
    with pytest.raises(TypeError, match="not function"):
        Trainer(model, "cross_entropy", adam(model)).fit(data(), callbacks=[lambda t: 1], progress=False)
    with pytest.raises(ValueError, match=r"one number, not \(16,\)"):
        loss = nn.CrossEntropyLoss(reduction="none")
        Trainer(model, loss, adam(model)).fit(data(), progress=False)


def test_the_face_has_it():
    assert torch.train.Trainer is Trainer
