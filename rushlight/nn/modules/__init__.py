"""torch.nn.modules: the layers under the names of PyTorch's files, for programs that ask for them there."""

from ...lazy import lazy_names
from .. import _LAYERS

_FILES = {
    **{
        name: f"rushlight.nn.{name}"
        for name in ("activation", "conv", "distance", "dropout", "flatten", "fold")
    },
    **{
        name: f"rushlight.nn.{name}"
        for name in ("linear", "loss", "module", "padding", "pooling", "rnn", "sparse")
    },
    **{name: f"rushlight.nn.{name}" for name in ("transformer", "upsampling", "lazy")},
    **{"batchnorm": "rushlight.nn.batchnorm", "instancenorm": "rushlight.nn.batchnorm"},
    **{"normalization": "rushlight.nn.norm", "container": "rushlight.nn.containers"},
    **{"pixelshuffle": "rushlight.nn.shuffle", "channelshuffle": "rushlight.nn.shuffle", "utils": ".utils"},
}
_HOMES = {
    **_FILES,
    **{name: f"rushlight.nn.{home}:{name}" for home, names in _LAYERS.items() for name in names.split()},
    **{name: f"rushlight.nn:{name}" for name in ("Module", "Sequential", "ModuleList", "ModuleDict")},
    **{name: f"rushlight.nn:{name}" for name in ("ParameterList", "ParameterDict")},
}

__getattr__, __dir__ = lazy_names(__name__, _HOMES, shown="torch.nn.modules")
