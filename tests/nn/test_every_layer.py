"""Every layer against torch from the same seed: how it prints, its state, outputs, gradients; both modes."""

import json
import warnings

import numpy as np
import pytest

import rushlight
from rushlight import nn
from tests.nn.layer_cases import CASES, outcome
from tests.nn.layer_golden import GOLDEN, digest, digests

CALLS = [pytest.param(case, mode, id=f"{case.label}-{mode}") for case in CASES for mode in case.modes]
every = pytest.mark.parametrize(("case", "mode"), CALLS)


def same(ours, theirs, tolerance):
    """Arrays of the same names, shapes, dtypes and values."""
    assert list(ours) == list(theirs)
    for name, array in theirs.items():
        found = ours[name]
        assert found.shape == array.shape and found.dtype == array.dtype, name
        np.testing.assert_allclose(found, array, rtol=tolerance, atol=tolerance, err_msg=name)


@every
def test_agrees_with_torch(case, mode):
    torch = pytest.importorskip("torch")
    theirs, ours = (outcome(library, case, mode == "train") for library in (torch, rushlight))
    assert ours["repr"] == theirs["repr"]
    try:
        same(ours["arrays"], theirs["arrays"], case.tolerance)
    except AssertionError:
        exact = outcome(torch, case, mode == "train", wide=True)["arrays"]
        if not all(is_nearer(ours["arrays"][name], theirs["arrays"][name], a) for name, a in exact.items()):
            raise


def is_nearer(ours, theirs, exact):
    """Whether no number of ours is farther from the exact ones than the farthest of torch's is."""
    off, allowed = (np.abs(a.astype(exact.dtype) - exact).max(initial=0) for a in (ours, theirs))
    return off <= allowed or np.allclose(ours, theirs, 1e-6, 1e-6)


@pytest.fixture(scope="module")
def golden():
    return json.loads(GOLDEN.read_text(encoding="utf-8"))


@every
def test_agrees_with_what_torch_gave(case, mode, golden):
    expected, ours = golden[f"{case.label} {mode}"], outcome(rushlight, case, mode == "train")
    assert ours["repr"] == expected["repr"]
    found = digests(ours["arrays"])
    assert list(found) == list(expected["arrays"])
    for name, (shape, *numbers) in expected["arrays"].items():
        assert found[name][0] == shape, name
        room = 5 * case.tolerance * (1 + numbers[1])  # numbers[1] is the sum of absolute values
        np.testing.assert_allclose(found[name][1:], numbers, rtol=1e-4, atol=room, err_msg=name)


def test_a_wrong_digest_is_found(golden):
    key, case = next((f"{c.label} train", c) for c in CASES if c.name == "Linear")
    arrays = outcome(rushlight, case, True)["arrays"]
    numbers = golden[key]["arrays"]["output 0"][1:]
    assert np.allclose(digest(arrays["output 0"]), numbers, 1e-4)
    assert not np.allclose(digest(arrays["output 0"].T), numbers, 1e-2, 1e-2)


WITH_STATE = [case for case in CASES if "Lazy" not in case.name and "LinearCross" not in case.name]


@pytest.mark.parametrize("case", WITH_STATE, ids=lambda case: case.label)
def test_state_goes_to_torch_and_back(case):
    torch = pytest.importorskip("torch")
    ours = case.build(rushlight)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # about nested tensors
        theirs = case.build(torch)
    for tensor in [*ours.parameters(), *ours.buffers()]:
        if tensor.is_floating_point():
            tensor.data.mul_(0.5).add_(0.25)
    theirs.load_state_dict({k: torch.from_numpy(v.numpy().copy()) for k, v in ours.state_dict().items()})
    again = case.build(rushlight)
    again.load_state_dict({k: rushlight.from_numpy(v.numpy().copy()) for k, v in theirs.state_dict().items()})
    for name, value in ours.state_dict().items():
        assert np.array_equal(again.state_dict()[name].numpy(), value.numpy()), name


def test_the_cases_cover_every_layer():
    listed = {name for names in nn._LAYERS.values() for name in names.split()}
    exempt = {"RNNBase", "RNNCellBase", "NLLLoss2d", "UninitializedBuffer", "UninitializedParameter"}
    exempt |= {"TransformerEncoder", "TransformerDecoder"}  # made by Transformer
    exempt |= {"DataParallel"}  # in test_layer_errors
    exempt |= {"CrossMapLRN2d"}  # torch's own sums differ between forward and backward
    exempt |= {f"MaxUnpool{axes}d" for axes in (1, 2, 3)}  # in test_pooling, behind their pools
    exempt |= {f"FractionalMaxPool{axes}d" for axes in (2, 3)}  # in test_pooling
    assert listed - {case.name for case in CASES} == exempt & listed
