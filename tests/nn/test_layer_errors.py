"""What layers refuse, with torch's class of error and its key words; and what they warn about."""

import warnings

import numpy as np
import pytest

import rushlight
from rushlight import nn

WRONG = {
    "groups": (lambda n, z: n.Conv2d(4, 6, 3, groups=0), ValueError, "groups must be a positive integer"),
    "input groups": (
        lambda n, z: n.Conv2d(3, 6, 3, groups=2),
        ValueError,
        "in_channels must be divisible by groups",
    ),
    "output groups": (
        lambda n, z: n.Conv2d(4, 5, 3, groups=2),
        ValueError,
        "out_channels must be divisible by",
    ),
    "padding": (lambda n, z: n.Conv2d(4, 5, 3, padding="full"), ValueError, "Invalid padding string 'full'"),
    "same and stride": (
        lambda n, z: n.Conv2d(4, 5, 3, stride=2, padding="same"),
        ValueError,
        "padding='same' is not supported for strided convolutions",
    ),
    "padding mode": (
        lambda n, z: n.Conv2d(4, 5, 3, padding_mode="mirror"),
        ValueError,
        "padding_mode must be one of",
    ),
    "transposed padding mode": (
        lambda n, z: n.ConvTranspose2d(4, 5, 3, padding_mode="reflect"),
        ValueError,
        'Only "zeros" padding mode is supported for ConvTranspose2d',
    ),
    "output size": (
        lambda n, z: n.ConvTranspose2d(4, 5, 3, 2)(z(1, 4, 5, 5), output_size=[20, 20]),
        ValueError,
        "requested an output size of",
    ),
    "output sizes": (
        lambda n, z: n.ConvTranspose2d(4, 5, 3, 2)(z(1, 4, 5, 5), output_size=[20]),
        ValueError,
        "ConvTranspose2D: for 4D input, output_size must have 2 or 4 elements",
    ),
    "conv channels": (lambda n, z: n.Conv2d(3, 5, 3)(z(1, 4, 5, 5)), RuntimeError, "4 channels"),
    "linear shape": (lambda n, z: n.Linear(3, 4)(z(2, 5)), RuntimeError, "cannot be multiplied"),
    "bilinear": (lambda n, z: n.Bilinear(0, 4, 5), ValueError, "in1_features must be > 0"),
    "hardtanh": (lambda n, z: n.Hardtanh(1.0, -1.0), AssertionError, "must be greater than min_val"),
    "softmax2d": (lambda n, z: n.Softmax2d()(z(2, 3)), ValueError, "expected input to be 3D or 4D, got 2D"),
    "dropout": (
        lambda n, z: n.Dropout(1.5),
        ValueError,
        "dropout probability has to be between 0 and 1, but got 1.5",
    ),
    "batch norm 1d": (
        lambda n, z: n.BatchNorm1d(3)(z(1, 3, 2, 2)),
        ValueError,
        r"expected 2D or 3D input \(got 4D",
    ),
    "batch norm 2d": (
        lambda n, z: n.BatchNorm2d(3)(z(1, 3)),
        ValueError,
        r"expected 4D input \(got 2D input\)",
    ),
    "one value": (
        lambda n, z: n.BatchNorm1d(3)(z(1, 3)),
        ValueError,
        "Expected more than 1 value per channel",
    ),
    "instance norm rank": (lambda n, z: n.InstanceNorm2d(3)(z(2, 3)), ValueError, "expected 3D or 4D input"),
    "instance norm": (
        lambda n, z: n.InstanceNorm2d(3, affine=True)(z(2, 4, 5, 5)),
        ValueError,
        "expected input's size at dim=1 to match num_features",
    ),
    "sync": (lambda n, z: n.SyncBatchNorm(3)(z(3)), ValueError, "expected at least 2D input"),
    "group norm": (
        lambda n, z: n.GroupNorm(2, 3),
        ValueError,
        r"num_channels \(3\) must be divisible by num_groups",
    ),
    "layer norm": (lambda n, z: n.LayerNorm(4)(z(2, 5)), RuntimeError, "normalized_shape"),
    "padding index": (lambda n, z: n.Embedding(4, 3, padding_idx=4), AssertionError, "within num_embeddings"),
    "negative padding": (
        lambda n, z: n.Embedding(4, 3, padding_idx=-5),
        AssertionError,
        "within num_embeddings",
    ),
    "table": (
        lambda n, z: n.Embedding(4, 3, _weight=z(4, 2)),
        AssertionError,
        "Shape of weight does not match",
    ),
    "pretrained": (lambda n, z: n.Embedding.from_pretrained(z(4)), AssertionError, "2-dimensional"),
    "unflatten": (lambda n, z: n.Unflatten(1, (2, 1.5)), TypeError, "found element of type float at pos 1"),
    "unflatten size": (lambda n, z: n.Unflatten(1, 2), TypeError, "unflattened_size must be a tuple of ints"),
    "circular": (lambda n, z: n.CircularPad2d(1)(z(2, 3)), ValueError, "expected 3D or 4D input"),
    "fractional": (
        lambda n, z: n.FractionalMaxPool2d(2),
        ValueError,
        "either an output size, or a pooling ratio",
    ),
    "fractional twice": (
        lambda n, z: n.FractionalMaxPool2d(2, output_size=3, output_ratio=0.5),
        ValueError,
        "only one of output_size and output_ratio",
    ),
    "fractional ratio": (
        lambda n, z: n.FractionalMaxPool3d(2, output_ratio=1.5),
        ValueError,
        "output_ratio must be between 0 and 1",
    ),
    "fractional kernel": (
        lambda n, z: n.FractionalMaxPool3d(0, output_ratio=0.5),
        ValueError,
        "kernel_size must be greater than 0",
    ),
    "huber": (lambda n, z: n.HuberLoss(delta="1"), TypeError, "delta must be a float or int"),
    "margin power": (lambda n, z: n.MultiMarginLoss(p=3), ValueError, "only p == 1 and p == 2 supported"),
    "margin weight": (
        lambda n, z: n.MultiMarginLoss(weight=z(2, 2)),
        ValueError,
        "expected weight to be None or 1D",
    ),
    "triplet": (
        lambda n, z: n.TripletMarginLoss(margin=0),
        ValueError,
        "expected margin to be greater than 0, got 0",
    ),
    "reduction": (
        lambda n, z: n.MSELoss(reduction="max")(z(2), z(2)),
        ValueError,
        "is not a valid value for reduction",
    ),
    "class weight": (
        lambda n, z: n.LinearCrossEntropyLoss(3, 5, weight=z(4)),
        RuntimeError,
        "expected weight shape to be",
    ),
    "smoothing": (
        lambda n, z: n.LinearCrossEntropyLoss(3, 5, label_smoothing=2.0),
        RuntimeError,
        "label_smoothing to be in range",
    ),
    "lazy rank": (lambda n, z: n.LazyConv2d(4, 3)(z(5, 5)), RuntimeError, "Expected 3D"),
    "lazy groups": (
        lambda n, z: n.LazyConv2d(4, 3, groups=2)(z(1, 3, 5, 5)),
        ValueError,
        "in_channels must be divis",
    ),
}


