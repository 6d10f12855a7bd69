"""Recurrent layers beyond the common table: packed sequences, states, unbatched inputs, what is refused."""

import copy
import itertools
import warnings

import numpy as np
import pytest

import rushlight
from rushlight import nn
from rushlight.nn.utils import rnn as packing
from tests.nn.layer_cases import flat

LENGTHS = (2, 5, 3)


def sequences(library, lengths=LENGTHS, width=3):
    rng = np.random.default_rng(0)
    return [library.from_numpy(rng.standard_normal((n, width)).astype(np.float32)) for n in lengths]


def packed_outcome(library, kind, settings, batch_first):
    """Outputs, states and gradients of a layer over packed sequences, as arrays."""
    library.manual_seed(0)
    tools, layer = library.nn.utils.rnn, getattr(library.nn, kind)(3, 4, **settings)
    parts = [s.requires_grad_() for s in sequences(library)]
    packed = tools.pack_sequence(parts, enforce_sorted=False)
    output, hidden = layer(packed)
    again, _ = layer(packed, hidden)  # the states go back in, in the order of the batch
    padded, lengths = tools.pad_packed_sequence(
        again, batch_first=batch_first, padding_value=-1, total_length=7
    )
    sum(((o * o).sum() for o in flat(hidden)), (padded * padded).sum()).backward()
    grads = [p.grad for p in (*layer.parameters(), *parts)]
    return [
        t.detach().numpy() for t in (output.data, output.batch_sizes, padded, lengths, *flat(hidden), *grads)
    ]


@pytest.mark.parametrize("kind", ["RNN", "LSTM", "GRU"])
@pytest.mark.parametrize("settings", [{}, {"num_layers": 2, "bidirectional": True}, {"bias": False}])
@pytest.mark.parametrize("batch_first", [True, False])
def test_packed_sequences_as_in_torch(kind, settings, batch_first):
    torch = pytest.importorskip("torch")
    theirs, ours = (packed_outcome(lib, kind, settings, batch_first) for lib in (torch, rushlight))
    for a, b in zip(ours, theirs, strict=True):
        assert a.shape == b.shape and a.dtype == b.dtype
        np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("kind", ["RNN", "LSTM", "GRU"])
@pytest.mark.parametrize("bidirectional", [True, False])
def test_a_packed_sequence_is_each_sequence_by_itself(kind, bidirectional):
    layer = getattr(nn, kind)(3, 4, 2, bidirectional=bidirectional)
    parts = sequences(rushlight)
    output, hidden = layer(packing.pack_sequence(parts, enforce_sorted=False))
    for i, (own, part) in enumerate(zip(packing.unpack_sequence(output), parts, strict=True)):
        alone, last = layer(part)
        np.testing.assert_allclose(own.detach().numpy(), alone.detach().numpy(), atol=1e-6)
        for state, one in zip(flat(hidden), flat(last), strict=True):
            np.testing.assert_allclose(state[:, i].detach().numpy(), one.detach().numpy(), atol=1e-6)


@pytest.mark.parametrize("kind", ["RNN", "LSTM", "GRU"])
def test_a_layer_is_its_cell_step_by_step(kind):
    layer, cell = getattr(nn, kind)(3, 4), getattr(nn, f"{kind}Cell")(3, 4)
    cell.load_state_dict({name.removesuffix("_l0"): value for name, value in layer.state_dict().items()})
    x, state = rushlight.randn(5, 2, 3), None
    outputs = []
    for step in x:
        state = cell(step, state)
        outputs.append(flat(state)[0])
    np.testing.assert_allclose(
        rushlight.stack(outputs).detach().numpy(), layer(x)[0].detach().numpy(), atol=1e-6
    )


def test_packing_and_back():
    parts = sequences(rushlight)
    packed = packing.pack_sequence(parts, enforce_sorted=False)
    assert packed.batch_sizes.tolist() == [3, 3, 2, 1, 1] and packed.sorted_indices.tolist() == [1, 2, 0]
    for part, back in zip(parts, packing.unpack_sequence(packed), strict=True):
        assert np.array_equal(part.numpy(), back.numpy())
    assert packed.to(rushlight.float32) is packed and packed.double().data.dtype is rushlight.float64
    assert packing.PackedSequence((packed.data, packed.batch_sizes)).data is packed.data


@pytest.mark.parametrize(("batch_first", "side"), list(itertools.product([True, False], ["left", "right"])))
def test_pad_sequence_as_in_torch(batch_first, side):
    torch = pytest.importorskip("torch")
    from torch.nn.utils import rnn as theirs

    ours = packing.pad_sequence(sequences(rushlight), batch_first, -2.0, side)
    expected = theirs.pad_sequence(sequences(torch), batch_first, -2.0, side)
    assert np.array_equal(ours.numpy(), expected.numpy()) and ours.stride() == expected.stride()
    for a, b in zip(
        packing.unpad_sequence(packing.pad_sequence(sequences(rushlight)), rushlight.tensor(LENGTHS)),
        sequences(rushlight),
        strict=True,
    ):
        assert np.array_equal(a.numpy(), b.numpy())


WRONG = {
    "unsorted": (lambda r, lib: r.pack_padded_sequence(lib.zeros(5, 2, 3), [2, 5]), RuntimeError, "sorted"),
    "a zero": (
        lambda r, lib: r.pack_padded_sequence(lib.zeros(5, 2, 3), [2, 0]),
        RuntimeError,
        "greater than 0",
    ),
    "too many": (
        lambda r, lib: r.pack_padded_sequence(lib.zeros(5, 2, 3), [2, 2, 1]),
        RuntimeError,
        "batch_size",
    ),
    "short total": (
        lambda r, lib: r.pad_packed_sequence(r.pack_sequence([lib.zeros(3, 1)]), total_length=2),
        ValueError,
        "total_length=2",
    ),
    "not iterable": (lambda r, lib: r.pad_sequence(3), RuntimeError, "Expected iterable"),
    "no side": (
        lambda r, lib: r.pad_sequence([lib.zeros(2)], padding_side="up"),
        RuntimeError,
        "left or right",
    ),
    "nothing": (lambda r, lib: r.pad_sequence([]), RuntimeError, "empty list"),
}


