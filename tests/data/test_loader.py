"""DataLoader: torch's batches in torch's order, with and without worker processes; resuming; errors."""

import gc
import importlib
import os
import random
import signal
import sys
import time

import numpy as np
import pytest

import rushlight
from rushlight import data
from rushlight.arrays.generator import Generator, default_generator
from rushlight.kernels import native, pool

CAN_FORK = sys.platform.startswith("linux")
needs_workers = pytest.mark.skipif(
    not CAN_FORK, reason="these data sets are made inside functions: needs fork"
)
FORK = {"multiprocessing_context": "fork"}


class Squares(data.Dataset):
    """Item i is (i, i squared)."""

    def __init__(self, n):
        self.n = n

    def __getitem__(self, i):
        return i, float(i * i)

    def __len__(self):
        return self.n


class Stream(data.IterableDataset):
    """0, 1, ..., n - 1; each worker gives its share of it."""

    def __init__(self, n, shared=True):
        self.n = n
        self.shared = shared

    def __iter__(self):
        info = data.get_worker_info()
        if info is None or not self.shared:
            return iter(range(self.n))
        return iter(range(info.id, self.n, info.num_workers))


def listed(batches):
    """Batches as plain lists."""
    return [
        batch.tolist() if hasattr(batch, "tolist") else [part.tolist() for part in batch] for batch in batches
    ]


def test_batches_in_order():
    loader = data.DataLoader(Squares(5), batch_size=2)
    assert listed(loader) == [[[0, 1], [0.0, 1.0]], [[2, 3], [4.0, 9.0]], [[4], [16.0]]]
    assert len(loader) == 3 and len(iter(loader)) == 3
    assert listed(data.DataLoader(Squares(5), batch_size=2, drop_last=True))[-1] == [[2, 3], [4.0, 9.0]]
    indices, squares = next(iter(loader))
    assert indices.dtype is rushlight.int64 and squares.dtype is rushlight.float64


def test_without_batching():
    assert list(data.DataLoader(Squares(3), batch_size=None)) == [[0, 0.0], [1, 1.0], [2, 4.0]]
    loader = data.DataLoader(np.arange(6).reshape(3, 2), batch_size=None, sampler=[[0, 2], [1]])
    assert listed(loader) == [[[0, 1], [4, 5]], [[2, 3]]]


def test_collate_fn_and_batch_sampler():
    loader = data.DataLoader(range(10), batch_sampler=[[1, 2], [3]], collate_fn=sum)
    assert list(loader) == [3, 3] and loader.batch_size is None and len(loader) == 2


def test_whole_batches_from_getitems():
    class Whole(Squares):
        def __getitems__(self, indices):
            return [-i for i in indices]

    assert listed(data.DataLoader(Whole(3), batch_size=2)) == [[0, -1], [-2]]


def test_streams():
    assert listed(data.DataLoader(Stream(5), batch_size=2)) == [[0, 1], [2, 3], [4]]
    assert listed(data.DataLoader(Stream(5), batch_size=2, drop_last=True)) == [[0, 1], [2, 3]]
    assert list(data.DataLoader(Stream(3), batch_size=None)) == [0, 1, 2]


def test_a_stream_longer_than_it_says():
    class Lying(Stream):
        def __len__(self):
            return 1

    loader = data.DataLoader(Lying(3), batch_size=None)
    assert len(loader) == 1
    with pytest.warns(UserWarning, match="was reported to be 1"):
        assert list(loader) == [0, 1, 2]


ORDERS = {
    "shuffled": dict(batch_size=3, shuffle=True),
    "dropped": dict(batch_size=3, shuffle=True, drop_last=True),
    "single": dict(batch_size=None, shuffle=True),
    "plain": dict(batch_size=4),
}


def three_epochs(package, dataset, default, own, options):
    """What three epochs give, and what the default generator draws afterwards."""
    options = dict(options, generator=own)
    epochs = []
    for _ in range(3):
        loader = package.DataLoader(dataset, **options)
        epochs.append([listed_any(batch) for batch in loader])
        epochs.append([listed_any(batch) for batch in loader])
    return epochs, default()


def listed_any(batch):
    return batch.tolist() if hasattr(batch, "tolist") else batch


