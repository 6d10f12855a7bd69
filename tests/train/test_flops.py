"""Operations, against torch.utils.flop_counter and against what the definitions say."""

import pytest

import rushlight
from rushlight.train import count_flops

F = rushlight.nn.functional

MODELS = {
    "mlp": (lambda nn: nn.Sequential(nn.Linear(10, 20), nn.ReLU(inplace=True), nn.Linear(20, 5)), [(7, 10)]),
    "mlp on sequences": (lambda nn: nn.Sequential(nn.Linear(10, 20), nn.LayerNorm(20)), [(7, 3, 10)]),
    "cnn": (
        lambda nn: nn.Sequential(
            *(nn.Conv2d(3, 8, 3, padding=1), nn.BatchNorm2d(8), nn.ReLU(), nn.MaxPool2d(2)),
            *(nn.Conv2d(8, 16, 3, groups=4, stride=2), nn.AdaptiveAvgPool2d(1), nn.Flatten()),
            nn.Linear(16, 10),
        ),
        [(5, 3, 32, 32)],
    ),
    "transposed": (lambda nn: nn.ConvTranspose2d(4, 6, 3, stride=2, groups=2), [(5, 4, 8, 8)]),
    "conv1d": (lambda nn: nn.Conv1d(4, 6, 3, dilation=2), [(5, 4, 20)]),
    "lstm": (lambda nn: nn.LSTM(8, 16, num_layers=2, bidirectional=True).double(), [(9, 4, 8)]),
    "projected lstm": (lambda nn: nn.LSTM(8, 16, proj_size=4).double(), [(9, 4, 8)]),
    "gru": (lambda nn: nn.GRU(8, 16, batch_first=True).double(), [(9, 4, 8)]),
    "rnn": (lambda nn: nn.RNN(8, 16).double(), [(9, 4, 8)]),
    "attention": (lambda nn: nn.MultiheadAttention(16, 4, batch_first=True), [(2, 9, 16)] * 3),
    "transformer": (lambda nn: nn.TransformerEncoderLayer(16, 4, 32, batch_first=True), [(2, 9, 16)]),
}


@pytest.mark.parametrize("name", MODELS)
def test_as_torch_counts(name):
    torch = pytest.importorskip("torch")
    from torch.nn.attention import SDPBackend, sdpa_kernel
    from torch.utils.flop_counter import FlopCounterMode

    make, shapes = MODELS[name]
    theirs = make(torch.nn)  # in train mode: without paths of its own for inference
    kind = next(theirs.parameters()).dtype
    with FlopCounterMode(display=False) as counter, sdpa_kernel(SDPBackend.MATH):
        theirs(*(torch.randn(*shape, dtype=kind) for shape in shapes))
    ours = make(rushlight.nn)
    kind = next(ours.parameters()).dtype
    found = count_flops(ours, *(rushlight.zeros(*shape, dtype=kind) for shape in shapes))
    assert found == counter.get_total_flops() > 0


def z(*shape):
    return rushlight.zeros(*shape)


@pytest.mark.parametrize(
    "f, inputs, expected",
    [
        (lambda a, b: a @ b, [z(2, 3, 4), z(4, 5)], 2 * 6 * 4 * 5),
        (lambda a, b: a @ b, [z(4), z(4)], 8),
        (lambda a, b: rushlight.einsum("bij,bjk->bik", a, b), [z(2, 3, 4), z(2, 4, 5)], 240),
        (lambda a, b: rushlight.einsum("i,j->ij", a, b), [z(3), z(4)], 0),
        (rushlight.addmm, [z(5), z(3, 4), z(4, 5)], 120),
        (rushlight.baddbmm, [z(1), z(2, 3, 4), z(2, 4, 5)], 240),
        (rushlight.addbmm, [z(3, 5), z(2, 3, 4), z(2, 4, 5)], 240),
        (F.scaled_dot_product_attention, [z(2, 4, 9, 8), z(2, 4, 7, 8), z(2, 4, 7, 6)], 2 * 8 * 9 * 7 * 14),
        (lambda x: (x + 1).exp().softmax(-1).sum(), [z(3, 4)], 0),
        (rushlight.nn.LSTMCell(3, 4), [z(5, 3)], 2 * 5 * (16 * 3 + 16 * 4)),
        (rushlight.nn.Bilinear(4, 5, 6), [z(3, 4), z(3, 5)], 2 * 3 * 4 * 5 * 6),
    ],
)
def test_as_defined(f, inputs, expected):
    found = count_flops(f, *inputs)
    assert found == expected


def test_a_sum_over_pairs_is_counted_where_bilinear_is_made_of_products():
    assert count_flops(lambda x: x * 2, z(3)) == 0
