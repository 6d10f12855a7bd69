"""Element types: PyTorch's names, categories and promotion rules over NumPy's storage types."""

from __future__ import annotations

from typing import Any

import ml_dtypes
import numpy as np

BOOL, INT, FLOAT, COMPLEX = range(4)  # promotion categories, weakest first
OPAQUE = 4  # storage-only types: named, never computed with


class dtype:
    """The type of a tensor's elements; one object per type, compared by identity.

    `np` is the NumPy dtype that stores it (None for types that only have a name),
    `category` one of BOOL, INT, FLOAT, COMPLEX, `itemsize` its size in bytes.
    """

    __slots__ = ("name", "np", "category", "itemsize", "is_signed", "__weakref__")

    def __init__(self, name: str, storage: Any, category: int, itemsize: int, signed: bool = True) -> None:
        self.name, self.category, self.itemsize, self.is_signed = name, category, itemsize, signed
        self.np: Any = None if storage is None else np.dtype(storage)

    @property
    def is_floating_point(self) -> bool:
        return self.category == FLOAT

    @property
    def is_complex(self) -> bool:
        return self.category == COMPLEX

    def to_real(self) -> dtype:
        """The real type of the same precision: complex64 -> float32."""
        return _REAL.get(self, self)

    def to_complex(self) -> dtype:
        """The complex type of the same precision: float32 -> complex64."""
        return _COMPLEX.get(self, self)

    def __repr__(self) -> str:
        return f"torch.{self.name}"  # as PyTorch prints it: valid under `import rushlight as torch`

    def __reduce__(self) -> str:
        return self.name


def _define(name: str, storage: Any, category: int, signed: bool = True) -> dtype:
    return dtype(name, storage, category, np.dtype(storage).itemsize, signed)


bool_ = _define("bool", np.bool_, BOOL, signed=False)
uint8 = _define("uint8", np.uint8, INT, signed=False)
uint16 = _define("uint16", np.uint16, INT, signed=False)
uint32 = _define("uint32", np.uint32, INT, signed=False)
uint64 = _define("uint64", np.uint64, INT, signed=False)
int8 = _define("int8", np.int8, INT)
int16 = _define("int16", np.int16, INT)
int32 = _define("int32", np.int32, INT)
int64 = _define("int64", np.int64, INT)
float16 = _define("float16", np.float16, FLOAT)
bfloat16 = _define("bfloat16", ml_dtypes.bfloat16, FLOAT)
float32 = _define("float32", np.float32, FLOAT)
float64 = _define("float64", np.float64, FLOAT)
float8_e4m3fn = _define("float8_e4m3fn", ml_dtypes.float8_e4m3fn, FLOAT)
float8_e4m3fnuz = _define("float8_e4m3fnuz", ml_dtypes.float8_e4m3fnuz, FLOAT)
float8_e5m2 = _define("float8_e5m2", ml_dtypes.float8_e5m2, FLOAT)
float8_e5m2fnuz = _define("float8_e5m2fnuz", ml_dtypes.float8_e5m2fnuz, FLOAT)
float8_e8m0fnu = _define("float8_e8m0fnu", ml_dtypes.float8_e8m0fnu, FLOAT, signed=False)
complex32 = _define("complex32", ml_dtypes.complex32, COMPLEX)
complex64 = _define("complex64", np.complex64, COMPLEX)
complex128 = _define("complex128", np.complex128, COMPLEX)

_NAMED_ONLY = (
    *(f"int{bits}" for bits in range(1, 8)),
    *(f"uint{bits}" for bits in range(1, 8)),
    *("bits8", "bits1x8", "bits2x4", "bits4x2", "float4_e2m1fn_x2"),
    *("quint8", "qint8", "quint4x2", "quint2x4"),
)
_OPAQUE = {name: dtype(name, None, OPAQUE, 1, not name.startswith(("u", "q"))) for name in _NAMED_ONLY}
_OPAQUE["bit"] = _OPAQUE["uint1"]
_OPAQUE |= {"bits16": dtype("bits16", None, OPAQUE, 2), "qint32": dtype("qint32", None, OPAQUE, 4)}

_STORED = (
    *(bool_, uint8, uint16, uint32, uint64, int8, int16, int32, int64),
    *(float16, bfloat16, float32, float64, complex32, complex64, complex128),
    *(float8_e4m3fn, float8_e4m3fnuz, float8_e5m2, float8_e5m2fnuz, float8_e8m0fnu),
)
_ALIASES = {
    **{"bool": bool_, "half": float16, "float": float32, "double": float64},
    **{"short": int16, "int": int32, "long": int64},
    **{"chalf": complex32, "cfloat": complex64, "cdouble": complex128},
}
_REAL = {complex32: float16, complex64: float32, complex128: float64}
_COMPLEX = {float16: complex32, bfloat16: complex64, float32: complex64, float64: complex128}
FLOAT8 = frozenset(t for t in _STORED if t.name.startswith("float8"))
_WIDE_UNSIGNED = frozenset((uint16, uint32, uint64))

#: every name that `torch.<name>` gives a dtype for
NAMES: dict[str, dtype] = {t.name: t for t in _STORED} | _ALIASES | _OPAQUE

