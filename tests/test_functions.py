"""Functions beside methods, and torch.frombuffer and torch.empty_permuted, against torch."""

import array

import numpy as np
import pytest

import rushlight

SAME = {
    "detach": lambda t: t.detach(t.ones(2, requires_grad=True)).requires_grad,
    "detach_": lambda t: t.detach_(t.ones(2, requires_grad=True) * 2).requires_grad,
    "is_signed": lambda t: [t.is_signed(t.zeros(1, dtype=d)) for d in (t.uint8, t.int8, t.bool, t.half)],
    "zero_": lambda t: t.zero_(t.ones(2, 2)).tolist(),
    "resize_as_": lambda t: tuple(t.resize_as_(t.ones(2, 2), t.ones(1, 4)).shape),
    "get_device": lambda t: t.get_device(t.ones(1)),
    "questions": lambda t: (t.is_conj(t.ones(1)), t.is_neg(t.ones(1)), t.is_distributed(t.ones(1))),
    "buffer": lambda t: t.frombuffer(bytearray(b"12345678"), dtype=t.int32).tolist(),
    "array": lambda t: t.frombuffer(array.array("d", [1, 2]), dtype=t.float64).tolist(),
    "NumPy": lambda t: t.frombuffer(np.ones((2, 2), np.float32), dtype=t.float32).tolist(),
    "offset": lambda t: t.frombuffer(bytearray(b"12345678"), dtype=t.int32, offset=4).tolist(),
    "count": lambda t: t.frombuffer(bytearray(b"12345678"), dtype=t.uint8, count=3, offset=1).tolist(),
    "askew": lambda t: t.frombuffer(bytearray(b"12345678"), dtype=t.int32, offset=2, count=1).tolist(),
    "gradient": lambda t: t.frombuffer(bytearray(8), dtype=t.float32, requires_grad=True).requires_grad,
    "half bytes": lambda t: t.frombuffer(bytearray(7), dtype=t.int32),
    "nothing": lambda t: t.frombuffer(bytearray(), dtype=t.int32),
    "none of it": lambda t: t.frombuffer(bytearray(8), dtype=t.int32, count=0),
    "too many": lambda t: t.frombuffer(bytearray(8), dtype=t.int32, count=3),
    "too far": lambda t: t.frombuffer(bytearray(8), dtype=t.int32, offset=8),
    "not a buffer": lambda t: t.frombuffer([1], dtype=t.int32),
    "permuted": lambda t: t.empty_permuted((2, 3, 4), (2, 0, 1), dtype=t.float64).stride(),
    "permuted back": lambda t: t.empty_permuted((2, 3, 4), (0, 1, 2)).is_contiguous(),
    "permuted 0-dim": lambda t: t.empty_permuted((), ()).stride(),
    "permuted twice": lambda t: t.empty_permuted((2, 3), (0, 0)),
    "permuted short": lambda t: t.empty_permuted((2, 3), (0,)),
    "permuted far": lambda t: t.empty_permuted((2, 3), (0, 5)),
    "isin of numbers": lambda t: t.isin(1, 2),
    "isin of complex": lambda t: t.isin(t.tensor([1j]), t.tensor([1j])),
    "isin of bool": lambda t: t.isin(t.tensor([True]), t.tensor([True])),
    "gumbel of ints": lambda t: t.nn.functional.gumbel_softmax(t.tensor([1, 2])),
    "diagonal of a vector": lambda t: t.zeros(2).fill_diagonal_(1),
    "is_coalesced": lambda t: t.zeros(2).is_coalesced(),
}


def outcome(call, framework):
    try:
        return call(framework)
    except Exception as error:  # noqa: BLE001 (any exception is an outcome to compare)
        return type(error)


@pytest.mark.parametrize("name", SAME)
def test_as_torch(name):
    torch = pytest.importorskip("torch")
    assert outcome(SAME[name], rushlight) == outcome(SAME[name], torch)


def test_the_buffer_is_shared():
    memory = bytearray(8)
    t = rushlight.frombuffer(memory, dtype=rushlight.int32)
    t[0] = -1
    assert memory[:5] == b"\xff\xff\xff\xff\x00"


def test_read_only_buffers_warn():
    with pytest.warns(UserWarning, match="not writable"):
        t = rushlight.frombuffer(b"1234", dtype=rushlight.uint8)
    with pytest.raises((ValueError, RuntimeError)):
        t[0] = 1


LACKING = [(3, 0, "greater than actual"), (-1, 8, "offset"), (0, 0, "not be 0")]


@pytest.mark.parametrize(("count", "offset", "text"), LACKING)
def test_what_a_buffer_lacks_is_said(count, offset, text):
    with pytest.raises(ValueError, match=text):
        rushlight.frombuffer(bytearray(8), dtype=rushlight.int32, count=count, offset=offset)
