"""nn.utils: gradients clipped, vectors, fused layers, hooks of weight and spectral norm."""

import warnings

import numpy as np
import pytest

import rushlight
from rushlight import nn
from rushlight.nn import utils

SHAPES = [(3, 4), (5,), (2, 2)]


def numbers(*shape, seed=0):
    return np.random.default_rng(seed).standard_normal(shape).astype(np.float32)


def parameters(library, scale=3.0):
    """Parameters with gradients, and one without."""
    made = [library.nn.Parameter(library.from_numpy(numbers(*shape))) for shape in SHAPES]
    for i, parameter in enumerate(made):
        parameter.grad = library.from_numpy(numbers(*SHAPES[i], seed=i + 1) * np.float32(scale))
    return [*made, library.nn.Parameter(library.zeros(2))]


def grads(made):
    return [p.grad.numpy() for p in made if p.grad is not None]


def close(ours, theirs, tolerance=1e-6):
    for a, b in zip(ours, theirs, strict=True):
        np.testing.assert_allclose(a, b, rtol=tolerance, atol=tolerance)


# -- clipping ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("norm_type", [2, 1, 3.5, float("inf"), "inf"])
@pytest.mark.parametrize("max_norm", [1.0, 1000.0])
def test_clip_grad_norm_as_in_torch(norm_type, max_norm):
    torch = pytest.importorskip("torch")
    ours, theirs = parameters(rushlight), parameters(torch)
    found = utils.clip_grad_norm_(ours, max_norm, norm_type)
    expected = torch.nn.utils.clip_grad_norm_(theirs, max_norm, norm_type)
    close([found.numpy(), *grads(ours)], [expected.numpy(), *grads(theirs)])


def test_clip_grad_norm():
    made = parameters(rushlight)
    before = np.concatenate([g.ravel().copy() for g in grads(made)])
    total = utils.clip_grad_norm_((p for p in made), 2.0)
    assert abs(total.item() - np.linalg.norm(before)) < 1e-4
    after = np.concatenate([g.ravel() for g in grads(made)])
    assert abs(np.linalg.norm(after) - 2.0) < 1e-5
    close([after / np.linalg.norm(after)], [before / np.linalg.norm(before)])
    one = parameters(rushlight)[0]
    assert (
        utils.clip_grad_norm_(one, 1.0).item() > 1 and abs(utils.get_total_norm(one.grad).item() - 1) < 1e-5
    )


def test_clipping_nothing():
    assert utils.clip_grad_norm_([], 1.0).item() == 0
    assert utils.clip_grad_norm_([nn.Parameter(rushlight.ones(2))], 1.0).item() == 0
    with pytest.warns(UserWarning, match="empty generator"):
        utils.clip_grad_norm_((p for p in []), 1.0)


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_non_finite_norms(value):
    made = parameters(rushlight)
    made[0].grad[0, 0] = value
    with pytest.raises(RuntimeError, match="non-finite, so it cannot be clipped"):
        utils.clip_grad_norm_(made, 1.0, error_if_nonfinite=True)
    assert not np.isfinite(utils.clip_grad_norm_(made, 1.0).item())


def test_clip_grad_value():
    made = parameters(rushlight)
    before = [g.copy() for g in grads(made)]
    utils.clip_grad_value_(made, 0.5)
    close(grads(made), [np.clip(g, -0.5, 0.5) for g in before], 0)


def test_old_name_warns():
    with pytest.warns(FutureWarning, match="clip_grad_norm_"):
        utils.clip_grad_norm(parameters(rushlight), 1.0)


# -- vectors -------------------------------------------------------------------------------------------


def test_parameters_to_vector_and_back():
    made = parameters(rushlight)
    vector = utils.parameters_to_vector(made)
    close([vector.detach().numpy()], [np.concatenate([p.detach().numpy().ravel() for p in made])], 0)
    vector.sum().backward()
    assert made[3].grad.tolist() == [1.0, 1.0]
    new = rushlight.arange(float(vector.numel()))
    utils.vector_to_parameters(new, made)
    assert np.array_equal(utils.parameters_to_vector(made).detach().numpy(), new.numpy())
    with pytest.raises(TypeError, match="expected torch.Tensor, but got"):
        utils.vector_to_parameters([1.0], made)
    with pytest.raises(TypeError, match="different devices"):
        utils.parameters_to_vector([made[0], rushlight.zeros(2, device="meta")])


# -- fusion --------------------------------------------------------------------------------------------

FUSED = [
    (lambda n: (n.Conv2d(3, 4, 3), n.BatchNorm2d(4)), (2, 3, 6, 6), False),
    (lambda n: (n.Conv2d(3, 4, 3, bias=False), n.BatchNorm2d(4, affine=False)), (2, 3, 6, 6), False),
    (lambda n: (n.ConvTranspose1d(3, 4, 3), n.BatchNorm1d(4)), (2, 3, 6), True),
    (lambda n: (n.Linear(3, 4), n.BatchNorm1d(4)), (5, 3), None),
]


@pytest.mark.parametrize(("make", "shape", "transpose"), FUSED)
def test_fused_layers_compute_both(make, shape, transpose):
    layer, norm = make(nn)
    norm(layer(rushlight.randn(shape)) * 3 + 1)
    layer.eval(), norm.eval()
    x = rushlight.randn(shape)
    if transpose is None:
        fused = utils.fuse_linear_bn_eval(layer, norm)
    else:
        fused = utils.fuse_conv_bn_eval(layer, norm, transpose)
    close([fused(x).detach().numpy()], [norm(layer(x)).detach().numpy()], 1e-5)
    assert type(fused) is type(layer) and isinstance(fused.weight, nn.Parameter)
    with pytest.raises(AssertionError, match="Fusion only for eval"):
        utils.fuse_conv_bn_eval(layer, norm.train())


