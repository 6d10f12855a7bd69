"""cond, while_loop and scan: the same by Python and inside of a compiled function, with their gradients."""

import pytest

import rushlight as torch
from rushlight._higher_order_ops import associative_scan, scan, while_loop


def leaf(*shape):
    return torch.randn(*shape, dtype=torch.float64, requires_grad=True)


def results(f, make, leaves):
    """What f gives and the gradients of its sum, for arguments made anew."""
    args, found = make(), []
    out = f(*args)
    tensors = [t for t in (out if isinstance(out, tuple) else (out,)) if t.requires_grad]
    torch.stack([(t * t).sum() for t in tensors]).sum().backward()
    for t in (*args, *leaves):
        if t.requires_grad:
            found.append(torch.zeros_like(t) if t.grad is None else t.grad)
            t.grad = None
    return out if isinstance(out, tuple) else (out,), found


def agree(f, make, leaves=(), times=3):
    """f compiled, called several times with other numbers, gives what f gives, and the same gradients."""
    compiled = torch.compile(f, fullgraph=True)
    for _ in range(times):
        args = make()
        copies = [a.detach().clone().requires_grad_(a.requires_grad) for a in args]
        ours, theirs = (results(g, lambda a=a: a, leaves) for g, a in ((compiled, args), (f, copies)))
        for x, y in zip(ours[0], theirs[0], strict=True):
            torch.testing.assert_close(x, y)
        for x, y in zip(ours[1], theirs[1], strict=True):
            torch.testing.assert_close(x, y)
    assert len(compiled.plans) == 1
    return compiled


# -- cond ----------------------------------------------------------------------------------------------


def test_cond_by_python():
    x = torch.tensor([1.0, 2.0])
    assert torch.cond(x.sum() > 0, lambda a: a + 1, lambda a: a - 1, (x,)).tolist() == [2, 3]
    assert torch.cond(False, torch.sin, lambda a: a - 1, (x,)).tolist() == [0, 1]
    assert torch.cond(torch.tensor([True]), lambda: x, lambda: -x) is x


def test_cond_runs_the_branch_that_is_taken():
    f = torch.compile(lambda x: torch.cond(x.sum() > 0, torch.sqrt, torch.neg, (x,)), fullgraph=True)
    for sign in (1, -1, -1, 1):
        x = sign * torch.tensor([4.0, 9.0])
        assert f(x).tolist() == ([2, 3] if sign > 0 else [4, 9])
    assert len(f.plans) == 1


def test_cond_differentiates_operands_and_what_is_around():
    linear = torch.nn.Linear(3, 3, dtype=torch.float64)
    signs = iter([1, -1] * 4)

    def f(x, w):
        y = x * 2
        return torch.cond(
            w.sum() > 0,
            lambda a: (linear(a).exp() * w, a.clone()),
            lambda a: (a * 3 - y, a.sin() + w),
            (y,),
        )

    def make():
        w = (torch.rand(3, dtype=torch.float64) * next(signs)).requires_grad_()
        return leaf(2, 3), w

    agree(f, make, list(linear.parameters()), times=4)


def test_cond_in_cond():
    def f(x):
        def inner(a):
            return torch.cond(a.max() > 1, lambda b: b.exp() * x, lambda b: b * b, (a,))

        return torch.cond(x.sum() > 0, inner, lambda a: a.tanh(), (x * 2,))

    agree(f, lambda: (leaf(4),), times=8)


def test_backward_inside_of_the_compiled_function():
    p = leaf(3)

    def step(x):
        loss = torch.cond(x.sum() > 0, lambda a: (a * p).exp().sum(), lambda a: (a - p).square().sum(), (x,))
        loss.backward()
        return loss.detach()

    compiled = torch.compile(step, fullgraph=True)
    for _ in range(4):
        x, p.grad = torch.randn(3, dtype=torch.float64), None
        want, grad = step(x), p.grad
        p.grad = None
        torch.testing.assert_close(compiled(x), want)
        torch.testing.assert_close(p.grad, grad)


