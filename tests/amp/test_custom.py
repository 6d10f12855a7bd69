"""custom_fwd and custom_bwd: Functions in and outside of regions, as in PyTorch."""

import pytest

import rushlight as rl

torch = pytest.importorskip("torch")
LIBS = pytest.mark.parametrize("lib", [torch, rl], ids=["torch", "rushlight"])


def product(lib, seen, cast_inputs=None):
    """A Function of two matrices and further arguments, which notes what its methods meet."""

    class Product(lib.autograd.Function):
        @staticmethod
        @lib.amp.custom_fwd(device_type="cpu", cast_inputs=cast_inputs)
        def forward(ctx, a, b, more=None):
            ctx.save_for_backward(a, b)
            seen.append((a.dtype, lib.is_autocast_enabled("cpu"), more))
            return a @ b

        @staticmethod
        @lib.amp.custom_bwd(device_type="cpu")
        def backward(ctx, g):
            a, b = ctx.saved_tensors
            ga = g @ b.T
            seen.append((ga.dtype, lib.is_autocast_enabled("cpu"), lib.get_autocast_dtype("cpu")))
            return ga, a.T @ g, None

    return Product


def run(lib, enabled, cast_inputs=None, more=None, dtype="bfloat16"):
    seen = []
    a, b = (lib.ones(2, 2, requires_grad=True) for _ in range(2))
    with lib.autocast("cpu", enabled=enabled, dtype=getattr(lib, dtype)):
        y = product(lib, seen, cast_inputs).apply(a, b, more)
    y.float().sum().backward()
    return y.dtype, a.grad.dtype, a.grad.tolist(), seen


@LIBS
def test_backward_runs_as_forward_did(lib):
    half, full = lib.float16, lib.float32
    grad = [[2.0, 2.0], [2.0, 2.0]]
    assert run(lib, True, dtype="float16") == (half, full, grad, [(full, True, None), (half, True, half)])
    found = run(lib, False)
    assert found == (full, full, grad, [(full, False, None), (full, False, lib.bfloat16)])


@LIBS
def test_inputs_are_cast_in_regions_alone(lib):
    half, full = lib.float16, lib.float32
    y, grad, _, seen = run(lib, True, cast_inputs=half)
    assert (y, grad) == (half, full)
    assert seen == [(half, False, None), (half, False, lib.bfloat16)]
    assert run(lib, False, cast_inputs=half)[:2] == (full, full)


@LIBS
def test_containers_and_others_are_looked_into(lib):
    wide, whole = lib.ones(1, dtype=lib.float64), lib.ones(1, dtype=lib.int64)
    given = {"text": "abc", "list": [lib.ones(1), (wide, whole)], "number": 3}
    more = run(lib, True, cast_inputs=lib.float16, more=given)[3][0][2]
    assert more["list"][0].dtype is lib.float16 and more["text"] == "abc" and more["number"] == 3
    assert more["list"][1][0] is wide and more["list"][1][1] is whole


@LIBS
def test_device_type_is_checked(lib):
    for decorator in (lib.amp.custom_fwd, lib.amp.custom_bwd):
        with pytest.raises(ValueError, match="Expected `device_type` of type `str`"):
            decorator(device_type=0)
    with pytest.warns(FutureWarning, match="device_type='cuda'"):
        lib.cuda.amp.custom_fwd(lambda ctx: None)
    with pytest.warns(FutureWarning, match="device_type='cuda'"):
        lib.cuda.amp.custom_bwd(lambda ctx: None)
