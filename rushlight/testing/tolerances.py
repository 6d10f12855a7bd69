"""How far results may be off: default tolerances by dtype."""

import rushlight.dtypes as dtypes

#: (rtol, atol); anything else must be equal
DEFAULTS = {
    dtypes.float16: (1e-3, 1e-5),
    dtypes.bfloat16: (1.6e-2, 1e-5),
    dtypes.float32: (1.3e-6, 1e-5),
    dtypes.float64: (1e-7, 1e-7),
    dtypes.complex32: (1e-3, 1e-5),
    dtypes.complex64: (1.3e-6, 1e-5),
    dtypes.complex128: (1e-7, 1e-7),
}


def tolerances(*kinds: dtypes.dtype) -> tuple[float, float]:
    """(rtol, atol) for comparing values of these dtypes: the loosest of theirs."""
    found = [DEFAULTS.get(kind, (0.0, 0.0)) for kind in kinds]
    return max(rtol for rtol, _ in found), max(atol for _, atol in found)