@pytest.mark.parametrize("name", ORDERS)
@pytest.mark.parametrize("own", [True, False], ids=["own generator", "default generator"])
@pytest.mark.parametrize("workers", [0, pytest.param(2, marks=needs_workers)])
def test_order_as_in_torch(name, own, workers):
    torch = pytest.importorskip("torch")
    theirs = importlib.import_module("torch.utils.data")
    options = dict(ORDERS[name], num_workers=workers, **(FORK if workers else {}))
    default_generator.manual_seed(5)
    torch.manual_seed(5)
    generator = Generator().manual_seed(8) if own else None
    ours = three_epochs(data, range(20), lambda: default_generator.random32(1)[0], generator, options)
    generator = torch.Generator().manual_seed(8) if own else None
    expected = three_epochs(theirs, range(20), lambda: torch.randint(2**27, (1,)).item(), generator, options)
    assert ours[0] == expected[0]
    assert int(ours[1]) % 2**27 == expected[1]


@needs_workers
@pytest.mark.parametrize("persistent", [False, True])
@pytest.mark.parametrize("in_order", [True, False])
def test_workers_give_every_batch(persistent, in_order):
    loader = data.DataLoader(
        Squares(23), batch_size=3, num_workers=2, persistent_workers=persistent, in_order=in_order, **FORK
    )
    expected = listed(data.DataLoader(Squares(23), batch_size=3))
    for _ in range(3):
        found = listed(loader)
        assert (found if in_order else sorted(found)) == expected


@needs_workers
def test_leaving_early_and_starting_again():
    loader = data.DataLoader(Squares(40), batch_size=2, num_workers=2, persistent_workers=True, **FORK)
    processes = None
    for _ in range(3):
        batches = iter(loader)
        assert listed([next(batches), next(batches)]) == [[[0, 1], [0.0, 1.0]], [[2, 3], [4.0, 9.0]]]
        if processes is not None:
            assert processes == batches.pool.processes
        processes = batches.pool.processes
    assert all(process.is_alive() for process in processes)
    del loader, batches
    gc.collect()
    assert not any(process.is_alive() for process in processes)


@needs_workers
def test_workers_go_home():
    batches = iter(data.DataLoader(Squares(100), batch_size=1, num_workers=2, **FORK))
    next(batches)
    processes = batches.pool.processes
    start = time.perf_counter()
    del batches
    assert not any(process.is_alive() for process in processes)
    assert time.perf_counter() - start < 4
    batches = iter(data.DataLoader(Squares(3), batch_size=1, num_workers=2, **FORK))
    list(batches)
    assert not any(process.is_alive() for process in batches.pool.processes)
    assert list(batches) == []


@needs_workers
@pytest.mark.parametrize("persistent", [False, True])
def test_streams_with_workers(persistent):
    loader = data.DataLoader(Stream(11), batch_size=2, num_workers=2, persistent_workers=persistent, **FORK)
    expected = [[0, 2], [1, 3], [4, 6], [5, 7], [8, 10], [9]]
    assert listed(loader) == expected
    assert listed(loader) == expected
    double = data.DataLoader(Stream(3, shared=False), batch_size=2, num_workers=2, **FORK)
    assert listed(double) == [[0, 1], [0, 1], [2], [2]]


@needs_workers
@pytest.mark.parametrize("n", [0, 1, 7, 16])
@pytest.mark.parametrize("uneven", [False, True])
def test_streams_with_workers_as_in_torch(n, uneven):
    theirs = pytest.importorskip("torch.utils.data")

    def shares(package):
        class Uneven(package.IterableDataset):
            def __iter__(self):
                info = package.get_worker_info()
                stop = n if info.id or not uneven else n // 4
                return iter([info.id * 100 + i for i in range(stop)])

        return Uneven()

    for size in (None, 3):
        options = dict(batch_size=size, num_workers=2, collate_fn=list if size else None, **FORK)
        assert list(data.DataLoader(shares(data), **options)) == list(
            theirs.DataLoader(shares(theirs), **options)
        )


