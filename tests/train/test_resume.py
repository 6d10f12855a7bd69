"""A training that is killed and taken up again ends with the bits of one that ran through."""

import time

import pytest

import rushlight as torch
from rushlight.train import Checkpoint, EarlyStopping, LambdaCallback
from tests.train import killing, trained

MODES = [("compile", "1"), ("compile", "3"), ("eager", "1"), ("eager", "3")]


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """What each mode's training gives that nothing disturbs, computed when first asked for."""
    found = {}

    def get(*arguments):
        if arguments not in found:
            folder = tmp_path_factory.mktemp("whole")
            killing.finished(killing.start(folder / "c", folder / "out", *arguments))
            found[arguments] = killing.state(folder / "out")
        return found[arguments]

    return get


def check(folder, expected, moments, *arguments):
    """Kills at the moments, and asserts that nothing of it is left in the result."""
    print(killing.killed(folder / "c", folder / "out", moments, *arguments))
    found = killing.state(folder / "out")
    for part in expected:
        assert found[part] == expected[part], part


@pytest.mark.parametrize("mode, accumulate", MODES)
def test_killed_at_random_moments(whole, mode, accumulate, tmp_path):
    arguments = (mode, accumulate, "0.02" if accumulate == "1" else "0.05")
    seed = time.time_ns() % 1_000_000
    check(tmp_path, whole(mode, accumulate, "0"), killing.moments(seed, 2, 1.0), *arguments)


def test_killed_while_numpy_draws_in_the_model(whole, tmp_path):
    seed = time.time_ns() % 1_000_000
    expected = whole("compile", "1", "0", "noisy")
    check(tmp_path, expected, killing.moments(seed, 2, 1.0), "compile", "1", "0.02", "noisy")


@pytest.mark.slow
@pytest.mark.parametrize("mode, accumulate", MODES)
def test_killed_at_twenty_random_moments(whole, mode, accumulate, tmp_path):
    seed = time.time_ns() % 1_000_000
    expected = whole(mode, accumulate, "0")
    for k in range(20):  # each training is killed once: one that is killed often is soon over
        folder = tmp_path / str(k)
        folder.mkdir()
        arguments = (mode, accumulate, "0.01" if accumulate == "1" else "0.03")
        check(folder, expected, killing.moments(seed + k, 1, 1.2), *arguments)


def test_the_comparison_can_fail():
    """Another seed of NumPy's generator is another training."""
    trainer, train, valid = trained.prepared(False, 1, noisy=True)
    trainer.fit(train, valid, epochs=1, progress=False)
    other, train, valid = trained.prepared(False, 1, noisy=True)
    trained.np.random.seed(77)
    other.fit(train, valid, epochs=1, progress=False)
    first, second = killing.bits(trained.final(trainer)), killing.bits(trained.final(other))
    assert first["model"] != second["model"] and first["scheduler"] == second["scheduler"]


# -- within one process ------------------------------------------------------------------------------------


@pytest.mark.parametrize("compile", [False, True])
@pytest.mark.parametrize(
    "accumulate, at",
    [(1, (1, 3)), (1, (1, 10)), (1, (2, 0)), (3, (1, 3)), (3, (1, 10)), (5, (1, 10)), (3, (2, 0))],
)
def test_stopped_at_any_place_of_an_epoch(compile, accumulate, at, tmp_path):
    """Within an epoch, after its last batch (of a group that is full, or not), and between two."""

    def run(stops, resume=False):
        trainer, train, valid = trained.prepared(compile, accumulate, noisy=False)
        stop = LambdaCallback(on_batch_end=lambda t: t.stop() if stops and (t.epoch, t.batch) == at else None)
        end = LambdaCallback(on_epoch_end=lambda t: t.stop() if stops and (t.epoch, 0) == at else None)
        callbacks = [stop, end, Checkpoint(tmp_path / "c", every_batches=1), EarlyStopping(patience=9)]
        trainer.fit(train, valid, epochs=3, callbacks=callbacks, resume=resume, progress=False)
        return trainer

    expected = killing.bits(trained.final(run(False)))
    for path in (tmp_path / "c").iterdir():
        path.unlink()
    assert run(True).epoch == at[0]
    assert killing.bits(trained.final(run(False, resume=True))) == expected


