"""A training that may be killed at any moment: what test_resume.py runs in another process.

    python trained.py FOLDER OUT compile|eager [accumulate] [pause]

Writes checkpoints to FOLDER, and the final weights to OUT.
"""

import random
import sys
import time

import numpy as np

import rushlight as torch
from rushlight import nn
from rushlight.train import Checkpoint, EarlyStopping, LambdaCallback, Trainer, metrics
from rushlight.utils.data import DataLoader, TensorDataset


class Noisy(nn.Module):
    """Draws from NumPy's and Python's generators too."""

    def forward(self, x):
        if not self.training:
            return x
        scale = torch.tensor(1 + 0.1 * np.random.rand() + 0.1 * random.random(), dtype=torch.float32)
        return x * scale


def prepared(compile, accumulate, noisy=True):
    """A trainer, and its loaders."""
    torch.manual_seed(1)
    np.random.seed(2)
    random.seed(3)
    x = torch.randn(203, 12)
    y = (x[:, 0] * x[:, 1] > 0).long() + (x[:, 2] > 0).long()
    model = nn.Sequential(
        nn.Linear(12, 32), nn.BatchNorm1d(32), nn.GELU(), nn.Dropout(0.3), nn.Linear(32, 3),
        *([Noisy()] if noisy else []),
    )  # fmt: skip
    optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
    trainer = Trainer(
        *(model, "cross_entropy", optimizer),
        [metrics.Accuracy(), metrics.AUROC("multiclass")],
        scheduler=torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, 100),
        schedule="batch",
        clip_grad_norm=1.0,
        accumulate=accumulate,
        compile=compile,
    )
    train = DataLoader(TensorDataset(x[:150], y[:150]), batch_size=16, shuffle=True)
    valid = DataLoader(TensorDataset(x[150:], y[150:]), batch_size=20, shuffle=True)
    return trainer, train, valid


def final(trainer):
    """All that a training leaves: weights, optimizer's state, history, without what is of time."""
    history = [{k: v for k, v in row.items() if k != "seconds"} for row in trainer.history]
    state = {
        k: v for k, v in trainer.state_dict().items() if k in ("model", "optimizer", "scheduler", "random")
    }
    return state | {"history": history}


def main(folder, out, mode, accumulate="1", pause="0", noisy="noisy"):
    torch.advice(False)  # numbers of NumPy within the step are meant
    trainer, train, valid = prepared(mode == "compile", int(accumulate), noisy == "noisy")
    callbacks = [
        EarlyStopping("valid_loss", patience=100),
        Checkpoint(folder, every_batches=1, monitor="valid_accuracy"),
        LambdaCallback(on_batch_end=lambda trainer: time.sleep(float(pause))),
    ]
    print("begun", flush=True)
    trainer.fit(train, valid, epochs=6, callbacks=callbacks, resume=True, progress=False)
    torch.save(final(trainer), out)


if __name__ == "__main__":
    main(*sys.argv[1:])
