"""make_tensor against torch's: the same numbers from the same seed, and its limits."""

import pytest

import rushlight
from rushlight.testing import make_tensor

DTYPES = "bool uint8 int8 int16 int32 int64 float16 bfloat16 float32 float64 complex64 complex128".split()
OPTIONS = [{}, dict(noncontiguous=True), dict(low=1, high=3), dict(low=0.5), dict(exclude_zero=True)]


@pytest.mark.parametrize("options", OPTIONS, ids=str)
@pytest.mark.parametrize("name", DTYPES)
def test_the_numbers_are_torchs(name, options):
    torch = pytest.importorskip("torch")
    if name == "bool" and "low" in options:
        options = dict(low=0, high=2)
    rushlight.manual_seed(3)
    torch.manual_seed(3)
    for shape in ((4, 5), (0, 3), (), (2, 1)):
        if not shape and options.get("noncontiguous"):
            continue
        ours = make_tensor(shape, dtype=getattr(rushlight, name), **options)
        theirs = torch.testing.make_tensor(shape, dtype=getattr(torch, name), device="cpu", **options)
        assert ours.tolist() == theirs.tolist() and (0 in shape or ours.stride() == theirs.stride())


def test_options():
    x = make_tensor(3, 4, dtype=rushlight.float32, requires_grad=True)
    assert x.shape == (3, 4) and x.requires_grad and x.is_leaf
    ones = make_tensor((50,), dtype=rushlight.int64, low=0, high=2, exclude_zero=True)
    assert ones.tolist() == [1] * 50
    wide = make_tensor((9,), dtype=rushlight.float32, low=-3e38, high=3e38)
    assert wide.isfinite().all() and wide.abs().max() > 1e37


@pytest.mark.parametrize(
    ("options", "text"),
    [
        (dict(dtype="int64", requires_grad=True), "requires_grad=True"),
        (dict(dtype="float32", low=3, high=1), "must be less than"),
        (dict(dtype="uint8", low=300, high=400), "only supports"),
        (dict(dtype="float32", low=float("nan")), "NaN"),
        (dict(dtype="float32", noncontiguous=True, memory_format=1), "mutually exclusive"),
    ],
)
def test_what_cannot_be_is_a_value_error(options, text):
    with pytest.raises(ValueError, match=text):
        make_tensor((2,), **options | {"dtype": getattr(rushlight, options["dtype"])})
    torch = pytest.importorskip("torch")
    with pytest.raises(ValueError, match=text):
        torch.testing.make_tensor((2,), device="cpu", **options | {"dtype": getattr(torch, options["dtype"])})
