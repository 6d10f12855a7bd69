"""Calls, hooks and notes on errors: each scenario tells the same story in Rushlight and in torch."""

import warnings

import pytest

import rushlight
from rushlight import nn
from tests.nn.small_modules import Layer, layers, raised


def forward_hooks(lib):
    """The order in which hooks run, what they are handed, and what they may replace."""
    Scale, _ = layers(lib)
    m, log = Scale(2), []

    def pre(name, change=None):
        def hook(module, args):
            log.append((name, module is m, [a.tolist() for a in args]))
            return change

        return hook

    def post(name, change=None):
        def hook(module, args, out):
            log.append((name, len(args), out.tolist()))
            return change

        return hook

    def pre_kwargs(module, args, kwargs):
        log.append(("pre_kwargs", sorted(kwargs)))
        return args, {"factor": 10.0}

    def post_kwargs(module, args, kwargs, out):
        log.append(("post_kwargs", kwargs, out.tolist()))
        return out + 1

    handles = [
        m.register_forward_pre_hook(pre("a")),
        m.register_forward_pre_hook(pre("b", lib.full((2,), 3.0)), prepend=True),
        m.register_forward_pre_hook(pre_kwargs, with_kwargs=True),
        m.register_forward_hook(post("c")),
        m.register_forward_hook(post_kwargs, with_kwargs=True),
        m.register_forward_hook(post("d"), prepend=True),
    ]
    log.append(m(lib.ones(2), factor=0.5).tolist())
    for handle in handles:
        handle.remove()
        handle.remove()
    log.append(m(lib.ones(2)).tolist())
    log.append([len(m._forward_hooks), len(m._forward_pre_hooks), len(m._forward_hooks_with_kwargs)])
    with m.register_forward_hook(post("within")):
        m(lib.ones(2))
    m(lib.ones(2))
    m.register_forward_pre_hook(lambda *args: 5, with_kwargs=True)
    return [*log, raised(lambda: m(lib.ones(2)))]


def always_called(lib):
    """Hooks with always_call run although forward raised; what they raise themselves is a warning."""
    log = []

    class Failing(lib.nn.Module):
        def forward(self, x):
            raise ValueError("forward failed")

    def broken(module, args, out):
        raise KeyError("hook failed")

    m = Failing()
    m.register_forward_hook(lambda module, args, out: log.append(("always", args, out)), always_call=True)
    m.register_forward_hook(lambda *args: log.append("never"))
    m.register_forward_hook(lambda *args: log.append(len(args)), always_call=True, with_kwargs=True)
    m.register_forward_hook(broken, always_call=True)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        log.append(raised(lambda: m(1)))
    return [*log, [str(w.message) for w in caught]]


def backward_hooks(lib):
    """Full backward hooks: order, gradients, Nones, replacements."""
    log = []

    def plain(value):
        return [None if v is None else v.tolist() for v in value]

    class Two(lib.nn.Module):
        def __init__(self):
            super().__init__()
            self.w = lib.nn.Parameter(lib.ones(2))

        def forward(self, a, b, c):
            return a * self.w * 2, b * 3

    def hook(name, change=None):
        def run(module, grad_in, grad_out):
            log.append((name, type(grad_in).__name__, plain(grad_in), plain(grad_out)))
            return change and tuple(None if g is None else g * change for g in grad_in)

        return run

    def pre(name, change=None):
        def run(module, grad_out):
            log.append((name, plain(grad_out)))
            return change and tuple(None if g is None else g * change for g in grad_out)

        return run

    m = Two()
    handles = [
        m.register_full_backward_hook(hook("h1")),
        m.register_full_backward_hook(hook("h2", 10)),
        m.register_full_backward_hook(hook("h0"), prepend=True),
        m.register_full_backward_pre_hook(pre("p1", 2)),
        m.register_full_backward_pre_hook(pre("p0"), prepend=True),
    ]
    a, b, c = lib.ones(2, requires_grad=True), lib.ones(2, requires_grad=True), lib.ones(2)
    m(a, b, c)[0].sum().backward()
    log.append((a.grad.tolist(), m.w.grad.tolist()))
    (m(a, b, "text")[0] * m(a, b, c)[1]).sum().backward()
    log.append((a.grad.tolist(), b.grad.tolist()))
    with lib.no_grad():
        log.append(m(a, b, c)[0].tolist())
    for handle in handles:
        handle.remove()
    m(a, b, c)[1].sum().backward()
    m.register_full_backward_hook(lambda *args: (None,))
    log.append(raised(lambda: m(a, b, c)[0].sum().backward()))
    return log


def backward_hooks_without_input_gradients(lib):
    """Where no input needs a gradient the hook still runs, with Nones and a warning."""
    Scale, _ = layers(lib)
    m, log = Scale(2), []
    m.register_full_backward_hook(lambda module, gi, go: log.append((gi, [g.tolist() for g in go])))
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        m(lib.ones(2)).sum().backward()
    return log, len(caught), m.weight.grad.tolist()


