"""Modules: each scenario below runs in Rushlight and in torch, and must tell the same story in both."""

import copy
import gc
import pickle
import warnings
import weakref
from collections import OrderedDict

import pytest

import rushlight
from rushlight import nn


def layers(lib):
    """A small layer and a small model, written once for both libraries."""

    class Scale(lib.nn.Module):
        def __init__(self, size, bias=True):
            super().__init__()
            self.size = size
            self.weight = lib.nn.Parameter(lib.full((size,), 2.0))
            if bias:
                self.bias = lib.nn.Parameter(lib.zeros(size))
            else:
                self.register_parameter("bias", None)
            self.register_buffer("count", lib.zeros((), dtype=lib.int64))
            self.register_buffer("scratch", lib.ones(2), persistent=False)

        def forward(self, x, *, factor=1.0):
            y = x * self.weight * factor
            return y if self.bias is None else y + self.bias

        def extra_repr(self):
            return f"size={self.size}, bias={self.bias is not None}"

    class Model(lib.nn.Module):
        _version = 3

        def __init__(self):
            super().__init__()
            self.first = Scale(3)
            self.blocks = lib.nn.ModuleList([Scale(3), lib.nn.Sequential(Scale(3, bias=False), Scale(3))])
            self.heads = lib.nn.ModuleDict({"left": Scale(3)})
            self.shared = self.first
            self.alone = lib.nn.Parameter(lib.ones(1))
            self.empty = None

        def forward(self, x):
            x = self.first(x)
            for block in self.blocks:
                x = block(x)
            return self.heads["left"](x)

    return Scale, Model


def raised(action):
    """The type and message of what `action` raises."""
    try:
        action()
    except Exception as error:
        return type(error).__name__, str(error)
    return None


def names(pairs):
    return [name for name, _ in pairs]


def listings(lib):
    """Every walk through a tree of modules."""
    _, Model = layers(lib)
    m = Model()
    return [
        names(m.named_parameters()),
        names(m.named_parameters(prefix="net", remove_duplicate=False)),
        names(m.named_parameters(recurse=False)),
        names(m.named_buffers()),
        names(m.named_buffers(remove_duplicate=False)),
        names(m.named_children()),
        names(m.named_modules()),
        names(m.named_modules(remove_duplicate=False, prefix="top")),
        names(m.named_modules(memo={m.blocks})),
        [type(x).__name__ for x in m.modules()],
        len(list(m.modules(remove_duplicate=False))),
        [type(x).__name__ for x in m.children()],
        [tuple(p.shape) for p in m.parameters()],
        [tuple(b.shape) for b in m.buffers()],
        [name for name in dir(m) if name in ("first", "alone", "shared", "blocks", "forward", "train")],
        [name for name in dir(m.blocks) if name.isdigit()],
    ]


def printing(lib):
    """The repr of nested, empty and many-lined modules."""
    Scale, Model = layers(lib)

    class Lines(lib.nn.Module):
        def extra_repr(self):
            return "one,\ntwo"

    class Mixed(lib.nn.Module):
        def __init__(self):
            super().__init__()
            self.part = Lines()
            self.register_module("none", None)

        def extra_repr(self):
            return "key=1"

    return [repr(m) for m in (Model(), Scale(2, bias=False), Lines(), Mixed(), lib.nn.Module())]


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


