"""Views spelled as Python: how one array in a piece of memory is had from another in the same."""

from __future__ import annotations

import rushlight.dtypes as dtypes

from .graph import Place


def spelled(base: str, given: Place, wanted: Place) -> str:
    """The expression for the array at `wanted`, from a name and the place of what it stands for."""
    if given == wanted:
        return base
    if given.dtype != wanted.dtype:
        return _reinterpreted(base, given, wanted)
    found = _cut(given, wanted)
    if given.offset == wanted.offset:
        ways = (_reshaped, _permuted, _expanded, _reordered)
        found = next((text for way in ways if (text := way(given, wanted))), found)
    return base + found if found else _by_strides(base, given, wanted)


def _reinterpreted(base: str, given: Place, wanted: Place) -> str:
    """The same bytes in another dtype: of all elements in a row as they lie in memory, where they do."""
    nbytes, size = given.size * given.dtype.itemsize, wanted.dtype.itemsize
    order = _order(given)
    if not _transposed(given, order).contiguous or nbytes % size:
        return _by_strides(f"{base}.view({dtype_of(wanted)})", given, wanted)
    flat = given._replace(shape=(nbytes // size,), strides=(size,), dtype=wanted.dtype)
    row = "" if len(order) == 1 else f"{_turned(order)}.reshape(-1)"
    return spelled(f"{base}{row}.view({dtype_of(wanted)})", flat, wanted)


def dtype_of(place: Place) -> str:
    """The dtype of a place as Python spells it: "torch.float32"."""
    return repr(dtypes.of_numpy(place.dtype))


def _reshaped(given: Place, wanted: Place) -> str:
    """Row-major elements in another shape, or dimensions of size one added and left out."""
    if given.contiguous and wanted.contiguous and given.size == wanted.size:
        return f".reshape({wanted.shape})"
    return f".reshape({wanted.shape})" if _pairs(given) == _pairs(wanted) else ""


def _pairs(place: Place) -> list[tuple[int, int]]:
    """Size and stride of the dimensions that are longer than one."""
    return [(n, step) for n, step in zip(place.shape, place.strides, strict=True) if n != 1]


def _permuted(given: Place, wanted: Place) -> str:
    """Dimensions in another order."""
    old, new = (list(zip(p.shape, p.strides, strict=True)) for p in (given, wanted))
    if sorted(old) != sorted(new) or not given.size:
        return ""
    order: list[int] = []
    for pair in new:
        order.append(next(k for k, o in enumerate(old) if o == pair and k not in order))
    return _turned(order)


def _reordered(given: Place, wanted: Place) -> str:
    """Both without gaps, their dimensions in any order: put in order, reshaped, put in the other order."""
    before, after = _order(given), _order(wanted)
    a, b = _transposed(given, before), _transposed(wanted, after)
    if not (a.contiguous and b.contiguous and a.size == b.size):
        return ""
    back = [after.index(d) for d in range(len(after))]
    return f"{_turned(before)}.reshape({b.shape}){_turned(back)}"


def _order(place: Place) -> list[int]:
    """The dimensions, the one with the longest stride first."""
    return sorted(range(len(place.shape)), key=lambda d: -place.strides[d])


def _transposed(p: Place, order: list[int]) -> Place:
    return p._replace(shape=tuple(p.shape[d] for d in order), strides=tuple(p.strides[d] for d in order))


def _turned(order: list[int]) -> str:
    """Dimensions in another order, as a method call."""
    if order == sorted(order):
        return ""
    return ".t()" if len(order) == 2 else f".permute({tuple(order)})"


def _expanded(given: Place, wanted: Place) -> str:
    """Dimensions of size one, or new ones, repeated."""
    pairs = zip(wanted.shape, wanted.strides, strict=True)
    once = wanted._replace(shape=tuple(1 if step == 0 else n for n, step in pairs))
    if _pairs(once) != _pairs(given):
        return ""
    lead = len(once.shape) - len(given.shape)
    shaped = "" if (1,) * lead + given.shape == once.shape else f".reshape({once.shape})"
    return f"{shaped}.expand({wanted.shape})"


def _cut(given: Place, wanted: Place) -> str:
    """One index, or a range, of one dimension."""
    start = wanted.offset - given.offset
    for d, (n, step) in enumerate(zip(given.shape, given.strides, strict=True)):
        if step <= 0 or start % step or not 0 <= start // step < n:
            continue
        k = start // step
        rest = given.shape[:d] + given.shape[d + 1 :], given.strides[:d] + given.strides[d + 1 :]
        if rest == (wanted.shape, wanted.strides):
            return f".select({d}, {k})"
        if wanted.strides == given.strides and len(wanted.shape) > d:
            size = wanted.shape[d]
            if given.shape[:d] + (size,) + given.shape[d + 1 :] == wanted.shape and k + size <= n:
                return f".narrow({d}, {k}, {size})"
    return ""


def _by_strides(base: str, given: Place, wanted: Place) -> str:
    """By sizes and strides: right for all views."""
    size = wanted.dtype.itemsize
    steps = tuple(s // size for s in wanted.strides)
    start = (wanted.offset - given.offset) // size
    offset = f", {base}.storage_offset() + {start}" if start else ""
    return f"{base}.as_strided({wanted.shape}, {steps}{offset})"