@pytest.mark.parametrize(("call", "error", "words"), WRONG.values(), ids=WRONG)
def test_what_is_refused(call, error, words):
    with pytest.raises(error, match=words):
        call(nn, rushlight.zeros)
    torch = pytest.importorskip("torch")
    with pytest.raises(error, match=words):
        call(torch.nn, torch.zeros)


def test_a_wrong_shape_is_named_with_its_layer():
    model = nn.Sequential(nn.Linear(3, 4), nn.ReLU(), nn.Linear(5, 2))
    with pytest.raises(RuntimeError) as caught:
        model(rushlight.zeros(2, 3))
    assert "(2, 4)" in str(caught.value) or "2x4" in str(caught.value)
    assert "model[2] (Linear)" in "".join(caught.value.__notes__)


def test_old_spellings_warn():
    with pytest.warns(UserWarning, match="please use reduction='sum' instead"):
        assert nn.MSELoss(size_average=False).reduction == "sum"
    with pytest.warns(UserWarning, match="please use reduction='none' instead"):
        assert nn.L1Loss(reduce=False).reduction == "none"
    with pytest.warns(FutureWarning, match="`min_value` is deprecated and renamed to `min_val`"):
        assert nn.Hardtanh(min_value=-2.0).min_val == -2.0
    with pytest.warns(UserWarning, match="does not match num_features"):
        nn.InstanceNorm2d(3)(rushlight.randn(2, 4, 5, 5))
    with pytest.warns(UserWarning, match="Implicit dimension choice for softmax"):
        nn.Softmax()(rushlight.randn(2, 4))


