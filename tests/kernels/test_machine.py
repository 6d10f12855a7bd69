"""Ops called in machine code against the same ops called in Python: results, graphs, errors, references."""

import gc
import operator
import re
import sys
import threading
import tracemalloc
import weakref
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import rushlight as torch
from rushlight.autograd import generate, inplace_functions
from rushlight.autograd.fastpath import has_fast_path
from rushlight.kernels import native
from rushlight.ops.declare import registry
from rushlight.tensor import function_of

pytestmark = pytest.mark.skipif(not native.on(), reason="machine code is off")

QUICK = [n for n, op in registry.items() if has_fast_path(op) and op.under != "internal"]
ONE = [n for n in QUICK if len(registry[n].tensors) == 1]
TWO = [n for n in QUICK if len(registry[n].tensors) == 2]
IN_PLACE = [n for n in QUICK if "i" in registry[n].forms and inplace_functions._call_of(registry[n])]
BUILTIN = type(len)


def pair(name: str) -> tuple[Callable[..., Any], Callable[..., Any]]:
    """An op in machine code, and its Python function."""
    op = registry[name]
    quick, slow = function_of(op), generate.python_function(op, False)
    assert type(quick) is BUILTIN and type(slow) is not BUILTIN
    return quick, slow


def numbers(*shape: int, dtype: Any = torch.float64) -> Any:
    torch.manual_seed(sum(shape) + len(shape))
    return torch.rand(*shape, dtype=dtype) * 0.8 + 0.1  # where most functions are defined


def seen(t: Any) -> tuple[Any, ...]:
    """What can be told of a result without its numbers."""
    node = t.grad_fn
    facts = (type(t), t.dtype, tuple(t.shape), t.requires_grad, t.is_leaf, t._version, t.is_inference())
    return *facts, node and node.name(), node and [n.name() for n, _ in node.next_functions if n]


def outcome(f: Callable[..., Any], *args: Any, **options: Any) -> Any:
    """Facts, numbers and gradients; or the error."""
    try:
        out = f(*args, **options)
    except Exception as error:
        return type(error), str(error)
    leaves = [a for a in args if isinstance(a, torch.Tensor) and a.requires_grad]
    grads = []
    if out.requires_grad:
        try:
            grads = torch.autograd.grad(out, leaves, torch.ones_like(out) * 1.5, allow_unused=True)
        except NotImplementedError as error:
            return type(error), str(error)
    return seen(out), out.detach().double().numpy(), [g if g is None else g.numpy() for g in grads]


def check(got: Any, want: Any) -> None:
    assert got[0] == want[0]
    if len(want) == 2:
        assert got[1] == want[1]
        return
    for a, b in zip([got[1], *got[2]], [want[1], *want[2]], strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-5 if got[0][1] == torch.float32 else 1e-11, atol=1e-12)


def compare(name: str, *args: Any, **options: Any) -> None:
    quick, slow = pair(name)
    check(outcome(quick, *args, **options), outcome(slow, *args, **options))


@pytest.mark.parametrize("name", ONE)
def test_one_tensor(name: str) -> None:
    for dtype in (torch.float32, torch.float64, torch.float16, torch.int64):
        for shape in ((), (3,), (0, 2), (17, 5)):
            x = numbers(*shape, dtype=torch.float64).to(dtype)
            compare(name, x)
            compare(name, input=x)
            if dtype.is_floating_point:
                compare(name, x.requires_grad_())
                compare(name, torch.nn.Parameter(x.detach()))
                compare(name, (x * 1).T if x.ndim == 2 else x * 1)
                with torch.no_grad():
                    compare(name, x)


