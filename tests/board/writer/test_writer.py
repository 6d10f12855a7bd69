"""The Writer: TensorBoard reads what it writes; nothing that happens to the disk harms training."""

import os
import signal
import subprocess
import sys
import time

import numpy as np
import pytest

import rushlight as torch
from rushlight.board import Writer
from rushlight.board.events import records
from rushlight.board.events.decoding import decode


def events(folder):
    return [
        decode(message) for path in sorted(folder.iterdir()) for message in records.records(path.read_bytes())
    ]


def scalars(folder):
    return [(v.tag, e.step, v.data) for e in events(folder) for v in e.values]


def test_scalars(tmp_path):
    with Writer(tmp_path) as writer:
        writer.add_scalar("loss", 1.5)
        writer.add_scalar("loss", torch.tensor([2.0], requires_grad=True), 3, walltime=10.0)
        writer.add_scalar("loss", np.float64(1e300), torch.tensor(4))
        writer.add_scalar("loss", True, -1)
    assert scalars(tmp_path) == [
        ("loss", 0, 1.5),
        ("loss", 3, 2.0),
        ("loss", 4, float("inf")),
        ("loss", -1, 1.0),
    ]
    assert events(tmp_path)[0].version == "brain.Event:2" and events(tmp_path)[2].wall == 10.0


def test_tensorboard_reads_them(tmp_path):
    accumulator = pytest.importorskip("tensorboard.backend.event_processing.event_accumulator")
    with Writer(tmp_path) as writer:
        for step in range(100):
            writer.add_scalar("a/b", step / 2, step)
    reader = accumulator.EventAccumulator(str(tmp_path)).Reload()
    assert [(e.step, e.value) for e in reader.Scalars("a/b")] == [(k, k / 2) for k in range(100)]


def test_a_number_is_asked_for(tmp_path):
    with Writer(tmp_path) as writer:
        with pytest.raises(ValueError, match=r"shape \(2,\)"):
            writer.add_scalar("loss", torch.ones(2))
        with pytest.raises(TypeError, match="tag"):
            writer.add_scalar(3, 1.0)  # pyright: ignore[reportArgumentType]


def test_points_are_in_the_file_soon_and_without_flush(tmp_path):
    writer = Writer(tmp_path)
    writer.add_scalar("loss", 1.0)
    deadline = time.monotonic() + 5
    while not list(tmp_path.iterdir()) or not scalars(tmp_path):
        assert time.monotonic() < deadline
        time.sleep(0.01)
    writer.close()


def test_a_closed_writer_goes_on_when_it_is_written_to(tmp_path):
    writer = Writer(tmp_path)
    writer.add_scalar("a", 1.0)
    writer.close()
    writer.add_scalar("a", 2.0)
    writer.close()
    assert [x for _, _, x in scalars(tmp_path)] == [1.0, 2.0]


def test_many_from_several_threads(tmp_path):
    import threading

    writer = Writer(tmp_path)

    def fill(k):
        for step in range(5000):
            writer.add_scalar(f"t{k}", step, step)

    threads = [threading.Thread(target=fill, args=(k,)) for k in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    writer.close()
    found = scalars(tmp_path)
    assert all([s for t, s, _ in found if t == f"t{k}"] == list(range(5000)) for k in range(4))


def test_a_full_disk_warns_once_and_training_goes_on(tmp_path, monkeypatch):
    writer = Writer(tmp_path)
    writer.add_scalar("a", 1.0)
    writer.flush()
    real, left = os.write, [10]

    def full(file, data):
        if left[0] <= 0:
            raise OSError(28, "No space left on device")
        count = real(file, bytes(data[: left[0]]))
        left[0] -= count
        return count

    monkeypatch.setattr(os, "write", full)
    with pytest.warns(UserWarning, match="No space left on device") as caught:
        for _ in range(3):
            writer.add_scalar("a", 2.0)
            writer.flush()
    assert len(caught) == 1
    monkeypatch.setattr(os, "write", real)
    writer.add_scalar("a", 3.0)
    writer.close()
    assert [x for _, _, x in scalars(tmp_path)] == [1.0, 3.0]  # and no torn record between them


PROGRAM = """
import sys
from rushlight.board import Writer
writer = Writer(sys.argv[1])
step = 0
while True:
    writer.add_scalar("loss", step, step)
    step += 1
    if step == 1000: print("on", flush=True)
"""


def test_a_killed_process_leaves_a_file_that_reads(tmp_path):
    process = subprocess.Popen(
        [sys.executable, "-c", PROGRAM, str(tmp_path)], stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None and process.stdout.readline() == "on\n"
    while not any(path.stat().st_size > 20_000 for path in tmp_path.iterdir()):
        time.sleep(0.01)
    process.send_signal(signal.SIGKILL)
    process.wait()
    process.stdout.close()
    steps = [step for _, step, _ in scalars(tmp_path)]
    assert steps == list(range(len(steps))) and len(steps) > 100


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
def test_a_forked_child_writes_a_file_of_its_own(tmp_path):
    program = (
        PROGRAM.split("writer =")[0]
        + """
import os
writer = Writer(sys.argv[1])
writer.add_scalar("a", 1.0); writer.flush()
child = os.fork()
writer.add_scalar("child" if child == 0 else "parent", 2.0)
writer.close()
if child: os.waitpid(child, 0)
else: os._exit(0)
"""
    )
    subprocess.run([sys.executable, "-W", "ignore", "-c", program, str(tmp_path)], check=True)
    assert sorted(scalars(tmp_path)) == [("a", 0, 1.0), ("child", 0, 2.0), ("parent", 0, 2.0)]
    assert len(list(tmp_path.iterdir())) == 2
