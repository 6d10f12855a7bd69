"""Containers: each scenario below runs in Rushlight and in torch, and must tell the same story in both."""

from collections import OrderedDict

import pytest

import rushlight
from rushlight import nn


def layer_class(lib):
    class Layer(lib.nn.Module):
        def __init__(self, n):
            super().__init__()
            self.n = n
            self.weight = lib.nn.Parameter(lib.full((2,), float(n)))

        def forward(self, x):
            return x * self.n + 1

        def extra_repr(self):
            return f"n={self.n}"

    return Layer


def raised(action):
    """The type and message of what `action` raises."""
    try:
        action()
    except Exception as error:
        return type(error).__name__, str(error).split("<class")[0]
    return None


def sequential(lib):
    Layer = layer_class(lib)
    m = lib.nn.Sequential(Layer(1), Layer(2), Layer(3))
    named = lib.nn.Sequential(OrderedDict(a=Layer(1), b=Layer(2), c=Layer(3)))
    out = []

    def look(module, label):
        out.append((label, [(k, v.n) for k, v in module.named_children()], len(module), repr(module)))

    out.append(m(lib.ones(2)).tolist())
    look(named, "named")
    look(named[1:], "slice keeps names")
    out += [m[0].n, m[-1].n, named[-1].n, [x.n for x in m]]
    m[1] = Layer(20)
    look(m, "set")
    named[-1] = Layer(30)
    look(named, "set named")
    del m[0]
    look(m, "deleted")
    del named[::2]
    look(named, "deleted named")
    m.append(Layer(4)).insert(1, Layer(5)).insert(-1, Layer(6)).extend([Layer(7)])
    look(m, "grown")
    out.append((m.pop(1).n, len(m.pop(slice(0, 2)))))
    look(m, "popped")
    look(m + lib.nn.Sequential(Layer(8)), "sum")
    m += lib.nn.Sequential(Layer(9))
    look(m, "added in place")
    look(m * 2, "times")
    look(2 * m, "times from the left")
    m *= 2
    look(m, "times in place")
    out += [[name for name in dir(m) if name.isdigit()], list(m.state_dict())]
    out += [
        raised(lambda: m[99]),
        raised(lambda: m["a"]),
        raised(lambda: m + [1]),
        raised(lambda: m * 0),
        raised(lambda: m * "a"),
        raised(lambda: m.insert(99, Layer(1))),
        raised(lambda: m.insert(0, 5)),
        raised(lambda: m.append(5)),
        raised(lambda: lib.nn.Sequential(3)),
        raised(lambda: lib.nn.Sequential([Layer(1)])),
    ]
    return [*out, repr(lib.nn.Sequential()), lib.nn.Sequential()(5)]


def module_list(lib):
    Layer = layer_class(lib)
    m = lib.nn.ModuleList([Layer(1), Layer(1), Layer(2)])
    out = []

    def look(label):
        out.append((label, [(k, v.n) for k, v in m.named_modules() if k], len(m), repr(m)))

    look("made")
    m.append(Layer(2)).extend([Layer(3), Layer(2)])
    look("grown")
    m.insert(1, Layer(9))
    look("inserted")
    m[0] = Layer(7)
    m[-1] = Layer(8)
    look("set")
    out += [type(m[1:3]).__name__, [x.n for x in m[::-1]], m[-1].n, m.pop(2).n]
    del m[0]
    del m[1:3]
    look("deleted")
    m += [Layer(5)]
    out.append([x.n for x in m + [Layer(6)]])
    look("added")
    same = lib.nn.ModuleList([lib.nn.Sequential(Layer(1), Layer(2)) for _ in range(3)])
    deeper = lib.nn.ModuleList([same, same])
    out += [repr(same), repr(deeper), repr(lib.nn.ModuleList()), len(list(deeper.parameters()))]
    out += [[name for name in dir(m) if name.isdigit()], list(m.state_dict()), Layer(1) in m]
    return out + [
        raised(lambda: m[99]),
        raised(lambda: m[-99]),
        raised(lambda: m.extend(5)),
        raised(lambda: m.append("text")),
        raised(lambda: m(1)),
        raised(lambda: lib.nn.ModuleList(5)),
    ]


def module_dict(lib):
    Layer = layer_class(lib)
    m = lib.nn.ModuleDict({"b": Layer(1), "a": Layer(2)})
    out = [repr(m), list(m), len(m), "a" in m, "z" in m, [k for k, _ in m.items()], [v.n for v in m.values()]]
    m["c"] = Layer(3)
    m.update([("d", Layer(4)), ["e", Layer(5)]])
    m.update({"b": Layer(6)})
    m.update(lib.nn.ModuleDict({"z": Layer(7)}))
    out += [list(m.keys()), m["b"].n, m.pop("a").n, m.b.n]
    del m["c"]
    out += [list(m.state_dict()), raised(lambda: m["nothing"]), raised(lambda: m.update(5))]
    out += [raised(lambda: m.update([("a", Layer(1), 3)])), raised(lambda: m.update([5]))[0]]
    out += [raised(lambda: m.__setitem__("a.b", Layer(1))), raised(lambda: m.__setitem__("pop", Layer(1)))]
    m.clear()
    return [*out, len(m), repr(m), list(lib.nn.ModuleDict([("x", Layer(1))]))]


