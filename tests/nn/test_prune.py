"""nn.utils.prune against torch: masks, parameters and outputs, from one seed."""

import numpy as np
import pytest

import rushlight
from rushlight import nn
from rushlight.nn.utils import prune

STEPS = {
    "identity": [lambda p, m: p.identity(m, "weight")],
    "random": [lambda p, m: p.random_unstructured(m, "weight", 0.4)],
    "smallest": [lambda p, m: p.l1_unstructured(m, "weight", 5)],
    "none": [lambda p, m: p.l1_unstructured(m, "weight", 0)],
    "random channels": [lambda p, m: p.random_structured(m, "weight", 2, 1)],
    "weak channels": [lambda p, m: p.ln_structured(m, "weight", 0.5, 2, 0)],
    "weak columns": [lambda p, m: p.ln_structured(m, "weight", 1, float("inf"), -1)],
    "one after another": [
        lambda p, m: p.l1_unstructured(m, "weight", 0.3),
        lambda p, m: p.ln_structured(m, "weight", 1, 1, 0),
        lambda p, m: p.random_unstructured(m, "weight", 0.25),
    ],
    "weight and bias": [
        lambda p, m: p.l1_unstructured(m, "weight", 3),
        lambda p, m: p.l1_unstructured(m, "bias", 1),
    ],
    "removed": [lambda p, m: p.l1_unstructured(m, "weight", 3), lambda p, m: p.remove(m, "weight")],
    "together": [
        lambda p, m: p.global_unstructured([(m, "weight"), (m, "bias")], p.L1Unstructured, amount=0.4),
        lambda p, m: p.global_unstructured([(m, "weight"), (m, "bias")], p.L1Unstructured, amount=4),
    ],
}


def pruned(library, steps):
    library.manual_seed(0)
    layer = library.nn.Linear(6, 4)
    from importlib import import_module

    tools = import_module(f"{library.__name__}.nn.utils.prune")
    library.manual_seed(1)
    for step in steps:
        step(tools, layer)
    x = library.from_numpy(np.random.default_rng(0).standard_normal((3, 6)).astype(np.float32))
    layer(x).square().sum().backward()
    found = {"output": layer(x), "weight": layer.weight, **layer.state_dict()}
    found |= {f"gradient of {name}": p.grad for name, p in layer.named_parameters()}
    return {name: tensor.detach().numpy() for name, tensor in found.items()}, tools.is_pruned(layer)


@pytest.mark.parametrize("steps", STEPS.values(), ids=STEPS)
def test_as_in_torch(steps):
    torch = pytest.importorskip("torch")
    (ours, still), (theirs, expected) = pruned(rushlight, steps), pruned(torch, steps)
    assert list(ours) == list(theirs) and still == expected
    for name, array in theirs.items():
        np.testing.assert_allclose(ours[name], array, rtol=1e-5, atol=1e-5, err_msg=name)


def test_counts():
    layer = prune.l1_unstructured(nn.Linear(6, 4), "weight", 0.25)
    assert (layer.weight_mask == 0).sum().item() == 6 and prune.is_pruned(nn.Sequential(layer))
    prune.l1_unstructured(layer, "weight", 6)
    assert (layer.weight_mask == 0).sum().item() == 12
    kept = layer.weight_orig.abs()[layer.weight_mask == 1].min()
    assert kept >= layer.weight_orig.abs()[layer.weight_mask == 0].max()
    assert len(next(iter(layer._forward_pre_hooks.values()))) == 2


def test_scores_decide():
    layer = nn.Linear(2, 2)
    scores = rushlight.tensor([[4.0, 1.0], [3.0, 2.0]])
    prune.l1_unstructured(layer, "weight", 2, importance_scores=scores)
    assert layer.weight_mask.tolist() == [[1.0, 0.0], [1.0, 0.0]]
    assert prune.L1Unstructured(1).prune(scores).tolist() == [[4.0, 0.0], [3.0, 2.0]]
    prune.custom_from_mask(layer, "bias", rushlight.tensor([0.0, 1.0]))
    assert layer.bias[0].item() == 0


WRONG = {
    "amount": (lambda p, m, t: p.l1_unstructured(m, "weight", "all"), TypeError, "Must be int or float"),
    "fraction": (lambda p, m, t: p.l1_unstructured(m, "weight", 1.5), ValueError, "range"),
    "too many": (
        lambda p, m, t: p.l1_unstructured(m, "weight", 99),
        ValueError,
        "should be smaller than the number",
    ),
    "vector": (lambda p, m, t: p.ln_structured(m, "bias", 1, 2, 0), ValueError, "multidimensional tensors"),
    "dim": (lambda p, m, t: p.ln_structured(m, "weight", 1, 2, 5), IndexError, "Invalid index 5"),
    "scores": (
        lambda p, m, t: p.l1_unstructured(m, "weight", 1, t),
        AssertionError,
        "same shape as parameter",
    ),
    "mask": (lambda p, m, t: p.custom_from_mask(m, "weight", t), AssertionError, "must match"),
    "not pruned": (lambda p, m, t: p.remove(m, "weight"), ValueError, "has to be pruned before"),
    "structured": (
        lambda p, m, t: p.global_unstructured([(m, "weight")], p.RandomStructured, amount=1),
        TypeError,
        'Only "unstructured"',
    ),
}


@pytest.mark.parametrize(("call", "error", "words"), WRONG.values(), ids=WRONG)
def test_what_is_refused(call, error, words):
    layer = nn.Linear(6, 4)
    with pytest.raises(error, match=words):
        call(prune, layer, rushlight.zeros(2))
    assert isinstance(layer.weight, nn.Parameter)
    torch = pytest.importorskip("torch")
    from torch.nn.utils import prune as theirs

    with pytest.raises(error, match=words):
        call(theirs, torch.nn.Linear(6, 4), torch.zeros(2))
