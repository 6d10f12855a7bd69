"""`x[...]` and `x[...] = y`: what a user may write between the brackets, split into a view and index tensors.

Integers, slices, None, `...` and integer tensors of no dimensions make one view; tensors, lists and masks
then pick from that view. NumPy differs in `x[0, :, [1, 2]]`: there the integer counts as an index array; here
it is taken first, as in PyTorch.
"""

from __future__ import annotations

import operator
import warnings
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

import rushlight.creation as creation
import rushlight.dtypes as dtypes

from .arrays.tracing import EAGER
from .autograd import inplace, record
from .autograd.inference import UNTRACKED
from .autograd.mode import grad_on
from .errors import shape_text
from .ops.declare import registry
from .tensor import Tensor, function_of, wrap

ndarray = np.ndarray

_NONE, _ELLIPSIS = type(None), type(Ellipsis)
_FULL = slice(None)


class _OnFirstCall:
    """A function of an op, looked up when it is first called (importing this stays cheap)."""

    def __init__(self, here: str, name: str, find: Callable[[Any], Any] = function_of) -> None:
        self.here, self.name, self.find = here, name, find

    def __call__(self, *args: Any) -> Any:
        function = globals()[self.here] = self.find(registry[self.name])
        return function(*args)


_select, _slice, _index = (_OnFirstCall(f"_{name}", name) for name in ("select", "slice", "index"))
_copy_into = _OnFirstCall("_copy_into", "copy", operator.attrgetter("writer"))
_write_at = _OnFirstCall("_write_at", "index_put", operator.attrgetter("writer"))


def getitem(self: Tensor, index: Any) -> Tensor:
    """A view for integers, slices, None and `...`; a copy for index tensors, lists and masks."""
    c = index.__class__
    try:
        if c is int:
            return _select(self, 0, index)
        if c is Tensor and index._a.ndim:
            return _index(self, (index,))
        key = index if c is tuple else (index,)
        if is_basic(key):
            return _slice(self, key)
        if are_picks(key):
            return _index(self, tuple([i if i.__class__ is Tensor else None for i in key]))
    except (IndexError, ValueError) as e:
        raise explained(e, self, index) from None
    basic, picks = split(self._a.shape, index)
    try:
        view = self if picks and is_whole(basic) else _slice(self, basic)
    except IndexError as e:
        raise explained(e, self, basic) from None
    return _index(view, picks) if picks else view


def is_basic(key: tuple[Any, ...]) -> bool:
    """Whether NumPy takes `key` as it stands and as PyTorch would: integers, plain slices, None, one
    ellipsis.
    """
    ellipses = 0
    for i in key:
        c = i.__class__
        if c is slice:
            if i.step is not None or not (_is_bound(i.start) and _is_bound(i.stop)):
                return False
        elif c is _ELLIPSIS:
            ellipses += 1
        elif c is not int and c is not _NONE:
            return False
    return ellipses < 2


def are_picks(key: tuple[Any, ...]) -> bool:
    """Whether `key` is index tensors with dimensions, and whole slices before them: nothing to split."""
    for i in key:
        c = i.__class__
        if not ((c is Tensor and i._a.ndim) or (c is slice and i.start is i.stop is i.step is None)):
            return False
    return True


def _is_bound(value: Any) -> bool:
    return value is None or value.__class__ is int


def is_whole(key: tuple[Any, ...]) -> bool:
    """Whether a basic index takes everything as it is."""
    return all(i.__class__ is slice and i == _FULL for i in key)


# -- splitting an index --------------------------------------------------------------------------------


