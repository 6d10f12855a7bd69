"""Regions: what they set and put back, what they cost in casts, and what gradients come to."""

import threading

import numpy as np
import pytest

import rushlight as rl
from rushlight.autograd import autocast
from rushlight.autograd.autocast import REGIONS, region

torch = pytest.importorskip("torch")


@pytest.fixture(autouse=True)
def closed():
    """No test leaves a region open."""
    yield
    assert REGIONS == [] and region.nesting == 0 and region.cache == {} and region.on is False


def product():
    return (rl.ones(2, 2) @ rl.ones(2, 2)).dtype


def test_products_go_to_machine_code_again_when_the_last_region_is_closed():
    x = rl.ones(2, 2)
    flags = []
    rl.mm(x, x)
    autocast.divert_with_regions(flags.append)
    with rl.autocast("cpu"), rl.autocast("cpu", enabled=False), rl.autocast("cpu"):
        assert rl.mm(x, x).dtype is rl.bfloat16
    autocast._diverted.pop()
    assert flags == [False, *[True, False] * 3] and rl.mm(x, x).dtype is rl.float32


def test_regions_nest():
    assert product() is rl.float32 and not rl.is_autocast_enabled("cpu")
    with rl.autocast("cpu"):
        assert product() is rl.bfloat16 and rl.is_autocast_enabled("cpu")
        with rl.autocast("cpu", enabled=False):
            assert product() is rl.float32 and not rl.is_autocast_enabled("cpu")
            with rl.autocast("cpu", dtype=rl.float16):
                assert product() is rl.float16 and rl.get_autocast_dtype("cpu") is rl.float16
        assert product() is rl.bfloat16 and rl.get_autocast_dtype("cpu") is rl.bfloat16
    assert product() is rl.float32


def test_one_region_may_be_entered_again_inside_itself():
    mode = rl.autocast("cpu")
    with mode, mode:
        assert product() is rl.bfloat16
    assert product() is rl.float32


def test_an_exception_closes_a_region():
    with pytest.raises(KeyError), rl.autocast("cpu"):
        raise KeyError
    with pytest.raises(RuntimeError), rl.autocast("cpu"):
        rl.mm(rl.ones(2, 3), rl.ones(2, 3))
    assert product() is rl.float32


def test_an_exception_in_a_listed_op_leaves_the_region_on():
    with rl.autocast("cpu"):
        with pytest.raises(RuntimeError):
            rl.mm(rl.ones(2, 3), rl.ones(2, 3))
        assert product() is rl.bfloat16


def test_decorators():
    @rl.autocast("cpu")
    def f(dtype, *, other=None):
        """Its text."""
        return product(), dtype, other

    assert f(1, other=2) == (rl.bfloat16, 1, 2) and f.__doc__ == "Its text." and product() is rl.float32
    with pytest.raises(TypeError, match="requires a callable, but got int"):
        rl.autocast("cpu")(3)


def test_a_generator_runs_in_the_region_and_its_consumer_does_not():
    @rl.autocast("cpu")
    def items():
        for _ in range(2):
            yield product()

    for inside in items():
        assert inside is rl.bfloat16 and product() is rl.float32


def test_each_thread_has_its_own_state():
    seen, inside, done = [], threading.Event(), threading.Event()

    def other():
        seen.append((product(), rl.is_autocast_enabled("cpu")))
        with rl.autocast("cpu", dtype=rl.float16):
            inside.set()
            done.wait(10)
            seen.append(product())

    with rl.autocast("cpu"):
        thread = threading.Thread(target=other)
        thread.start()
        assert inside.wait(10) and product() is rl.bfloat16
    assert product() is rl.float32  # while the other thread's region is open
    done.set()
    thread.join()
    assert seen == [(rl.float32, False), rl.float16]


def test_state_set_by_hand():
    rl.set_autocast_enabled("cpu", True)
    rl.set_autocast_dtype("cpu", rl.float16)
    assert product() is rl.float16
    rl.set_autocast_dtype("cpu", rl.bfloat16)
    rl.set_autocast_enabled("cpu", False)
    assert product() is rl.float32 and not rl.is_autocast_enabled() and not rl.is_autocast_enabled("cuda")
    assert rl.get_autocast_dtype("cuda") is rl.float16
    assert rl.autocast_increment_nesting() == 1 and rl.autocast_decrement_nesting() == 0