def test_cond_under_vmap():
    def f(x):
        return torch.cond(x.sum() > 0, lambda a: a * 2, lambda a: -a, (x,))

    x = torch.tensor([[1.0, 2.0], [-1.0, -2.0]])
    want = [[2, 4], [1, 2]]
    assert torch.vmap(f)(x).tolist() == want
    assert torch.compile(torch.vmap(f), fullgraph=True)(x).tolist() == want
    shared = torch.vmap(lambda a: torch.cond(x.sum() > 5, lambda b: b * a, lambda b: -b * a, (x[0],)))
    assert torch.compile(shared, fullgraph=True)(x[:, 0]).tolist() == shared(x[:, 0]).tolist()


def test_cond_errors():
    x = torch.ones(2)
    with pytest.raises(RuntimeError, match="boolean tensor of one element, got torch.float32"):
        torch.cond(x.sum(), torch.sin, torch.cos, (x,))
    with pytest.raises(RuntimeError, match=r"one element, got torch.bool of shape \(2,\)"):
        torch.cond(x > 0, torch.sin, torch.cos, (x,))
    with pytest.raises(RuntimeError, match="got str"):
        torch.cond("yes", torch.sin, torch.cos, (x,))
    with pytest.raises(RuntimeError, match="must be functions"):
        torch.cond(True, x, torch.cos, (x,))  # pyright: ignore[reportArgumentType]
    with pytest.raises(RuntimeError, match="tuple or list"):
        torch.cond(True, torch.sin, torch.cos, x)  # pyright: ignore[reportArgumentType]


@pytest.mark.parametrize(
    "other, said",
    [
        (lambda a: a[:1], r"torch.float32 of shape \(2,\) in true_fn and torch.float32 of shape \(1,\)"),
        (lambda a: a.double(), r"torch.float32 of shape \(2,\) in true_fn and torch.float64"),
        (lambda a: (a, a), "different structures"),
        (lambda a: None, r"torch.float32 of shape \(2,\) in true_fn and None"),
        (lambda a: a.add_(1), "test_control.py:.* writes in place"),
    ],
)
def test_branches_that_differ(other, said):
    f = torch.compile(lambda x: torch.cond(x.sum() > 0, torch.sin, other, (x,)), fullgraph=True)
    with pytest.raises(RuntimeError, match=said):
        f(torch.ones(2))


def test_a_second_derivative_is_refused_in_plain_words():
    def f(x):
        y = torch.cond(x.sum() > 0, torch.sin, torch.cos, (x,)).sum()
        (g,) = torch.autograd.grad(y, x, create_graph=True)
        return g

    with pytest.raises(RuntimeError, match="cond: its gradient cannot be differentiated again"):
        torch.compile(f, fullgraph=True)(leaf(2))


def test_cond_in_a_function_that_is_split():
    def f(x):
        y = torch.cond(x.sum() > 0, torch.sin, torch.cos, (x,))
        return y * float(x.sum())

    compiled = torch.compile(f)
    for sign in (1, -1, 1, -1):
        torch.testing.assert_close(compiled(torch.ones(2) * sign), f(torch.ones(2) * sign))


# -- while_loop ----------------------------------------------------------------------------------------


def double_until(limit):
    return lambda x: while_loop(
        lambda n, y: y.sum() < limit, lambda n, y: (n + 1, y * 2 + x), (torch.tensor(0), x)
    )


@pytest.mark.parametrize("start", [0.5, 3.0, 100.0])
def test_while_loop(start):
    f = double_until(50)
    compiled = torch.compile(f, fullgraph=True)
    for k in (1, 2):
        n, y = compiled(torch.full((3,), start * k))
        m, z = f(torch.full((3,), start * k))
        assert n.item() == m.item() and y.tolist() == z.tolist()


def test_the_state_may_be_swapped_and_nested():
    def f(a, b):
        state = {"n": 0 * a.sum(), "ab": (a, b)}
        swapped = lambda s: ({"n": s["n"] + 1, "ab": s["ab"][::-1]},)  # noqa: E731
        return torch.while_loop(lambda s: s["n"] < 3, swapped, (state,))

    (found,) = torch.compile(f, fullgraph=True)(torch.ones(2), torch.zeros(2))
    assert found["ab"][0].tolist() == [0, 0] and found["ab"][1].tolist() == [1, 1]