def global_hooks(lib):
    """Hooks on every module run before the module's own; registration hooks may replace what is
    registered.
    """
    import importlib

    place = "rushlight.nn.global_hooks" if lib is rushlight else "torch.nn.modules.module"
    everywhere = importlib.import_module(place)
    Scale, _ = layers(lib)
    m, log = lib.nn.Sequential(Scale(2)), []
    m[0].register_forward_hook(lambda *args: log.append("own"))
    kind = lambda module: type(module).__name__  # noqa: E731
    handles = [
        everywhere.register_module_forward_pre_hook(lambda x, args: log.append(("pre", kind(x)))),
        everywhere.register_module_forward_hook(lambda x, args, out: log.append(("post", kind(x)))),
        everywhere.register_module_full_backward_pre_hook(lambda x, go: log.append(("bpre", kind(x)))),
        everywhere.register_module_full_backward_hook(lambda x, gi, go: log.append(("back", kind(x)))),
        everywhere.register_module_parameter_registration_hook(
            lambda x, n, p: log.append(("param", kind(x), n))
        ),
        everywhere.register_module_buffer_registration_hook(
            lambda x, n, b: log.append(("buffer", kind(x), n))
        ),
        everywhere.register_module_module_registration_hook(
            lambda x, n, c: log.append(("module", n, kind(c)))
        ),
    ]
    try:
        m(lib.ones(2, requires_grad=True)).sum().backward()
        m.add_module("more", Scale(1))
        m.attribute = Scale(1)
    finally:
        for handle in handles:
            handle.remove()
    log.append("removed")
    m[0](lib.ones(2))
    return log


SCENARIOS = [
    forward_hooks,
    always_called,
    backward_hooks,
    backward_hooks_without_input_gradients,
    global_hooks,
]


@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda scenario: scenario.__name__)
def test_as_in_torch(scenario):
    torch = pytest.importorskip("torch")
    assert scenario(rushlight) == scenario(torch)


@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda scenario: scenario.__name__)
def test_runs_without_torch(scenario):
    assert scenario(rushlight)


def test_a_module_without_hooks_has_no_tables():
    layer = Layer()
    layer(rushlight.ones(2))
    layer.state_dict()
    assert not {"_forward_hooks", "_backward_hooks", "_forward_pre_hooks"} & set(vars(layer))
    assert not layer._hooked
    assert len(layer._forward_hooks) == 0 and layer._hooked


class Nested(nn.Module):
    def __init__(self):
        super().__init__()
        self.encoder = nn.Module()
        self.encoder.layers = nn.ModuleList([nn.Sequential(nn.Sequential(Layer())), Layer()])
        self.heads = nn.ModuleDict({"to the left": Layer(), "right": Layer()})

    def forward(self, x, to):
        part = self.heads[to] if to in self.heads else self.encoder.layers[int(to)]
        return part(x)


@pytest.mark.parametrize(
    ("to", "path"),
    [
        ("0", "in model.encoder.layers[0][0][0] (Layer)"),
        ("1", "in model.encoder.layers[1] (Layer)"),
        ("right", "in model.heads.right (Layer)"),
        ("to the left", 'in model.heads["to the left"] (Layer)'),
    ],
)
def test_an_error_says_in_which_module_it_happened(to, path):
    model = Nested()
    with pytest.raises(ValueError, match="no input") as caught:
        model(None, to)
    assert caught.value.__notes__ == [path]


def test_error_notes_of_single_unnamed_and_unregistered_modules():
    with pytest.raises(ValueError) as caught:
        Layer()(None)
    assert caught.value.__notes__ == ["in Layer"]
    hidden = [Layer()]

    class Owner(nn.Module):
        def forward(self, x):
            return hidden[0](x)

    owner = Owner()
    with pytest.raises(ValueError) as caught:
        owner(None)
    assert caught.value.__notes__ == ["in owner > Layer (Layer)"]


def test_error_notes_keep_those_of_the_user():
    class Noting(nn.Module):
        def __init__(self):
            super().__init__()
            self.inner = Layer()

        def forward(self, x):
            try:
                return self.inner(x)
            except ValueError as error:
                error.add_note("mine")
                raise

    model = Noting()
    with pytest.raises(ValueError) as caught:
        model(None)
    assert caught.value.__notes__ == ["in model.inner (Layer)", "mine"]


def test_an_exception_caught_inside_a_forward_leaves_no_trace():
    class Trying(nn.Module):
        def __init__(self):
            super().__init__()
            self.inner = Layer()

        def forward(self, x):
            try:
                return self.inner(None)
            except ValueError:
                return self.inner(x)

    assert Trying()(rushlight.ones(2)).tolist() == [1.0, 1.0]
