"""Learns to read handwritten digits by `rushlight.train.Trainer`, and goes on where it was if it is stopped.

    python digits_trainer.py [FOLDER]    trains; with a folder, keeps checkpoints and resumes from them

The digits and the network are those of digits.py; a quarter of the digits is held out.
"""

import sys

import rushlight as torch
from rushlight import nn
from rushlight.data.datasets import Digits
from rushlight.train import Checkpoint, EarlyStopping, Trainer, metrics, summary
from rushlight.utils.data import DataLoader


def main(folder=None):
    """Trains, and tells which digits are taken for which."""
    torch.manual_seed(0)
    model = nn.Sequential(
        *(nn.Conv2d(1, 16, kernel_size=3, padding=1), nn.ReLU(), nn.MaxPool2d(2)),
        *(nn.Conv2d(16, 32, kernel_size=3, padding=1), nn.ReLU(), nn.Flatten()),
        *(nn.Dropout(0.5), nn.Linear(32 * 4 * 4, 10)),
    )
    print(summary(model, input_size=(32, 1, 8, 8)))

    train = DataLoader(Digits(train=True), batch_size=32, shuffle=True)
    held_out = DataLoader(Digits(train=False), batch_size=89)
    optimizer = torch.optim.Adam(model.parameters(), lr=4e-3)
    trainer = Trainer(
        *(model, "cross_entropy", optimizer),
        metrics=[metrics.Accuracy(), metrics.ConfusionMatrix()],
        scheduler=torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, 15),
    )
    callbacks = [EarlyStopping("valid_accuracy", patience=8)]
    if folder is not None:
        callbacks.append(Checkpoint(folder, every_batches=10))
    trainer.fit(train, held_out, epochs=15, callbacks=callbacks, resume=folder is not None)

    found = trainer.evaluate(held_out)
    print(f"held out {found['accuracy']:.1%}")
    for digit, row in enumerate(found["confusion_matrix"]):
        wrong = {other: count for other, count in enumerate(row) if count and other != digit}
        if wrong:
            print(f"  {digit} was taken for {', '.join(f'{k} ({n}×)' for k, n in wrong.items())}")


if __name__ == "__main__":
    main(*sys.argv[1:])
