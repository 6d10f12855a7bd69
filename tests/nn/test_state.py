"""state_dict and load_state_dict: each scenario tells the same story in Rushlight and in torch."""

from collections import OrderedDict

import pytest

import rushlight
from tests.nn.small_modules import Layer, layers, raised


def states(lib):
    """The keys, the metadata and the values of state_dict."""
    Scale, Model = layers(lib)
    m = Model()
    state = m.state_dict()
    into = OrderedDict()
    returned = m.state_dict(destination=into, prefix="net.")
    return [
        type(state).__name__,
        list(state),
        list(state._metadata.items()),
        list(returned),
        returned is into,
        hasattr(into, "_metadata"),
        state["first.weight"].requires_grad,
        type(state["first.weight"]).__name__,
        type(m.state_dict(keep_vars=True)["first.weight"]).__name__,
        state["first.weight"].data_ptr() == m.first.weight.data_ptr(),
        state["first.weight"].tolist(),
        list(Scale(2, bias=False).state_dict()),
    ]


def loading(lib):
    """What load_state_dict returns and raises."""
    Scale, Model = layers(lib)
    m = Model()
    state = m.state_dict()
    wrong = OrderedDict(state)
    wrong["first.weight"] = lib.ones(4)
    wrong["heads.left.bias"] = "text"
    del wrong["alone"]
    wrong["extra"] = lib.ones(1)
    wrong["blocks.7.weight"] = lib.ones(1)
    fewer = {k: v for k, v in state.items() if not k.startswith("blocks")}
    lenient = Model().load_state_dict({**fewer, "more.x": lib.ones(1)}, strict=False)
    return [
        repr(Model().load_state_dict(state)),
        raised(lambda: m.load_state_dict(wrong)),
        raised(lambda: m.load_state_dict(wrong, strict=False)),
        raised(lambda: m.load_state_dict([1])),
        lenient.missing_keys,
        lenient.unexpected_keys,
        repr(lenient),
        raised(lambda: Scale(2).load_state_dict({})),
    ]


def loading_values(lib):
    """Loading copies into the module's own tensors; assign puts the given ones in their place."""
    Scale, _ = layers(lib)
    a, b = Scale(2), Scale(2)
    weight, given = a.weight, {"weight": lib.full((2,), 5.0), "bias": lib.ones(2), "count": lib.tensor(7)}
    a.load_state_dict(given)
    out = [a.weight is weight, a.weight.tolist(), a.count.item(), given["weight"].tolist()]
    b.weight.requires_grad_(False)
    b.load_state_dict(given, assign=True)
    out += [b.weight.tolist(), type(b.weight).__name__, b.weight.requires_grad, b.bias.requires_grad]
    out += [b.count is given["count"], b.weight.data_ptr() == given["weight"].data_ptr()]
    one = lib.nn.Module()
    one.register_buffer("scalar", lib.tensor(1.0))
    one.load_state_dict({"scalar": lib.tensor([3.0])})
    return [*out, one.scalar.item(), tuple(one.scalar.shape)]


def extra_state(lib):
    """get_extra_state and set_extra_state join the state."""

    class Counting(lib.nn.Module):
        def __init__(self):
            super().__init__()
            self.n = 3

        def get_extra_state(self):
            return {"n": self.n}

        def set_extra_state(self, state):
            self.n = state["n"]

    a, b = Counting(), Counting()
    a.n = 9
    b.load_state_dict(a.state_dict())
    return [
        list(a.state_dict().items()),
        b.n,
        raised(lambda: b.load_state_dict({})),
        raised(lambda: lib.nn.Module().load_state_dict(a.state_dict())),
        raised(lambda: lib.nn.Sequential(Counting()).load_state_dict({})),
    ]


def older_versions(lib):
    """`_load_from_state_dict` sees the version its entries were saved with."""
    seen = []

    class Newer(lib.nn.Module):
        _version = 2

        def __init__(self):
            super().__init__()
            self.w = lib.nn.Parameter(lib.zeros(1))

        def _load_from_state_dict(self, state_dict, prefix, local_metadata, *args):
            seen.append((prefix, local_metadata.get("version"), args[0]))
            super()._load_from_state_dict(state_dict, prefix, local_metadata, *args)

    model = lib.nn.Sequential(Newer())
    state = model.state_dict()
    model.load_state_dict(state)
    model.load_state_dict(dict(state))
    return seen


def state_hooks(lib):
    """Hooks around state_dict and load_state_dict."""
    Scale, _ = layers(lib)
    m, log = Scale(2), []

    def post(module, state, prefix, metadata):
        log.append(("post", prefix, metadata))
        state[prefix + "added"] = 1

    m.register_state_dict_pre_hook(lambda module, prefix, keep: log.append(("pre", prefix, keep)))
    m.register_state_dict_post_hook(post)
    log.append(list(m.state_dict(prefix="p.")))
    other = Scale(2)
    other.register_load_state_dict_pre_hook(lambda module, state, prefix, *rest: state.pop(prefix + "added"))
    other._register_load_state_dict_pre_hook(lambda state, prefix, *rest: log.append(("load", len(rest))))

    def after(module, keys):
        log.append(("after", list(keys.missing_keys), list(keys.unexpected_keys)))
        keys.missing_keys.clear()

    other.register_load_state_dict_post_hook(after)
    state = m.state_dict()
    del state["weight"]
    log.append(repr(other.load_state_dict(state)))
    m.register_state_dict_post_hook(lambda *args: 1)
    log.append(raised(m.state_dict))
    replaced = Scale(2)
    replaced._register_state_dict_hook(lambda *args: OrderedDict(only=1))
    return [*log, list(replaced.state_dict()), raised(lambda: replaced._register_state_dict_hook(post))]


SCENARIOS = [states, loading, loading_values, extra_state, older_versions, state_hooks]


@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda scenario: scenario.__name__)
def test_as_in_torch(scenario):
    torch = pytest.importorskip("torch")
    assert scenario(rushlight) == scenario(torch)


@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda scenario: scenario.__name__)
def test_runs_without_torch(scenario):
    assert scenario(rushlight)


def test_deprecated_positional_state_dict():
    into = {}
    with pytest.warns(FutureWarning, match="Positional args"):
        Layer().state_dict(into, "p.")
    assert list(into) == ["p.weight", "p.steps"]
