"""The thread that writes: whatever disks, signals and threads do, training goes on and records stay whole."""

import os
import resource
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy as np
import pytest

from rushlight.board import Writer
from rushlight.board.writer import sink as sinks
from rushlight.board.writer.worker import Worker

from .test_writer import scalars

unix = pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no FIFOs, signals or /dev/full here")


def stuck(writer, folder):
    """Make a writer's disk hang: a FIFO that nobody reads, so that opening it waits. A function frees it."""
    path = folder / "fifo"
    os.mkfifo(path)
    writer.file_writer.sink.path = path

    def free(sink):
        done = threading.Thread(target=sink.flush)
        done.start()
        pipe = os.open(path, os.O_RDWR | os.O_NONBLOCK)
        while done.is_alive():
            try:
                os.read(pipe, 1 << 20)
            except BlockingIOError:
                time.sleep(0.001)
        os.close(pipe)

    return free


@unix
def test_a_stuck_disk_stops_no_call(tmp_path, monkeypatch):
    """Each call below would wait for ever if one of them waited for the disk."""
    monkeypatch.setattr(sinks, "UNWRITTEN", 1 << 20)
    monkeypatch.setattr(sinks, "HELD", 1 << 20)
    monkeypatch.setattr(sinks, "CROWDED", 1000)
    writer = Writer(tmp_path)
    free = stuck(writer, tmp_path)
    with pytest.warns(UserWarning, match="takes less than is logged") as caught:
        for step in range(50_000):
            writer.add_scalar("x", 1.0, step)
        for _ in range(20):
            writer.add_image("image", np.random.default_rng(0).random((3, 128, 128)))
        writer.add_embedding(np.zeros((3, 2)))
        writer.add_hparams({"a": 1}, {"b": 2})
    sink = writer.file_writer.sink
    assert len(caught) == 1
    assert len(sink._queue) <= 1001 and sink._made - sink._gone < 3 << 20
    assert sink.flush(0.05) is False
    monkeypatch.setattr(sinks, "LIMIT", 0.05)
    with pytest.warns(UserWarning, match="doesn't answer"):
        writer.close()
    free(sink)


HUNG = """
import os, sys, warnings
from rushlight.board import Writer
from rushlight.board.writer import sink
sink.LIMIT = 0.3
writer = Writer(sys.argv[1])
os.mkfifo(sys.argv[1] + "/fifo")
writer.file_writer.sink.path = sys.argv[1] + "/fifo"
writer.add_scalar("x", 1.0)
print("end", flush=True)
"""


@unix
def test_a_stuck_disk_does_not_keep_a_program_from_ending(tmp_path):
    done = subprocess.run(
        [sys.executable, "-c", HUNG, str(tmp_path)], capture_output=True, text=True, timeout=60, check=True
    )
    assert done.stdout == "end\n" and "hasn't answered" in done.stderr


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="no /dev/full here")
def test_a_full_device_warns_once(tmp_path):
    writer = Writer(tmp_path)
    assert writer.file_writer is not None
    writer.file_writer.sink.path = Path("/dev/full")
    with pytest.warns(UserWarning, match="No space left on device.*training goes on") as caught:
        for step in range(3):
            writer.add_scalar("x", 1.0, step)
            writer.add_image("image", np.zeros((1, 4, 4)))
            writer.flush()
    assert len(caught) == 1
    writer.close()


def test_a_folder_that_was_removed_begins_anew(tmp_path):
    import shutil

    writer = Writer(tmp_path / "run")
    writer.add_scalar("x", 1.0)
    writer.flush()
    shutil.rmtree(tmp_path / "run")
    writer.add_scalar("x", 2.0)
    writer.close()
    assert scalars(tmp_path / "run") == [("x", 0, 2.0)]


def test_a_folder_that_became_a_file_is_warned_of(tmp_path):
    import shutil

    writer = Writer(tmp_path / "run")
    writer.add_scalar("x", 1.0)
    writer.flush()
    shutil.rmtree(tmp_path / "run")
    (tmp_path / "run").touch()
    writer.add_scalar("x", 2.0)
    with pytest.warns(UserWarning, match="can't be written"):
        writer.close()


def test_what_cannot_be_encoded_is_warned_of_and_the_rest_is_written(tmp_path, monkeypatch):
    from rushlight.board import png

    def broken(pixels):
        raise MemoryError("no room for pixels")

    monkeypatch.setattr(png, "encode", broken)
    with pytest.warns(UserWarning, match="no room for pixels"), Writer(tmp_path) as writer:
        writer.add_scalar("before", 1.0)
        writer.add_image("image", np.zeros((1, 4, 4)))
        writer.add_scalar("after", 1.0)
    assert [tag for tag, _, _ in scalars(tmp_path)] == ["before", "after"]


@pytest.mark.skipif(not hasattr(resource, "RLIMIT_NOFILE"), reason="no limit of files here")
def test_thousands_of_writers_need_one_thread_and_no_descriptors(tmp_path):
    program = """
import resource, sys, threading
resource.setrlimit(resource.RLIMIT_NOFILE, (64, 64))
from rushlight.board import Writer
writers = [Writer(f"{sys.argv[1]}/{k}") for k in range(1500)]
for step in range(3):
    for k, writer in enumerate(writers):
        writer.add_scalar("x", k, step)
writers[0].add_scalars("many", {str(k): 1.0 for k in range(500)})
print(threading.active_count())
"""
    command = [sys.executable, "-W", "error", "-c", program, str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=120)
    assert done.stdout == "2\n" and not done.stderr
    assert scalars(tmp_path / "1234") == [("x", step, 1234.0) for step in range(3)]
    assert scalars(tmp_path / "0" / "many_499") == [("many", 0, 1.0)]