def test_loops_in_loops_and_branches():
    def body(n, x):
        _, x = while_loop(lambda k, y: k < n, lambda k, y: (k + 1, y + k), (torch.zeros_like(n), x))
        return n + 1, torch.cond(n % 2 == 0, lambda: x * 2, lambda: x - 1)

    def f(x):
        return while_loop(lambda n, y: n < 5, body, (torch.tensor(0), x))[1]

    compiled = torch.compile(f, fullgraph=True)
    for k in range(3):
        assert compiled(torch.ones(2) * k).tolist() == f(torch.ones(2) * k).tolist()


def test_while_loop_under_vmap():
    x = torch.tensor([1.0, 30.0, 7.0])
    n, y = torch.vmap(double_until(50))(x)
    for k in range(3):
        m, z = double_until(50)(x[k])
        assert n[k].item() == m.item() and y[k].item() == z.item()


def test_gradients_of_while_loop():
    x = torch.ones(2, requires_grad=True)
    f = double_until(50)
    f(x)[1].sum().backward()  # by Python there are gradients
    assert x.grad is not None
    with pytest.raises(RuntimeError, match="while_loop: its results have no gradients"):
        torch.compile(f, fullgraph=True)(x)
    with torch.no_grad():
        torch.compile(f, fullgraph=True)(x)


def test_while_loop_errors():
    x = torch.ones(2)
    with pytest.raises(RuntimeError, match="cond_fn must return a boolean scalar tensor, got torch.float32"):
        while_loop(lambda y: y.sum(), lambda y: (y,), (x,))
    with pytest.raises(RuntimeError, match=r"value 0 was torch.float32 of shape \(2,\) and is .*\(1,\)"):
        while_loop(lambda y: y.sum() < 3, lambda y: (y[:1],), (x,))
    with pytest.raises(RuntimeError, match="carried value 0 was"):
        f = lambda x: while_loop(lambda y: y.sum() < 3, lambda y: (y.double(),), (x,))  # noqa: E731
        torch.compile(f, fullgraph=True)(x)
    with pytest.raises(RuntimeError, match="tuple or list"):
        while_loop(lambda y: y.sum() < 3, lambda y: (y,), x)  # pyright: ignore[reportArgumentType]


# -- scan ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("reverse", [False, True])
@pytest.mark.parametrize("dim", [0, 1, -1])
def test_scan_and_its_gradients(dim, reverse):
    linear = torch.nn.Linear(3, 3, dtype=torch.float64)

    def f(x, h, k):
        w = x.sum()

        def step(h, x):
            h = torch.tanh(linear(h) + x * k.exp())
            return h, (h * w + x).sum(-1)

        return scan(step, h, x * 2, dim=dim, reverse=reverse)

    shape = {0: (5, 2, 3), 1: (2, 5, 3), -1: (2, 3, 5)}[dim]
    agree(f, lambda: (leaf(*shape), leaf(2, 3), leaf(3)), list(linear.parameters()))


def test_scan_of_nests():
    def f(x, y):
        def step(state, slices):
            total, count = state
            return (total + slices["x"] * slices["y"], count + 1), {"a": total.exp(), "b": count}

        init = torch.zeros(2, dtype=torch.float64), torch.tensor(0)
        (total, count), ys = scan(step, init, {"x": x, "y": y})
        return total, ys["a"], count, ys["b"]

    agree(f, lambda: (leaf(4, 2), leaf(4, 2)))


def test_one_step_and_none():
    agree(lambda x: scan(lambda s, x: (s * x, s), x[0], x), lambda: (leaf(1, 2),))
    with pytest.raises(RuntimeError, match="same number of slices"):
        scan(lambda s, x: (s, x), torch.zeros(2), torch.zeros(0, 2))


