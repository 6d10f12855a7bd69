"""Tensors that need nothing of Rushlight: an array, and what it does not know. For tests of file formats."""

import io

import numpy as np

from rushlight.io import load, save
from rushlight.io.adapter import Bridge, TensorParts
from rushlight.io.names import numpy_dtype


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


def through(obj, **options):
    """Save, and load again."""
    buffer = io.BytesIO()
    save(obj, buffer)
    buffer.seek(0)
    return load(buffer, **options)


def sample(name, shape=(3, 4)):
    """Return an array of the dtype, with values that it holds exactly."""
    values = np.arange(int(np.prod(shape))).reshape(shape) % 8
    array = (values > 3) if name == "bool" else values
    return (
        array.astype(np.complex64).astype(numpy_dtype(name))
        if "complex" in name
        else array.astype(numpy_dtype(name))
    )


def raw(array):
    """Return the elements' bytes, in logical order."""
    return np.ascontiguousarray(array).tobytes()


def of_torch(tensor):
    """Return the elements' bytes of a torch tensor."""
    import torch

    flat = torch.empty(tensor.numel(), dtype=tensor.dtype).copy_(tensor.detach().flatten())
    return flat.view(torch.uint8).numpy().tobytes()


def to_torch(torch, array):
    """Return the torch tensor with the same dtype and elements."""
    bits = (
        torch.from_numpy(np.frombuffer(bytearray(raw(array)), np.uint8))
        if array.size
        else torch.empty(0, dtype=torch.uint8)
    )
    return bits.view(getattr(torch, array.dtype.name)).reshape(array.shape)


def same(ours, theirs):
    """Assert that one of our tensors and one of torch's agree in all that is saved."""
    assert str(theirs.dtype) == f"torch.{ours.a.dtype.name}"
    assert tuple(theirs.shape) == ours.a.shape
    assert theirs.requires_grad == ours.requires_grad
    assert of_torch(theirs) == raw(ours.a)
    if ours.a.size:
        assert [s * ours.a.itemsize for s, n in zip(theirs.stride(), theirs.shape) if n > 1] == [
            s for s, n in zip(ours.a.strides, ours.a.shape) if n > 1
        ]


LAYOUTS = {
    "contiguous": lambda a: a,
    "transposed": lambda a: a.T,
    "slice": lambda a: a[1:, ::2],
    "column": lambda a: a[:, 1],
    "scalar": lambda a: a[1, 2],
    "permuted": lambda a: a.reshape(2, 3, 2).transpose(2, 0, 1),
    "expanded": lambda a: np.broadcast_to(a[:1], (5, 4)),
    "empty": lambda a: a[:, :0],
    "empty middle": lambda a: a[:0],
    "diagonal": lambda a: np.diagonal(a),
}
