"""Regions of autocast within compiled functions, and compiled functions within regions: eager's results."""

import pytest

import rushlight as rl
from rushlight.kernels import native
from rushlight.nn import functional as F

pytestmark = pytest.mark.skipif(not native.on(), reason="no machine code here")


def model():
    rl.manual_seed(0)
    nn = rl.nn
    layers = (nn.Conv2d(1, 4, 3), nn.BatchNorm2d(4), nn.ReLU(), nn.Flatten(), nn.Linear(144, 10))
    return nn.Sequential(*layers)


X, Y = rl.linspace(-1, 1, 8 * 64).reshape(8, 1, 8, 8).sin(), rl.arange(8) % 10


def alike(a, b):
    assert a.dtype is b.dtype and rl.allclose(a.double(), b.double(), rtol=0.02, atol=0.02)


@pytest.mark.parametrize("dtype", [rl.bfloat16, rl.float16])
def test_a_region_within(dtype):
    net = model().eval()

    def f(x):
        with rl.autocast("cpu", dtype=dtype):
            h = net(x)
            with rl.autocast("cpu", enabled=False):
                full = x.flatten(1) @ x.flatten(1).T
            return h, F.cross_entropy(h, Y), full

    fast = rl.compile(f)
    with rl.no_grad():
        for _ in range(3):
            for ours, expected in zip(fast(X), f(X), strict=True):
                alike(ours, expected)
    assert [p.dtype for p in f(X)] == [dtype, rl.float32, rl.float32] and len(fast.plans) == 1


def test_regions_around_have_plans_of_their_own():
    net = model().eval()
    fast = rl.compile(net.forward)
    with rl.no_grad():
        for _ in range(2):
            for mode in (
                rl.autocast("cpu"),
                rl.autocast("cpu", enabled=False),
                rl.autocast("cpu", dtype=rl.float16),
            ):
                with mode:
                    alike(fast(X), net(X))
                    kinds = fast(X).dtype
                assert kinds is (mode.fast_dtype if mode._enabled else rl.float32)
            alike(fast(X), net(X))
    # bfloat16, float16, none; and in a region that is none, whose dtype the code might ask for: as outside
    assert len(fast.plans) == 3
    assert "autocast was" in fast.plans[0].reason


def test_what_is_asked_of_the_state_is_a_constant_of_the_plan():
    fast = rl.compile(lambda x: x + rl.is_autocast_enabled("cpu"))
    for _ in range(2):
        assert fast(rl.zeros(1)).item() == 0
        with rl.autocast("cpu"):
            assert fast(rl.zeros(1)).item() == 1


def stepped(around, compiled):
    """Losses and parameters of a few whole steps, in a region around or within."""
    net = model()
    optimizer = rl.optim.SGD(net.parameters(), lr=0.05, momentum=0.9)

    def step(x, y):
        optimizer.zero_grad()
        with rl.autocast("cpu", enabled=rl.is_autocast_enabled("cpu") if around else True):
            loss = F.cross_entropy(net(x), y)
        loss.backward()
        optimizer.step()
        return loss

    run = rl.compile(step) if compiled else step
    with rl.autocast("cpu", enabled=around):
        losses = [run(X, Y) for _ in range(6)]
    if compiled:
        assert len(run.plans) == 1 or around and len(run.plans) == 2
    return [*losses, *net.parameters()]


@pytest.mark.parametrize("around", [False, True])
def test_whole_steps(around):
    for ours, expected in zip(stepped(around, True), stepped(around, False), strict=True):
        alike(ours.detach(), expected.detach())


def test_backward_outside_of_a_compiled_model():
    found = []
    for compiled in (False, True):
        net = model()
        run = rl.compile(net) if compiled else net
        for _ in range(2):
            net.zero_grad()
            with rl.autocast("cpu"):
                loss = F.cross_entropy(run(X), Y)
            loss.backward()
        found.append([loss.detach(), *(p.grad for p in net.parameters())])
    for ours, expected in zip(*found, strict=True):
        assert ours.dtype is rl.float32
        alike(ours, expected)


def test_casts_made_outside_stay_outside():
    w, x = rl.nn.Parameter(rl.ones(2, 2)), rl.ones(2, 2)
    fast = rl.compile(lambda x: (x @ w).float().sum())
    with rl.autocast("cpu"):
        (x @ w).sum().backward()
        for _ in range(3):
            fast(x).backward()
            with rl.no_grad():
                w.mul_(2)
            assert fast(x).item() == 8 * w.max().item()
    assert w.grad.tolist() == [[8, 8], [8, 8]]


def test_a_split_function_follows_the_region():
    def f(x):
        y = x @ x
        return y * 2 if y.sum().item() > 0 else y

    fast, x = rl.compile(f), rl.ones(2, 2)
    for _ in range(2):
        assert fast(x).dtype is rl.float32
        with rl.autocast("cpu"):
            assert fast(x).dtype is rl.bfloat16


def test_a_state_that_is_left_behind_is_left_by_every_call():
    fast = rl.compile(lambda x: rl.set_autocast_enabled("cpu", True) or x + 1)
    try:
        for _ in range(3):
            fast(rl.ones(2))
            assert rl.is_autocast_enabled("cpu")
            rl.set_autocast_enabled("cpu", False)
    finally:
        rl.set_autocast_enabled("cpu", False)


def test_a_scaled_step():
    def run(compiled):
        net = model()
        optimizer = rl.optim.SGD(net.parameters(), lr=0.05)
        scaler = rl.amp.GradScaler("cpu", init_scale=2.0**10, growth_interval=2)

        def step(x, y):
            optimizer.zero_grad()
            with rl.autocast("cpu", dtype=rl.float16):
                loss = F.cross_entropy(net(x), y)
            scaler.scale(loss).backward()
            scaler.step(optimizer)
            scaler.update()
            return loss

        go = rl.compile(step) if compiled else step
        losses = [go(X, Y) for _ in range(6)]
        return [*losses, *net.parameters(), rl.tensor(scaler.get_scale())]

    for ours, expected in zip(run(True), run(False), strict=True):
        alike(ours.detach(), expected.detach())