# -- dropout at inference ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "rank"), [("Dropout", 1), ("Dropout1d", 3), ("Dropout2d", 4), ("Dropout3d", 5)]
)
@pytest.mark.parametrize("mode", [rushlight.no_grad, rushlight.inference_mode])
def test_forgotten_eval_is_advised(name, rank, mode):
    rushlight.advice(True)
    module, x = getattr(nn, name)(), rushlight.ones((2,) * rank)
    with mode(), pytest.warns(rushlight.AdviceWarning, match=r"call model.eval\(\)"):
        module(x)


def test_dropout_without_cause_for_advice():
    rushlight.advice(True)
    x = rushlight.ones(2, 3)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        nn.Dropout()(x)
        nn.Dropout()(x.requires_grad_())
        with rushlight.no_grad():
            nn.Dropout().eval()(x)
            nn.Dropout(0.0)(x)
            nn.AlphaDropout()(x)


def test_advice_is_given_once_and_can_be_switched_off():
    module, x = nn.Dropout(), rushlight.ones(3)
    try:
        rushlight.advice(False)
        with warnings.catch_warnings(), rushlight.no_grad():
            warnings.simplefilter("error")
            module(x)
        rushlight.advice(True)
        with warnings.catch_warnings(record=True) as given, rushlight.no_grad():
            warnings.simplefilter("always")
            for _ in range(3):
                module(x)
        assert len(given) == 1 and given[0].filename == __file__
    finally:
        rushlight.advice(True)


# -- layers with a way of their own --------------------------------------------------------------------


@pytest.mark.parametrize("axes", [1, 2, 3])
def test_unpooling_is_the_partial_inverse(axes):
    x = rushlight.randn(2, 3, *(6, 4, 8)[:axes])
    pool = getattr(nn, f"MaxPool{axes}d")(2, return_indices=True)
    unpool = getattr(nn, f"MaxUnpool{axes}d")(2)
    values, indices = pool(x)
    back = unpool(values, indices)
    kept = back.numpy() != 0
    assert back.shape == x.shape and kept.sum() == values.numel()
    assert np.array_equal(back.numpy()[kept], x.numpy()[kept])
    larger = unpool(values, indices, output_size=[n + 1 for n in x.shape[2:]])
    assert tuple(larger.shape[2:]) == tuple(n + 1 for n in x.shape[2:])
    torch = pytest.importorskip("torch")
    theirs = getattr(torch.nn, f"MaxUnpool{axes}d")(2)
    assert repr(unpool) == repr(theirs)
    expected = theirs(torch.from_numpy(values.numpy()), torch.from_numpy(indices.numpy()))
    assert np.array_equal(back.numpy(), expected.numpy())


@pytest.mark.parametrize("axes", [1, 2, 3])
def test_transposed_convolutions_take_an_output_size(axes):
    layer = getattr(nn, f"ConvTranspose{axes}d")(2, 3, 3, stride=2)
    x = rushlight.randn(1, 2, *(4, 5, 3)[:axes])
    natural = layer(x).shape[2:]
    for sizes in (list(natural), [n + 1 for n in natural], [1, 3, *natural]):
        assert list(layer(x, output_size=sizes).shape[2:]) == sizes[-axes:]
    back = getattr(nn, f"Conv{axes}d")(3, 2, 3, stride=2)(layer(x))
    assert back.shape == x.shape


def test_pretrained_tables():
    table = rushlight.arange(6.0).reshape(3, 2)
    layer = nn.Embedding.from_pretrained(table, padding_idx=1)
    assert not layer.weight.requires_grad and layer.padding_idx == 1
    assert layer(rushlight.tensor([2, 0])).tolist() == [[4.0, 5.0], [0.0, 1.0]]
    bag = nn.EmbeddingBag.from_pretrained(table, freeze=False, mode="sum")
    assert bag.weight.requires_grad and bag(rushlight.tensor([[2, 0]])).tolist() == [[4.0, 6.0]]


