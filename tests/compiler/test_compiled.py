"""compile(): whole steps, modules, gradients, guards, sizes that change."""

import copy
import gc
import threading
import warnings
import weakref

import numpy as np
import pytest

import rushlight as torch
import rushlight.nn.functional as F
from rushlight import nn
from rushlight.compiler.tracer import Tracer


def model() -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(6, 8), nn.LayerNorm(8), nn.GELU(), nn.Linear(8, 3))


def batch(n: int = 5) -> tuple[torch.Tensor, torch.Tensor]:
    return torch.randn(n, 6), torch.randint(0, 3, (n,))


def pair(optimizer, compiled=True, clip=None):
    """An eager step and a compiled one, from equal weights."""
    steps, models = [], []
    for k in range(2):
        m = model()
        o = optimizer(m.parameters())

        def step(x, y, m=m, o=o):
            o.zero_grad()
            loss = F.cross_entropy(m(x), y)
            loss.backward()
            if clip is not None:
                nn.utils.clip_grad_norm_(m.parameters(), clip)
            o.step()
            return loss

        steps.append(torch.compile(step, fullgraph=True) if k else step)
        models.append(m)
    return steps, models


@pytest.mark.parametrize("clip", [None, 0.05])
@pytest.mark.parametrize(
    "optimizer",
    [
        lambda p: torch.optim.SGD(p, 0.1),
        lambda p: torch.optim.SGD(p, 0.1, momentum=0.9, nesterov=True),
        lambda p: torch.optim.SGD(p, 0.1, momentum=0.9, dampening=0.5),
        lambda p: torch.optim.Adam(p, 0.01),
        lambda p: torch.optim.AdamW(p, 0.01),
    ],
)
def test_a_training_step_is_one_plan_and_equals_eager(optimizer, clip):
    (eager, compiled), models = pair(optimizer, clip=clip)
    for _ in range(6):
        x, y = batch()
        torch.testing.assert_close(compiled(x, y), eager(x, y), rtol=1e-5, atol=1e-6, check_stride=False)
        for p, q in zip(models[0].parameters(), models[1].parameters()):
            torch.testing.assert_close(q, p, rtol=1e-5, atol=1e-6)
            torch.testing.assert_close(q.grad, p.grad, rtol=1e-4, atol=1e-6)
    assert len(compiled.plans) <= 2 and compiled.split is None


def test_a_compiled_module_has_gradients_of_parameters_and_of_its_input():
    m, twin = model(), model()
    c = torch.compile(twin)
    for _ in range(3):
        x, y = batch()
        a, b = x.clone().requires_grad_(), x.clone().requires_grad_()
        F.cross_entropy(m(a * 2), y).backward()
        F.cross_entropy(c(b * 2), y).backward()
        torch.testing.assert_close(b.grad, a.grad)
    for p, q in zip(m.parameters(), twin.parameters()):
        torch.testing.assert_close(q.grad, p.grad, rtol=1e-4, atol=1e-6)
    assert len(c.compiled.plans) == 1


def test_two_forwards_before_two_backwards():
    m, twin = model(), model()
    c = torch.compile(twin)
    (x, _), (z, _) = batch(), batch()
    for f, mod in ((m, m), (c, twin)):
        mod.zero_grad()
        first, second = f(x), f(z)
        (first.sum() - second.pow(2).sum()).backward()
    for p, q in zip(m.parameters(), twin.parameters()):
        torch.testing.assert_close(q.grad, p.grad, rtol=1e-4, atol=1e-5)


def test_a_module_keeps_its_names_and_its_mode():
    c = torch.compile(model())
    assert list(c.state_dict())[0] == "_orig_mod.0.weight"
    assert not c.eval()._orig_mod.training
    with pytest.raises(AttributeError):
        c.nothing_of_that_name  # noqa: B018


def test_modes_and_training_are_guarded():
    m = nn.Sequential(nn.Linear(6, 8), nn.Dropout(0.5))
    c = torch.compile(m)
    x, _ = batch()
    assert (c(x) == 0).any()
    m.eval()
    torch.testing.assert_close(c(x), m(x))
    with torch.no_grad():
        assert not c(x).requires_grad
    m.train()
    assert (c(x) == 0).any() and len(c.compiled.plans) == 3