@pytest.mark.parametrize("name", TWO)
def test_two_tensors_and_numbers(name: str) -> None:
    for shape, other in (((3,), (3,)), ((4, 5), (5,)), ((), (2, 2)), ((1, 3), (2, 1)), ((0,), (1,))):
        x, y = numbers(*shape), numbers(*other)
        for a in (x, x.clone().requires_grad_()):
            for b in (
                y,
                y.clone().requires_grad_(),
                torch.nn.Parameter(y.clone()),
                2,
                0.5,
                -1.5,
                True,
                y.float(),
            ):
                compare(name, a, b)
        compare(name, x.float(), y.float().requires_grad_())
        compare(name, x, x)
        compare(name, torch.nn.Parameter(x), 3)
        compare(name, 2.0, y)
        compare(name, x.long(), y.long() + 1)


def test_errors_are_those_of_the_python_function() -> None:
    x, y = torch.ones(3), torch.ones(4)
    wrong: list[tuple[str, tuple[Any, ...], dict[str, Any]]] = [
        *(("exp", (), {}), ("exp", (x, x), {}), ("exp", ("a",), {}), ("exp", (x,), {"foo": 1})),
        *(("mul", (x,), {}), ("mul", (x, y), {}), ("mul", (x, "a"), {}), ("mul", (x, None), {})),
        *(("mul", (None, x), {}), ("mul", (x, x, x), {}), ("mul", (x, [1, 2, 3]), {}), ("mul", (x, 1j), {})),
        *(("add", (x, y), {"alpha": 2}), ("add", (x, x), {"alpha": "a"}), ("add", (x, 10**400), {})),
        *(("lt", (x, y), {}), ("mul", (x, x), {"out": y.long()}), ("exp", (x, *[1] * 40), {})),
        *(("mm", (x, y), {}), ("mm", (torch.ones(2, 3), torch.ones(2, 3)), {}), ("matmul", (x, y), {})),
        *(("bmm", (torch.ones(2, 3, 4), torch.ones(3, 4, 5)), {}), ("linear", (torch.ones(2, 3),), {})),
        *(
            ("mm", (torch.ones(2, 3), torch.ones(3, 2).double()), {}),
            ("view", (x, 2), {}),
            ("view", (x, -1, -1), {}),
        ),
        *(
            ("view", (x, "a"), {}),
            ("t", (torch.ones(1, 1, 1),), {}),
            ("sum", (x, 3), {}),
            ("sum", ("a",), {}),
        ),
    ]
    for name, args, options in wrong:
        compare(name, *args, **options)


def test_methods_give_the_same_errors() -> None:
    x = torch.ones(3)
    for call, words in (
        (lambda: x.exp(1), "positional argument"),
        (lambda: x.mul(), "missing 1 required positional argument: 'other'"),
        (lambda: x.mul(*[1] * 31), "argument"),
        (lambda: x.exp(*[1] * 40), "argument"),
        (lambda: x.exp_(3), "positional argument"),
        (lambda: torch.Tensor.exp(), "exp"),
        (lambda: torch.Tensor.exp(3), "exp"),
        (lambda: x + "a", "unsupported operand|expected a Tensor"),
    ):
        with pytest.raises(TypeError, match=words):
            call()


def test_keywords_and_options_reach_the_op() -> None:
    x, y = numbers(3), numbers(3)
    assert torch.equal(torch.add(x, y, alpha=2), x + 2 * y)
    assert torch.equal(torch.add(input=x, other=y), x + y) and torch.equal(torch.add(x, other=y), x + y)
    out = torch.zeros(3, dtype=torch.float64)
    assert torch.exp(x, out=out) is out and torch.equal(out, x.exp()) and out._version == 1
    gelu = torch.nn.functional.gelu
    assert torch.equal(gelu(x, approximate="none"), gelu(x)) and not torch.equal(
        gelu(x, approximate="tanh"), gelu(x)
    )


class Strange:
    """An operand that Tensor knows nothing of."""

    def __radd__(self, other: Any) -> str:
        return "added"

    def __rmul__(self, other: Any) -> str:
        raise ZeroDivisionError("inside")


class Index:
    def __index__(self) -> int:
        raise ZeroDivisionError("inside")


def test_operators_ask_the_other_operand() -> None:
    x = torch.ones(3)
    assert x + Strange() == "added"
    with pytest.raises(ZeroDivisionError, match="inside"):
        x * Strange()
    with pytest.raises(TypeError):
        x - Strange()