def test_calls_and_closes_at_the_same_time(tmp_path):
    """Four threads log while the writer is closed and flushed again and again: nothing is lost or torn."""
    writer = Writer(tmp_path)
    writing = True

    def fill(k):
        for step in range(3000):
            writer.add_scalar(f"t{k}", step, step)

    def shut():
        while writing:
            writer.flush()
            writer.close()

    closer = threading.Thread(target=shut)
    threads = [threading.Thread(target=fill, args=(k,)) for k in range(4)]
    for thread in [closer, *threads]:
        thread.start()
    for thread in threads:
        thread.join()
    writing = False
    closer.join()
    writer.close()
    found = scalars(tmp_path)
    for k in range(4):
        assert sorted(step for tag, step, _ in found if tag == f"t{k}") == list(range(3000))


def test_more_than_the_thread_takes_is_encoded_by_the_caller_in_order(tmp_path, monkeypatch):
    monkeypatch.setattr(sinks, "CROWDED", 10)
    monkeypatch.setattr(sinks, "BATCH", 7)
    with Writer(tmp_path) as writer:
        for step in range(5000):
            writer.add_scalar("x", step, step)
    assert [step for _, step, _ in scalars(tmp_path)] == list(range(5000))


def test_ctrl_c_while_encoding_loses_nothing(tmp_path, monkeypatch):
    writer = Writer(tmp_path)
    sink = writer.file_writer.sink
    monkeypatch.setattr(sink, "_rouse", lambda: None)  # the thread sleeps
    writer.add_scalar("a", 1.0)
    writer.add_scalar("b", 2.0)
    real = sink._bytes

    def interrupted(message):
        if message[0] == "b":
            raise KeyboardInterrupt
        return real(message)

    monkeypatch.setattr(sink, "_bytes", interrupted)
    with pytest.raises(KeyboardInterrupt):
        sink._encode()
    monkeypatch.undo()
    writer.close()
    assert scalars(tmp_path) == [("a", 0, 1.0), ("b", 0, 2.0)]


SIGNALLED = """
import os, signal, sys
from rushlight.board import Writer
writer = Writer(sys.argv[1])
count = 0
def handler(number, frame):
    global count
    count += 1
    writer.add_scalar("signal", count, count)
    writer.flush()
    if count == 40:
        writer.close()
        os._exit(0)
    signal.setitimer(signal.ITIMER_REAL, 0.01)  # the next one, not within this
signal.signal(signal.SIGALRM, handler)
signal.setitimer(signal.ITIMER_REAL, 0.01)
step = 0
while True:
    writer.add_scalar("x", step, step)
    step += 1
    if step % 5000 == 0: writer.flush()
"""


@unix
def test_a_signal_handler_may_log_and_flush_at_any_moment(tmp_path):
    subprocess.run([sys.executable, "-c", SIGNALLED, str(tmp_path)], check=True, timeout=120)
    found = scalars(tmp_path)
    assert [step for tag, step, _ in found if tag == "signal"] == list(range(1, 41))
    steps = [step for tag, step, _ in found if tag == "x"]
    assert sorted(steps) == list(range(len(steps)))


@unix
def test_a_child_forked_while_all_is_busy_writes_its_own_file(tmp_path):
    program = """
import os, sys, threading
from rushlight.board import Writer
writer = Writer(sys.argv[1])
def fill():
    for step in range(20000): writer.add_scalar("thread", step, step)
thread = threading.Thread(target=fill); thread.start()
children = []
for k in range(5):
    child = os.fork()
    if not child:
        writer.add_scalar("child", k, k); writer.close(); os._exit(0)
    children.append(child)
for child in children: os.waitpid(child, 0)
thread.join(); writer.close()
"""
    command = [sys.executable, "-W", "ignore", "-c", program, str(tmp_path)]
    subprocess.run(command, check=True, timeout=120)
    found = scalars(tmp_path)
    assert sorted(step for tag, step, _ in found if tag == "child") == list(range(5))
    assert [step for tag, step, _ in found if tag == "thread"] == list(range(20000))


def test_a_job_that_fails_ends_no_worker(caplog):
    worker, done = Worker(), []

    def fail():
        raise RuntimeError("a job's own")

    worker.call(fail)
    worker.call(lambda: done.append(1))
    assert worker.finish(60) and done == [1]
    assert "a job's own" in caplog.text


def test_without_threads_the_caller_writes(tmp_path, monkeypatch):
    def none(self):
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(threading.Thread, "start", none)
    monkeypatch.setattr("rushlight.board.writer.worker._workers", {})
    writer = Writer(tmp_path)
    writer.add_scalar("x", 1.0)
    writer.close()
    assert scalars(tmp_path) == [("x", 0, 1.0)]


@unix
def test_ctrl_c_ends_a_program_and_its_log_is_whole(tmp_path):
    program = """
import sys
from rushlight.board import Writer
writer = Writer(sys.argv[1])
step = 0
print("on", flush=True)
try:
    while True:
        writer.add_scalar("x", step, step)
        step += 1
except KeyboardInterrupt:
    print(step, flush=True)
"""
    process = subprocess.Popen(
        [sys.executable, "-c", program, str(tmp_path)], stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None and process.stdout.readline() == "on\n"
    while not any(path.stat().st_size > 50_000 for path in tmp_path.iterdir()):
        pass
    process.send_signal(signal.SIGINT)
    out, _ = process.communicate(timeout=60)
    steps = [step for _, step, _ in scalars(tmp_path)]
    assert process.returncode == 0 and steps == list(range(len(steps)))
    assert len(steps) - int(out) in (0, 1)  # the last call may have been stopped behind its `put`
