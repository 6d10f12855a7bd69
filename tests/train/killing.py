"""Kills trainings at random moments and takes them up again: for test_resume.py and the benchmark."""

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import rushlight as torch

TRAINED = Path(__file__).with_name("trained.py")
ROOT = Path(__file__).parents[2]


def start(folder, out, *arguments):
    """A training in another process, when it has been set up."""
    command = [sys.executable, "-W", "error::UserWarning", str(TRAINED), str(folder), str(out), *arguments]
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    process = subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert process.stdout is not None and process.stdout.readline() == b"begun\n", process.communicate()
    return process


def finished(process):
    """Waits for the end of a training, which must end well."""
    _, errors = process.communicate(timeout=300)
    assert process.returncode == 0, errors.decode()


def killed(folder, out, moments, *arguments):
    """Kills a training so many seconds after it began, again and again; lets the last one end.

    Returns what each left in the folder: the number of its newest checkpoint, and whether one was torn.
    """
    left = []
    for moment in moments:
        process = start(folder, out, *arguments)
        time.sleep(moment)
        process.send_signal(signal.SIGKILL)
        process.communicate()
        names = sorted(path.name for path in folder.glob("step-*")) if folder.exists() else []
        whole = [name for name in names if name.endswith(".pt")]
        left.append((int(whole[-1][5:14]) if whole else 0, any(name.endswith(".part") for name in names)))
        if out.exists():
            out.unlink()  # it had ended
    finished(start(folder, out, *arguments))
    return left


def moments(seed, count, longest):
    """Random moments, of which the seed is printed."""
    print(f"moments of seed {seed}")
    return [random.Random(seed + k).uniform(0.0, longest) for k in range(count)]


def bits(value):
    """A state with its tensors as bytes, to be compared exactly: nan equals itself."""
    if isinstance(value, torch.Tensor):
        return value.dtype, tuple(value.shape), value.numpy().tobytes()
    if isinstance(value, dict):
        return {k: bits(v) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [bits(v) for v in value]
    return value.tobytes() if hasattr(value, "tobytes") else repr(value)


def state(path):
    """What a training left."""
    return bits(torch.load(path))