def test_exceptions_inside_come_out_and_leave_nothing_behind() -> None:
    x = torch.ones(6, requires_grad=True)
    for _ in range(3):
        with pytest.raises(ZeroDivisionError, match="inside"):
            x.view(Index())
        with pytest.raises(ZeroDivisionError, match="inside"):
            x.view((2, Index()))
    assert x.view(2, 3).sum().item() == 6
    huge = torch.ones(1).expand(1 << 40)
    for call in (lambda: huge.exp(), lambda: huge + huge, lambda: huge * 2.0):
        with pytest.raises(MemoryError):
            call()
    assert (x + 1).sum().item() == 12


# -- what the graph keeps -----------------------------------------------------------------------------


def test_changes_of_what_is_kept_are_noticed_with_the_place() -> None:
    for record in (lambda x, y: x * y, lambda x, y: y.exp(), lambda x, y: torch.mm(x, y), lambda x, y: y / x):
        w = torch.ones(2, 2, requires_grad=True)
        x, y = torch.ones(2, 2), w * 1
        out = record(x, y)
        changed = out if out.grad_fn.name() == "ExpBackward0" else x
        changed.add_(1)
        with pytest.raises(RuntimeError, match=r"add_ at .*test_machine"):
            out.sum().backward()


def test_version_counters_in_place() -> None:
    x = torch.ones(3)
    for k, step in enumerate((lambda: x.add_(1), lambda: x.mul_(x), lambda: x.exp_(), lambda: x.neg_()), 1):
        assert step() is x and x._version == k
    part = x[:2]
    part.add_(1)
    assert x._version == part._version == 5
    with pytest.raises(RuntimeError):
        x.add_(torch.ones(4))
    with pytest.raises(TypeError):
        x.add_("a")
    assert x._version == 5


@pytest.mark.parametrize("name", IN_PLACE)
def test_in_place(name: str) -> None:
    op = registry[name]
    quick = inplace_functions.inplace_method(op)
    slow = inplace_functions.python_function(op)
    others: list[tuple[Any, ...]] = (
        [()] if len(op.tensors) == 1 else [(numbers(4),), (2,), (0.5,), (numbers(3, 1),)]
    )
    for rest in others:
        for dtype in (torch.float32, torch.float64):
            x = numbers(3, 4, dtype=dtype)
            a, b = x.clone(), x.clone()
            for t, f in ((a, quick), (b, slow)):
                args = [r.to(dtype) if isinstance(r, torch.Tensor) else r for r in rest]
                if name not in ("rsub",):
                    assert f(t, *args) is t and t._version == 1
            np.testing.assert_allclose(a.numpy(), b.numpy(), rtol=1e-6)
    leaf = torch.ones(3, requires_grad=True)
    got, want = (outcome(f, leaf, *others[-1][:1]) for f in (quick, slow))
    assert got[0] is want[0] and got[1:] == want[1:] and issubclass(got[0], Exception)


def test_in_place_on_what_autograd_tracks() -> None:
    w = torch.ones(3, requires_grad=True)
    y = w * 2
    y.mul_(3)
    y.add_(w)
    y.sum().backward()
    assert w.grad.tolist() == [7, 7, 7]
    with torch.no_grad():
        w.mul_(2)
    assert w.tolist() == [2, 2, 2] and w.is_leaf and w._version == 1


def test_views_share_memory_and_versions() -> None:
    x = torch.arange(6.0)
    v = x.view(2, 3)
    t = v.t()
    assert v._base is x and t._base is x and t.shape == (3, 2) and t.stride() == (1, 3)
    t.add_(1)
    assert x.tolist() == [1, 2, 3, 4, 5, 6] and x._version == v._version == t._version == 1
    for shape in ((6,), (-1,), (3, 2), (1, 6, 1), ((2, 3),), ([3, -1],), (torch.Size([6]),)):
        assert torch.equal(x.view(*shape), x.reshape(*shape))
    held = [x.view(3, 2) for _ in range(200)]
    del held
    for _ in range(1000):
        x.view(2, 3)
    assert len(x._b[1]) < 300  # those that are gone are forgotten now and then
    w = torch.ones(6, requires_grad=True)
    y = w * 1
    y.view(2, 3).t().mul_(2)
    y.sum().backward()
    assert w.grad.tolist() == [2] * 6


