"""Tensors that need nothing of Rushlight: an array, and what it does not know. For tests of file formats."""

import numpy as np

from rushlight.io.adapter import Bridge, TensorParts


class Plain:
    """A tensor: `a` the array."""

    parameter = False
    meta = False

    def __init__(self, a, requires_grad=False):
        self.a, self.requires_grad = np.asarray(a), requires_grad


class Param(Plain):
    """A parameter."""

    parameter = True

    def __init__(self, a, requires_grad=True):
        super().__init__(a, requires_grad)


class Meta(Plain):
    """A tensor without data."""

    meta = True


class Size(tuple):
    """torch.Size."""


OWN = {"a", "requires_grad"}


class StandIn(Bridge):
    """Translates to and from the classes above."""

    def parts(self, obj):
        if not isinstance(obj, Plain):
            return None
        attributes = {k: v for k, v in vars(obj).items() if k not in OWN}
        return TensorParts(obj.a, obj.requires_grad, obj.parameter, obj.meta, attributes or None)

    def tensor(self, array, requires_grad):
        return Plain(array, requires_grad)

    def parameter(self, data, requires_grad):
        return Param(data.a, requires_grad)

    def meta(self, shape, dtype, requires_grad):
        return Meta(np.broadcast_to(np.zeros((), dtype), shape), requires_grad)

    def size(self, values):
        return Size(values)

    def is_size(self, obj):
        return isinstance(obj, Size)
