"""Writes the pickle of a checkpoint: tensors in torch's own words, all else as Python's pickle does."""

from __future__ import annotations

import collections
import pickle
from typing import Any, NamedTuple

import numpy as np

import rushlight.dtypes as dtypes
from rushlight.device import device
from rushlight.io.adapter import TensorParts, bridge
from rushlight.io.names import CLASS_OF_DTYPE, DTYPE_NAMES, GlobalName, global_name
from rushlight.io.storages import Placement, StorageTable, contiguous_strides

PLAIN = frozenset(
    {str, int, float, bool, type(None), tuple, list, dict, GlobalName}
)  # asked about most often
PROTOCOL = 2  # what torch writes, and what its safe loader reads


class StorageName(NamedTuple):
    """A storage as a pickle names it; `element` is None for an untyped one."""

    key: str
    element: str | None
    count: int


def plain_tensor(parts: TensorParts) -> TensorParts:
    """Return the `.data` of a parameter: what `_rebuild_parameter` wraps."""
    return parts._replace(requires_grad=False, is_parameter=False, attributes=None)


def dtype_name(array: np.ndarray) -> str:
    """Return torch's name of the array's dtype; TypeError where torch has none."""
    if array.dtype.name not in DTYPE_NAMES:
        raise TypeError(f"save: torch has no dtype for {array.dtype}; it has {', '.join(DTYPE_NAMES)}")
    return array.dtype.name


PythonPickler: Any = pickle._Pickler  # it lets a class write names that cannot be imported here


class Pickler(PythonPickler):
    """Pickles to `file`. With `placing` False it only takes note of the arrays it meets, in `table`."""

    def __init__(self, file: Any, table: StorageTable, placing: bool) -> None:
        super().__init__(file, PROTOCOL)
        self.table, self.placing = table, placing
        own = {GlobalName: type(self).save_name, dtypes.dtype: type(self).save_dtype}
        self.dispatch = {**PythonPickler.dispatch, **own}

    def save_name(self, obj: GlobalName) -> None:
        """Write the opcode GLOBAL for a name that need not exist here."""
        self.write(pickle.GLOBAL + f"{obj.module}\n{obj.name}\n".encode())
        self.memoize(obj)

    def save_dtype(self, obj: dtypes.dtype) -> None:
        """Write a dtype as the attribute of torch that it is."""
        self.save(global_name("torch", obj.name))

    def persistent_id(self, obj: Any) -> Any:
        """Return the tuple that names a storage; None for all else."""
        if not isinstance(obj, StorageName):
            return None
        if obj.element is None:
            cls = global_name("torch.storage", "UntypedStorage")
        else:
            cls = global_name("torch", CLASS_OF_DTYPE[obj.element])
        return ("storage", cls, obj.key, "cpu", obj.count)

    def reducer_override(self, obj: Any) -> Any:
        """Say how tensors, parameters, sizes and devices are rebuilt."""
        if type(obj) in PLAIN:
            return NotImplemented
        if isinstance(obj, device):
            return global_name("torch", "device"), (str(obj),)
        if bridge().is_size(obj):
            return global_name("torch", "Size"), (tuple(obj),)
        parts = obj if isinstance(obj, TensorParts) else bridge().parts(obj)
        return NotImplemented if parts is None else self.reduce_tensor(parts)

    def reduce_tensor(self, parts: TensorParts) -> tuple[GlobalName, tuple[Any, ...]]:
        """Return the rebuild function and its arguments."""
        if parts.is_parameter:
            return self.reduce_parameter(parts)
        if parts.attributes:
            func, args = self.reduce_tensor(parts._replace(attributes=None))
            kind = global_name("torch", "Tensor")
            return global_name("torch._tensor", "_rebuild_from_type_v2"), (func, kind, args, parts.attributes)
        if parts.is_meta:
            return self.reduce_meta(parts)
        if not self.placing:
            self.table.see(parts.array)
            return global_name("torch._utils", "_rebuild_tensor_v2"), ()
        return self.reduce_placed(parts, self.table.place(parts.array))

    def reduce_parameter(self, parts: TensorParts) -> tuple[GlobalName, tuple[Any, ...]]:
        """Return how a Parameter is rebuilt from its data."""
        args = (plain_tensor(parts), parts.requires_grad, collections.OrderedDict())
        if parts.attributes:
            return global_name("torch._utils", "_rebuild_parameter_with_state"), (*args, parts.attributes)
        return global_name("torch._utils", "_rebuild_parameter"), args

    def reduce_placed(self, parts: TensorParts, place: Placement) -> tuple[GlobalName, tuple[Any, ...]]:
        """Return how a tensor is rebuilt from its storage."""
        array, name = parts.array, dtype_name(parts.array)
        typed = name in CLASS_OF_DTYPE and not place.mixed
        storage = StorageName(
            place.key, name if typed else None, place.nbytes // (array.itemsize if typed else 1)
        )
        args = (
            storage,
            place.offset,
            array.shape,
            place.strides,
            parts.requires_grad,
            collections.OrderedDict(),
        )
        if typed:
            return global_name("torch._utils", "_rebuild_tensor_v2"), args
        return global_name("torch._utils", "_rebuild_tensor_v3"), (*args, global_name("torch", name))

    def reduce_meta(self, parts: TensorParts) -> tuple[GlobalName, tuple[Any, ...]]:
        """Return how a tensor without data is rebuilt."""
        shape, dtype = tuple(parts.array.shape), global_name("torch", parts.array.dtype.name)
        args = (dtype, shape, contiguous_strides(shape), parts.requires_grad)
        return global_name("torch._utils", "_rebuild_meta_tensor_no_storage"), args
