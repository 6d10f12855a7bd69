"""Functions in which Python looks at numbers: split, or refused."""

import pytest

import rushlight as torch
import rushlight.nn.functional as F
from rushlight import nn


def test_fullgraph_names_the_line_and_the_remedy():
    def f(x):
        if x.sum() > 0:
            return x
        return -x

    with pytest.raises(RuntimeError, match=r"test_split.py:\d+ asks .*torch.where"):
        torch.compile(f, fullgraph=True)(torch.ones(2))


def test_both_ways_of_an_if_become_plans():
    ran = []

    def f(x):
        y = x * 2 + 1
        ran.append(y.sum().item())
        if y.sum() > 0:
            y = y.exp()
        else:
            y = y - 5
        return y.relu()

    c = torch.compile(f)
    for k in range(12):
        x = torch.randn(4) + (3 if k % 3 else -3)
        torch.testing.assert_close(c(x), f(x))
        assert ran[-1] == ran[-2]
    (tree,) = c.split.trees.values()
    assert tree.tracer.count_of_events < 30


def test_printing_and_lists_are_done_at_every_call(capsys):
    @torch.compile
    def f(x):
        y = x + 1
        print(y)
        return y.tolist()

    for k in range(4):
        assert f(torch.tensor([float(k)])) == [k + 1.0]
    assert capsys.readouterr().out.split() == ["tensor([1.])", "tensor([2.])", "tensor([3.])", "tensor([4.])"]


def test_a_training_step_that_logs_equals_eager():
    logs, models, steps = [], [], []
    for k in range(2):
        torch.manual_seed(0)
        m = nn.Sequential(nn.Linear(5, 8), nn.ReLU(), nn.Linear(8, 3))
        o, log = torch.optim.Adam(m.parameters(), 0.01), []

        def step(x, y, m=m, o=o, log=log):
            o.zero_grad()
            loss = F.cross_entropy(m(x), y)
            log.append(loss.item())
            loss.backward()
            if m[0].weight.grad.norm() > 0.3:
                nn.utils.clip_grad_norm_(m.parameters(), 0.3)
            o.step()
            log.append(m[2].bias[0].item())
            return loss

        steps.append(torch.compile(step) if k else step)
        logs.append(log)
        models.append(m)
    for _ in range(10):
        x, y = torch.randn(6, 5), torch.randint(0, 3, (6,))
        torch.testing.assert_close(steps[1](x, y), steps[0](x, y), rtol=1e-4, atol=1e-6)
    torch.testing.assert_close(torch.tensor(logs[1]), torch.tensor(logs[0]), rtol=1e-4, atol=1e-6)


def test_results_do_not_change_with_the_next_call():
    @torch.compile
    def f(x):
        y = x * 2
        float(y[0])
        return y, y + 1

    kept = [f(torch.full((2,), float(k))) for k in range(5)]
    assert [y[0].item() for y, _ in kept] == [0, 2, 4, 6, 8]
    assert [z[0].item() for _, z in kept] == [1, 3, 5, 7, 9]


def test_parameters_read_in_between_are_the_new_ones():
    w = torch.zeros(2)

    @torch.compile
    def f(x):
        w.add_(x)
        return w[0].item()

    assert [f(torch.ones(2)) for _ in range(5)] == [1, 2, 3, 4, 5]
