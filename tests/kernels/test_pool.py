"""The thread pool: every chunk once, whoever calls, however many threads, in children and at exit."""

import ctypes
import os
import re
import subprocess
import sys
import textwrap
import threading
import time

import numpy as np
import pytest

import rushlight.threads as threads
from rushlight.kernels import atomic, forkjoin, llvm, native, pool, system
from rushlight.kernels.ir import Module
from rushlight.kernels.launch import entry
from rushlight.kernels.targets import NAMED
from rushlight.kernels.types import f64, i64, ptr, void

pytestmark = pytest.mark.skipif(not native.on(), reason="machine code is off")


def kernels() -> Module:
    """Small kernels, and a loop that runs one many times."""
    m = Module()
    f, lo, hi, tid, (out, tids) = entry(m, "mark", out=i64.pointer, tids=i64.pointer)
    for i in f.range(lo, hi):  # each item once: any second time shows
        out.store(out.load(i) + i * 3 + 1, i)
        tids.store(tid, i)
    f.ret()
    f, lo, hi, tid, (total,) = entry(m, "total", total=i64.pointer)
    for i in f.range(lo, hi):
        atomic.add(total, i)
    f.ret()
    f, lo, hi, tid, (x, sums, grain) = entry(m, "blocks", x=f64.pointer, sums=f64.pointer, grain=i64)
    sum = f.var(f.const(f64, 0))
    for i in f.range(lo, hi):
        sum += x[i]
    sums[lo // grain] = sum
    f.ret()
    f, lo, hi, tid, (inner, slots, total, grain, size) = entry(
        m, "nest", inner=ptr, slots=ptr, total=i64, grain=i64, size=i64
    )
    for i in f.range(lo, hi):
        f.call("rushlight_parallel", void, inner, slots.of(i64).at(i * size), total, grain)
    f.ret()
    f, lo, hi, tid, (busy, bad, turns) = entry(m, "alone", busy=i64.pointer, bad=i64.pointer, turns=i64)
    with f.when(atomic.add(busy.at(tid), 1) != 0):  # somebody else has this tid
        atomic.add(bad, 1)
    for _ in f.range(0, turns):
        atomic.load(busy.at(tid))
    atomic.add(busy.at(tid), -1)
    f.ret()
    f = m.function("repeat", fn=ptr, slots=ptr, total=i64, grain=i64, n=i64)
    fn, slots, total, grain, n = f.args
    for _ in f.range(0, n):
        f.call("rushlight_parallel", void, fn, slots, total, grain)
    f.ret()
    return m


def code() -> dict[str, int]:
    pool.ensure()
    return llvm.build("test_pool", kernels)


def call(address: int, *args) -> None:
    """Call machine code, with the interpreter released; arrays pass their addresses."""
    ctypes.CFUNCTYPE(None, *[ctypes.c_int64] * len(args))(address)(*slots(*args).tolist())


def parallel(kernel: str, slots: np.ndarray, total: int, grain: int) -> None:
    call(pool.addresses["rushlight_parallel"], code()[kernel], slots, total, grain)


def slots(*values) -> np.ndarray:
    return np.array([v.ctypes.data if isinstance(v, np.ndarray) else v for v in values], np.int64)


@pytest.fixture(autouse=True)
def restored():
    yield
    pool.resize(threads.get())


@pytest.fixture(params=[1, 2, 3])
def size(request):
    pool.resize(request.param)
    return request.param


def check_marked(total: int, grain: int) -> None:
    """Run `mark` over a range between canaries."""
    out, tids = np.full(total + 16, -7), np.full(total + 16, -7)
    out[8 : total + 8] = 0
    parallel("mark", slots(out[8:], tids[8:]), total, grain)
    assert (out[8 : total + 8] == np.arange(total) * 3 + 1).all()
    assert (out[:8] == -7).all() and (out[total + 8 :] == -7).all()
    assert (tids[:8] == -7).all() and (tids[total + 8 :] == -7).all()
    assert not total or (tids[8 : total + 8].min() >= 0 and tids.max() < pool.size())


@pytest.mark.parametrize("total", [0, 1, 2, 7, 64, 1000])
@pytest.mark.parametrize("grain", [1, 2, 7, 63, 64, 65, 5000])
def test_every_item_once(size, total, grain):
    check_marked(total, grain)


def test_random_ranges(size):
    rng = np.random.default_rng(size)
    for _ in range(300):
        total = int(rng.integers(0, 5000))
        check_marked(total, int(rng.integers(1, total + 2)))


def test_a_grain_near_the_largest_number():
    check_marked(10, 2**63 - 1)


@pytest.mark.parametrize("total", [2, 3, 8])
def test_a_hundred_thousand_jobs(total):
    pool.resize(3)
    sum = np.zeros(1, np.int64)
    call(code()["repeat"], code()["total"], slots(sum), total, 1, 100_000)
    assert sum[0] == 100_000 * (total * (total - 1) // 2)


def test_the_same_bits_for_every_number_of_threads():
    x = np.random.default_rng(0).standard_normal(100_003)
    found = []
    for n in (1, 2, 3):
        pool.resize(n)
        sums = np.zeros(-(-len(x) // 1000))
        parallel("blocks", slots(x, sums, 1000), len(x), 1000)
        found.append(sums.tobytes())
    assert found[0] == found[1] == found[2]


def hammer(work, n: int) -> None:
    """Run `work(k)` on n Python threads at once; the first failure is raised here."""
    failures = []

    def run(k):
        try:
            work(k)
        except BaseException as failure:
            failures.append(failure)

    crowd = [threading.Thread(target=run, args=(k,)) for k in range(n)]
    for thread in crowd:
        thread.start()
    for thread in crowd:
        thread.join()
    if failures:
        raise failures[0]


def test_eight_threads_at_once(size):
    def work(k):
        sum = np.zeros(1, np.int64)
        for _ in range(200):
            call(code_["repeat"], code_["total"], slots(sum), 5 + k, 1, 20)
        assert sum[0] == 4000 * ((5 + k) * (4 + k) // 2)
        check_marked(300 + k, 7)

    code_ = code()
    hammer(work, 8)


def test_nested(size):
    """Every chunk of the outer call runs a call of its own."""
    outer, inner = 50, 40
    outs, tids = np.zeros((outer, inner), np.int64), np.full((outer, inner), -1)
    each = np.array([[o.ctypes.data, t.ctypes.data] for o, t in zip(outs, tids)], np.int64)
    parallel("nest", slots(code()["mark"], each, inner, 6, 2), outer, 1)
    assert (outs == np.arange(inner) * 3 + 1).all()
    assert tids.min() >= 0 and tids.max() < pool.size()


def test_a_tid_belongs_to_one_thread_at_a_time(size):
    """Also in a nested call: all the inner calls here share their slots."""
    busy, bad = np.zeros(pool.size(), np.int64), np.zeros(1, np.int64)
    inner = slots(busy, bad, 200)
    parallel("alone", inner, 500, 1)
    parallel("nest", slots(code()["alone"], inner, 10, 1, 0), 500, 1)
    assert bad[0] == 0 and (busy == 0).all()


def test_resized_while_idle():
    for n in (1, 2, 3, 5, 1, 4, 2):
        pool.resize(n)
        assert pool.size() == n
        check_marked(1000, 10)
        assert len(os.listdir("/proc/self/task")) >= n


def test_resized_while_others_use_it():
    code_ = code()
    over = threading.Event()

    def work(k):
        sum = np.zeros(1, np.int64)
        rounds = 0
        while not over.is_set():
            call(code_["repeat"], code_["total"], slots(sum), 9, 1, 10)
            rounds += 10
        assert sum[0] == rounds * 36

    def change():
        for n in (1, 2, 3, 5, 1) * 6:
            pool.resize(n)
            time.sleep(0.002)
        over.set()

    hammer(lambda k: change() if k == 0 else work(k), 4)


def test_scratch_made_before_there_were_more_threads_suffices():
    """Every thread but the one that resizes makes its scratch memory first and launches a little later."""
    over = threading.Event()

    def work(k):
        while not over.is_set():
            busy, bad = np.zeros(pool.size() + 8, np.int64), np.zeros(1, np.int64)
            busy[-8:] = limit = 12345
            time.sleep(0.0005)
            parallel("alone", slots(busy, bad, 50), 100, 1)
            assert bad[0] == 0 and (busy[-8:] == limit).all()

    def change(k):
        try:
            for n in (1, 4, 2, 6, 1, 8):
                pool.resize(n)
                time.sleep(0.005)
        finally:
            over.set()

    hammer(lambda k: (change if k == 0 else work)(k), 3)


def test_threads_follow_set_num_threads():
    before = threads.get()
    try:
        for n in (3, 1, 2):
            threads.choose(n)
            assert pool.size() == n
    finally:
        threads.choose(before)


# -- processes ----------------------------------------------------------------------------------------


def in_child(work) -> int:
    """Run `work` in a fork of this process; its exit code."""
    child = os.fork()
    if child == 0:
        code = 1
        try:
            work()
            code = 0
        finally:
            os._exit(code)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def test_a_forked_child_has_its_own_workers():
    pool.resize(3)
    check_marked(1000, 10)

    def work():
        assert pool.field("started") == 1
        check_marked(1000, 10)
        assert pool.field("started") == 3 == pool.size()
        pool.resize(2)
        check_marked(1000, 10)

    assert in_child(work) == 0
    check_marked(1000, 10)


def test_forks_while_another_thread_uses_the_pool():
    pool.resize(3)
    code_, over = code(), threading.Event()

    def busy(k):
        sum = np.zeros(1, np.int64)
        while not over.is_set():
            call(code_["repeat"], code_["total"], slots(sum), 9, 1, 200)

    def fork(k):
        try:
            for _ in range(20):
                assert in_child(lambda: check_marked(1000, 10)) == 0
        finally:
            over.set()

    hammer(lambda k: (fork if k == 0 else busy)(k), 2)


def script(text: str) -> None:
    """Run a program with the pool in it: it must end well, and soon after its last line."""
    head = """
        import ctypes, os, sys, threading, time
        import numpy as np
        from rushlight.kernels import native, pool
        assert native.on()
        from tests.kernels.test_pool import call, check_marked, code, parallel, slots
        code_ = code()
        pool.resize(3)
        """
    program = textwrap.dedent(head) + textwrap.dedent(text)
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=30)
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""


def test_exit_with_sleeping_workers():
    script("check_marked(1000, 10); time.sleep(0.05)")


def test_exit_with_spinning_workers():
    script("pool._set(spins=10**9); check_marked(1000, 10)")


def test_exit_while_a_daemon_thread_is_in_the_pool():
    script("""
        sum = np.zeros(1, np.int64)
        args = code_["repeat"], code_["total"], slots(sum), 9, 1, 10**9
        threading.Thread(target=call, args=args, daemon=True).start()
        time.sleep(0.1)
        """)


def test_used_after_the_workers_have_ended():
    script("import atexit; atexit._run_exitfuncs(); assert pool.field('size') == 1; check_marked(1000, 10)")


def test_multiprocessing_by_fork():
    script("""
        import multiprocessing
        check_marked(1000, 10)
        with multiprocessing.get_context("fork").Pool(2) as crowd:
            crowd.starmap(check_marked, [(1000, 10)] * 8)
        check_marked(1000, 10)
        """)


def test_an_interrupt_waits_for_the_kernel():
    script("""
        import signal
        def again():
            sum = np.zeros(1, np.int64)
            call(code_["repeat"], code_["total"], slots(sum), 9, 1, 20000)
            return int(sum[0])
        caught = 0
        for k in range(5):
            threading.Timer(0.01, os.kill, (os.getpid(), signal.SIGINT)).start()
            try:
                assert again() == 20000 * 36
                time.sleep(1)
            except KeyboardInterrupt:
                caught += 1
        assert caught == 5
        assert again() == 20000 * 36
        """)


def test_workers_take_no_signals():
    pool.resize(3)
    check_marked(1000, 10)
    blocked = []
    for task in os.listdir("/proc/self/task"):
        with open(f"/proc/self/task/{task}/status") as status:
            lines = dict(line.split(":", 1) for line in status)
        blocked.append(int(lines["SigBlk"], 16))
    assert sum(mask >> 1 & 1 for mask in blocked) >= 2  # SIGINT is signal 2


@pytest.mark.parametrize("target", NAMED.values(), ids=NAMED)
def test_every_target_assembles_it(target):
    assert llvm.assemble(llvm.text_of(forkjoin.make(target), target), target)


SYSTEMS = {
    "linux": ("x86_64-unknown-linux-gnu", "aarch64-unknown-linux-gnu"),
    "macos": ("arm64-apple-macosx14.4.0", "x86_64-apple-darwin23.4.0"),
    "windows": ("x86_64-pc-windows-msvc",),
}


@pytest.mark.parametrize("name, triple", [(name, t) for name, ts in SYSTEMS.items() for t in ts])
def test_other_systems_call_what_they_have(name, triple):
    like = NAMED["avx2" if triple.startswith("x86_64") else "aarch64"]
    target = like._replace(triple=triple)
    text = llvm.text_of(forkjoin.make(target), target)
    called = set(re.findall(r"^declare .*@([A-Za-z_]\w*)\(", text, re.MULTILINE))
    assert system.system(target) == name and called <= set(system.LIBRARY[name])
    assert {"linux": "syscall", "macos": "os_sync_wait_on_address", "windows": "WaitOnAddress"}[
        name
    ] in called
    assert llvm.assemble(text, target)


def test_systems_without_what_it_takes_get_the_serial_loop():
    target = NAMED["aarch64"]._replace(triple="wasm32-unknown-unknown")
    assert system.system(target) == "" and system.addresses(target) is None
    for module in (forkjoin.make(target), forkjoin.make(NAMED["avx2"], threaded=False)):
        assert [f.name for f in module.functions] == ["rushlight_parallel"]
    assert llvm.assemble(llvm.text_of(forkjoin.make(NAMED["avx2"], False), NAMED["avx2"]), NAMED["avx2"])


def test_a_system_that_lacks_a_function_gets_the_serial_loop(monkeypatch):
    monkeypatch.setitem(system.LIBRARY, "linux", ("pthread_self", "no_such_function"))
    assert system.addresses(NAMED["avx2"]) is None
