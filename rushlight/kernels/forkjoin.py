"""The pool's generated code: how threads share the chunks of a kernel, and how they sleep.

The memory protocol, in C++'s terms; the "leader" is the caller that owns the pool:

- `owner` is the leader's name, or 0, taken by compare-and-swap; only the owner publishes or resizes.
- `word` holds the number of chunks (above bit 42) and how many have been claimed from the front (bits 0 to
  20) and from the back (21 to 41). A chunk is claimed by adding 1 to one of these: whoever finds that their
  sum was below the number *in the same returned word* has the next one there. The leader and every second
  worker take from the front, the others from the back: so two threads find what they wrote the time before in
  their own caches, and on some machines a line costs 0.1 us to bring over.
  A worker that is late by whole jobs claims from the job that is there by then, or nothing: it reads fn,
  slots, total and grain only after the claim (acquire), and the leader cannot return, hence not change them,
  while its chunk is not done. Nothing compares words: there is no ABA, and no generation that could wrap.
  Threads look before they add, so that the sum passes the number by at most one a thread and job, and neither
  count reaches the next.
- An addition that falls between two jobs hits an exhausted word, which the leader overwrites: no loss.
- `done` counts the chunks that workers have finished; each adds its share (release) when it finds no more.
  The leader waits (acquire) for all but its own, then gives the pool back. No worker can still hold finished
  chunks of an older job, whose leader would be waiting for them: `done` may be zeroed before the next.
- Sleeping is Dekker's pattern, sequentially consistent on both sides. A worker that has spun in vain notes
  `seq`, adds itself to `sleepers`, looks at `word` and `size` again, and sleeps on `seq`; the leader stores
  `word`, then reads `sleepers`, and where too few are awake adds 1 to `seq` and wakes some. A leader that
  has spun in vain sets `waiting`, looks at `done` again and sleeps on it; a worker adds to `done`, then reads
  `waiting`, and wakes it. One that does so late wakes the next job's leader, who then looks again.
- No job needs a worker in order to end: one that sleeps, or could not be started, only costs time.
- Resizing owns the pool, so that no job runs: it stores `size`, wakes all, and joins the workers from the new
  size on. Missing workers start at the next job, with every signal blocked.
"""

from __future__ import annotations

from typing import Any

from . import atomic, system
from .ir import Function, Module
from .park import ALL, park, supported, unpark
from .targets import Target
from .types import Type, i32, i64, ptr, u64, void
from .values import Value, Var

MOST = 1024  # threads
#: where the fields are, in bytes. What one side writes while the other reads has a line of its own (two of 64
#: bytes: Intel's prefetcher fetches pairs); the job stands beside the word, so that one miss brings both
FIELDS: dict[str, tuple[int, Type]] = {
    "word": (0, u64),
    "fn": (8, ptr),
    "slots": (16, i64),
    "total": (24, i64),
    "grain": (32, i64),
    "done": (128, i32),
    "waiting": (132, i32),
    "seq": (256, i32),
    "sleepers": (260, i32),
    "cpu": (264, i32),  # where the leader was when it last woke workers
    "owner": (384, i64),
    "size": (512, i64),  # threads there should be, the caller included
    "started": (520, i64),  # threads there are
    "spins": (528, i64),
    "handles": (640, i64),  # of the workers, by tid
    "names": (640 + 8 * MOST, i64),  # what each worker calls itself, by tid; 0 where there is none
}
BYTES = FIELDS["names"][0] + 8 * MOST


class _State:
    """Pointers to the pool's fields, in the function that uses them."""

    def __init__(self, f: Function) -> None:
        self.base = f.module.external(f, "rushlight_pool")

    def __getattr__(self, name: str) -> Value:
        offset, type = FIELDS[name]
        return self.base.at(offset).of(type)


_BACK, _NUMBER = 21, 42  # the first bits of what the word holds, behind what was claimed from the front
MOST_CHUNKS = 1 << 20


def _claimed(word: Value) -> tuple[Value, Value]:
    """How many chunks have been claimed from the front and from the back."""
    each = (1 << _BACK) - 1
    return word & each, (word >> _BACK) & each


def _some_left(word: Value) -> Value:
    front, back = _claimed(word)
    return front + back < (word >> _NUMBER)


def _chunk(word: Value, tid: Value) -> Value:
    """The chunk that a thread has claimed with the word it found."""
    front, back = _claimed(word)
    return _from_back(tid).select((word >> _NUMBER) - 1 - back, front).to(i64)


def _from_back(tid: Value) -> Value:
    return (tid & 1) != 0