@needs_workers
def test_seeds_of_the_workers_as_in_torch():
    torch = pytest.importorskip("torch")
    theirs = importlib.import_module("torch.utils.data")

    def draws(package, word):
        class Draws(package.Dataset):
            def __len__(self):
                return 4

            def __getitem__(self, i):
                info = package.get_worker_info()
                return [info.id, info.num_workers, info.seed, random.random(), np.random.rand(), word()]

        return Draws()

    options = dict(batch_size=None, num_workers=2, collate_fn=list, **FORK)
    default_generator.manual_seed(3)
    torch.manual_seed(3)
    ours = list(
        data.DataLoader(draws(data, lambda: int(default_generator.random32(1)[0]) % 2**27), **options)
    )
    theirs_found = list(
        theirs.DataLoader(draws(theirs, lambda: torch.randint(2**27, (1,)).item()), **options)
    )
    assert ours == theirs_found
    assert data.get_worker_info() is None


@needs_workers
def test_workers_have_one_thread_each_unless_they_choose_more():
    class Threads(Squares):
        def __getitem__(self, i):
            total = rushlight.ones(300_000).exp().sum().item()
            return rushlight.get_num_threads(), pool.field("started") if native.on() else 1, round(total)

    before = rushlight.get_num_threads()
    rushlight.set_num_threads(3)
    try:
        options = dict(batch_size=None, num_workers=2, collate_fn=tuple, **FORK)
        few = list(data.DataLoader(Threads(4), **options))
        more = list(
            data.DataLoader(Threads(4), worker_init_fn=lambda _: rushlight.set_num_threads(2), **options)
        )
        assert rushlight.get_num_threads() == 3
    finally:
        rushlight.set_num_threads(before)
    assert {threads for threads, _, _ in few} == {1} and {threads for threads, _, _ in more} == {2}
    assert all(abs(total / (300_000 * np.e) - 1) < 1e-5 for _, _, total in few + more)
    assert {started for _, started, _ in few} == {1}


@needs_workers
def test_worker_init_fn_and_state_of_the_worker():
    class Process(Squares):
        def __getitem__(self, i):
            return os.getpid(), data.get_worker_info().dataset.tag

    def begin(worker_id):
        data.get_worker_info().dataset.tag = worker_id + 10

    options = dict(batch_size=None, num_workers=2, worker_init_fn=begin, collate_fn=tuple, **FORK)
    found = list(data.DataLoader(Process(4), **options))
    assert [tag for _, tag in found] == [10, 11, 10, 11]
    assert len({pid for pid, _ in found}) == 2 and os.getpid() not in {pid for pid, _ in found}


class Broken(Squares):
    def __getitem__(self, i):
        if i == 2:
            raise {"key": KeyError, "value": ValueError, "odd": OddError, "local": local_error()}[self.n](
                f"item {i}"
            )
        return i

    def __len__(self):
        return 4


class OddError(Exception):
    def __init__(self, one, two=None, *, three=None):
        if three is None and not str(one).startswith("item"):
            raise TypeError("three is needed")
        super().__init__(one)


def local_error():
    class Local(Exception):
        pass

    return Local


@needs_workers
@pytest.mark.parametrize(
    ("which", "kind"),
    [("key", KeyError), ("value", ValueError), ("odd", RuntimeError), ("local", RuntimeError)],
)
def test_an_exception_in_a_worker(which, kind):
    batches = iter(data.DataLoader(Broken(which), num_workers=2, batch_size=1, **FORK))
    assert listed([next(batches), next(batches)]) == [[0], [1]]
    with pytest.raises(kind) as caught:
        next(batches)
    text = str(caught.value)
    assert (
        text.startswith("Caught ")
        and "in DataLoader worker process 0.\nOriginal Traceback (most recent call last):\n" in text
    )
    assert "item 2" in text and "in __getitem__" in text
    assert listed(batches) == [[3]]


@needs_workers
def test_a_failing_worker_init_fn():
    def begin(worker_id):
        raise ValueError(f"no {worker_id}")

    with pytest.raises(ValueError, match="no 0"):
        next(iter(data.DataLoader(Squares(4), num_workers=2, worker_init_fn=begin, **FORK)))


@needs_workers
def test_a_batch_that_cannot_travel():
    with pytest.raises(
        (AttributeError, TypeError), match="(?s)Caught .* in DataLoader worker process 0.*pickle"
    ):
        list(data.DataLoader(Squares(2), num_workers=1, collate_fn=lambda items: lambda: items, **FORK))