def assigning(lib):
    """Which assignment lands in which registry."""
    Parameter, ones = lib.nn.Parameter, lib.ones
    m = lib.nn.Module()
    out = []

    def look(label):
        registered = [list(m._parameters), list(m._buffers), list(m._modules)]
        plain = {"x", "y"} & set(vars(m)) - set(sum(registered, []))
        out.append((label, registered, sorted(plain)))

    m.x = ones(1)
    look("plain tensor")
    m.x = Parameter(ones(1))
    look("parameter over plain")
    m.x = None
    look("none over parameter")
    out.append(m.x)
    m.x = Parameter(ones(2))
    look("parameter again")
    out.append(raised(lambda: setattr(m, "x", lib.nn.Module()))[0])
    del m.x
    m.x = lib.nn.Module()
    look("module")
    m.x = None
    look("none over module")
    m.x = lib.nn.Module()
    m.x = Parameter(ones(1))
    look("parameter over module")
    del m.x
    look("deleted")
    m.register_buffer("x", ones(1), persistent=False)
    m.x = ones(3)
    look("tensor over buffer")
    out += [tuple(m.x.shape), sorted(m._non_persistent_buffers_set), list(m.state_dict())]
    m.x = Parameter(ones(1))
    look("parameter over buffer")
    out.append(sorted(m._non_persistent_buffers_set))
    m.y = lib.nn.Buffer(ones(1), persistent=False)
    look("buffer")
    out.append(sorted(m._non_persistent_buffers_set))
    m.y = None
    look("none over buffer")
    del m.y
    out.append(hasattr(m, "y"))
    m._parameters["x"] = Parameter(ones(4))
    out.append(tuple(m.x.shape))
    m._parameters.pop("x")
    out.append(hasattr(m, "x"))
    m._modules["y"] = lib.nn.Module()
    out.append(type(m.y).__name__)
    m._modules = OrderedDict(z=lib.nn.Module())
    out += [hasattr(m, "y"), hasattr(m, "z")]
    return out


def assignment_errors(lib):
    """Assignments that are refused; the messages too."""
    Scale, _ = layers(lib)
    m = Scale(2)
    m.child = lib.nn.Module()
    computed = lib.nn.Parameter(lib.ones(1))
    p = lib.nn.Parameter(lib.ones(1))

    def delete():
        del m.nothing

    return [
        raised(lambda: setattr(m, "weight", lib.ones(2))),
        raised(lambda: setattr(m, "weight", "text")),
        raised(lambda: setattr(m, "child", 5)),
        raised(lambda: setattr(m, "count", [1])),
        raised(lambda: m.register_parameter("w", lib.ones(1))),
        raised(lambda: m.register_parameter("size", p)),
        raised(lambda: m.register_parameter("", p)),
        raised(lambda: m.register_parameter(3, p)),
        raised(lambda: m.register_buffer("b", "text")),
        raised(lambda: m.register_buffer("weight", lib.ones(1))),
        raised(lambda: m.register_buffer("", lib.ones(1))),
        raised(lambda: m.register_buffer(3, lib.ones(1))),
        raised(lambda: m.add_module("weight", lib.nn.Module())),
        raised(lambda: m.add_module("a.b", lib.nn.Module())),
        raised(lambda: m.add_module("", lib.nn.Module())),
        raised(lambda: m.add_module(3, lib.nn.Module())),
        raised(lambda: m.add_module("text", "text")),
        raised(lambda: lib.nn.Module(1)),
        raised(lambda: lib.nn.Module(key=1)),
        raised(lambda: m.nothing),
        raised(delete),
        raised(lambda: lib.nn.Module()(1)),
        raised(lambda: m.train("yes")),
        raised(lambda: setattr(m, "w", computed * 2)),
    ]


def paths(lib):
    """get_ and set_ by dotted path, and what is said where the path ends nowhere."""
    _, Model = layers(lib)
    m = Model()
    found = [
        m.get_submodule("") is m,
        m.get_submodule("blocks.1.0") is m.blocks[1][0],
        m.get_parameter("blocks.1.1.weight") is m.blocks[1][1].weight,
        m.get_buffer("heads.left.count") is m.heads["left"].count,
    ]
    new = lib.nn.Module()
    m.set_submodule("blocks.1.0", new)
    found.append(m.blocks[1][0] is new)
    m.set_submodule("fresh", new)
    found.append(m.fresh is new)
    return found + [
        raised(lambda: m.get_submodule("blocks.9")),
        raised(lambda: m.get_submodule("alone")),
        raised(lambda: m.get_parameter("first.nothing")),
        raised(lambda: m.get_parameter("first.count")),
        raised(lambda: m.get_buffer("first.weight")),
        raised(lambda: m.get_buffer("first.size2")),
        raised(lambda: m.set_submodule("", new)),
        raised(lambda: m.set_submodule("unknown", new, strict=True)),
        raised(lambda: m.set_submodule("alone", new)),
    ]


