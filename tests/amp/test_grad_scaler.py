"""GradScaler: step by step as PyTorch's, with the optimizers there are, and what it refuses."""

import copy
import math
import pickle

import numpy as np
import pytest

import rushlight as rl
from rushlight.amp import grad_scaler

torch = pytest.importorskip("torch")
LIBS = pytest.mark.parametrize("lib", [torch, rl], ids=["torch", "rushlight"])


def parameters(lib, *values, dtype="float32"):
    kind = getattr(lib, dtype)
    return [lib.nn.Parameter(lib.tensor(v, dtype=kind)) for v in values or ([1.0, 2.0], [3.0])]


def told(lib, make, overflows, **settings):
    """A run: at each step whether a gradient overflows; parameters and the scaler's state after each."""
    ps = parameters(lib)
    optimizer = make(lib, ps)
    scaler = lib.amp.GradScaler("cpu", init_scale=4.0, growth_interval=2, **settings)
    found = []
    for bad in overflows:
        optimizer.zero_grad()
        loss = sum((p * p).sum() for p in ps)
        scaler.scale(loss).backward()
        if bad:
            ps[0].grad[1] = float(bad)
        scaler.step(optimizer)
        scaler.update()
        found += [[*p.tolist()] for p in ps] + [scaler.state_dict(), scaler.get_scale()]
    return found


OPTIMIZERS = {
    "SGD": lambda lib, ps: lib.optim.SGD(ps, lr=0.1),
    "momentum": lambda lib, ps: lib.optim.SGD(ps, lr=0.1, momentum=0.9),
    "Adam": lambda lib, ps: lib.optim.Adam(ps, lr=0.1),
    "AdamW": lambda lib, ps: lib.optim.AdamW(ps, lr=0.1),
    "RMSprop": lambda lib, ps: lib.optim.RMSprop(ps, lr=0.1),
    "Adagrad": lambda lib, ps: lib.optim.Adagrad(ps, lr=0.1),
}


@pytest.mark.parametrize("make", OPTIMIZERS.values(), ids=OPTIMIZERS.keys())
def test_steps_as_in_torch(make):
    overflows = [0, 0, "inf", 0, "nan", "-inf", 0, 0, 0, 0]
    settings = {"growth_factor": 3.0, "backoff_factor": 0.25}
    for ours, theirs in zip(
        told(rl, make, overflows, **settings), told(torch, make, overflows, **settings), strict=True
    ):
        assert ours == pytest.approx(theirs, rel=1e-5)


@LIBS
def test_a_skipped_step_changes_nothing(lib):
    before, after = (told(lib, OPTIMIZERS["Adam"], bad)[-4:-2] for bad in ([0], [0, "inf"]))
    assert before == after


@LIBS
def test_a_scale_does_not_grow_to_infinity(lib):
    ps = parameters(lib)
    optimizer = OPTIMIZERS["SGD"](lib, ps)
    scaler = lib.amp.GradScaler("cpu", init_scale=2.0**127, growth_interval=1)
    scaler.scale(lib.zeros(()))
    for p in ps:
        p.grad = lib.zeros_like(p)
    scaler.step(optimizer)
    scaler.update()
    assert scaler.get_scale() == 2.0**127 and scaler.state_dict()["_growth_tracker"] == 0


@LIBS
def test_gradients_can_be_clipped_in_between(lib):
    ps = parameters(lib)
    optimizer = OPTIMIZERS["SGD"](lib, ps)
    scaler = lib.amp.GradScaler("cpu", init_scale=1024.0)
    scaler.scale((ps[0] * 3).sum() + ps[1].sum()).backward()
    scaler.unscale_(optimizer)
    assert [p.grad.tolist() for p in ps] == [[3, 3], [1]]
    assert lib.nn.utils.clip_grad_norm_(ps, 1.0).item() == pytest.approx(math.sqrt(19))
    scaler.step(optimizer)
    scaler.update()
    assert ps[1].item() == pytest.approx(3 - 0.1 / math.sqrt(19))


@LIBS
def test_two_optimizers_and_losses(lib):
    a, b = parameters(lib)
    first, second = (OPTIMIZERS["SGD"](lib, [p]) for p in (a, b))
    scaler = lib.amp.GradScaler("cpu", init_scale=8.0)
    for loss in scaler.scale([a.sum(), (b * 2).sum()]):
        loss.backward()
    a.grad[0] = math.nan
    scaler.step(first)
    scaler.step(second)
    scaler.update()
    assert a.tolist() == [1, 2] and b.item() == pytest.approx(2.8) and scaler.get_scale() == 4


@LIBS
def test_what_scale_takes(lib):
    scaler = lib.amp.GradScaler("cpu", init_scale=2.0)
    one = lib.ones(1)
    nested = scaler.scale((one, [one, (one,)]))
    assert isinstance(nested, tuple) and isinstance(nested[1], list)
    assert nested[1][1][0].item() == 2 and [t.item() for t in scaler.scale(iter([one, one]))] == [2, 2]
    with pytest.raises(ValueError, match="outputs must be a Tensor or an iterable of Tensors"):
        scaler.scale(3.0)
    assert scaler.scale(lib.ones(1, dtype=lib.bfloat16)).dtype is lib.bfloat16


