"""From a list of items to a batch: tensors are stacked, and containers of them rebuilt around the stacks."""

import copy
from collections.abc import Callable, Mapping, MutableMapping, MutableSequence, Sequence
from typing import Any

import numpy as np

from ..creation import as_tensor, tensor
from ..dtypes import float64
from ..ops.declare import registry
from ..tensor import Tensor, function_of

CollateMap = dict[Any, Callable[..., Any]]


def default_collate(batch: Any) -> Any:
    """A batch from a list of items of one kind.

    Tensors are stacked along a new first dimension; NumPy arrays and numbers become tensors (a Python float
    float64); strings and bytes stay a list; dicts, lists, tuples and named tuples hold a batch for each of
    their fields. Raises TypeError for anything else.
    """
    return collate(batch, collate_fn_map=default_collate_fn_map)


def collate(batch: Any, *, collate_fn_map: CollateMap | None = None) -> Any:
    """`default_collate` with a table of your own: {type or tuple of types: function(batch,
    collate_fn_map=...)}.
    """
    first = batch[0]
    function = _function_for(first, collate_fn_map or {})
    if function is not None:
        return function(batch, collate_fn_map=collate_fn_map)

    def together(items: Any) -> Any:
        return collate(items, collate_fn_map=collate_fn_map)

    if isinstance(first, Mapping):
        return rebuilt_mapping(first, {key: together([item[key] for item in batch]) for key in first})
    if isinstance(first, Sequence):
        columns = _columns(batch, is_named=hasattr(first, "_fields"))
        return rebuilt_sequence(first, [together(column) for column in columns])
    raise TypeError(_refusal(type(first)))


def _function_for(item: Any, table: CollateMap) -> Callable[..., Any] | None:
    if type(item) in table:
        return table[type(item)]
    return next((table[kind] for kind in table if isinstance(item, kind)), None)


def _columns(batch: Any, is_named: bool) -> list[tuple[Any, ...]]:
    if not is_named and len({len(item) for item in batch}) > 1:
        raise RuntimeError("each element in list of batch should be of equal size")
    return list(zip(*batch))


def _refusal(kind: Any) -> str:
    return f"default_collate: batch must contain tensors, numpy arrays, numbers, dicts or lists; found {kind}"


def rebuilt_mapping(like: Any, entries: dict[Any, Any]) -> Any:
    """`entries` in a mapping of the kind of `like`; a plain dict where that kind cannot be made this way."""
    try:
        if isinstance(like, MutableMapping):
            clone = copy.copy(like)  # keeps what else the mapping has: a default_factory, say
            clone.update(entries)
            return clone
        return type(like)(entries)
    except TypeError:
        return entries


def rebuilt_sequence(like: Any, values: list[Any]) -> Any:
    """`values` in a sequence of the kind of `like`; a list for a tuple, as in torch, and where
    nothing else fits.
    """
    if isinstance(like, tuple):
        return type(like)(*values) if hasattr(like, "_fields") else values
    try:
        if isinstance(like, MutableSequence):
            clone = copy.copy(like)
            for i, value in enumerate(values):
                clone[i] = value
            return clone
        return type(like)(values)
    except TypeError:
        return values


def collate_tensor_fn(batch: Any, *, collate_fn_map: CollateMap | None = None) -> Tensor:
    """Stack tensors of one shape along a new first dimension."""
    return function_of(registry["stack"])(list(batch), 0)


def collate_numpy_array_fn(batch: Any, *, collate_fn_map: CollateMap | None = None) -> Any:
    """Stack arrays as tensors; TypeError for arrays of strings and objects."""
    if batch[0].dtype.kind in "SUO":
        raise TypeError(_refusal(batch[0].dtype))
    return collate([as_tensor(array) for array in batch], collate_fn_map=collate_fn_map)


def collate_numpy_scalar_fn(batch: Any, *, collate_fn_map: CollateMap | None = None) -> Tensor:
    """NumPy scalars as one tensor of their dtype."""
    return as_tensor(np.asarray(batch))


def collate_float_fn(batch: Any, *, collate_fn_map: CollateMap | None = None) -> Tensor:
    """Python floats as one float64 tensor: nothing is lost."""
    return tensor(batch, dtype=float64)


def collate_int_fn(batch: Any, *, collate_fn_map: CollateMap | None = None) -> Tensor:
    """Python ints (or bools) as one tensor."""
    return tensor(batch)


def collate_str_fn(batch: Any, *, collate_fn_map: CollateMap | None = None) -> Any:
    """Strings stay as they are."""
    return batch


default_collate_fn_map: CollateMap = {
    Tensor: collate_tensor_fn,
    np.ndarray: collate_numpy_array_fn,
    (np.bool_, np.number, np.object_): collate_numpy_scalar_fn,
    float: collate_float_fn,
    int: collate_int_fn,
    str: collate_str_fn,
    bytes: collate_str_fn,
}


def default_convert(data: Any) -> Any:
    """`data` with the NumPy arrays and scalars in it made tensors; strings and everything else
    stay as they are.
    """
    if isinstance(data, Tensor) or isinstance(data, (str, bytes)):
        return data
    if isinstance(data, (np.ndarray, np.generic)):
        return data if isinstance(data, np.ndarray) and data.dtype.kind in "SUO" else as_tensor(data)
    if isinstance(data, Mapping):
        return rebuilt_mapping(data, {key: default_convert(data[key]) for key in data})
    if isinstance(data, Sequence):
        return rebuilt_sequence(data, [default_convert(item) for item in data])
    return data