# -- modes --------------------------------------------------------------------------------------------


def test_modes() -> None:
    w = torch.ones(3, requires_grad=True)
    with torch.no_grad():
        assert not (w * 2).requires_grad and not w.exp().requires_grad and not w.view(3, 1).requires_grad
        with torch.enable_grad():
            assert (w * 2).requires_grad
    with torch.inference_mode():
        y = w * 2
        assert y.is_inference() and (y + 1).is_inference() and w.exp().is_inference()
    assert not (w * 2).is_inference() and (w * 2).requires_grad
    with pytest.raises(RuntimeError, match="[Ii]nference"):
        (w * y).sum().backward()
    seen_shapes = []
    with torch.autograd.graph.saved_tensors_hooks(lambda t: (seen_shapes.append(t.shape), t)[1], lambda t: t):
        (w * w).sum().backward()
    assert seen_shapes


def test_grad_mode_belongs_to_the_thread() -> None:
    w, found, inside, over = torch.ones(3, requires_grad=True), [], threading.Event(), threading.Event()

    def without() -> None:
        with torch.no_grad():
            inside.set()
            over.wait(10)
            found.append((w * 2).requires_grad)

    thread = threading.Thread(target=without)
    thread.start()
    inside.wait(10)
    assert (w * 2).requires_grad
    over.set()
    thread.join()
    assert found == [False]


def test_many_threads_record_at_once() -> None:
    """A graph for each thread, over tensors and parameters they share."""
    w, failures = torch.ones(50, requires_grad=True), []

    def work(k: int) -> None:
        try:
            for _ in range(200):
                y = ((w * k + 1).exp().view(5, 10).t() * 2).sum()
                (g,) = torch.autograd.grad(y, w)
                np.testing.assert_allclose(g.numpy(), 2 * k * np.exp(k + 1.0), rtol=1e-5)
        except BaseException as failure:
            failures.append(failure)

    crowd = [threading.Thread(target=work, args=(k,)) for k in range(4)]
    for thread in crowd:
        thread.start()
    for thread in crowd:
        thread.join()
    assert not failures, failures[0]


class Named(torch.nn.Parameter):
    """A class of its own: no business of machine code's."""


def test_other_classes_go_to_python() -> None:
    p = Named(torch.ones(3))
    for name in ("exp", "sigmoid", "sum"):
        compare(name, p)
    for args in ((p, 2), (p, torch.ones(3)), (torch.ones(3), p), (torch.nn.Parameter(torch.ones(3)), p)):
        compare("mul", *args)
    with torch.no_grad():
        assert p.add_(1) is p and p.tolist() == [2, 2, 2] and p._version == 1
        p.view(3, 1).mul_(2)
    assert p.tolist() == [4, 4, 4] and p._version == 2


def test_functional_transforms_see_through() -> None:
    x = numbers(3)
    torch.testing.assert_close(torch.func.vmap(torch.exp)(x), x.exp())
    torch.testing.assert_close(torch.func.grad(lambda t: (t * t).sum())(x), 2 * x)
    value, tangent = torch.func.jvp(lambda t: t * t, (x,), (torch.ones_like(x),))
    torch.testing.assert_close(tangent, 2 * x)


def test_higher_derivatives() -> None:
    x = numbers(4).requires_grad_()
    y = (x.exp() * x.sin() / (x + 1)).sum()
    (g,) = torch.autograd.grad(y, x, create_graph=True)
    (h,) = torch.autograd.grad(g.sum(), x)
    step = 1e-5

    def slope(v: Any) -> Any:
        v = v.detach().requires_grad_()
        return torch.autograd.grad((v.exp() * v.sin() / (v + 1)).sum(), v)[0]

    near = (slope(x + step) - slope(x - step)) / (2 * step)
    torch.testing.assert_close(h, near, rtol=1e-6, atol=1e-8)


