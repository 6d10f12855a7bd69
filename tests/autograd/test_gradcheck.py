"""gradcheck and gradgradcheck pass right derivatives and fail wrong ones; anomaly mode names the line."""

from pathlib import Path

import pytest

import rushlight as rl
from rushlight.autograd import codegen, engine
from rushlight.autograd.checking import GradcheckError


def scaled(factor, again=2.0):
    """x² whose first derivative is off by a factor, and its second by another."""

    class Inner(rl.autograd.Function):
        @staticmethod
        def forward(ctx, x, g):
            ctx.save_for_backward(x, g)
            return 2 * factor * x * g

        @staticmethod
        def backward(ctx, gg):
            x, g = ctx.saved_tensors
            return again * factor * g * gg, 2 * factor * x * gg

    class Square(rl.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            ctx.save_for_backward(x)
            return x * x

        @staticmethod
        def backward(ctx, g):
            return Inner.apply(ctx.saved_tensors[0], g)

    return Square.apply


def inputs():
    return rl.tensor([0.5, -1.5], dtype=rl.float64, requires_grad=True)


def test_gradcheck_passes_what_is_right_and_fails_what_is_wrong():
    assert rl.autograd.gradcheck(scaled(1.0), inputs())
    with pytest.raises(GradcheckError, match=r"Jacobian mismatch for output 0 with respect to input 0"):
        rl.autograd.gradcheck(scaled(1.001 + 1e-3), (inputs(),))
    assert not rl.autograd.gradcheck(scaled(1.01), (inputs(),), raise_exception=False)


def test_gradgradcheck_passes_what_is_right_and_fails_what_is_wrong():
    assert rl.autograd.gradgradcheck(scaled(1.0), (inputs(),))
    with pytest.raises(GradcheckError):
        rl.autograd.gradgradcheck(scaled(1.0, again=2.1), (inputs(),))
    assert rl.autograd.gradcheck(scaled(1.0, again=2.1), (inputs(),))


def test_gradcheck_of_several_inputs_and_complex_numbers():
    z = rl.tensor([1 + 2j, -0.5 + 1j], dtype=rl.complex128, requires_grad=True)
    assert rl.autograd.gradcheck(lambda x, z: (x * z.abs(), (x * z).sum()), (inputs(), z))
    assert rl.autograd.gradgradcheck(lambda z: z * z.conj() * z, (z,))


def test_gradcheck_of_nothing_is_refused():
    with pytest.raises(ValueError, match="at least one input tensor to require gradient"):
        rl.autograd.gradcheck(lambda x: x, (rl.ones(1),))


# -- anomaly mode ----------------------------------------------------------------------------------


def line_of(mark):
    """The number of the line of this file that ends with a mark."""
    return Path(__file__).read_text(encoding="utf-8").split(f"# {mark}\n")[0].count("\n") + 1


def test_anomaly_mode_names_the_line_of_the_forward_that_made_a_nan():
    x = rl.zeros(1, requires_grad=True)
    with rl.autograd.detect_anomaly():
        y = (x * 0).sqrt()  # the root of zero
        with pytest.raises(
            RuntimeError, match=r"Function 'SqrtBackward0|MulBackward0' returned nan"
        ) as caught:
            (y * 0).sum().backward()
    assert f"{Path(__file__).name}:{line_of('the root of zero')}" in str(caught.value)


def test_anomaly_mode_names_the_line_of_an_error_in_backward():
    x = rl.ones(2, requires_grad=True)
    with rl.autograd.set_detect_anomaly(True, check_nan=False):
        y = x.exp()  # kept
        y.add_(1)
        with pytest.raises(RuntimeError, match="modified by an inplace operation") as caught:
            y.sum().backward()
    assert any(f":{line_of('kept')}" in note for note in caught.value.__notes__)


def test_anomaly_mode_off_leaves_no_trace():
    x = rl.ones(2, requires_grad=True)
    x.exp()
    with rl.autograd.detect_anomaly():
        x.exp()
        assert engine.made_at
    assert codegen.namespace["next_number"] is engine.next_number
    assert not engine.made_at
    assert not rl.is_anomaly_enabled()
    rl.autograd.set_detect_anomaly(True)
    assert rl.is_anomaly_enabled()
    rl.autograd.set_detect_anomaly(False)
    assert not rl.is_anomaly_enabled()
    assert codegen.namespace["next_number"] is engine.next_number
    y = (x * 0).sqrt()
    y.sum().backward()
    assert x.grad.isnan().all()


def test_anomaly_mode_without_the_check_lets_nan_pass():
    x = rl.zeros(1, requires_grad=True)
    with rl.autograd.detect_anomaly(check_nan=False):
        ((x * 0).sqrt() * 0).sum().backward()
    assert x.grad.isnan().all()