def test_batch_norm_statistics_move_on():
    a, b = nn.BatchNorm1d(6), nn.BatchNorm1d(6)
    c = torch.compile(b)
    for _ in range(4):
        x, _ = batch()
        torch.testing.assert_close(c(x), a(x), rtol=1e-5, atol=1e-6)
    torch.testing.assert_close(b.running_var, a.running_var)
    assert b.num_batches_tracked.item() == 4 and len(c.compiled.plans) == 1


def test_sizes_that_change_do_not_count_as_recompilations():
    c = torch.compile(lambda x: (x * 2 + 1).relu().sum(0))
    for n in range(1, 30):
        x = torch.randn(n, 3)
        torch.testing.assert_close(c(x), (x * 2 + 1).relu().sum(0))
    assert not c.given_up and c.recompiled == 0


def test_surroundings_are_guarded_and_the_reason_is_said(capsys, monkeypatch):
    monkeypatch.setenv("RUSHLIGHT_LOG", "recompile")
    rate = 2.0
    scale = torch.tensor([3.0])

    def f(x):
        return x * rate * scale

    c = torch.compile(f)
    x = torch.ones(2)
    c(x), c(x)
    rate = 5.0
    assert c(x).tolist() == [15.0, 15.0]
    assert "rate was 2.0" in capsys.readouterr().err
    scale.mul_(2)
    assert c(x).tolist() == [30.0, 30.0]
    scale = torch.tensor([1.0])
    assert c(x).tolist() == [5.0, 5.0]


def test_what_was_taken_away_is_no_error_of_the_guards():
    class Scaled(nn.Module):
        def __init__(self):
            super().__init__()
            self.by = 3.0

        def forward(self, x):
            return x * getattr(self, "by", 1.0)

    m = Scaled()
    c = torch.compile(m)
    x = torch.ones(2)
    assert c(x).tolist() == c(x).tolist() == [3.0, 3.0]
    del m.by
    assert c(x).tolist() == [1.0, 1.0]


def test_a_capture_is_gone_without_the_collector(monkeypatch):
    captures = []
    started = Tracer.__init__

    def noted(self, *args):
        captures.append(weakref.ref(self))
        started(self, *args)

    monkeypatch.setattr(Tracer, "__init__", noted)
    (_, step), _ = pair(lambda p: torch.optim.Adam(p, 0.01))
    gc.disable()
    try:
        step(*batch())
    finally:
        gc.enable()
    assert captures and all(c() is None for c in captures)


def test_what_recompiles_for_ever_is_given_up_with_a_warning():
    k = 0

    def f(x):
        return x + k

    c = torch.compile(f)
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        for k in range(20):
            assert c(torch.zeros(1)).item() == k
    assert c.given_up and "k was" in str(said[0].message)


def test_parameters_that_are_replaced_are_seen():
    m = nn.Linear(3, 3, bias=False)
    c = torch.compile(m)
    x = torch.eye(3)
    c(x)
    m.weight.data = torch.ones(3, 3)
    torch.testing.assert_close(c(x), torch.ones(3, 3))
    m.weight = nn.Parameter(torch.zeros(3, 3))
    torch.testing.assert_close(c(x), torch.zeros(3, 3))


def test_arguments_that_share_memory():
    f = lambda x, y: x.mul_(2) + y  # noqa: E731
    c = torch.compile(f)
    for make in (lambda: (lambda t: (t, t))(torch.ones(3)), lambda: (torch.ones(3), torch.ones(3))):
        for _ in range(3):
            x, y = make()
            u, v = make()
            torch.testing.assert_close(c(x, y), f(u, v))
            torch.testing.assert_close(x, u)