def converting(lib):
    """Casts keep the Parameter objects and leave integers alone."""
    _, Model = layers(lib)
    m = Model()
    m.first.weight.grad = lib.ones(3)
    weight, grad = m.first.weight, m.first.weight.grad
    out = []
    for change in (
        lambda: m.double(),
        lambda: m.half(),
        lambda: m.bfloat16(),
        lambda: m.float(),
        lambda: m.to(lib.float64),
        lambda: m.to("cpu"),
        lambda: m.to(lib.device("cpu"), lib.float16),
        lambda: m.to(dtype=lib.float32, device="cpu"),
        lambda: m.to(lib.ones(1, dtype=lib.float64)),
        lambda: m.to("cpu", lib.float32, True),
        lambda: m.cpu(),
        lambda: m.type(lib.float64),
    ):
        same = change() is m
        first = m.first
        out.append([same, str(first.weight.dtype), str(first.weight.grad.dtype), str(first.count.dtype)])
        out.append(
            [first.weight is weight, first.weight.grad is grad, first.weight.requires_grad, weight.is_leaf]
        )
    out.append(raised(lambda: m.to(lib.int64)))
    out.append(sorted(k for k, p in m.named_parameters() if p.requires_grad))
    return out


def modes(lib):
    """train, eval, apply, requires_grad_ and zero_grad reach every module."""
    _, Model = layers(lib)
    m = Model()
    out = [m.training, [x.training for x in m.eval().modules()], m.blocks.train().training, m.training]
    seen = []
    out.append(m.apply(lambda module: seen.append(type(module).__name__)) is m)
    out.append(seen)
    m.requires_grad_(False)
    out.append({p.requires_grad for p in m.parameters()})
    m.requires_grad_()
    m(lib.ones(3)).sum().backward()
    out.append([(name, None if p.grad is None else p.grad.tolist()) for name, p in m.named_parameters()])
    m.zero_grad(set_to_none=False)
    out.append({None if p.grad is None else p.grad.sum().item() for p in m.parameters()})
    m.zero_grad()
    return [*out, {p.grad for p in m.parameters()}]


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


def copying(lib):
    """copy, deepcopy and pickle of a module with hooks, shared modules and gradients."""
    _, Model = layers(lib)
    m = Model()
    m.first.register_load_state_dict_pre_hook(_counting_hook)
    m.eval()
    out = []
    for twin in (copy.deepcopy(m), copy.copy(m)):
        out.append([twin.training, list(twin.state_dict()), twin.shared is twin.first])
        out.append([twin.first is m.first, twin.first.weight is m.first.weight, twin.alone is m.alone])
        out.append([names(twin.named_parameters()), list(twin.state_dict()._metadata)])
    return out


def _counting_hook(module, *args):
    pass


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
    listings,
    printing,
    states,
    loading,
    loading_values,
    assigning,
    assignment_errors,
    paths,
    converting,
    modes,
    extra_state,
    older_versions,
    forward_hooks,
    always_called,
    backward_hooks,
    backward_hooks_without_input_gradients,
    state_hooks,
    copying,
    global_hooks,
]


@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda scenario: scenario.__name__)
def test_as_in_torch(scenario):
    torch = pytest.importorskip("torch")
    assert scenario(rushlight) == scenario(torch)


@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda scenario: scenario.__name__)
def test_runs_without_torch(scenario):
    assert scenario(rushlight)


class Layer(nn.Module):
    def __init__(self):
        super().__init__()
        self.weight = nn.Parameter(rushlight.ones(2))
        self.register_buffer("steps", rushlight.zeros(1))
        self.child = nn.Module()

    def forward(self, x):
        if x is None:
            raise ValueError("no input")
        return x * self.weight


def test_registered_things_are_plain_attributes():
    layer = Layer()
    assert vars(layer)["weight"] is layer._parameters["weight"]
    assert vars(layer)["steps"] is layer._buffers["steps"]
    assert vars(layer)["child"] is layer._modules["child"]