def test_batch_norm_counts_and_averages():
    layer, x = nn.BatchNorm1d(2, momentum=None), rushlight.randn(2, 8, 2)
    layer(x[0])
    layer(x[1])
    np.testing.assert_allclose(layer.running_mean.numpy(), x.mean((0, 1)).numpy(), atol=1e-6)
    assert layer.num_batches_tracked.item() == 2
    layer.reset_running_stats()
    assert layer.num_batches_tracked.item() == 0 and layer.running_var.tolist() == [1.0, 1.0]


def test_batch_norm_reads_states_of_version_one():
    old = nn.BatchNorm1d(2).state_dict()
    del old["num_batches_tracked"]
    old._metadata[""]["version"] = 1
    layer = nn.BatchNorm1d(2)
    layer.num_batches_tracked.fill_(3)
    layer.load_state_dict(old)
    assert layer.num_batches_tracked.item() == 3
    tracked = nn.InstanceNorm1d(2, track_running_stats=True).state_dict()
    tracked._metadata = None
    with pytest.raises(RuntimeError, match="running stats buffer.*track_running_stats=False"):
        nn.InstanceNorm1d(2).load_state_dict(tracked)


def test_batch_norms_become_synchronised():
    model = nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4), nn.Sequential(nn.BatchNorm1d(4)))
    converted = nn.SyncBatchNorm.convert_sync_batchnorm(model)
    assert [type(m).__name__ for m in converted.modules()].count("SyncBatchNorm") == 2
    assert converted[1].weight is model[1].weight
    x = rushlight.randn(5, 3)
    assert np.array_equal(converted.eval()(x).detach().numpy(), model.eval()(x).detach().numpy())


def test_weight_standardisation_by_conv_forward():
    class Standardised(nn.Conv2d):
        def forward(self, input):
            return self._conv_forward(
                input, self.weight - self.weight.mean((1, 2, 3), keepdim=True), self.bias
            )

    layer = Standardised(2, 3, 3, padding=1, bias=False)
    assert abs(layer(rushlight.ones(1, 2, 5, 5))[0, :, 2, 2].detach().numpy()).max() < 1e-6


def test_data_parallel_runs_its_module():
    model = nn.DataParallel(nn.Linear(2, 3), device_ids=[0])
    assert list(model.state_dict()) == ["module.weight", "module.bias"]
    x = rushlight.ones(1, 2)
    assert np.array_equal(model(x).detach().numpy(), model.module(x).detach().numpy())


def test_names_of_the_files_of_torch():
    assert nn.modules.conv.Conv2d is nn.modules.Conv2d is nn.Conv2d
    assert issubclass(nn.BatchNorm2d, nn.modules.batchnorm._BatchNorm)
    assert nn.modules.utils._pair(3) == (3, 3) and nn.modules.utils._triple((1, 2, 3)) == (1, 2, 3)
    assert nn.modules.utils._reverse_repeat_tuple((1, 2), 2) == (2, 2, 1, 1)
    assert nn.modules.utils._list_with_default([None, 4], [1, 2, 3]) == [2, 4]


@pytest.mark.parametrize("device", [None, "cpu", "meta"])
@pytest.mark.parametrize("dtype", [None, rushlight.float64, rushlight.bfloat16])
def test_device_and_dtype(device, dtype):
    place = {"device": device, "dtype": dtype}
    layers = [
        nn.Linear(3, 4, **place),
        nn.Conv2d(2, 4, 3, **place),
        nn.BatchNorm1d(3, **place),
        nn.PReLU(**place),
    ]
    layers += [
        nn.LSTM(3, 4, **place),
        nn.GRUCell(3, 4, **place),
        nn.Embedding(3, 4, **place),
        nn.LayerNorm(4, **place),
    ]
    layers += [
        nn.MultiheadAttention(4, 2, **place),
        nn.TransformerEncoderLayer(4, 2, 8, **place),
        nn.RMSNorm(4, **place),
    ]
    for layer in layers:
        for tensor in [*layer.parameters(), *(b for b in layer.buffers() if b.is_floating_point())]:
            assert tensor.dtype is (dtype or rushlight.float32)
            assert str(tensor.device) == (device or "cpu")