def test_fusion_needs_statistics():
    layer, norm = nn.Linear(3, 4).eval(), nn.BatchNorm1d(4, track_running_stats=False).eval()
    with pytest.raises(AssertionError, match="must not be None"):
        utils.fuse_linear_bn_eval(layer, norm)
    with pytest.raises(AssertionError, match="linear.out_features=4 and bn.num_features=3"):
        utils.fuse_linear_bn_eval(layer, nn.BatchNorm1d(3).eval())


# -- without first values ------------------------------------------------------------------------------


def test_skip_init():
    layer = utils.skip_init(nn.Linear, 3, 4, dtype=rushlight.float64)
    assert layer.weight.shape == (4, 3) and layer.weight.dtype is rushlight.float64 and layer.weight.is_cpu
    rushlight.manual_seed(0)
    expected = rushlight.rand(2)
    rushlight.manual_seed(0)
    utils.skip_init(nn.Conv2d, 3, 4, 3)
    assert np.array_equal(rushlight.rand(2).numpy(), expected.numpy())
    with pytest.raises(RuntimeError, match="Expected a Module"):
        utils.skip_init(dict)
    with pytest.raises(RuntimeError, match="'device' arg"):
        utils.skip_init(nn.ReLU)


# -- weight and spectral norm by hooks -----------------------------------------------------------------


def trained(library, wrap, make, shape):
    """Outputs, gradients and state over three steps and at inference, as arrays."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # weight_norm is deprecated
        library.manual_seed(0)
        layer = wrap(library.nn.utils, make(library.nn))
    x, found = library.from_numpy(numbers(*shape)), []
    for _ in range(3):
        layer.zero_grad()
        out = layer(x)
        (out * out).sum().backward()
        found += [out, *(p.grad for p in layer.parameters())]
    layer.eval()
    found += [layer(x), *layer.state_dict().values()]
    return [t.detach().numpy().copy() for t in found], list(layer.state_dict()), layer


WRAPS = {
    "weight norm": lambda u, layer: u.weight_norm(layer),
    "weight norm of rows": lambda u, layer: u.weight_norm(layer, dim=1),
    "weight norm of all": lambda u, layer: u.weight_norm(layer, dim=None),
    "weight norm of the bias": lambda u, layer: u.weight_norm(layer, "bias"),
    "spectral norm": lambda u, layer: u.spectral_norm(layer, n_power_iterations=2),
    "spectral norm of rows": lambda u, layer: u.spectral_norm(layer, dim=1),
}
LAYERS = [
    (lambda n: n.Linear(4, 3), (5, 4)),
    (lambda n: n.Conv1d(4, 3, 2), (5, 4, 6)),
    (lambda n: n.ConvTranspose1d(4, 3, 2), (5, 4, 6)),
]


@pytest.mark.parametrize("wrap", WRAPS.values(), ids=WRAPS)
@pytest.mark.parametrize(("make", "shape"), LAYERS)
def test_hooks_as_in_torch(wrap, make, shape):
    torch = pytest.importorskip("torch")
    (ours, names, _), (theirs, expected, _) = (trained(lib, wrap, make, shape) for lib in (rushlight, torch))
    assert names == expected
    close(ours, theirs, 1e-4)


@pytest.mark.parametrize("kind", ["weight_norm", "spectral_norm"])
def test_hooks_can_be_removed(kind):
    x = rushlight.randn(5, 4)
    _, _, layer = trained(rushlight, lambda u, m: getattr(u, kind)(m), LAYERS[0][0], (5, 4))
    expected = layer(x).detach().numpy()
    assert getattr(utils, f"remove_{kind}")(layer) is layer
    assert set(layer.state_dict()) == {"weight", "bias"} and isinstance(layer.weight, nn.Parameter)
    close([layer(x).detach().numpy()], [expected], 1e-5)
    with pytest.raises(ValueError, match=f"{kind} of 'weight' not found"):
        getattr(utils, f"remove_{kind}")(layer)


def test_norms_bound_the_weight():
    with pytest.warns(FutureWarning, match="parametrizations.weight_norm"):
        layer = utils.weight_norm(nn.Linear(4, 3))
    layer.weight_g.data.fill_(2.0)
    layer(rushlight.zeros(1, 4))
    np.testing.assert_allclose(np.linalg.norm(layer.weight.detach().numpy(), axis=1), 2.0, rtol=1e-6)
    layer = utils.spectral_norm(nn.Linear(4, 3), n_power_iterations=50)
    layer(rushlight.zeros(1, 4))
    assert abs(np.linalg.norm(layer.weight.detach().numpy(), 2) - 1) < 1e-4


def test_hooks_refuse():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with pytest.raises(RuntimeError, match="two weight_norm hooks"):
            utils.weight_norm(utils.weight_norm(nn.Linear(2, 2)))
        with pytest.raises(ValueError, match="uninitialized parameters"):
            utils.weight_norm(nn.LazyLinear(2))
    with pytest.raises(RuntimeError, match="two spectral_norm hooks"):
        utils.spectral_norm(utils.spectral_norm(nn.Linear(2, 2)))
    with pytest.raises(ValueError, match="n_power_iterations to be positive"):
        utils.spectral_norm(nn.Linear(2, 2), n_power_iterations=0)
    with pytest.raises(ValueError, match="`bias` is None"):
        utils.spectral_norm(nn.Linear(2, 2, bias=False), "bias")