def test_scan_in_scan_and_cond_in_scan():
    def f(x, w):
        def inner(s, x):
            s = torch.cond(s.sum() > 0, lambda a: a.sin() * w, lambda a: a * a + x, (s,))
            return s, s * w

        def outer(s, x):
            s, ys = scan(inner, s, x)
            return s.tanh(), ys.sum(0)

        return scan(outer, x[0, 0], x)

    agree(f, lambda: (leaf(3, 4, 2), leaf(2)))


def test_scan_in_cond():
    def f(x, w):
        def run(x):
            return scan(lambda s, x: (s * w + x, s.exp()), w, x)[1]

        return torch.cond(x.sum() > 0, run, lambda x: x * w, (x,))

    agree(f, lambda: (leaf(3, 2), leaf(2)), times=6)


def test_scan_draws_and_detaches():
    def f(x):
        return scan(lambda s, x: (s.detach() + x, s.detach()), x[0] * 0, x)

    agree(f, lambda: (leaf(4, 2),))


def test_a_training_step_with_a_scan():
    torch.manual_seed(0)
    cell = torch.nn.GRUCell(3, 4)
    xs, target = torch.randn(6, 2, 3), torch.randn(2, 4)

    def losses(compiled):
        torch.manual_seed(1)
        cell.reset_parameters()
        optimizer = torch.optim.SGD(cell.parameters(), lr=0.1)

        def step(xs, target):
            optimizer.zero_grad()
            h, _ = scan(lambda h, x: ((n := cell(x, h)), n.clone()), torch.zeros(2, 4), xs)
            loss = (h - target).square().mean()
            loss.backward()
            optimizer.step()
            return loss.detach()

        run = torch.compile(step, fullgraph=True) if compiled else step
        return [run(xs, target).item() for _ in range(8)]

    assert losses(True) == pytest.approx(losses(False), rel=1e-5)


def test_scan_under_vmap():
    def f(x, w):
        return scan(lambda s, x: (s * w + x, s), torch.zeros(()), x)[1]

    x, w = torch.randn(3, 5), torch.randn(3)
    want = torch.stack([f(a, b) for a, b in zip(x, w)])
    torch.testing.assert_close(torch.vmap(f)(x, w), want)
    torch.testing.assert_close(torch.compile(torch.vmap(f), fullgraph=True)(x, w), want)


def test_scan_errors():
    x = torch.ones(3, 2)
    with pytest.raises(RuntimeError, match="must return a pair"):
        scan(lambda s, x: s, x[0], x)
    with pytest.raises(RuntimeError, match="carried value 0 was"):
        torch.compile(lambda x: scan(lambda s, x: (s.sum(), x), x[0], x), fullgraph=True)(x)
    with pytest.raises(RuntimeError, match="init must hold tensors"):
        scan(lambda s, x: (s, x), 1, x)
    with pytest.raises(RuntimeError, match="same number of slices"):
        scan(lambda s, x: (s, x[0]), x[0], (x, x[:2]))


# -- associative_scan ----------------------------------------------------------------------------------


@pytest.mark.parametrize("mode", ["pointwise", "generic"])
@pytest.mark.parametrize("n", [1, 2, 3, 8, 13])
def test_associative_scan(n, mode):
    x = torch.randn(2, n, dtype=torch.float64)
    torch.testing.assert_close(associative_scan(torch.add, x, 1, combine_mode=mode), x.cumsum(1))
    want = x.flip(1).cumsum(1).flip(1)
    torch.testing.assert_close(associative_scan(torch.add, x, 1, reverse=True, combine_mode=mode), want)


def test_associative_scan_of_pairs_with_gradients():
    def f(a, b):
        return associative_scan(lambda p, q: (p[0] * q[0], p[1] * q[0] + q[1]), (a, b), 0)

    compiled = agree(f, lambda: (leaf(6, 2), leaf(6, 2)))
    a, b = leaf(6, 2), leaf(6, 2)
    steps, state = [], torch.zeros(2, dtype=torch.float64)
    for i in range(6):
        state = state * a[i] + b[i]
        steps.append(state)
    torch.testing.assert_close(compiled(a, b)[1], torch.stack(steps))
