"""The messages that issue 2 asks for: each names the operation, what was given, and what would be right."""

import subprocess
import sys

import pytest

import rushlight as rl
from rushlight import nn

F = nn.functional


class Block(nn.Module):
    def __init__(self):
        super().__init__()
        self.linear1 = nn.Linear(3, 4)

    def forward(self, x):
        return self.linear1(x)


class Model(nn.Module):
    def __init__(self):
        super().__init__()
        self.encoder = nn.Module()
        self.encoder.layers = nn.ModuleList([Block(), Block()])

    def forward(self, x):
        return self.encoder.layers[1](x)


def changed_after_saving():
    x, w = rl.ones(2, requires_grad=True), rl.ones(2)
    y = (x * w).sum()
    w.mul_(2)
    y.backward()


def backward_twice():
    y = rl.ones(2, requires_grad=True).exp().sum()
    y.backward()
    y.backward()


def load_state(change, **settings):
    model = nn.Linear(2, 3)
    state = model.state_dict()
    change(state)
    return lambda: model.load_state_dict(state, **settings)


# what is done, the type of the error, and words that its message must have
CASES = {
    "a leaf in place": (
        lambda: rl.ones(2, requires_grad=True).add_(1),
        RuntimeError,
        [
            "add_",
            "a leaf Variable that requires grad is being used in an in-place operation",
            "torch.no_grad()",
        ],
    ),
    "a saved tensor in place": (
        changed_after_saving,
        RuntimeError,
        ["mul", "has been modified by an inplace operation", "mul_ at", "test_errors.py", ".clone()"],
    ),
    "backward twice": (
        backward_twice,
        RuntimeError,
        ["Trying to backward through the graph a second time", "retain_graph=True"],
    ),
    "backward of many numbers": (
        lambda: rl.ones(2, requires_grad=True).exp().backward(),
        RuntimeError,
        ["grad can be implicitly created only for scalar outputs", "(2,)", ".sum()"],
    ),
    "backward of what requires nothing": (
        lambda: rl.ones(2).sum().backward(),
        RuntimeError,
        ["does not require grad and does not have a grad_fn"],
    ),
    "numpy of a tracked tensor": (
        lambda: rl.ones(2, requires_grad=True).numpy(),
        RuntimeError,
        ["Can't call numpy() on Tensor that requires grad", "detach().numpy()"],
    ),
    "targets of a wrong dtype": (
        lambda: F.cross_entropy(rl.randn(2, 3), rl.tensor([0, 1], dtype=rl.int32)),
        RuntimeError,
        ["cross_entropy", "Long or Byte, but got Int", "target.long()"],
    ),
    "targets out of range": (
        lambda: F.cross_entropy(rl.randn(2, 3), rl.tensor([0, 3])),
        IndexError,
        ["cross_entropy", "3"],
    ),
    "a wrong device": (lambda: rl.ones(2).to("cuda"), (RuntimeError, AssertionError), ["cuda"]),
    "a device that is none": (lambda: rl.device("gpu"), RuntimeError, ["gpu", "cpu"]),
    "an index out of range": (
        lambda: rl.ones(2, 3)[0, 5],
        IndexError,
        ["index 5 is out of bounds for dimension", "size 3"],
    ),
    "an index tensor out of range": (
        lambda: rl.ones(2, 3)[rl.tensor([0, 7])],
        IndexError,
        ["index 7 is out of bounds for dimension 0 with size 2"],
    ),
    "too many indices": (
        lambda: rl.ones(2)[0, 0],
        IndexError,
        ["too many indices for tensor of dimension 1"],
    ),
    "a dimension out of range": (
        lambda: rl.ones(2, 3).sum(5),
        IndexError,
        ["sum", "Dimension out of range (expected to be in range of [-2, 1], but got 5)"],
    ),
    "a view of what is not contiguous": (
        lambda: rl.ones(2, 3).t().view(6),
        RuntimeError,
        ["view", "reshape"],
    ),
    "a view of another size": (
        lambda: rl.ones(2, 3).view(5),
        RuntimeError,
        ["[5]", "invalid for input of size 6"],
    ),
    "missing keys": (
        load_state(lambda s: s.pop("bias")),
        RuntimeError,
        ["Error(s) in loading state_dict for Linear", 'Missing key(s) in state_dict: "bias"'],
    ),
    "unexpected keys": (
        load_state(lambda s: s.update(extra=rl.ones(1))),
        RuntimeError,
        ['Unexpected key(s) in state_dict: "extra"'],
    ),
    "keys of another shape": (
        load_state(lambda s: s.update(weight=rl.ones(3, 5)), strict=False),
        RuntimeError,
        ["size mismatch for weight", "torch.Size([3, 5])", "torch.Size([3, 2])"],
    ),
    "matmul": (
        lambda: rl.ones(64, 1000) @ rl.ones(100, 10),
        RuntimeError,
        ["matmul: (64, 1000) @ (100, 10)", "inner sizes 1000 and 100 differ"],
    ),
    "mm of vectors": (lambda: rl.mm(rl.ones(2), rl.ones(2, 2)), RuntimeError, ["mm", "(2,)", "matri"]),
    "matmul of dtypes": (
        lambda: rl.ones(2, 2) @ rl.ones(2, 2).double(),
        RuntimeError,
        ["dtype", "float32", "float64"],
    ),
    "linear": (
        lambda: nn.Linear(3, 4)(rl.ones(2, 5)),
        RuntimeError,
        ["linear", "(2, 5)", "3"],
    ),
    "shapes that do not broadcast": (
        lambda: rl.ones(2, 3) + rl.ones(2, 4),
        RuntimeError,
        ["add", "(2, 3)", "(2, 4)", "must match the size"],
    ),
    "cat of shapes": (lambda: rl.cat([rl.ones(2, 3), rl.ones(2, 4)]), RuntimeError, ["cat", "3", "4"]),
    "convolution": (
        lambda: nn.Conv2d(3, 4, 3)(rl.ones(1, 5, 8, 8)),
        RuntimeError,
        ["conv2d", "3", "5", "channels"],
    ),
    "item of many": (
        lambda: rl.ones(3).item(),
        RuntimeError,
        ["a Tensor with 3 elements cannot be converted"],
    ),
    "truth of many": (
        lambda: bool(rl.ones(3)),
        RuntimeError,
        ["Boolean value of Tensor with more than one value is ambiguous", ".any()"],
    ),
    "an array for a tensor": (lambda: rl.relu([1.0]), TypeError, ["relu", "Tensor", "list"]),
    "a name that is not there": (lambda: rl.ones(1).reshap(1), AttributeError, ["Tensor", "reshap"]),
    "a result type that does not fit": (
        lambda: rl.ones(2, dtype=rl.int64).div_(2),
        RuntimeError,
        ["div_", "result type Float can't be cast to the desired output type Long"],
    ),
    "gradients of integers": (
        lambda: rl.tensor([1, 2], requires_grad=True),
        RuntimeError,
        ["floating point", "require gradients"],
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_the_message(name):
    action, kind, words = CASES[name]
    with pytest.raises(kind) as caught:
        action()
    missing = [w for w in words if w.lower() not in str(caught.value).lower()]
    assert not missing, f"{missing} not in: {caught.value}"


def test_the_nearest_name_is_shown():
    """Python 3.11 adds it where it prints the error; from 3.12 on the message has it."""
    program = "import rushlight as rl; rl.ones(1).reshap(1)"
    shown = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True).stderr
    assert "AttributeError" in shown and "reshape" in shown.splitlines()[-1]


@pytest.mark.parametrize("name", [n for n in CASES if n not in ("a wrong device",)])
def test_the_type_is_torchs(name, monkeypatch):
    """The same programs in torch end with an error of the same type."""
    torch = pytest.importorskip("torch")
    kind = CASES[name][1]
    for module_name in ("rl", "nn", "F"):
        home = {"rl": torch, "nn": torch.nn, "F": torch.nn.functional}[module_name]
        monkeypatch.setitem(globals(), module_name, home)
    if name.endswith("keys") or name.startswith("keys"):
        return  # these hold a Rushlight model already
    with pytest.raises(Exception) as caught:
        CASES[name][0]()
    assert issubclass(kind, type(caught.value)) or isinstance(caught.value, kind)


def test_an_error_inside_a_module_tells_the_path():
    model = Model()
    with pytest.raises(RuntimeError) as caught:
        model(rl.ones(2, 5))
    assert "in model.encoder.layers[1].linear1 (Linear)" in caught.value.__notes__