@LIBS
def test_what_is_refused(lib):
    ps = parameters(lib)
    optimizer = OPTIMIZERS["SGD"](lib, ps)
    scaler = lib.amp.GradScaler("cpu")
    for call in (lambda: scaler.step(optimizer), scaler.update, lambda: scaler.unscale_(optimizer)):
        with pytest.raises(AssertionError, match="_scale is None"):
            call()
    scaler.scale(sum(p.sum() for p in ps)).backward()
    with pytest.raises(AssertionError, match="No inf checks were recorded prior to update"):
        scaler.update()
    with pytest.raises(RuntimeError, match="Closure use is not currently supported"):
        scaler.step(optimizer, closure=lambda: None)
    scaler.unscale_(optimizer)
    with pytest.raises(RuntimeError, match=r"unscale_\(\) has already been called on this optimizer"):
        scaler.unscale_(optimizer)
    scaler.step(optimizer)
    with pytest.raises(RuntimeError, match=r"step\(\) has already been called since the last update"):
        scaler.step(optimizer)
    with pytest.raises(RuntimeError, match=r"unscale_\(\) is being called after step\(\)"):
        scaler.unscale_(optimizer)
    with pytest.raises(AssertionError, match="may only be pickled at the beginning"):
        pickle.dumps(scaler)
    scaler.update()
    optimizer.zero_grad()
    with pytest.raises(AssertionError, match="No inf checks were recorded for this optimizer"):
        scaler.step(optimizer)
    for settings, said in (
        ({"growth_factor": 1.0}, "The growth factor must be > 1.0"),
        ({"backoff_factor": 1.0}, "The backoff factor must be < 1.0"),
    ):
        with pytest.raises(AssertionError, match=said):
            lib.amp.GradScaler("cpu", **settings)


@LIBS
def test_float16_gradients_are_refused_and_others_are_not(lib):
    for dtype in ("float16", "bfloat16", "float64"):
        ps = parameters(lib, [1.0, 2.0], dtype=dtype)
        scaler = lib.amp.GradScaler("cpu", init_scale=4.0)
        scaler.scale(ps[0].sum()).backward()
        optimizer = OPTIMIZERS["SGD"](lib, ps)
        if dtype == "float16":
            with pytest.raises(ValueError, match="Attempting to unscale FP16 gradients"):
                scaler.unscale_(optimizer)
        else:
            scaler.unscale_(optimizer)
            assert ps[0].grad.tolist() == [1, 1]


@pytest.mark.parametrize("dtype", ["float32", "float64", "bfloat16"])
def test_large_gradients_are_finite(dtype):
    """The sum of their squares is not: of float64 numbers, and of none in float32."""
    big = {"float32": 3e38, "float64": 1e308, "bfloat16": 3e38}[dtype]
    ps = parameters(rl, [1.0] * 40, [1.0] * 40, dtype=dtype)
    for p in ps:
        p.grad = rl.full_like(p, big)
    assert grad_scaler._all_finite([p.grad for p in ps])
    for bad in (math.inf, -math.inf, math.nan):
        ps[1].grad[39] = bad
        assert not grad_scaler._all_finite([p.grad for p in ps])


@LIBS
def test_new_scales(lib):
    ps = parameters(lib)
    scaler = lib.amp.GradScaler("cpu")
    scaler.scale(ps[0])
    scaler.update(8.0)
    assert scaler.get_scale() == 8
    scaler.update(lib.tensor(16.0))
    assert scaler.get_scale() == 16
    for bad in (lib.ones(2), lib.ones(1, requires_grad=True), lib.ones((), device="meta")):
        with pytest.raises(AssertionError, match="new_scale should be a float or a 1-element"):
            scaler.update(bad)


@LIBS
def test_settings(lib):
    scaler = lib.amp.GradScaler("cpu", 2.0, 3.0, 0.25, 7)
    told = scaler.get_scale(), scaler.get_growth_factor(), scaler.get_backoff_factor()
    assert (*told, scaler.get_growth_interval(), scaler.is_enabled()) == (2, 3, 0.25, 7, True)
    scaler.set_growth_factor(4.0)
    scaler.set_backoff_factor(0.5)
    scaler.set_growth_interval(9)
    expected = {"scale": 2.0, "growth_factor": 4.0, "backoff_factor": 0.5, "growth_interval": 9}
    assert scaler.state_dict() == expected | {"_growth_tracker": 0}


@LIBS
def test_checkpoints(lib):
    state = {"scale": 8.0, "growth_factor": 3.0, "backoff_factor": 0.1, "growth_interval": 5}
    state["_growth_tracker"] = 4
    for started in (False, True):
        scaler = lib.amp.GradScaler("cpu")
        if started:
            scaler.scale(lib.ones(1))
        scaler.load_state_dict(state)
        assert scaler.state_dict() == state and scaler.scale(lib.ones(1)).item() == 8
        for twin in (pickle.loads(pickle.dumps(scaler)), copy.deepcopy(scaler)):
            assert twin.state_dict() == state and twin.scale(lib.ones(1)).item() == 8
    with pytest.raises(RuntimeError, match="The source state dict is empty"):
        scaler.load_state_dict({})


@LIBS
def test_not_enabled(lib):
    ps = parameters(lib)
    optimizer = OPTIMIZERS["SGD"](lib, ps)
    scaler = lib.amp.GradScaler("cpu", enabled=False)
    loss = ps[0].sum()
    assert scaler.scale(loss) is loss and scaler.state_dict() == {} and scaler.get_scale() == 1
    loss.backward()
    scaler.unscale_(optimizer)
    scaler.step(optimizer)
    scaler.update()
    scaler.load_state_dict({})
    assert np.allclose(ps[0].tolist(), [0.9, 1.9])


@LIBS
def test_there_is_no_cuda(lib):
    with pytest.warns(UserWarning, match="CUDA is not available.  Disabling"):
        scaler = lib.amp.GradScaler()
    assert not scaler.is_enabled()
    with pytest.warns(FutureWarning, match="deprecated"), pytest.warns(UserWarning, match="CUDA"):
        assert not lib.cuda.amp.GradScaler().is_enabled()
    with pytest.warns(FutureWarning, match="deprecated"):
        assert lib.cpu.amp.GradScaler(2.0).get_scale() == 2
