"""Whole programs: at once over one cache, with spoiled caches, in threads, in forks, and at the end."""

import os
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from rushlight.kernels import cache, native

pytestmark = pytest.mark.skipif(
    not native.on() or not hasattr(os, "fork"), reason="machine code is off, or nothing to fork"
)
ROOT = Path(__file__).parents[2]

#: a network's step by kernels of many kinds, checked against NumPy
HEAD = """
import os, sys, threading, time
import numpy as np
import rushlight as torch

@torch.enable_grad()
def work(seed=0):
    rng = np.random.default_rng(seed)
    a, b = rng.standard_normal((2, 40, 300)).astype("f4")
    x, w = torch.from_numpy(a), torch.from_numpy(b).requires_grad_()
    y = torch.softmax(x @ w.t(), 1) + torch.tanh(x).sum() * 1e-3
    (y * y).sum().backward()
    z = a @ b.T
    p = np.exp(z - z.max(1, keepdims=True))
    p /= p.sum(1, keepdims=True)
    want = p + np.tanh(a).sum() * 1e-3
    np.testing.assert_allclose(y.detach().numpy(), want, rtol=1e-3, atol=1e-5)
    g = 2 * want
    g = p * (g - (g * p).sum(1, keepdims=True))
    np.testing.assert_allclose(w.grad.numpy(), g.T @ a, rtol=1e-2, atol=1e-4)
    big = torch.ones(400_000) * 2
    assert big.exp().sum().item() > 0 and torch.equal(big.cumsum(0)[:4], torch.tensor([2.0, 4, 6, 8]))
    image = torch.from_numpy(rng.standard_normal((2, 3, 20, 20)))
    return torch.nn.functional.max_pool2d(image, 2).shape

def forever():
    while True: work()
"""


def start(program: str, folder: Path | str, **variables: str) -> subprocess.Popen[str]:
    environment = {**os.environ, "RUSHLIGHT_CACHE": str(folder), "OMP_NUM_THREADS": "2", **variables}
    command = [sys.executable, "-c", HEAD + textwrap.dedent(program)]
    pipe = subprocess.PIPE
    return subprocess.Popen(command, env=environment, cwd=ROOT, stdout=pipe, stderr=pipe, text=True)


def finish(*running: subprocess.Popen[str]) -> list[str]:
    """What the programs printed; they must end well, and without a word on stderr."""
    ends = [p.communicate(timeout=60) for p in running]
    assert [p.returncode for p in running] == [0] * len(running), ends
    assert [error for _, error in ends] == [""] * len(running)
    return [out for out, _ in ends]


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A cache that three processes filled at once."""
    folder = tmp_path_factory.mktemp("filled")
    finish(*(start("work()", folder) for _ in range(3)))
    return folder


def test_processes_that_compile_at_once_do_no_harm(filled: Path) -> None:
    found = [f.path for f in cache.files(filled)]
    assert len(found) > 10
    assert not list(filled.glob("*" + cache.UNFINISHED))
    before = {p: p.stat().st_ino for p in found}
    finish(start("work()", filled))
    assert {f.path: f.path.stat().st_ino for f in cache.files(filled)} == before  # all of it was read


def test_spoiled_files_are_made_anew(filled: Path, tmp_path: Path) -> None:
    """Cut short, overwritten, swapped, emptied, made by another processor: nothing of it is run."""
    names = sorted(f.path.name for f in cache.files(filled))
    contents = {name: (filled / name).read_bytes() for name in names}
    os.chmod(tmp_path, 0o700)
    for k, (name, data) in enumerate(contents.items()):
        spoiled = [
            data[: len(data) // 2],
            b"",
            data[:-9] + b"\xcc" * 9,
            b"\x7fELF" + data,
            contents[names[k - 1]],
        ]
        (tmp_path / name).write_bytes(spoiled[k % len(spoiled)])
        (tmp_path / name).chmod(0o600)
    finish(start("work()", tmp_path))
    assert {f.path.name: f.path.read_bytes() for f in cache.files(tmp_path)} == contents


def test_first_used_by_many_threads_at_once(filled: Path) -> None:
    program = """
    failures = []
    sys.setswitchinterval(1e-5)
    def run(k):
        try:
            for _ in range(3): work(k)
        except BaseException as failure:
            failures.append(failure)
    crowd = [threading.Thread(target=run, args=(k,)) for k in range(6)]
    for t in crowd: t.start()
    for t in crowd: t.join()
    assert not failures, failures
    """
    finish(start(program, filled), start(program, ""))


def test_forked_children_go_on(filled: Path) -> None:
    """Before the first kernel, between kernels, while another thread is in one, and children of children."""
    program = """
    def child(then=lambda: None):
        pid = os.fork()
        if pid == 0:
            code = 1
            try:
                work(1)
                then()
                code = 0
            finally:
                os._exit(code)
        assert os.waitpid(pid, 0)[1] == 0
    child()
    work()
    child(child)
    torch.set_num_threads(3)
    work()
    child()
    over = []
    def busy():
        while not over: work(2)
    thread = threading.Thread(target=busy)
    thread.start()
    try:
        for _ in range(5): child()
    finally:
        over.append(1)
        thread.join()
    work()
    """
    finish(start(program, filled))


def test_pools_of_processes(filled: Path) -> None:
    program = """
    import multiprocessing
    work()
    with multiprocessing.get_context("fork").Pool(2) as crowd:
        assert crowd.map(work, range(6)) == [(2, 3, 10, 10)] * 6
    work()
    """
    finish(start(program, filled))


@pytest.mark.parametrize(
    "end",
    [
        "sys.exit(0)",
        "held = [torch.ones(1000).exp() for _ in range(50)]; held.append(held)",
        "threading.Thread(target=forever, daemon=True).start(); time.sleep(0.1)",
        "threading.Thread(target=lambda: (time.sleep(0.2), work(3))).start()",
        "import atexit; atexit.register(work)",
        "sys.modules['rushlight.threads'].choose(3); work()",
    ],
    ids=["exit", "tensors alive", "daemon at work", "thread at work", "used at exit", "more threads"],
)
def test_the_end(end: str, filled: Path) -> None:
    finish(start(f"work()\n{end}", filled))


def test_used_from_hooks_and_backwards_of_ones_own(filled: Path) -> None:
    """Kernels start kernels: through Python that autograd calls."""
    program = """
    class Twice(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            work(4)
            return x * 2
        @staticmethod
        def backward(ctx, g):
            work(5)
            return g * 2
    w = torch.ones(200_000, requires_grad=True)
    y = Twice.apply(w * 3)
    y.register_hook(lambda g: (work(6), g + 1)[1])
    y.sum().backward()
    assert set(w.grad.unique().tolist()) == {12.0}
    """
    finish(start(program, filled))
