"""Neural networks: `Module` and what is made of it. Layers are built here; they may use everything below L6.

A layer enters by its name in this file. Layers and submodules are imported when first used, so that
`import rushlight.nn` stays light.
"""

from ..lazy import lazy_names
from .containers import ModuleDict as ModuleDict
from .containers import ModuleList as ModuleList
from .containers import Sequential as Sequential
from .module import Module as Module
from .parameter import Buffer as Buffer
from .parameter import Parameter as Parameter
from .parameter_containers import ParameterDict as ParameterDict
from .parameter_containers import ParameterList as ParameterList

_LAYERS = {
    "linear": "Identity Linear Bilinear",
    "conv": "Conv1d Conv2d Conv3d ConvTranspose1d ConvTranspose2d ConvTranspose3d",
    "activation": """ReLU ReLU6 RReLU LeakyReLU PReLU ELU CELU SELU GELU SiLU Mish GLU Sigmoid Hardsigmoid
        LogSigmoid Tanh Hardtanh Tanhshrink Softplus Softsign Hardswish Hardshrink Softshrink Threshold
        Softmax Softmax2d LogSoftmax Softmin""",
    "loss": """L1Loss MSELoss SmoothL1Loss HuberLoss NLLLoss NLLLoss2d CrossEntropyLoss BCELoss
        BCEWithLogitsLoss KLDivLoss PoissonNLLLoss GaussianNLLLoss CTCLoss HingeEmbeddingLoss
        CosineEmbeddingLoss MarginRankingLoss SoftMarginLoss MultiLabelMarginLoss MultiLabelSoftMarginLoss
        MultiMarginLoss TripletMarginLoss TripletMarginWithDistanceLoss""",
    "norm": "LayerNorm RMSNorm GroupNorm LocalResponseNorm CrossMapLRN2d",
    "batchnorm": """BatchNorm1d BatchNorm2d BatchNorm3d SyncBatchNorm
        InstanceNorm1d InstanceNorm2d InstanceNorm3d""",
    "dropout": "Dropout Dropout1d Dropout2d Dropout3d AlphaDropout FeatureAlphaDropout",
    "flatten": "Flatten Unflatten",
    "sparse": "Embedding EmbeddingBag",
    "padding": """ZeroPad1d ZeroPad2d ZeroPad3d ConstantPad1d ConstantPad2d ConstantPad3d ReflectionPad1d
        ReflectionPad2d ReflectionPad3d ReplicationPad1d ReplicationPad2d ReplicationPad3d CircularPad1d
        CircularPad2d CircularPad3d""",
    "distance": "PairwiseDistance CosineSimilarity",
    "fold": "Fold Unfold",
    "shuffle": "PixelShuffle PixelUnshuffle ChannelShuffle",
    "upsampling": "Upsample UpsamplingNearest2d UpsamplingBilinear2d",
    "linear_cross_entropy": "LinearCrossEntropyLoss",
    "lazy": """LazyLinear LazyConv1d LazyConv2d LazyConv3d LazyConvTranspose1d LazyConvTranspose2d
        LazyConvTranspose3d LazyBatchNorm1d LazyBatchNorm2d LazyBatchNorm3d LazyInstanceNorm1d
        LazyInstanceNorm2d LazyInstanceNorm3d""",
    "parameter": "UninitializedBuffer UninitializedParameter",
    "rnn": "RNNBase RNN LSTM GRU",
    "parallel": "DataParallel",
    "attention": "MultiheadAttention",
    "transformer": """Transformer TransformerEncoder TransformerEncoderLayer
        TransformerDecoder TransformerDecoderLayer""",
    "rnn_cells": "RNNCellBase RNNCell LSTMCell GRUCell",
    "pooling": """MaxPool1d MaxPool2d MaxPool3d MaxUnpool1d MaxUnpool2d MaxUnpool3d AvgPool1d AvgPool2d
        AvgPool3d LPPool1d LPPool2d LPPool3d AdaptiveAvgPool1d AdaptiveAvgPool2d AdaptiveAvgPool3d
        AdaptiveMaxPool1d AdaptiveMaxPool2d AdaptiveMaxPool3d FractionalMaxPool2d FractionalMaxPool3d""",
}
_HOMES = {
    **{name: f".{name}" for name in ("functional", "init", "modules", "parameter", "utils")},
    **{name: f".{home}:{name}" for home, names in _LAYERS.items() for name in names.split()},
}

__getattr__, __dir__ = lazy_names(__name__, _HOMES, shown="torch.nn")