@needs_workers
def test_a_killed_worker():
    class Suicidal(Squares):
        def __getitem__(self, i):
            if i == 3:
                os.kill(os.getpid(), signal.SIGKILL)
            return i

    start = time.perf_counter()
    with pytest.raises(RuntimeError, match=r"DataLoader worker \(pid\(s\) \d+\) exited unexpectedly.*-9"):
        list(data.DataLoader(Suicidal(8), num_workers=2, **FORK))
    assert time.perf_counter() - start < 4


@needs_workers
def test_timeout():
    class Slow(Squares):
        def __getitem__(self, i):
            time.sleep(30)

    batches = iter(data.DataLoader(Slow(4), num_workers=1, timeout=0.2, prefetch_factor=1, **FORK))
    with pytest.raises(RuntimeError, match="DataLoader timed out after 0.2 seconds"):
        next(batches)
    for process in batches.pool.processes:
        process.kill()


@needs_workers
def test_tensors_and_large_arrays_travel():
    class Images(Squares):
        def __getitem__(self, i):
            return {"image": np.full((64, 64), i, np.float32), "label": i}

    batches = list(data.DataLoader(Images(20), batch_size=10, num_workers=2, **FORK))
    assert tuple(batches[1]["image"].shape) == (10, 64, 64)
    assert batches[1]["image"][3, 5, 5].item() == 13.0 and batches[0]["label"].tolist() == list(range(10))
    batches[0]["image"].zero_()
    parameter = rushlight.nn.Parameter(rushlight.ones(2))
    found = list(data.DataLoader([parameter], batch_size=None, num_workers=1, **FORK))[0]
    assert isinstance(found, rushlight.nn.Parameter) and found.requires_grad and found.tolist() == [1.0, 1.0]


def test_spawned_workers():
    loader = data.DataLoader(range(4), batch_size=2, num_workers=1, multiprocessing_context="spawn")
    assert listed(loader) == [[0, 1], [2, 3]]


# -- resuming


def make_loader(sampling, workers, persistent, own):
    generator = Generator().manual_seed(1) if own else None
    options = dict(
        batch_size=3, num_workers=workers, persistent_workers=persistent, **(FORK if workers else {})
    )
    if sampling == "shuffle":
        options.update(shuffle=True, generator=generator)
    elif sampling == "replacement":
        options.update(sampler=data.RandomSampler(range(20), True, 50, generator=generator))
    elif sampling == "subset":
        options.update(sampler=data.SubsetRandomSampler(range(17), generator=generator))
    if sampling == "stream":
        return data.DataLoader(Stream(20), **options)
    return data.DataLoader(range(20), **options)


@pytest.mark.parametrize("sampling", ["shuffle", "replacement", "subset", "plain", "stream"])
@pytest.mark.parametrize("taken", [0, 1, 4, "all"])
@pytest.mark.parametrize("own", [True, False], ids=["own", "default"])
@pytest.mark.parametrize(
    ("workers", "persistent"),
    [(0, False), pytest.param(1, False, marks=needs_workers), pytest.param(1, True, marks=needs_workers)],
)
def test_resuming_in_the_middle_of_an_epoch(sampling, taken, own, workers, persistent):
    """Run on, or stop, save, and go on in a new loader: the same batches, in this epoch and in the
    next two.
    """
    default_generator.manual_seed(7)
    first = make_loader(sampling, workers, persistent, own)
    listed(first)
    batches = iter(first)
    for _ in range(len(first) if taken == "all" and sampling != "stream" else 6 if taken == "all" else taken):
        next(batches)
    default_generator.random32(5)  # somebody else draws too
    state, random_state = first.state_dict(), default_generator.get_state()
    expected = [listed(batches), listed(first), listed(first)]

    default_generator.manual_seed(99)
    second = make_loader(sampling, workers, persistent, own)
    default_generator.set_state(random_state)
    second.load_state_dict(state)
    assert [listed(second), listed(second), listed(second)] == expected