def _run(f: Function, pool: _State, k: Any, tid: Any) -> None:
    """Do chunk k of the job that is there."""
    total, grain = pool.total.load(), pool.grain.load()
    lo = k * grain
    rest = total - lo
    hi = lo + (grain < rest).select(grain, rest)
    f.call_pointer(pool.fn.load(), void, pool.slots.load(), lo, hi, tid)


def _share(f: Function, pool: _State, tid: Any) -> Var:
    """Claim chunks and do them until none is left; how many they were."""
    count, tid = f.var(0), f.lift(tid, i64)
    one = _from_back(tid).select(f.const(u64, 1 << _BACK), f.const(u64, 1))
    for _ in f.forever():
        f.leave(~_some_left(atomic.load(pool.word)))
        claim = atomic.add(pool.word, one)
        f.leave(~_some_left(claim))
        _run(f, pool, _chunk(claim, tid), tid)
        count += 1
    return count


# -- workers -------------------------------------------------------------------------------------------


def _worker(m: Module, target: Target) -> None:
    """ptr worker(ptr tid): what a thread of the pool does until the pool shrinks below it."""
    f = m.function("worker", ptr, internal=True, number=ptr)
    pool, tid = _State(f), f.args[0].to(i64)
    atomic.store(pool.names.at(tid), system.me(f, target))
    allowed = system.allowed(f, target)
    _step_aside(f, pool, allowed, target)
    for _ in f.forever():
        _wait_for_work(f, pool, tid, allowed, target)
        f.leave(atomic.load(pool.size) <= tid)
        did = _share(f, pool, tid)
        with f.when(did > 0):
            atomic.add(pool.done, did.now.to(i32), "seq_cst")
            with f.when(atomic.load(pool.waiting, "seq_cst") != 0):
                unpark(pool.done, 1, target)
    f.ret(0)


def _wait_for_work(f: Function, pool: _State, tid: Value, allowed: Value, target: Target) -> None:
    """Return when there may be a chunk to claim, or when this worker should end."""
    spun, limit = f.var(0), atomic.load(pool.spins, "monotonic")
    for _ in f.forever():
        f.leave(_some_left(atomic.load(pool.word)))
        f.leave(atomic.load(pool.size, "monotonic") <= tid)
        with f.when(spun < limit):
            atomic.pause(f, target)
            spun += 1
        with f.otherwise():
            _sleep(f, pool, tid, target)
            _step_aside(f, pool, allowed, target)
            spun.set(0)


def _sleep(f: Function, pool: _State, tid: Value, target: Target) -> None:
    """Sleep until a job is published or the pool resized, unless that has just happened."""
    seq = atomic.load(pool.seq, "seq_cst")
    atomic.add(pool.sleepers, 1, "seq_cst")
    idle = ~_some_left(atomic.load(pool.word, "seq_cst"))
    with f.when(idle & (tid < atomic.load(pool.size, "seq_cst"))):
        park(pool.seq, seq, target)
    atomic.add(pool.sleepers, -1, "seq_cst")


def _step_aside(f: Function, pool: _State, allowed: Value, target: Target) -> None:
    """Move to another processor if this thread has been woken on the leader's, and keep off that one.

    Schedulers like to wake a thread where its waker runs. One that packs threads to save processors leaves
    both there for good: on such a machine two threads were no faster than one, and are twice as fast so.
    """
    here = system.processor(f, target)
    known = (here >= 0) & (here < 64 * system.CPU_SET)
    with f.when((here == atomic.load(pool.cpu, "monotonic")) & known):
        system.move_off(f, target, allowed, here)


def _grow(m: Module, target: Target) -> None:
    """void grow(): start the workers that are missing; those the system refuses are done without."""
    f = m.function("grow", internal=True)
    pool = _State(f)
    k, size = f.var(pool.started.load()), pool.size.load()
    with system.without_signals(f, target):
        atomic.store(pool.cpu, system.processor(f, target), "monotonic")
        for _ in f.forever():
            f.leave(k >= size)
            f.leave(~system.start(f, target, pool.handles.at(k), f.address("worker"), k.now))
            k += 1
        atomic.store(pool.started, k)
        atomic.store(pool.size, k)
    f.ret()


# -- the caller ----------------------------------------------------------------------------------------


def _parallel(m: Module, target: Target) -> None:
    f = m.function("rushlight_parallel", fn=ptr, slots=ptr, total=i64, grain=i64)
    fn, slots, total, grain = f.args
    pool = _State(f)
    with f.when((grain < total) & (atomic.load(pool.size, "monotonic") > 1)):
        count = (total - 1) // grain + 1
        with f.when(count <= MOST_CHUNKS):
            with f.when(atomic.replace(pool.owner, 0, system.me(f, target))):
                _lead(f, pool, count, target)
                f.ret()
    _serial(f, f.call("tid", i64))


