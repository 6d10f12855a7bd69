"""The callbacks that come with the Trainer, and when hooks are called."""

import csv
import io
import time

import pytest

import rushlight as torch
from rushlight import nn
from rushlight.train import (
    BoardLogger,
    Callback,
    Checkpoint,
    CSVLogger,
    EarlyStopping,
    LambdaCallback,
    LearningRate,
    Trainer,
    metrics,
)
from rushlight.train.callbacks.lambda_callback import HOOKS
from rushlight.train.callbacks.monitoring import Monitor, monitored

BATCHES = [(torch.full((2, 3), float(k)), torch.ones(2, 1)) for k in range(3)]


def trainer(lr=0.01, **options):
    torch.manual_seed(0)
    model = nn.Linear(3, 1)
    return Trainer(model, "mse_loss", torch.optim.SGD(model.parameters(), lr=lr), **options)


class Losses(Callback):
    """Says what the losses of the epochs are, and changes the weights so that epochs can be told apart."""

    order = -1

    def __init__(self, *values):
        self.values = values

    def on_epoch_end(self, trainer):
        trainer.logs["valid_loss"] = self.values[trainer.epoch - 1]
        with torch.no_grad():
            trainer.model.weight.fill_(float(trainer.epoch))


# -- hooks ---------------------------------------------------------------------------------------------------


def test_hooks_in_their_order():
    seen = []
    hooks = {name: lambda t, name=name: seen.append((name[3:], t.epoch, t.batch, t.steps)) for name in HOOKS}
    trainer().fit(BATCHES[:2], BATCHES, epochs=2, callbacks=[LambdaCallback(**hooks)], progress=False)
    epoch = [
        [("epoch_begin", e, 0, 2 * e), ("batch_begin", e, 0, 2 * e), ("batch_end", e, 1, 2 * e + 1)]
        + [("batch_begin", e, 1, 2 * e + 1), ("batch_end", e, 2, 2 * e + 2)]
        + [("validation_end", e, 2, 2 * e + 2), ("epoch_end", e + 1, 0, 2 * e + 2)]
        for e in range(2)
    ]
    assert seen == [("fit_begin", 0, 0, 0), *epoch[0], *epoch[1], ("fit_end", 2, 0, 4)]


def test_callbacks_are_called_by_their_order_and_then_as_given():
    seen = []

    class Named(Callback):
        def __init__(self, name, order=0):
            self.name, self.order = name, order

        def on_fit_begin(self, trainer):
            seen.append(self.name)

    trainer().fit(BATCHES, callbacks=[Named("b", 5), Named("c", 5), Named("a")], progress=False)
    assert seen == ["a", "b", "c"]


def test_close_is_called_after_an_exception_and_the_end_is_not():
    seen = []

    class Watches(Callback):
        def on_fit_end(self, trainer):
            seen.append("end")

        def close(self, trainer):
            seen.append("close")

    with pytest.raises(ValueError, match="this one is int"):
        trainer().fit([1], callbacks=[Watches()], progress=False)
    assert seen == ["close"]


def test_a_hook_that_is_not_there():
    with pytest.raises(TypeError, match="no hook 'on_epoch'.*on_epoch_begin"):
        LambdaCallback(on_epoch=print)


# -- early stopping ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "options, losses, epochs, best",
    [
        ({"patience": 2}, (5, 4, 4, 4, 1), 4, 2),
        ({"patience": 1}, (5, 4, 3, 2, 1), 5, 5),
        ({"patience": 2, "min_delta": 1.5}, (5, 4, 3, 2, 1), 5, 5),  # 5, 3, 1: each two epochs
        ({"patience": 1, "min_delta": 1.5}, (5, 4, 3, 2, 1), 2, 1),
        ({"patience": 2, "mode": "max"}, (1, 2, 1, 1, 9), 4, 2),
        ({"patience": 3}, (5, float("nan"), 4, float("nan"), 6), 5, 3),
    ],
)
def test_early_stopping(options, losses, epochs, best):
    t, stopping = trainer(), EarlyStopping(**options)
    t.fit(BATCHES, epochs=5, callbacks=[Losses(*losses), stopping], progress=False)
    assert t.epoch == epochs and stopping.best_epoch == best
    assert t.model.weight[0, 0] == best
    t, stopping = trainer(), EarlyStopping(restore_best=False, **options)
    t.fit(BATCHES, epochs=5, callbacks=[Losses(*losses), stopping], progress=False)
    assert t.model.weight[0, 0] == epochs


def test_what_is_monitored():
    assert Monitor("valid_accuracy").mode == "max" and Monitor("valid_loss").mode == "min"
    assert Monitor("f1").mode == "max" and Monitor("valid_mean_squared_error").mode == "min"
    with pytest.raises(KeyError, match="did you mean 'accuracy'"):
        monitored({"loss": 1, "accuracy": 1}, "acuracy")
    with pytest.raises(KeyError, match="need a valid_loader"):
        trainer().fit(BATCHES, callbacks=[EarlyStopping()], progress=False)
    with pytest.raises(ValueError, match="mode must be"):
        EarlyStopping(mode="best")