def test_direct_writes_to_a_registry_reach_the_attribute():
    layer = Layer()
    new = nn.Parameter(rushlight.zeros(2))
    layer._parameters["weight"] = new
    assert layer.weight is new
    layer._parameters.update(other=new)
    assert layer.other is new and layer._parameters.setdefault("third", new) is layer.third
    layer._parameters |= {"fourth": new}
    assert layer.fourth is new
    assert layer._parameters.popitem() == ("fourth", new) and not hasattr(layer, "fourth")
    layer._parameters.clear()
    assert not hasattr(layer, "weight") and not list(layer.parameters())
    assert layer._buffers.pop("none", 5) == 5
    with pytest.raises(KeyError):
        layer._buffers.pop("none")


def test_a_name_of_the_class_is_not_hidden_by_a_registered_one():
    class Odd(nn.Module):
        half_size = 3

    odd = Odd()
    odd._modules["half"] = Layer()
    assert callable(odd.half) and odd.half() is odd
    assert odd.get_submodule("").half.__func__ is nn.Module.half


def test_modules_are_freed_without_the_garbage_collector():
    gc.disable()
    try:
        layer = Layer()
        seen = [weakref.ref(layer), weakref.ref(layer.child)]
        del layer
        assert [reference() for reference in seen] == [None, None]
    finally:
        gc.enable()


def test_a_module_without_hooks_has_no_tables():
    layer = Layer()
    layer(rushlight.ones(2))
    layer.state_dict()
    assert not {"_forward_hooks", "_backward_hooks", "_forward_pre_hooks"} & set(vars(layer))
    assert not layer._hooked
    assert len(layer._forward_hooks) == 0 and layer._hooked


def test_pickle_round_trip():
    layer = Layer().eval()
    layer.register_load_state_dict_pre_hook(_counting_hook)
    twin = pickle.loads(pickle.dumps(layer))
    assert twin.weight.tolist() == [1.0, 1.0] and isinstance(twin.weight, nn.Parameter)
    assert not twin.training and list(twin._modules) == ["child"] and twin.child is not layer.child
    assert repr(twin.load_state_dict(layer.state_dict())) == "<All keys matched successfully>"
    assert twin(rushlight.ones(2)).tolist() == [1.0, 1.0]


def test_a_subclass_with_its_own_setstate():
    class Mine(Layer):
        def __setstate__(self, state):
            self.__dict__.update(state)

    twin = copy.deepcopy(Mine())
    assert twin.weight is twin._parameters["weight"] and twin.child is twin._modules["child"]
    twin.weight = nn.Parameter(rushlight.zeros(2))
    twin.steps = rushlight.ones(3)
    assert twin.weight.tolist() == [0.0, 0.0] and twin.steps is twin._buffers["steps"]
    del twin.child
    assert not hasattr(twin, "child")


def test_a_wrapper_that_passes_attributes_on():
    class Wrapper(nn.Module):
        def __init__(self, inner):
            super().__init__()
            self.inner = inner

        def __getattr__(self, name):
            try:
                return super().__getattr__(name)
            except AttributeError:
                return getattr(super().__getattribute__("inner"), name)

    wrapped = Wrapper(Layer())
    assert wrapped.weight is wrapped.inner.weight
    with pytest.raises(AttributeError, match="nothing"):
        wrapped.nothing


def test_assigning_before_init_says_what_to_do():
    class Forgot(nn.Module):
        def __init__(self, value):
            self.part = value

    for value in (nn.Module(), nn.Parameter(rushlight.ones(1)), nn.Buffer(rushlight.ones(1))):
        with pytest.raises(
            AttributeError, match=r"before Module.__init__\(\) call: Forgot.__init__ should call super"
        ):
            Forgot(value)
    assert Forgot(5).part == 5


def test_deprecated_positional_state_dict():
    into = {}
    with pytest.warns(FutureWarning, match="Positional args"):
        Layer().state_dict(into, "p.")
    assert list(into) == ["p.weight", "p.steps"]


def test_call_super_init():
    class Other:
        def __init__(self, value):
            self.value = value

    class Both(nn.Module, Other):
        call_super_init = True

    assert Both(7).value == 7


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