@pytest.mark.parametrize("order", [(0, 1, 2), (2, 0, 1), (1, 1, 0)])
def test_arguments_that_are_parts_of_one_array(order):
    def f(x, y, z):
        y.add_(z)
        return x * 2 + y, z[1:]

    c = torch.compile(f)
    for _ in range(3):
        ours, theirs = torch.arange(12.0).reshape(3, 4), torch.arange(12.0).reshape(3, 4)
        for a, b in zip(c(*(ours[k] for k in order)), f(*(theirs[k] for k in order)), strict=True):
            torch.testing.assert_close(a, b)
        torch.testing.assert_close(ours, theirs)
    apart = [torch.full((4,), float(k)) for k in range(3)]
    torch.testing.assert_close(c(*apart)[0], torch.full((4,), 3.0))


def test_results_are_new_at_every_call_and_views_stay_views():
    def f(x):
        y = x.clone()
        y[0] += 1
        return y, y[1:], x, x.t(), 3, {"a": (y.sum(), None)}

    c = torch.compile(f)
    x = torch.randn(3, 4)
    first, second = c(x), c(x)
    third = c(x)
    assert second[0].data_ptr() != third[0].data_ptr() and third[2] is x and third[4] == 3
    third[1].zero_()
    assert third[0][1:].abs().sum().item() == 0 and second[0][1:].abs().sum().item() > 0
    x.fill_(7)
    assert third[3][0, 0].item() == 7
    torch.testing.assert_close(first[5]["a"][0], second[5]["a"][0])


def test_constants_are_fresh_at_every_call():
    def f(x):
        total = torch.zeros(3)
        total += x
        return total

    c = torch.compile(f)
    for _ in range(3):
        torch.testing.assert_close(c(torch.ones(3)), torch.ones(3))


def test_random_numbers_are_new_at_every_call_and_follow_the_seed():
    c = torch.compile(lambda x: (F.dropout(x, 0.5), torch.rand(4) + x[0, 0]))
    x = torch.ones(50, 40)
    c(x)
    a, b = c(x), c(x)
    assert (a[0] != b[0]).any() and (a[1] != b[1]).any()
    torch.manual_seed(5)
    a = c(x)
    torch.manual_seed(5)
    b = c(x)
    assert (a[0] == b[0]).all() and (a[1] == b[1]).all()
    assert abs(a[0].mean().item() - 1) < 0.1 and len(c.plans) == 1


def test_samples_are_distributed_as_eager_ones():
    def draw(x):
        made = [torch.rand(40000), torch.randn(40000), torch.rand_like(x), torch.randn_like(x.t())]
        made += [torch.empty(40000).normal_(3.0, 0.5), torch.empty(40000).uniform_(-2.0, 5.0)]
        return [*made, torch.randn(()), torch.randn(9, dtype=torch.float64), torch.rand(0, 3)]

    c, x = torch.compile(draw, fullgraph=True), torch.zeros(200, 200)
    found, wanted = [c(x) for _ in range(3)][-1], draw(x)
    for a, b in zip(found, wanted, strict=True):
        assert a.shape == b.shape and a.dtype == b.dtype and a.stride() == b.stride()
    for a, b in zip(found[:6], wanted[:6], strict=True):
        here, there = (np.sort(t.numpy().ravel()) for t in (a, b))
        near = np.linspace(here[0], here[-1], 300)
        gap = abs(np.searchsorted(here, near) - np.searchsorted(there, near)).max() / here.size
        assert gap < 1.95 * (2 / here.size) ** 0.5  # Kolmogorov and Smirnov, 1 in 1000
    flat = [t.numpy().ravel() for t in found[:6]]
    assert abs(np.corrcoef([*flat, *(f[::-1] for f in flat)]) - np.eye(12)).max() < 0.02
    assert found[0].min() >= 0 and found[0].max() < 1 and np.isfinite(flat[1]).all()


