"""Compiled functions and modules pickled and copied: by source, plans are made again."""

import copy
import json
import pickle
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import rushlight as torch


def plain(x):
    return torch.exp(x) + 1


@torch.compile
def decorated(x):
    return torch.exp(x) + 2


@torch.compile(fullgraph=True)
def decorated_with_options(x):
    return torch.exp(x) + 3


class Net(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.layer = torch.nn.Linear(3, 2)
        self.norm = torch.nn.BatchNorm1d(2)

    def forward(self, x):
        return self.norm(self.layer(x))

    def total(self, x):
        return self(x).square().sum()


def test_a_function():
    compiled = torch.compile(plain, fullgraph=True, dynamic=False)
    x = torch.randn(3)
    compiled(x)
    again = pickle.loads(pickle.dumps(compiled))
    assert again is not compiled and again.plans == [] and again.f is plain
    assert (again.fullgraph, again.dynamic) == (True, False)
    assert again(x).tolist() == compiled(x).tolist() and len(again.plans) == 1


@pytest.mark.parametrize("f", [decorated, decorated_with_options])
def test_a_decorated_function_is_found_by_its_name(f):
    f(torch.ones(2))
    assert pickle.loads(pickle.dumps(f)) is f
    assert copy.copy(f) is f and copy.deepcopy({"f": f})["f"] is f


def test_a_function_without_a_name_is_refused():
    with pytest.raises((pickle.PicklingError, AttributeError), match="lambda"):
        pickle.dumps(torch.compile(lambda x: x))


def by_pickle(x):
    return pickle.loads(pickle.dumps(x))


@pytest.mark.parametrize("copied", [copy.deepcopy, by_pickle])
def test_a_module(copied):
    torch.manual_seed(0)
    net = torch.compile(Net())
    x = torch.randn(4, 3)
    net(x)
    other = copied(net)
    assert type(other) is type(net) and other._orig_mod is not net._orig_mod
    for _ in range(3):
        torch.testing.assert_close(other(x), net(x))
    torch.testing.assert_close(other.norm.running_mean, net.norm.running_mean)
    with torch.no_grad():
        other.layer.weight.zero_()
    other(x).sum().backward()
    assert net.layer.weight.abs().min().item() > 0 and net.layer.weight.grad is None
    assert other.layer.weight.grad is not None


def test_a_method():
    net = Net().eval()
    total = torch.compile(net.total)
    x = torch.randn(4, 3)
    again = pickle.loads(pickle.dumps(total))
    torch.testing.assert_close(again(x), total(x))


def test_a_copy_that_shares_nothing_with_a_split_function():
    def f(x):
        return x * 2 if float(x.sum()) > 0 else x

    compiled = torch.compile(f)
    compiled(torch.ones(2))
    compiled(torch.ones(2))
    again = copy.deepcopy(compiled)
    assert again.split is None and again(torch.ones(2)).tolist() == [2, 2]


PROGRAM = """
import pickle, sys
import rushlight as torch
from tests.compiler.test_pickle import Net
f, net, x = pickle.load(open(sys.argv[1], "rb"))
print(f(x).tolist(), net(x[None]).tolist())
"""


def test_in_another_process(tmp_path):
    net, x = torch.compile(Net().eval()), torch.randn(3)
    f = torch.compile(plain)
    (tmp_path / "kept").write_bytes(pickle.dumps((f, net, x)))
    root = Path(__file__).parents[2]
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, tmp_path / "kept"],
        cwd=root,
        capture_output=True,
        text=True,
        check=True,
    )
    found, normed = map(torch.tensor, json.loads(f"[{done.stdout.replace('] [', '], [')}]"))
    torch.testing.assert_close(found, f(x))
    torch.testing.assert_close(normed, net(x[None]))


def test_types_of_pickled_tensors_are_the_ones_there_are():
    for dtype in (torch.float32, torch.bfloat16, torch.int64, torch.bool, torch.complex64, torch.float16):
        made = torch.ones(3).to(dtype)
        again = pickle.loads(pickle.dumps(made))
        assert again._a.dtype is made._a.dtype and again.tolist() == made.tolist()
    array = pickle.loads(pickle.dumps(np.ones(3, np.float32)))
    assert torch.from_numpy(array)._a.dtype is np.dtype(np.float32)
    torch.from_numpy(array)[0] = 5
    assert array[0] == 5