def parameter_list(lib):
    m = lib.nn.ParameterList([lib.ones(2), lib.nn.Parameter(lib.zeros(2, 3)), 7])
    out = [repr(m), len(m), [type(x).__name__ for x in m], [name for name, _ in m.named_parameters()]]
    m.append(lib.ones(())).extend([lib.ones(1), "text"])
    m += [lib.full((2,), 9.0)]
    m[0] = lib.full((3,), 4.0)
    m[-1] = lib.full((1,), 8.0)
    out += [repr(m), m[0].tolist(), m[-1].tolist(), type(m[1:3]).__name__, len(m[1:3]), m[2], m[::-1][1]]
    out += [list(m.state_dict()), [name for name in dir(m) if name.isdigit()]]
    out += [len(list(m.parameters())), all(p.requires_grad for p in m.parameters())]
    return out + [
        raised(lambda: m[99]),
        raised(lambda: m.extend(5)),
        raised(lambda: m.extend(lib.ones(2))),
        raised(lambda: m(1)),
        repr(lib.nn.ParameterList()),
    ]


def parameter_dict(lib):
    m = lib.nn.ParameterDict({"b": lib.ones(2), "a": lib.nn.Parameter(lib.zeros(2, 3)), "c": 5})
    out = [repr(m), list(m), list(reversed(m)), len(m), "a" in m, [type(v).__name__ for v in m.values()]]
    m["z"] = lib.ones(1)
    m.update(OrderedDict(y=lib.ones(1), x=3))
    m.update([("w", lib.ones(1))])
    out += [
        list(m.keys()),
        [k for k, _ in m.items()],
        m["x"],
        m.get("nothing"),
        m.get("nothing", 1),
        m.get("x"),
    ]
    out += [m.pop("x"), m.popitem()[0], m.setdefault("x", 6), m.setdefault("x", 7), list(m.state_dict())]
    twin = m.copy()
    out += [list(twin), twin["b"] is m["b"], list(twin.fromkeys("pq", 1).items())]
    other = lib.nn.ParameterDict({"b": lib.zeros(1), "new": lib.ones(1)})
    out += [list(m | other), (m | other)["b"].tolist(), list(m)]
    m |= other
    del m["new"]
    out += [list(m), m.b.tolist(), [k for k, _ in m.named_parameters()]]
    out += [
        raised(lambda: m[5])[0],
        raised(lambda: lib.nn.ParameterDict().__setitem__(5, 1))[0],
        raised(lambda: m.update(5))[0],
        raised(lambda: m.update([5]))[0],
        raised(lambda: m.update([(1, 2, 3)]))[0],
        raised(lambda: m(1)),
        raised(lambda: m["nothing"]),
    ]
    m.clear()
    return [*out, len(m), list(m.parameters()), repr(m)]


SCENARIOS = [sequential, module_list, module_dict, parameter_list, parameter_dict]


@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda scenario: scenario.__name__)
def test_as_in_torch(scenario):
    torch = pytest.importorskip("torch")
    for ours, theirs in zip(scenario(rushlight), scenario(torch), strict=True):
        assert ours == theirs


@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda scenario: scenario.__name__)
def test_runs_without_torch(scenario):
    assert scenario(rushlight)


def test_repeated_modules_print_once():
    layer = layer_class(rushlight)
    assert repr(nn.ModuleList([layer(1) for _ in range(6)] + [layer(2)])) == (
        "ModuleList(\n  (0-5): 6 x Layer(n=1)\n  (6): Layer(n=2)\n)"
    )


def test_numbers_are_attributes_of_a_sequential():
    m = nn.Sequential(nn.Module(), nn.Module())
    second = m[1]
    assert getattr(m, "1") is second
    del m[0]
    assert getattr(m, "0") is second and not hasattr(m, "1")


def test_pickled_containers():
    import pickle

    m = pickle.loads(pickle.dumps(nn.ParameterDict({"a": rushlight.ones(2)})))
    assert m["a"].tolist() == [1.0, 1.0] and list(m) == ["a"]
    m = pickle.loads(pickle.dumps(nn.Sequential(nn.Sequential(), nn.ModuleList())))
    assert repr(m) == "Sequential(\n  (0): Sequential()\n  (1): ModuleList()\n)"