@pytest.mark.parametrize(("call", "error", "words"), WRONG.values(), ids=WRONG)
def test_packing_errors(call, error, words):
    with pytest.raises(error, match=words):
        call(packing, rushlight)
    torch = pytest.importorskip("torch")
    with pytest.raises(error):
        call(torch.nn.utils.rnn, torch)


def test_lengths_beyond_the_input():
    with pytest.raises(RuntimeError, match="at most 5"):
        packing.pack_padded_sequence(rushlight.zeros(5, 2, 3), [6, 2])


REFUSED = {
    "input width": (lambda lib: lib.nn.LSTM(3, 4)(lib.zeros(5, 2, 7)), RuntimeError, "Expected 3, got 7"),
    "input rank": (
        lambda lib: lib.nn.GRU(3, 4)(lib.zeros(3)),
        ValueError,
        "Expected input to be 2D or 3D, got 1D",
    ),
    "input dtype": (
        lambda lib: lib.nn.RNN(3, 4)(lib.zeros(5, 2, 3).double()),
        ValueError,
        "does not match weight dtype",
    ),
    "hidden size": (
        lambda lib: lib.nn.GRU(3, 4)(lib.zeros(5, 2, 3), lib.zeros(1, 3, 4)),
        RuntimeError,
        r"Expected hidden size \(1, 2, 4\), got \[1, 3, 4\]",
    ),
    "cell size": (
        lambda lib: lib.nn.LSTM(3, 4)(lib.zeros(5, 2, 3), (lib.zeros(1, 2, 4), lib.zeros(1, 2, 5))),
        RuntimeError,
        r"Expected hidden\[1\] size \(1, 2, 4\), got \[1, 2, 5\]",
    ),
    "hidden rank": (
        lambda lib: lib.nn.GRU(3, 4)(lib.zeros(5, 3), lib.zeros(1, 1, 4)),
        RuntimeError,
        "For unbatched 2-D input, hx should also be 2-D but got 3-D tensor",
    ),
    "hidden ranks": (
        lambda lib: lib.nn.LSTM(3, 4)(lib.zeros(5, 2, 3), (lib.zeros(1, 4), lib.zeros(1, 4))),
        RuntimeError,
        r"For batched 3-D input, hx and cx should also be 3-D but got \(2-D, 2-D\) tensors",
    ),
    "dropout": (lambda lib: lib.nn.LSTM(3, 4, 2, dropout=1.5), ValueError, "dropout should be a number"),
    "bias": (lambda lib: lib.nn.LSTM(3, 4, bias=1), TypeError, "bias should be of type bool, got: int"),
    "input size": (lambda lib: lib.nn.LSTM(0, 4), ValueError, "input_size must be greater than zero"),
    "hidden size type": (lambda lib: lib.nn.LSTM(3, 4.0), TypeError, "hidden_size should be of type int"),
    "layers": (lambda lib: lib.nn.GRU(3, 4, 0), ValueError, "num_layers must be greater than zero"),
    "projection": (lambda lib: lib.nn.LSTM(3, 4, proj_size=4), ValueError, "smaller than hidden_size"),
    "projection of a GRU": (lambda lib: lib.nn.GRU(3, 4, proj_size=2), ValueError, "only supported for LSTM"),
    "nonlinearity": (
        lambda lib: lib.nn.RNN(3, 4, nonlinearity="gelu"),
        ValueError,
        "Unknown nonlinearity 'gelu'",
    ),
    "cell rank": (
        lambda lib: lib.nn.GRUCell(3, 4)(lib.zeros(1, 1, 3)),
        ValueError,
        "Expected input to be 1D or 2D",
    ),
    "cell state": (
        lambda lib: lib.nn.LSTMCell(3, 4)(lib.zeros(1, 3), (lib.zeros(1, 1, 4),) * 2),
        ValueError,
        r"Expected hx\[0\] to be 1D or 2D, got 3D",
    ),
    "cell nonlinearity": (
        lambda lib: lib.nn.RNNCell(3, 4, nonlinearity="gelu")(lib.zeros(1, 3)),
        RuntimeError,
        "Unknown nonlinearity: gelu",
    ),
}


@pytest.mark.parametrize(("call", "error", "words"), REFUSED.values(), ids=REFUSED)
def test_what_is_refused(call, error, words):
    with pytest.raises(error, match=words):
        call(rushlight)
    torch = pytest.importorskip("torch")
    with pytest.raises(error, match=words):
        call(torch)


def test_dropout_of_a_single_layer_warns():
    with pytest.warns(UserWarning, match="num_layers greater than 1, but got dropout=0.5 and num_layers=1"):
        nn.LSTM(3, 4, dropout=0.5)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        nn.LSTM(3, 4, 2, dropout=0.5)


def test_weights_can_be_replaced_copied_and_moved():
    layer = nn.LSTM(3, 4, 2)
    layer.weight_hh_l1 = nn.Parameter(rushlight.zeros(16, 4))
    assert layer.all_weights[1][1] is layer.weight_hh_l1
    x = rushlight.randn(5, 2, 3)
    same = copy.deepcopy(layer)
    assert np.array_equal(same(x)[0].detach().numpy(), layer(x)[0].detach().numpy())
    assert layer.double()(x.double())[0].dtype is rushlight.float64
    layer.flatten_parameters()