@pytest.mark.parametrize("lib", [torch, rl], ids=["torch", "rushlight"])
def test_what_is_refused_or_warned_of(lib):
    with pytest.raises(ValueError, match="Expected `device_type` of type `str`, got: `<class 'int'>`"):
        lib.autocast(3)
    with pytest.raises(RuntimeError):
        lib.autocast("meta")
    with pytest.warns(UserWarning, match="In CPU autocast, but the target dtype is not supported"):
        mode = lib.autocast("cpu", dtype=lib.float32)
    with mode:
        assert (lib.ones(2, 2) @ lib.ones(2, 2)).dtype is lib.float32 and not lib.is_autocast_enabled("cpu")
    with pytest.warns(UserWarning, match="CUDA is not available"), lib.autocast("cuda"):
        assert not lib.is_autocast_enabled("cuda")
    with pytest.warns(FutureWarning, match=r"Please use `torch.amp.autocast\('cpu', args...\)`"):
        mode = lib.cpu.amp.autocast()
    with mode:
        assert (lib.ones(2, 2) @ lib.ones(2, 2)).dtype is lib.bfloat16
    with pytest.warns(FutureWarning, match="deprecated"), pytest.warns(UserWarning, match="CUDA is not"):
        lib.cuda.amp.autocast()
    with pytest.warns(DeprecationWarning, match="is_autocast_enabled"):
        assert lib.is_autocast_cpu_enabled() is False
    with pytest.warns(DeprecationWarning, match="get_autocast_dtype"):
        assert lib.get_autocast_cpu_dtype() is lib.bfloat16
    with pytest.warns(DeprecationWarning, match="get_autocast_dtype"):
        assert lib.get_autocast_gpu_dtype() is lib.float16


def test_unknown_devices_are_named():
    with pytest.raises(RuntimeError, match="there is none for device type 'mps'; there is for cpu and cuda"):
        rl.get_autocast_dtype("mps")
    assert rl.amp.is_autocast_available("cpu") and not rl.amp.is_autocast_available("mps")


def test_other_half_types_beside_one_another_are_refused():
    for lib in (torch, rl):
        a, b = lib.zeros(2, dtype=lib.float16), lib.zeros(2, dtype=lib.bfloat16)
        with lib.autocast("cpu"), pytest.raises(RuntimeError, match="Unexpected floating ScalarType"):
            lib.cat([a, b])


def test_meta_tensors_are_left_alone():
    for lib in (torch, rl):
        a = lib.ones(2, 2, device="meta")
        with lib.autocast("cpu"):
            assert (a @ a).dtype is lib.float32


# -- gradients -----------------------------------------------------------------------------------------


def trained(lib, enabled, dtype="bfloat16"):
    """Loss and gradients of a small convolutional net."""
    lib.manual_seed(0)
    nn = lib.nn
    net = nn.Sequential(
        *(nn.Conv2d(2, 8, 3), nn.BatchNorm2d(8), nn.ReLU(), nn.Flatten()),
        *(nn.LayerNorm(128), nn.Linear(128, 16), nn.GELU(), nn.Linear(16, 5)),
    )
    x = lib.tensor(np.random.default_rng(1).normal(size=(16, 2, 6, 6)).astype("float32").tolist())
    with lib.autocast("cpu", enabled=enabled, dtype=getattr(lib, dtype)):
        loss = nn.functional.cross_entropy(net(x), lib.arange(16) % 5)
    loss.backward()
    return [loss, *(p.grad for p in net.parameters())]


@pytest.mark.parametrize("dtype", ["bfloat16", "float16"])
def test_gradients_arrive_in_the_parameters_dtype(dtype):
    full = trained(rl, False)
    for ours, theirs, exact in zip(trained(rl, True, dtype), trained(torch, True, dtype), full, strict=True):
        assert ours.dtype is rl.float32 and ours.shape == theirs.shape
        exact, ours, theirs = (np.array(t.tolist()) for t in (exact, ours, theirs))
        error, its_error = np.linalg.norm(ours - exact), np.linalg.norm(theirs - exact)
        assert error < 2 * its_error + 0.01 * np.linalg.norm(exact) + 1e-2
    assert any((a != b).any() for a, b in zip(trained(rl, True, dtype), full, strict=True))


