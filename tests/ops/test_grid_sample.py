"""grid_sample and affine_grid: what they refuse, and that an affine grid does what it says."""

import numpy as np
import pytest

import rushlight

REFUSED = {
    "batches": "F.grid_sample(x, g[:1])",
    "coordinates": "F.grid_sample(x, g[..., :1])",
    "dimensions": "F.grid_sample(x[0], g)",
    "flat grid": "F.grid_sample(x, g[0])",
    "types": "F.grid_sample(x, g.double())",
    "mode": "F.grid_sample(x, g, mode='cubic')",
    "padding": "F.grid_sample(x, g, padding_mode='zero')",
    "empty": "F.grid_sample(x[:, :, :0], g)",
    "integers": "F.grid_sample(x.long(), g.long())",
    "cubic volume": "F.grid_sample(t.ones(2, 3, 4, 5, 6), t.ones(2, 2, 2, 2, 3), mode='bicubic')",
    "maps": "F.affine_grid(t.ones(2, 2, 3), (3, 3, 4, 5))",
    "one map": "F.affine_grid(t.ones(2, 3), (2, 3, 4, 5))",
    "integer maps": "F.affine_grid(t.ones(2, 2, 3).long(), (2, 3, 4, 5))",
    "three sizes": "F.affine_grid(t.ones(2, 2, 3), (2, 3, 4))",
    "no pixels": "F.affine_grid(t.ones(2, 2, 3), (2, 3, 0, 5))",
    "maps of the plane": "F.affine_grid(t.ones(2, 2, 3), (2, 3, 4, 5, 6))",
}


def run(text, framework):
    scope = {"t": framework, "F": framework.nn.functional}
    scope |= {"x": framework.ones(2, 3, 4, 5), "g": framework.zeros(2, 6, 7, 2)}
    try:
        return eval(text, scope)
    except Exception as error:  # noqa: BLE001 (any exception is an outcome to compare)
        return type(error)


@pytest.mark.parametrize("name", REFUSED)
@pytest.mark.filterwarnings("ignore")
def test_refusals_are_torchs(name):
    torch = pytest.importorskip("torch")
    ours = run(REFUSED[name], rushlight)
    assert isinstance(ours, type) and ours is run(REFUSED[name], torch)


@pytest.mark.parametrize("align", [False, True])
@pytest.mark.parametrize("mode", ["bilinear", "nearest", "bicubic"])
def test_the_identity_gives_the_image_and_a_turn_turns_it(mode, align):
    F = rushlight.nn.functional
    image = rushlight.tensor(np.random.default_rng(0).normal(size=(1, 2, 4, 4)))
    for matrix, expected in (
        ([[1.0, 0.0, 0.0], [0.0, 1.0, 0.0]], image.numpy()),
        ([[-1.0, 0.0, 0.0], [0.0, 1.0, 0.0]], image.numpy()[..., ::-1]),
        ([[0.0, 1.0, 0.0], [1.0, 0.0, 0.0]], image.numpy().swapaxes(2, 3)),
    ):
        theta = rushlight.tensor([matrix], dtype=rushlight.float64)
        grid = F.affine_grid(theta, image.shape, align)
        found = F.grid_sample(image, grid, mode, "border", align)
        np.testing.assert_allclose(found.numpy(), expected, 1e-12, 1e-12)


def test_saying_nothing_of_corners_warns():
    F = rushlight.nn.functional
    with pytest.warns(UserWarning, match="align_corners"):
        grid = F.affine_grid(rushlight.ones(1, 2, 3), (1, 1, 2, 2))
    with pytest.warns(UserWarning, match="align_corners"):
        F.grid_sample(rushlight.ones(1, 1, 2, 2), grid)