#: Python's number types, where a dtype is asked for: `dtype=float` is float64
OF_PYTHON: dict[Any, dtype] = {bool: bool_, int: int64, float: float64, complex: complex128}

#: NumPy storage type -> dtype
OF_NUMPY: dict[Any, dtype] = {t.np: t for t in _STORED}

_LOW_PRECISION: dict[Any, Any] = {t.np: np.dtype(np.float32) for t in (float16, bfloat16, *FLOAT8)}
_LOW_PRECISION[complex32.np] = np.dtype(np.complex64)


def of_numpy(storage: Any) -> dtype:
    """The dtype whose elements NumPy stores as `storage`. Raises TypeError for types without one."""
    found = OF_NUMPY.get(np.dtype(storage))
    if found is None:
        known = ", ".join(t.name for t in _STORED)
        raise TypeError(f"can't convert np.ndarray of type {storage}; the supported types are: {known}")
    return found


def compute_type(storage: np.dtype) -> np.dtype:
    """The NumPy type arithmetic is done in: float32 for half types, else the type itself."""
    return _LOW_PRECISION.get(storage, storage)


# -- default dtype ---------------------------------------------------------------------------------

_default = float32


def get_default_dtype() -> dtype:
    """The floating type that Python floats become."""
    return _default


def set_default_dtype(d: dtype) -> None:
    """Set the floating type that Python floats become. Raises TypeError unless `d` is a floating dtype."""
    global _default
    if not isinstance(d, dtype) or d.category != FLOAT:
        raise TypeError(
            f"set_default_dtype: only floating-point types are supported as the default type, got {d}"
        )
    _default = d


def weak_type(category: int) -> dtype:
    """The dtype a bare Python number of `category` becomes."""
    return (bool_, int64, _default, _default.to_complex())[category]


# -- promotion -------------------------------------------------------------------------------------


def promote_types(type1: dtype, type2: dtype) -> dtype:
    """The smallest dtype that both convert to (PyTorch's lattice).
    Raises RuntimeError where there is none.
    """
    found = _PROMOTED.get((type1, type2))
    if found is None:
        found = _PROMOTED[type1, type2] = _promote(type1, type2)
    return found


_PROMOTED: dict[tuple[dtype, dtype], dtype] = {}


def _promote(a: dtype, b: dtype) -> dtype:
    if a is b:
        return a
    if a in FLOAT8 or b in FLOAT8:
        raise RuntimeError(
            f"promote_types: float8 types do not promote; convert one side first (got {a} and {b})"
        )
    low, high = sorted((a, b), key=lambda t: t.category)
    if high.category != FLOAT and not _WIDE_UNSIGNED.isdisjoint((a, b)):
        raise RuntimeError(
            "promote_types: uint16, uint32 and uint64 do not "
            f"promote with {a} and {b}; convert one side first"
        )
    if low.category == high.category:
        return _promote_within(a, b)
    if high.category == COMPLEX and low.category == FLOAT:
        return _promote_within(low.to_complex(), high)
    return high


def _promote_within(a: dtype, b: dtype) -> dtype:
    if {a, b} == {float16, bfloat16}:
        return float32
    if complex32 in (a, b):
        return b if a is complex32 else a
    return OF_NUMPY[np.promote_types(a.np, b.np)]


def can_cast(from_: dtype, to: dtype) -> bool:
    """Whether a result of dtype `from_` may be written into a tensor of dtype `to` (no drop of category)."""
    if from_.category == INT and not from_.is_signed and to.category == INT and not to.is_signed:
        return True
    return from_.category <= to.category


# -- limits ----------------------------------------------------------------------------------------


class finfo:
    """Limits of a floating type: bits, eps, max, min, tiny (= smallest_normal), resolution."""

    def __init__(self, type: dtype | None = None) -> None:
        kind = (type or _default).to_real()
        if kind.category != FLOAT:
            raise TypeError(f"torch.finfo() requires a floating point input type; for {type} use torch.iinfo")
        info: Any = ml_dtypes.finfo(kind.np)
        self.dtype, self.bits = kind.name, info.bits
        self.eps, self.max, self.min = float(info.eps), float(info.max), float(info.min)
        self.tiny = self.smallest_normal = float(info.smallest_normal)
        self.resolution = 10.0**-info.precision if kind not in FLOAT8 else 1.0

    def __repr__(self) -> str:
        names = ("resolution", "min", "max", "eps", "smallest_normal", "tiny")
        shown = ", ".join(f"{name}={getattr(self, name):g}" for name in names)
        return f"finfo({shown}, dtype={self.dtype})"


class iinfo:
    """Limits of an integer type: bits, min, max."""

    def __init__(self, type: dtype) -> None:
        if type.category not in (BOOL, INT) or type is bool_:
            raise TypeError(f"torch.iinfo() requires an integer input type; for {type} use torch.finfo")
        info = np.iinfo(type.np)
        self.dtype, self.bits, self.min, self.max = type.name, info.bits, int(info.min), int(info.max)

    def __repr__(self) -> str:
        return f"iinfo(min={self.min}, max={self.max}, dtype={self.dtype})"
