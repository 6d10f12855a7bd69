"""Every layer with several settings, and inputs for it: what the tests of layers walk through."""

from __future__ import annotations

import warnings
from dataclasses import dataclass, field
from typing import Any

import numpy as np


@dataclass
class Case:
    """`nn.<name>(*args, **kwargs)` called with inputs of the given kinds."""

    name: str
    args: tuple[Any, ...]
    kwargs: dict[str, Any]
    inputs: tuple[Any, ...]
    tensors: dict[str, Any] = field(default_factory=dict)  # constructor arguments that are tensors
    tolerance: float = 2e-5

    @property
    def label(self) -> str:
        """The call, as pytest shows it."""
        shown = [*map(repr, self.args), *(f"{k}={v}" for k, v in (self.kwargs | self.tensors).items())]
        shapes = "+".join("x".join(map(str, i if isinstance(i, tuple) else i["shape"])) for i in self.inputs)
        return f"{self.name}({', '.join(shown)})-{shapes}"

    @property
    def modes(self) -> list[str]:
        """The modes in which the layer is to be tried: both, where they may differ."""
        differing = ("Drop", "Norm", "RReLU", "Transformer", "Attention")
        differs = any(word in self.name for word in differing) or "dropout" in self.kwargs
        return ["train", "eval"] if differs else ["train"]

    def build(self, library: Any) -> Any:
        """The layer, from seed 0."""
        library.manual_seed(0)
        made = {k: library.tensor(np.array(v, np.float32)) for k, v in self.tensors.items()}
        return getattr(library.nn, self.name)(*self.args, **self.kwargs, **made)

    def arguments(self, library: Any) -> list[Any]:
        """The inputs; those of floating type require gradients, unless they are targets."""
        rng = np.random.default_rng(7)
        return [_tensor(library, _drawn(rng, kind), kind) for kind in self.inputs]


def _drawn(rng: np.random.Generator, kind: Any) -> np.ndarray:
    """A shape stands for normal numbers; a dict names others."""
    if isinstance(kind, tuple):
        return rng.standard_normal(kind).astype(np.float32)
    shape, what = kind["shape"], kind["kind"]
    if what == "below":
        return rng.integers(0, kind["high"], shape)
    if what == "sign":
        return np.where(rng.random(shape) < 0.5, -1, 1).astype(kind.get("dtype", np.float32))
    if what == "probability":
        p = rng.uniform(0.05, 0.95, shape).astype(np.float32)
        return p / p.sum(kind["dim"], keepdims=True) if "dim" in kind else p
    if what == "log probability":
        p = rng.uniform(0.05, 0.95, shape)
        return np.log(p / p.sum(-1, keepdims=True)).astype(np.float32)
    return np.array(kind["values"])


def _tensor(library: Any, array: np.ndarray, kind: Any) -> Any:
    tracked = array.dtype == np.float32 and not (isinstance(kind, dict) and kind.get("target"))
    return library.from_numpy(array.copy()).requires_grad_(tracked)


def below(high: int, *shape: int) -> dict[str, Any]:
    """Integers from 0 to high - 1."""
    return {"kind": "below", "high": high, "shape": shape}


def sign(*shape: int, **more: Any) -> dict[str, Any]:
    """1 and -1."""
    return {"kind": "sign", "shape": shape, "target": True, **more}


def chance(*shape: int, **more: Any) -> dict[str, Any]:
    """Numbers between 0 and 1; with `dim` they sum to one along it."""
    return {"kind": "probability", "shape": shape, **more}


def log_chance(*shape: int, **more: Any) -> dict[str, Any]:
    """Logarithms of probabilities over the last dimension."""
    return {"kind": "log probability", "shape": shape, **more}


def exactly(values: Any) -> dict[str, Any]:
    """The given numbers."""
    return {"kind": "given", "values": values, "shape": np.array(values).shape, "target": True}


def target(*shape: int) -> dict[str, Any]:
    """Numbers between 0 and 1 that need no gradient."""
    return chance(*shape, target=True)


