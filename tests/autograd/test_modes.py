"""no_grad, enable_grad, set_grad_enabled, inference_mode: contexts, decorators, generators, threads;
inference tensors.
"""

import gc
import threading

import pytest

import rushlight as rl
from tests.autograd.stories import agree, told


def contexts(lib):
    x, seen = lib.ones(2, requires_grad=True), []

    def note():
        seen.append((lib.is_grad_enabled(), (x * 2).requires_grad))

    note()
    with lib.no_grad():
        note()
        with lib.enable_grad():
            note()
        with lib.set_grad_enabled(True):
            note()
        note()
        with lib.inference_mode(False):
            note()
    with lib.set_grad_enabled(False):
        note()
    note()
    return seen


def set_grad_enabled_as_a_function(lib):
    seen = []
    lib.set_grad_enabled(False)
    seen.append(lib.is_grad_enabled())
    lib.set_grad_enabled(True)
    seen.append(lib.is_grad_enabled())
    lib.autograd.set_grad_enabled(mode=False)
    with lib.set_grad_enabled(True):
        seen.append(lib.is_grad_enabled())
    seen.append(lib.is_grad_enabled())
    lib.set_grad_enabled(True)
    return seen


def restored_after_an_error(lib):
    for mode in (lib.no_grad, lib.inference_mode):
        try:
            with mode():
                raise KeyError
        except KeyError:
            pass
    return lib.is_grad_enabled(), lib.is_inference_mode_enabled()


def decorators(lib):
    seen = []

    @lib.no_grad()
    def f(a, b=1):
        """Doc of f."""
        seen.append((lib.is_grad_enabled(), a, b))
        return lib.is_grad_enabled()

    @lib.no_grad
    def g():
        return lib.is_grad_enabled()

    @lib.enable_grad()
    def h():
        return lib.is_grad_enabled()

    @lib.set_grad_enabled(False)
    def i():
        return lib.is_grad_enabled()

    @lib.inference_mode()
    def j():
        return lib.is_grad_enabled(), lib.is_inference_mode_enabled()

    @lib.inference_mode
    def k():
        return lib.is_inference_mode_enabled()

    with lib.no_grad():
        inner = h()
    return f(1, b=2), g(), inner, i(), j(), k(), f.__name__, f.__doc__, lib.is_grad_enabled(), seen


def a_recursive_decorated_function(lib):
    @lib.no_grad()
    def f(n):
        return [lib.is_grad_enabled()] + (f(n - 1) if n else [])

    return f(3), lib.is_grad_enabled()


def generators(lib):
    @lib.no_grad()
    def f():
        got = yield lib.is_grad_enabled()
        while got is not None:
            got = yield (lib.is_grad_enabled(), got)
        return "end"

    running = f()
    seen = [next(running), lib.is_grad_enabled(), running.send(1), lib.is_grad_enabled(), running.send(2)]
    try:
        running.send(None)
    except StopIteration as stop:
        seen.append(stop.value)
    return seen, lib.is_grad_enabled()


def generators_are_told_of_errors_and_closing(lib):
    seen = []

    @lib.no_grad()
    def f():
        try:
            while True:
                try:
                    yield lib.is_grad_enabled()
                except KeyError:
                    seen.append(("error", lib.is_grad_enabled()))
        finally:
            seen.append(("closed", lib.is_grad_enabled()))

    running = f()
    next(running)
    seen.append(running.throw(KeyError()))
    running.close()
    return seen, lib.is_grad_enabled()


def inference_tensors(lib):
    x, plain = lib.ones(2, requires_grad=True), lib.ones(2)
    with lib.inference_mode():
        made = lib.ones(2)
        out, view, clone = x * made, plain[0:1], plain.clone()
        plain.add_(1)
        view.mul_(3)
        out.add_(1)[0] = 7
        kinds = [t.is_inference() for t in (made, out, view, clone, x, plain, out[0:1], plain.detach())]
        inside = lib.is_inference(made), x.requires_grad, out.requires_grad, out.is_leaf
    after = [t.is_inference() for t in (made + 1, made.clone(), made.detach(), made[0:1], x * 2)]
    return kinds, inside, after, plain, view, out, (made + x).requires_grad, plain._version


def recording_cannot_be_switched_on_within_inference_mode(lib):
    x = lib.ones(2, requires_grad=True)
    with lib.inference_mode():
        with lib.enable_grad():
            y = x * 2
        with lib.inference_mode(False):
            z, made = x * 2, lib.ones(2)
    return y.requires_grad, y.is_inference(), z.requires_grad, z.is_inference(), made.is_inference()


