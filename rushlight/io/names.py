"""The names in torch's pickles: storage classes, dtypes and rebuild functions."""

from __future__ import annotations

import functools
from typing import Any, NoReturn

import ml_dtypes
import numpy as np

#: storage class in module `torch` -> NumPy name of its elements
STORAGE_CLASSES = {
    "DoubleStorage": "float64",
    "FloatStorage": "float32",
    "HalfStorage": "float16",
    "BFloat16Storage": "bfloat16",
    "LongStorage": "int64",
    "IntStorage": "int32",
    "ShortStorage": "int16",
    "CharStorage": "int8",
    "ByteStorage": "uint8",
    "BoolStorage": "bool",
    "ComplexDoubleStorage": "complex128",
    "ComplexFloatStorage": "complex64",
    "ComplexHalfStorage": "complex32",
}
# torch has a class for complex32, but its safe loader refuses it: so written untyped, though read either way
CLASS_OF_DTYPE = {name: cls for cls, name in STORAGE_CLASSES.items() if name != "complex32"}

#: dtypes without a storage class of their own: torch writes them as untyped storages
UNTYPED_DTYPES = (
    *("uint16", "uint32", "uint64", "complex32", "float8_e4m3fn", "float8_e5m2"),
    *("float8_e4m3fnuz", "float8_e5m2fnuz", "float8_e8m0fnu"),
)
DTYPE_NAMES = (*CLASS_OF_DTYPE, *UNTYPED_DTYPES)

#: names torch allows whose tensors have no counterpart here yet
NOT_YET = {
    "torch._utils._rebuild_qtensor": "quantised tensors",
    "torch._utils._rebuild_sparse_tensor": "sparse tensors",
    "torch._utils._rebuild_nested_tensor": "nested tensors",
    "torch._utils._rebuild_wrapper_subclass": "wrapper subclasses of Tensor",
    "torch._utils._rebuild_device_tensor_from_numpy": "tensors of XLA-like devices",
    "torch._utils._rebuild_device_tensor_from_cpu_tensor": "tensors of XLA-like devices",
    "torch.serialization._get_layout": "sparse layouts",
    **{
        f"torch.{name}Storage": "quantised storages"
        for name in ("QInt8", "QUInt8", "QInt32", "QUInt4x2", "QUInt2x4")
    },
}


def numpy_dtype(name: str) -> np.dtype:
    """Return the NumPy type that stores torch's dtype `name`."""
    return np.dtype(getattr(ml_dtypes, name, name))


class GlobalName:
    """Stands for `module.name` in a pickle that is written, without importing it."""

    __slots__ = ("module", "name")

    def __init__(self, module: str, name: str) -> None:
        self.module, self.name = module, name

    def __call__(self, *_: Any) -> NoReturn:
        """Pickle asks that what rebuilds an object be callable; this is only ever written down."""
        raise TypeError(f"{self.module}.{self.name} is a name in a file, not a function")


@functools.cache
def global_name(module: str, name: str) -> GlobalName:
    """Return the one GlobalName of `module.name`, so that a pickle writes it once and then refers to it."""
    return GlobalName(module, name)
