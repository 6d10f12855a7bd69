"""The functions on numbers as machine code: names of `rushlight.scalar` -> instructions, per kind of element.

Each takes and gives values of any number of lanes, and means what `arrays.numpy.NAMESPACE` means by the same
name. What a table lacks, NumPy does.
"""

from __future__ import annotations

import operator
from collections.abc import Callable

from . import (
    angles,
    arithmetic,
    division,
    exponential,
    floats,
    gaussian,
    hyperbolic,
    logarithm,
    power,
    trigonometry,
)
from .types import Type
from .values import Value

Table = dict[str, Callable[..., Value]]

_COMPARISONS: Table = {name: getattr(operator, name) for name in ("lt", "le", "gt", "ge", "eq", "ne")}

_LOGIC: Table = _COMPARISONS | {
    "where": arithmetic.where,
    "logical_and": arithmetic.logical_and,
    "logical_or": arithmetic.logical_or,
    "logical_xor": arithmetic.logical_xor,
    "logical_not": arithmetic.logical_not,
    "zeros_like": arithmetic.zero,
    "conjugate": arithmetic.same,
    "real": arithmetic.same,
}

_NUMBERS: Table = _LOGIC | {
    "add": operator.add,
    "sub": operator.sub,
    "mul": operator.mul,
    "neg": operator.neg,
    "square": arithmetic.square,
    "relu": arithmetic.relu,
}

_BITS: Table = {
    "bit_and": operator.and_,
    "bit_or": operator.or_,
    "bit_xor": operator.xor,
    "invert": arithmetic.invert,
    "isnan": arithmetic.never,
    "isinf": arithmetic.never,
    "isfinite": arithmetic.always,
}

#: of float32
FLOAT: Table = _NUMBERS | {
    "div": operator.truediv,
    "reciprocal": arithmetic.reciprocal,
    "sqrt": floats.sqrt,
    "rsqrt": arithmetic.rsqrt,
    "absolute": floats.absolute,
    "copysign": floats.copysign,
    "sign": arithmetic.sign,
    "sgn": arithmetic.sign,
    "maximum": arithmetic.maximum,
    "minimum": arithmetic.minimum,
    "fmax": arithmetic.fmax,
    "fmin": arithmetic.fmin,
    "heaviside": arithmetic.heaviside,
    "isnan": floats.is_nan,
    "isinf": arithmetic.isinf,
    "isfinite": arithmetic.isfinite,
    "signbit": arithmetic.signbit,
    "rint": arithmetic.rint,
    "trunc": arithmetic.trunc,
    "floor": arithmetic.floor,
    "ceil": arithmetic.ceil,
    "trunc_divide": arithmetic.trunc_divide,
    "exp": exponential.exp,
    "exp2": exponential.exp2,
    "expm1": exponential.expm1,
    "sigmoid": exponential.sigmoid,
    "log": logarithm.log,
    "log2": logarithm.log2,
    "log10": logarithm.log10,
    "log1p": logarithm.log1p,
    "logaddexp": logarithm.logaddexp,
    "xlogy": logarithm.xlogy,
    "xlog1py": logarithm.xlog1py,
    "entr": logarithm.entr,
    "sinh": hyperbolic.sinh,
    "cosh": hyperbolic.cosh,
    "tanh": hyperbolic.tanh,
    "arcsinh": hyperbolic.arcsinh,
    "arccosh": hyperbolic.arccosh,
    "arctanh": hyperbolic.arctanh,
    "sin": trigonometry.sin,
    "cos": trigonometry.cos,
    "tan": trigonometry.tan,
    "arcsin": angles.arcsin,
    "arccos": angles.arccos,
    "arctan": angles.arctan,
    "arctan2": angles.arctan2,
    "hypot": angles.hypot,
    "power": power.power,
    "erf": gaussian.erf,
    "erfc": gaussian.erfc,
    "ndtr": gaussian.ndtr,
    "fmod": division.fmod,
    "remainder": division.remainder,
    "floor_divide": division.floor_divide,
}

#: of float64: exact remainders take more than two products there, and are left to NumPy
DOUBLE: Table = {n: f for n, f in FLOAT.items() if n not in ("fmod", "remainder", "floor_divide")}

#: of integers, signed or not
INTEGER: Table = (
    _NUMBERS
    | _BITS
    | {
        "absolute": arithmetic.absolute_integer,
        "maximum": arithmetic.greater,
        "minimum": arithmetic.smaller,
        "fmax": arithmetic.greater,
        "fmin": arithmetic.smaller,
        "signbit": arithmetic.negative,
        "shift_left": arithmetic.shift_left,
        "shift_right": arithmetic.shift_right,
        "floor": arithmetic.same,
        "ceil": arithmetic.same,
        "trunc": arithmetic.same,
        "rint": arithmetic.same,
        "floor_divide": division.floor_divide_whole,
        "trunc_divide": operator.floordiv,
        "remainder": division.remainder_whole,
        "fmod": operator.mod,
    }
)
SIGNED: Table = INTEGER | {"sign": arithmetic.sign, "sgn": arithmetic.sign}
UNSIGNED: Table = INTEGER | {"sign": arithmetic.sign_unsigned, "sgn": arithmetic.sign_unsigned}

#: of truth values (i1)
BOOL: Table = _LOGIC | _BITS


def functions(type: Type) -> Table:
    """The functions there are on numbers of a type."""
    if type.is_float:
        return FLOAT if type.name == "float" else DOUBLE
    return BOOL if type.name == "i1" else UNSIGNED if type.unsigned else SIGNED