CASES: list[Case] = []


def add(name: str, *args: Any, x: Any = None, inputs: Any = None, tensors: Any = None, **kwargs: Any) -> None:
    """One case: `x` the shapes of single inputs, each making a case; or `inputs`, all of one call."""
    for call in [inputs] if inputs is not None else [(shape,) for shape in x]:
        CASES.append(Case(name, args, kwargs, tuple(call), tensors or {}))


def outcome(library: Any, case: Case, train: bool, wide: bool = False) -> dict[str, Any]:
    """Everything a layer gives: outputs, gradients of inputs and parameters, and its state, as arrays.

    `wide`: from the same numbers, computed in float64.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        layer = case.build(library).train(train)
        arguments = case.arguments(library)
        if wide:
            layer.double()
            arguments = [_widened(a) for a in arguments]
        library.manual_seed(1)
        outputs = flat(layer(*arguments))
    rng = np.random.default_rng(11)
    total = 0.0
    for out in outputs:
        if out.requires_grad:
            weights = rng.uniform(0.5, 1.5, tuple(out.shape)).astype(np.float32)
            total = total + (out * library.from_numpy(np.asarray(weights))).sum()
    if hasattr(total, "backward"):
        total.backward()
    found = {f"output {i}": out.detach().numpy() for i, out in enumerate(outputs)}
    leaves = {f"input {i}": a for i, a in enumerate(arguments)} | dict(layer.named_parameters())
    for name, leaf in leaves.items():
        if leaf.grad is not None:
            found[f"gradient of {name}"] = leaf.grad.numpy()
    found.update({f"state {k}": v.detach().numpy() for k, v in layer.state_dict().items()})
    return {"repr": repr(layer), "arrays": found}


def _widened(x: Any) -> Any:
    return x.detach().double().requires_grad_(x.requires_grad) if x.is_floating_point() else x


def flat(outputs: Any) -> list[Any]:
    """The tensors in nested tuples, without None."""
    if isinstance(outputs, (tuple, list)):
        return [tensor for part in outputs for tensor in flat(part)]
    return [] if outputs is None else [outputs]


# -- affine, convolutions ------------------------------------------------------------------------------

add("Identity", 3, x=[(2, 3)])
add("Linear", 3, 4, x=[(5, 3), (3,), (2, 5, 3), (0, 3)])
add("Linear", 3, 4, bias=False, x=[(5, 3)])
add("Bilinear", 3, 4, 5, inputs=[(6, 3), (6, 4)])
add("Bilinear", 3, 4, 5, bias=False, inputs=[(2, 6, 3), (2, 6, 4)])
for axes in (1, 2, 3):
    one, size = f"Conv{axes}d", (7, 6, 5)[:axes]
    add(one, 4, 6, 3, x=[(2, 4, *size), (4, *size)])
    add(one, 4, 6, 3, stride=2, padding=1, dilation=2, groups=2, bias=False, x=[(2, 4, *size)])
    add(one, 4, 6, (3, 2, 1)[:axes], padding="same", x=[(2, 4, *size)])
    add(one, 4, 6, 2, padding="valid", x=[(2, 4, *size)])
    for mode in ("reflect", "replicate", "circular"):
        add(one, 4, 6, 3, padding=(1, 2, 1)[:axes], padding_mode=mode, x=[(2, 4, *size)])
    add(one, 4, 4, 2, padding="same", padding_mode="circular", groups=4, x=[(2, 4, *size)])
    back = f"ConvTranspose{axes}d"
    add(back, 4, 6, 3, x=[(2, 4, *size), (4, *size)])
    add(back, 4, 6, 3, 2, 1, 1, 2, False, 2, x=[(2, 4, *size)])
    add(f"LazyConv{axes}d", 6, 3, x=[(2, 4, *size)])
    add(f"LazyConvTranspose{axes}d", 6, 3, stride=2, x=[(2, 4, *size)])
add("LazyLinear", 4, x=[(5, 3)])

# -- activations ---------------------------------------------------------------------------------------

PLAIN = """ReLU ReLU6 SiLU Mish SELU Hardswish Hardsigmoid Sigmoid Tanh LogSigmoid Softsign Tanhshrink ELU
    CELU LeakyReLU Softplus Hardtanh GELU PReLU GLU Hardshrink Softshrink RReLU"""
for name in PLAIN.split():
    add(name, x=[(3, 4)])
add("GELU", approximate="tanh", x=[(3, 4)])
add("ELU", alpha=0.5, x=[(3, 4)])
add("CELU", 2.0, x=[(3, 4)])
add("LeakyReLU", 0.3, x=[(3, 4)])
add("Softplus", beta=2.0, threshold=1.0, x=[(3, 4)])
add("Hardtanh", -0.5, 0.25, x=[(3, 4)])
add("Hardshrink", 1.0, x=[(3, 4)])
add("Softshrink", 0.1, x=[(3, 4)])
add("Threshold", 0.1, 20.0, x=[(3, 4)])
add("RReLU", 0.1, 0.9, x=[(3, 4)])
add("PReLU", 4, init=0.1, x=[(3, 4), (2, 4, 3)])
add("GLU", dim=0, x=[(4, 3)])
for name in ("Softmax", "LogSoftmax", "Softmin"):
    add(name, dim=1, x=[(3, 4), (2, 3, 4)])
    add(name, -1, x=[(3, 4)])
add("Softmax2d", x=[(2, 3, 4, 4), (3, 4, 4)])

# -- pooling -------------------------------------------------------------------------------------------

for axes in (1, 2, 3):
    size = (8, 7, 6)[:axes]
    shapes = [(2, 3, *size), (3, *size)]
    add(f"MaxPool{axes}d", 2, x=shapes)
    add(f"MaxPool{axes}d", 3, stride=2, padding=1, dilation=1, ceil_mode=True, return_indices=True, x=shapes)
    add(f"AvgPool{axes}d", 2, x=shapes)
    add(f"AvgPool{axes}d", 3, 2, 1, True, False, x=shapes)
    add(f"LPPool{axes}d", 2, 3, stride=2, x=shapes)
    add(f"AdaptiveAvgPool{axes}d", 3, x=shapes)
    add(f"AdaptiveMaxPool{axes}d", 3, return_indices=True, x=shapes)
add("MaxPool2d", (3, 2), stride=(2, 1), padding=(1, 0), x=[(2, 3, 8, 7)])
add("AvgPool2d", 2, divisor_override=3, x=[(2, 3, 8, 7)])
add("AdaptiveAvgPool2d", (1, None), x=[(2, 3, 8, 7)])
add("AdaptiveMaxPool2d", (5, 3), x=[(2, 3, 8, 7)])

# -- normalisation, dropout ----------------------------------------------------------------------------

add("LayerNorm", 4, x=[(3, 4), (2, 3, 4)])
add("LayerNorm", [3, 4], bias=False, x=[(2, 3, 4)])
add("LayerNorm", (3, 4), eps=0.1, elementwise_affine=False, x=[(2, 3, 4)])
add("RMSNorm", 4, x=[(3, 4)])
add("RMSNorm", (3, 4), eps=0.1, x=[(2, 3, 4)])
add("RMSNorm", 4, elementwise_affine=False, x=[(3, 4)])
add("GroupNorm", 2, 4, x=[(3, 4), (3, 4, 5), (3, 4, 5, 2)])
add("GroupNorm", 4, 4, eps=0.1, affine=False, x=[(3, 4, 5)])
add("GroupNorm", 1, 4, bias=False, x=[(3, 4, 5)])
for axes in (1, 2, 3):
    size = (5, 4, 3)[:axes]
    for name in (f"BatchNorm{axes}d", f"InstanceNorm{axes}d"):
        add(name, 4, x=[(3, 4, *size)])
        add(name, 4, eps=0.1, momentum=0.5, affine=True, track_running_stats=True, x=[(3, 4, *size)])
        add(name, 4, affine=True, bias=False, track_running_stats=False, x=[(3, 4, *size)])
        add(f"Lazy{name}", x=[(3, 4, *size)])
    add(f"BatchNorm{axes}d", 4, momentum=None, x=[(3, 4, *size)])
    add(f"InstanceNorm{axes}d", 4, x=[(4, *size)])
add("BatchNorm1d", 4, x=[(3, 4)])
add("SyncBatchNorm", 4, x=[(3, 4), (3, 4, 2)])
add("LocalResponseNorm", 2, x=[(3, 4, 5), (3, 4, 5, 2)])
add("LocalResponseNorm", 3, alpha=0.1, beta=0.5, k=2.0, x=[(3, 4, 5)])
for name in ("Dropout", "AlphaDropout"):
    add(name, x=[(6, 7)])
    add(name, 0.2, x=[(6, 7), (5, 4, 3)])
add("Dropout", 0.0, x=[(6, 7)])
add("Dropout1d", 0.3, x=[(5, 4, 3), (4, 3)])
add("Dropout2d", 0.3, x=[(5, 4, 3, 2)])
add("Dropout3d", 0.3, x=[(5, 4, 3, 2, 2)])
add("FeatureAlphaDropout", 0.3, x=[(5, 4, 3)])

# -- tables --------------------------------------------------------------------------------------------

add("Embedding", 6, 3, x=[below(6, 4), below(6, 2, 3)])
add("Embedding", 6, 3, padding_idx=0, x=[below(6, 2, 5)])
add("Embedding", 6, 3, padding_idx=-2, scale_grad_by_freq=True, x=[below(6, 2, 5)])
add("Embedding", 6, 3, max_norm=1.0, norm_type=1.0, x=[below(6, 2, 5)])
for mode in ("sum", "mean", "max"):
    add("EmbeddingBag", 6, 3, mode=mode, x=[below(6, 2, 5)])
    add("EmbeddingBag", 6, 3, mode=mode, padding_idx=2, inputs=[below(6, 7), exactly([0, 2, 6])])
add(
    "EmbeddingBag",
    6,
    3,
    mode="sum",
    max_norm=0.5,
    include_last_offset=True,
    inputs=[below(6, 7), exactly([0, 3, 7])],
)

# -- shapes --------------------------------------------------------------------------------------------

add("Flatten", x=[(2, 3, 4)])
add("Flatten", 0, 1, x=[(2, 3, 4)])
add("Unflatten", 1, (2, 3), x=[(2, 6)])
for axes in (1, 2, 3):
    size = (5, 4, 3)[:axes]
    sides = (1, 2, 0, 1, 2, 1)[: 2 * axes]
    add(f"ZeroPad{axes}d", sides, x=[(2, 3, *size)])
    add(f"ConstantPad{axes}d", 1, 2.5, x=[(2, 3, *size)])
    for name in ("ReflectionPad", "ReplicationPad", "CircularPad"):
        add(f"{name}{axes}d", sides, x=[(2, 3, *size), (3, *size)])
        add(f"{name}{axes}d", 1, x=[(2, 3, *size)])
add("Unfold", 2, dilation=2, padding=1, stride=2, x=[(2, 3, 5, 6)])
add("Fold", (4, 5), (2, 3), padding=1, x=[(2, 12, 25)])
add("PixelShuffle", 2, x=[(2, 8, 3, 2)])
add("PixelUnshuffle", 2, x=[(2, 2, 6, 4)])
add("ChannelShuffle", 2, x=[(2, 6, 3, 2)])
add("Upsample", scale_factor=2, x=[(2, 3, 4), (2, 3, 4, 5)])
add("Upsample", size=(7, 3), mode="bilinear", x=[(2, 3, 4, 5)])
add("Upsample", scale_factor=(2, 1.5), mode="bicubic", align_corners=True, x=[(2, 3, 4, 5)])
add("UpsamplingNearest2d", scale_factor=3, x=[(2, 3, 4, 5)])
add("UpsamplingBilinear2d", size=(6, 9), x=[(2, 3, 4, 5)])
add("CosineSimilarity", inputs=[(4, 5), (4, 5)])
add("CosineSimilarity", dim=-2, eps=0.5, inputs=[(4, 5), (4, 5)])
add("PairwiseDistance", inputs=[(4, 5), (4, 5)])
add("PairwiseDistance", p=1, eps=0.1, keepdim=True, inputs=[(4, 5), (4, 5)])

# -- losses --------------------------------------------------------------------------------------------

for reduction in ("mean", "sum", "none"):
    for name in ("L1Loss", "MSELoss", "SmoothL1Loss", "HuberLoss"):
        add(name, reduction=reduction, inputs=[(4, 5), (4, 5)])
    add("CrossEntropyLoss", reduction=reduction, inputs=[(4, 5), below(5, 4)])
    add("NLLLoss", reduction=reduction, inputs=[log_chance(4, 5), below(5, 4)])
    add("BCELoss", reduction=reduction, inputs=[chance(4, 5), target(4, 5)])
    add("BCEWithLogitsLoss", reduction=reduction, inputs=[(4, 5), target(4, 5)])
    add("KLDivLoss", reduction=reduction, inputs=[log_chance(4, 5), chance(4, 5, dim=-1, target=True)])
    add("PoissonNLLLoss", reduction=reduction, inputs=[(4, 5), target(4, 5)])
    add("GaussianNLLLoss", reduction=reduction, inputs=[(4, 5), target(4, 5), chance(4, 5)])
    add("HingeEmbeddingLoss", reduction=reduction, inputs=[(4, 5), sign(4, 5)])
    add("CosineEmbeddingLoss", reduction=reduction, inputs=[(4, 5), (4, 5), sign(4)])
    add("MarginRankingLoss", reduction=reduction, inputs=[(4,), (4,), sign(4)])
    add("SoftMarginLoss", reduction=reduction, inputs=[(4, 5), sign(4, 5)])
    add("MultiLabelSoftMarginLoss", reduction=reduction, inputs=[(4, 5), target(4, 5)])
    add("MultiLabelMarginLoss", reduction=reduction, inputs=[(2, 4), exactly([[3, 0, -1, 1], [2, -1, 0, 1]])])
    add("MultiMarginLoss", reduction=reduction, inputs=[(4, 5), below(5, 4)])
    add("TripletMarginLoss", reduction=reduction, inputs=[(4, 5)] * 3)
    add("TripletMarginWithDistanceLoss", reduction=reduction, inputs=[(4, 5)] * 3)
    frames = [log_chance(7, 2, 5), exactly([[1, 2, 2], [3, 1, 4]]), exactly([7, 6]), exactly([3, 2])]
    add("CTCLoss", reduction=reduction, inputs=frames)
add("SmoothL1Loss", beta=0.5, inputs=[(4, 5), (4, 5)])
add("HuberLoss", delta=0.5, inputs=[(4, 5), (4, 5)])
add("CrossEntropyLoss", inputs=[(4, 5, 3), below(5, 4, 3)])
add("CrossEntropyLoss", ignore_index=2, label_smoothing=0.1, inputs=[(4, 5), below(5, 4)])
add("CrossEntropyLoss", tensors={"weight": [1, 2, 3, 4, 5]}, inputs=[(4, 5), below(5, 4)])
add("CrossEntropyLoss", label_smoothing=0.2, inputs=[(4, 5), chance(4, 5, dim=-1, target=True)])
add("CrossEntropyLoss", inputs=[(5,), exactly(3)])
add("NLLLoss", ignore_index=1, tensors={"weight": [1, 2, 3, 4, 5]}, inputs=[log_chance(4, 5), below(5, 4)])
add("BCELoss", tensors={"weight": [1, 2, 3, 4, 5]}, inputs=[chance(4, 5), target(4, 5)])
add(
    "BCEWithLogitsLoss",
    tensors={"weight": [1, 2, 3, 4, 5], "pos_weight": [5, 1, 2, 1, 3]},
    inputs=[(4, 5), target(4, 5)],
)
add("KLDivLoss", reduction="batchmean", log_target=True, inputs=[log_chance(4, 5), log_chance(4, 5)])
add("PoissonNLLLoss", log_input=False, full=True, inputs=[chance(4, 5), exactly([[0.0, 1, 2, 3, 4]] * 4)])
add("GaussianNLLLoss", full=True, inputs=[(4, 5), target(4, 5), chance(4, 1)])
add("HingeEmbeddingLoss", margin=0.2, inputs=[(4, 5), sign(4, 5)])
add("CosineEmbeddingLoss", margin=0.5, inputs=[(4, 5), (4, 5), sign(4)])
add("MarginRankingLoss", margin=0.5, inputs=[(4,), (4,), sign(4)])
add("MultiMarginLoss", p=2, margin=0.5, tensors={"weight": [1, 2, 3, 4, 5]}, inputs=[(4, 5), below(5, 4)])
add("TripletMarginLoss", margin=0.5, p=1, swap=True, inputs=[(4, 5)] * 3)
words = exactly([[1, 2], [3, 1]]), frames[2], exactly([2, 2])
add("CTCLoss", blank=4, zero_infinity=True, inputs=[log_chance(7, 2, 5), *words])
add("LinearCrossEntropyLoss", 3, 5, inputs=[(4, 3), below(5, 4)])
add("LinearCrossEntropyLoss", 3, 5, bias=True, label_smoothing=0.1, inputs=[(4, 3), below(5, 4)])
add("LinearCrossEntropyLoss", 3, 5, reduction="sum", inputs=[(4, 3), below(5, 4)])

# -- recurrence and attention --------------------------------------------------------------------------

for name in ("RNN", "LSTM", "GRU"):
    add(name, 3, 4, x=[(5, 2, 3), (5, 3)])
    add(name, 3, 4, 2, bias=False, batch_first=True, bidirectional=True, x=[(2, 5, 3)])
    add(name, 3, 4, num_layers=2, dropout=0.4, x=[(5, 2, 3)])
    add(f"{name}Cell", 3, 4, x=[(2, 3), (3,)])
    add(f"{name}Cell", 3, 4, bias=False, x=[(2, 3)])
add("RNN", 3, 4, nonlinearity="relu", inputs=[(5, 2, 3), (1, 2, 4)])
add("RNNCell", 3, 4, nonlinearity="relu", inputs=[(2, 3), (2, 4)])
add("GRU", 3, 4, inputs=[(5, 2, 3), (1, 2, 4)])
add("LSTM", 3, 4, proj_size=2, num_layers=2, bidirectional=True, x=[(5, 2, 3)])
add("MultiheadAttention", 8, 2, inputs=[(5, 3, 8)] * 3)
add("MultiheadAttention", 8, 2, dropout=0.2, batch_first=True, inputs=[(3, 4, 8), (3, 5, 8), (3, 5, 8)])
add("MultiheadAttention", 8, 4, bias=False, add_bias_kv=True, add_zero_attn=True, inputs=[(5, 3, 8)] * 3)
add("MultiheadAttention", 8, 2, kdim=3, vdim=5, inputs=[(4, 2, 8), (6, 2, 3), (6, 2, 5)])
for settings in ({}, {"norm_first": True}, {"batch_first": True, "bias": False}, {"activation": "gelu"}):
    add("TransformerEncoderLayer", 8, 2, 16, **settings, x=[(5, 3, 8)])
    add("TransformerDecoderLayer", 8, 2, 16, 0.0, **settings, inputs=[(5, 3, 8), (5, 3, 8)])
add("Transformer", 8, 2, 2, 1, 16, inputs=[(5, 3, 8), (4, 3, 8)])
for case in CASES:
    if case.name in ("LogSoftmax", "Transformer", "CTCLoss") or "Transformer" in case.name:
        case.tolerance = 1e-4
