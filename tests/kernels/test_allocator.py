"""The caching allocator of array memory: contents, bounds, numbers, threads, fork, exit."""

import os
import subprocess
import sys
import threading
import tracemalloc

import numpy as np
import pytest

from rushlight.kernels import allocator, blocks, native

pytestmark = pytest.mark.skipif(
    not native.on() or allocator.current() is None, reason="no native code, or its allocator is switched off"
)
MB = 1 << 20


@pytest.fixture
def ours():
    """The allocator, empty and in use; NumPy's own again afterwards."""
    found = allocator.install()
    before = found.counters()["limit"]
    found.empty()
    yield found
    found.limit(before)
    found.empty()
    allocator.uninstall()


def handler(*array):
    return np._core.multiarray.get_handler_name(*array)


def python(program, **variables):
    """Runs a program in another process; what it prints."""
    command, environment = [sys.executable, "-c", program], os.environ | variables
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def resident():
    with open("/proc/self/statm") as f:
        return int(f.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")


# -- blocks --------------------------------------------------------------------------------------------

SIZES = [1, 7, 63, 64, 65, 128, 1000, 2048, 2049, 4096, 65536, MB - 1, MB, MB + 1, 5 * MB, 64 * MB + 3]


@pytest.mark.parametrize("n", SIZES)
def test_every_block_starts_at_a_multiple_of_64_and_is_its_size(ours, n):
    for make in (np.empty, np.zeros, np.empty):
        a = make(n, np.uint8)
        assert a.ctypes.data % 64 == 0 and handler(a) == "rushlight"
        a[:] = 255
        del a


@pytest.mark.parametrize("n", [1, 100, 5000, 3 * MB])
def test_a_block_is_given_again(ours, n):
    a = np.empty(n, np.uint8)
    address = a.ctypes.data
    del a
    before = ours.counters()
    assert np.empty(n, np.uint8).ctypes.data == address
    after = ours.counters()
    assert after["hits"] > before["hits"] and after["misses"] == before["misses"]


@pytest.mark.parametrize("n", [1, 64, 65, 2047, 2048, 2049, 2113, 3000, 65537, MB + 1, 17 * MB + 5, 1 << 30])
def test_waste_is_bounded(ours, n):
    before = ours.counters()["allocated"]
    a = np.empty(n, np.uint8)
    size = ours.counters()["allocated"] - before
    assert n <= size and size % 64 == 0 and size <= max(n * 17 / 16 + 64, 64)
    if n <= 2048:
        assert size == -(-n // 64) * 64
    del a


def test_neighbouring_sizes_have_ordered_classes(ours):
    sizes = []
    for n in range(1, 20000, 37):
        before = ours.counters()["allocated"]
        a = np.empty(n, np.uint8)
        sizes.append(ours.counters()["allocated"] - before)
        del a
    assert sizes == sorted(sizes)


def test_zero_elements(ours):
    for shape in ((0,), (2, 0, 2), (0, 1000), (1000, 0)):
        for _ in range(3):
            a = np.empty(shape)
            assert a.size == 0 and a.tobytes() == b""
            b = np.zeros(1000)
            assert not b.any()
            b[:] = 1


def test_zeros_are_zero_also_in_blocks_used_before(ours):
    for n in (1, 65, 5000, 3 * MB):
        a = np.full(n, 255, np.uint8)
        del a
        assert not np.zeros(n, np.uint8).any()


def test_resize_keeps_the_contents(ours):
    a = np.arange(10, dtype=np.int64)
    for n in (10, 12, 1000, 5, 100_000, 99_999, 3, 0, 7):
        kept = min(n, a.size)
        before = a[:kept].copy()
        a.resize(n, refcheck=False)
        assert (a[:kept] == before).all() and not a[kept:].any() and a.ctypes.data % 64 == 0
    assert (np.resize(np.arange(3), 7) == [0, 1, 2, 0, 1, 2, 0]).all()
    assert (np.fromiter(iter(range(100_000)), np.int64) == np.arange(100_000)).all()


def test_what_no_machine_has_is_a_memory_error(ours):
    before = ours.counters()
    for n in (1 << 49, (1 << 62) - 1, (1 << 63) - 1):
        with pytest.raises(MemoryError):
            np.empty(n, np.uint8)
        with pytest.raises(MemoryError):
            np.zeros(n, np.uint8)
    after = ours.counters()
    assert after["failures"] == before["failures"] + 6 and after["allocated"] == before["allocated"]


@pytest.mark.parametrize("seed", range(3))
def test_torture(ours, seed):
    rng = np.random.default_rng(seed)
    ours.limit([3 * MB, 64 * MB, 0][seed])
    live, at = [], ours.counters()["allocated"]
    for step in range(6000):
        action = rng.integers(5)
        if action < 3 and len(live) < 60:
            n = int(2 ** rng.uniform(0, 21))
            a = [np.empty, np.zeros][action % 2](n, np.uint8)
            assert action % 2 == 0 or not a.any()
            a[:] = step % 251
            live.append((a, step % 251))
        elif live:
            k = int(rng.integers(len(live)))
            a, value = live[k]
            assert (a == value).all()
            if action == 3:
                n = int(2 ** rng.uniform(0, 21))
                kept = min(n, a.size)
                a.resize(n, refcheck=False)
                assert (a[:kept] == value).all() and not a[kept:].any()
                a[:] = value
            else:
                del live[k]
            del a
    now = ours.counters()
    assert now["cached"] <= now["limit"]
    live, a = [], None
    assert abs(ours.counters()["allocated"] - at) < 4096


# -- the cache -----------------------------------------------------------------------------------------


def test_numbers_add_up(ours):
    start = ours.counters()
    a = [np.empty(1024 * (k + 1), np.uint8) for k in range(8)]
    middle = ours.counters()
    held = sum(1024 * (k + 1) for k in range(8))
    assert held <= middle["allocated"] - start["allocated"] <= held * 17 / 16
    assert middle["hits"] + middle["misses"] - start["hits"] - start["misses"] >= 8
    a.clear()
    end = ours.counters()
    assert end["frees"] - start["frees"] == end["hits"] + end["misses"] - start["hits"] - start["misses"]
    assert end["allocated"] == start["allocated"]
    assert end["cached"] >= held and end["peak"] >= middle["allocated"]
    ours.reset_peak()
    assert ours.counters()["peak"] <= middle["allocated"]


def test_the_bound_is_kept_and_blocks_of_another_phase_make_room(ours):
    ours.limit(8 * MB)
    for n in (MB, 3 * MB, 5 * MB):
        a = [np.empty(n, np.uint8) for _ in range(12)]
        a.clear()
        assert ours.counters()["cached"] <= 8 * MB
    before = ours.counters()
    np.empty(5 * MB, np.uint8)  # the last phase's blocks are the ones kept
    assert ours.counters()["misses"] == before["misses"]
    np.empty(9 * MB, np.uint8)  # larger than the bound: straight back
    assert ours.counters()["cached"] <= 8 * MB
    ours.limit(0)
    assert ours.counters()["cached"] == 0


def test_a_lowered_bound_takes_effect_at_once(ours):
    a = [np.empty(MB, np.uint8) for _ in range(8)]
    a.clear()
    ours.limit(2 * MB)
    assert MB <= ours.counters()["cached"] <= 2 * MB


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
@pytest.mark.parametrize("n, count", [(64 * MB, 1), (MB, 64), (4096, 16384)])
def test_empty_gives_memory_back(ours, n, count):
    a = [np.ones(n, np.uint8) for _ in range(count)]
    a.clear()
    full = resident()
    assert ours.counters()["cached"] >= 64 * MB
    ours.empty()
    assert ours.counters()["cached"] == 0 and resident() < full - 48 * MB


# -- with others ---------------------------------------------------------------------------------------


def test_each_array_is_freed_as_it_was_made(ours):
    allocator.uninstall()
    before = np.arange(1000.0)
    allocator.install()
    inside = np.arange(1000.0)
    allocator.uninstall()
    assert (handler(before), handler(inside)) == ("default_allocator", "rushlight")
    start = ours.counters()["frees"]
    del before
    assert ours.counters()["frees"] == start
    del inside
    assert ours.counters()["frees"] == start + 1


def test_a_thread_has_numpys_own_until_it_installs(ours):
    names = []

    def work():
        names.append(handler())
        allocator.install()
        names.append(handler())

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert names == ["default_allocator", "rushlight"] and handler() == "rushlight"


def test_threads_share_it(ours):
    errors = []

    def work(value):
        allocator.install()
        rng = np.random.default_rng(value)
        for _ in range(1500):
            arrays = [np.full(int(n), value, np.uint8) for n in rng.integers(1, 5000, 8)]
            if not all((a == value).all() for a in arrays):
                errors.append(value)

    threads = [threading.Thread(target=work, args=(k,)) for k in range(4)]
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-5)
    try:
        for t in threads:
            t.start()
        for t in threads:
            t.join()
    finally:
        sys.setswitchinterval(interval)
    assert not errors


def test_arrays_may_be_freed_by_another_thread(ours):
    arrays = [np.ones(n) for n in range(1, 2000, 7)]
    thread = threading.Thread(target=arrays.clear)
    thread.start()
    thread.join()
    assert np.zeros(1000).sum() == 0


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_fork(ours):
    a = np.arange(1000)
    child = os.fork()
    if child == 0:
        b = [np.full(5000, 7) for _ in range(100)]
        right = (a == np.arange(1000)).all() and all((x == 7).all() for x in b)
        ours.empty()
        os._exit(0 if right and np.zeros(5000).sum() == 0 else 1)
    a += 1
    assert os.waitpid(child, 0)[1] == 0 and a[-1] == 1000


def test_tracemalloc_sees_arrays(ours):
    tracemalloc.start()
    try:
        start, _ = tracemalloc.get_traced_memory()
        a = np.ones(3 * MB, np.uint8)
        assert tracemalloc.get_traced_memory()[0] - start >= 3 * MB
        del a
        assert tracemalloc.get_traced_memory()[0] - start < MB
    finally:
        tracemalloc.stop()


INSTALL = "import numpy as np\nfrom rushlight.kernels import allocator\na = allocator.install()\n"
NAME = "print(np._core.multiarray.get_handler_name(np.empty(3)))\n"


def test_arrays_outlive_everything_at_exit():
    held = """
import builtins, sys
class Holder:
    def __init__(self): self.a = [np.ones(n) for n in (1, 1000, 100000)]
    def __del__(self, zeros=np.zeros): self.a = None; self.a = [zeros(n) for n in (1, 1000)]
x = Holder(); builtins.held = Holder(); sys.held = Holder(); cycle = [Holder()]; cycle.append(cycle)
print("end")
"""
    assert python(INSTALL + held) == "end"


@pytest.mark.parametrize(
    "value, name, limit",
    [("0", "default_allocator", 0), ("100", "rushlight", 100 * MB), ("", "rushlight", None)],
)
def test_the_variable(value, name, limit):
    show = NAME + "print(a.counters()['limit'] if a else 0)"
    shown, most = python(INSTALL + show, RUSHLIGHT_ALLOCATOR=value).split()
    assert shown == name and int(most) == (allocator.memory_size() // 8 if limit is None else limit)


def test_a_wrong_value_is_said(monkeypatch):
    monkeypatch.setenv("RUSHLIGHT_ALLOCATOR", "lots")
    with pytest.raises(ValueError, match="RUSHLIGHT_ALLOCATOR=lots: it is a number of megabytes"):
        allocator.cache_limit()


def test_without_native_code_there_is_none():
    assert python(INSTALL + NAME, RUSHLIGHT_JIT="0") == "default_allocator"


@pytest.mark.skipif(sys.platform != "linux", reason="sets a limit of Linux")
def test_where_memory_is_out_the_cache_is_emptied_first():
    program = """
import resource
b = [np.ones(1 << 26, np.uint8) for _ in range(8)]
b.clear()
now = int(open('/proc/self/statm').read().split()[0]) * 4096
resource.setrlimit(resource.RLIMIT_AS, (now + (64 << 20), now + (64 << 20)))
c = np.zeros(400 << 20, np.uint8)
after = a.counters()
try:
    np.zeros(900 << 20, np.uint8)
except MemoryError:
    print(after['retries'], after['cached'] < (64 << 20), a.counters()['failures'])
"""
    assert python(INSTALL + program, RUSHLIGHT_ALLOCATOR="2000") == "1 True 1"


@pytest.mark.parametrize("name", ["avx2", "baseline"])
def test_other_processors(name):
    work = "x = [np.full(n, 3.) for n in (1, 100, 9999)]; x.clear(); print(np.zeros(9999).sum())"
    assert python(INSTALL + work, RUSHLIGHT_CPU=name) == "0.0"


def test_an_object_file_for_aarch64():
    from rushlight.kernels import llvm, targets

    target = targets.NAMED["aarch64"]
    assert llvm.assemble(llvm.text_of(blocks.make(), target), target)