# -- logs ----------------------------------------------------------------------------------------------------


def test_csv(tmp_path):
    path = tmp_path / "log.csv"
    t = trainer(metrics=[metrics.MeanAbsoluteError()])
    t.fit(BATCHES, BATCHES, epochs=2, callbacks=[CSVLogger(path)], progress=False)
    t.fit(BATCHES, epochs=1, callbacks=[CSVLogger(path)], progress=False)
    with open(path, newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["epoch"] for row in rows] == ["1", "2", "3"] and rows[2]["valid_loss"] == ""
    assert [float(row["loss"]) for row in rows] == t.history.column("loss")
    assert "mean_absolute_error" in rows[0] and "valid_mean_absolute_error" in rows[0]


def test_learning_rate_is_told_when_it_changes():
    t, file = trainer(), io.StringIO()
    t = trainer(scheduler=None)
    schedule = torch.optim.lr_scheduler.StepLR(t.optimizer, 2, gamma=0.5)
    t = Trainer(t.model, "mse_loss", t.optimizer, scheduler=schedule)
    t.fit(BATCHES, epochs=4, callbacks=[LearningRate(file)], progress=False)
    assert file.getvalue() == "epoch 1: learning rate 0.01\nepoch 3: learning rate 0.005\n"


class Writer:
    """Notes what it is given."""

    def __init__(self):
        self.scalars, self.histograms, self.graphs, self.ended = [], [], [], []

    def add_scalar(self, tag, value, step):
        self.scalars.append((tag, value, step))

    def add_histogram(self, tag, values, step):
        self.histograms.append((tag, tuple(values.shape), step))

    def add_graph(self, model, inputs):
        self.graphs.append((model, inputs))

    def flush(self):
        self.ended.append("flush")

    def close(self):
        self.ended.append("close")


def test_board():
    writer, t = Writer(), trainer(metrics=[metrics.R2()])
    board = BoardLogger(writer, every=2, histograms=True, graph=torch.ones(1, 3))
    t.fit(BATCHES, BATCHES, epochs=2, callbacks=[board], progress=False)
    by_tag = {tag: [step for other, _, step in writer.scalars if other == tag] for tag, *_ in writer.scalars}
    epochs = ["loss/train", "r2/train", "loss/valid", "r2/valid", "learning rate/0"]
    assert by_tag == {"loss/batch": [2, 4, 6], **dict.fromkeys(epochs, [3, 6])}
    assert [v for tag, v, _ in writer.scalars if tag == "loss/valid"] == t.history.column("valid_loss")
    names = ["weights/weight", "gradients/weight", "weights/bias", "gradients/bias"]
    assert [tag for tag, *_ in writer.histograms] == names * 2
    assert len(writer.graphs) == 1 and writer.ended == ["flush"]
    t.fit(BATCHES, callbacks=[board], progress=False)
    assert len(writer.graphs) == 1


def test_board_made_by_a_function_is_closed():
    made = []

    def make(step):
        assert step == 1
        made.append(Writer())
        return made[-1]

    t = trainer()
    t.fit(BATCHES, callbacks=[BoardLogger(make)], progress=False)
    assert made[0].ended == ["close"] and made[0].scalars[0][0] == "loss/batch"
    with pytest.raises(TypeError, match="rushlight.board.Writer"):
        BoardLogger("runs/a")


def test_board_writes_what_tensorboard_reads(tmp_path):
    """Also after a run that was cut off behind its checkpoint: each step is there once."""
    tensorboard = pytest.importorskip("tensorboard.backend.event_processing.event_accumulator")
    writers = pytest.importorskip("tensorboardX")
    for last in (5, 99):
        t = trainer()
        log = BoardLogger(lambda step: writers.SummaryWriter(str(tmp_path / "log"), purge_step=step))
        stop = LambdaCallback(on_batch_end=lambda t, last=last: t.stop() if t.steps == last else None)
        callbacks = [log, stop, Checkpoint(tmp_path / "kept")]
        t.fit(BATCHES, epochs=3, callbacks=callbacks, resume=True, progress=False)
        time.sleep(1.1)  # files are told apart by their second
    found = tensorboard.EventAccumulator(str(tmp_path / "log")).Reload()
    losses = [event.value for event in found.Scalars("loss/train")]
    assert losses == pytest.approx(t.history.column("loss"), rel=1e-6)
    assert [event.step for event in found.Scalars("loss/batch")] == list(range(1, 10))


def test_the_writer_of_rushlights_own_board(tmp_path):
    tensorboard = pytest.importorskip("tensorboard.backend.event_processing.event_accumulator")
    from rushlight.board import Writer

    t, writer = trainer(), Writer(tmp_path)
    t.fit(BATCHES, BATCHES, epochs=2, callbacks=[BoardLogger(writer)], progress=False)
    writer.close()
    found = tensorboard.EventAccumulator(str(tmp_path)).Reload()
    values = [event.value for event in found.Scalars("loss/valid")]
    assert values == pytest.approx(t.history.column("valid_loss"), rel=1e-6)