# -- references ---------------------------------------------------------------------------------------

X, W, M = torch.ones(4, 3), torch.ones(4, 3, requires_grad=True), torch.ones(3, 3, requires_grad=True)
ROW = torch.ones(3, requires_grad=True)
P = torch.nn.Parameter(torch.ones(4, 3))


def _error(f: Callable[[], Any]) -> None:
    try:
        f()
    except (TypeError, ValueError, RuntimeError, ZeroDivisionError):
        return
    raise AssertionError("no error")


def _backward() -> None:
    (W * P + ROW).exp().sum().backward()


def _without(f: Callable[[], Any]) -> None:
    with torch.no_grad():
        f()


CALLS: dict[str, Callable[[], Any]] = {
    "function": lambda: torch.exp(X),
    "method": lambda: X.exp(),
    "operator": lambda: X + X,
    "number": lambda: X * 2.5,
    "recorded": lambda: W.exp(),
    "recorded pair": lambda: W * P,
    "recorded, stretched": lambda: W * ROW,
    "recorded number": lambda: W * 2.5,
    "truth": lambda: W < 0.5,
    "sum": lambda: W.sum(),
    "view": lambda: W.view(2, 6),
    "view of sizes": lambda: X.view((3, -1)),
    "t": lambda: W.t(),
    "mm": lambda: torch.mm(W, M),
    "matmul": lambda: X @ M,
    "linear": lambda: torch.nn.functional.linear(W, M, ROW),
    "no_grad": lambda: _without(lambda: W * P),
    "in place": lambda: X.mul_(1.0),
    "in place, two": lambda: X.mul_(X),
    "in place, fallback": lambda: X.add_(X, alpha=0),
    "in place, parameter": lambda: _without(lambda: P.mul_(1.0)),
    "fallback": lambda: torch.add(X, X, alpha=2),
    "keywords": lambda: torch.add(input=X, other=X),
    "long integers": lambda: torch.ones(3, dtype=torch.int64) + 1,
    "wrong class": lambda: _error(lambda: torch.exp("a")),
    "wrong count": lambda: _error(lambda: torch.exp(X, X, X)),
    "wrong shape": lambda: _error(lambda: X + torch.ones(7)),
    "wrong view": lambda: _error(lambda: X.view(5, 5)),
    "inside": lambda: _error(lambda: X.view(Index())),
    "too many": lambda: _error(lambda: X.exp(*[1] * 40)),
    "backward": _backward,
}


@pytest.mark.parametrize("name", CALLS)
def test_no_reference_is_kept_or_lost(name: str) -> None:
    call, times = CALLS[name], 2_000
    watched = [X, W, P, M, ROW, None, True, X._a, W._a, W._n, P._n, np.dtype("f4"), torch.Tensor, (), 2.5]
    for _ in range(100):
        call()
    gc.collect()
    before = [sys.getrefcount(o) for o in watched]
    blocks = sys.getallocatedblocks()
    for _ in range(times):
        call()
    gc.collect()
    more = sys.getallocatedblocks() - blocks
    after = [sys.getrefcount(o) for o in watched]
    changed = [(type(o), a - b) for o, a, b in zip(watched, after, before) if abs(a - b) > times / 20]
    assert not changed
    assert more < times / 20


def test_memory_stays_level() -> None:
    def all_calls(times: int) -> None:
        for _ in range(times):
            for name in ("recorded pair", "view", "t", "mm", "in place", "sum", "backward", "wrong shape"):
                CALLS[name]()

    all_calls(50)
    gc.collect()
    tracemalloc.start()
    try:
        all_calls(50)
        gc.collect()
        before = tracemalloc.get_traced_memory()[0]
        all_calls(1250)  # 10,000 calls
        gc.collect()
        assert tracemalloc.get_traced_memory()[0] - before < 20_000
    finally:
        tracemalloc.stop()