def _serial(f: Function, tid: Any) -> None:
    """All chunks in order, on this thread."""
    fn, slots, total, grain = f.args
    for lo in f.range(0, total, grain):
        rest = total - lo
        f.call_pointer(fn, void, slots, lo, lo + (grain < rest).select(grain, rest), tid)
    f.ret()


def _lead(f: Function, pool: _State, count: Value, target: Target) -> None:
    """Publish the job, do what is left of it, wait for the others, give the pool back."""
    fn, slots, total, grain = f.args
    with f.when(pool.started.load() < pool.size.load()):
        f.call("grow", void)
    pool.fn.store(fn)
    pool.slots.store(slots.to(i64))
    pool.total.store(total)
    pool.grain.store(grain)
    atomic.store(pool.done, 0, "monotonic")
    atomic.store(pool.waiting, 0, "monotonic")
    atomic.store(pool.word, (count << _NUMBER) | 1, "seq_cst")  # chunk 0 is the leader's
    _wake(f, pool, count, target)
    _run(f, pool, 0, 0)
    mine = _share(f, pool, 0)
    _wait_for_others(f, pool, (count - 1 - mine).to(i32), target)
    atomic.store(pool.owner, 0)


def _wake(f: Function, pool: _State, count: Value, target: Target) -> None:
    """Wake workers if fewer are awake than there are chunks for."""
    asleep = atomic.load(pool.sleepers, "seq_cst").to(i64)
    with f.when(asleep > 0):
        workers = pool.started.load() - 1
        useful = (count - 1 < workers).select(count - 1, workers)
        missing = useful - (workers - asleep)
        with f.when(missing > 0):
            atomic.store(pool.cpu, system.processor(f, target), "monotonic")
            atomic.add(pool.seq, 1, "seq_cst")
            unpark(pool.seq, missing.to(i32), target)


def _wait_for_others(f: Function, pool: _State, goal: Value, target: Target) -> None:
    """Wait until workers have done `goal` chunks."""
    spun, limit = f.var(0), atomic.load(pool.spins, "monotonic")
    for _ in f.forever():
        f.leave(atomic.load(pool.done) == goal)
        with f.when(spun < limit):
            atomic.pause(f, target)
            spun += 1
        with f.otherwise():
            atomic.store(pool.waiting, 1, "seq_cst")
            done = atomic.load(pool.done, "seq_cst")
            with f.when(done != goal):
                park(pool.done, done, target)


def _tid(m: Module, target: Target) -> None:
    """i64 tid(): the number this thread has in the pool; 0 for the leader and for those outside."""
    f = m.function("tid", i64, internal=True)
    pool = _State(f)
    with f.when(atomic.load(pool.owner, "monotonic") == 0):
        f.ret(0)
    me = system.me(f, target)
    for k in f.range(1, atomic.load(pool.started)):
        with f.when(atomic.load(pool.names.at(k), "monotonic") == me):
            f.ret(k)
    f.ret(0)


def _resize(m: Module, target: Target) -> None:
    """i64 resize(i64 size): 0, and nothing done, while the pool is in use."""
    f = m.function("resize", i64, size=i64)
    pool, size = _State(f), f.args[0]
    with f.when(~atomic.replace(pool.owner, 0, system.me(f, target))):
        f.ret(0)
    started = pool.started.load()
    atomic.store(pool.size, size, "seq_cst")
    with f.when(size < started):
        atomic.add(pool.seq, 1, "seq_cst")
        unpark(pool.seq, ALL, target)
        for k in f.range(size, started):
            system.join(f, target, pool.handles[k])
            atomic.store(pool.names.at(k), 0)  # a new thread may get the same
        atomic.store(pool.started, size)
    atomic.store(pool.owner, 0)
    f.ret(1)


def _spin(m: Module, target: Target) -> None:
    """void spin(i64 count): what waiting does, to be timed."""
    f = m.function("spin", count=i64)
    pool = _State(f)
    for _ in f.range(0, f.args[0]):
        atomic.load(pool.word)
        atomic.pause(f, target)
    f.ret()


def make(target: Target, threaded: bool = True) -> Module:
    """The pool's code; not `threaded`, or where threads cannot sleep, it does all chunks in order."""
    m = Module()
    if not (threaded and supported(target)):
        _serial(m.function("rushlight_parallel", fn=ptr, slots=ptr, total=i64, grain=i64), 0)
        return m
    _worker(m, target)
    _grow(m, target)
    _parallel(m, target)
    _tid(m, target)
    _resize(m, target)
    _spin(m, target)
    return m