class Recurrent(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.layers = torch.nn.LSTM(6, 8, num_layers=2, dropout=0.2, batch_first=True)
        self.out = torch.nn.Linear(8, 3)

    def forward(self, x):
        return self.out(self.layers(x)[0][:, -1])


def convolutional():
    nn = torch.nn
    return nn.Sequential(
        *(nn.Unflatten(1, (1, 9)), nn.Conv2d(1, 8, 3, padding=1), nn.BatchNorm2d(8), nn.ReLU()),
        *(nn.MaxPool2d(2), nn.Flatten(), nn.Dropout(0.2), nn.Linear(8 * 4 * 3, 3)),
    )


def attentive():
    nn = torch.nn
    layer = nn.TransformerEncoderLayer(6, 2, 16, dropout=0.2, batch_first=True)
    return nn.Sequential(layer, nn.Flatten(), nn.Linear(54, 3))


@pytest.mark.parametrize("precision", [None, "bf16"])
@pytest.mark.parametrize("make", [Recurrent, convolutional, attentive], ids=lambda make: make.__name__)
def test_kinds_of_models(make, precision, tmp_path):
    def run(last, resume):
        torch.manual_seed(0)
        x, y = torch.randn(40, 9, 6), torch.randint(0, 3, (40,))
        model = make()
        optimizer = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
        trainer = trained.Trainer(model, "cross_entropy", optimizer, precision=precision)
        loader = trained.DataLoader(trained.TensorDataset(x, y), batch_size=16, shuffle=True)
        stop = LambdaCallback(on_batch_end=lambda t: t.stop() if t.steps == last else None)
        callbacks = [stop, Checkpoint(tmp_path, every_batches=1)]
        trainer.fit(loader, epochs=3, callbacks=callbacks, resume=resume, progress=False)
        assert trainer.step.compiled["whole"].plans
        return killing.bits(trained.final(trainer))

    expected = run(None, False)
    for path in tmp_path.iterdir():
        path.unlink()
    run(5, False)
    assert run(None, True) == expected


def test_a_loader_without_a_state_is_gone_through_again(tmp_path):
    def run(stops, resume):
        torch.manual_seed(0)
        model = torch.nn.Linear(3, 1)
        batches = [(torch.full((2, 3), float(k)), torch.ones(2, 1)) for k in range(5)]
        optimizer = torch.optim.Adam(model.parameters(), lr=0.1)
        trainer = trained.Trainer(model, "mse_loss", optimizer)
        stop = LambdaCallback(on_batch_end=lambda t: t.stop() if stops and t.steps == 3 else None)
        callbacks = [stop, Checkpoint(tmp_path, every_batches=3)]
        trainer.fit(batches, epochs=2, callbacks=callbacks, resume=resume, progress=False)
        return trainer

    expected = run(False, False)
    run(True, False)
    for path in tmp_path.glob("step-*"):
        if path.name > "step-000000003.pt":
            path.unlink()
    found = run(False, True)
    assert killing.bits(trained.final(found)) == killing.bits(trained.final(expected)) and found.steps == 10


def test_another_model_or_other_metrics_are_refused(tmp_path):
    trainer, train, valid = trained.prepared(False, 1)
    trainer.fit(train, valid, epochs=1, progress=False)
    trainer.save(tmp_path / "a.pt")
    small = torch.nn.Linear(2, 2)
    other = trained.Trainer(small, "mse_loss", torch.optim.SGD(small.parameters()))
    with pytest.raises(RuntimeError, match="0.weight"):
        other.resume(tmp_path / "a.pt")
    model, optimizer = trainer.model, trainer.optimizer
    with pytest.raises(ValueError, match="the state has the metrics"):
        trained.Trainer(model, "mse_loss", optimizer).resume(tmp_path / "a.pt")
    assert trained.Trainer(model, "mse_loss", optimizer).resume(tmp_path / "nowhere") is False


def test_an_early_stop_is_still_one_after_a_resume(tmp_path):
    def run(patience):
        trainer, train, valid = trained.prepared(False, 1)
        callbacks = [Checkpoint(tmp_path), EarlyStopping("loss", patience=patience, mode="max", min_delta=9)]
        trainer.fit(train, valid, epochs=5, callbacks=callbacks, resume=True, progress=False)
        return trainer.epoch

    assert run(2) == 3 and run(2) == 3 and run(9) == 5


def test_without_a_folder_there_is_nothing_to_resume():
    trainer, train, _ = trained.prepared(False, 1)
    with pytest.raises(ValueError, match="resume=True needs a Checkpoint"):
        trainer.fit(train, resume=True, progress=False)