def test_tensors_and_nodes_die_with_their_last_reference() -> None:
    gc.disable()
    try:
        w = torch.ones(3, requires_grad=True)
        for make in (
            lambda: w * 2,
            lambda: w.exp(),
            lambda: w.view(3, 1),
            lambda: torch.mm(w.view(1, 3), w.view(3, 1)),
        ):
            y = make()
            gone = [weakref.ref(y)]
            del y
            assert [r() for r in gone] == [None]
    finally:
        gc.enable()


def test_circles_through_tensors_are_collected() -> None:
    y = torch.ones(3) * 2
    assert gc.is_tracked(y)
    w = torch.ones(3, requires_grad=True)
    z = w * 2
    gone = weakref.ref(z)
    z.register_hook(lambda g, z=z: None)
    del z
    gc.collect()
    assert gone() is None


# -- lists of parameters, arrivals of gradients -------------------------------------------------------


def test_gathered_parameters() -> None:
    from rushlight.autograd.lists import builtins

    gather, count_changes = builtins(torch.nn.Parameter)
    params = [torch.nn.Parameter(torch.full((k,), float(k))) for k in range(1, 5)]
    state: dict[Any, dict[str, Any]] = {p: {"m": torch.zeros_like(p)} for p in params}
    for p in params[1:]:
        p.grad = torch.ones_like(p)
    found, arrays, grads, moments = gather(params, state, ("m",))
    assert all(map(operator.is_, found, params[1:])) and all(a is p._a for a, p in zip(arrays, found))
    assert all(g is p.grad._a for g, p in zip(grads, found)) and all(
        m is state[p]["m"]._a for m, p in zip(moments, found)
    )
    assert gather([], {}, ()) == ((), (), ())
    for wrong in (
        (params, {}, ("m",)),
        (params, state, ("x",)),
        (tuple(params), state, ()),
        ([1], state, ()),
        (params,),
    ):
        assert gather(*wrong) is None
    versions = [p._version for p in params]
    count_changes(found, ("step", None, 0))
    assert [p._version for p in params] == [versions[0], *(v + 1 for v in versions[1:])]
    watched = [None, *params, *(p.grad._a for p in found), *(state[p]["m"]._a for p in params)]
    before = [sys.getrefcount(o) for o in watched]
    for _ in range(1000):
        gather(params, state, ("m",))
        gather(params, {}, ("m",))
        count_changes(found, ("step", None, 0))
    after = [sys.getrefcount(o) for o in watched]
    assert all(abs(a - b) < 50 for a, b in zip(after, before, strict=True)), (before, after)


def test_gradients_arrive_and_add_up() -> None:
    w = torch.ones(3, requires_grad=True)
    (w * 2).sum().backward()
    first = w.grad
    assert first.tolist() == [2, 2, 2] and first._version == 0 and first.grad_fn is None
    (w * 3).sum().backward()
    assert w.grad is first and first.tolist() == [5, 5, 5] and first._version == 1
    kept = (torch.ones(3, requires_grad=True) * first).sum()
    (w * 3).sum().backward()
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        kept.backward()
    g = torch.full((3,), 4.0)
    v = torch.ones(3, requires_grad=True)
    v.view_as(v).backward(g)
    v.grad.add_(1)
    assert g.tolist() == [4, 4, 4]  # what was handed in stays the caller's
    seen_by_hooks = []
    v.register_hook(lambda g: seen_by_hooks.append(g.tolist()))
    (v * 1).sum().backward()
    assert seen_by_hooks == [[1, 1, 1]] and v.grad.tolist() == [6, 6, 6]


def test_names_and_docs_are_those_of_functions() -> None:
    assert torch.exp.__name__ == "exp" and re.search("e", torch.exp.__doc__ or "")
    assert torch.Tensor.exp.__name__ == "exp" and torch.Tensor.add_.__name__ == "add_"
