"""Rushlight: PyTorch without the gigabyte. `import rushlight as torch` runs ordinary PyTorch code.

This is the face: the core is imported here, everything heavier when its name is first used.
"""

from __future__ import annotations

import warnings as _warnings
from math import e as e
from math import inf as inf
from math import nan as nan
from math import pi as pi

from . import bind as _bind
from . import dtypes as _dtypes
from .autograd.mode import enable_grad as enable_grad
from .autograd.mode import inference_mode as inference_mode
from .autograd.mode import is_grad_enabled as is_grad_enabled
from .autograd.mode import is_inference_mode_enabled as is_inference_mode_enabled
from .autograd.mode import no_grad as no_grad
from .autograd.mode import set_grad_enabled as set_grad_enabled
from .creation import arange as arange
from .creation import as_tensor as as_tensor
from .creation import empty as empty
from .creation import full as full
from .creation import ones as ones
from .creation import tensor as tensor
from .creation import zeros as zeros
from .device import device as device
from .dtypes import can_cast as can_cast
from .dtypes import dtype as dtype
from .dtypes import finfo as finfo
from .dtypes import get_default_dtype as get_default_dtype
from .dtypes import iinfo as iinfo
from .dtypes import promote_types as promote_types
from .dtypes import set_default_dtype as set_default_dtype
from .errors import AdviceWarning as AdviceWarning
from .lazy import at as _at
from .lazy import lazy_names as _lazy_names
from .size import Size as Size
from .tensor import Tensor as Tensor
from .tensor import from_numpy as from_numpy
from .version import __version__ as __version__

# NumPy reports divisions by zero and overflows inside our kernels;
# PyTorch is silent there, and the results are the same.
_warnings.filterwarnings("ignore", category=RuntimeWarning, module=r"rushlight\.")

globals().update(_dtypes.NAMES)  # float32, int64, bool, ...

_SUBMODULES = (
    *("nn", "optim", "autograd", "data", "io", "func", "linalg"),
    *("fft", "special", "utils", "cpu", "cuda", "backends", "random"),
    *("compiler", "_higher_order_ops", "amp", "train"),
    *("serialization", "testing", "masked", "types", "return_types", "version", "storage", "profiler"),
)
_HOMES = {
    **{name: f".{name}" for name in _SUBMODULES},
    **_at(
        ".creation",
        (
            *("asarray", "scalar_tensor", "range", "linspace", "logspace"),
            *("eye", "zeros_like", "ones_like", "empty_like"),
            *("full_like", "empty_strided", "complex", "polar"),
        ),
    ),
    **_at(
        ".random",
        (
            *("Generator", "default_generator", "manual_seed", "seed"),
            *("initial_seed", "get_rng_state", "set_rng_state"),
            *("rand", "randn", "randint", "randperm", "rand_like"),
            *("randn_like", "randint_like", "normal", "bernoulli"),
            *("multinomial", "poisson"),
        ),
    ),
    **_at(".printing", ("set_printoptions", "get_printoptions", "printoptions")),
    **_at(".io", ("save", "load")),
    **_at(
        ".inspect",
        (
            *("is_tensor", "is_floating_point", "is_complex"),
            *("is_storage", "is_nonzero", "is_inference", "numel"),
            *("result_type", "get_num_threads", "set_num_threads"),
            *("get_num_interop_threads", "set_num_interop_threads"),
            *("use_deterministic_algorithms", "are_deterministic_algorithms_enabled", "set_default_device"),
            *("get_default_device", "set_default_tensor_type"),
            *("set_float32_matmul_precision", "typename", "is_same_size"),
            *("get_float32_matmul_precision", "broadcast_shapes"),
            *("channels_last", "contiguous_format", "preserve_format"),
            *("channels_last_3d", "strided", "sparse_coo", "memory_format"),
            *("layout", "FloatTensor", "DoubleTensor"),
            *("LongTensor", "IntTensor", "ShortTensor", "ByteTensor"),
            *("CharTensor", "BoolTensor", "HalfTensor"),
            *("BFloat16Tensor",),
        ),
    ),
    **_at(
        ".functions",
        (
            *("detach", "detach_", "is_signed", "zero_"),
            *("resize_as_", "get_device", "frombuffer", "empty_permuted"),
        ),
    ),
    **_at(".linalg", ("svd_lowrank", "pca_lowrank")),
    **_at(".func", ("vmap",)),
    **{"advice": ".errors:set_advice", "set_anomaly_enabled": ".autograd.anomaly:set_detect_anomaly"},
    **{"is_anomaly_enabled": ".autograd.mode:is_anomaly_enabled"},
    **{"stft": ".fft:stft"},
    **{"compile": ".compiler.compiled:compile"},
    **{"autocast": ".amp:autocast"},
    **_at(
        ".amp.state",
        (
            *("is_autocast_enabled", "set_autocast_enabled", "get_autocast_dtype", "set_autocast_dtype"),
            *("is_autocast_cache_enabled", "set_autocast_cache_enabled", "clear_autocast_cache"),
            *("autocast_increment_nesting", "autocast_decrement_nesting"),
            *("is_autocast_cpu_enabled", "get_autocast_cpu_dtype", "get_autocast_gpu_dtype"),
        ),
    ),
    **_at("._higher_order_ops", ("cond", "while_loop")),
}

newaxis = None

__getattr__, __dir__ = _lazy_names(__name__, _HOMES, lambda: _bind.functions_under(""), shown="torch")
