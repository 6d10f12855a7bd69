"""A small layer and a small model, written once for Rushlight and for torch; used by the tests of Module."""

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