def test_state_is_plain_and_can_be_taken_at_any_time():
    loader = data.DataLoader(range(6), batch_size=2, shuffle=True, generator=Generator().manual_seed(0))
    before = loader.state_dict()
    epoch = listed(loader)
    assert loader.state_dict()["epoch"] is None
    loader.load_state_dict(before)
    assert listed(loader) == epoch
    for _ in loader:
        break
    state = loader.state_dict()
    assert state["epoch"]["yielded"] == 1
    batches = iter(loader)
    next(batches)
    state = loader.state_dict()
    rest = listed(batches)
    loader.load_state_dict(state)
    assert loader.state_dict()["epoch"]["yielded"] == 1
    assert listed(loader) == rest and len(rest) == 2


def test_loading_a_strange_state():
    loader = data.DataLoader(range(4))
    with pytest.raises(ValueError, match="expected what DataLoader.state_dict"):
        loader.load_state_dict({"a": 1})
    state = loader.state_dict()
    sampled = data.DataLoader(range(4), sampler=data.RandomSampler(range(4), generator=Generator()))
    with pytest.raises(ValueError, match="of a loader with 1 generators, this one has 2"):
        sampled.load_state_dict(state)


# -- errors


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (dict(num_workers=-1), "num_workers option should be non-negative"),
        (dict(timeout=-1), "timeout option should be non-negative"),
        (dict(prefetch_factor=2), "prefetch_factor option could only be specified in multiprocessing"),
        (dict(num_workers=1, prefetch_factor=-2), "prefetch_factor option should be non-negative"),
        (dict(persistent_workers=True), "persistent_workers option needs num_workers > 0"),
        (dict(sampler=[1], shuffle=True), "sampler option is mutually exclusive with shuffle"),
        (dict(batch_sampler=[[1]], shuffle=True), "batch_sampler option is mutually exclusive"),
        (dict(batch_sampler=[[1]], batch_size=2), "batch_sampler option is mutually exclusive"),
        (dict(batch_size=None, drop_last=True), "mutually exclusive with drop_last"),
        (dict(multiprocessing_context="fork"), "multiprocessing_context can only be used with multi-process"),
        (dict(num_workers=1, multiprocessing_context="magic"), "should specify a valid start method"),
        (dict(batch_size=0), "batch_size should be a positive integer"),
    ],
)
def test_options_that_do_not_go_together(options, words):
    with pytest.raises(ValueError, match=words):
        data.DataLoader([1, 2], **options)
    torch = pytest.importorskip("torch")
    with pytest.raises(ValueError):
        torch.utils.data.DataLoader([1, 2], **options)


@pytest.mark.parametrize("options", [dict(shuffle=True), dict(sampler=[1]), dict(batch_sampler=[[1]])])
def test_a_stream_has_no_order_to_choose(options):
    with pytest.raises(ValueError, match=f"expected unspecified {next(iter(options))} option"):
        data.DataLoader(Stream(2), **options)


def test_other_errors():
    loader = data.DataLoader([1, 2], timeout=1)
    with pytest.raises(AssertionError, match="timeout is for worker processes"):
        iter(loader)
    with pytest.raises(TypeError, match="should be a valid context object"):
        data.DataLoader([1], num_workers=1, multiprocessing_context=5)
    loader = data.DataLoader([1, 2])
    for name in ("batch_size", "batch_sampler", "sampler", "drop_last", "dataset", "persistent_workers"):
        with pytest.raises(
            ValueError, match=f"{name} attribute should not be set after DataLoader is initialized"
        ):
            setattr(loader, name, None)
    with pytest.raises(NotImplementedError, match="cannot be pickled"):
        iter(loader).__getstate__()
    with pytest.raises(ValueError, match="num_samples should be a positive"):
        data.DataLoader([], shuffle=True)
    assert list(data.DataLoader([])) == []


def test_warnings():
    with pytest.warns(UserWarning, match="'pin_memory' argument is set as true but no accelerator"):
        list(data.DataLoader([1], pin_memory=True))
    with pytest.warns(UserWarning, match="will create 1000 worker processes"):
        data.DataLoader([1], num_workers=1000)


def test_an_error_in_this_process_is_not_wrapped():
    with pytest.raises(ValueError, match="^item 2$"):
        list(data.DataLoader(Broken("value"), batch_size=None))
