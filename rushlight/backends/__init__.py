"""torch.backends: the settings of libraries PyTorch computes with. None is here; scripts may still set them.

Every setting is an attribute of its module: it is kept and read back, and changes nothing. `is_available()`
is False throughout.
"""

from ..lazy import lazy_names

_LIBRARIES = ("cpu", "cuda", "cudnn", "mkl", "mkldnn", "mps", "openmp", "opt_einsum")

fp32_precision = "none"

__getattr__, __dir__ = lazy_names(__name__, {name: f".{name}" for name in _LIBRARIES}, shown="torch.backends")
