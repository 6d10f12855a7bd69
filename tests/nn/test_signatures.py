"""Constructors and forwards take what torch's take: names, order, defaults."""

import importlib
import inspect

import pytest

from rushlight import nn

LAYERS = sorted({name for names in nn._LAYERS.values() for name in names.split()})
# Ours says which parameters there are where torch says *args, **kwargs.
SPELT_OUT = {"RNN", "LSTM", "GRU", "DataParallel", "RNNBase", "RNNCellBase"}
SPELT_OUT |= {"UninitializedBuffer", "UninitializedParameter"}
TOOLS = """clip_grad_norm_ clip_grad_value_ clip_grads_with_norm_ get_total_norm parameters_to_vector
    vector_to_parameters fuse_conv_bn_eval fuse_conv_bn_weights fuse_linear_bn_eval fuse_linear_bn_weights
    skip_init spectral_norm remove_spectral_norm weight_norm remove_weight_norm"""


def parameters(function):
    """(name, kind, default) of each parameter but self; a default's value, where it is plain."""
    found = []
    for p in list(inspect.signature(function).parameters.values()):
        if p.name == "self":
            continue
        plain = isinstance(p.default, (int, float, str, bool, tuple, type(None)))
        found.append(
            (p.name, p.kind, p.default if plain else "..." if p.default is not p.empty else "required")
        )
    return found


@pytest.mark.parametrize("name", [name for name in LAYERS if name not in SPELT_OUT])
def test_layers(name):
    torch = pytest.importorskip("torch")
    ours, theirs = getattr(nn, name), getattr(torch.nn, name)
    assert parameters(ours.__init__) == parameters(theirs.__init__)
    assert [p[0] for p in parameters(ours.forward)] == [p[0] for p in parameters(theirs.forward)]


@pytest.mark.parametrize("name", TOOLS.split())
def test_tools(name):
    torch = pytest.importorskip("torch")
    assert parameters(getattr(nn.utils, name)) == parameters(getattr(torch.nn.utils, name))


@pytest.mark.parametrize(
    "name", sorted(n for n in vars(nn.init) if n.endswith("_") and not n.startswith("_"))
)
def test_first_values(name):
    torch = pytest.importorskip("torch")
    assert parameters(getattr(nn.init, name)) == parameters(getattr(torch.nn.init, name))


@pytest.mark.parametrize("home", ["rnn", "parametrize", "parametrizations", "prune"])
def test_modules_of_tools(home):
    pytest.importorskip("torch")

    theirs, ours = importlib.import_module(f"torch.nn.utils.{home}"), getattr(nn.utils, home)
    functions = {
        n: f for n, f in vars(theirs).items() if inspect.isfunction(f) and f.__module__ == theirs.__name__
    }
    for name, expected in functions.items():
        if not name.startswith("_") and name not in ("cached", "bind"):
            assert parameters(getattr(ours, name)) == parameters(expected), name
