"""Neural networks: `Module` and what is made of it. Layers are built here; they may use everything below L6.

A layer enters by one line in this file. Layers and submodules are imported when first used, so that
`import rushlight.nn` stays light.
"""

from ..lazy import at, lazy_names
from .containers import ModuleDict as ModuleDict
from .containers import ModuleList as ModuleList
from .containers import Sequential as Sequential
from .module import Module as Module
from .parameter import Buffer as Buffer
from .parameter import Parameter as Parameter
from .parameter_containers import ParameterDict as ParameterDict
from .parameter_containers import ParameterList as ParameterList

_HOMES = {
    **{name: f".{name}" for name in ("functional", "init", "utils")},
    **at(".linear", ("Identity", "Linear", "Bilinear")),
    **at(".conv", ("Conv1d", "Conv2d", "Conv3d", "ConvTranspose1d", "ConvTranspose2d", "ConvTranspose3d")),
    **at(
        ".activation",
        (
            *(
                "ReLU",
                "ReLU6",
                "RReLU",
                "LeakyReLU",
                "PReLU",
                "ELU",
                "CELU",
                "SELU",
                "GELU",
                "SiLU",
                "Mish",
                "GLU",
            ),
            *(
                "Sigmoid",
                "Hardsigmoid",
                "LogSigmoid",
                "Tanh",
                "Hardtanh",
                "Tanhshrink",
                "Softplus",
                "Softsign",
            ),
            *(
                "Hardswish",
                "Hardshrink",
                "Softshrink",
                "Threshold",
                "Softmax",
                "Softmax2d",
                "LogSoftmax",
                "Softmin",
            ),
        ),
    ),
    **at(
        ".loss",
        (
            *(
                "L1Loss",
                "MSELoss",
                "SmoothL1Loss",
                "HuberLoss",
                "NLLLoss",
                "NLLLoss2d",
                "CrossEntropyLoss",
                "BCELoss",
            ),
            *(
                "BCEWithLogitsLoss",
                "KLDivLoss",
                "PoissonNLLLoss",
                "GaussianNLLLoss",
                "CTCLoss",
                "HingeEmbeddingLoss",
            ),
            *(
                "CosineEmbeddingLoss",
                "MarginRankingLoss",
                "SoftMarginLoss",
                "MultiLabelMarginLoss",
                "MultiMarginLoss",
            ),
            *("MultiLabelSoftMarginLoss", "TripletMarginLoss", "TripletMarginWithDistanceLoss"),
        ),
    ),
}

__getattr__, __dir__ = lazy_names(__name__, _HOMES, shown="torch.nn")