def test_schedules_inside_and_outside():
    m = nn.Linear(2, 1)
    o = torch.optim.SGD(m.parameters(), 1.0)
    schedule = torch.optim.lr_scheduler.StepLR(o, 1, 0.5)

    @torch.compile
    def step(x):
        o.zero_grad()
        m(x).sum().backward()
        o.step()
        schedule.step()

    rates = []
    for _ in range(4):
        before = m.bias.item()
        step(torch.ones(1, 2))
        rates.append(before - m.bias.item())
    np.testing.assert_allclose(rates, [1, 0.5, 0.25, 0.125], rtol=1e-5)
    assert len(step.plans) == 1


def test_gradients_accumulate_as_in_eager():
    m, twin = model(), model()
    f = lambda m, x, y: F.cross_entropy(m(x), y).backward()  # noqa: E731
    c = torch.compile(lambda x, y: f(twin, x, y))
    for _ in range(4):
        x, y = batch()
        f(m, x, y), c(x, y)
    for p, q in zip(m.parameters(), twin.parameters()):
        torch.testing.assert_close(q.grad, p.grad, rtol=1e-4, atol=1e-5)


def test_several_python_threads_may_call():
    c = torch.compile(lambda x: (x @ x).relu().sum())
    x = [torch.full((64, 64), float(k)) for k in range(4)]
    wanted = [c(v).item() for v in x]
    found: list[list[float]] = [[] for _ in x]

    def work(k):
        for _ in range(50):
            found[k].append(c(x[k]).item())

    threads = [threading.Thread(target=work, args=(k,)) for k in range(4)]
    [t.start() for t in threads]
    [t.join() for t in threads]
    assert all(set(values) == {w} for values, w in zip(found, wanted))


def test_a_second_derivative_is_refused_in_words():
    c = torch.compile(lambda x: x**3)
    x = torch.ones(2, requires_grad=True)
    c(x)
    with pytest.raises(RuntimeError, match="cannot be differentiated again"):
        torch.autograd.grad(c(x).sum(), x, create_graph=True)


def test_decorators_and_disable():
    @torch.compile(fullgraph=True)
    def f(x):
        """Doc."""
        return x + 1

    assert f.__name__ == "f" and f.__doc__ == "Doc." and f(torch.zeros(1)).item() == 1
    g = lambda x: x  # noqa: E731
    assert torch.compile(g, disable=True) is g


def test_an_error_in_the_function_is_the_users_and_leaves_nothing_behind():
    def f(x):
        return x @ torch.ones(7)

    c = torch.compile(f)
    with pytest.raises(RuntimeError, match="mat"):
        c(torch.ones(2, 3))
    assert (torch.ones(2) + 1).tolist() == [2, 2]
    torch.testing.assert_close(c(torch.ones(2, 7)), torch.full((2,), 7.0))


def test_a_deep_copy_of_a_model_is_compiled_by_itself():
    m = model()
    c = torch.compile(m)
    x, _ = batch()
    c(x)
    other = copy.deepcopy(m)
    with torch.no_grad():
        other[0].weight.zero_()
    torch.testing.assert_close(torch.compile(other)(x), other(x))
    torch.testing.assert_close(c(x), m(x))


def test_objects_as_arguments():
    class Settings:
        rate = 1.0

        def __init__(self):
            self.scale = torch.ones(2)
            self.power = 2

    c = torch.compile(lambda x, s: x * s.scale + s.power)
    s = Settings()
    assert [c(torch.ones(2), s).tolist() for _ in range(2)] == [[3, 3], [3, 3]]
    s.power = 3
    assert c(torch.ones(2), s).tolist() == [4, 4]
    s.scale = torch.zeros(2)
    assert c(torch.ones(2), s).tolist() == [3, 3]


def test_an_optimizers_step_alone_takes_gradients_from_outside():
    m, twin = model(), model()
    o, other = (torch.optim.SGD(x.parameters(), 0.1, momentum=0.9) for x in (m, twin))
    step = torch.compile(other.step)
    for _ in range(4):
        x, y = batch()
        for module, optimizer, run in ((m, o, o.step), (twin, other, step)):
            optimizer.zero_grad()
            F.cross_entropy(module(x), y).backward()
            run()
    for p, q in zip(m.parameters(), twin.parameters()):
        torch.testing.assert_close(q, p)
    assert len(step.plans) == 1
