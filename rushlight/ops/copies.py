"""Views by copy: the same elements in memory of their own, and tensors with such a place exchanged.

`narrow_copy` is a clone of `narrow`; `slice_scatter` is its counterpart for writing: a copy whose
slice holds other values.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from .declare import Composite, Op, primitive
from .declare import view as viewing
from .index import slice_
from .strided import as_strided, unfold
from .views import (
    clone,
    diagonal,
    expand,
    narrow,
    permute,
    reshape,
    select,
    split,
    split_with_sizes,
    squeeze,
    t,
    transpose,
    unbind,
    unsqueeze,
    view,
)

Array = Any


@viewing(forms="", under="internal")
def alias(input: Array, /) -> Array:
    """The tensor itself, as a view."""
    return input.view()


alias.vjp(input=lambda g: alias(g))


def _view_or_reshape(input: Array, size: Any, dtype: Any = None) -> Array:
    """What view shows; the copy is made first where the memory cannot be seen so."""
    kind = dtype or (size if hasattr(size, "category") else None)
    return view(input, kind) if kind is not None else reshape(input, size)


def _copying(op: Op, forms: str = "o", show: Any = None) -> Op:
    """The op `<name>_copy`: what the view `op` shows, copied."""
    show = show or op

    def body(*args: Any, **options: Any) -> Any:
        shown = show(*args, **options)
        return tuple(map(_fresh, shown)) if isinstance(shown, tuple) else _fresh(shown)

    body.__name__, body.__module__ = f"{op.name}_copy", __name__
    body.__doc__ = f"A copy of {op.name}: {op.doc}"
    body.__signature__ = op.signature
    return Composite(body, forms=forms)


def _fresh(x: Array) -> Array:
    return clone(x, memory_format="torch.contiguous_format")


alias_copy, as_strided_copy, diagonal_copy = _copying(alias), _copying(as_strided), _copying(diagonal)
expand_copy, narrow_copy, permute_copy = _copying(expand), _copying(narrow, "mo"), _copying(permute)
select_copy, split_with_sizes_copy, squeeze_copy = (
    _copying(select),
    _copying(split_with_sizes),
    _copying(squeeze),
)
t_copy, transpose_copy, unbind_copy = _copying(t), _copying(transpose), _copying(unbind)
split_copy = _copying(split)
unfold_copy, unsqueeze_copy = _copying(unfold), _copying(unsqueeze)
view_copy = _copying(view, show=_view_or_reshape)


# -- a place exchanged ---------------------------------------------------------------------------------


def _exchanged(input: Array, src: Array, show: Op, *options: Any) -> Array:
    """A copy of `input` in which the view show(input, *options) holds `src` (or zeros, for the number 0)."""
    out = np.array(input, order="C")
    place = show.body(out, *options)
    if getattr(src, "shape", place.shape) != place.shape:
        raise RuntimeError(
            f"{show.name}_scatter: expected src to have a size equal to the slice of self. src size = "
            f"{list(src.shape)}, slice size = {list(place.shape)}"
        )
    place[...] = src
    return out


@primitive
def select_scatter(input: Array, src: Array, /, dim: int, index: int) -> Array:
    """`input` with `src` in place of the slice at `index` along `dim`."""
    return _exchanged(input, src, select, dim, index)


select_scatter.vjp(
    input=lambda g, dim, index: select_scatter(g, 0, dim, index),
    src=lambda g, dim, index: select(g, dim, index),
)


@primitive(forms="mo")
def slice_scatter(
    input: Array, src: Array, /, dim: int = 0, start: int | None = None, end: int | None = None, step: int = 1
) -> Array:
    """`input` with `src` in place of the slice start:end:step along `dim`."""
    return _exchanged(input, src, slice_, _key(dim, start, end, step))


def _key(dim: int, start: int | None, end: int | None, step: int) -> tuple[Any, ...]:
    """The basic index of a slice along one dimension, which may be counted from the end."""
    if dim < 0:
        return (..., slice(start, end, step), *(slice(None),) * (-dim - 1))
    return (*(slice(None),) * dim, slice(start, end, step))


slice_scatter.vjp(
    input=lambda g, dim, start, end, step: slice_scatter(g, 0, dim, start, end, step),
    src=lambda g, dim, start, end, step: slice_(g, _key(dim, start, end, step)),
)


@primitive
def diagonal_scatter(input: Array, src: Array, /, offset: int = 0, dim1: int = 0, dim2: int = 1) -> Array:
    """`input` with `src` in place of the diagonals of the planes (dim1, dim2)."""
    return _exchanged(input, src, diagonal, offset, dim1, dim2)


diagonal_scatter.vjp(
    input=lambda g, offset, dim1, dim2: diagonal_scatter(g, 0, offset, dim1, dim2),
    src=lambda g, offset, dim1, dim2: diagonal(g, offset, dim1, dim2),
)