def test_second_derivatives():
    found = []
    for lib in (torch, rl):
        w = lib.tensor([[0.5, 0.25], [1.0, -0.5]], requires_grad=True)
        x = lib.tensor([[1.0, 2.0]])
        with lib.autocast("cpu"):
            y = (x @ w).float().pow(3).sum()
        (g,) = lib.autograd.grad(y, w, create_graph=True)
        (gg,) = lib.autograd.grad(g.pow(2).sum(), w)
        found.append((str(gg.dtype), gg.tolist()))
    assert found[0] == found[1]


def casts(w, run):
    """How many casts the graph of a sum of products with w has."""
    seen, todo = set(), [run().grad_fn]
    while todo:
        node = todo.pop()
        if node is not None and node not in seen:
            seen.add(node)
            todo += [n for n, _ in node.next_functions]
    return sum("ToCopy" in node.name() for node in seen)


@pytest.mark.parametrize("lib", [torch, rl], ids=["torch", "rushlight"])
def test_a_parameter_is_cast_once(lib):
    w, x = lib.nn.Parameter(lib.ones(2, 2)), lib.ones(2, 2)
    with lib.autocast("cpu"):
        assert casts(w, lambda: x @ w + x @ w + lib.mm(w, x)) == 1
    with lib.autocast("cpu", cache_enabled=False):
        assert casts(w, lambda: x @ w + x @ w) == 2
        assert not lib.is_autocast_cache_enabled()
    assert lib.is_autocast_cache_enabled()
    product = w * 1
    with lib.autocast("cpu"):
        assert casts(w, lambda: x @ product + x @ product) == 2  # no leaf
        first = x @ w
        lib.clear_autocast_cache()
        assert casts(w, lambda: first + x @ w) == 2


@pytest.mark.parametrize("lib", [torch, rl], ids=["torch", "rushlight"])
def test_a_cast_made_without_recording_is_not_used_where_it_records(lib):
    w, x = lib.nn.Parameter(lib.ones(2, 2)), lib.ones(2, 2)
    with lib.autocast("cpu"):
        with lib.no_grad():
            assert not (x @ w).requires_grad
        (x @ w).sum().backward()
    assert w.grad.tolist() == [[2, 2], [2, 2]]


def test_two_backward_passes_in_one_region():
    for lib in (torch, rl):
        w, x = lib.nn.Parameter(lib.ones(2, 2)), lib.ones(2, 2)
        with lib.autocast("cpu"):
            for _ in range(2):
                (x @ w).sum().backward()
        assert w.grad.tolist() == [[4, 4], [4, 4]]


def test_a_changed_parameter_is_cast_anew():
    w, x = rl.nn.Parameter(rl.ones(2, 2)), rl.ones(2, 2)
    with rl.autocast("cpu"):
        (x @ w).sum().backward()
        rl.optim.SGD([w], lr=0.5).step()
        assert (x @ w).tolist() == [[0, 0], [0, 0]]
        w.data = rl.ones(2, 2)
        assert (x @ w).tolist() == [[2, 2], [2, 2]]


def test_inference_mode():
    w, x = rl.nn.Parameter(rl.ones(2, 2)), rl.ones(2, 2)
    with rl.inference_mode(), rl.autocast("cpu"):
        y = x @ w
        assert y.dtype is rl.bfloat16 and y.is_inference() and rl.mm(y, y).dtype is rl.bfloat16


def test_transforms():
    w, x = rl.randn(3, 3), rl.randn(4, 3)
    with rl.autocast("cpu"):
        grad = rl.func.grad(lambda w: (x @ w).float().sum())(w)
        rows = rl.vmap(lambda row: w @ row)(x)
    assert grad.dtype is rl.float32 and grad.shape == (3, 3)
    assert rows.dtype is rl.bfloat16 and rl.allclose(rows.float(), x @ w.T, atol=0.1)