def split(shape: tuple[int, ...], index: Any) -> tuple[tuple[Any, ...], tuple[Any, ...]]:
    """`index` as a basic index, and index tensors (or None) for the dimensions of the view that makes.

    The second is empty where there are no index tensors.
    """
    items = [_item(i) for i in as_tuple(index)]
    used = sum(_consumed(i) for i in items)
    if used > len(shape):
        raise too_many(shape, used)
    basic: list[Any] = []
    picks: list[Any] = []
    for i in items:
        c = i.__class__
        if c is _ELLIPSIS:
            basic += [_FULL] * (len(shape) - used)
            picks += [None] * (len(shape) - used)
            used = len(shape)
        elif c is int:
            basic.append(i)
        elif c is bool:
            basic.append(None)
            picks.append(wrap(np.zeros(int(i), np.int64)))
        elif c is Tensor:
            basic += [_FULL] * _consumed(i)
            picks.append(i)
        else:
            basic.append(i)
            picks.append(None)
    while picks and picks[-1] is None:
        picks.pop()
    return tuple(basic), tuple(picks)


def as_tuple(index: Any) -> tuple[Any, ...]:
    """The parts of an index. A list holding lists, tensors or slices means a tuple of them (PyTorch's old
    rule).
    """
    if isinstance(index, tuple):
        return tuple(index)
    if not isinstance(index, list) or len(index) >= 32:
        return (index,)
    if any(isinstance(i, (Tensor, Sequence, ndarray, slice)) or i is None or i is Ellipsis for i in index):
        warnings.warn(
            "Using a non-tuple sequence for multidimensional indexing is deprecated; use x[tuple(seq)] "
            "instead of x[seq]",
            UserWarning,
            stacklevel=4,
        )
        return tuple(index)
    return (index,)


def _item(i: Any) -> Any:
    """One part of an index as an int, a bool, a slice of ints, None, Ellipsis or a Tensor with dimensions (or
    a mask).
    """
    c = i.__class__
    if c is int or c is bool or i is None or i is Ellipsis:
        return i
    if c is slice:
        return _plain_slice(i)
    if isinstance(i, (np.integer, int)):
        return int(i)
    if isinstance(i, str):
        raise TypeError(f"new(): invalid data type 'str': a tensor cannot be indexed by {i!r}")
    if isinstance(i, (ndarray, list, tuple, range)):
        i = _tensor_of(i)
    if not isinstance(i, Tensor):
        raise IndexError(
            "only integers, slices (`:`), ellipsis (`...`), None and long or byte Variables are valid "
            f"indices (got {type(i).__name__})"
        )
    return i if i._a.ndim else _scalar_item(i)


def _scalar_item(i: Tensor) -> Any:
    kind = i._a.dtype.kind
    if kind == "b" or i.dtype is dtypes.uint8:
        return bool(i._a)
    return int(i._a) if kind in "iu" else i  # others are refused by the op, with their type's name


def _tensor_of(i: Any) -> Tensor:
    made = wrap(i) if isinstance(i, ndarray) else creation.tensor(i)
    if not isinstance(i, ndarray) and made.dtype not in (dtypes.int64, dtypes.bool_):
        made = made.to(dtypes.int64)  # a list without integers, such as [], means positions
    return made


def _plain_slice(i: slice) -> slice:
    """A slice with its bounds as ints. Raises ValueError for a step that is not positive."""
    step = 1 if i.step is None else _bound(i.step)
    if step <= 0:
        told = "slice step cannot be zero" if step == 0 else "step must be greater than zero"
        raise ValueError(f"{told}: got step {step}; torch.flip(x, (dim,)) reverses")
    return slice(_bound(i.start), _bound(i.stop), step)


def _bound(value: Any) -> Any:
    if value is None:
        return None
    try:
        return operator.index(value)
    except TypeError as e:
        if isinstance(value, Tensor):
            raise
        raise TypeError("slice indices must be integers or None or have an __index__ method") from e


def _consumed(i: Any) -> int:
    """How many dimensions of the tensor a part of an index speaks for."""
    if i is None or i is Ellipsis or i.__class__ is bool:
        return 0
    if i.__class__ is int or i.__class__ is slice:
        return 1
    return i._a.ndim if i._a.dtype.kind == "b" or i.dtype is dtypes.uint8 else 1


# -- errors --------------------------------------------------------------------------------------------


