"""Checkpoints in a folder: torn, foreign and left-over files."""

import os

import pytest

import rushlight as torch
from rushlight import nn
from rushlight.train import Checkpoint, Trainer, checkpoint


def trained(folder, epochs=4, **options):
    torch.manual_seed(0)
    model = nn.Linear(2, 1)
    trainer = Trainer(model, "mse_loss", torch.optim.SGD(model.parameters(), lr=0.01))
    batches = [(torch.ones(2, 2) * k, torch.ones(2, 1)) for k in range(3)]
    trainer.fit(batches, epochs=epochs, callbacks=[Checkpoint(folder, **options)], progress=False)
    return trainer


def names(folder):
    return sorted(path.name for path in folder.iterdir())


@pytest.mark.parametrize(
    "options, steps",
    [
        ({}, [9, 12]),
        ({"keep": 1}, [12]),
        ({"keep": 0}, [3, 6, 9, 12]),
        ({"every_epochs": 3}, [9, 12]),  # the last epoch too
        ({"every_epochs": 0, "every_batches": 5, "keep": 0}, [5, 10]),
        ({"every_batches": 2, "keep": 3}, [9, 10, 12]),
    ],
)
def test_which_are_written_and_kept(options, steps, tmp_path):
    trained(tmp_path, **options)
    assert names(tmp_path) == [f"step-{n:09d}.pt" for n in steps]


def test_the_state_is_one_that_torch_load_reads(tmp_path):
    trainer = trained(tmp_path)
    path, state = checkpoint.newest(tmp_path)
    assert path.name == "step-000000012.pt" and state["progress"]["epoch"] == 4
    weight = torch.load(path)["model"]["weight"]
    assert torch.equal(weight, trainer.model.weight)


def test_the_best_epoch_is_kept(tmp_path):
    torch.manual_seed(0)
    model = nn.Linear(1, 1)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01)
    trainer = Trainer(model, "mse_loss", optimizer)
    bad = [(torch.ones(2, 1), torch.ones(2, 1) * 5)]
    saver = Checkpoint(tmp_path, monitor="loss", mode="max")
    trainer.fit(bad, epochs=4, callbacks=[saver], progress=False)
    assert checkpoint.read(tmp_path / "best.pt")["progress"]["epoch"] == 1
    assert saver.monitor.best == trainer.history.column("loss")[0]


def test_torn_and_foreign_files_are_passed_over(tmp_path):
    trained(tmp_path, keep=0)
    newest = tmp_path / "step-000000012.pt"
    newest.write_bytes(newest.read_bytes()[:700])
    torch.save({"model": 1}, tmp_path / "step-000000013.pt")
    (tmp_path / "step-000000014.pt").write_bytes(b"")
    (tmp_path / "step-000000015.pt").write_text("no zip")
    (tmp_path / "notes.txt").write_text("mine")
    (tmp_path / "step-99.pt").mkdir()
    with pytest.warns(UserWarning, match="the one before it is taken") as told:
        path, state = checkpoint.newest(tmp_path)
    assert path.name == "step-000000009.pt" and state["progress"]["steps"] == 9
    assert len(told) == 4 and "lacks format=" in str(told[2].message)


@pytest.mark.parametrize("at", range(40, 3000, 150))
def test_a_byte_that_changed_is_found(at, tmp_path):
    """Wherever it is: either the file is refused, or what it says is the same."""
    trained(tmp_path, keep=1)
    (path,) = tmp_path.iterdir()
    expected = str(checkpoint.read(path))
    content = bytearray(path.read_bytes())
    content[at % len(content)] ^= 0x10
    path.write_bytes(content)
    try:
        found = str(checkpoint.read(path))
    except ValueError as error:
        assert "step-000000012.pt" in str(error)
    else:
        assert found == expected


def test_nothing_whole_is_a_start(tmp_path):
    assert checkpoint.newest(tmp_path) is None and checkpoint.newest(tmp_path / "nowhere") is None
    (tmp_path / "step-000000001.pt").write_bytes(b"torn")
    with pytest.warns(UserWarning, match="torn or no checkpoint"):
        assert checkpoint.newest(tmp_path) is None


def test_the_parts_of_a_killed_process_are_swept(tmp_path):
    parts = ["step-000000003.pt.0a1b2c3d4e5f.part", "best.pt.0a1b2c3d4e5f.part"]
    for name in (*parts, "mine.part", "step-1.txt"):
        (tmp_path / name).write_text("x")
    trained(tmp_path, keep=1)
    assert names(tmp_path) == ["mine.part", "step-000000012.pt", "step-1.txt"]


def test_a_disk_that_is_full_keeps_the_old_ones(tmp_path, monkeypatch):
    trainer = trained(tmp_path, keep=1)

    def fails(handle):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", fails)
    with pytest.raises(OSError, match="No space"):
        checkpoint.write(tmp_path, 13, trainer.state_dict(), keep=1)
    assert names(tmp_path) == ["step-000000012.pt"]


def test_arguments_that_do_not_fit(tmp_path):
    with pytest.raises(ValueError, match="must not be negative"):
        Checkpoint(tmp_path, keep=-1)
