"""The table of a model's layers."""

import pytest

import rushlight as torch
from rushlight import nn
from rushlight.train import summary


class Block(nn.Module):
    def __init__(self, size):
        super().__init__()
        self.conv = nn.Conv2d(size, size, 3, padding=1)
        self.norm = nn.BatchNorm2d(size)
        self.scale = nn.Parameter(torch.ones(size, 1, 1))

    def forward(self, x):
        return x + self.norm(self.conv(x)).relu() * self.scale


def net():
    return nn.Sequential(
        *(nn.Conv2d(3, 8, 3), nn.Sequential(Block(8), Block(8)), nn.AdaptiveAvgPool2d(1), nn.Flatten()),
        nn.Linear(8, 10),
    )


TABLE = """\
layer                    output           parameters       FLOPs
────────────────────────────────────────────────────────────────
Sequential               (4, 10)                   -           -
  0: Conv2d              (4, 8, 30, 30)          224   1,555,200
  1: Sequential          (4, 8, 30, 30)            -           -
    0: Block             (4, 8, 30, 30)            8           -
      conv: Conv2d       (4, 8, 30, 30)          584   4,147,200
      norm: BatchNorm2d  (4, 8, 30, 30)           16           -
    1: Block             (4, 8, 30, 30)            8           -
      conv: Conv2d       (4, 8, 30, 30)          584   4,147,200
      norm: BatchNorm2d  (4, 8, 30, 30)           16           -
  2: AdaptiveAvgPool2d   (4, 8, 1, 1)              -           -
  3: Flatten             (4, 8)                    -           -
  4: Linear              (4, 10)                  90         640
────────────────────────────────────────────────────────────────
1,530 parameters, 224 of them not trained
9,850,240 FLOPs = 4,925,120 multiply-adds
memory: parameters 6.0 KiB, activations 562.9 KiB, buffers 144 B"""


def squeezed(text):
    return [" ".join(line.split()) for line in text.replace("─", "").splitlines()]


def test_table():
    model = net()
    for p in model[0].parameters():
        p.requires_grad_(False)
    found = summary(model, input_size=(4, 3, 32, 32))
    assert squeezed(str(found)) == squeezed(TABLE)
    assert (
        len({len(line) for line in str(found).splitlines()[1:2] + [str(found).splitlines()[-5].rstrip()]}) < 3
    )
    assert (found.parameters, found.trainable, found.flops) == (1530, 1306, 9850240)
    assert found.parameter_bytes == 1530 * 4 and found.buffer_bytes == 2 * (2 * 8 * 4 + 8)
    assert found.activation_bytes == 4 * (5 * 4 * 8 * 900 + 4 * 8 + 4 * 8 + 4 * 10)


def test_depth_folds():
    found = str(summary(net(), input_size=(4, 3, 32, 32), depth=1))
    assert "1: Sequential (4, 8, 30, 30) 1,216 8,294,400" in squeezed(found) and "Block" not in found


def test_nothing_is_computed_and_nothing_changed():
    model = net()
    model.train()
    model[1][0].norm.eval()
    before = {k: v.clone() for k, v in model.state_dict().items()}
    state = torch.get_rng_state()
    summary(model, input_size=(100_000, 3, 1000, 1000))  # 3 TB for the first output
    assert all(torch.equal(v, before[k]) for k, v in model.state_dict().items())
    assert torch.equal(torch.get_rng_state(), state)
    assert model.training and not model[1][0].norm.training and model[1][1].norm.training
    assert not model._forward_hooks and model(torch.ones(2, 3, 8, 8)).shape == (2, 10)


def test_shared_parameters_count_once():
    layer = nn.Linear(4, 4)
    found = summary(nn.Sequential(layer, nn.Tanh(), layer), torch.randn(2, 4))
    assert found.parameters == 20 and found.flops == 2 * 2 * 4 * 4 * 2
    assert [row.again for row in found.rows] == [False, False, False, True]
    assert sum(row.parameters for row in found.rows) == 20 and "shared" in str(found)
    tied = nn.Sequential(nn.Linear(4, 4, bias=False), nn.Linear(4, 4, bias=False))
    tied[1].weight = tied[0].weight
    assert [row.parameters for row in summary(tied, torch.randn(1, 4)).rows] == [0, 16, 0]


def test_parameters_of_modules_that_are_never_called():
    """Attention uses its output layer's weights without calling it."""
    model = nn.MultiheadAttention(8, 2)
    x = torch.randn(3, 1, 8)
    found = summary(model, (x, x, x))
    assert found.rows[0].parameters == found.parameters == 4 * (64 + 8)


def test_forms_of_inputs():
    class Two(nn.Module):
        def __init__(self):
            super().__init__()
            self.words, self.layer = nn.Embedding(10, 4), nn.Linear(4, 2)

        def forward(self, ids, bias, scale=1.0):
            return {"out": self.layer(self.words(ids)) + bias * scale}

    model = Two()
    ids, bias = torch.zeros(3, 5, dtype=torch.int64), torch.zeros(2)
    for given in [(ids, bias), {"ids": ids, "bias": bias}, {"ids": ids, "bias": bias, "scale": 2.0}]:
        found = summary(model, given)
        assert found.rows[0].output == "(3, 5, 2)" and found.flops == 2 * 15 * 4 * 2
    assert summary(nn.Embedding(10, 4), input_size=(3, 5), dtype=torch.int64).rows[0].output == "(3, 5, 4)"
    assert summary(nn.Bilinear(2, 3, 4), input_size=[(5, 2), (5, 3)]).rows[0].output == "(5, 4)"
    for wrong in [{}, {"input": bias, "input_size": (2,)}]:
        with pytest.raises(ValueError, match="and not both"):
            summary(model, **wrong)


def test_a_model_that_fails_says_where():
    model = nn.Sequential(nn.Linear(4, 5), nn.Sequential(nn.ReLU(), nn.Linear(6, 3)))
    with pytest.raises(RuntimeError) as caught:
        summary(model, input_size=(2, 4))
    assert "summary: in 1.1 (Linear), called with (Tensor (2, 5) float32,)" in caught.value.__notes__
    assert summary(nn.Linear(4, 5), input_size=(2, 4)).flops == 80  # no hook is left behind


def test_a_model_that_looks_at_numbers():
    class Looks(nn.Module):
        def forward(self, x):
            return x if x.sum() > 0 else -x

    with pytest.raises(RuntimeError, match="meta") as caught:
        summary(Looks(), torch.ones(3))
    assert any("in the model (Looks)" in note for note in caught.value.__notes__)
