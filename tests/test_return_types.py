"""torch.return_types and torch.types: the classes that results are of, and names to annotate with."""

import typing

import pytest

import rushlight
from rushlight import return_types, types

CALLS = {
    "max": lambda t, x: t.max(x, 0),
    "min": lambda t, x: t.min(x, 0),
    "median": lambda t, x: t.median(x, 0),
    "sort": lambda t, x: t.sort(x),
    "topk": lambda t, x: t.topk(x, 1),
    "cummax": lambda t, x: t.cummax(x, 0),
    "mode": lambda t, x: t.mode(x),
    "aminmax": lambda t, x: t.aminmax(x),
    "frexp": lambda t, x: t.frexp(x),
    "svd": lambda t, x: t.svd(x),
    "linalg_svd": lambda t, x: t.linalg.svd(x),
    "linalg_qr": lambda t, x: t.linalg.qr(x),
    "linalg_eigh": lambda t, x: t.linalg.eigh(x),
}


@pytest.mark.parametrize("name", CALLS)
def test_results_are_of_the_class_of_that_name(name):
    result = CALLS[name](rushlight, rushlight.tensor([[2.0, 1.0], [1.0, 3.0]]))
    assert type(result) is getattr(return_types, name) and name in dir(return_types)


@pytest.mark.parametrize("name", CALLS)
def test_fields_are_torchs(name):
    torch = pytest.importorskip("torch")
    theirs = CALLS[name](torch, torch.tensor([[2.0, 1.0], [1.0, 3.0]]))
    fields = getattr(return_types, name)._fields
    assert len(fields) == len(theirs)
    for field, value in zip(fields, theirs, strict=True):
        assert (getattr(theirs, field) == value).all()


def test_other_names_are_errors():
    for name in ("add", "unique_parts", "nonsense"):
        with pytest.raises(AttributeError, match=name):
            getattr(return_types, name)


def test_types():
    assert typing.get_args(types.Number) == (int, float, bool)
    assert rushlight.device in typing.get_args(types.Device) and isinstance("cpu", types.Device)
    assert isinstance(rushlight.Size([1]), types.Size) and types._int is int and types._bool is bool
    assert types._dtype is rushlight.dtype and types.Storage is rushlight.storage.UntypedStorage
    with pytest.raises(AttributeError):
        types.Nonsense  # noqa: B018