def too_many(shape: tuple[int, ...], used: int) -> IndexError:
    """The error for an index with more parts than the tensor has dimensions."""
    if not shape:
        return IndexError(
            "invalid index of a 0-dim tensor. Use `tensor.item()` in Python or `tensor.item<T>()` in C++ to "
            "convert a 0-dim tensor to a number"
        )
    return IndexError(
        f"too many indices for tensor of dimension {len(shape)}: {used} for shape {shape_text(shape)}"
    )


def explained(e: Exception, x: Tensor, index: Any) -> Exception:
    """PyTorch's words for a basic index that NumPy refused."""
    shape = x._a.shape
    key = index if isinstance(index, tuple) else (index,)
    if not is_basic(key):
        return e
    used = sum(map(_consumed, key))
    if not shape and slice in map(type, key):
        return IndexError("slice() cannot be applied to a 0-dim tensor.")
    if used > len(shape):
        return too_many(shape, used)
    dim = 0
    for i in key:
        if i.__class__ is int and not -shape[dim] <= i < shape[dim]:
            return IndexError(
                f"index {i} is out of bounds for dimension {dim} with size {shape[dim]}; the tensor's shape "
                f"is {shape_text(shape)}"
            )
        dim += len(shape) - used if i is Ellipsis else _consumed(i)
    return e


# -- assignment ----------------------------------------------------------------------------------------


def assign(self: Tensor, index: Any, value: Any) -> None:
    """self[index] = value: written where `self[index]` reads, in sight of autograd.

    A value is broadcast to the place; through a view it is also converted to the tensor's dtype.
    """
    if value.__class__ is not Tensor:
        value = _value(self, value)
    if index is False:
        return
    if self._n is None and (self._v is not None or self._b is UNTRACKED):
        inplace.guard(self, "__setitem__")
    tracked = grad_on() and (self._n is not None or (isinstance(value, Tensor) and value._n is not None))
    if tracked or self._a.__class__ is not ndarray or not EAGER:
        _assign_recorded(self, index, value)
        return
    key = index if index.__class__ is tuple else (index,)
    picks: tuple[Any, ...] = ()
    if are_picks(key):
        key, picks = (), key
    elif not is_basic(key):
        key, picks = split(self._a.shape, index)
    try:
        place = self._a[key if Ellipsis in key else (*key, ...)]
    except IndexError as e:
        raise explained(e, self, key) from None
    if not place.flags.writeable:
        inplace.check_writable(place, place, "__setitem__")
    values = value._a if isinstance(value, Tensor) else value
    if picks:
        _write_at(place, tuple([p._a if p.__class__ is Tensor else None for p in picks]), values)
    else:
        _copy_into(place, _without_leading_ones(values, place.ndim))
    record.bump(self, "__setitem__")


def _assign_recorded(x: Tensor, index: Any, value: Any) -> None:
    basic, picks = split(x._a.shape, index)
    try:
        place = x if picks and is_whole(basic) else _slice(x, basic)
    except IndexError as e:
        raise explained(e, x, basic) from None
    if picks:
        place.index_put_(picks, value)
    else:
        place.copy_(_without_leading_ones(value, place.ndim))


def _without_leading_ones(value: Any, ndim: int) -> Any:
    """`value` (an array, a Tensor or a number) with at most `ndim` dimensions, if those dropped are of size
    1.
    """
    shape = getattr(value, "shape", ())
    extra = len(shape) - ndim
    return value.reshape(shape[extra:]) if extra > 0 and all(n == 1 for n in shape[:extra]) else value


def _value(x: Tensor, value: Any) -> Any:
    """The right-hand side as a Tensor or a Python number. Raises TypeError for anything else."""
    if isinstance(value, Tensor) or value.__class__ in (int, float, bool, complex):
        return value
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, (int, float, complex)):
        return value
    raise TypeError(
        f"can't assign a {type(value).__name__} to a torch tensor of dtype {x.dtype}; make it a tensor "
        "first, with torch.tensor(...) or torch.from_numpy(...)"
    )
