"""Modules: each scenario below runs in Rushlight and in torch, and must tell the same story in both."""

import copy
import gc
import pickle
import weakref
from collections import OrderedDict

import pytest

import rushlight
from rushlight import nn
from tests.nn.small_modules import Layer, layers, names, raised


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


def _counting_hook(module, *args):
    pass


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


SCENARIOS = [listings, printing, assigning, assignment_errors, paths, converting, modes, copying]


@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda scenario: scenario.__name__)
def test_as_in_torch(scenario):
    torch = pytest.importorskip("torch")
    assert scenario(rushlight) == scenario(torch)


@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda scenario: scenario.__name__)
def test_runs_without_torch(scenario):
    assert scenario(rushlight)


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


def test_call_super_init():
    class Other:
        def __init__(self, value):
            self.value = value

    class Both(nn.Module, Other):
        call_super_init = True

    assert Both(7).value == 7
