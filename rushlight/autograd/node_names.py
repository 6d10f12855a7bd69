"""What PyTorch calls the nodes of its graph, where our name for them, made from the op's name, is another.

The names are no part of PyTorch's promises, but people know them: they stand in `grad_fn=<...>`,
in drawings of graphs and in error messages.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

Kept = dict[str, Any]


def _with_dim(name: str) -> Callable[[Kept], str]:
    """PyTorch numbers its overloads: sum() is SumBackward0, sum(dim) is SumBackward1."""
    return lambda kept: f"{name}Backward{0 if kept.get('dim') is None else 1}"


def _of_matmul(kept: Kept) -> str:
    ranks = {name: kept[name].ndim for name in ("input", "other") if kept.get(name) is not None}
    if max(ranks.values(), default=2) > 2:
        return "UnsafeViewBackward0"
    if ranks.get("other") == 1:
        return "DotBackward0" if ranks.get("input") == 1 else "MvBackward0"
    return "SqueezeBackward4" if ranks.get("input") == 1 else "MmBackward0"


def _of_linear(kept: Kept) -> str:
    deep = kept.get("input") is not None and kept["input"].ndim > 2
    if "bias" in kept["tracked"]:
        return "ViewBackward0" if deep else "AddmmBackward0"
    return "UnsafeViewBackward0" if deep else "MmBackward0"


#: our name without "Backward0" -> PyTorch's whole name, or a function of what the node keeps
NAMES: dict[str, str | Callable[[Kept], str]] = {
    "Matmul": _of_matmul,
    "Linear": _of_linear,
    "Sum": _with_dim("Sum"),
    "Mean": _with_dim("Mean"),
    "Prod": _with_dim("Prod"),
    "AbsoluteErrorReduced": "MeanBackward0",
    "AdaptiveAvgPool": "AdaptiveAvgPool2DBackward0",
    "Attention": "ScaledDotProductFlashAttentionForCpuBackward0",
    "AvgPool": "AvgPool2DBackward0",
    "BinaryEntropyReduced": "BinaryCrossEntropyBackward0",
    "ChannelNorm": "NativeBatchNormBackward0",
    "ClampBetween": "ClampBackward1",
    "ClampMax": "ClampBackward1",
    "ClampMin": "ClampBackward1",
    "ConjPhysical": "ConjBackward0",
    "Copy": "CopyBackwards",
    "CopySlices": "CopySlices",
    "Det": "LinalgDetBackward0",
    "DivergenceReduced": "MeanBackward0",
    "EntropyOfIndices": "NllLossBackward0",
    "EntropyOfLogitsReduced": "BinaryCrossEntropyWithLogitsBackward0",
    "Fill": "FillBackward2",
    "HuberErrorReduced": "HuberLossBackward0",
    "Inverse": "LinalgInvExBackward0",
    "Likelihood": "NllLossBackward0",
    "LinalgCholesky": "LinalgCholeskyExBackward0",
    "LinalgSolve": "LinalgSolveExBackward0",
    "Log1p": "Log1PBackward0",
    "Logsigmoid": "LogSigmoidBackward0",
    "MatrixExp": "LinalgMatrixExpBackward0",
    "MaxAll": "MaxBackward1",
    "MaxDim": "MaxBackward0",
    "MaxPool": "MaxPool2DWithIndicesBackward0",
    "MedianAll": "MedianBackward0",
    "MedianDim": "MedianBackward1",
    "MinAll": "MinBackward1",
    "MinDim": "MinBackward0",
    "Narrow": "SliceBackward0",
    "PlainEntropyOfLogitsReduced": "BinaryCrossEntropyWithLogitsBackward0",
    "PseudoInverse": "LinalgPinvBackward0",
    "Rdiv": "MulBackward0",
    "Relu6": "HardtanhBackward0",
    "Rpow": "PowBackward2",
    "Rsub": "RsubBackward1",
    "RunningProd": "CumprodBackward0",
    "RunningSum": "CumsumBackward0",
    "SelectWhere": "WhereBackward0",
    "Selu": "EluBackward0",
    "SmoothErrorReduced": "SmoothL1LossBackward0",
    "Square": "PowBackward0",
    "SquaredErrorReduced": "MseLossBackward0",
    "Standardize": "NativeLayerNormBackward0",
    "ToDtype": "ToCopyBackward0",
    "VectorNorm": "LinalgVectorNormBackward0",
}


def name_of(node: list[Any]) -> str:
    """The name of a graph's node as PyTorch has it: "MmBackward0"."""
    backward = node[1]
    ours = backward.__name__
    known: Any = NAMES.get(ours.removesuffix("Backward0"), ours)
    if isinstance(known, str):
        return known
    names = getattr(backward, "kept_names", ())
    kept = dict(zip(names, node[3:], strict=False))  # nothing where the node is freed
    tracked, inputs = getattr(backward, "tracked", ()), node[2]
    if inputs.__class__ is tuple:
        tracked = [name for name, n in zip(tracked, inputs, strict=False) if n is not None]
    return known(kept | {"tracked": tracked})