def saving_an_inference_tensor(lib):
    with lib.inference_mode():
        made = lib.ones(2)
    return lib.ones(2, requires_grad=True) * made


def saving_an_inference_matrix(lib):
    with lib.inference_mode():
        made = lib.ones(2, 2)
    return lib.ones(2, 2, requires_grad=True) @ made


def a_clone_may_be_saved(lib):
    with lib.inference_mode():
        made = lib.full((2,), 3.0)
    x = lib.ones(2, requires_grad=True)
    (x * made.clone()).sum().backward()
    return x.grad


def writing_to_an_inference_tensor(lib):
    with lib.inference_mode():
        made = lib.ones(2)
    made.add_(1)


def zeroing_an_inference_tensor_without_grad(lib):
    with lib.inference_mode():
        made = lib.ones(2)
    with lib.no_grad():
        made.zero_()


def assigning_to_an_inference_tensor(lib):
    with lib.inference_mode():
        made = lib.ones(2)
    made[0] = 1.0


def writing_a_view_of_an_inference_tensor(lib):
    with lib.inference_mode():
        made = lib.ones(2)
    made[0:1].copy_(lib.zeros(1))


def an_inference_tensor_required_to_have_gradients(lib):
    with lib.inference_mode():
        made = lib.ones(2)
    made.requires_grad_()


def the_version_of_an_inference_tensor(lib):
    with lib.inference_mode():
        return lib.ones(2)._version


@told(
    *(contexts, set_grad_enabled_as_a_function, restored_after_an_error),
    *(decorators, a_recursive_decorated_function),
    *(generators, generators_are_told_of_errors_and_closing, inference_tensors),
    *(recording_cannot_be_switched_on_within_inference_mode,),
    *(saving_an_inference_tensor, saving_an_inference_matrix),
    *(a_clone_may_be_saved, writing_to_an_inference_tensor, zeroing_an_inference_tensor_without_grad),
    *(assigning_to_an_inference_tensor, writing_a_view_of_an_inference_tensor),
    *(an_inference_tensor_required_to_have_gradients, the_version_of_an_inference_tensor),
)
def test_as_torch(story):
    agree(story)


def in_a_thread(action):
    found = []
    thread = threading.Thread(target=lambda: found.append(action()))
    thread.start()
    thread.join()
    return found[0]


def test_a_mode_holds_for_its_thread_only():
    x = rl.ones(2, requires_grad=True)
    with rl.no_grad():
        assert in_a_thread(lambda: (x * 2).requires_grad)
        assert not (x * 2).requires_grad
    with rl.inference_mode():
        made, elsewhere = rl.ones(2) * 2, in_a_thread(lambda: x * rl.ones(2))
    assert made.is_inference() and not elsewhere.is_inference() and elsewhere.requires_grad


def test_two_threads_go_backward_through_one_graph():
    x = rl.ones(1000, requires_grad=True)
    shared = x * 2
    losses = [(shared + i).sum() for i in range(2)]
    grads = [
        in_a_thread(lambda loss=loss: rl.autograd.grad(loss, x, retain_graph=True)[0]) for loss in losses
    ]
    assert [g.tolist() for g in grads] == [[2.0] * 1000] * 2


def test_the_refusals_of_inference_tensors_say_what_to_do():
    with rl.inference_mode():
        made = rl.ones(2)
    with pytest.raises(RuntimeError, match=r"Inference tensors cannot be saved for backward.*make a clone"):
        rl.ones(2, requires_grad=True) * made
    with pytest.raises(
        RuntimeError, match=r"add_: Inplace update to inference tensor outside InferenceMode is not allowed"
    ):
        made.add_(1)


def test_code_made_before_and_after_inference_mode_is_the_same_kind_of_code():
    """The first entry gives generated functions a text that asks for the box:
    both kinds must mark, and only inside.
    """
    x = rl.ones(3)
    before = x.exp()
    with rl.inference_mode():
        inside = [x.exp(), x + 1, x.sum(), x.view(3), x.max(0).values, rl.zeros(2), rl.cat([x, x]), x.tanh()]
    outside = [x.exp(), x.tanh(), x + 1]
    kinds = [t.is_inference() for t in (before, *inside, *outside)]
    assert kinds == [False, True, True, True, False, True, True, True, True, False, False, False]
    gc.collect()
